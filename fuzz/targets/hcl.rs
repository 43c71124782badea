//! Any bytes as a file in HCL.

#![no_main]

mod file;

use strata_language::decode::Spelling;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    file::check(bytes, ("main.strata.hcl", "main.strata.yaml", Spelling::Yaml));
});
