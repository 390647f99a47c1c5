//! Images that hold one program and nothing else, as archives in the layout of the Open Container
//! Initiative.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::architecture::Architecture;
use crate::program::Program;
use crate::release::{LICENCE, Release};
use crate::sums::sha256;
use crate::tree::{Entry, Tree, gzip};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// Nobody: a user without a name and without rights, as the manifests in `deploy` have it.
const USER: &str = "65532:65532";

/// An image of one program for each processor, in one archive; and its digest.
pub(crate) fn archive(
    release: &Release,
    program: &Program,
    binaries: &BTreeMap<Architecture, Vec<u8>>,
) -> Result<(Vec<u8>, String), String> {
    let mut layout = Layout::default();
    let mut manifests = Vec::new();
    for (architecture, binary) in binaries {
        let mut manifest = layout.image(release, program, *architecture, binary)?;
        manifest["platform"] = json!({"architecture": architecture.debian(), "os": "linux"});
        manifests.push(manifest);
    }
    let index = json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": manifests,
        "annotations": labels(release, program),
    });
    let mut index = layout.blob(INDEX, index.to_string().into_bytes());
    let digest = index["digest"].as_str().unwrap_or_default().to_owned();
    index["annotations"] = json!({"org.opencontainers.image.ref.name": release.version});
    let top = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [index]});
    let version = json!({"imageLayoutVersion": "1.0.0"});
    layout
        .0
        .add("index.json", Entry::Text(top.to_string().into_bytes()));
    layout
        .0
        .add("oci-layout", Entry::Text(version.to_string().into_bytes()));
    Ok((layout.0.tar("", release.time)?, digest))
}

#[derive(Default)]
struct Layout(Tree);

impl Layout {
    /// Adds the image for one processor; its descriptor.
    fn image(
        &mut self,
        release: &Release,
        program: &Program,
        architecture: Architecture,
        binary: &[u8],
    ) -> Result<Value, String> {
        let mut root = Tree::default();
        root.add(program.name, Entry::Program(binary.to_vec()));
        let root = root.tar("", release.time)?;
        let config = json!({
            "created": release.timestamp(),
            "architecture": architecture.debian(),
            "os": "linux",
            "config": {
                "User": USER,
                "Entrypoint": [format!("/{}", program.name)],
                "Labels": labels(release, program),
            },
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", sha256(&root))]},
            "history": [{"created": release.timestamp(), "created_by": "cargo xtask dist"}],
        });
        let config = self.blob(CONFIG, config.to_string().into_bytes());
        let layer = self.blob(LAYER, gzip(&root)?);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config,
            "layers": [layer],
            "annotations": labels(release, program),
        });
        Ok(self.blob(MANIFEST, manifest.to_string().into_bytes()))
    }

    /// Adds a blob; its descriptor.
    fn blob(&mut self, media_type: &str, content: Vec<u8>) -> Value {
        let digest = sha256(&content);
        let descriptor = json!({"mediaType": media_type, "digest": format!("sha256:{digest}"), "size": content.len()});
        self.0
            .add(format!("blobs/sha256/{digest}"), Entry::Text(content));
        descriptor
    }
}

fn labels(release: &Release, program: &Program) -> Value {
    json!({
        "org.opencontainers.image.title": program.name,
        "org.opencontainers.image.description": program.summary,
        "org.opencontainers.image.version": release.version,
        "org.opencontainers.image.revision": release.commit,
        "org.opencontainers.image.created": release.timestamp(),
        "org.opencontainers.image.licenses": LICENCE,
    })
}
