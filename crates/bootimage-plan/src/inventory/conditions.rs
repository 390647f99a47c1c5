//! What is known of the conditions that hazards depend on, besides what a provider spec says.

use bootimage_hazards::{BootImageVersion, Condition, Conditions, ReadVersion, Release};
use ignition_stub_convert::{SecretUpgrade, TargetVersion, upgrade};
use openshift_model::{
    ClusterVersion, Kind, MachineConfigPool, OsMachineConfig, Platform, RawObject, RawValue, Text,
    names, read, view,
};

use super::{InventoryInputs, is_machine_api};
use crate::USUAL_USER_DATA;
use crate::user_data::stub_of;

/// The pool that machines of a MachineSet join first.
const WORKER_POOL: &str = "worker";

impl<'a> InventoryInputs<'_, 'a> {
    /// What is known of the machines of a set.
    pub(super) fn conditions(
        &self,
        kind: Kind,
        platform: Option<&Platform>,
        spec: Option<&RawValue>,
        version: &ReadVersion,
        user_data: Option<&str>,
    ) -> Conditions {
        // A provider spec that cannot be read tells nothing; that it cannot is said elsewhere.
        let read = spec
            .zip(platform)
            .and_then(|(spec, platform)| Conditions::read(platform, spec).ok());
        let mut found = read.unwrap_or_default();
        let multi = self.context.cluster_version.as_ref();
        if let Some(multi) = multi.map(ClusterVersion::is_multi_architecture) {
            found.set(Condition::MultiArchPayload, multi);
        }
        if let Some(name) = user_data {
            found.set(Condition::OwnUserData, !USUAL_USER_DATA.contains(&name));
        }
        if let Some(is_spec_2) = user_data.and_then(|name| self.is_stub_of_spec_2(name)) {
            found.set(Condition::StubSpec2, is_spec_2);
        }
        let pool = match kind {
            Kind::ControlPlaneMachineSet => names::MASTER_POOL,
            _ => WORKER_POOL,
        };
        let known = version.as_ref().ok().and_then(known_ignition);
        if let (Some(needed), Some(known)) = (self.needed_ignition(pool), known) {
            found.set(Condition::NewerIgnitionFeature, needed > known);
        }
        found
    }

    /// BI-351: whether a user-data Secret holds a stub of Ignition 2; `None` where it is not in the
    /// input, or is no stub.
    fn is_stub_of_spec_2(&self, secret: &str) -> Option<bool> {
        let mut secrets = self.objects.of_kind(Kind::Secret);
        let found = secrets.find(|object| object.name.as_str() == secret && is_machine_api(object));
        let stub = stub_of(found?).ok()?;
        match upgrade(secret, &stub, TargetVersion::default(), "") {
            Ok(SecretUpgrade::Current { .. }) => Some(false),
            Ok(SecretUpgrade::Upgraded { .. }) => Some(true),
            Err(_) => None,
        }
    }

    /// The minor version of Ignition 3 that the configuration of a pool cannot do without; `None`
    /// where the input does not have the configuration.
    fn needed_ignition(&self, pool: &str) -> Option<u16> {
        let config = OsMachineConfig::read(self.rendered(pool)?)
            .ok()?
            .spec
            .config?;
        let config: Config<'_> = read::read(config, "").ok()?;
        Some(config.needs())
    }

    /// The rendered MachineConfig that a pool is to run.
    pub(super) fn rendered(&self, pool: &str) -> Option<&RawObject<'a>> {
        let named = |kind, name: &str| {
            let mut objects = self.objects.of_kind(kind);
            objects.find(|object| object.name.as_str() == name)
        };
        let pool = MachineConfigPool::read(named(Kind::MachineConfigPool, pool)?).ok()?;
        named(Kind::MachineConfig, &pool.target_configuration?)
    }
}

/// The minor version of Ignition 3 that an image knows. Of images that no release is known of
/// nothing is known.
fn known_ignition(version: &BootImageVersion) -> Option<u16> {
    let oldest = version.releases().ok()?.from;
    (oldest >= Release::four(6)).then(|| match oldest.minor {
        _ if oldest >= Release::four(19) => 5,
        6 => 1,
        7 | 8 => 2,
        9..=12 => 3,
        _ => 4,
    })
}

view! {
    /// An Ignition configuration, the part that older versions of Ignition do not know.
    struct Config<'a> {
        storage: Storage<'a> = "storage",
        kernel_arguments: &'a RawValue = "kernelArguments",
    }
}

