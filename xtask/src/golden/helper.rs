//! The ops `helper` and `install_config_disk_type`: small functions of AWS and vSphere.

use std::cmp::Ordering;

use bootimage_selection::aws::marketplace::{
    compare_tokens, compare_versions, is_of_older_scheme, product_name, release_token,
    version_in_description,
};
use bootimage_selection::aws::{AmiKind, KnownAmis};
use bootimage_selection::vsphere::install_config_disk_type as disk_type;
use bootimage_selection::vsphere::inventory::{replacement_name, search_path};
use openshift_model::StringMap;
use openshift_model::facts::marketplace_product_id;
use serde_json::{Value, json};

/// The op `helper`: what the function `fn` makes of `args`; null where there is no such function.
pub(crate) fn helper(input: &Value) -> Value {
    let arg = |index: usize| {
        input
            .pointer(&format!("/args/{index}"))
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (first, second) = (arg(0), arg(1));
    match input.get("fn").and_then(Value::as_str).unwrap_or_default() {
        "marketplace_version_token" => match release_token(first) {
            Ok(token) => json!({ "value": token }),
            Err(error) => json!({ "error": error.to_string(), "value": "" }),
        },
        "extract_product_id" => value(marketplace_product_id(first).unwrap_or_default()),
        "detect_ami_kind" => value(ami_kind(AmiKind::of(first, second))),
        "extract_version_from_description" => {
            let found = version_in_description(first);
            let (full, token) = found.map_or(("", ""), |version| (version.full, version.token));
            value(json!({ "full": full, "token": token, "ok": found.is_some() }))
        }
        "cmp_version_token" => value(sign(compare_tokens(first, second))),
        "cmp_rhcos_version" => value(sign(compare_versions(first, second))),
        "is_pre_rhel_aligned_token" => value(is_of_older_scheme(first)),
        "product_name" => value(product_name(first)),
        "ami_allowed" => value(KnownAmis::default().contains(first)),
        "atomic_temp_name" => value(replacement_name(first, second)),
        "template_search_path" => value(search_path(first, second)),
        _ => Value::Null,
    }
}

/// The op `install_config_disk_type`.
pub(crate) fn install_config_disk_type(input: &Value) -> Value {
    let text = input.get("install_config").and_then(Value::as_str);
    let data: StringMap<'_> = text
        .map(|text| ("install-config", text))
        .into_iter()
        .collect();
    let has_config_map = input.get("no_config_map") != Some(&Value::Bool(true));
    match disk_type(has_config_map.then_some(&data)) {
        Ok(disk_type) => json!({ "disk_type": disk_type }),
        Err(error) => json!({ "disk_type": "", "error": error.to_string() }),
    }
}

fn value(value: impl Into<Value>) -> Value {
    json!({ "value": value.into() })
}

fn ami_kind(kind: AmiKind<'_>) -> Value {
    let (kind, product) = match kind {
        AmiKind::Standard => ("standard", ""),
        AmiKind::Marketplace(product) => ("marketplace", product),
        AmiKind::Rosa(product) => ("rosa", product),
        AmiKind::Unknown => ("unknown", ""),
    };
    json!({ "kind": kind, "product_id": product })
}

fn sign(ordering: Ordering) -> i8 {
    match ordering {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }
}
