//! What the operator says of a MachineOSConfig before it deploys the builder (IL-460).

use openshift_model::{ImageReference, MachineOSConfig, ReferenceError};

use crate::secret::{RegistrySecret, SecretError, check_secret};

/// IL-460: the operator does not deploy the builder. The texts are the reference's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperatorError {
    /// The pool is not there.
    #[error("no MachineConfigPool named {pool} exists for MachineOSConfig {config}")]
    NoPool {
        /// The pool.
        pool: String,
        /// The MachineOSConfig.
        config: String,
    },
    /// A Secret is missing or wrong.
    #[error("could not validate {field} {secret:?} for MachineOSConfig {config}: {problem}")]
    Secret {
        /// `renderedImagePushSecret` or `baseImagePullSecret`.
        field: &'static str,
        /// The Secret.
        secret: String,
        /// The MachineOSConfig.
        config: String,
        /// What is wrong.
        problem: OperatorSecretError,
    },
    /// The push spec is no reference. (The misspelling is the reference's.)
    #[error(
        "could not validate renderdImagePushspec {push_spec} for MachineOSConfig {config}: {source}"
    )]
    PushSpec {
        /// What stands there.
        push_spec: String,
        /// The MachineOSConfig.
        config: String,
        /// What is wrong, and where.
        source: ReferenceError,
    },
}

/// IL-460: a Secret of a MachineOSConfig is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperatorSecretError {
    /// The field is empty.
    #[error("no secret name provided")]
    NoName,
    /// There is no such Secret.
    #[error("secret {secret} from {config} is not found. Did you use the right secret name?")]
    NotFound {
        /// The Secret.
        secret: String,
        /// The MachineOSConfig.
        config: String,
    },
    /// IL-470: its shape is wrong.
    #[error(transparent)]
    Shape(#[from] SecretError),
}

/// IL-460: checks a MachineOSConfig as the operator does before it deploys the builder: its pool,
/// its Secrets, its push spec; the first problem counts. `secret` finds a Secret in the namespace of
/// the Machine Config Operator. A Secret that both fields name is checked once.
///
/// Upstream: `build.ValidateOnClusterBuildConfig`.
pub fn check_for_operator<'b>(
    config: &MachineOSConfig<'_>,
    has_pool: bool,
    secret: impl Fn(&str) -> Option<&'b RegistrySecret>,
) -> Result<(), OperatorError> {
    if !has_pool {
        return Err(OperatorError::NoPool {
            pool: config.pool().to_owned(),
            config: config.name.to_string(),
        });
    }
    let push = config.push_secret();
    check_operator_secret(config, "renderedImagePushSecret", push, secret(push))?;
    let base = config.spec.base_image_pull_secret.as_ref();
    let base = base.map(|base| base.name.as_deref().unwrap_or_default());
    if let Some(base) = base.filter(|base| *base != push) {
        check_operator_secret(config, "baseImagePullSecret", base, secret(base))?;
    }
    match ImageReference::parse_canonical(config.push_spec()) {
        Ok(_) => Ok(()),
        Err(source) => Err(OperatorError::PushSpec {
            push_spec: config.push_spec().to_owned(),
            config: config.name.to_string(),
            source,
        }),
    }
}

/// IL-460: checks one Secret of a MachineOSConfig: `name` is what `field` says.
pub fn check_operator_secret(
    config: &MachineOSConfig<'_>,
    field: &'static str,
    name: &str,
    secret: Option<&RegistrySecret>,
) -> Result<(), OperatorError> {
    let found = match secret {
        _ if name.is_empty() => Err(OperatorSecretError::NoName),
        None => Err(OperatorSecretError::NotFound {
            secret: name.to_owned(),
            config: config.name.to_string(),
        }),
        Some(secret) => check_secret(Some(secret))
            .map(|_| ())
            .map_err(OperatorSecretError::Shape),
    };
    found.map_err(|problem| OperatorError::Secret {
        field,
        secret: name.to_owned(),
        config: config.name.to_string(),
        problem,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::{RawObject, V1};
    use serde_json::{Value, json};

    fn secret(name: &str, kind: &str) -> RegistrySecret {
        RegistrySecret {
            name: name.to_owned(),
            namespace: "mco".to_owned(),
            kind: kind.to_owned(),
            data: [(".dockerconfigjson".to_owned(), b"{}".to_vec())].into(),
        }
    }

    /// Checks a MachineOSConfig with this spec; the Secrets `push` and `wrong` are there.
    fn check(spec: &Value, has_pool: bool, expected: &str) {
        let text = json!({"apiVersion": V1, "kind": "MachineOSConfig",
            "metadata": {"name": "layered"}, "spec": spec})
        .to_string();
        let config = MachineOSConfig::read(&RawObject::parse(&text).unwrap().unwrap()).unwrap();
        let secrets = [
            secret("push", "kubernetes.io/dockerconfigjson"),
            secret("wrong", "Opaque"),
        ];
        let found = check_for_operator(&config, has_pool, |name| {
            secrets.iter().find(|secret| secret.name == name)
        });
        let message = found.err().map(|error| error.to_string());
        assert_eq!(message.unwrap_or_default(), expected, "{spec}");
    }

    fn spec(push: &str, base: Option<&str>, push_spec: &str) -> Value {
        let mut spec = json!({"machineConfigPool": {"name": "worker"},
            "renderedImagePushSecret": {"name": push}, "renderedImagePushSpec": push_spec});
        if let Some(base) = base {
            spec["baseImagePullSecret"] = json!({"name": base});
        }
        spec
    }

    #[test]
    fn il_460_il_542_the_operator_says_what_is_wrong() {
        let good = "quay.io/org/os:latest";
        check(&spec("push", Some("push"), good), true, "");
        check(&spec("push", None, good), true, "");
        check(
            &spec("push", None, good),
            false,
            "no MachineConfigPool named worker exists for MachineOSConfig layered",
        );
        check(
            &spec("", None, good),
            true,
            "could not validate renderedImagePushSecret \"\" for MachineOSConfig layered: no \
             secret name provided",
        );
        check(
            &spec("gone", Some("gone"), good),
            true,
            "could not validate renderedImagePushSecret \"gone\" for MachineOSConfig layered: \
             secret gone from layered is not found. Did you use the right secret name?",
        );
        check(
            &spec("push", Some("gone"), good),
            true,
            "could not validate baseImagePullSecret \"gone\" for MachineOSConfig layered: secret \
             gone from layered is not found. Did you use the right secret name?",
        );
        check(
            &spec("wrong", None, good),
            true,
            "could not validate renderedImagePushSecret \"wrong\" for MachineOSConfig layered: \
             secret 'wrong/mco' invalid secret key type Opaque, expected \
             'kubernetes.io/dockercfg' or 'kubernetes.io/dockerconfigjson'",
        );
        check(
            &spec("push", None, "os:latest"),
            true,
            "could not validate renderdImagePushspec os:latest for MachineOSConfig layered: \
             repository name must be canonical",
        );
    }
}
