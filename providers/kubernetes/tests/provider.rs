//! The provider against a running API server: what is planned is applied, and then there is nothing left to do.

#![expect(
    clippy::unwrap_used,
    reason = "what the tests are made of is in no function marked as a test, where unwrap is allowed"
)]

mod provider {
    mod admission;
    mod adopted;
    pub(crate) mod bench;
    mod contested;
    mod creates;
    mod life;
    mod names;
    mod owners;
    mod published;
    mod replaced;
    mod traps;
}
