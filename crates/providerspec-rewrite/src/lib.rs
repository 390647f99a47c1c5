//! Reads the boot image out of a provider spec and writes another one in; nothing else moves.
//!
//! One module a platform, each with `read` (what does it boot now) and `write` (the edit that makes
//! it boot something else). An edit touches the pointers of BI-346 and no other: unknown members
//! survive, because they are never looked at.
//!
//! ```
//! use openshift_model::{RawValue, MACHINE_SET_PROVIDER_SPEC};
//! use providerspec_rewrite::gcp;
//!
//! let spec: &RawValue = serde_json::from_str(
//!     r#"{"disks": [{"boot": true, "image": "projects/rhcos-cloud/global/images/old"}]}"#,
//! )?;
//! let current = gcp::read(Some(spec))?;
//! let target = "projects/rhcos-cloud/global/images/new";
//! let edit = gcp::write(&current.disks, target, MACHINE_SET_PROVIDER_SPEC)?;
//! assert_eq!(
//!     edit.changed_pointers().collect::<Vec<_>>(),
//!     ["/spec/template/spec/providerSpec/value/disks/0/image"],
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod aws;
pub mod azure;
mod edited;
mod error;
pub mod gcp;
mod user_data;
pub mod vsphere;

pub use edited::{EditedMember, edited_member, image_text, written_image_text};
pub use error::{ProviderSpecError, UserDataSecret, kind};
pub use openshift_model;
pub use user_data::{UserDataSecretError, use_managed_user_data};
