//! GCP: may this image be touched, and what should it be (BI-250 … BI-256).

use openshift_model::boot_image::GcpBootDisks;
use openshift_model::{Architecture, Step, Stream, StreamError, Trace};

use crate::{Selection, Skip};

/// BI-251: images under it are the release's; no slash at the end, as in the reference.
const RHCOS_IMAGES: &str = "projects/rhcos-cloud/global/images";
/// BI-253: the same for Fedora CoreOS, which old OKD clusters were born with.
const FEDORA_COREOS_IMAGES: &str = "projects/fedora-coreos-cloud/global/images";
/// BI-253: what may stand in front of an image that is written as a URL.
const URL_PREFIXES: [&str; 2] = [
    "https://www.googleapis.com/compute/v1/",
    "https://compute.googleapis.com/compute/v1/",
];

/// What an administrator may choose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GcpOptions {
    /// BI-253: Fedora CoreOS images are the release's, too: for OKD clusters that were born with
    /// one.
    pub fedora_coreos_is_known: bool,
}

const TARGET: &str = "Which image does the release have for this architecture?";
const KNOWN: &str = "Is the image one of the release's, old or new?";
const CURRENT: &str = "Is it the release's present image?";

/// BI-250 … BI-256: what the boot disks should be made from.
///
/// The whole resource is left alone as soon as one boot disk has an image that is not the
/// release's; disks that have the target are fine whatever it is called. Comparison is textual
/// (BI-256).
pub fn select<T: Trace>(
    disks: &GcpBootDisks<'_>,
    stream: &Stream<'_>,
    architecture: &Architecture,
    options: GcpOptions,
    trace: &mut T,
) -> Result<Selection<String>, StreamError> {
    let (project, name) = stream.gcp_image(architecture).inspect_err(|error| {
        trace.step(|| {
            Step::decided("BI-254", TARGET, error.to_string())
                .saw("architecture", Some(architecture.rpm_name()))
        });
    })?;
    let target = image_path(project, name);
    trace.step(|| {
        Step::passed("BI-250", TARGET, &target).saw("architecture", Some(architecture.rpm_name()))
    });
    let known = KnownImages { project, options };
    let mut outdated = false;
    for disk in &disks.0 {
        let image = disk.image.as_str();
        let pointer = || format!("/disks/{}/image", disk.index);
        if image == target {
            trace.step(|| Step::passed("BI-251", CURRENT, "it is").saw(pointer(), Some(image)));
            continue;
        }
        if !known.contains(image) {
            trace.step(|| Step::decided("BI-251", KNOWN, "it is not").saw(pointer(), Some(image)));
            return Ok(Selection::Skip(Skip::CustomImage {
                image: image.to_owned(),
            }));
        }
        trace.step(|| Step::passed("BI-251", KNOWN, "it is").saw(pointer(), Some(image)));
        trace.step(|| Step::passed("BI-251", CURRENT, "it is not").saw(pointer(), Some(image)));
        outdated = true;
    }
    if outdated {
        return Ok(Selection::Update(target));
    }
    if disks.0.is_empty() {
        trace.step(|| Step::passed("BI-252", CURRENT, "there is no boot disk").saw("/disks", None));
    }
    Ok(Selection::UpToDate)
}

/// BI-250: an image as a provider spec names it.
pub fn image_path(project: &str, name: &str) -> String {
    format!("projects/{project}/global/images/{name}")
}

struct KnownImages<'a> {
    /// The project that the stream names (BI-253).
    project: &'a str,
    options: GcpOptions,
}

