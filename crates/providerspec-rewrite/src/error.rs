//! What all platforms share: errors, and the reference to the user-data stub.

use openshift_model::read::read as read_view;
use openshift_model::{RawValue, Text, WrongType, view};

/// A provider spec cannot be read (BI-241). The texts start as the reference's do; what follows
/// is our reader's word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderSpecError {
    /// There is none.
    #[error("providerSpec field was empty")]
    Missing,
    /// A member that is read has another type than the API gives it.
    #[error("unmarshal into providerSpec failed {0}")]
    WrongType(#[from] WrongType),
    /// An element of a list is null. (The reference crashes.)
    #[error("unmarshal into providerSpec failed {pointer}: is null")]
    NullElement {
        /// JSON pointer from the provider spec to the element.
        pointer: String,
    },
}

view! {
    /// BI-350: `userDataSecret`: which Secret holds the stub. The namespace is always that of the
    /// Machine API.
    pub struct UserDataSecret<'a> {
        /// Its name.
        name: Text<'a> = "name",
    }
}

view! {
    /// What tells the platform of a provider spec.
    struct TypeOfSpec<'a> {
        /// E.g. `GCPMachineProviderSpec`.
        kind: Text<'a> = "kind",
    }
}

/// The `kind` of a provider spec; `None` where it has none or cannot be read.
pub fn kind(spec: &RawValue) -> Option<Text<'_>> {
    read_view::<TypeOfSpec<'_>>(spec, "").ok()?.kind
}
