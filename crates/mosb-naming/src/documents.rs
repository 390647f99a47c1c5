//! What is hashed: the members of the three documents, in order (IL-103 … IL-107).
//!
//! The functions here pass each member to a [`Sink`]. There are two: the writer of the YAML that is
//! hashed, and the list of members that explains why two names differ. Both get the same members.

use openshift_model::{
    ContainerFile, MachineOSConfig, MachineOSConfigSpec, NameReference, ObjectReference,
    OsMachineConfig, PoolConfiguration, Text,
};

/// Receives the members of the documents, in the order in which they are hashed.
pub(crate) trait Sink<'a> {
    fn scalar(&mut self, key: &'static str, value: &'a str);
    fn null(&mut self, key: &'static str);
    fn empty_list(&mut self, key: &'static str);
    fn begin_map(&mut self, key: &'static str);
    fn end_map(&mut self);
    fn begin_list(&mut self, key: &'static str);
    fn end_list(&mut self);
    fn begin_item(&mut self);
    fn end_item(&mut self);
}

/// IL-103: the first document: the configuration of the pool. Empty members are left out.
pub(crate) fn pool<'a>(sink: &mut impl Sink<'a>, configuration: &'a PoolConfiguration<'a>) {
    let PoolConfiguration { reference, source } = configuration;
    self::reference(sink, reference, |sink| {
        let Some(sources) = source.as_ref().filter(|sources| !sources.is_empty()) else {
            return;
        };
        sink.begin_list("source");
        for source in sources {
            sink.begin_item();
            if let Some(source) = source {
                self::reference(sink, source, |_| {});
            }
            sink.end_item();
        }
        sink.end_list();
    });
}

/// IL-103: a reference; `source` writes what stands before the last of its members, by name.
fn reference<'a, S: Sink<'a>>(
    sink: &mut S,
    reference: &'a ObjectReference<'a>,
    source: impl FnOnce(&mut S),
) {
    let ObjectReference {
        api_version,
        field_path,
        kind,
        name,
        namespace,
        resource_version,
        uid,
    } = reference;
    set(sink, "apiVersion", api_version.as_ref());
    set(sink, "fieldPath", field_path.as_ref());
    set(sink, "kind", kind.as_ref());
    set(sink, "name", name.as_ref());
    set(sink, "namespace", namespace.as_ref());
    set(sink, "resourceVersion", resource_version.as_ref());
    source(sink);
    set(sink, "uid", uid.as_ref());
}

/// IL-104: the second document: `spec` of the MachineOSConfig. Its name is not in it (IL-106).
pub(crate) fn machine_os_config<'a>(sink: &mut impl Sink<'a>, config: &'a MachineOSConfig<'a>) {
    let MachineOSConfigSpec {
        machine_config_pool,
        image_builder,
        base_image_pull_secret,
        rendered_image_push_secret,
        rendered_image_push_spec,
        container_file,
    } = &config.spec;
    if let Some(secret) = base_image_pull_secret {
        name(sink, "baseImagePullSecret", Some(secret));
    }
    match container_file {
        None => sink.null("containerFile"),
        Some(entries) if entries.is_empty() => sink.empty_list("containerFile"),
        Some(entries) => {
            sink.begin_list("containerFile");
            for entry in entries {
                sink.begin_item();
                self::container_file(sink, entry.as_ref());
                sink.end_item();
            }
            sink.end_list();
        }
    }
    sink.begin_map("imageBuilder");
    let kind = image_builder
        .as_ref()
        .and_then(|builder| builder.kind.as_ref());
    sink.scalar("imageBuilderType", text(kind));
    sink.end_map();
    name(sink, "machineConfigPool", machine_config_pool.as_ref());
    name(
        sink,
        "renderedImagePushSecret",
        rendered_image_push_secret.as_ref(),
    );
    sink.scalar(
        "renderedImagePushSpec",
        text(rendered_image_push_spec.as_ref()),
    );
}

/// IL-104: an entry of `containerFile`; a `null` one is the empty one.
fn container_file<'a>(sink: &mut impl Sink<'a>, entry: Option<&'a ContainerFile<'a>>) {
    set(
        sink,
        "containerfileArch",
        entry.and_then(|entry| entry.architecture.as_ref()),
    );
    sink.scalar(
        "content",
        text(entry.and_then(|entry| entry.content.as_ref())),
    );
}

/// IL-105: the third document: the images and the release of the rendered MachineConfig.
pub(crate) fn images<'a>(sink: &mut impl Sink<'a>, config: &'a OsMachineConfig<'a>) {
    sink.scalar("BaseOSContainerImage", config.os_image());
    sink.scalar("BaseOSExtensionsContainerImage", config.extensions_image());
    sink.scalar("OSImageURL", "");
    let release = config.meta.annotation(OsMachineConfig::RELEASE_ANNOTATION);
    sink.scalar("ReleaseVersion", release.unwrap_or_default());
}

/// A member that is left out where it is empty.
fn set<'a>(sink: &mut impl Sink<'a>, key: &'static str, value: Option<&'a Text<'a>>) {
    match text(value) {
        "" => {}
        value => sink.scalar(key, value),
    }
}

fn name<'a>(sink: &mut impl Sink<'a>, key: &'static str, name: Option<&'a NameReference<'a>>) {
    sink.begin_map(key);
    sink.scalar("name", text(name.and_then(|name| name.name.as_ref())));
    sink.end_map();
}

fn text<'a>(value: Option<&'a Text<'a>>) -> &'a str {
    value.map(Text::as_str).unwrap_or_default()
}
