//! What it means that an input holds an object twice.

use openshift_model::{Kind, RawObject, canonical, names, raw_json};

/// What two readings of the same object are to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repeated {
    /// They say the same.
    Same,
    /// They are of two clusters: nothing can be said of both at once.
    OfTwoClusters {
        /// What tells clusters apart.
        member: &'static str,
        /// Its value in the object that was read first.
        first: String,
        /// Its value in the object that was read then.
        second: String,
    },
    /// A cluster has one such object, every plan depends on it, and the two differ: to take either of
    /// them would be a guess.
    Contradiction,
    /// They differ, and the one that was read last can be taken.
    Differs,
}

/// Compares two readings of the same object. The order of members and the way in which numbers are
/// written make no difference.
pub fn repeated(first: &RawObject<'_>, second: &RawObject<'_>) -> Repeated {
    if members(first, |_| true) == members(second, |_| true) {
        return Repeated::Same;
    }
    if let Some((member, [first, second])) = two_clusters(first, second) {
        return Repeated::OfTwoClusters {
            member,
            first,
            second,
        };
    }
    // A dump that was made in several steps may hold an object with two resource versions that says
    // the same twice.
    let content = |object: &RawObject<'_>| members(object, |name| name != "metadata");
    if is_singleton(first) && content(first) != content(second) {
        Repeated::Contradiction
    } else {
        Repeated::Differs
    }
}

/// Whether every plan depends on the object, of which a cluster has one.
fn is_singleton(object: &RawObject<'_>) -> bool {
    match object.kind {
        Kind::Infrastructure
        | Kind::ClusterVersion
        | Kind::MachineConfiguration
        | Kind::FeatureGate
        | Kind::Provisioning => true,
        Kind::ConfigMap => object.name.as_str() == names::BOOT_IMAGES_CONFIG_MAP,
        _ => false,
    }
}

/// What tells clusters apart, where both objects say it and say different things.
fn two_clusters(
    first: &RawObject<'_>,
    second: &RawObject<'_>,
) -> Option<(&'static str, [String; 2])> {
    let (part, member) = match first.kind {
        Kind::ClusterVersion => ("spec", "clusterID"),
        Kind::Infrastructure => ("status", "infrastructureName"),
        _ => return None,
    };
    let value = |object: &RawObject<'_>| {
        let text = raw_json::member(object.member(part)?.get(), member)?;
        let value = serde_json::from_str::<String>(text).ok()?;
        (!value.is_empty()).then_some(value)
    };
    let (first, second) = (value(first)?, value(second)?);
    (first != second).then_some((member, [first, second]))
}

/// The members that are wanted, in canonical form.
fn members(object: &RawObject<'_>, wanted: impl Fn(&str) -> bool) -> Vec<u8> {
    let mut members: Vec<_> = object
        .members()
        .iter()
        .filter(|(name, _)| wanted(name))
        .collect();
    members.sort_by_key(|(name, _)| *name);
    let mut out = Vec::new();
    for (name, raw) in members {
        out.extend_from_slice(name.as_bytes());
        out.push(0);
        canonical::write(raw.get(), &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &str, name: &str, first: &str, second: &str, expected: &Repeated) {
        let text = |members: &str| {
            format!(r#"{{"apiVersion": {kind}, "metadata": {{"name": "{name}"}}, {members}}}"#)
        };
        let (first, second) = (text(first), text(second));
        let parse = |text| RawObject::parse(text).unwrap().unwrap();
        let found = repeated(&parse(&first), &parse(&second));
        assert_eq!(found, *expected, "{first} {second}");
    }

    const NODE: &str = r#""v1", "kind": "Node""#;
    const CONFIG_MAP: &str = r#""v1", "kind": "ConfigMap""#;
    const INFRASTRUCTURE: &str = r#""config.openshift.io/v1", "kind": "Infrastructure""#;

    #[test]
    fn what_is_written_in_another_way_is_the_same() {
        let same = Repeated::Same;
        check(NODE, "a", r#""x": 1, "y": 2"#, r#""y": 2, "x": 1.0"#, &same);
        check(NODE, "a", r#""x": 1"#, r#""x": 2"#, &Repeated::Differs);
    }

    #[test]
    fn objects_of_two_clusters_are_told_by_what_names_a_cluster() {
        let status = |name: &str| format!(r#""status": {{"infrastructureName": {name}}}"#);
        let of_two = Repeated::OfTwoClusters {
            member: "infrastructureName",
            first: "a".to_owned(),
            second: "b".to_owned(),
        };
        let (a, b) = (status(r#""a""#), status(r#""b""#));
        check(INFRASTRUCTURE, "cluster", &a, &b, &of_two);
        for nameless in [status(r#""""#), status("5"), r#""status": {}"#.to_owned()] {
            let contradiction = &Repeated::Contradiction;
            check(INFRASTRUCTURE, "cluster", &a, &nameless, contradiction);
        }
    }

    #[test]
    fn two_objects_that_every_plan_depends_on_contradict_each_other() {
        let (a, b) = (r#""data": {"stream": "a"}"#, r#""data": {"stream": "b"}"#);
        let contradiction = &Repeated::Contradiction;
        check(
            CONFIG_MAP,
            names::BOOT_IMAGES_CONFIG_MAP,
            a,
            b,
            contradiction,
        );
        check(CONFIG_MAP, "another", a, b, &Repeated::Differs);
    }
}
