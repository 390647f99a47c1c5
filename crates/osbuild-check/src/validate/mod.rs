//! What the API server would say about an object (IL-008 … IL-017), without a server.

mod error;
mod kinds;
mod schema;
mod walk;

use serde_json::Value;

pub use error::{FieldError, FieldProblem};
pub(crate) use kinds::LONGEST_CONTENT;
pub use schema::{is_image_digest, is_image_name, is_image_tag};

use schema::Shape;
use walk::{push, walk};

/// Checks a MachineOSConfig, v1 or v1alpha1 by its `apiVersion`, as the API server does when it is
/// created, or where `old` is given, updated. Unknown members are dropped by the server and are no
/// error.
pub fn validate_machine_os_config(new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    if is_alpha(new) {
        return fields(new, &kinds::ALPHA_MACHINE_OS_CONFIG);
    }
    let mut errors = fields(new, &kinds::MACHINE_OS_CONFIG);
    if errors.is_empty() {
        name_is_pool(new, old, &mut errors);
        if let Some(old) = old {
            generation_grows(new, old, &mut errors);
        }
    }
    errors
}

/// Checks a MachineOSBuild as the API server does.
pub fn validate_machine_os_build(new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    if is_alpha(new) {
        return fields(new, &kinds::ALPHA_MACHINE_OS_BUILD);
    }
    let mut errors = fields(new, &kinds::MACHINE_OS_BUILD);
    if errors.is_empty() {
        builder_has_job(new, &mut errors);
        end_follows_start(new, &mut errors);
        if let Some(old) = old {
            stays(new, old, &mut errors);
        }
    }
    errors
}

fn is_alpha(object: &Value) -> bool {
    object.get("apiVersion").and_then(Value::as_str) == Some(openshift_model::V1ALPHA1)
}

fn fields(object: &Value, shape: &Shape) -> Vec<FieldError> {
    let mut errors = Vec::new();
    walk(object, shape, "", &mut errors);
    errors
}

/// A value at a JSON pointer; `null` is absent.
fn at<'a>(object: &'a Value, pointer: &str) -> Option<&'a Value> {
    object.pointer(pointer).filter(|value| !value.is_null())
}

fn broken(errors: &mut Vec<FieldError>, path: &str, value: &str, message: &'static str) {
    let value = value.to_owned();
    push(errors, path, FieldProblem::Rule { value, message });
}

/// IL-012: on creation the name is the pool's; on an update the pool may stay as it was.
fn name_is_pool(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let pool = at(new, "/spec/machineConfigPool/name");
    let is_kept = at(new, "/metadata/name") == pool
        || old.is_some_and(|old| at(old, "/spec/machineConfigPool/name") == pool);
    if !is_kept {
        broken(
            errors,
            "<nil>",
            "object",
            "MachineOSConfig name must match the referenced MachineConfigPool name; can only have \
             one MachineOSConfig per MachineConfigPool",
        );
    }
}

fn generation_grows(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let generation = |object| at(object, "/status/observedGeneration").and_then(Value::as_i64);
    if let (Some(before), Some(after)) = (generation(old), generation(new))
        && after < before
    {
        let path = "status.observedGeneration";
        broken(
            errors,
            path,
            "integer",
            "observedGeneration must not move backwards",
        );
    }
}

/// IL-016
fn builder_has_job(object: &Value, errors: &mut Vec<FieldError>) {
    if at(object, "/status/builder").is_some() && at(object, "/status/builder/job").is_none() {
        broken(
            errors,
            "status.builder",
            "object",
            "job is required when imageBuilderType is Job, and forbidden otherwise",
        );
    }
}

/// IL-014: times in UTC compare as text.
fn end_follows_start(object: &Value, errors: &mut Vec<FieldError>) {
    let time = |pointer| at(object, pointer).and_then(Value::as_str);
    let Some(end) = time("/status/buildEnd") else {
        return;
    };
    if time("/status/buildStart").is_none_or(|start| start >= end) {
        broken(
            errors,
            "status",
            "object",
            "buildEnd must be after buildStart",
        );
    }
}

