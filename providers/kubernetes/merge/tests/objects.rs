//! Random sequences of writes on objects, carried out here and by the API server's own field manager
//! (`k8s.io/apimachinery`, built as the small program in `judge/`). Object, managed fields and conflicts must be equal.
//!
//! Three managers apply, with and without force, and update: built-in kinds with maps, sets, atomic and keyed lists, a
//! custom kind in two versions that has every kind of list and map nested, and a kind without a schema. Some managed fields
//! come from nowhere: in versions that are not served, of lists and maps that have become one piece, from more updaters
//! than a server tells apart. `STRATA_OBJECTS_SEQUENCES` says how many sequences run, `STRATA_OBJECTS_SEED` from where
//! they start.

#![expect(
    clippy::unwrap_used,
    reason = "what the test is made of is in no function marked as a test, where unwrap is allowed"
)]

#[path = "objects/contenders.rs"]
mod contenders;
#[path = "objects/custom.rs"]
mod custom;
#[path = "objects/generate.rs"]
mod generate;
#[path = "objects/judge.rs"]
mod judge;
#[path = "objects/random.rs"]
mod random;

use contenders::Kind;
use judge::Judge;
use random::Random;
use strata_kubernetes_merge::builtin;

/// How many sequences run when nothing else is asked for.
const SEQUENCES: u64 = 200;

/// How many writes a sequence has.
const WRITES: usize = 10;

#[expect(
    clippy::disallowed_methods,
    reason = "a test's own setting, which nothing in the product reads"
)]
fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| {
        text.parse().expect("the variable is a number")
    })
}

#[test]
fn writes_end_as_they_do_on_an_api_server() {
    let (first, sequences) = (
        number("STRATA_OBJECTS_SEED", 1),
        number("STRATA_OBJECTS_SEQUENCES", SEQUENCES),
    );
    let mut models = builtin::minor(builtin::minors().last().unwrap())
        .unwrap()
        .models();
    strata_kubernetes_merge::custom::add(&mut models, &custom::definition()).unwrap();
    let mut judge = Judge::start(&models.document());
    let kinds = contenders::kinds(&models);
    let mut seen = Seen::default();
    for seed in first..first + sequences {
        let kind = &kinds[usize::try_from(seed).unwrap() % kinds.len()];
        run(seed, kind, &mut judge, &mut seen);
    }
    // Sequences in which nothing happens would prove nothing.
    let writes = u64::try_from(WRITES).unwrap() * sequences;
    let enough =
        |count: u64, share: u64| assert!(count * 100 > writes * share, "{seen:?} of {writes}");
    enough(seen.conflicts, 3);
    enough(seen.changed, 40);
    enough(seen.removed, 5);
    assert!(sequences < 100 || seen.capped > 0, "{seen:?}");
}

/// What happened in the sequences.
#[derive(Debug, Default)]
struct Seen {
    conflicts: u64,
    changed: u64,
    /// Applies that took a field away.
    removed: u64,
    /// Writes after which the server no longer tells all updaters apart.
    capped: u64,
}

fn run(seed: u64, kind: &Kind, judge: &mut Judge, seen: &mut Seen) {
    let mut random = Random::new(seed);
    let mut contest = contenders::Contest::new(kind);
    judge.begin(kind);
    let mut story = Vec::new();
    for _ in 0..WRITES {
        let write = contest.next_write(&mut random);
        story.push(write.to_string());
        let before = contest.live().clone();
        let (ours, theirs) = (contest.carry_out(&write), judge.carry_out(&write));
        assert!(
            ours.agrees_with(&theirs),
            "seed {seed}, {}\n{}\nbefore {before:#}\nours   {ours:#?}\ntheirs {theirs:#?}\n{}",
            kind.kind,
            story.join("\n"),
            ours.difference(&theirs),
        );
        seen.conflicts += u64::from(!ours.conflicts.is_empty());
        seen.changed += u64::from(ours.object != before);
        seen.capped += u64::from(contenders::is_capped(&ours.object));
        seen.removed += u64::from(write.applies() && contenders::has_lost(&before, &ours.object));
    }
}
