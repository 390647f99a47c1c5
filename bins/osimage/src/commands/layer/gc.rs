//! `osimage layer gc`: images that nothing needs any more are deleted from their registries.

use std::collections::{BTreeMap, BTreeSet};

use cluster_io::registry::Registry;
use osbuild_check::{ImageError, Meaning, classify};
use osbuild_plan::{
    ImageFact, ImageVerdict, LayerRetention, RetentionReason, StoredImage, repositories, retention,
};

use super::access::Access;
use super::{BuildError, Objects, of_cluster_or_files};
use crate::cli::{GcArgs, LayerFormat};
use crate::commands::{note, print_shown, print_text, tell, warn};
use crate::error::CommandError;
use crate::render::document;
use crate::{exit, live};

pub(super) fn run(args: &GcArgs) -> Result<u8, CommandError> {
    if !args.dry_run && !args.input.files.is_empty() {
        return Err(CommandError::Usage(
            "files say what was in use when they were written: leave -f out, or add --dry-run"
                .to_owned(),
        ));
    }
    let texts = of_cluster_or_files(&args.input, &args.cluster)?;
    let objects = Objects::of(&texts);
    if !objects.errors.is_empty() {
        return Ok(exit::INVALID_INPUT);
    }
    let repositories = chosen(args, &objects)?;
    let names: Vec<&str> = repositories.iter().map(String::as_str).collect();
    let access = Access::of(&args.registry, &names)?;
    let listed = live::block_on(list(&access, &names))??;
    // Asking about each tag takes a while, in which nodes may have been told to run another image.
    let texts = of_cluster_or_files(&args.input, &args.cluster)?;
    let objects = Objects::of(&texts);
    if !objects.errors.is_empty() {
        return Ok(exit::INVALID_INPUT);
    }
    let found = retention(&listed.images, &objects.snapshot.cluster(), args.keep);
    match args.output {
        LayerFormat::Text => print_shown(|out| out.write_all(text(&found).as_bytes()))?,
        LayerFormat::Json => print_text(&document::json(&found)?)?,
        LayerFormat::Yaml => print_text(&document::yaml(&found)?)?,
    }
    if args.dry_run {
        note("nothing was deleted");
        return Ok(listed.code);
    }
    let code = live::block_on(delete(&access, &listed, &found))??;
    Ok(listed.code.max(code))
}

/// The repositories that the command line names, else those that the cluster pushes to.
fn chosen(args: &GcArgs, objects: &Objects<'_>) -> Result<BTreeSet<String>, CommandError> {
    if args.repository.is_empty() {
        let found = repositories(&objects.snapshot.cluster());
        if found.is_empty() {
            return Err(CommandError::Invalid(
                "neither a MachineOSConfig nor a MachineConfig of osimage says where images are pushed to: \
                 name a repository with --repository"
                    .to_owned(),
            ));
        }
        return Ok(found);
    }
    let names = args.repository.iter();
    let checked = names.map(
        |name| match openshift_model::ImageReference::parse_canonical(name) {
            Ok(reference) if reference.tag().is_none() && reference.digest().is_none() => {
                Ok(name.clone())
            }
            Ok(_) => Err(CommandError::Usage(format!(
                "--repository {name:?} names one image: leave its tag or digest out"
            ))),
            Err(error) => Err(CommandError::Usage(format!(
                "--repository {name:?}: {error}: {}",
                error.hint()
            ))),
        },
    );
    checked.collect()
}

/// What is in the repositories.
struct Listed {
    images: Vec<StoredImage>,
    /// Tags that say something about an image: signatures, lists of packages; by repository and digest.
    attached: BTreeMap<(String, String), Vec<String>>,
    /// Not [`exit::OK`] where an image could not be looked at.
    code: u8,
}

async fn list(access: &Access, repositories: &[&str]) -> Result<Listed, CommandError> {
    let registry = access.registry()?;
    let mut listed = Listed {
        images: Vec::new(),
        attached: BTreeMap::new(),
        code: exit::OK,
    };
    for repository in repositories {
        let tags = match registry.tags(repository).await {
            Ok(tags) => tags,
            // Nothing was pushed there yet.
            Err(error) if classify(&error) == Meaning::NotFound => Vec::new(),
            Err(error) => return Err(failed(error)),
        };
        let mut images: BTreeMap<String, StoredImage> = BTreeMap::new();
        for tag in tags {
            if let Some(digest) = subject(&tag) {
                let of = ((*repository).to_owned(), digest);
                listed.attached.entry(of).or_default().push(tag);
                continue;
            }
            match registry.inspect(&format!("{repository}:{tag}")).await {
                Ok(found) => {
                    let image = images.entry(found.digest.clone()).or_default();
                    image.tags.push(tag);
                    (*repository).clone_into(&mut image.repository);
                    image.digest = found.digest;
                    image.parts = found.parts.into_iter().map(|part| part.digest).collect();
                    image.labels = found.labels;
                    image.created = found.created;
                }
                Err(error) if classify(&error) == Meaning::NotFound => {}
                Err(error) => {
                    warn(format_args!("{error}: it stays"));
                    listed.code = exit::REGISTRY_UNREACHABLE;
                }
            }
        }
        listed.images.extend(images.into_values());
    }
    Ok(listed)
}

