//! What is known to go wrong with a node that starts from a boot image. Rules only: values in,
//! values out.
//!
//! A boot image is as old as the machine set that names it; the cluster moves on. Three steps lead
//! from one to the other:
//!
//! 1. [`read`] and [`aleph`]: which version is it? One type for every era, [`BootImageVersion`],
//!    or the reason why it is not known, [`UnknownVersion`]. Nothing is guessed.
//! 2. [`HazardTable`]: what is known to go wrong, with which images, on which clusters, under which
//!    [`Condition`]s. The table is data, `data/hazards.json`; `docs/reference/hazards.md` is made
//!    from it.
//! 3. [`HazardTable::assess`]: what of that a [`NewNode`] meets: certainly, possibly, or depending
//!    on what nothing read tells, the first release at which the image stops working, and a
//!    [`Verdict`].
//!
//! ```
//! use bootimage_hazards::{
//!     NewNode, BootImageVersion, Certainty, ClusterRelease, Condition, Conditions, HazardTable,
//!     UnknownVersion, Verdict,
//! };
//! use openshift_model::{Architecture, Platform};
//!
//! let table = HazardTable::bundled()?;
//! let image = BootImageVersion::parse("412.86.202209302317-0").ok_or(UnknownVersion::NoImage);
//! let cluster = ClusterRelease::parse("4.22.3");
//! let node = NewNode {
//!     image: &image,
//!     cluster: cluster.as_ref(),
//!     release_image: None,
//!     platform: &Platform::Gcp,
//!     architecture: Some(&Architecture::X86_64),
//!     conditions: &Conditions::default(),
//!     today: None,
//! };
//! let found = table.assess(&node);
//! assert_eq!(found.verdict, Verdict::Risk);
//! assert_eq!(found.hazards[0].id, "secure-boot-old-shim");
//! assert_eq!(found.hazards[0].certainty, Certainty::CannotTell);
//! assert_eq!(found.hazards[0].unknown_conditions, [Condition::SecureBoot]);
//! assert_eq!(found.stops.map(|stops| stops.release).as_deref(), Some("4.23"));
//! # Ok::<(), bootimage_hazards::TableError>(())
//! ```

pub mod aleph;
mod assess;
mod bound;
mod cluster;
mod condition;
pub mod read;
mod stops;
mod table;
mod version;

pub use assess::{Assessment, Certainty, Hazard, NewNode, Stops, Verdict};
pub use bound::BoundError;
pub use cluster::ClusterRelease;
pub use condition::{Condition, Conditions};
pub use openshift_model;
pub use read::{ReadVersion, UnknownVersion};
pub use table::{Basis, Case, HazardTable, Row, Severity, TableError};
pub use version::{
    BootImageVersion, Day, Distribution, OsVersion, Release, ReleaseRange, UnknownRelease,
};
