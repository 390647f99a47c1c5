//! Inputs of a plan that are no objects: files, and what a person decided on the command line.

use openshift_model::vcenter::TemplateNames;
use openshift_model::{Architecture, Profile};

use crate::{Digest, InputKind, InputObject, Policy};

/// Which release's rules apply.
const PROFILE: &str = "--profile";
/// What the control plane runs on.
const ARCHITECTURE: &str = "--architecture";
/// BI-253: Fedora CoreOS images are the release's, too.
const FEDORA_COREOS: &str = "--fedora-coreos";
/// BI-320: what the release's templates are called.
const TEMPLATE_NAMES: &str = "--template-names";
/// As the installer calls them.
const STOCK: &str = "stock";

/// A file among the inputs of a plan: its base name, and the digest of its bytes.
pub fn file_input(base_name: &str, bytes: &[u8]) -> InputObject {
    InputObject {
        kind: InputKind::File,
        namespace: "".into(),
        name: base_name.to_owned(),
        uid: None,
        resource_version: None,
        digest: Digest::of(bytes),
    }
}

/// What a person decided, as inputs of a plan: one for each flag that is not as it is by default.
/// [`policy_of`] reads them.
pub fn policy_inputs(policy: &Policy) -> Vec<InputObject> {
    let profile = policy.profile.map(|profile| (PROFILE, profile.name()));
    let architecture = policy.control_plane_architecture.as_ref();
    let architecture = architecture.map(|architecture| (ARCHITECTURE, architecture.rpm_name()));
    let fedora_coreos = policy
        .fedora_coreos_is_known
        .then_some((FEDORA_COREOS, "true"));
    let template_names =
        (policy.template_names == TemplateNames::Stock).then_some((TEMPLATE_NAMES, STOCK));
    let flags = [profile, architecture, fedora_coreos, template_names];
    let input = |(flag, value): (&str, &str)| {
        let name = format!("{flag}={value}");
        file_input(&name, name.as_bytes())
    };
    flags.into_iter().flatten().map(input).collect()
}

/// Whether an input is a flag. A file may be called like one: the digest of a flag is that of its own
/// text, that of a file is of what the file holds.
fn is_flag(input: &InputObject) -> bool {
    input.kind == InputKind::File && input.digest == Digest::of(input.name.as_bytes())
}

/// What the person decided who made a plan with these inputs. A flag with a value that nobody could
/// have given counts as not given: the plan is then not the one that this policy leads to.
pub fn policy_of(inputs: &[InputObject]) -> Policy {
    let mut policy = Policy::default();
    let flags = inputs
        .iter()
        .filter(|input| is_flag(input))
        .filter_map(|input| input.name.split_once('='));
    for (flag, value) in flags {
        match flag {
            PROFILE => {
                policy.profile = Profile::from_name(value);
            }
            ARCHITECTURE => {
                policy.control_plane_architecture = Some(Architecture::from_rpm_name(value));
            }
            FEDORA_COREOS => policy.fedora_coreos_is_known = value == "true",
            TEMPLATE_NAMES if value == STOCK => policy.template_names = TemplateNames::Stock,
            _ => {}
        }
    }
    policy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_read_back_from_the_inputs_of_its_plan() {
        let all = Policy {
            profile: Some(Profile::P419),
            control_plane_architecture: Some(Architecture::Aarch64),
            fedora_coreos_is_known: true,
            template_names: TemplateNames::Stock,
            ..Policy::default()
        };
        for (policy, names) in [
            (Policy::default(), &[][..]),
            (
                all,
                &[
                    "--profile=4.19",
                    "--architecture=aarch64",
                    "--fedora-coreos=true",
                    "--template-names=stock",
                ],
            ),
        ] {
            let inputs = policy_inputs(&policy);
            let found: Vec<_> = inputs.iter().map(|input| input.name.as_str()).collect();
            assert_eq!(found, names);
            assert_eq!(policy_of(&inputs), policy);
        }
        let wrong = [
            file_input("--profile=9.99", b"--profile=9.99"),
            file_input("--template-names=mine", b"--template-names=mine"),
            // A file that was named like a flag.
            file_input("--profile=4.19", b"{}"),
            file_input("rhcos.json", b"{}"),
        ];
        assert_eq!(policy_of(&wrong), Policy::default());
    }
}
