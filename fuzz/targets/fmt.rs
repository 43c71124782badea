//! Any text laid out, in either spelling: laid out once more it does not change, and it stays valid.

#![no_main]

mod file;

use strata_language::format::format;

fn check(path: &str, text: &str) {
    let Ok(once) = format(path, text) else {
        return;
    };
    match format(path, &once) {
        Ok(twice) => assert_eq!(once, twice, "of {text:?}"),
        Err(faults) => panic!("{text:?} became {once:?}: {faults:?}"),
    }
    let mut before = file::faults(path, text.as_bytes());
    let mut after = file::faults(path, once.as_bytes());
    before.sort_unstable();
    after.sort_unstable();
    assert_eq!(before, after, "{text:?} became {once:?}");
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    check("main.strata.hcl", text);
    check("main.strata.yaml", text);
});