view! {
    struct Storage<'a> {
        luks: Vec<Option<Luks<'a>>> = "luks",
        disks: Vec<Option<Disk<'a>>> = "disks",
        files: Vec<Option<File<'a>>> = "files",
    }
}

view! {
    struct Luks<'a> {
        discard: bool = "discard",
        open_options: &'a RawValue = "openOptions",
        clevis: Clevis<'a> = "clevis",
        cex: &'a RawValue = "cex",
    }
}

view! {
    struct Clevis<'a> {
        tang: Vec<Option<Tang<'a>>> = "tang",
    }
}

view! {
    struct Tang<'a> {
        advertisement: Text<'a> = "advertisement",
    }
}

view! {
    struct Disk<'a> {
        partitions: Vec<Option<Partition<'a>>> = "partitions",
    }
}

view! {
    struct Partition<'a> {
        resize: bool = "resize",
        label: Text<'a> = "label",
    }
}

view! {
    struct File<'a> {
        mode: i64 = "mode",
        path: Text<'a> = "path",
    }
}

/// Bits of a mode beyond reading, writing and executing.
const SPECIAL_MODE_BITS: i64 = 0o7000;

impl Config<'_> {
    /// The minor version of Ignition 3 that it cannot do without.
    fn needs(&self) -> u16 {
        let Some(storage) = &self.storage else {
            return if self.kernel_arguments.is_some() {
                3
            } else {
                0
            };
        };
        let luks = || storage.luks.iter().flatten().flatten();
        let resizes = || {
            let disks = storage.disks.iter().flatten().flatten();
            let mut partitions = disks.flat_map(|disk| disk.partitions.iter().flatten().flatten());
            partitions.any(|partition| partition.resize == Some(true))
        };
        let has_special_mode = || {
            let mut files = storage.files.iter().flatten().flatten();
            files.any(|file| file.mode.is_some_and(|mode| mode & SPECIAL_MODE_BITS != 0))
        };
        if luks().any(|luks| luks.cex.is_some()) {
            5
        } else if has_special_mode() || luks().any(Luks::is_of_3_4) {
            4
        } else if self.kernel_arguments.is_some() {
            3
        } else if luks().next().is_some() || resizes() {
            2
        } else {
            0
        }
    }
}

impl Luks<'_> {
    fn is_of_3_4(&self) -> bool {
        let tang = self.clevis.iter().flat_map(|clevis| clevis.tang.iter());
        let mut tang = tang.flatten().flatten();
        self.discard == Some(true)
            || self.open_options.is_some()
            || tang.any(|tang| tang.advertisement.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_needs_the_ignition_that_first_had_what_it_uses() {
        let check = |config: &str, needed: u16| {
            let read: Config<'_> = serde_json::from_str(config).unwrap();
            assert_eq!(read.needs(), needed, "{config}");
        };
        check(r#"{"ignition": {"version": "3.5.0"}}"#, 0);
        check(
            r#"{"storage": {"files": [{"path": "/a", "mode": 420}]}}"#,
            0,
        );
        check(
            r#"{"storage": {"files": [{"path": "/a", "mode": 2541}]}}"#,
            4,
        );
        check(r#"{"storage": {"luks": [{"name": "root"}]}}"#, 2);
        check(
            r#"{"storage": {"disks": [{"partitions": [{"resize": true}]}]}}"#,
            2,
        );
        check(r#"{"kernelArguments": {}}"#, 3);
        check(r#"{"kernelArguments": {}, "storage": {}}"#, 3);
        check(r#"{"storage": {"luks": [{"discard": true}]}}"#, 4);
        let tang = r#"{"storage": {"luks": [{"clevis": {"tang": [{"advertisement": "x"}]}}]}}"#;
        check(tang, 4);
        check(r#"{"storage": {"luks": [{"cex": {"enabled": true}}]}}"#, 5);
    }

    #[test]
    fn an_image_knows_the_ignition_of_its_release() {
        let check = |image: &str, known: Option<u16>| {
            let version = BootImageVersion::parse(image).unwrap();
            assert_eq!(known_ignition(&version), known, "{image}");
        };
        check("43.81.202001142154.0", None);
        check("46.82.202011260640-0", Some(1));
        check("412.86.202209302317-0", Some(3));
        check("418.94.202501221327-0", Some(4));
        check("9.6.20250523-0", Some(5));
    }
}
