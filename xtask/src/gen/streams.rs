//! `fixtures/streams`: stream documents in the form of real ones, one for each era, with invented
//! builds, images, digests and locations.

#![expect(
    clippy::indexing_slicing,
    reason = "members are set in JSON objects that are made here"
)]

use serde_json::{Map, Value, json};

/// What sets the documents of an era apart.
pub(super) struct Era {
    /// The name of the file.
    pub(super) name: &'static str,
    /// What the document calls its stream. It is edited by hand, and lags behind.
    pub(super) stream: &'static str,
    /// What names of images and files start with.
    distribution: &'static str,
    /// The build that everything in the document is of.
    pub(super) build: &'static str,
    /// The GCP project of its images (BI-223).
    pub(super) project: &'static str,
    regions: &'static [&'static str],
    /// Architectures with an image on GCP.
    pub(super) on_gcp: &'static [&'static str],
    pub(super) architectures: &'static [&'static str],
    /// The images of Azure's marketplace are merged in when the installer is built (BI-225).
    pub(super) has_marketplace: bool,
    has_windows_license: bool,
}

const ALL: &[&str] = &["aarch64", "ppc64le", "s390x", "x86_64"];
const REGIONS: &[&str] = &["eu-central-1", "us-east-1", "us-gov-west-1"];

/// Every era whose documents are read.
pub(super) const ERAS: &[Era] = &[
    Era {
        name: "rhcos-4.12",
        stream: "rhcos-4.11",
        distribution: "rhcos",
        build: "412.86.202301151200-0",
        project: "rhcos-cloud",
        regions: REGIONS,
        on_gcp: &["x86_64"],
        architectures: ALL,
        has_marketplace: false,
        has_windows_license: false,
    },
    Era {
        name: "rhcos-4.16",
        stream: "rhcos-4.16",
        distribution: "rhcos",
        build: "416.94.202405211800-0",
        project: "rhcos-cloud",
        regions: REGIONS,
        on_gcp: &["aarch64", "x86_64"],
        architectures: ALL,
        has_marketplace: false,
        has_windows_license: false,
    },
    Era {
        name: "rhcos-9.8",
        stream: "rhcos-4.21",
        distribution: "rhcos",
        build: "9.8.20260601-0",
        project: "rhcos-cloud",
        regions: REGIONS,
        on_gcp: &["aarch64", "x86_64"],
        architectures: ALL,
        has_marketplace: true,
        has_windows_license: true,
    },
    Era {
        name: "rhcos-10.2",
        stream: "rhcos-4.22",
        distribution: "rhcos",
        build: "10.2.20260602-0",
        project: "rhcos-cloud",
        regions: REGIONS,
        on_gcp: &["aarch64", "x86_64"],
        architectures: ALL,
        has_marketplace: false,
        has_windows_license: true,
    },
    // BI-228.
    Era {
        name: "scos-10",
        stream: "c10s",
        distribution: "scos",
        build: "10.0.20260105-0",
        project: "rhcos-cloud",
        regions: &["us-east-1", "us-gov-west-1"],
        on_gcp: &["aarch64", "x86_64"],
        architectures: ALL,
        has_marketplace: false,
        has_windows_license: false,
    },
    Era {
        name: "fcos-38",
        stream: "stable",
        distribution: "fedora-coreos",
        build: "38.20230902.3.0",
        project: "fedora-coreos-cloud",
        regions: REGIONS,
        on_gcp: &["x86_64"],
        architectures: &["aarch64", "s390x", "x86_64"],
        has_marketplace: false,
        has_windows_license: false,
    },
];

/// Platforms with the format of their disk, its suffix, and the architectures that have one.
const ARTIFACTS: &[(&str, &str, &str, &[&str])] = &[
    ("aws", "vmdk.gz", "aws.ARCH.vmdk.gz", &["aarch64", "x86_64"]),
    (
        "azure",
        "vhd.gz",
        "azure.ARCH.vhd.gz",
        &["aarch64", "x86_64"],
    ),
    ("gcp", "tar.gz", "gcp.ARCH.tar.gz", &["aarch64", "x86_64"]),
    (
        "ibmcloud",
        "qcow2.gz",
        "ibmcloud.ARCH.qcow2.gz",
        &["s390x", "x86_64"],
    ),
    ("metal", "raw.gz", "metal.ARCH.raw.gz", ALL),
    ("nutanix", "qcow2", "nutanix.ARCH.qcow2", &["x86_64"]),
    ("openstack", "qcow2.gz", "openstack.ARCH.qcow2.gz", ALL),
    ("powervs", "ova.gz", "powervs.ARCH.ova.gz", &["ppc64le"]),
    ("qemu", "qcow2.gz", "qemu.ARCH.qcow2.gz", ALL),
    ("vmware", "ova", "vmware.ARCH.ova", &["x86_64"]),
];

impl Era {
    /// The document.
    pub(super) fn document(&self) -> Value {
        let architectures: Map<String, Value> = self
            .architectures
            .iter()
            .map(|architecture| ((*architecture).to_owned(), self.architecture(architecture)))
            .collect();
        json!({
            "stream": self.stream,
            "metadata": {"last-modified": "2026-06-02T09:00:00Z", "generator": "cargo xtask gen"},
            "architectures": architectures,
        })
    }