/// IL-015 and §1.3: what cannot change once it is there.
fn stays(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    if at(new, "/spec") != at(old, "/spec") {
        broken(
            errors,
            "spec",
            "object",
            "machineOSBuildSpec is immutable once set",
        );
    }
    for (member, message) in [
        ("buildStart", "buildStart is immutable once set"),
        ("buildEnd", "buildEnd is immutable once set"),
    ] {
        let pointer = format!("/status/{member}");
        let (before, after) = (at(old, &pointer), at(new, &pointer));
        if before.is_some() && after.is_some() && before != after {
            broken(errors, &format!("status.{member}"), "string", message);
        }
    }
    let conditions = |object| at(object, "/status/conditions");
    if conditions(old) == conditions(new) || conditions(new).is_none() {
        return;
    }
    for (state, message) in [
        (
            "Failed",
            "once a Failed condition is set, conditions are immutable",
        ),
        (
            "Interrupted",
            "once an Interrupted condition is set, conditions are immutable",
        ),
        (
            "Succeeded",
            "once an Succeeded condition is set, conditions are immutable",
        ),
    ] {
        let frozen = conditions(old)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let mut frozen = frozen.filter(|condition| condition["type"] == state);
        if frozen.any(|condition| condition["status"] == "True") {
            broken(errors, "status.conditions", "array", message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config() -> Value {
        json!({"apiVersion": openshift_model::V1, "kind": "MachineOSConfig",
            "metadata": {"name": "layered"}, "spec": {
                "machineConfigPool": {"name": "layered"},
                "imageBuilder": {"imageBuilderType": "Job"},
                "renderedImagePushSecret": {"name": "push"},
                "renderedImagePushSpec": "quay.io/org/os:latest"}})
    }

    fn build() -> Value {
        json!({"apiVersion": openshift_model::V1, "kind": "MachineOSBuild",
            "metadata": {"name": "layered-1"}, "spec": {
                "machineConfig": {"name": "rendered-layered-1"},
                "machineOSConfig": {"name": "layered"},
                "renderedImagePushSpec": "quay.io/org/os:layered-1"},
            "status": {"buildStart": "2026-01-01T00:00:00Z"}})
    }

    fn with(mut object: Value, pointer: &str, value: Value) -> Value {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(parent).unwrap()[key] = value;
        object
    }

    fn texts(errors: &[FieldError]) -> Vec<String> {
        errors.iter().map(ToString::to_string).collect()
    }

    /// Checks the errors of a MachineOSConfig with one member changed.
    fn check(pointer: &str, value: Value, expected: &[&str]) {
        let errors = validate_machine_os_config(&with(config(), pointer, value), None);
        assert_eq!(texts(&errors), expected, "{pointer}");
    }

    #[test]
    fn il_473_a_minimal_object_is_accepted() {
        assert!(validate_machine_os_config(&config(), None).is_empty());
        assert!(validate_machine_os_build(&build(), None).is_empty());
    }

    #[test]
    fn il_010_push_specs_are_checked_and_the_place_is_named() {
        let message = "the OCI Image name should follow the host[:port][/namespace]/name format, \
            resembling a valid URL without the scheme. Or it must be a valid .svc followed by a \
            port, repository, image name, and tag.";
        let expected =
            format!("spec.renderedImagePushSpec: Invalid value: \"https://a.b/c:d\": {message}");
        check(
            "/spec/renderedImagePushSpec",
            json!("https://a.b/c:d"),
            &[&expected],
        );
        let object = with(
            config(),
            "/spec/renderedImagePushSpec",
            json!("https://a.b/c:d"),
        );
        let errors = validate_machine_os_config(&object, None);
        assert!(
            errors
                .first()
                .unwrap()
                .hint()
                .unwrap()
                .starts_with("at character 7")
        );
        check(
            "/spec/renderedImagePushSpec",
            json!(""),
            &["spec.renderedImagePushSpec: Invalid value: \"\": should be at least 1 chars long"],
        );
    }

    #[test]
    fn il_012_the_name_is_the_pool_unless_it_never_was() {
        let other = with(config(), "/metadata/name", json!("other"));
        let errors = validate_machine_os_config(&other, None);
        assert!(
            texts(&errors)
                .concat()
                .contains("must match the referenced MachineConfigPool")
        );
        assert!(validate_machine_os_config(&other, Some(&other)).is_empty());
    }

    #[test]
    fn il_473_lists_words_and_lengths_are_checked() {
        check(
            "/spec/imageBuilder",
            json!({"imageBuilderType": "X"}),
            &[
                "spec.imageBuilder.imageBuilderType: Unsupported value: \"X\": supported values: \
               \"Job\"",
            ],
        );
        check(
            "/spec/imageBuilder",
            json!(null),
            &["spec.imageBuilder: Required value"],
        );
        check(
            "/spec/imageBuilder",
            json!("Job"),
            &["spec.imageBuilder: Invalid value: \"string\": must be of type object: \"string\""],
        );
        check(
            "/spec/containerFile",
            json!([{"content": "a".repeat(4097)}]),
            &["spec.containerFile[0].content: Too long: may not be more than 4096 bytes"],
        );
        check(
            "/spec/containerFile",
            json!([{"content": ""}, {"content": "", "containerfileArch": "NoArch"}]),
            &[
                "spec.containerFile[1]: Duplicate value: map[string]interface {}\
               {\"containerfileArch\":\"NoArch\"}",
            ],
        );
        let five: Vec<Value> = (0..5).map(|_| json!({"content": ""})).collect();
        let object = with(config(), "/spec/containerFile", json!(five));
        let errors = texts(&validate_machine_os_config(&object, None));
        assert_eq!(
            errors[0],
            "spec.containerFile: Too many: 5: must have at most 4 items"
        );
        check(
            "/spec/renderedImagePushSecret",
            json!({"name": "Push_Secret"}),
            &[
                "spec.renderedImagePushSecret.name: Invalid value: \"Push_Secret\": a lowercase RFC \
               1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
               must start and end with an alphanumeric character.",
            ],
        );
    }

    #[test]
    fn il_017_v1alpha1_has_its_own_shape() {
        let object = json!({"apiVersion": openshift_model::V1ALPHA1, "kind": "MachineOSConfig",
            "metadata": {"name": "any"}, "spec": {"machineConfigPool": {"name": "Layered"},
            "buildInputs": {"baseImagePullSecret": {"name": "a"}, "imageBuilder": {},
                "renderedImagePushSecret": {"name": "b"}, "renderedImagePushspec": "q.io:1/a:b"}}});
        let errors = validate_machine_os_config(&object, None);
        let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(paths, ["spec.buildInputs.renderedImagePushspec"]);
        let build = json!({"apiVersion": openshift_model::V1ALPHA1, "spec": {"version": 0,
            "configGeneration": 1, "desiredConfig": {"name": "a"},
            "machineOSConfig": {"name": "a"}, "renderedImagePushspec": "q.io/a:b"}});
        assert_eq!(
            texts(&validate_machine_os_build(&build, None)),
            ["spec.version: Invalid value: 0: should be greater than or equal to 1"]
        );
    }

    #[test]
    fn il_014_il_016_statuses_are_checked() {
        let check = |pointer: &str, value: Value, expected: &str| {
            let errors = validate_machine_os_build(&with(build(), pointer, value), None);
            assert_eq!(
                texts(&errors).first().map(String::as_str),
                Some(expected),
                "{pointer}"
            );
        };
        check(
            "/status/buildEnd",
            json!("2026-01-01T00:00:00Z"),
            "status: Invalid value: \"object\": buildEnd must be after buildStart",
        );
        check(
            "/status/builder",
            json!({"imageBuilderType": "Job"}),
            "status.builder: Invalid value: \"object\": job is required when imageBuilderType is \
             Job, and forbidden otherwise",
        );
        check(
            "/spec/machineConfig/name",
            json!("rendered"),
            "spec.machineConfig.name: Invalid value: \"rendered\": should be at least 10 chars long",
        );
        check(
            "/status/digestedImagePushSpec",
            json!("quay.io/a"),
            "status.digestedImagePushSpec: Invalid value: \"quay.io/a\": the OCI Image reference \
             must end with a valid '@sha256:<digest>' suffix, where '<digest>' is 64 characters \
             long",
        );
    }

    #[test]
    fn il_015_what_is_final_stays() {
        let condition = |status: &str| {
            json!([{"type": "Failed", "status": status, "reason": "Failed", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z"}])
        };
        let old = with(build(), "/status/conditions", condition("True"));
        let new = with(build(), "/status/conditions", condition("False"));
        let errors = validate_machine_os_build(&new, Some(&old));
        assert_eq!(
            texts(&errors),
            [
                "status.conditions: Invalid value: \"array\": once a Failed condition is set, \
              conditions are immutable"
            ]
        );
        assert!(validate_machine_os_build(&old, Some(&old)).is_empty());
        let moved = with(build(), "/status/buildStart", json!("2026-01-01T00:00:01Z"));
        assert_eq!(
            texts(&validate_machine_os_build(&moved, Some(&build()))).len(),
            1
        );
        let changed = with(
            build(),
            "/spec/machineConfig",
            json!({"name": "rendered-layered-2"}),
        );
        let errors = texts(&validate_machine_os_build(&changed, Some(&build())));
        assert!(
            errors
                .concat()
                .contains("machineOSBuildSpec is immutable once set")
        );
    }
}
