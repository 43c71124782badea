//! Random sequences of writes on objects, carried out here and by two judges: the API server's own field manager
//! (`k8s.io/apimachinery`, built as the small program in `judge/`), and a whole API server that runs on loopback. Object,
//! managed fields and conflicts must be equal.
//!
//! Three managers apply, with and without force, and update: built-in kinds with maps, sets, atomic and keyed lists, a
//! custom kind in two versions that has every kind of list and map nested, and a kind without a schema. Some managed fields
//! come from nowhere: in versions that are not served, of lists and maps that have become one piece, from more updaters
//! than a server tells apart. `STRATA_OBJECTS_SEQUENCES` says how many sequences run, `STRATA_OBJECTS_SEED` from where
//! they start.
//!
//! A whole server fills in defaults and validates. So what a sequence applies there is valid for the most part, and an
//! object foreseen here is compared as the server would store it, had it been written plainly. What is no apply is
//! foreseen from the object that the server made of it.

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
#[path = "objects/server.rs"]
mod server;
#[path = "objects/valid.rs"]
mod valid;

use std::io::{self, Write as _};
use std::panic::resume_unwind;
use std::thread;

use contenders::{Contest, Kind, Outcome, Write};
use judge::Judge;
use random::Random;
use server::{Answer, Server};
use strata_control_plane::{ControlPlane, Parts};
use strata_kubernetes_merge::custom::CustomKind;
use strata_kubernetes_merge::openapi::Models;
use strata_kubernetes_merge::{builtin, custom as definitions};

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

/// Which sequences run: the first, and how many.
fn chosen() -> (u64, u64) {
    (
        number("STRATA_OBJECTS_SEED", 1),
        number("STRATA_OBJECTS_SEQUENCES", SEQUENCES),
    )
}

/// The models of the newest minor and of definitions, and where the objects of these are.
fn models(added: &[serde_json::Value]) -> (Models, Vec<CustomKind>) {
    let (mut models, mut kinds) = (newest().models(), Vec::new());
    for definition in added {
        kinds.extend(definitions::add(&mut models, definition).unwrap());
    }
    (models, kinds)
}

fn newest() -> builtin::Minor {
    builtin::minor(builtin::minors().last().unwrap()).unwrap()
}

#[test]
fn writes_end_as_they_do_on_an_api_server() {
    let (first, sequences) = chosen();
    let (models, _) = models(&[custom::definition()]);
    let mut judge = Judge::start(&models.document());
    let kinds = contenders::kinds(&models);
    let mut seen = Seen::default();
    for seed in first..first + sequences {
        let kind = &kinds[usize::try_from(seed).unwrap() % kinds.len()];
        run(seed, kind, &mut judge, &mut seen);
    }
    seen.check("field manager", sequences);
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
    /// Writes that the server did not take for another reason than a conflict.
    refused: u64,
}

impl Seen {
    fn count(&mut self, (write, before): (&Write, &serde_json::Value), outcome: &Outcome) {
        let after = &outcome.object;
        self.conflicts += u64::from(!outcome.conflicts.is_empty());
        self.changed += u64::from(after != before);
        self.capped += u64::from(contenders::is_capped(after));
        self.removed += u64::from(write.applies() && contenders::has_lost(before, after));
        self.refused += u64::from(outcome.error.is_some());
    }

    fn add(&mut self, other: &Self) {
        self.conflicts += other.conflicts;
        self.changed += other.changed;
        self.removed += other.removed;
        self.capped += other.capped;
        self.refused += other.refused;
    }

    /// Sequences in which nothing happens would prove nothing.
    fn check(&self, judge: &str, sequences: u64) {
        let writes = u64::try_from(WRITES).unwrap() * sequences;
        let figures = format!(
            "{sequences} sequences against the {judge}: {writes} writes, {self:?}, 0 differences\n"
        );
        // What is printed past the harness is shown when the test passes, too.
        io::stdout().write_all(figures.as_bytes()).unwrap();
        let enough =
            |count: u64, share: u64| assert!(count * 100 > writes * share, "{self:?} of {writes}");
        enough(self.conflicts, 3);
        enough(self.changed, 40);
        enough(self.removed, 5);
        assert!(sequences < 100 || self.capped > 0, "{self:?}");
    }
}

fn run(seed: u64, kind: &Kind, judge: &mut Judge, seen: &mut Seen) {
    let mut random = Random::new(seed);
    let mut contest = Contest::new(kind);
    judge.begin(kind);
    let mut story = Vec::new();
    for _ in 0..WRITES {
        let write = contest.next_write(&mut random);
        story.push(write.to_string());
        let before = contest.live().clone();
        let (ours, theirs) = (contest.carry_out(&write), judge.carry_out(&write));
        assert!(
            ours.agrees_with(&theirs),
            "seed {seed}, {}\n{}\nbefore {before}\n{}",
            kind.kind,
            story.join("\n"),
            ours.difference(&theirs),
        );
        seen.count((&write, &before), &ours);
    }
}

/// How many connections carry out sequences at once.
const CONNECTIONS: u64 = 2;

