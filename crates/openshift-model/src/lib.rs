//! The data types of node operating-system images on OpenShift and OKD.
//!
//! Thin read views of the kinds that rules look at, platforms and architectures, versions, label
//! selectors, `CoreOS` stream metadata, boot images as provider specs hold them, edits, and
//! requests to an API server as data. This crate decides nothing, does no I/O, and knows no client.
//!
//! A view reads what it needs and nothing else: every member is optional, enums are open, unknown
//! members stay in the raw text next to the view. A wrong type is an error that names the object
//! and the JSON pointer, and spoils that object only.
//!
//! ```
//! use openshift_model::{Architecture, MachineResource, RawObject, Stream};
//!
//! let text = r#"{"apiVersion": "machine.openshift.io/v1beta1", "kind": "MachineSet",
//!     "metadata": {"name": "worker-a", "namespace": "openshift-machine-api"},
//!     "spec": {"template": {"spec": {"providerSpec": {"value": {"disks": []}}}}}}"#;
//! let object = RawObject::parse(text)?.expect("a kind that is read");
//! let set = MachineResource::read(&object)?;
//! assert_eq!(set.provider_spec.map(|raw| raw.get()), Some(r#"{"disks": []}"#));
//!
//! let stream = Stream::parse(r#"{"stream": "rhcos-4.22", "architectures": {"x86_64": {"images":
//!     {"gcp": {"project": "rhcos-cloud", "name": "rhcos-9-8-x86-64"}}}}}"#)?;
//! assert_eq!(stream.gcp_image(&Architecture::X86_64)?, ("rhcos-cloud", "rhcos-9-8-x86-64"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[macro_use]
mod view;

pub mod boot_image;
pub mod canonical;
mod condition;
mod edit;
pub mod facts;
mod image_reference;
mod kinds;
mod label_selector;
pub mod names;
mod object;
mod platform;
pub mod raw_json;
pub mod read;
mod reads;
mod resource;
mod rights;
mod stream;
mod text;
mod trace;
pub mod vcenter;
mod version;

mod write;
pub mod yaml;

pub use condition::{TransitionTime, WantedCondition, upsert_condition};
pub use edit::{Edit, EditError, EditedValue};
pub use image_reference::{
    DOCKER_HUB, DOCKER_HUB_API, DOCKER_HUB_LEGACY, DigestError, ImageDigest, ImageReference,
    ReferenceError,
};
pub use kinds::*;
pub use label_selector::{
    LabelSelector, Selector, SelectorError, SelectorTextError, is_dns_subdomain, label_key_errors,
    label_value_error,
};
pub use object::{Kind, Members, ObjectMeta, ObjectRef, OwnerReference, RawObject};
pub use platform::{Architecture, Platform};
pub use read::{ReadError, WrongType};
pub use reads::{Form, Namer, Read, Verb, Which};
pub use resource::{Resource, Scope};
pub use rights::Right;
pub use serde_json::value::RawValue;
pub use stream::{
    AwsStreamImage, AwsStreamImages, AzureMarketplace, AzureStreamImage, AzureStreamImages,
    GcpStreamImage, Stream, StreamArchitecture, StreamArtifact, StreamArtifacts, StreamDisk,
    StreamError, StreamExtensions, StreamFormat, StreamFormats, StreamImages, StreamMarketplace,
};
pub use text::{StringMap, Text};
pub use trace::{Input, NoTrace, Step, Trace};
pub use version::{OcpVersion, Profile};
pub use write::{
    Address, CreateRequest, DeleteRequest, EventRequest, Guard, PatchBody, PatchRequest,
    Subresource, Write,
};
