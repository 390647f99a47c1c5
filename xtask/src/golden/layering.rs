//! Golden operations of image layering: their inputs mapped to our types, our results to theirs.

use containerfile_render::RenderError;
use mosb_naming::{BuildConfigMap, BuildSecret, Inputs, Optional};
use openshift_model::{
    Architecture, ControllerConfig, LayeredPool, MachineOSBuild, MachineOSConfig, OsMachineConfig,
    Proxy, RawObject, ReadError, Text,
};
use osbuild_check::RegistrySecret;
use serde_json::{Map, Value, json};

/// The JSON text of a member of an input that is an object of `kind`; the type is filled in, as
/// typed clients leave it out.
fn object_text(input: &Value, member: &str, kind: &str) -> Option<String> {
    let mut object = input.get(member)?.as_object()?.clone();
    let group = match kind {
        "Secret" => "v1",
        _ => "machineconfiguration.openshift.io/v1",
    };
    object.insert("apiVersion".to_owned(), json!(group));
    object.insert("kind".to_owned(), json!(kind));
    serde_json::to_string(&object).ok()
}

fn raw(text: Option<&String>) -> Option<RawObject<'_>> {
    RawObject::parse(text?).ok().flatten()
}

/// An object that the API could not have stored, as the golden cases say it.
fn decode_error(input: &Value) -> Option<Value> {
    let read = |member: &str, kind: &str, check: fn(&RawObject<'_>) -> Option<ReadError>| {
        let text = object_text(input, member, kind)?;
        check(&raw(Some(&text))?)
    };
    let error = read("machine_config", "MachineConfig", |object| {
        OsMachineConfig::read(object).err()
    })
    .or_else(|| {
        let check = |object: &RawObject<'_>| MachineOSConfig::read(object).err();
        read("machine_os_config", "MachineOSConfig", check)
    })
    .or_else(|| {
        let check = |object: &RawObject<'_>| MachineOSBuild::read(object).err();
        read("machine_os_build", "MachineOSBuild", check)
    })
    .or_else(|| {
        let check = |object: &RawObject<'_>| LayeredPool::read(object).err();
        read("machine_config_pool", "MachineConfigPool", check)
    })
    .or_else(|| {
        let secrets = ["base_image_pull_secret", "final_image_push_secret"];
        secrets.into_iter().find_map(|secret| {
            read(secret, "Secret", |object| {
                RegistrySecret::read(object).err()
            })
        })
    })?;
    Some(json!({"decode_error": error.to_string()}))
}

/// `mosb_name`
pub(crate) fn mosb_name(input: &Value) -> Value {
    if let Some(error) = decode_error(input) {
        return error;
    }
    let texts = [
        object_text(input, "machine_config", "MachineConfig"),
        object_text(input, "machine_os_config", "MachineOSConfig"),
        object_text(input, "machine_config_pool", "MachineConfigPool"),
    ];
    let [machine_config, machine_os_config, pool] = texts.each_ref().map(Option::as_ref).map(raw);
    let machine_config = machine_config.and_then(|object| OsMachineConfig::read(&object).ok());
    let machine_os_config =
        machine_os_config.and_then(|object| MachineOSConfig::read(&object).ok());
    let pool = pool.and_then(|object| LayeredPool::read(&object).ok());
    let inputs = Inputs {
        machine_config: machine_config.as_ref(),
        machine_os_config: machine_os_config.as_ref(),
        pool: pool.as_ref(),
    };
    let mut result = Map::new();
    if let (Ok(hash), Ok(documents)) = (mosb_naming::hash(inputs), mosb_naming::documents(inputs)) {
        result.insert("hash".to_owned(), json!(hash.to_string()));
        result.insert("hash_yaml".to_owned(), json!(documents));
    }
    match mosb_naming::name(inputs) {
        Err(error) => {
            result.insert("error".to_owned(), json!(error.to_string()));
        }
        Ok(named) => {
            result.insert("name".to_owned(), json!(named.name));
            result.insert("derived".to_owned(), derived(&named.name));
            if let (Some(config), Some(pool)) = (&machine_os_config, &pool) {
                result.insert("machine_os_build".to_owned(), build(&named, config, pool));
            }
        }
    }
    Value::Object(result)
}

fn derived(name: &mosb_naming::MosbName) -> Value {
    let config_map = |which| name.config_map(which);
    json!({
        "additional_trust_bundle_config_map": config_map(BuildConfigMap::AdditionalTrustBundle),
        "base_pull_secret": name.secret(BuildSecret::BasePull),
        "build_job": name.job(),
        "containerfile_config_map": config_map(BuildConfigMap::Containerfile),
        "digest_config_map": config_map(BuildConfigMap::Digest),
        "etc_policy_config_map": config_map(BuildConfigMap::EtcPolicy),
        "etc_registries_config_map": config_map(BuildConfigMap::EtcRegistries),
        "final_push_secret": name.secret(BuildSecret::FinalPush),
        "machine_config_config_map": config_map(BuildConfigMap::MachineConfig),
    })
}

fn build(
    named: &mosb_naming::Named,
    config: &MachineOSConfig<'_>,
    pool: &LayeredPool<'_>,
) -> Value {
    json!({
        "apiVersion": openshift_model::V1,
        "kind": "MachineOSBuild",
        "metadata": {
            "annotations": mosb_naming::build_annotations(config),
            "finalizers": ["foregroundDeletion"],
            "labels": mosb_naming::build_labels(config, pool),
            "name": named.name,
        },
        "spec": {
            "machineConfig": {"name": pool.target.name()},
            "machineOSConfig": {"name": config.name},
            "renderedImagePushSpec": named.push_spec,
        },
        "status": {},
    })
}

