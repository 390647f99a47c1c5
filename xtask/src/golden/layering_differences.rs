//! Where image layering differs from the reference on purpose: one row for each kind of case, with
//! the rule that demands it. A row whose cases no longer differ fails the tests.

use openshift_model::ImageReference;
use serde_json::Value;

use super::case::Case;
use super::differences::Demand;

/// A deliberate difference.
pub(crate) struct Difference {
    /// The golden operations and data files where it can be.
    pub(crate) of: &'static [&'static str],
    /// Those of them that have such a case; the others may get one.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the tests hold the table to it")
    )]
    pub(crate) seen: &'static [&'static str],
    /// Which of its cases: from the input and what the reference gives for it.
    pub(crate) applies: fn(&Value, &Value) -> bool,
    /// The rule, or where the sentence stands.
    pub(crate) rule: &'static str,
    /// What it demands.
    pub(crate) demands: &'static str,
}

/// Every deliberate difference.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        of: &["mosb_name", "naming/main-naming.json"],
        seen: &["naming/main-naming.json"],
        applies: |input, expect| {
            expect.get("name").is_some()
                && (characters(input, "/machine_os_config/metadata/name") > 24
                    || characters(input, "/machine_config_pool/metadata/name") > 63
                    || characters(input, "/machine_config_pool/spec/configuration/name") > 63)
        },
        rule: "IL-125",
        demands: "a MachineOSConfig has a name of at most 24 characters; MUST check early",
    },
    Difference {
        of: &["build_objects"],
        seen: &[],
        applies: |input, expect| {
            expect.get("error").is_none()
                && characters(input, "/machine_os_build/metadata/name") > 57
        },
        rule: "IL-125",
        demands: "the Job build-<MachineOSBuild> labels its pods with its name: at most 63",
    },
    Difference {
        of: &["containerfile", "build_objects"],
        seen: &["containerfile"],
        applies: |input, _| {
            let text = |pointer: &str| {
                let text = input.pointer(pointer).and_then(Value::as_str);
                text.unwrap_or_default()
            };
            let extensions = text("/machine_config/spec/baseOSExtensionsContainerImage");
            let names = [
                text("/machine_os_build/spec/machineConfig/name"),
                text("/machine_os_config/spec/machineConfigPool/name"),
            ];
            ImageReference::parse(text("/machine_config/spec/osImageURL")).is_err()
                || (!extensions.is_empty() && ImageReference::parse(extensions).is_err())
                || names.iter().any(|name| name.contains(char::is_control))
        },
        rule: "IL-180",
        demands: "nothing that a user types can break out of its place",
    },
    Difference {
        of: &["containerfile", "build_objects"],
        seen: &["containerfile"],
        applies: |input, expect| {
            let spec = |member: &str| input.pointer(&format!("/machine_config/spec/{member}"));
            let extensions = spec("extensions").and_then(Value::as_array);
            let kernel = spec("kernelType").and_then(Value::as_str);
            let wants_packages = extensions.is_some_and(|list| !list.is_empty())
                || matches!(kernel, Some("realtime" | "64k-pages"));
            let image = spec("baseOSExtensionsContainerImage").and_then(Value::as_str);
            wants_packages && image.unwrap_or_default().is_empty() && expect.get("error").is_none()
        },
        rule: "IL-724",
        demands: "extensions or a kernel without an extensions image: fail with a message",
    },
    Difference {
        of: &["containerfile_check", "containerfile", "build_objects"],
        seen: &[],
        applies: |input, _| {
            let content = input["content"]
                .as_str()
                .unwrap_or_else(|| user_content(input));
            content.contains('\0') || content.len() > containerfile_render::LONGEST
        },
        rule: "IL-194",
        demands: "a Containerfile with a NUL byte, 5 MB of text: clear errors",
    },
    Difference {
        of: &["containerfile", "build_objects"],
        seen: &["containerfile"],
        applies: |input, expect| {
            let checked = containerfile_render::CheckFor::default();
            let problem = containerfile_render::check(user_content(input), checked).problem;
            let refused = expect.get("validation_error") == Some(&Value::Bool(true));
            problem.is_some() != refused
        },
        rule: "IL-194",
        demands: "what the builder refuses is refused, and nothing that it takes",
    },
    Difference {
        of: &["containerfile"],
        seen: &["containerfile"],
        applies: |input, expect| {
            let spec = |member: &str| input.pointer(&format!("/machine_config/spec/{member}"));
            let extensions = spec("extensions").and_then(Value::as_array);
            let kernel = spec("kernelType").and_then(Value::as_str);
            let installs_nothing = extensions.is_none_or(Vec::is_empty)
                && !matches!(kernel, Some("realtime" | "64k-pages"));
            let image = spec("baseOSExtensionsContainerImage").and_then(Value::as_str);
            installs_nothing
                && !image.unwrap_or_default().is_empty()
                && expect.get("error").is_none()
        },
        rule: "IL-786",
        demands: "what does nothing is not rendered: no extensions image where nothing is installed",
    },
    Difference {
        of: &["containerfile", "build_objects"],
        seen: &[],
        applies: |_, expect| {
            let message = expect.get("error").and_then(Value::as_str);
            message
                .is_some_and(|message| message.contains("Containerfile validation failed: line "))
        },
        rule: "IL-194",
        demands: "the check of user Containerfiles with line and column: the line in his own text",
    },
    Difference {
        of: &["validation/image-references.json"],
        seen: &["validation/image-references.json"],
        applies: |_, expect| {
            // The reference has two parsers of references. Names and digests of builds go through
            // the newer one, which names the repository and knows IPv6 hosts; ours is that one.
            expect["ParseNamedErr"]
                .as_str()
                .is_some_and(|message| message.ends_with("be lowercase"))
                || expect["In"]
                    .as_str()
                    .is_some_and(|text| text.starts_with('['))
        },
        rule: "IL-123",
        demands: "the error names the repository",
    },
    Difference {
        of: &["validation/secrets.json"],
        seen: &["validation/secrets.json"],
        applies: |_, expect| {
            let message = expect["NormalizeErr"].as_str();
            message.is_some_and(|message| message.starts_with("invalid character"))
        },
        rule: "ARCHITECTURE, invariants",
        demands: "contents of a Secret never reach an error text; the reference quotes a character",
    },
    Difference {
        of: &["state/job-status-mapping.json"],
        seen: &["state/job-status-mapping.json"],
        applies: |input, expect| {
            let conditions = input["Conditions"].as_array();
            expect != "Failed"
                && conditions.is_some_and(|list| list.iter().any(|kind| kind == "Failed"))
        },
        rule: "IL-721",
        demands: "trust the conditions of a Job before its counters",
    },
    Difference {
        of: &["build_objects"],
        seen: &["build_objects"],
        applies: |_, expect| {
            let message = expect
                .get("secrets_error")
                .and_then(Value::as_str)
                .unwrap_or_default();
            message.contains("JSON input") || message.contains("invalid character")
        },
        rule: "ARCHITECTURE, invariants",
        demands: "contents of a Secret never reach an error text; ours says where the JSON breaks",
    },
];

/// What the table demands of a case; nothing where the reference is matched.
pub(crate) fn demand_of(case: &Case, expect: &Value) -> Option<Demand> {
    let row = DIFFERENCES
        .iter()
        .find(|row| row.of.contains(&case.op.as_str()) && (row.applies)(&case.input, expect))?;
    Some(Demand {
        rule: row.rule,
        demands: row.demands,
    })
}

fn characters(input: &Value, pointer: &str) -> usize {
    let text = input.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_default().chars().count()
}

/// The content of the first entry for every architecture.
fn user_content(input: &Value) -> &str {
    let entries = input.pointer("/machine_os_config/spec/containerFile");
    entries
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find(|entry| entry["containerfileArch"] == "NoArch")
        .and_then(|entry| entry["content"].as_str())
        .unwrap_or_default()
}
