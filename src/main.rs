//! The `strata` program.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use strata::environment::Environment;

/// A plan of ten thousand objects is millions of small allocations from several threads.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    strata::run(std::env::args_os(), Environment::of_process()).into()
}
