//! The state store on SQLite: rows, journal, plans, locks and history.
//!
//! One file holds one state. Writes go through one connection, batch by batch, each a transaction that is on disk when
//! it returns; reads have a connection of their own and never wait for writes. Every record carries a checksum under the
//! state key, every table their sum, so that damage is refused instead of planned upon. Secrets are ciphertext, bound
//! to the record that they belong to.

mod commit;
mod database;
mod fault;
mod files;
mod history;
mod integrity;
mod lock;
mod meta;
mod migrate;
mod open;
mod record;
mod reserve;
mod seal;
mod snapshot;
mod sql;
mod store;
#[cfg(test)]
mod testing;

pub use lock::is_in_use;
pub use open::{Access, OpenOptions};
pub use store::SqliteStore;
