//! Resource types that need no cloud: data, random ids, passwords and private keys.
//!
//! Their objects live in the state only: reading one gives what was recorded, and nothing outside ever has to be found
//! again. All randomness comes from the id source of the connection.

mod data;
mod keys;
mod private_key;
mod provider;
mod random_id;
mod random_password;
mod resource;

pub use provider::Builtin;
