//! What provider specs say about conditions.

use openshift_model::boot_image::AzureBootImage;
use openshift_model::{Platform, RawValue, Text, WrongType, read, view};

use super::{Condition, Conditions};

view! {
    struct ProviderSpec<'a> {
        metadata_service: MetadataService<'a> = "metadataServiceOptions",
        instance_type: Text<'a> = "instanceType",
        machine_type: Text<'a> = "machineType",
        confidential_compute: Text<'a> = "confidentialCompute",
        shielded: UefiSettings<'a> = "shieldedInstanceConfig",
        security: SecurityProfile<'a> = "securityProfile",
        image: &'a RawValue = "image",
    }
}

view! {
    struct MetadataService<'a> {
        authentication: Text<'a> = "authentication",
    }
}

view! {
    struct UefiSettings<'a> {
        secure_boot: Text<'a> = "secureBoot",
    }
}

view! {
    struct SecurityProfile<'a> {
        settings: SecuritySettings<'a> = "settings",
    }
}

view! {
    struct SecuritySettings<'a> {
        trusted_launch: UefiOf<'a> = "trustedLaunch",
        confidential: UefiOf<'a> = "confidentialVM",
    }
}

view! {
    struct UefiOf<'a> {
        uefi: UefiSettings<'a> = "uefiSettings",
    }
}

impl Conditions {
    /// What the provider spec of a machine resource says. What it leaves to the platform is not
    /// known: platforms change what they choose.
    pub fn read(platform: &Platform, spec: &RawValue) -> Result<Self, WrongType> {
        let spec: ProviderSpec<'_> = read::read(spec, "")?;
        let mut found = Self::default();
        match platform {
            Platform::Aws => aws(&spec, &mut found),
            Platform::Azure => azure(&spec, &mut found)?,
            Platform::Gcp => gcp(&spec, &mut found),
            Platform::BareMetal | Platform::VSphere | Platform::Other(_) => {}
        }
        Ok(found)
    }
}

fn aws(spec: &ProviderSpec<'_>, found: &mut Conditions) {
    let options = spec.metadata_service.as_ref();
    let authentication = options.and_then(|options| options.authentication.as_deref());
    // Where it is not set, the account decides, or the AMI.
    if let Some(authentication) = authentication.filter(|stated| !stated.is_empty()) {
        found.set(Condition::ImdsV2Required, authentication == "Required");
    }
    if let Some(instance) = &spec.instance_type {
        found.set(Condition::AwsM4, instance.starts_with("m4."));
    }
}

fn gcp(spec: &ProviderSpec<'_>, found: &mut Conditions) {
    secure_boot(spec.shielded.as_ref(), found);
    if let Some(machine) = &spec.machine_type {
        let sev_snp =
            spec.confidential_compute.as_deref() == Some("AMDEncryptedVirtualizationNestedPaging");
        let c3_metal = machine.starts_with("c3-") && machine.ends_with("-metal");
        found.set(Condition::GcpNewMachineType, sev_snp || c3_metal);
    }
}

fn azure(spec: &ProviderSpec<'_>, found: &mut Conditions) -> Result<(), WrongType> {
    let settings = spec
        .security
        .as_ref()
        .and_then(|profile| profile.settings.as_ref());
    if let Some(settings) = settings {
        let of = [&settings.trusted_launch, &settings.confidential];
        let uefi = of.into_iter().flatten().find_map(|of| of.uefi.as_ref());
        secure_boot(uefi, found);
    }
    let Some(image) = spec.image else {
        return Ok(());
    };
    let image = AzureBootImage::read(image, "/image")?;
    let of_marketplace = !image.is_uploaded() && !image.publisher.is_empty();
    found.set(Condition::AzureMarketplace, of_marketplace);
    // Of images of generation 1 some say so nowhere; those of generation 2 do, and those of arm
    // machines are of no other.
    if image.is_surely_generation_2() || image.sku.ends_with("-arm") {
        found.set(Condition::AzureGeneration1, false);
    }
    Ok(())
}

fn secure_boot(settings: Option<&UefiSettings<'_>>, found: &mut Conditions) {
    match settings.and_then(|settings| settings.secure_boot.as_deref()) {
        Some("Enabled") => found
            .set(Condition::SecureBoot, true)
            .set(Condition::Uefi, true),
        Some("Disabled") => found.set(Condition::SecureBoot, false),
        _ => found,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(platform: &str, spec: &str, expected: &str) {
        let raw: &RawValue = serde_json::from_str(spec).unwrap();
        let found = Conditions::read(&Platform::from_name(platform), raw).unwrap();
        assert_eq!(
            serde_json::to_string(&found).unwrap(),
            expected,
            "{platform} {spec}"
        );
    }

    #[test]
    fn a_provider_spec_tells_some_conditions() {
        check("AWS", "{}", "{}");
        check(
            "AWS",
            r#"{"metadataServiceOptions": {"authentication": "Optional"}}"#,
            r#"{"imds-v2-required":false}"#,
        );
        check(
            "AWS",
            r#"{"metadataServiceOptions": {"authentication": "Required"}, "instanceType": "m4.large"}"#,
            r#"{"imds-v2-required":true,"aws-m4":true}"#,
        );
        check(
            "GCP",
            r#"{"shieldedInstanceConfig": {"secureBoot": "Enabled"}}"#,
            r#"{"secure-boot":true,"uefi":true}"#,
        );
        check(
            "GCP",
            r#"{"shieldedInstanceConfig": {"secureBoot": "Disabled"}, "machineType": "c3-highcpu-192-metal"}"#,
            r#"{"secure-boot":false,"gcp-new-machine-type":true}"#,
        );
        check(
            "GCP",
            r#"{"machineType": "n2-standard-4"}"#,
            r#"{"gcp-new-machine-type":false}"#,
        );
        check(
            "Azure",
            r#"{"securityProfile": {"settings": {"trustedLaunch": {"uefiSettings": {"secureBoot": "Enabled"}}}},
            "image": {"publisher": "azureopenshift", "sku": "420-v2"}}"#,
            r#"{"secure-boot":true,"uefi":true,"azure-marketplace":true,"azure-generation1":false}"#,
        );
        check(
            "Azure",
            r#"{"image": {"resourceID": "/x/images/x-gen2/versions/latest"}}"#,
            r#"{"azure-marketplace":false,"azure-generation1":false}"#,
        );
        // Names of a resource group and of a gallery say nothing of an image.
        check(
            "Azure",
            r#"{"image": {"resourceID": "/resourceGroups/gen2-rg/galleries/gallery_gen2/images/gen2-x/versions/latest"}}"#,
            r#"{"azure-marketplace":false}"#,
        );
        check("VSphere", r#"{"image": 5}"#, "{}");
    }

    #[test]
    fn a_wrong_type_is_an_error() {
        let raw: &RawValue = serde_json::from_str(r#"{"instanceType": 5}"#).unwrap();
        let error = Conditions::read(&Platform::Aws, raw).unwrap_err();
        assert!(error.to_string().starts_with("/instanceType: "), "{error}");
    }
}
