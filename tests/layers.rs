//! Layers on a running control plane, by the program as people use it.

#![expect(
    clippy::unwrap_used,
    reason = "what the tests share is in no function marked as a test, where unwrap is allowed"
)]

#[path = "commands/support.rs"]
#[expect(
    dead_code,
    reason = "what these tests do not need, those of the commands do"
)]
mod support;

#[path = "harness/figures.rs"]
#[expect(
    dead_code,
    reason = "what these tests do not need, those of survival do"
)]
mod figures;

#[path = "layers/example.rs"]
mod example;
#[path = "layers/health.rs"]
mod health;
#[path = "layers/kills.rs"]
mod kills;
#[path = "layers/life.rs"]
mod life;
#[path = "layers/many.rs"]
mod many;
#[path = "layers/owners.rs"]
mod owners;
#[path = "layers/plane.rs"]
mod plane;
#[path = "layers/reading.rs"]
mod reading;
#[path = "layers/seen_first.rs"]
mod seen_first;
#[path = "layers/webhook.rs"]
mod webhook;
