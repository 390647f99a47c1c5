//! Bad input, field by field: whatever stands at a place that a platform's rules read, and is of
//! another type than the API gives it, blocks its set with a message that names the place; the set
//! beside it is planned all the same.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

mod cluster;

use bootimage_plan::{DecisionKind, ReasonCode};
use cluster::{planned, resource, target};
use openshift_model::{Kind, provider_spec_pointer};
use serde_json::{Value, json};

/// The type that the API gives a member.
#[derive(Clone, Copy, PartialEq)]
enum Type {
    Text,
    Flag,
    List,
    Object,
}
use Type::{Flag, List, Object, Text};

/// A platform, a provider spec with every member that is read, and the members with their types.
struct Platform {
    name: &'static str,
    spec: Value,
    members: &'static [(&'static str, Type)],
    /// Whether ControlPlaneMachineSets are managed on it.
    has_control_plane: bool,
}

fn platforms() -> [Platform; 4] {
    let secret = json!({"name": "worker-user-data"});
    [
        Platform {
            name: "GCP",
            spec: json!({"userDataSecret": secret, "disks": [{"boot": true, "image": "old"}]}),
            members: &[
                ("", Object),
                ("/userDataSecret", Object),
                ("/userDataSecret/name", Text),
                ("/disks", List),
                ("/disks/0", Object),
                ("/disks/0/boot", Flag),
                ("/disks/0/image", Text),
            ],
            has_control_plane: true,
        },
        Platform {
            name: "AWS",
            spec: json!({"userDataSecret": secret, "ami": {"id": "ami-old"},
                "placement": {"region": "r1"}}),
            members: &[
                ("", Object),
                ("/userDataSecret", Object),
                ("/userDataSecret/name", Text),
                ("/ami", Object),
                ("/ami/id", Text),
                ("/placement", Object),
                ("/placement/region", Text),
            ],
            has_control_plane: true,
        },
        Platform {
            name: "Azure",
            spec: json!({"userDataSecret": secret,
                "image": {"publisher": "azureopenshift", "offer": "aro4", "sku": "418-v2",
                    "version": "418.1", "resourceID": "", "type": "MarketplaceNoPlan"},
                "securityProfile": {"settings": {"securityType": ""}}}),
            members: &[
                ("", Object),
                ("/userDataSecret", Object),
                ("/userDataSecret/name", Text),
                ("/image", Object),
                ("/image/publisher", Text),
                ("/image/offer", Text),
                ("/image/sku", Text),
                ("/image/version", Text),
                ("/image/resourceID", Text),
                ("/image/type", Text),
                ("/securityProfile", Object),
                ("/securityProfile/settings", Object),
                ("/securityProfile/settings/securityType", Text),
            ],
            has_control_plane: true,
        },
        Platform {
            name: "VSphere",
            spec: json!({"userDataSecret": secret, "template": "t", "tagIDs": ["urn:t"],
                "workspace": {"server": "v", "datacenter": "d", "folder": "f", "datastore": "s",
                    "resourcePool": "p", "vmGroup": "g"}}),
            members: &[
                ("", Object),
                ("/userDataSecret", Object),
                ("/userDataSecret/name", Text),
                ("/template", Text),
                ("/tagIDs", List),
                ("/tagIDs/0", Text),
                ("/workspace", Object),
                ("/workspace/server", Text),
                ("/workspace/datacenter", Text),
                ("/workspace/folder", Text),
                ("/workspace/datastore", Text),
                ("/workspace/resourcePool", Text),
                ("/workspace/vmGroup", Text),
            ],
            has_control_plane: false,
        },
    ]
}

/// Values of every type but this one.
fn of_other_types(than: Type) -> Vec<Value> {
    let values = [
        (None, json!(5)),
        (None, json!(1.5)),
        (Some(Text), json!("text")),
        (Some(Flag), json!(true)),
        (Some(List), json!([5])),
        (Some(Object), json!({"a": 1})),
    ];
    let others = values.into_iter().filter(|(kind, _)| *kind != Some(than));
    others.map(|(_, value)| value).collect()
}

/// A broken set or control plane beside a good set.
fn check(platform: &Platform, kind: Kind, place: &str, value: &Value) {
    let mut broken = platform.spec.clone();
    *broken.pointer_mut(place).unwrap() = value.clone();
    let good = resource(Kind::MachineSet, "good", &platform.spec);
    let alone = planned(platform.name, std::slice::from_ref(&good));
    let plan = planned(platform.name, &[resource(kind, "bad", &broken), good]);
    let case = format!("{} {kind} {place} {value}", platform.name);
    let bad = target(&plan, "bad");
    assert_eq!(
        bad.decision,
        DecisionKind::Blocked,
        "{case}: {}",
        bad.message
    );
    assert_eq!(bad.reason, ReasonCode::ProviderSpecInvalid, "{case}");
    let root = if place.is_empty() { "/" } else { place };
    let named = format!("unmarshal into providerSpec failed {root}: invalid type");
    assert!(bad.message.starts_with(&named), "{case}: {}", bad.message);
    assert!(bad.patch.is_none(), "{case}");
    assert_eq!(target(&plan, "good"), target(&alone, "good"), "{case}");
}

#[test]
fn bi_241_a_member_of_another_type_blocks_on_every_platform_wherever_it_is_read() {
    for platform in platforms() {
        for (place, kind) in platform.members {
            for value in of_other_types(*kind) {
                check(&platform, Kind::MachineSet, place, &value);
                if platform.has_control_plane {
                    check(&platform, Kind::ControlPlaneMachineSet, place, &value);
                }
            }
        }
    }
}

/// The list of members above is the whole list: a good spec is read through to the rules, and
/// nothing else in it is looked at.
#[test]
fn bi_241_what_is_not_read_may_be_anything() {
    for platform in platforms() {
        for value in [
            json!(5),
            json!("x"),
            json!([{}]),
            json!({"a": [1.5]}),
            Value::Null,
        ] {
            let mut spec = platform.spec.clone();
            for more in ["metadata", "zone", "location", "networks", "deviceIndex"] {
                spec[more] = value.clone();
            }
            let plan = planned(platform.name, &[resource(Kind::MachineSet, "a", &spec)]);
            let decision = target(&plan, "a").decision;
            assert_ne!(decision, DecisionKind::Blocked, "{} {value}", platform.name);
        }
    }
}

#[test]
fn bi_241_a_spec_that_is_missing_is_said_to_be() {
    for platform in platforms() {
        let mut set = resource(Kind::MachineSet, "a", &platform.spec);
        let pointer = provider_spec_pointer(Kind::MachineSet);
        *set.pointer_mut(pointer).unwrap() = Value::Null;
        let plan = planned(platform.name, &[set]);
        let target = target(&plan, "a");
        assert_eq!(target.reason, ReasonCode::ProviderSpecInvalid);
        assert!(target.message.starts_with("providerSpec field was empty"));
    }
}
