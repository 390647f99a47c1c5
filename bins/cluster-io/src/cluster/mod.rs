//! A live cluster: what is read from its API server, and what is written to it.
//!
//! What is read stands in tables ([`bootimage_plan::reads`]); lists come in pages; Secrets are read
//! by name, never listed. What is written is a [`openshift_model::Write`], and
//! [`Cluster::execute`] carries it out, or lets the API server check it.

mod call;
mod connect;
mod error;
mod list;
pub(crate) mod path;
mod read;
mod review;
#[cfg(test)]
mod tests;
mod write;

pub use call::{Cluster, WriteGuard};
pub use connect::{ConnectOptions, ConnectWarning};
pub use error::ClusterError;
pub(crate) use error::chain;
pub use read::LogRequest;
pub use write::{
    APPLY_FIELD_MANAGER, LAYER_FIELD_MANAGER, MODE_FIELD_MANAGER, USER_DATA_FIELD_MANAGER,
    WriteMode, guarded_edit,
};
