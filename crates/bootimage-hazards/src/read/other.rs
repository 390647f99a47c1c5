//! Platforms whose boot images are not managed: `OpenStack`, Nutanix, `PowerVS`, IBM Cloud, oVirt,
//! bare metal. Most name the image after the cluster; what a person named by hand may tell.

use openshift_model::{RawValue, Text, read, view};

use super::{ReadVersion, UnknownVersion, from_name};

view! {
    /// Where the provider specs of these platforms name the image.
    struct ProviderSpec<'a> {
        image: &'a RawValue = "image",
        template_name: Text<'a> = "template_name",
    }
}

view! {
    struct NamedImage<'a> {
        name: Text<'a> = "name",
        url: Text<'a> = "url",
    }
}

/// The version in the name of the image, or in the URL of it.
pub fn version(spec: Option<&RawValue>) -> ReadVersion {
    let unreadable = |problem: read::WrongType| UnknownVersion::Unreadable {
        problem: problem.to_string(),
    };
    let spec: ProviderSpec<'_> = match spec {
        Some(spec) => read::read(spec, "").map_err(unreadable)?,
        None => return Err(UnknownVersion::NoImage),
    };
    match (spec.image, &spec.template_name) {
        (Some(image), _) if image.get().starts_with('{') => {
            let image: NamedImage<'_> = read::read(image, "/image").map_err(unreadable)?;
            from_name(image.url.or(image.name).as_deref().unwrap_or_default())
        }
        (Some(image), _) => {
            let image: Text<'_> = read::read(image, "/image").map_err(unreadable)?;
            from_name(&image)
        }
        (None, Some(template)) => from_name(template),
        (None, None) => Err(UnknownVersion::NoImage),
    }
}
