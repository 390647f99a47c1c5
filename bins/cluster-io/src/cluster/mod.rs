//! A live cluster: what is read from its API server, and what is written to it.
//!
//! Reads are of the kinds and namespaces that a plan looks at and no more; lists come in pages;
//! Secrets are read by name, never listed. Each kind of write is one function, with a field manager
//! of its own and a dry run.

mod call;
mod connect;
mod error;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use call::Cluster;
pub use connect::{ConnectOptions, ConnectWarning};
pub use error::ClusterError;
pub use write::{
    APPLY_FIELD_MANAGER, Event, MODE_FIELD_MANAGER, Seen, USER_DATA_FIELD_MANAGER, WriteMode,
};
