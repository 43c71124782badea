//! What end-to-end tests share: processes without the machine's own surroundings, an emulated cloud that outlives
//! them, and a judge that believes the cloud's ledger only.

pub(crate) mod calls;
pub(crate) mod cloud;
pub(crate) mod figures;
pub(crate) mod judge;
pub(crate) mod mount;
pub(crate) mod process;
pub(crate) mod random;
pub(crate) mod remembered;
pub(crate) mod tap;
pub(crate) mod world;

pub(crate) use figures::{figures, setting};
pub(crate) use process::{Finished, Running};
pub(crate) use random::Random;
pub(crate) use world::{World, WorldOptions};