impl KnownImages<'_> {
    /// BI-251, BI-253: whether the release published this image once.
    fn contains(&self, image: &str) -> bool {
        let path = URL_PREFIXES
            .iter()
            .find_map(|url| image.strip_prefix(url))
            .unwrap_or(image);
        let of_stream = || {
            path.strip_prefix("projects/")
                .and_then(|rest| rest.strip_prefix(self.project))
                .is_some_and(|rest| rest.starts_with("/global/images"))
        };
        path.starts_with(RHCOS_IMAGES)
            || of_stream()
            || (self.options.fedora_coreos_is_known && path.starts_with(FEDORA_COREOS_IMAGES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::boot_image::GcpBootDisk;
    use openshift_model::{NoTrace, Text};

    const TARGET_IMAGE: &str = "projects/rhcos-cloud/global/images/rhcos-9-8-20260403-0-gcp-x86-64";
    const OLD: &str = "projects/rhcos-cloud/global/images/rhcos-412-85-202203181601-0-gcp-x86-64";
    const FCOS: &str = "projects/fedora-coreos-cloud/global/images/fedora-coreos-36-gcp-x86-64";

    fn stream(project: &str, name: &str) -> String {
        format!(
            r#"{{"stream":"rhcos-4.21","architectures":{{"x86_64":{{"images":{{"gcp":
               {{"project":"{project}","name":"{name}"}}}}}}}}}}"#
        )
    }

    fn rhcos() -> String {
        stream("rhcos-cloud", "rhcos-9-8-20260403-0-gcp-x86-64")
    }

    fn run(images: &[&str], stream: &str, options: GcpOptions) -> Selection<String> {
        let disk = |(index, image): (usize, &&'static str)| GcpBootDisk {
            index,
            image: Text::from(*image),
        };
        let images: Vec<&'static str> = images
            .iter()
            .map(|i| &*Box::leak((*i).to_owned().into_boxed_str()))
            .collect();
        let disks = GcpBootDisks(images.iter().enumerate().map(disk).collect());
        let stream = Stream::parse(stream).unwrap();
        let mut steps = Vec::new();
        let found = select(&disks, &stream, &Architecture::X86_64, options, &mut steps).unwrap();
        assert!(!steps.is_empty());
        found
    }

    fn check(images: &[&str], expected: &Selection<String>) {
        assert_eq!(
            run(images, &rhcos(), GcpOptions::default()),
            *expected,
            "{images:?}"
        );
    }

    #[test]
    fn bi_250_bi_251_known_images_are_brought_to_the_target() {
        let update = Selection::Update(TARGET_IMAGE.to_owned());
        check(&[OLD], &update);
        check(&[TARGET_IMAGE, OLD], &update);
        check(
            &["projects/rhcos-cloud/global/images/rhcos-9-9-20270101-0-gcp-x86-64"],
            &update,
        );
        check(&["projects/rhcos-cloud/global/images"], &update);
        check(&["projects/rhcos-cloud/global/imagesque/x"], &update);
        check(&[&format!("{TARGET_IMAGE} ")], &update);
    }

    #[test]
    fn bi_252_nothing_to_do() {
        check(&[], &Selection::UpToDate);
        check(&[TARGET_IMAGE], &Selection::UpToDate);
        check(&[TARGET_IMAGE, TARGET_IMAGE], &Selection::UpToDate);
    }

    #[test]
    fn bi_251_bi_253_one_unknown_image_leaves_the_whole_resource_alone() {
        for image in [
            "projects/my-project/global/images/custom",
            "projects/redhat-marketplace-public/global/images/redhat-coreos-ocp-413-x86-64-1",
            FCOS,
            "",
            "true",
            "Projects/rhcos-cloud/global/images/x",
            "https://example.com/compute/v1/projects/rhcos-cloud/global/images/x",
        ] {
            let skip = Selection::Skip(Skip::CustomImage {
                image: image.to_owned(),
            });
            check(&[image], &skip);
            check(&[OLD, image], &skip);
        }
    }

    #[test]
    fn bi_253_urls_and_the_streams_own_project_are_known() {
        let update = Selection::Update(TARGET_IMAGE.to_owned());
        check(
            &[&format!("https://www.googleapis.com/compute/v1/{OLD}")],
            &update,
        );
        check(
            &[&format!("https://compute.googleapis.com/compute/v1/{OLD}")],
            &update,
        );
        // BI-256: the same image, written otherwise, is another text.
        check(
            &[&format!(
                "https://www.googleapis.com/compute/v1/{TARGET_IMAGE}"
            )],
            &update,
        );
        let fedora = stream("fedora-coreos-cloud", "new");
        let target = "projects/fedora-coreos-cloud/global/images/new";
        let found = run(&[FCOS], &fedora, GcpOptions::default());
        assert_eq!(found, Selection::Update(target.to_owned()));
        let okd = GcpOptions {
            fedora_coreos_is_known: true,
        };
        assert_eq!(run(&[FCOS], &rhcos(), okd), update);
    }

    #[test]
    fn bi_254_no_image_in_the_stream_is_an_error() {
        let parsed = rhcos();
        let stream = Stream::parse(&parsed).unwrap();
        let disks = GcpBootDisks::default();
        let options = GcpOptions::default();
        let error =
            select(&disks, &stream, &Architecture::S390x, options, &mut NoTrace).unwrap_err();
        assert_eq!(
            error.to_string(),
            "stream:rhcos-4.21 does not have architecture 's390x'"
        );
    }
}
