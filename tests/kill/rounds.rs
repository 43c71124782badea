//! The kill loop: one project goes through its life again and again, and its runs are killed at random moments.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::harness::figures::Watch;
use crate::harness::judge::{Faults, judge_done, judge_known, took_effect};
use crate::harness::{Finished, Random, World, WorldOptions, figures, setting};

use super::estate::{Inputs, OBJECTS};

/// Kills of a run of the tests, unless `STRATA_KILLS` says otherwise.
const KILLS: u64 = 100;

/// Time limits are divided by it as delays are, and this machine's own time is not: it has to stay well below them.
const SPEED: u32 = 200;

/// Answers to mutating calls are late by 20 ms of this machine: a fast call of the real clouds.
const SLOW_ANSWERS: &str = "rules: [{ mutating: true, fault: { delay: { ms: 4000 } } }]";

/// How many runs in a row may end without success before a human would have to look.
const PATIENCE: u32 = 3;

/// A part of the project's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Create,
    Update,
    Replace,
    Destroy,
}

/// When a run is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So long after so many mutating calls of this run were sent.
    Calls(u64, Duration),
    /// So long after the start: it strikes recovery and planning.
    Start(Duration),
}

#[derive(Debug, Default)]
struct Figures {
    kills: u64,
    kills_of_recovery: u64,
    covered: u64,
    by_phase: BTreeMap<Phase, u64>,
    plans: u64,
    plans_with_calls: u64,
    runs: u64,
    faults: Faults,
}

struct Rounds {
    world: World,
    random: Random,
    wanted: u64,
    figures: Figures,
    /// Whether the last run was killed: the next one begins with recovery.
    after_kill: bool,
}

#[test]
fn killed_runs_lose_nothing_and_double_nothing() {
    let seed = Random::seed();
    let watch = Watch::start();
    let options = WorldOptions {
        faults: Some(SLOW_ANSWERS),
        speed: SPEED,
    };
    let mut rounds = Rounds {
        world: World::of_fixture("kill", options),
        random: Random::new(seed),
        wanted: setting("STRATA_KILLS", KILLS),
        figures: Figures::default(),
        after_kill: false,
    };
    figures(&format!(
        "seed {seed}: STRATA_SEED={seed} strikes at the same calls again"
    ));
    let mut generation = 0;
    while rounds.figures.kills < rounds.wanted {
        rounds.life(generation);
        generation += 2;
    }
    rounds.report(seed, watch);
}

impl Rounds {
    /// One life of the project, in which kills are spread over the phases.
    fn life(&mut self, generation: u32) {
        let one = Inputs {
            phase: "one",
            generation,
        };
        let two = Inputs {
            phase: "two",
            ..one
        };
        let next = Inputs {
            generation: generation + 1,
            ..two
        };
        self.phase(Phase::Create, one);
        self.phase(Phase::Update, two);
        self.phase(Phase::Replace, next);
        self.phase(Phase::Destroy, next);
    }

    /// Runs the phase's command until it ends by itself, killing it on the way, and judges what came of it.
    fn phase(&mut self, phase: Phase, inputs: Inputs) {
        let arguments = self.arguments(phase, inputs);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut unsuccessful = 0;
        loop {
            self.figures.runs += 1;
            let finished = match self.moment() {
                Some(moment) => self.run_and_kill(phase, &arguments, moment),
                None => Some(self.world.run(&arguments)),
            };
            let Some(finished) = finished else {
                self.after_kill(inputs);
                continue;
            };
            self.after_kill = false;
            if finished.code == Some(0) {
                return self.judge_end(phase, inputs);
            }
            unsuccessful += 1;
            let text = finished.text();
            figures(&format!(
                "{phase:?} was not killed and did not succeed: {text}"
            ));
            if unsuccessful == PATIENCE {
                self.figures.faults.stuck.push(text.clone());
                panic!(
                    "stuck: {}\n{}\n{text}",
                    self.figures.faults.counts(),
                    self.figures.faults
                );
            }
        }
    }

    /// Half of the lives apply a saved plan, which every run continues; the others plan anew.
    fn arguments(&mut self, phase: Phase, inputs: Inputs) -> Vec<String> {
        let variables = inputs.arguments();
        let common = ["-auto-approve", "-parallelism=10"].map(str::to_owned);
        let saved = inputs.generation % 4 >= 2 && phase != Phase::Destroy;
        if !saved {
            let verb = if phase == Phase::Destroy {
                "destroy"
            } else {
                "apply"
            };
            return [vec![verb.to_owned()], common.to_vec(), variables.to_vec()].concat();
        }
        let mut plan = vec!["plan".to_owned(), "-out=life.plan".to_owned()];
        plan.extend(variables.clone());
        let plan: Vec<&str> = plan.iter().map(String::as_str).collect();
        self.world.run(&plan).expect_code(0);
        [
            vec!["apply".to_owned()],
            common.to_vec(),
            variables.to_vec(),
            vec!["life.plan".to_owned()],
        ]
        .concat()
    }