    fn architecture(&self, architecture: &str) -> Value {
        let artifacts: Map<String, Value> = ARTIFACTS
            .iter()
            .filter(|(_, _, _, architectures)| architectures.contains(&architecture))
            .map(|(platform, format, suffix, _)| {
                let artifact = self.artifact(architecture, format, suffix);
                ((*platform).to_owned(), artifact)
            })
            .collect();
        let mut document = json!({"artifacts": artifacts, "images": self.images(architecture)});
        if has_cloud_images(architecture) && self.distribution != "fedora-coreos" {
            document["rhel-coreos-extensions"] = self.extensions(architecture);
        }
        document
    }

    fn artifact(&self, architecture: &str, format: &str, suffix: &str) -> Value {
        let build = self.build;
        let suffix = suffix.replace("ARCH", architecture);
        let file = format!("{}-{build}-{suffix}", self.distribution);
        let location = format!("https://images.example.com/{build}/{architecture}/{file}");
        json!({"release": build, "formats": {format: {"disk": {
            "location": location,
            "signature": format!("{location}.sig"),
            "sha256": digits(&file, 64),
            "uncompressed-sha256": digits(&format!("{file} uncompressed"), 64),
        }}}})
    }

    fn images(&self, architecture: &str) -> Value {
        let mut images = Map::new();
        if has_cloud_images(architecture) {
            images.insert("aws".to_owned(), self.amis(architecture, "aws"));
        }
        if let Some(name) = self.gcp_image(architecture) {
            let gcp = json!({"release": self.build, "project": self.project,
                "family": format!("{}-{architecture}", self.distribution), "name": name});
            images.insert("gcp".to_owned(), gcp);
        }
        Value::Object(images)
    }

    /// The name of its image on GCP; `None` where it has none.
    pub(super) fn gcp_image(&self, architecture: &str) -> Option<String> {
        let build = self.build.replace('.', "-");
        let architecture = self.on_gcp.iter().find(|found| **found == architecture)?;
        let architecture = architecture.replace('_', "-");
        Some(format!("{}-{build}-gcp-{architecture}", self.distribution))
    }

    /// Its image in a region of AWS.
    pub(super) fn ami(&self, architecture: &str, region: &str) -> String {
        self.ami_of(architecture, "aws", region)
    }

    fn ami_of(&self, architecture: &str, kind: &str, region: &str) -> String {
        let seed = format!("{} {architecture} {kind} {region}", self.build);
        format!("ami-0{}", digits(&seed, 16))
    }

    fn amis(&self, architecture: &str, kind: &str) -> Value {
        let image = |region: &&str| {
            let image = self.ami_of(architecture, kind, region);
            let entry = json!({"release": self.build, "image": image});
            ((*region).to_owned(), entry)
        };
        let regions: Map<String, Value> = self.regions.iter().map(image).collect();
        json!({ "regions": regions })
    }

    fn extensions(&self, architecture: &str) -> Value {
        let build = self.build;
        let disk = format!("{}-{build}-azure.{architecture}.vhd", self.distribution);
        let url = format!("https://images.example.com/azure/{disk}");
        let mut extensions = json!({"azure-disk": {"release": build, "url": url}});
        if self.has_windows_license && architecture == "x86_64" {
            extensions["aws-winli"] = self.amis(architecture, "aws-winli");
        }
        if self.has_marketplace {
            extensions["marketplace"] = json!({ "azure": marketplace(architecture) });
        }
        extensions
    }
}

/// BI-204: the other architectures have no images on clouds.
fn has_cloud_images(architecture: &str) -> bool {
    ["aarch64", "x86_64"].contains(&architecture)
}

/// The version of images without a purchase plan. It lags behind the build (BI-227).
pub(super) const FREE_VERSION: &str = "9.6.20260110";
const PAID_VERSION: &str = "4.18.2025110314";

/// BI-225: what Azure's marketplace has; for aarch64 one image alone.
fn marketplace(architecture: &str) -> Value {
    let free = |sku: &str| image("azureopenshift", "aro4", sku, FREE_VERSION);
    if architecture == "aarch64" {
        return json!({"no-purchase-plan": {"hyperVGen2": free("420-arm")}});
    }
    let mut variants = json!({"no-purchase-plan": {
        "hyperVGen1": free("aro_420"),
        "hyperVGen2": free("420-v2"),
    }});
    for (suffix, publisher) in [("", "redhat"), ("-emea", "redhat-limited")] {
        for plan in ["ocp", "opp", "oke"] {
            let offer = format!("rh-{plan}-worker");
            variants[format!("{plan}{suffix}")] = json!({
                "hyperVGen1": image(publisher, &offer, &format!("{offer}-gen1"), PAID_VERSION),
                "hyperVGen2": image(publisher, &offer, &offer, PAID_VERSION),
            });
        }
    }
    variants
}

fn image(publisher: &str, offer: &str, sku: &str, version: &str) -> Value {
    json!({"publisher": publisher, "offer": offer, "sku": sku, "version": version})
}

/// Hexadecimal digits that look like a digest, always the same for the same text (FNV-1a).
fn digits(text: &str, count: usize) -> String {
    let mut digits = String::new();
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    while digits.len() < count {
        for byte in text.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        digits.push_str(&format!("{hash:016x}"));
    }
    digits.truncate(count);
    digits
}
