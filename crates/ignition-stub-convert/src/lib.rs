//! Converts user-data stubs of Ignition spec 2 to spec 3: lossless, or refused.
//!
//! A cluster that was born before OpenShift 4.6 keeps a pointer config of spec 2.2 in its user-data
//! Secrets. New boot images read spec 3 only. [`convert()`] writes such a stub in spec 3 as the
//! Machine Config Operator does, but loses nothing on the way: a word that spec 3 cannot hold is an
//! [`Obstacle`], named with its place, where the reference drops it silently (BI-363); files and
//! units keep their order, and several configs to merge with are no obstacle. What was not taken
//! over word for word is told as a [`Note`].
//!
//! ```
//! use ignition_stub_convert::{Conversion, TargetVersion, convert};
//!
//! let stub = br#"{"ignition": {"version": "2.2.0", "config": {"append": [
//!     {"source": "https://api-int.example.com:22623/config/worker"}]}}}"#;
//! let Conversion::Converted(converted) = convert(stub, TargetVersion::V3_4)? else {
//!     panic!("spec 2 is converted");
//! };
//! assert_eq!(
//!     converted.document,
//!     r#"{"ignition":{"version":"3.4.0","config":{"merge":[{"source":"https://api-int.example.com:22623/config/worker"}]}}}"#,
//! );
//!
//! let error = convert(br#"{"ignition": {"version": "2.2.0"}, "networkd": {"units": [{}]}}"#, TargetVersion::V3_4)
//!     .unwrap_err();
//! assert_eq!(error.obstacles()[0].pointer, "/networkd/units");
//! # Ok::<(), ignition_stub_convert::ConvertError>(())
//! ```
//!
//! [`upgrade()`] does the same for the `userData` of a Secret, with the texts and annotations that the
//! rest of a cluster knows (BI-352, BI-021).
//!
//! Nothing that a stub says appears in an error, but names of its members, users, filesystems,
//! units, and paths of files: a stub may carry passwords and keys.

mod content;
mod convert;
mod error;
mod finding;
mod inodes;
mod members;
mod node;
mod not_json;
mod place;
mod section;
mod upgrade;
mod version;

pub use convert::{Conversion, Converted, convert, spec_version};
pub use error::{ConvertError, Obstacles};
pub use finding::{Change, Note, Obstacle, Problem};
pub use not_json::{NotJson, NotJsonKind};
pub use upgrade::{
    SecretUpgrade, UPGRADED_AT_ANNOTATION, UPGRADED_TO_ANNOTATION, UpgradeError, upgrade,
};
pub use version::{TargetVersion, UnknownTarget, VersionField};
