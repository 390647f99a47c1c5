//! What keeps a machine resource from being looked at by any platform (BI-153 … BI-166).

use openshift_model::names::{DEFAULT_OS_STREAM, OS_ID_LABEL, OS_ID_WINDOWS, OS_STREAM_LABEL};
use openshift_model::{Kind, MachineResource, Profile, Step, Trace};

use crate::Skip;

/// BI-153: what an owner reference leads to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// BI-153: under 4.17 an owned MachineSet is an error.
    #[error(
        "unexpected OwnerReference: {kind}/{name}. Please remove this machineset from boot image \
         management to avoid errors"
    )]
    OwnerReference {
        /// Kind of the first owner.
        kind: String,
        /// Its name.
        name: String,
    },
}

/// Why a guard stopped a machine resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// The machine resource is left alone.
    Skip(Skip),
    /// The machine resource is reported as an error.
    Error(GuardError),
}

const OWNED: &str = "Does another object own it?";
const STREAM: &str = "Does it ask for another OS stream than the default one?";
const WINDOWS: &str = "Does it make Windows machines?";
const DELETED: &str = "Is it being deleted?";
const CLUSTER_API: &str = "Is it managed through the Cluster API?";

/// Looks at everything that makes a machine resource none of our business, in the order of the
/// rules: owner references (BI-153, BI-166), OS stream (BI-154), Windows (BI-155), being deleted
/// and Cluster API (BI-163).
pub fn guard<T: Trace>(
    resource: &MachineResource<'_>,
    profile: Profile,
    trace: &mut T,
) -> Result<(), Stopped> {
    owner(resource, profile, trace)?;
    os_stream(resource, trace).map_err(Stopped::Skip)?;
    windows(resource, trace).map_err(Stopped::Skip)?;
    being_deleted(resource, trace).map_err(Stopped::Skip)?;
    cluster_api(resource, trace).map_err(Stopped::Skip)
}

fn is_control_plane(resource: &MachineResource<'_>) -> bool {
    resource.kind == Kind::ControlPlaneMachineSet
}

/// BI-153, BI-166: an owned resource is its owner's business.
fn owner<T: Trace>(
    resource: &MachineResource<'_>,
    profile: Profile,
    trace: &mut T,
) -> Result<(), Stopped> {
    let rule = if is_control_plane(resource) {
        "BI-166"
    } else {
        "BI-153"
    };
    let pointer = "/metadata/ownerReferences";
    let Some(first) = resource
        .meta
        .owner_references
        .as_ref()
        .and_then(|all| all.first())
    else {
        trace.step(|| Step::passed(rule, OWNED, "it has no owner").saw(pointer, None));
        return Ok(());
    };
    let first = first.clone().unwrap_or_default();
    let kind = first.kind.unwrap_or_default().into_string();
    let name = first.name.unwrap_or_default().into_string();
    trace.step(|| {
        let owner = format!("{kind}/{name}");
        Step::decided(rule, OWNED, format!("{owner} owns it")).saw(pointer, Some(&owner))
    });
    if profile == Profile::P417 && !is_control_plane(resource) {
        return Err(Stopped::Error(GuardError::OwnerReference { kind, name }));
    }
    Err(Stopped::Skip(Skip::OwnerReference { kind, name }))
}

/// BI-154, BI-166: the default stream document serves one OS stream.
fn os_stream<T: Trace>(resource: &MachineResource<'_>, trace: &mut T) -> Result<(), Skip> {
    let label = resource.meta.label(OS_STREAM_LABEL);
    let pointer = "/metadata/labels/machineconfiguration.openshift.io~1osstream";
    match label {
        None | Some(DEFAULT_OS_STREAM) => {
            trace.step(|| Step::passed("BI-154", STREAM, "it does not").saw(pointer, label));
            Ok(())
        }
        Some(other) => {
            trace.step(|| Step::decided("BI-154", STREAM, "it does").saw(pointer, label));
            Err(Skip::UnsupportedStream {
                stream: other.to_owned(),
            })
        }
    }
}

