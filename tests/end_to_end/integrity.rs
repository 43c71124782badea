//! States that are damaged, lost or not of this project: refused before any call.

use std::fs;
use std::path::Path;

use crate::harness::remembered::remembered;
use crate::harness::{Random, World, WorldOptions, figures};

const PROJECT: &str = r#"
provider "aws" {
  region = "eu-west-1"
}

resource "aws_iam_role" "some" {
  count = 12

  name               = "integrity-${count.index}"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "strata_data" "note" {
  input = { roles = [for role in aws_iam_role.some : role.arn] }
}
"#;

fn applied() -> (World, Vec<u8>) {
    let world = World::of_text(PROJECT, WorldOptions::default());
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    let path = world.state_file();
    let log = fs::metadata(path.with_extension("db-wal")).map_or(0, |metadata| metadata.len());
    assert_eq!(log, 0, "a run that ends leaves everything in one file");
    let bytes = fs::read(path).expect("the state can be read");
    (world, bytes)
}

/// Every command that needs the state refuses it, before any call.
#[track_caller]
fn expect_refused(world: &World, why: &str) {
    let calls = world.ledger().calls.len();
    for args in [
        &["plan"][..],
        &["apply", "-auto-approve"],
        &["destroy", "-auto-approve"],
        &["state", "list"],
    ] {
        let finished = world.run(args);
        assert_eq!(finished.code, Some(73), "{why}: {}", finished.text());
        let text = finished.text();
        assert!(
            text.contains("state"),
            "{why}: the message does not name the state: {text}"
        );
    }
    assert_eq!(
        world.ledger().calls.len(),
        calls,
        "{why}: calls before the refusal"
    );
}

#[track_caller]
fn expect_good(world: &World) {
    world.expect_no_changes(&[]);
}

#[test]
fn damaged_states_are_refused_before_any_call() {
    let (world, good) = applied();
    let path = world.state_file();
    let write = |bytes: &[u8]| fs::write(&path, bytes).expect("the state can be written");
    let foreign = b"SQLite format 3\0"
        .iter()
        .copied()
        .chain([0; 4080])
        .collect::<Vec<u8>>();
    let cases: [(&str, Vec<u8>); 7] = [
        ("zero bytes", Vec::new()),
        ("half of it", good[..good.len() / 2].to_vec()),
        ("without its last page", good[..good.len() - 4096].to_vec()),
        ("cut inside a page", good[..good.len() - 100].to_vec()),
        ("one page only", good[..4096].to_vec()),
        ("text", b"this is no database".to_vec()),
        ("another database", foreign),
    ];
    for (why, bytes) in &cases {
        write(bytes);
        expect_refused(&world, why);
    }
    write(&good);
    expect_good(&world);
    figures(&format!(
        "damaged states: {} forms refused with 73 and 0 calls, work continues",
        cases.len()
    ));
}

/// What one flipped bit did.
enum Flip {
    /// The state was refused.
    Refused,
    /// It was read, and says what it said before.
    Harmless,
}

fn flip(world: &World, good: &[u8], (at, bit): (usize, u8)) -> Flip {
    let path = world.state_file();
    let mut bytes = good.to_vec();
    bytes[at] ^= 1 << bit;
    fs::write(&path, &bytes).expect("the state can be written");
    let before = {
        fs::write(world.root().join("good.db"), good).expect("a copy can be written");
        remembered(&world.root().join("good.db")).expect("the good state can be read")
    };
    match remembered(&path) {
        Err(_refused) => Flip::Refused,
        Ok(after) => {
            assert_eq!(
                after, before,
                "bit {bit} of byte {at} was accepted silently"
            );
            Flip::Harmless
        }
    }
}

#[test]
fn flipped_bits_are_refused_or_mean_nothing() {
    let seed = Random::seed();
    let mut random = Random::new(seed);
    let (world, good) = applied();
    let path = world.state_file();
    let (mut refused, mut harmless, mut plans) = (0, 0, 0);
    let mut any = |end: usize| usize::try_from(random.below(end as u64)).expect("it is small");
    // A few in every page, and every word of the rows themselves.
    let mut places: Vec<usize> = (0..good.len() / 4096)
        .flat_map(|page| [0; 4].map(|_| page * 4096))
        .map(|page| page + any(4096))
        .collect();
    places.extend(places_of(&good, b"integrity-"));
    for (round, at) in places.iter().enumerate() {
        let bit = u8::try_from(any(8)).expect("it is small");
        let flipped = flip(&world, &good, (*at, bit));
        match flipped {
            Flip::Refused => refused += 1,
            Flip::Harmless => harmless += 1,
        }
        if round % 12 != 0 {
            continue;
        }
        plans += 1;
        let calls = world.ledger().calls.len();
        let finished = world.run_without_calls(&["plan", "-detailed-exitcode"]);
        match (finished.code, flipped) {
            // Planning reads more than rows: what was harmless may be refused there.
            (Some(73), Flip::Refused | Flip::Harmless) => {
                let after = world.ledger().calls.len();
                assert_eq!(
                    after,
                    calls,
                    "calls before the refusal: {}",
                    finished.text()
                );
            }
            (Some(0), Flip::Harmless) => {}
            _ => panic!(
                "seed {seed}: bit {bit} of byte {at} flipped: {}",
                finished.text()
            ),
        }
    }
    fs::write(&path, &good).expect("the state can be written");
    expect_good(&world);
    figures(&format!(
        "flipped bits: seed={seed} bits={} refused={refused} harmless={harmless} silently-accepted=0; plans={plans}",
        places.len()
    ));
    assert!(refused >= 20, "every bit of a row matters: {refused}");
}

/// Where a text is in the state's rows. Elsewhere it may be in bytes that are no longer used.
fn places_of(bytes: &[u8], text: &[u8]) -> Vec<usize> {
    let is_there = |window: &(usize, &[u8])| window.1 == text;
    bytes
        .windows(text.len())
        .enumerate()
        .filter(is_there)
        .map(|(at, _)| at)
        .collect()
}

#[test]
fn an_older_copy_is_refused() {
    let (world, old) = applied();
    world.define(&PROJECT.replace("count = 12", "count = 13"));
    world.run(&["apply", "-auto-approve"]).expect_code(0);
    let new = fs::read(world.state_file()).expect("the state can be read");
    fs::write(world.state_file(), &old).expect("the state can be written");
    expect_refused(&world, "an older copy");
    fs::write(world.state_file(), &new).expect("the state can be written");
    expect_good(&world);
}

#[test]
fn a_lineage_without_its_state_is_refused_until_a_new_one_is_asked_for() {
    let world = World::of_text(
        "resource \"strata_data\" \"one\" {\n  input = \"a\"\n}\n",
        WorldOptions::default(),
    );
    let run = |args: &[&str]| world.run_outside(args);
    run(&["apply", "-auto-approve"]).expect_code(0);
    assert!(
        world.project().join("strata.lock").is_file(),
        "apply does what init does"
    );
    let state = world.project().join(".strata/state.db");
    let aside = world.project().join("aside");
    fs::create_dir(&aside).expect("a directory can be made");
    move_state(&state, &aside.join("state.db"));
    for args in [
        &["plan"][..],
        &["apply", "-auto-approve"],
        &["destroy", "-auto-approve"],
        &["output"],
    ] {
        run(args).expect_code(73);
    }
    assert!(!state.exists(), "a refused run makes no state");
    move_state(&aside.join("state.db"), &state);
    run(&["plan", "-detailed-exitcode"]).expect_code(0);
    fs::remove_file(&state).expect("the state can be removed");
    run(&["init"]).expect_code(73);
    run(&["init", "--new-state"]).expect_code(0);
    run(&["plan", "-detailed-exitcode"]).expect_code(2);
}

/// Moves a state with what belongs to it.
fn move_state(from: &Path, to: &Path) {
    for suffix in ["", ".lock"] {
        let with = |path: &Path| format!("{}{suffix}", path.display());
        if Path::new(&with(from)).exists() {
            fs::rename(with(from), with(to)).expect("the state can be moved");
        }
    }
}
