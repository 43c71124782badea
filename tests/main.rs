//! Command tests: the program as people and scripts use it, in a directory and an environment of its own.

#![expect(
    clippy::unwrap_used,
    reason = "what the tests share is in no function marked as a test, where unwrap is allowed"
)]

#[path = "commands/support.rs"]
mod support;

#[path = "commands/asking.rs"]
mod asking;
#[path = "commands/authors.rs"]
mod authors;
#[path = "commands/definitions.rs"]
mod definitions;
#[path = "commands/errors.rs"]
mod errors;
#[path = "commands/examples.rs"]
mod examples;
#[path = "commands/exit_codes.rs"]
mod exit_codes;
#[path = "commands/faults.rs"]
mod faults;
#[path = "commands/git_server.rs"]
mod git_server;
#[path = "commands/habits.rs"]
mod habits;
#[path = "commands/help.rs"]
mod help;
#[path = "commands/importing.rs"]
mod importing;
#[path = "commands/json.rs"]
mod json;
#[path = "commands/kubeconfig.rs"]
mod kubeconfig;
#[path = "commands/layers.rs"]
mod layers;
#[path = "commands/life.rs"]
mod life;
#[path = "commands/limits.rs"]
mod limits;
#[path = "commands/repository.rs"]
mod repository;
#[path = "commands/sandbox.rs"]
mod sandbox;
#[path = "commands/secrets.rs"]
mod secrets;
#[path = "commands/spellings.rs"]
mod spellings;
#[path = "commands/stacks.rs"]
mod stacks;
#[path = "commands/state.rs"]
mod state;
#[path = "commands/terraform_json.rs"]
mod terraform_json;