    /// When the next run is killed; not at all once there were enough kills.
    fn moment(&mut self) -> Option<Moment> {
        if self.figures.kills >= self.wanted {
            return None;
        }
        if self.after_kill && self.random.percent(25) {
            return Some(Moment::Start(Duration::from_millis(
                self.random.below(1200),
            )));
        }
        let calls = 1 + self.random.below(25);
        Some(Moment::Calls(
            calls,
            Duration::from_micros(self.random.below(25_000)),
        ))
    }

    /// Returns what the run left if it ended before its moment came.
    fn run_and_kill(
        &mut self,
        phase: Phase,
        arguments: &[&str],
        moment: Moment,
    ) -> Option<Finished> {
        let before = self.world.tap.mutating();
        let mut running = self.world.start(arguments);
        let watch = Watch::start();
        let has_come = || match moment {
            Moment::Calls(calls, _) => self
                .world
                .tap
                .wait_for(before + calls, Duration::from_millis(5)),
            Moment::Start(delay) => {
                std::thread::sleep(Duration::from_millis(2));
                watch.elapsed() >= delay
            }
        };
        while !has_come() {
            if running.is_over() {
                return Some(running.wait());
            }
        }
        if let Moment::Calls(_, delay) = moment {
            std::thread::sleep(delay);
        }
        let finished = running.kill();
        // It may have been quicker than the signal.
        if finished.signal.is_none() {
            return Some(finished);
        }
        self.world.tap.settle();
        self.figures.kills += 1;
        self.figures.kills_of_recovery += u64::from(matches!(moment, Moment::Start(_)));
        *self.figures.by_phase.entry(phase).or_default() += 1;
        None
    }

    /// Judges what a kill left, and sometimes plans upon it.
    fn after_kill(&mut self, inputs: Inputs) {
        self.after_kill = true;
        let (state, ledger) = (self.world.remembered(), self.world.ledger());
        self.figures.faults.add(judge_known(&state, &ledger));
        let covered = state.open_ops.iter().any(|open| took_effect(open, &ledger));
        self.figures.covered += u64::from(covered);
        if self.random.percent(20) {
            let variables = inputs.arguments();
            let finished = self.world.run(&["plan", &variables[0], &variables[1]]);
            assert_eq!(
                finished.code,
                Some(0),
                "a plan after a kill: {}",
                finished.text()
            );
            let calls = |ledger: &strata_sandbox::Ledger| {
                ledger.calls.iter().filter(|call| call.mutating).count()
            };
            self.figures.plans += 1;
            self.figures.plans_with_calls +=
                u64::from(calls(&self.world.ledger()) != calls(&ledger));
        }
    }

    /// A run said that it is done.
    fn judge_end(&mut self, phase: Phase, inputs: Inputs) {
        let expected = match phase {
            Phase::Destroy => Vec::new(),
            Phase::Create | Phase::Update | Phase::Replace => inputs.expected(),
        };
        let (state, ledger) = (self.world.remembered(), self.world.ledger());
        let faults = judge_done(&state, &ledger, &expected);
        assert!(
            faults.is_empty(),
            "{phase:?} ended with exit code 0:\n{faults}"
        );
        self.figures.faults.add(faults);
        if phase != Phase::Destroy {
            let variables = inputs.arguments();
            self.world
                .expect_no_changes(&[&variables[0], &variables[1]]);
        }
    }

    fn report(&self, seed: u64, watch: Watch) {
        let Figures {
            kills,
            kills_of_recovery,
            covered,
            plans,
            plans_with_calls,
            runs,
            ..
        } = self.figures;
        let share = 100 * covered / kills.max(1);
        let phases: Vec<String> = self
            .figures
            .by_phase
            .iter()
            .map(|(p, n)| format!("{p:?} {n}"))
            .collect();
        let ledger = self.world.ledger();
        figures(&format!(
            "kill loop: seed={seed} objects={OBJECTS} kills={kills} ({}) of-recovery={kills_of_recovery} runs={runs} \
             {} effect-behind-open-intent={covered} ({share} %) plans-after-kill={plans} of-them-with-calls={plans_with_calls} \
             calls={} mutating={} objects-ever={} time={:.0?}",
            phases.join(", "),
            self.figures.faults.counts(),
            ledger.calls.len(),
            ledger.calls.iter().filter(|call| call.mutating).count(),
            ledger.objects.len(),
            watch.elapsed(),
        ));
        assert!(
            self.figures.faults.is_empty(),
            "seed {seed}:\n{}",
            self.figures.faults
        );
        assert_eq!(plans_with_calls, 0, "a plan makes no mutating calls");
        assert!(
            share >= 30,
            "only {share} % of the kills left an open intent whose effect exists"
        );
    }
}
