//! Signs an image in its registry, with a sigstore key (`skopeo copy --sign-by-sigstore-private-key`).

use osbuild_check::Stage;

use super::command::BuildCommand;

/// The program that signs. buildah cannot, and podman from 4.2 on; skopeo signs what is pushed already,
/// whoever built it.
const PROGRAM: &str = "skopeo";
/// The first version of it that signs with such a key.
const OLDEST: (u32, u32) = (1, 9);

/// An image cannot be signed here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The program is not there.
    #[error("{PROGRAM} is not installed, which signs images: install {PROGRAM} 1.9 or a later one")]
    Missing,
    /// The program is too old.
    #[error("{PROGRAM} {0} is too old to sign with a sigstore key: install 1.9 or a later one")]
    TooOld(String),
}

/// Whether the program signs, by what it says to `--version`; an empty text where it is not there.
pub fn can_sign(said: &str) -> Result<(), SignError> {
    let mut words = said.split_whitespace();
    let version = words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let version = version.ok_or(SignError::Missing)?;
    let mut numbers = version
        .split('.')
        .map(|number| number.parse::<u32>().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found < OLDEST {
        return Err(SignError::TooOld(version.to_owned()));
    }
    Ok(())
}

/// What signing needs.
#[derive(Debug, Clone, Copy)]
pub struct SignFiles<'a> {
    /// The private key.
    pub key: &'a str,
    /// A file with its passphrase.
    pub passphrase: &'a str,
    /// A folder with settings that let signatures be written beside images (`registries.d`).
    pub settings: &'a str,
    /// Credentials, where the command line names a file.
    pub authfile: Option<&'a str>,
    /// A folder with certificates of authorities, where the command line names any.
    pub cert_dir: Option<&'a str>,
    /// Whether the image is a list of images: each is signed, and the list.
    pub is_list: bool,
}

/// Signs an image that is in its registry: `image` by digest, `push_spec` is its tag. Nothing but the
/// signature is written.
pub fn sign_command(image: &str, push_spec: &str, files: &SignFiles<'_>) -> BuildCommand {
    let mut arguments = vec![
        format!("--registries.d={}", files.settings),
        "copy".to_owned(),
        "--preserve-digests".to_owned(),
        format!("--sign-by-sigstore-private-key={}", files.key),
        format!("--sign-passphrase-file={}", files.passphrase),
    ];
    arguments.extend(files.authfile.map(|file| format!("--authfile={file}")));
    arguments.extend(files.is_list.then(|| "--all".to_owned()));
    for side in ["src", "dest"] {
        arguments.extend(
            files
                .cert_dir
                .map(|folder| format!("--{side}-cert-dir={folder}")),
        );
    }
    arguments.extend([format!("docker://{image}"), format!("docker://{push_spec}")]);
    BuildCommand {
        stage: Stage::Push,
        program: PROGRAM,
        arguments,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn il_055_who_signs_is_new_enough() {
        assert_eq!(can_sign("skopeo version 1.9.3 commit: x\n"), Ok(()));
        assert_eq!(can_sign("skopeo version 2.0.0"), Ok(()));
        assert_eq!(can_sign(""), Err(SignError::Missing));
        assert_eq!(
            can_sign("skopeo version 1.8.0"),
            Err(SignError::TooOld("1.8.0".to_owned()))
        );
    }

    #[test]
    fn il_055_what_is_signed_is_what_was_pushed() {
        let files = SignFiles {
            key: "cosign.key",
            passphrase: "passphrase",
            settings: "d",
            authfile: Some("auth.json"),
            cert_dir: None,
            is_list: false,
        };
        let command = sign_command("r.io/o/os@sha256:1", "r.io/o/os:t", &files);
        assert_eq!(
            command.to_string(),
            "skopeo --registries.d=d copy --preserve-digests --sign-by-sigstore-private-key=cosign.key \
             --sign-passphrase-file=passphrase --authfile=auth.json docker://r.io/o/os@sha256:1 \
             docker://r.io/o/os:t"
        );
        let list = SignFiles {
            cert_dir: Some("c"),
            is_list: true,
            ..files
        };
        let command = sign_command("i", "p", &list).to_string();
        assert!(
            command.contains(" --all --src-cert-dir=c --dest-cert-dir=c "),
            "{command}"
        );
    }
}
