//! Fetching sources from Git at a pinned commit, and looking at local work trees.
//!
//! A source is named by URL, directory in it and revision. Fetching it puts its commit into a cache of bare repositories
//! and gives back the commit's tree, from which files are read straight out of the object store: nothing is checked out,
//! no submodule followed, no hook, filter or configuration of the repository obeyed, and no process started.
//!
//! All functions block; callers on an async runtime give them a thread of their own.

mod address;
mod error;
mod fetch;
mod name;
mod setup;
mod source;
mod tree;
mod worktree;

pub use address::{Allowed, Resolver, SystemResolver};
pub use error::GitError;
pub use fetch::{Credentials, Fetched, HttpsCredential, Progress, Settings, fetch};
pub use setup::prepare;
pub use source::{RemoteUrl, Scheme, Source};
pub use tree::{Limits, SourceTree};
pub use worktree::{WorkTree, inspect};
