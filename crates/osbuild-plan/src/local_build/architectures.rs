//! For which architectures an image is built, on which images, and whether this machine can do it.

use openshift_model::Architecture;

/// An image cannot be built for an architecture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchitectureProblem {
    /// The base image has none for it.
    #[error(
        "the base image is for {}, and the nodes of the pool run on {wanted}; name one that is for \
         {wanted} too with --base{}", .found.join(", "), hint(.found)
    )]
    Base {
        /// The Go names of what it is for.
        found: Vec<String>,
        /// What is wanted.
        wanted: String,
    },
    /// RUN needs a machine that this one is not.
    #[error(
        "this machine is {own} and cannot run programs for {wanted}, and the Containerfile has a RUN: \
         install qemu-user-static, or build on a machine that is {wanted}"
    )]
    Machine {
        /// What this machine is.
        own: String,
        /// What is wanted.
        wanted: String,
    },
}

fn hint(found: &[String]) -> &'static str {
    if found.len() == 1 {
        "; a release has images for several where its payload is `multi`"
    } else {
        ""
    }
}

/// For which architectures an image is built: those of the pool's nodes, and those that somebody names;
/// `x86_64` where nothing is known. The second is what was named and does not count: a single one that
/// no node runs on, most likely a mistake.
pub fn architectures(
    nodes: &[Architecture],
    given: &[Architecture],
) -> (Vec<Architecture>, Option<Architecture>) {
    let ignored = match given {
        [single] if !nodes.is_empty() && !nodes.contains(single) => Some(single.clone()),
        _ => None,
    };
    let named = given
        .iter()
        .filter(|named| Some(*named) != ignored.as_ref());
    let mut found: Vec<Architecture> = nodes.iter().chain(named).cloned().collect();
    if found.is_empty() {
        found.push(Architecture::X86_64);
    }
    found.sort();
    found.dedup();
    (found, ignored)
}

/// The image of the base for each architecture, by digest. `base` is the base image by digest,
/// `instances` what a list has: Go name and digest; empty where the base is no list, but an image for
/// `single`.
pub fn base_images(
    base: &str,
    instances: &[(String, String)],
    single: &str,
    wanted: &[Architecture],
) -> Result<Vec<String>, ArchitectureProblem> {
    let name = base.split('@').next().unwrap_or_default();
    let image = |architecture: &Architecture| {
        let wanted = architecture.go_name();
        let mut found = instances.iter().filter(|(name, _)| name == wanted);
        if let Some((_, digest)) = found.next() {
            return Ok(format!("{name}@{digest}"));
        }
        if instances.is_empty() && single == wanted {
            return Ok(base.to_owned());
        }
        let mut found: Vec<String> = instances.iter().map(|(name, _)| name.clone()).collect();
        if instances.is_empty() {
            found.push(single.to_owned());
        }
        Err(ArchitectureProblem::Base {
            found,
            wanted: wanted.to_owned(),
        })
    };
    wanted.iter().map(image).collect()
}

/// Where the number of a machine stands in the head of an ELF file, in hexadecimal digits.
const MACHINE: std::ops::Range<usize> = 36..40;

/// Whether a kernel runs programs of an architecture with the help of another program, out of one of the
/// files in `/proc/sys/fs/binfmt_misc`.
pub fn can_emulate(entry: &str, architecture: &Architecture) -> bool {
    let machine = match architecture {
        Architecture::Aarch64 => "b700",
        Architecture::Ppc64le => "1500",
        // It stores the higher byte first.
        Architecture::S390x => "0016",
        Architecture::X86_64 => "3e00",
        Architecture::Other(_) => return false,
    };
    let mut lines = entry.lines();
    let is_enabled = lines.next() == Some("enabled");
    let mut magic = lines.filter_map(|line| line.strip_prefix("magic "));
    is_enabled && magic.next().and_then(|magic| magic.get(MACHINE)) == Some(machine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Architecture::{Aarch64, X86_64};

    #[test]
    fn il_702_nodes_say_for_what_an_image_is_built() {
        let check =
            |nodes: &[Architecture], given: &[Architecture], expected: &[Architecture], ignored| {
                let found = architectures(nodes, given);
                assert_eq!(found, (expected.to_vec(), ignored), "{nodes:?} {given:?}");
            };
        check(&[], &[], &[X86_64], None);
        check(&[], &[Aarch64], &[Aarch64], None);
        check(&[X86_64], &[Aarch64], &[X86_64], Some(Aarch64));
        check(&[Aarch64, X86_64], &[], &[Aarch64, X86_64], None);
        check(&[Aarch64, X86_64], &[X86_64], &[Aarch64, X86_64], None);
        check(&[X86_64], &[X86_64, Aarch64], &[Aarch64, X86_64], None);
    }

    #[test]
    fn il_702_the_base_has_an_image_for_each_or_it_is_said() {
        let base = "quay.io/b@sha256:0";
        let list = [("amd64", "sha256:1"), ("arm64", "sha256:2")];
        let list = list.map(|(name, digest)| (name.to_owned(), digest.to_owned()));
        let of = |instances: &[(String, String)], wanted: &[Architecture]| {
            let found = base_images(base, instances, "amd64", wanted);
            found.map_err(|error| error.to_string())
        };
        let both = ["quay.io/b@sha256:2", "quay.io/b@sha256:1"].map(str::to_owned);
        assert_eq!(of(&list, &[Aarch64, X86_64]), Ok(both.to_vec()));
        assert_eq!(of(&[], &[X86_64]), Ok(vec![base.to_owned()]));
        let error = of(&[], &[Aarch64, X86_64]).unwrap_err();
        assert!(error.contains("is for amd64, and"), "{error}");
        assert!(error.contains("run on arm64"), "{error}");
        assert!(error.contains("payload is `multi`"), "{error}");
        let error = of(&list, &[Architecture::S390x]).unwrap_err();
        assert!(error.contains("is for amd64, arm64, and"), "{error}");
    }

    #[test]
    fn il_702_the_kernel_says_what_it_can_run() {
        let entry = "enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OCF\noffset 0\n\
            magic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00\n";
        assert!(can_emulate(entry, &Aarch64));
        assert!(!can_emulate(entry, &X86_64));
        assert!(!can_emulate(
            &entry.replace("enabled", "disabled"),
            &Aarch64
        ));
        let s390x = entry.replace("0200b700", "00020016");
        assert!(can_emulate(&s390x, &Architecture::S390x));
        assert!(!can_emulate("", &Aarch64));
    }
}