/// `containerfile_check`
pub(crate) fn containerfile_check(input: &Value) -> Value {
    let content = input["content"].as_str().unwrap_or_default();
    match containerfile_render::operator_refusal(content) {
        None => json!({"valid": true}),
        Some(problem) => json!({"valid": false, "error": problem.what.to_string()}),
    }
}

/// `containerfile`
pub(crate) fn containerfile(input: &Value) -> Value {
    if let Some(error) = decode_error(input) {
        return error;
    }
    let machine_config = object_text(input, "machine_config", "MachineConfig");
    let machine_os_config = object_text(input, "machine_os_config", "MachineOSConfig");
    let build = object_text(input, "machine_os_build", "MachineOSBuild");
    let read = raw(machine_config.as_ref()).and_then(|object| OsMachineConfig::read(&object).ok());
    let machine_config = read.unwrap_or_default();
    let read =
        raw(machine_os_config.as_ref()).and_then(|object| MachineOSConfig::read(&object).ok());
    let machine_os_config = read.unwrap_or_default();
    let read = raw(build.as_ref()).and_then(|object| MachineOSBuild::read(&object).ok());
    let build = read.unwrap_or_default();
    let extensions: Vec<&str> = machine_config.extensions().collect();
    let rendered = containerfile_render::render(&containerfile_render::Inputs {
        base_image: machine_config.os_image(),
        extensions_image: machine_config.extensions_image(),
        extensions: &extensions,
        kernel_type: machine_config.kernel_type(),
        // The control plane of the golden cases.
        architecture: &Architecture::X86_64,
        machine_config: build.machine_config(),
        pool: machine_os_config.pool(),
        content: machine_os_config.container_file(),
    });
    match rendered {
        Err(error) => json!({
            "validation_error": matches!(error, RenderError::Content(_)),
            "error": error.to_string(),
        }),
        Ok(rendered) => {
            let content = machine_os_config.container_file().unwrap_or_default();
            json!({
                "ends_with_user_content": !content.is_empty() && rendered.text.ends_with(content),
                "facts": facts(&rendered.text),
            })
        }
    }
}

/// What a document does, read from its text.
fn facts(text: &str) -> Value {
    let mut stages = Vec::new();
    let mut labels = Map::new();
    let mut extensions_image = Value::Null;
    let mut arguments = Map::new();
    for line in text.lines() {
        let (word, rest) = line.trim().split_once(' ').unwrap_or((line, ""));
        match word.to_ascii_uppercase().as_str() {
            "FROM" => {
                let words: Vec<&str> = rest.split_whitespace().collect();
                stages.push(json!([words.first(), words.get(2)]));
            }
            "LABEL" => {
                let (name, value) = rest.split_once('=').unwrap_or((rest, ""));
                labels.insert(name.to_owned(), json!(unquoted(value)));
            }
            "ARG" => {
                let (name, value) = rest.split_once('=').unwrap_or((rest, ""));
                let words: Vec<&str> = value.trim_matches('"').split_whitespace().collect();
                arguments.insert(name.to_owned(), json!(words));
            }
            "RUN" => {
                if let Some((_, image)) = rest.split_once("--mount=type=bind,from=") {
                    extensions_image = json!(image.split(',').next());
                }
            }
            _ => {}
        }
    }
    labels.remove(containerfile_render::PROVENANCE_LABEL);
    let argument = |name: &str| arguments.get(name).cloned();
    let kernel_swap = argument("OSIMAGE_KERNEL").map(|kernel| {
        json!({
            "to": kernel.get(0),
            "install": argument("OSIMAGE_KERNEL_PACKAGES"),
            "remove_if_found": {
                "Default": argument("OSIMAGE_OLD_DEFAULT"),
                "RT": argument("OSIMAGE_OLD_REALTIME"),
                "64k-pages": argument("OSIMAGE_OLD_64K_PAGES"),
            },
        })
    });
    json!({
        "stages": stages,
        "labels": labels,
        "extensions_image": extensions_image,
        "rpm_ostree_install": argument("OSIMAGE_PACKAGES").unwrap_or_else(|| json!([])),
        "kernel_swap": kernel_swap,
    })
}

/// The value of a label: what is quoted without its quotes and escapes, the rest as it is.
fn unquoted(value: &str) -> String {
    let Some(quoted) = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return value.to_owned();
    };
    let mut text = String::new();
    let mut characters = quoted.chars();
    while let Some(c) = characters.next() {
        text.extend(if c == '\\' {
            characters.next()
        } else {
            Some(c)
        });
    }
    text
}

/// `pullspec_digest`
pub(crate) fn pullspec_digest(input: &Value) -> Value {
    let text = |name: &str| input[name].as_str().unwrap_or_default();
    match osbuild_check::digested_pull_spec(text("pullspec"), text("digest")) {
        Ok(pullspec) => json!({"pullspec": pullspec}),
        Err(error) => json!({"error": error.to_string()}),
    }
}

