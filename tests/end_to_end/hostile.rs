//! Hostile definitions: refused with code and position, in little time and memory.

use std::fs;
use std::time::Duration;

use crate::harness::{World, WorldOptions, figures};

/// Limits for safety; the figures that are printed are far lower.
const SECONDS: u64 = 10;
const MEGABYTES: u64 = 256;

fn check(world: &World, name: &str, file: &str, text: &[u8]) -> String {
    let path = world.project().join(file);
    fs::write(&path, text).expect("the file can be written");
    let calls = world.ledger().calls.len();
    let finished = world
        .start(&["plan"])
        .wait_for(Duration::from_secs(60))
        .expect_code(65);
    fs::remove_file(&path).expect("the file can be removed");
    assert_eq!(world.ledger().calls.len(), calls, "{name}: calls");
    let text = finished.text();
    let has_code = text.contains("error[") || text.contains("(E") || text.contains("[E");
    assert!(has_code, "{name}: no code in {}", short(&text));
    let position = format!("{file}:");
    let has_position = text
        .split(&position)
        .skip(1)
        .any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    // Of a file that is too large nothing is read: the file is the position.
    let has_file = name.contains("100 MB") && text.contains(file);
    let has_position = has_position || has_file || text.contains(&format!("{file} line"));
    assert!(has_position, "{name}: no position in {}", short(&text));
    assert!(
        text.len() < 100_000,
        "{name}: a message of {} bytes",
        text.len()
    );
    assert!(
        finished.took < Duration::from_secs(SECONDS),
        "{name} took {:?}",
        finished.took
    );
    let megabytes = finished.peak_kib / 1024;
    assert!(megabytes <= MEGABYTES, "{name} took {megabytes} MB");
    format!("{name} {:.0?} {megabytes} MB", finished.took)
}

fn short(text: &str) -> String {
    text.chars().take(4000).collect()
}

/// Nine levels of nine aliases: 428 bytes that mean four hundred million values.
fn alias_bomb() -> String {
    let mut text = "locals:\n  a: &a [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n".to_owned();
    for (name, below) in "bcdefghi".chars().zip("abcdefgh".chars()) {
        let aliases = vec![format!("*{below}"); 9].join(",");
        text.push_str(&format!("  {name}: &{name} [{aliases}]\n"));
    }
    text
}

#[test]
fn hostile_definitions_are_refused_quickly() {
    let world = World::of_text(
        "project {\n  name = \"hostile\"\n}\n",
        WorldOptions::default(),
    );
    let local = |expression: &str| {
        format!("locals {{\n  x = {expression}\n}}\n\noutput \"x\" {{\n  value = local.x\n}}\n")
    };
    let parentheses = format!("{}1{}", "(".repeat(1_000_000), ")".repeat(1_000_000));
    let lists = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let yaml = |scalar: &str| {
        format!("locals:\n  x: {scalar}\noutput:\n  x: {{ value: \"${{local.x}}\" }}\n")
    };
    let maps = format!("{}1{}", "{a: ".repeat(20_000), "}".repeat(20_000));
    let product = "length([for a in range(10000) : [for b in range(10000) : [for c in range(10000) : a + b + c]]])";
    let cases: Vec<(&str, &str, String)> = vec![
        ("alias bomb", "bomb.strata.yaml", alias_bomb()),
        (
            "1,000,000 parentheses in HCL",
            "deep.strata.hcl",
            local(&parentheses),
        ),
        (
            "1,000,000 parentheses in YAML",
            "deep.strata.yaml",
            yaml(&format!("\"${{{parentheses}}}\"")),
        ),
        ("20,000 lists in HCL", "lists.strata.hcl", local(&lists)),
        ("20,000 lists in YAML", "lists.strata.yaml", yaml(&lists)),
        ("20,000 maps in YAML", "maps.strata.yaml", yaml(&maps)),
        (
            "100 MB scalar in HCL",
            "long.strata.hcl",
            local(&format!("\"{}\"", "x".repeat(100_000_000))),
        ),
        (
            "100 MB scalar in YAML",
            "long.strata.yaml",
            yaml(&format!("\"{}\"", "x".repeat(100_000_000))),
        ),
        (
            "format",
            "format.strata.hcl",
            local("format(\"%1000000000d\", 1)"),
        ),
        ("range", "range.strata.hcl", local("range(1000000000)")),
        ("for products", "product.strata.hcl", local(product)),
        ("strings that double", "double.strata.hcl", doubling()),
    ];
    let lines: Vec<String> = cases
        .iter()
        .map(|(name, file, text)| check(&world, name, file, text.as_bytes()))
        .collect();
    figures(&format!(
        "hostile definitions, all refused with 65: {}",
        lines.join(", ")
    ));
}

/// Forty locals, each twice the one before.
fn doubling() -> String {
    let mut text = "locals {\n  s0 = \"0123456789abcdef\"\n".to_owned();
    for level in 1..=40 {
        let below = level - 1;
        text.push_str(&format!(
            "  s{level} = \"${{local.s{below}}}${{local.s{below}}}\"\n"
        ));
    }
    text.push_str("}\n\noutput \"x\" {\n  value = length(local.s40)\n}\n");
    text
}
