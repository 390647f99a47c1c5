//! The manifest by which krew installs the command as a plugin of kubectl.

use crate::architecture::Architecture;
use crate::program::COMMAND;
use crate::release::Release;
use crate::sums::Sums;

/// `url` is where the archives will be.
pub(crate) fn manifest(
    release: &Release,
    architectures: &[Architecture],
    url: &str,
    sums: &Sums,
) -> String {
    let mut text = format!(
        "apiVersion: krew.googlecontainertools.github.com/v1alpha2\n\
         kind: Plugin\n\
         metadata:\n\
         \x20 name: {name}\n\
         spec:\n\
         \x20 version: v{version}\n\
         \x20 shortDescription: Plan and apply changes of node boot images\n\
         \x20 description: |\n\
         \x20   {summary}.\n\
         \x20 platforms:\n",
        name = COMMAND.name,
        version = release.version,
        summary = COMMAND.summary,
    );
    for architecture in architectures {
        let folder = release.folder(COMMAND.name, *architecture);
        let archive = format!("{folder}.tar.gz");
        let digest = sums.get(&archive).map(String::as_str).unwrap_or_default();
        text.push_str(&format!(
            "\x20 - selector:\n\
             \x20     matchLabels:\n\
             \x20       os: linux\n\
             \x20       arch: {arch}\n\
             \x20   uri: {url}/{archive}\n\
             \x20   sha256: {digest}\n\
             \x20   files:\n\
             \x20   - from: {folder}/osimage\n\
             \x20     to: .\n\
             \x20   - from: {folder}/LICENSE\n\
             \x20     to: .\n\
             \x20   bin: osimage\n",
            arch = architecture.debian(),
            url = url.trim_end_matches('/'),
        ));
    }
    text
}