/// `digested_pullspec_ok`
pub(crate) fn digested_pullspec_ok(input: &Value) -> Value {
    match osbuild_check::check_digested(input["pullspec"].as_str().unwrap_or_default()) {
        Ok(()) => json!({"ok": true}),
        Err(error) => json!({"ok": false, "error": error.to_string()}),
    }
}

/// `build_objects`
pub(crate) fn build_objects(input: &Value) -> Value {
    if let Some(error) = decode_error(input) {
        return error;
    }
    let texts = [
        object_text(input, "machine_config", "MachineConfig"),
        object_text(input, "machine_os_config", "MachineOSConfig"),
        object_text(input, "machine_os_build", "MachineOSBuild"),
        object_text(input, "base_image_pull_secret", "Secret"),
        object_text(input, "final_image_push_secret", "Secret"),
    ];
    let [machine_config, config, build, base, push] = texts.each_ref().map(Option::as_ref).map(raw);
    let Some(machine_config_object) = machine_config else {
        return json!({"error": "no MachineConfig"});
    };
    let machine_config = OsMachineConfig::read(&machine_config_object).unwrap_or_default();
    let config = config.and_then(|object| MachineOSConfig::read(&object).ok());
    let config = config.unwrap_or_default();
    let build = build.and_then(|object| MachineOSBuild::read(&object).ok());
    let build = build.unwrap_or_default();
    let secret = |object: Option<RawObject<'_>>| RegistrySecret::read(&object?).ok();
    let (base, push) = (secret(base), secret(push));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let proxy = input
        .get("proxy")
        .filter(|proxy| !proxy.is_null())
        .map(|proxy| Proxy {
            http_proxy: Some(text(&proxy["httpProxy"]).into()),
            https_proxy: Some(text(&proxy["httpsProxy"]).into()),
            no_proxy: Some(text(&proxy["noProxy"]).into()),
        });
    let controller_config = ControllerConfig {
        proxy,
        additional_trust_bundle: input["additional_trust_bundle_b64"]
            .as_str()
            .map(Text::from),
        ..ControllerConfig::default()
    };
    let has = |name: &str| input[name] == true;
    let inputs = osbuild_plan::BuildInputs {
        config: &config,
        build: &build,
        machine_config: &machine_config,
        machine_config_object: &machine_config_object,
        controller_config: &controller_config,
        builder_image: input["mco_image"].as_str().unwrap_or_default(),
        architecture: &Architecture::X86_64,
        optional: Optional {
            entitlement: has("has_etc_pki_entitlement"),
            yum_repos: has("has_etc_yum_repos_d"),
            gpg_keys: has("has_etc_pki_rpm_gpg"),
        },
        base_pull_secret: base.as_ref(),
        final_push_secret: push.as_ref(),
    };
    let objects = osbuild_plan::build_config_maps(&inputs)
        .and_then(|config_maps| Ok((config_maps, osbuild_plan::build_job(&inputs)?)));
    let (config_maps, job) = match objects {
        Ok(objects) => objects,
        Err(error) => return json!({"error": error.to_string()}),
    };
    let mut result = json!({
        "config_maps": config_maps.into_iter().map(typed).collect::<Vec<_>>(),
        "job": without_scripts(job),
    });
    match osbuild_plan::build_objects(&inputs) {
        Ok(objects) => {
            let secrets: Vec<_> = objects.secrets.into_iter().map(typed).collect();
            result["secrets"] = json!(secrets);
        }
        Err(error) => result["secrets_error"] = json!(error.to_string()),
    }
    result
}

/// An object as a typed client prints it: without its type and its owner (IL-773), and with what
/// differs only in spelling brought into the golden form.
fn typed(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("ownerReferences");
    }
    if let Some(members) = object.as_object_mut() {
        members.remove("apiVersion");
        members.remove("kind");
    }
    if let Some(text) = object.pointer_mut("/data/Containerfile") {
        *text = json!("<containerfile>");
    }
    // Empty bytes are null to such a client.
    let bundle = "/binaryData/openshift-config-user-ca-bundle.crt";
    if let Some(bytes) = object.pointer_mut(bundle).filter(|bytes| **bytes == "") {
        *bytes = Value::Null;
    }
    if let Some(packed) = object.pointer_mut("/data/machineconfig.json.gz") {
        *packed = unpacked(packed.as_str().unwrap_or_default());
    }
    object
}

/// A MachineConfig out of its package.
fn unpacked(text: &str) -> Value {
    use base64::Engine as _;
    use std::io::Read as _;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap_or_default();
    let mut json = String::new();
    // What cannot be read compares as null.
    let _ = flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut json);
    serde_json::from_str(&json).unwrap_or_default()
}

/// The Job without scripts, and without what ours has besides (IL-702, IL-727, IL-780, IL-781).
fn without_scripts(mut job: Value) -> Value {
    let annotations = job.pointer_mut("/metadata/annotations");
    if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
        annotations.remove(osbuild_plan::INPUTS_DIGEST);
    }
    if let Some(spec) = job.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("activeDeadlineSeconds");
        spec.remove("podFailurePolicy");
    }
    let pod = job.pointer_mut("/spec/template/spec");
    if let Some(pod) = pod.and_then(Value::as_object_mut) {
        pod.remove("nodeSelector");
    }
    for containers in ["initContainers", "containers"] {
        let pointer = format!("/spec/template/spec/{containers}/0/command/2");
        if let Some(script) = job.pointer_mut(&pointer) {
            *script = json!("<script>");
        }
        let pointer = format!("/spec/template/spec/{containers}/0/resources");
        if let Some(resources) = job.pointer_mut(&pointer) {
            *resources = json!({});
        }
    }
    job["status"] = json!({});
    job
}