/// BI-155, BI-166: Windows machines do not boot CoreOS.
fn windows<T: Trace>(resource: &MachineResource<'_>, trace: &mut T) -> Result<(), Skip> {
    let (rule, pointer) = if is_control_plane(resource) {
        (
            "BI-166",
            "/spec/template/machines_v1beta1_machine_openshift_io/spec/metadata/labels/\
             machine.openshift.io~1os-id",
        )
    } else {
        (
            "BI-155",
            "/spec/template/metadata/labels/machine.openshift.io~1os-id",
        )
    };
    let label = resource.os_labels.get(OS_ID_LABEL);
    if label == Some(OS_ID_WINDOWS) {
        trace.step(|| Step::decided(rule, WINDOWS, "it does").saw(pointer, label));
        return Err(Skip::Windows);
    }
    trace.step(|| Step::passed(rule, WINDOWS, "it does not").saw(pointer, label));
    Ok(())
}

/// BI-163: what is going away needs no new image.
fn being_deleted<T: Trace>(resource: &MachineResource<'_>, trace: &mut T) -> Result<(), Skip> {
    let timestamp = resource.meta.deletion_timestamp.as_deref();
    let pointer = "/metadata/deletionTimestamp";
    if timestamp.is_some() {
        trace.step(|| Step::decided("BI-163", DELETED, "it is").saw(pointer, timestamp));
        return Err(Skip::BeingDeleted);
    }
    trace.step(|| Step::passed("BI-163", DELETED, "it is not").saw(pointer, None));
    Ok(())
}

