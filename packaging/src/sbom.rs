//! Bills of materials, in the format `CycloneDX` 1.5.

use serde_json::{Value, json};

use crate::crates::Crate;
use crate::release::Release;

/// What one program was built from. An image holds the program and nothing else: its bill is the same.
pub(crate) fn bill(release: &Release, crates: &[Crate], digest: &str) -> Value {
    let root = crates.iter().find(|part| part.is_root);
    let others = crates.iter().filter(|part| !part.is_root);
    let dependencies = crates.iter().map(|part| {
        let on = part
            .dependencies
            .iter()
            .filter_map(|place| crates.get(*place));
        let mut on: Vec<String> = on.map(reference).collect();
        on.sort_unstable();
        json!({"ref": reference(part), "dependsOn": on})
    });
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": release.timestamp(),
            "component": root.map(|root| {
                let mut component = component(root, "application");
                component["hashes"] = json!([{"alg": "SHA-256", "content": digest}]);
                component
            }),
        },
        "components": others.map(|part| component(part, "library")).collect::<Vec<_>>(),
        "dependencies": dependencies.collect::<Vec<_>>(),
    })
}

fn component(part: &Crate, kind: &str) -> Value {
    let mut component = json!({
        "type": kind,
        "bom-ref": reference(part),
        "name": part.name,
        "version": part.version,
        "licenses": [{"expression": part.licence.replace('/', " OR ")}],
    });
    if part.is_foreign {
        component["purl"] = reference(part).into();
    }
    if !part.is_root {
        // "excluded": it took part in the build, and is not in the program.
        let scope = if part.is_for_build {
            "excluded"
        } else {
            "required"
        };
        component["scope"] = scope.into();
    }
    component
}

/// A package URL where the crate is in the registry, and a name that is as unique otherwise.
fn reference(part: &Crate) -> String {
    let start = if part.is_foreign { "pkg:cargo/" } else { "" };
    format!("{start}{}@{}", part.name, part.version)
}