/// The digest of the image that a tag such as `sha256-….sig` says something about.
fn subject(tag: &str) -> Option<String> {
    const DIGITS: usize = 64;
    let hex = tag.strip_prefix("sha256-")?;
    let (hex, end) = hex.split_at_checked(DIGITS)?;
    let is_hex = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hex && (end.is_empty() || end.starts_with('.'))).then(|| format!("sha256:{hex}"))
}

fn failed(error: ImageError) -> CommandError {
    BuildError::Registry {
        what: "repository",
        error,
    }
    .into()
}

/// Deletes what may go; the exit code.
async fn delete(
    access: &Access,
    listed: &Listed,
    found: &LayerRetention,
) -> Result<u8, CommandError> {
    let registry = access.registry()?;
    let goes: BTreeSet<&str> = found
        .items
        .iter()
        .filter(|item| item.deleted)
        .map(|item| item.image.as_str())
        .collect();
    let name = |image: &StoredImage, digest: &str| format!("{}@{digest}", image.repository);
    let (gone, kept): (Vec<&StoredImage>, Vec<&StoredImage>) = listed
        .images
        .iter()
        .partition(|image| goes.contains(name(image, &image.digest).as_str()));
    // A list that stays may have an image of one that goes.
    let needed: BTreeSet<String> = kept
        .iter()
        .flat_map(|image| image.parts.iter().map(|part| name(image, part)))
        .chain(kept.iter().map(|image| name(image, &image.digest)))
        .collect();
    let mut refusing: BTreeSet<&str> = BTreeSet::new();
    let (mut deleted, mut left, mut code) = (0, 0, exit::OK);
    for image in gone {
        let host = image.repository.split('/').next().unwrap_or_default();
        if refusing.contains(host) {
            left += 1;
            continue;
        }
        match delete_one(&registry, &name(image, &image.digest)).await {
            Deletion::Done => deleted += 1,
            Deletion::Refused(why) => {
                refusing.insert(host);
                left += 1;
                code = code.max(exit::REGISTRY_REFUSED);
                warn(format_args!(
                    "registry {host} deletes nothing for these credentials ({why}): its images stay"
                ));
                continue;
            }
            Deletion::Failed(why) => {
                left += 1;
                code = code.max(exit::REGISTRY_UNREACHABLE);
                warn(why);
                continue;
            }
        }
        let of = (image.repository.clone(), image.digest.clone());
        let tags = listed.attached.get(&of).into_iter().flatten();
        let attached = tags.map(|tag| format!("{}:{tag}", image.repository));
        // One that could not be looked at may need them too.
        let is_whole = listed.code == exit::OK;
        let parts = image.parts.iter().filter(|_| is_whole);
        let parts = parts.map(|part| name(image, part));
        for other in parts.filter(|part| !needed.contains(part)).chain(attached) {
            if let Deletion::Failed(why) | Deletion::Refused(why) =
                delete_one(&registry, &other).await
            {
                warn(format_args!("{other}: {why}"));
            }
        }
    }
    tell(&format!("{deleted} deleted, {left} could not be deleted"));
    if deleted > 0 {
        note("a registry of your own frees the room once its garbage is collected");
    }
    Ok(code)
}

/// What became of an image.
enum Deletion {
    Done,
    /// IL-736: it will never be deleted there.
    Refused(String),
    Failed(String),
}

async fn delete_one(registry: &Registry, image: &str) -> Deletion {
    match ImageFact::of_deletion(registry.delete(image).await) {
        ImageFact::NotFound | ImageFact::Found { .. } => Deletion::Done,
        ImageFact::Undeletable(why) => Deletion::Refused(why),
        ImageFact::Unknown(why) => Deletion::Failed(why),
    }
}

fn text(found: &LayerRetention) -> String {
    if found.items.is_empty() {
        return "there are no images\n".to_owned();
    }
    let mut text = String::new();
    for item in &found.items {
        text.push_str(&line(item));
    }
    text
}

fn line(item: &ImageVerdict) -> String {
    let what = if item.deleted { "delete" } else { "keep" };
    let made = item.made.as_deref().unwrap_or("age not known");
    let mut why = item.reason.sentence().to_owned();
    if item.reason == RetentionReason::Named {
        why = format!("{why}: {}", item.named_by.join(", "));
    }
    let tags = item.tags.join(", ");
    format!("{what:<6} {}\n       {tags}; {made}; {why}\n", item.image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn il_707_what_is_attached_to_an_image_is_no_image() {
        let hex = "0".repeat(64);
        let digest = Some(format!("sha256:{hex}"));
        assert_eq!(subject(&format!("sha256-{hex}")), digest);
        assert_eq!(subject(&format!("sha256-{hex}.sig")), digest);
        for tag in ["latest", "sha256-0", &format!("sha256-{hex}0")] {
            assert_eq!(subject(tag), None, "{tag}");
        }
    }
}