/// BI-163: a migrated set is a copy; the Cluster API's object is the one that counts.
fn cluster_api<T: Trace>(resource: &MachineResource<'_>, trace: &mut T) -> Result<(), Skip> {
    let authority = resource.authoritative_api.as_deref();
    let pointer = "authoritativeAPI of status, or else of spec";
    if authority == Some("ClusterAPI") {
        trace.step(|| Step::decided("BI-163", CLUSTER_API, "it is").saw(pointer, authority));
        return Err(Skip::ClusterApi);
    }
    trace.step(|| Step::passed("BI-163", CLUSTER_API, "it is not").saw(pointer, authority));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::{NoTrace, RawObject};
    use serde_json::{Value, json};

    fn stopped(object: &Value, profile: Profile) -> (Result<(), Stopped>, Vec<Step>) {
        let text = object.to_string();
        let object = RawObject::parse(&text).unwrap().unwrap();
        let resource = MachineResource::read(&object).unwrap();
        let mut steps = Vec::new();
        let found = guard(&resource, profile, &mut steps);
        assert_eq!(found, guard(&resource, profile, &mut NoTrace));
        (found, steps)
    }

    fn machine_set(metadata: Value, rest: Value) -> Value {
        let mut object =
            json!({"apiVersion": "machine.openshift.io/v1beta1", "kind": "MachineSet"});
        object["metadata"] = metadata;
        if let Value::Object(rest) = rest {
            object.as_object_mut().unwrap().extend(rest);
        }
        object
    }

    fn check(object: &Value, expected: Option<Skip>, steps: usize) {
        let (found, trace) = stopped(object, Profile::P422);
        assert_eq!(found.err(), expected.map(Stopped::Skip), "{object}");
        assert_eq!(trace.len(), steps, "{object}");
        assert!(
            trace[..trace.len() - 1].iter().all(|step| step.passed),
            "{object}"
        );
    }

    #[test]
    fn bi_150_bi_153_bi_154_bi_155_bi_163_guards_stop_in_the_order_of_the_rules() {
        let owner =
            json!([{"kind": "MachineDeployment", "name": "md"}, {"kind": "X", "name": "x"}]);
        let skip_owned = Skip::OwnerReference {
            kind: "MachineDeployment".into(),
            name: "md".into(),
        };
        let osstream = |value: &str| json!({"machineconfiguration.openshift.io/osstream": value});
        let windows = json!({"spec": {"template": {"metadata": {"labels":
            {"machine.openshift.io/os-id": "Windows"}}}}});
        check(&machine_set(json!({}), json!({})), None, 5);
        // BI-153
        check(
            &machine_set(json!({"ownerReferences": owner}), json!({})),
            Some(skip_owned.clone()),
            1,
        );
        check(
            &machine_set(
                json!({"ownerReferences": owner, "labels": osstream("rhel-10")}),
                windows.clone(),
            ),
            Some(skip_owned),
            1,
        );
        check(
            &machine_set(json!({"ownerReferences": []}), json!({})),
            None,
            5,
        );
        // BI-154
        for stream in ["rhel-10", "RHEL-9", "rhel-9.8", "custom", ""] {
            let skip = Skip::UnsupportedStream {
                stream: stream.to_owned(),
            };
            check(
                &machine_set(json!({"labels": osstream(stream)}), windows.clone()),
                Some(skip),
                2,
            );
        }
        check(
            &machine_set(json!({"labels": osstream("rhel-9")}), json!({})),
            None,
            5,
        );
        // BI-155
        check(
            &machine_set(json!({}), windows.clone()),
            Some(Skip::Windows),
            3,
        );
        for other in ["windows", "", "Linux", " Windows"] {
            let labels = json!({"spec": {"template": {"metadata": {"labels":
                {"machine.openshift.io/os-id": other}}}}});
            check(&machine_set(json!({}), labels), None, 5);
        }
        // BI-163
        let deleted = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
        check(
            &machine_set(deleted, json!({})),
            Some(Skip::BeingDeleted),
            4,
        );
        let spec = json!({"spec": {"authoritativeAPI": "ClusterAPI"}});
        check(&machine_set(json!({}), spec), Some(Skip::ClusterApi), 5);
        let status = json!({"spec": {"authoritativeAPI": "ClusterAPI"},
            "status": {"authoritativeAPI": "MachineAPI"}});
        check(&machine_set(json!({}), status), None, 5);
    }

    #[test]
    fn t_07_bi_154_bi_166_other_os_streams_are_left_alone_whatever_the_kind() {
        let label = "machineconfiguration.openshift.io/osstream";
        for (stream, is_served) in [
            (Some("rhel-10"), false),
            (Some("custom-stream"), false),
            (Some("rhel-9"), true),
            (None, true),
        ] {
            let metadata = stream.map_or_else(|| json!({}), |it| json!({"labels": {label: it}}));
            let set = machine_set(metadata.clone(), json!({}));
            let cpms = json!({"apiVersion": "machine.openshift.io/v1",
                "kind": "ControlPlaneMachineSet", "metadata": metadata});
            for object in [set, cpms] {
                let (found, _) = stopped(&object, Profile::P422);
                let skip = Skip::UnsupportedStream {
                    stream: stream.unwrap_or_default().to_owned(),
                };
                let expected = if is_served {
                    Ok(())
                } else {
                    Err(Stopped::Skip(skip))
                };
                assert_eq!(found, expected, "{object}");
            }
        }
    }

    #[test]
    fn bi_153_under_4_17_an_owner_is_an_error() {
        let owner = json!([{"kind": "K", "name": "n"}]);
        let object = machine_set(json!({"ownerReferences": owner}), json!({}));
        let (found, _) = stopped(&object, Profile::P417);
        let Err(Stopped::Error(error)) = found else {
            panic!("{found:?}")
        };
        assert_eq!(
            error.to_string(),
            "unexpected OwnerReference: K/n. Please remove this machineset from boot image \
             management to avoid errors"
        );
    }

    #[test]
    fn bi_166_windows_stands_elsewhere_in_a_control_plane_machine_set() {
        let labels = json!({"labels": {"machine.openshift.io/os-id": "Windows"}});
        let cpms = |machine: Value| {
            json!({"apiVersion": "machine.openshift.io/v1", "kind": "ControlPlaneMachineSet",
                "spec": {"template": {"machines_v1beta1_machine_openshift_io": machine}}})
        };
        check(&cpms(json!({"metadata": labels})), None, 5);
        check(
            &cpms(json!({"spec": {"metadata": labels}})),
            Some(Skip::Windows),
            3,
        );
    }
}
