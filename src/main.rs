//! The `strata` program.

use std::process::ExitCode;

use strata::environment::Environment;

fn main() -> ExitCode {
    strata::run(std::env::args_os(), Environment::of_process()).into()
}
