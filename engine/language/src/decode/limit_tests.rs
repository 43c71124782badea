//! What no file may do, and what YAML may not say.

use std::sync::Arc;

use strata_model::SourceMap;

use super::*;

/// The code and place of the first fault of one file, or `-`.
fn first_fault(path: &str, bytes: &[u8]) -> String {
    let file = InputFile {
        path: path.into(),
        bytes: Arc::from(bytes),
    };
    let mut sources = SourceMap::default();
    let (_, diagnostics) = decode_package(&"".into(), PackageKind::Project, &[file], &mut sources);
    let Some(first) = diagnostics.iter().next() else {
        return "-".to_owned();
    };
    let at = sources.position(first.span.unwrap()).unwrap();
    format!("{} {}:{}", first.code, at.line, at.column)
}

#[track_caller]
fn check_yaml(text: &str, expected: &str) {
    assert_eq!(
        first_fault("a.strata.yaml", text.as_bytes()),
        expected,
        "{text:.200}"
    );
}

#[track_caller]
fn check_hcl(text: &str, expected: &str) {
    assert_eq!(
        first_fault("a.strata.hcl", text.as_bytes()),
        expected,
        "{text:.200}"
    );
}

#[test]
fn yaml_has_one_document() {
    check_yaml("---\nlocals: { a: 1 }\n...\n", "-");
    check_yaml("locals: { a: 1 }\n---\nlocals: { b: 1 }\n", "E0111 2:1");
}

#[test]
fn yaml_maps_are_not_merged() {
    check_yaml("locals:\n  a: &a { x: 1 }\n  b: *a\n", "-");
    check_yaml("locals:\n  a: &a { x: 1 }\n  b:\n    <<: *a\n", "E0112 4:5");
    check_yaml("locals:\n  a: { '<<': 1 }\n", "-");
}

#[test]
fn yaml_tags_are_of_the_core() {
    check_yaml(
        "locals:\n  a: !!str 12\n  b: !!seq [1]\n  c: !!map {}\n  d: ! x\n",
        "-",
    );
    check_yaml("locals:\n  a: !include x\n", "E0106 2:6");
    check_yaml("locals:\n  a: !!python/object:os.system [x]\n", "E0106 2:6");
    check_yaml("locals:\n  a: !!int x\n", "E0106 2:12");
    check_yaml("locals:\n  a: !!seq x\n", "E0106 2:6");
}

#[test]
fn yaml_keys_are_text() {
    check_yaml(
        "locals:\n  a: { 1: x, true: y, no: z, '${b}': w, 'null': v }\n",
        "-",
    );
    check_yaml("locals:\n  a:\n    ? [b]\n    : c\n", "E0113 3:7");
    check_yaml("locals:\n  a: { {b: c}: d }\n", "E0113 2:8");
    check_yaml("locals:\n  a: { ~: d }\n", "E0113 2:8");
    check_yaml("locals:\n  a: { null: d }\n", "E0113 2:8");
    check_yaml("locals:\n  a: { : d }\n", "E0113 2:8");
}

#[test]
fn yaml_is_indented_with_spaces() {
    check_yaml("locals:\n  a:\t1\n", "-");
    check_yaml("locals:\n  a: |\n    \tx\n", "-");
    check_yaml("locals:\n\ta: 1\n", "E0114 2:1");
    check_yaml("\tlocals: {}\n", "E0114 1:1");
    check_yaml("locals:\n  a:\n  \tb: 1\n", "E0114 3:3");
}

#[test]
fn yaml_aliases_have_a_budget() {
    check_yaml("locals:\n  a: &a [1, 2]\n  b: [*a, *a]\n", "-");
    check_yaml("locals:\n  a: *b\n", "E0116 2:6");
    check_yaml("locals:\n  a: &a [*a]\n", "E0101 2:10");
    let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (before, name) in ('a'..='h').zip('b'..='i') {
        let aliases = vec![format!("*{before}"); 9].join(",");
        bomb.push_str(&format!("{name}: &{name} [{aliases}]\n"));
    }
    assert!(bomb.len() < 500, "{}", bomb.len());
    assert!(first_fault("a.strata.yaml", bomb.as_bytes()).starts_with("E0101 6:"));
    let deep: String = (0..60)
        .map(|depth| format!("{}a: &a{depth}\n", " ".repeat(depth)))
        .collect();
    let wide = " ".repeat(60) + "b: [" + &"1,".repeat(100_000) + "]\n";
    assert!(first_fault("a.strata.yaml", (deep + &wide).as_bytes()).starts_with("E0101"));
}

#[test]
fn depth_has_a_limit() {
    check_yaml(&format!("locals: {}", "[".repeat(20_000)), "E0105 1:73");
    check_yaml(&format!("locals: {}", "{a: ".repeat(20_000)), "E0105 1:261");
    let deep: String = (0..1_000)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    check_yaml(&deep, "E0105 65:65");
    check_hcl(
        &format!("locals {{\n a = {}", "(".repeat(1_000_000)),
        "E0105 2:69",
    );
    check_hcl(&"a {\n".repeat(20_000), "E0105 65:3");
    check_hcl(
        &format!("locals {{\n a = {}", "[".repeat(20_000)),
        "E0105 2:69",
    );
    let just: String = format!("locals: {{a: {}1{}}}", "[".repeat(60), "]".repeat(60));
    check_yaml(&just, "-");
    check_yaml(
        &format!("locals: {{a: \"${{{}\"}}", "(".repeat(20_000)),
        "E0105 1:79",
    );
}

#[test]
fn size_has_a_limit() {
    assert_eq!(
        first_fault("a.strata.yaml", &vec![b'a'; 100_000_000]),
        "E0107 1:1"
    );
    assert_eq!(
        first_fault("a.strata.hcl", &vec![b'#'; 16 * 1024 * 1024 + 1]),
        "E0107 1:1"
    );
    assert_eq!(
        first_fault("a.strata.hcl", &vec![b'#'; 16 * 1024 * 1024]),
        "-"
    );
}

#[test]
fn values_have_a_limit() {
    let values = "1,".repeat(1_000_000);
    check_hcl(&format!("locals {{\na = [{values}]\n}}"), "E0107 2:2000004");
}

#[test]
fn files_are_utf8() {
    let check = |bytes: &[u8], expected: &str| {
        assert_eq!(first_fault("a.strata.yaml", bytes), expected, "{bytes:?}");
        assert_eq!(first_fault("a.strata.hcl", bytes), expected, "{bytes:?}");
    };
    check(b"\xef\xbb\xbf# x\n", "-");
    check(b"# x\r\n\r\n", "-");
    check(b"# x\n# \xff\n", "E0104 2:3");
    check(b"\xff\xfea\0", "E0104 1:1");
    check(b"# \xc0\xaf\n", "E0104 1:3");
    check(b"# a\0\n", "E0104 1:4");
}

#[test]
fn many_blocks_and_faults_take_time_in_proportion() {
    let many: String = (0..5_000).map(|index| format!("a{index}: 1\n")).collect();
    check_yaml(&many, "E0202 1:1");
    let object: String = (0..5_000).map(|index| format!("a{index} = 1\n")).collect();
    check_hcl(&format!("locals {{\n{object}}}\n"), "-");
    let providers: String = (0..5_000)
        .map(|index| format!("provider \"a\" {{\n alias = \"a{index}\"\n}}\n"))
        .collect();
    check_hcl(&providers, "-");
}
