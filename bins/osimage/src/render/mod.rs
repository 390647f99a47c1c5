//! What people and programs read.

pub(crate) mod csv;
pub(crate) mod diff;
pub(crate) mod document;
pub(crate) mod explanation;
pub(crate) mod fleet;
pub(crate) mod fleet_page;
pub(crate) mod history;
pub(crate) mod inventory;
pub(crate) mod lines;
mod reasons;
pub(crate) mod side_by_side;
pub(crate) mod table;
pub(crate) mod templates;