/// How a result differs from what is expected, member by member.
pub(crate) fn differences(found: &Value, expect: &Value) -> Vec<String> {
    if !found["decode_error"].is_null() && !expect["decode_error"].is_null() {
        return Vec::new();
    }
    let expect = decoded(expect.clone());
    let (Some(found), Some(expect)) = (found.as_object(), expect.as_object()) else {
        return if *found == expect {
            Vec::new()
        } else {
            vec![format!("{found} / {expect}")]
        };
    };
    let mut names: Vec<&String> = found.keys().chain(expect.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter(|name| found.get(*name) != expect.get(*name))
        .map(|name| {
            let shown = |value: Option<&Value>| value.cloned().unwrap_or_default();
            format!(
                "{name}: {} / {}",
                shown(found.get(name)),
                shown(expect.get(name))
            )
        })
        .collect()
}

/// The packed MachineConfig of a golden case is text behind `DECODED:`; its members have no order.
fn decoded(mut expect: Value) -> Value {
    let config_maps = expect.get_mut("config_maps").and_then(Value::as_array_mut);
    for config_map in config_maps.into_iter().flatten() {
        if let Some(packed) = config_map.pointer_mut("/data/machineconfig.json.gz") {
            let text = packed
                .as_str()
                .unwrap_or_default()
                .trim_start_matches("DECODED:");
            *packed = serde_json::from_str(text).unwrap_or_default();
        }
    }
    expect
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::r#gen::root;
    use crate::golden::layering_differences::DIFFERENCES;
    use openshift_model::{BuildJob, ImageReference};
    use osbuild_check::{BuildState, ImageError, Meaning, RegistryFailure, Step};
    use std::fmt::Write as _;

    /// The text of a file of the repository.
    fn file(path: &str) -> String {
        let path = root().join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// A data file of the specification of layering.
    fn specification(path: &str) -> Value {
        let path = format!("docs/spec/data/layering/{path}");
        serde_json::from_str(&file(&path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Cases of one operation or data file, with what ours gives for them.
    #[derive(Default)]
    struct Cases(Vec<(String, Value, Value, Value)>);

    impl Cases {
        fn add(&mut self, id: &str, input: &Value, expect: Value, ours: Value) {
            self.0.push((id.to_owned(), input.clone(), expect, ours));
        }

        /// Every case is equal, or in the table; every row of the table has cases and all of
        /// them differ.
        fn check(&self, of: &str) {
            assert!(!self.0.is_empty(), "{of}: no case");
            let mut problems = String::new();
            let rows = || DIFFERENCES.iter().filter(|row| row.of.contains(&of));
            for (id, input, expect, ours) in &self.0 {
                let row = rows().find(|row| (row.applies)(input, expect));
                match (row, differences(ours, expect).is_empty()) {
                    (None, true) | (Some(_), false) => {}
                    (None, false) => {
                        let _ = writeln!(
                            problems,
                            "{id}: not in the table\n ours {ours}\n want {expect}"
                        );
                    }
                    (Some(row), true) => {
                        let _ = writeln!(problems, "{id}: no longer differs: {}", row.demands);
                    }
                }
            }
            for row in rows().filter(|row| row.seen.contains(&of)) {
                if !self
                    .0
                    .iter()
                    .any(|(_, input, expect, _)| (row.applies)(input, expect))
                {
                    let _ = writeln!(problems, "no case differs any more: {}", row.demands);
                }
            }
            assert!(problems.is_empty(), "{of}:\n{problems}");
        }
    }

    fn golden(op: &str, run: impl Fn(&Value) -> Value) {
        let mut cases = Cases::default();
        for line in file(&format!("fixtures/golden/{op}.jsonl")).lines() {
            let case: Value = serde_json::from_str(line).unwrap();
            let id = case["id"].as_str().unwrap();
            cases.add(
                id,
                &case["input"],
                case["expect"].clone(),
                run(&case["input"]),
            );
        }
        cases.check(op);
    }

    /// The cases of a data file of the specification: its list, or the list `cases` in it.
    fn data(path: &str) -> Vec<Value> {
        let value = specification(path);
        let cases = value.get("cases").unwrap_or(&value).as_array().unwrap();
        assert!(!cases.is_empty(), "{path}: no case");
        cases.clone()
    }

    fn hex(text: &str) -> String {
        text.bytes().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    #[test]
    fn il_100_golden_names() {
        golden("mosb_name", mosb_name);
    }

    #[test]
    fn il_186_golden_containerfile_checks() {
        golden("containerfile_check", containerfile_check);
    }

    #[test]
    fn il_186_syntax_of_94_texts() {
        let mut cases = Cases::default();
        for case in data("validation/containerfile-syntax.json") {
            let ours = containerfile_check(&case);
            let mut expect = case.clone();
            expect.as_object_mut().unwrap().remove("content");
            cases.add(&case["content"].to_string(), &case, expect, ours);
        }
        cases.check("validation/containerfile-syntax.json");
    }

    #[test]
    fn il_160_golden_containerfiles() {
        golden("containerfile", containerfile);
    }

    #[test]
    fn il_276_golden_images_by_digest() {
        golden("pullspec_digest", pullspec_digest);
        golden("digested_pullspec_ok", digested_pullspec_ok);
    }

    /// The text of a result that is an error; empty where it is none.
    fn error_text<T, E: std::fmt::Display>(result: &Result<T, E>) -> String {
        result
            .as_ref()
            .err()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    const DIGEST: &str = "sha256:628e4e8f0a78d91015c6cebeee95931ae2e8defe5dfb4ced4a82830e08937573";

    #[test]
    fn il_010_il_011_il_123_references() {
        let mut cases = Cases::default();
        for case in data("validation/image-references.json") {
            let text = case["In"].as_str().unwrap();
            let named = ImageReference::parse_canonical(text);
            let digested = osbuild_check::digested_pull_spec(text, DIGEST);
            let parts = osbuild_check::split_internal(text);
            let (_, namespace, name) = parts.unwrap_or_default();
            let split = if parts.is_some() {
                String::new()
            } else {
                format!("invalid image reference: {text}")
            };
            let digest = text.split_once('@').map_or("", |(_, digest)| digest);
            let ours = json!({
                "In": text,
                "ParseNamedOK": named.is_ok(),
                "ParseNamedErr": error_text(&named),
                "Canonical": named.map(|named| named.to_string()).unwrap_or_default(),
                "ImageTagFormatCEL": osbuild_check::is_image_tag(text),
                "ImageDigestFormatCEL1": osbuild_check::is_image_digest(text),
                "ImageDigestFormatCEL2":
                    osbuild_check::is_image_name(text.split('@').next().unwrap_or_default()),
                "ParseImagePullspecErr": error_text(&digested),
                "ParseImagePullspec": digested.unwrap_or_default(),
                "Namespace": namespace,
                "NameTag": name,
                "SplitErr": split,
                "DigestFromPullspec": digest,
            });
            cases.add(text, &case["In"], case.clone(), ours);
        }
        cases.check("validation/image-references.json");
    }

    #[test]
    fn il_275_il_276_digests_and_labels() {
        let mut cases = Cases::default();
        for case in data("validation/digest-values.json") {
            let digest = case["Digest"].as_str().unwrap();
            let found =
                osbuild_check::digested_pull_spec("registry.hostname.com/org/repo:x", digest);
            let err = error_text(&found);
            let ours = json!({"Digest": digest, "Err": err, "Result": found.unwrap_or_default()});
            cases.add(digest, &case["Digest"], case.clone(), ours);
        }
        cases.check("validation/digest-values.json");
        let mut cases = Cases::default();
        for case in data("validation/digest-cm-labels.json") {
            let text = case["In"].as_str().unwrap();
            let found = osbuild_check::parse_labels(text);
            let mut expect = case.clone();
            if case["Err"] != "" {
                // What was read before the error is not used.
                expect["Out"] = json!({});
            }
            let err = error_text(&found);
            let ours = json!({"In": text, "Err": err, "Out": found.unwrap_or_default()});
            cases.add(text, &case["In"], expect, ours);
        }
        cases.check("validation/digest-cm-labels.json");
    }

    #[test]
    fn il_470_il_471_il_472_secrets() {
        let mut cases = Cases::default();
        for case in data("validation/secrets.json") {
            let input = &case["In"];
            let text = |name: &str| input[name].as_str().unwrap_or_default().to_owned();
            let values = input["Data"].as_object().into_iter().flatten();
            let secret = RegistrySecret {
                name: "pull-secret".to_owned(),
                namespace: openshift_model::names::MCO_NAMESPACE.to_owned(),
                kind: text("Type"),
                data: values
                    .map(|(key, value)| (key.clone(), value.as_str().unwrap().as_bytes().to_vec()))
                    .collect(),
            };
            let secret = Some(&secret).filter(|_| input["IsNil"] == false);
            let normalised = osbuild_check::normalise_secret(secret);
            let ours = json!({
                "In": input,
                "ValidateErr": error_text(&osbuild_check::check_secret(secret)),
                "NormalizeErr": error_text(&normalised),
                "Out": normalised.map(|found| found.json).unwrap_or_default(),
            });
            cases.add(&text("Name"), input, case.clone(), ours);
        }
        cases.check("validation/secrets.json");
    }

    fn build_state(name: &str) -> Option<BuildState> {
        let named = BuildState::WITH_CONDITION
            .into_iter()
            .find(|state| state.name() == name);
        named.or((name == "Initial").then_some(BuildState::Initial))
    }

    #[test]
    fn il_020_condition_sets() {
        let sets = specification("state/condition-sets.json");
        for (name, expected) in sets.as_object().unwrap() {
            let written = osbuild_check::conditions(build_state(name).unwrap(), Vec::new(), "now");
            let mut expected = expected.clone();
            for condition in expected.as_array_mut().unwrap() {
                condition["lastTransitionTime"] = json!("now");
            }
            assert_eq!(json!(written), expected, "{name}");
        }
    }

    #[test]
    fn il_023_il_024_transitions() {
        for case in data("state/status-transitions.json") {
            let state = |key: &str| build_state(case[key].as_str().unwrap());
            let found = osbuild_check::transition(state("Old"), state("Current"));
            assert_eq!(json!(found.allowed), case["Update"], "{case}");
            assert_eq!(json!(found.text), case["Reason"], "{case}");
        }
    }

    #[test]
    fn il_025_il_721_states_of_jobs() {
        let mut cases = Cases::default();
        for case in data("state/job-status-mapping.json") {
            let input = &case["In"];
            let conditions = input["Conditions"].as_array().into_iter().flatten();
            let condition = |kind: &Value| json!({"type": kind, "status": "True"});
            let pods = (input["Uncounted"] == true).then(|| json!({"failed": ["x"]}));
            let deletion = (input["Deleting"] == true).then_some("2026-01-01T00:00:00Z");
            let job = json!({
                "apiVersion": "batch/v1", "kind": "Job",
                "metadata": {"name": "build-x", "deletionTimestamp": deletion},
                "status": {
                    "active": input["Active"],
                    "succeeded": input["Succeeded"],
                    "failed": input["Failed"],
                    "uncountedTerminatedPods": pods,
                    "conditions": conditions.map(condition).collect::<Vec<_>>(),
                },
            });
            let text = job.to_string();
            let job = BuildJob::read(&RawObject::parse(&text).unwrap().unwrap()).unwrap();
            let ours = json!(osbuild_check::job_state(&job));
            cases.add(&input.to_string(), input, case["True"].clone(), ours);
        }
        cases.check("state/job-status-mapping.json");
    }

    #[test]
    fn il_340_changes_that_need_another_image() {
        // The names of the cases say what differs.
        let specs = |name: &str| match name {
            "same" => (json!({"kernelType": "x"}), json!({"kernelType": "x"})),
            "osImageURL" => (json!({}), json!({"osImageURL": "b"})),
            "kernelType" => (
                json!({"kernelType": "default"}),
                json!({"kernelType": "realtime"}),
            ),
            "kernelType default vs empty" => (json!({"kernelType": "default"}), json!({})),
            "extensions" => (json!({}), json!({"extensions": ["usbguard"]})),
            "extensions nil vs empty" => (json!({}), json!({"extensions": []})),
            "extension order" => (
                json!({"extensions": ["a", "b"]}),
                json!({"extensions": ["b", "a"]}),
            ),
            "kernelArguments" => (json!({}), json!({"kernelArguments": ["a"]})),
            "ignition only" => (json!({}), json!({"config": {"ignition": {}}})),
            "fips" => (json!({}), json!({"fips": true})),
            "baseOSExtensionsContainerImage" => {
                (json!({}), json!({"baseOSExtensionsContainerImage": "b"}))
            }
            other => panic!("{other}"),
        };
        for case in data("state/requires-rebuild.json") {
            let (old, new) = specs(case["Name"].as_str().unwrap());
            let text =
                |spec: Value| object_text(&json!({"c": {"spec": spec}}), "c", "MachineConfig");
            let (old, new) = (text(old), text(new));
            let (old, new) = (raw(old.as_ref()).unwrap(), raw(new.as_ref()).unwrap());
            let (old, new) = (
                OsMachineConfig::read(&old).unwrap(),
                OsMachineConfig::read(&new).unwrap(),
            );
            let found = !osbuild_check::rebuild_reasons(&old, &new).is_empty();
            assert_eq!(json!(found), case["Result"], "{case}");
        }
    }

    /// The failure that a case of the registry data is about, from its name and text.
    fn registry_failure(case: &Value) -> RegistryFailure {
        let text = case["Error"].as_str().unwrap();
        let error_text = text
            .split_once("error fetching underlying image: ")
            .map_or(text, |(_, error_text)| error_text);
        let name = case["Name"].as_str().unwrap();
        if let Some(status) = name.strip_prefix("HTTP ") {
            let code = status.split(' ').next().unwrap().parse().unwrap();
            return RegistryFailure::HttpStatus(code);
        }
        if let Some(message) = error_text.strip_prefix("unable to retrieve auth token: ") {
            return RegistryFailure::Credentials(message.to_owned());
        }
        let code = error_text
            .split(": ")
            .next()
            .unwrap()
            .to_uppercase()
            .replace(' ', "_");
        let message = error_text
            .split_once(": ")
            .map_or("", |(_, message)| message)
            .to_owned();
        if name.starts_with(&code) {
            RegistryFailure::Code { code, message }
        } else {
            RegistryFailure::Other(error_text.to_owned())
        }
    }

    #[test]
    fn il_440_il_441_il_442_il_443_answers_of_registries() {
        for case in data("pruner/error-classification.json") {
            let error = ImageError {
                image: "quay.io/org/repo:tag".to_owned(),
                step: Step::Fetch,
                failure: registry_failure(&case),
            };
            let meaning = osbuild_check::classify(&error);
            assert_eq!(
                json!(meaning == Meaning::NotFound),
                case["NotFound"],
                "{case}"
            );
            assert_eq!(
                json!(meaning == Meaning::AccessDenied),
                case["AccessDenied"],
                "{case}"
            );
            assert_eq!(
                json!(meaning.is_tolerable_on_delete()),
                case["TolerableDelete"],
                "{case}"
            );
            if !matches!(error.failure, RegistryFailure::HttpStatus(_)) {
                assert!(
                    case["Error"]
                        .as_str()
                        .unwrap()
                        .starts_with(&error.to_string()),
                    "{case}"
                );
            }
        }
        // An error without a typed cause is never classified: RegistryFailure cannot express one.
        for case in data("pruner/error-classification-unwrapped.json") {
            for verdict in ["NotFound", "AccessDenied", "TolerableDelete"] {
                assert_eq!(case[verdict], json!(false), "{case}");
            }
        }
    }

    /// Objects that a real API server accepts and refuses, the latter with a text to expect.
    #[test]
    fn il_473_samples_of_a_real_api_server() {
        for folder in ["fixtures/samples/invalid", "fixtures/samples/valid"] {
            for entry in std::fs::read_dir(root().join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let text = std::fs::read_to_string(&path).unwrap();
                let expected = text.lines().next().unwrap().strip_prefix("# expect: ");
                for document in text.split("\n---\n") {
                    let Ok(object) = cluster_io::yaml::from_str(document) else {
                        continue;
                    };
                    let errors = match object["kind"].as_str().unwrap_or_default() {
                        "MachineOSConfig" => {
                            osbuild_check::validate_machine_os_config(&object, None)
                        }
                        "MachineOSBuild" => osbuild_check::validate_machine_os_build(&object, None),
                        _ => continue,
                    };
                    let error_text: Vec<_> = errors.iter().map(ToString::to_string).collect();
                    match expected {
                        Some(expected) => {
                            assert!(
                                error_text.concat().contains(expected),
                                "{path:?} {error_text:?}"
                            );
                        }
                        None => assert!(error_text.is_empty(), "{path:?} {error_text:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn il_250_golden_objects() {
        golden("build_objects", build_objects);
    }

    #[test]
    fn il_255_objects_of_the_specification() {
        for id in ["O01", "O02", "O03", "O04", "O05", "O06", "O07"] {
            let case = specification(&format!("objects/{id}.json"));
            let found = build_objects(&input_of(&case));
            let mut config_maps = case["configMaps"].clone();
            for (ours, theirs) in found["config_maps"]
                .as_array()
                .unwrap()
                .iter()
                .zip(config_maps.as_array_mut().unwrap())
            {
                for pointer in ["/data/Containerfile", "/data/machineconfig.json.gz"] {
                    if let Some(placeholder) = theirs.pointer_mut(pointer) {
                        *placeholder = ours.pointer(pointer).unwrap().clone();
                    }
                }
            }
            assert_eq!(found["config_maps"], config_maps, "{id}");
            assert_eq!(found["job"], without_scripts(case["job"].clone()), "{id}");
            let mut secrets = found["secrets"].clone();
            for secret in secrets.as_array_mut().unwrap() {
                let encoded = secret.pointer(r"/data/.dockerconfigjson").unwrap();
                let text = decode(encoded.as_str().unwrap());
                secret["data"] = json!({".dockerconfigjson (decoded)": text});
            }
            assert_eq!(secrets, case["secrets"], "{id}");
        }
    }

    fn decode(text: &str) -> String {
        use base64::Engine as _;
        String::from_utf8(
            base64::engine::general_purpose::STANDARD
                .decode(text)
                .unwrap(),
        )
        .unwrap()
    }

    fn encode(text: &str) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(text)
    }

    /// The input of a case, whose MachineConfig and credentials show in the result alone.
    fn input_of(case: &Value) -> Value {
        let inputs = &case["inputs"];
        let credentials = r#"{"registry.hostname.com":{"username":"user","password":"s3kr1t","auth":"s00pers3kr1t","email":"user@hostname.com"}}"#;
        let secret = |index: usize| {
            let labels = &case["secrets"][index]["metadata"]["labels"];
            json!({
                "metadata": {"name": labels["machineconfiguration.openshift.io/originalSecretName"]},
                "type": "kubernetes.io/dockercfg",
                "data": {".dockercfg": encode(credentials)},
            })
        };
        let environment = &case["job"]["spec"]["template"]["spec"]["containers"][0]["env"];
        let base_image = environment.as_array().unwrap().iter();
        let base_image = base_image.filter(|variable| variable["name"] == "BASE_OS_IMAGE_PULLSPEC");
        let base_image: Vec<_> = base_image.map(|variable| &variable["value"]).collect();
        let file = |key: &str| {
            let texts = case["configMaps"].as_array().unwrap().iter();
            let mut texts = texts.filter_map(|config_map| config_map["data"][key].as_str());
            let source = format!("data:;base64,{}", encode(texts.next()?));
            Some(json!({"path": format!("/etc/containers/{key}"), "contents": {"source": source}}))
        };
        let files: Vec<_> = ["policy.json", "registries.conf"]
            .into_iter()
            .filter_map(file)
            .collect();
        json!({
            "machine_os_config": inputs["machineOSConfig"],
            "machine_os_build": inputs["machineOSBuild"],
            "machine_config": {
                "metadata": {"name": inputs["machineOSBuild"]["spec"]["machineConfig"]["name"]},
                "spec": {"osImageURL": base_image[0], "config": {
                    "ignition": {"version": "3.5.0"}, "storage": {"files": files},
                }},
            },
            "mco_image": inputs["machineConfigOperatorImage"],
            "proxy": inputs["proxy"],
            "additional_trust_bundle_b64": encode(inputs["additionalTrustBundle"].as_str().unwrap()),
            "has_etc_pki_entitlement": inputs["hasEtcPkiEntitlementKeys"],
            "has_etc_yum_repos_d": inputs["hasEtcYumReposDConfigs"],
            "has_etc_pki_rpm_gpg": inputs["hasEtcPkiRpmGpgKeys"],
            "base_image_pull_secret": secret(0),
            "final_image_push_secret": secret(1),
        })
    }

    #[test]
    fn il_251_shape_of_the_packed_machine_config() {
        let case = specification("objects/machineconfig-json-shape.json");
        let expected: Value = serde_json::from_str(case["json"].as_str().unwrap()).unwrap();
        let spec = &expected["spec"];
        let found = build_objects(&json!({
            "machine_config": {"metadata": expected["metadata"], "spec": {
                "osImageURL": spec["osImageURL"],
                "baseOSExtensionsContainerImage": spec["baseOSExtensionsContainerImage"],
            }},
            "machine_os_config": {"metadata": {"name": "layered"}, "spec": {}},
            "machine_os_build": {"metadata": {"name": "layered-1"}},
        }));
        let mut packed = found["config_maps"][1]["data"]["machineconfig.json.gz"].clone();
        // Ours has kind and apiVersion; those who read it ignore them.
        for member in ["kind", "apiVersion"] {
            assert!(
                packed
                    .as_object_mut()
                    .unwrap()
                    .shift_remove(member)
                    .is_some()
            );
        }
        assert_eq!(packed.to_string(), case["json"].as_str().unwrap());
    }

    #[test]
    fn il_110_yaml_of_400_texts() {
        let mut cases = Cases::default();
        for case in data("naming/yaml-vectors.json") {
            let content = &case["content"];
            let input = json!({
                "machine_config": {"metadata": {"name": "rendered-x", "annotations": {
                    OsMachineConfig::RELEASE_ANNOTATION: "1",
                    OsMachineConfig::CONTROLLER_ANNOTATION: "1",
                }}},
                "machine_config_pool": {"metadata": {"name": ""}},
                "machine_os_config": {"metadata": {"name": "a"}, "spec": {
                    "containerFile": [{"containerfileArch": "NoArch", "content": content}],
                }},
            });
            let result = mosb_name(&input);
            let yaml = result["hash_yaml"][1].as_str().unwrap();
            let yaml = yaml.split("imageBuilder:\n").next().unwrap();
            let id = content.to_string();
            cases.add(&id, content, case["yamlHex"].clone(), json!(hex(yaml)));
        }
        cases.check("naming/yaml-vectors.json");
    }

    #[test]
    fn il_100_names_of_the_specification() {
        let mut cases = Cases::default();
        for case in data("naming/main-naming.json") {
            let mut input = Map::new();
            for (member, key) in [
                ("machine_config", "machineConfig"),
                ("machine_os_config", "machineOSConfig"),
                ("machine_config_pool", "machineConfigPool"),
            ] {
                if !case[key].is_null() {
                    input.insert(member.to_owned(), case[key].clone());
                }
            }
            let mut expect = Map::new();
            for (ours, theirs) in [
                ("hash", "hash"),
                ("name", "machineOSBuildName"),
                ("error", "error"),
                ("hash_yaml", "yamlDocs"),
            ] {
                if let Some(value) = case.get(theirs) {
                    expect.insert(ours.to_owned(), value.clone());
                }
            }
            if case.get("hash").is_none() {
                expect.remove("hash_yaml");
            }
            let input = Value::Object(input);
            let mut ours = mosb_name(&input);
            let object = ours.as_object_mut().unwrap();
            object.remove("derived");
            let build = object.remove("machine_os_build").unwrap_or_default();
            for (ours, theirs) in [
                ("/metadata/labels", "labels"),
                ("/metadata/annotations", "annotations"),
                ("/metadata/finalizers", "finalizers"),
                ("/spec", "spec"),
            ] {
                if let (Some(value), Some(expected)) = (build.pointer(ours), case.get(theirs)) {
                    assert_eq!(value, expected, "{}", case["id"]);
                }
            }
            cases.add(
                case["id"].as_str().unwrap(),
                &input,
                Value::Object(expect),
                ours,
            );
        }
        cases.check("naming/main-naming.json");
    }

    #[test]
    fn il_135_name_of_the_unit_test_of_the_reference() {
        let fixture = specification("naming/unit-fixture.json");
        let image = |hash: &str| {
            json!(format!(
                "registry.hostname.com/org/repo@sha256 string = {hash}"
            ))
        };
        let result = mosb_name(&json!({
            "machine_config": {"metadata": {"name": "rendered-worker-1", "annotations": {
                OsMachineConfig::RELEASE_ANNOTATION: "release-version",
                OsMachineConfig::CONTROLLER_ANNOTATION: "1",
            }}, "spec": {
                "osImageURL": image("220a60ecd4a3c32c282622a625a54db9ba0ff55b5ba9c29c7064a2bc358b6a3e"),
                "baseOSExtensionsContainerImage":
                    image("5fb4ba1a651bae8057ec6b5cdafc93fa7e0b7d944d6f02a4b751de4e15464def"),
            }},
            "machine_config_pool": {"metadata": {"name": "worker"}},
            "machine_os_config": {"metadata": {"name": "worker"}, "spec": {
                "containerFile": [], "imageBuilder": {"imageBuilderType": "Job"},
                "machineConfigPool": {"name": "worker"},
                "renderedImagePushSpec": "registry.hostname.com/org/repo:latest",
            }},
        }));
        assert_eq!(result["hash_yaml"], fixture["yamlDocs"]);
        assert_eq!(result["name"], fixture["name"]);
    }
}