#[test]
fn writes_end_as_they_do_on_a_running_server() {
    let (first, sequences) = chosen();
    let added = [custom::definition(), custom::open_definition()];
    let (models, custom_kinds) = models(&added);
    let custom_resources = custom_kinds.into_iter().map(|kind| kind.resource);
    let resources = server::resources(newest().resources(), custom_resources.collect());
    let plane = ControlPlane::start(Parts::Api).unwrap();
    server::define(
        &plane,
        &added,
        &contenders::served_kinds(&models),
        &resources,
    );

    let work = |connection: u64| {
        let kinds = contenders::served_kinds(&models);
        let mut server = Server::connect(&plane, &resources);
        let mut seen = Seen::default();
        for seed in (first..first + sequences).filter(|seed| seed % CONNECTIONS == connection) {
            let kind = &kinds[usize::try_from(seed / CONNECTIONS).unwrap() % kinds.len()];
            run_on(&mut server, seed, kind, &mut seen);
        }
        seen
    };
    let mut seen = Seen::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                scope.spawn({
                    let work = &work;
                    move || work(connection)
                })
            })
            .collect();
        for worker in workers {
            seen.add(&worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
    });
    seen.check("running API server", sequences);
    // What is not valid says little about merging.
    assert!(
        seen.refused * 4 < sequences * u64::try_from(WRITES).unwrap(),
        "{seen:?}"
    );
}

fn run_on(server: &mut Server<'_>, seed: u64, kind: &Kind, seen: &mut Seen) {
    let mut random = Random::new(seed);
    let mut contest = Contest::new(kind);
    server.begin();
    let mut story = Vec::new();
    for _ in 0..WRITES {
        let write = contest.next_write(&mut random);
        story.push(write.to_string());
        let before = contest.live().clone();
        let (ours, theirs) = if write.applies() {
            applied(&contest, server, &write)
        } else {
            updated(&contest, server, &write)
        };
        assert!(
            ours.agrees_with(&theirs),
            "seed {seed}, {}\n{}\nbefore {before}\n{}",
            kind.kind,
            story.join("\n"),
            ours.difference(&theirs),
        );
        seen.count((&write, &before), &theirs);
        if theirs.is_success() {
            contest.go_on_from(theirs.object);
        }
    }
}

/// How an apply ends by us and by the server, in one spelling.
fn applied(contest: &Contest<'_>, server: &mut Server<'_>, write: &Write) -> (Outcome, Outcome) {
    let live = contest.stored();
    let mut ours = contest.foresee(write, &server::last_write(contest.live()));
    let mut finished = None;
    if ours.is_success() && live.is_some() {
        finished = Some(server.finished(&ours.object, live));
    }
    let answer = server.carry_out(write);
    // Before it is stored a new object lacks what only the server knows.
    if ours.is_success() && live.is_none() {
        finished = Some(server.finished(&ours.object, answer.stored()));
    }
    let mut wrong = custom::forbidden_nulls(&ours.object);
    if let (true, false, Answer::Refused(refusal)) = (ours.is_success(), wrong.is_empty(), &answer)
    {
        // A plain write drops them.
        if let Some(Answer::Refused(finished)) = &finished {
            wrong.extend(finished.fields());
        }
        assert_eq!(wrong, refusal.fields(), "refused for something else");
        let ours = Outcome::refused(contest.live(), refusal);
        return (ours, theirs(contest, answer));
    }
    match finished {
        Some(Answer::Stored(object)) => ours.become_as(object),
        Some(Answer::Refused(refusal)) => {
            if let Answer::Refused(theirs) = &answer {
                assert_eq!(theirs, &refusal, "refused for something else");
            }
            ours = Outcome::refused(contest.live(), &refusal);
        }
        Some(Answer::Conflicts(conflicts)) => ours.conflicts = conflicts,
        None => {}
    }
    (ours, theirs(contest, answer))
}

/// How another write than an apply ends by us and by the server.
fn updated(contest: &Contest<'_>, server: &mut Server<'_>, write: &Write) -> (Outcome, Outcome) {
    let answer = server.carry_out(write);
    let ours = match &answer {
        Answer::Stored(stored) => {
            let read = server::as_read(write, stored);
            let mut ours = contest.foresee(&read, &server::last_write(stored));
            // When it cannot say who holds what, the server writes it down that nobody does.
            if ours.error.is_some() {
                ours = Outcome::of(server::held_by_nobody(stored));
            }
            // What was sent is stored; the question is who holds it.
            ours.become_as(stored.clone());
            ours
        }
        // The object is not valid as it was sent: there is nothing to foresee.
        Answer::Refused(refusal) => Outcome::refused(contest.live(), refusal),
        Answer::Conflicts(_) => Outcome::of(contest.live().clone()),
    };
    (ours, theirs(contest, answer))
}

fn theirs(contest: &Contest<'_>, answer: Answer) -> Outcome {
    match answer {
        Answer::Stored(stored) => Outcome::of(stored),
        Answer::Refused(refusal) => Outcome::refused(contest.live(), &refusal),
        Answer::Conflicts(conflicts) => Outcome {
            conflicts,
            ..Outcome::of(contest.live().clone())
        },
    }
}
