//! Any bytes as a file in YAML.

#![no_main]

mod file;

use strata_language::decode::Spelling;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    file::check(bytes, ("main.strata.yaml", "main.strata.hcl", Spelling::Hcl));
});
