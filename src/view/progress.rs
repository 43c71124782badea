//! What goes on during an apply: lines as Terraform writes them, and on a terminal a tree of what is running.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strata_model::Clock;
use strata_model::event::{Event, StepEvent};
use strata_model::plan::Action;
use strata_model::state::OpOutcome;

use super::style::{Paint, escape_line};
use super::{Ui, events};

/// How often a step without news is said to go on, where there is no terminal.
const STILL: Duration = Duration::from_secs(10);
/// How much later than that a step is spoken for that tells by itself how it goes, which it does about as often: the same is
/// not said twice.
const GRACE: Duration = Duration::from_secs(5);
/// Most lines of the tree.
const TREE_LINES: usize = 16;

/// Shows the events of a run as they come.
#[derive(Debug)]
pub struct Progress<'a> {
    ui: &'a Ui,
    /// The cloud's time: what is shown is measured with it, as the engine measures what a step took.
    cloud: Arc<dyn Clock>,
    /// How much faster than the system's time that is.
    speed: f64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    total: usize,
    done: usize,
    failed: usize,
    began: Duration,
    running: BTreeMap<u32, Running>,
}

#[derive(Debug)]
struct Running {
    step: StepEvent,
    /// When it began, on the cloud's clock.
    began: Duration,
    /// When it is said to go on if it has no news until then, on the system's clock.
    overdue: Duration,
    waiting_for: Option<String>,
}

/// The time, by both clocks.
#[derive(Debug, Clone, Copy)]
struct Now {
    system: Duration,
    cloud: Duration,
}

impl State {
    fn note(&mut self, event: &Event, now: Now) {
        match event {
            Event::RunStarted { steps, .. } => self.total = *steps,
            Event::StepStarted(step) => {
                let running = Running {
                    step: step.clone(),
                    began: now.cloud,
                    overdue: now.system + STILL,
                    waiting_for: None,
                };
                self.running.insert(step.number, running);
            }
            Event::StepProgress { step, message, .. } | Event::StepRetry { step, message, .. } => {
                if let Some(running) = self.running.get_mut(&step.number) {
                    running.waiting_for = Some(message.clone());
                    running.overdue = now.system + STILL + GRACE;
                }
            }
            Event::StepFinished { step, .. } | Event::StepLeftAlone { step, .. } => {
                self.running.remove(&step.number);
                self.done += 1;
            }
            Event::StepFailed { step, .. } => {
                self.running.remove(&step.number);
                self.failed += 1;
            }
            Event::Recovered { .. }
            | Event::Foreseen { .. }
            | Event::StepWarning { .. }
            | Event::StepSkipped { .. }
            | Event::Stopping => {}
        }
    }

    /// What is to be said of steps that have had no news for long.
    fn overdue(&mut self, now: Now) -> Vec<Event> {
        let running = self.running.values_mut();
        let overdue = running.filter(|running| now.system >= running.overdue);
        let events = overdue.map(|running| {
            running.overdue += STILL;
            Event::StepProgress {
                step: running.step.clone(),
                elapsed: now.cloud.saturating_sub(running.began),
                message: running.waiting_for.clone().unwrap_or_default(),
            }
        });
        events.collect()
    }
}

impl<'a> Progress<'a> {
    /// A view of one run on clouds whose time is that of `cloud`, `speed` times as fast as the system's.
    pub fn new(ui: &'a Ui, cloud: Arc<dyn Clock>, speed: f64) -> Self {
        let state = State {
            began: cloud.elapsed(),
            ..State::default()
        };
        Progress {
            ui,
            cloud,
            speed,
            state: Mutex::new(state),
        }
    }

    /// Takes an event.
    pub fn event(&self, event: &Event) {
        self.note(event);
        if let Some(text) = words(event) {
            tracing::info!(target: "strata::run", "{text}");
        }
        if let Some((kind, message, fields)) = events::run_event(event) {
            self.ui.event(kind, &message, fields);
        }
        if !self.ui.wants_text() {
            return;
        }
        if let Some(text) = self.about_time(event) {
            self.ui.line(&text);
        }
        // The tree shows what runs; only what ends deserves a line of its own on a terminal.
        let quiet = (self.ui.settings().live || self.ui.settings().concise)
            && matches!(event, Event::StepStarted(_) | Event::StepProgress { .. });
        if let Some(text) = words(event).filter(|_| !quiet) {
            self.ui.line(&self.painted(event, &text));
        }
        self.draw();
    }

    /// To be called about every second: the tree's times go on, and without a terminal long steps are mentioned.
    pub fn tick(&self) {
        if self.ui.settings().live {
            self.draw();
        }
        let now = self.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let overdue = state.overdue(now);
        drop(state);
        for event in overdue {
            if let Some((kind, message, fields)) = events::run_event(&event) {
                self.ui.event(kind, &message, fields);
            }
            let settings = self.ui.settings();
            let said = self.ui.wants_text() && !settings.concise && !settings.live;
            if let Some(text) = words(&event).filter(|_| said) {
                self.ui.line(&text);
            }
        }
    }

    /// Takes the tree away.
    pub fn finish(&self) {
        self.ui.live(&[]);
    }

    /// Says at the begin of a run whose times are meant, where the cloud's pass faster than those of people.
    fn about_time(&self, event: &Event) -> Option<String> {
        let begins = matches!(event, Event::RunStarted { steps, .. } if *steps > 0);
        let differs = (self.speed - 1.0).abs() > f64::EPSILON;
        (begins && differs).then(|| {
            format!(
                "Times are those of the emulated clouds, where time runs {} times as fast.\n",
                self.speed
            )
        })
    }

    fn note(&self, event: &Event) {
        let now = self.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.note(event, now);
    }

    fn now(&self) -> Now {
        Now {
            system: self.ui.clock().elapsed(),
            cloud: self.cloud.elapsed(),
        }
    }

    fn painted(&self, event: &Event, text: &str) -> String {
        let style = self.ui.style();
        match event {
            Event::StepFailed { .. } => style.paint(Paint::Red, text),
            Event::StepRetry { .. }
            | Event::Foreseen { .. }
            | Event::StepWarning { .. }
            | Event::StepLeftAlone { .. }
            | Event::StepSkipped { .. }
            | Event::Stopping => style.paint(Paint::Yellow, text),
            Event::StepFinished { .. } => style.bold(text),
            Event::RunStarted { .. }
            | Event::Recovered { .. }
            | Event::StepStarted(_)
            | Event::StepProgress { .. } => text.to_owned(),
        }
    }

    fn draw(&self) {
        if !self.ui.settings().live {
            return;
        }
        let now = self.cloud.elapsed();
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = tree(&state, now);
        drop(state);
        let width = self.ui.settings().width.saturating_sub(1);
        let cut = |line: &String| line.chars().take(width).collect::<String>();
        let style = self.ui.style();
        let painted: Vec<String> = lines.iter().map(|line| style.dim(&cut(line))).collect();
        self.ui.live(&painted);
    }
}

/// The running steps below the cluster or stack that they belong to.
fn tree(state: &State, now: Duration) -> Vec<String> {
    if state.running.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "{} of {} done, {} running{}  {}",
        state.done,
        state.total,
        state.running.len(),
        if state.failed > 0 {
            format!(", {} failed", state.failed)
        } else {
            String::new()
        },
        duration(now.saturating_sub(state.began))
    )];
    let mut branches: BTreeMap<String, Vec<&Running>> = BTreeMap::new();
    for running in state.running.values() {
        branches
            .entry(running.step.address.scope.to_string())
            .or_default()
            .push(running);
    }
    for (scope, leaves) in branches {
        let inside = !scope.is_empty();
        if inside {
            lines.push(format!("├─ {}", escape_line(&scope)));
        }
        for running in leaves {
            let local = strata_model::Address {
                scope: strata_model::Scope::root(),
                ..running.step.address.clone()
            };
            let waiting = running.waiting_for.as_ref().filter(|text| !text.is_empty());
            let waiting = waiting
                .map(|text| format!("  ({})", escape_line(text)))
                .unwrap_or_default();
            lines.push(format!(
                "{}├─ {} {}{}  {}{waiting}",
                if inside { "│  " } else { "" },
                escape_line(&local.to_string()),
                verbs(running.step.action).still,
                stage(&running.step),
                duration(now.saturating_sub(running.began)),
            ));
        }
    }
    if lines.len() > TREE_LINES {
        let more = lines.len() - TREE_LINES;
        lines.truncate(TREE_LINES);
        lines.push(format!("└─ and {more} more"));
    }
    lines
}

struct Verbs {
    start: &'static str,
    still: &'static str,
    done: &'static str,
}

fn verbs(action: Action) -> Verbs {
    let (start, still, done) = match action {
        Action::Create => ("Creating", "creating", "Creation complete"),
        Action::Update => ("Modifying", "modifying", "Modifications complete"),
        Action::Delete => ("Destroying", "destroying", "Destruction complete"),
        Action::Read => ("Reading", "reading", "Read complete"),
        Action::Move => ("Moving", "moving", "Move complete"),
        Action::Import => ("Importing", "importing", "Import complete"),
        Action::Forget => ("Forgetting", "forgetting", "Forgotten"),
        Action::Record => ("Recording", "recording", "Recorded"),
    };
    Verbs { start, still, done }
}

/// Which stage a step is, where its change has them.
fn stage(step: &StepEvent) -> String {
    let stage = step.stage.as_ref();
    stage.map_or_else(String::new, |label| format!(" ({})", escape_line(label)))
}

/// An event as a line for people; `None` for what needs no line.
pub fn words(event: &Event) -> Option<String> {
    let name = |step: &StepEvent| escape_line(&step.address.to_string());
    let id = |id: &Option<String>| {
        id.as_ref()
            .map(|id| format!(" [id={}]", escape_line(id)))
            .unwrap_or_default()
    };
    Some(match event {
        Event::RunStarted { .. } => return None,
        Event::Foreseen { code, key, message, hint } => {
            let key = key.as_ref().map(|key| format!("{}: ", escape_line(&key.to_string()))).unwrap_or_default();
            format!("{key}Warning [{code}]: {}\n  hint: {}", escape_line(message), escape_line(hint))
        }
        Event::Recovered { key, outcome } => {
            let found = match outcome {
                OpOutcome::Present | OpOutcome::Succeeded => "found, taken into the state",
                OpOutcome::Partial => "found incomplete, taken into the state",
                OpOutcome::Absent | OpOutcome::Failed => "it had no effect",
            };
            format!("{}: Interrupted operation: {found}", escape_line(&key.to_string()))
        }
        Event::StepStarted(step) => {
            format!("{}: {}{}...{}", name(step), verbs(step.action).start, stage(step), id(&step.id))
        }
        Event::StepProgress { step, elapsed, message } => {
            let waiting = if message.is_empty() { String::new() } else { format!(" ({})", escape_line(message)) };
            let verb = verbs(step.action).still;
            format!("{}: Still {verb}{}...{} [{} elapsed]{waiting}", name(step), stage(step), id(&step.id), duration(*elapsed))
        }
        Event::StepWarning { step, message } => format!("{}: Warning: {}", name(step), escape_line(message)),
        Event::StepRetry { step, message, delay } => {
            format!("{}: Trying again in {}: {}", name(step), duration(*delay), escape_line(message))
        }
        Event::StepFinished { step, elapsed, id: new } => {
            let shown = if new.is_some() { id(new) } else { String::new() };
            format!("{}: {}{} after {}{shown}", name(step), verbs(step.action).done, stage(step), duration(*elapsed))
        }
        Event::StepLeftAlone { step, reason, .. } => format!("{}: Left alone: {}", name(step), escape_line(reason)),
        Event::StepFailed { step, elapsed, message, hint } => {
            let hint = hint.as_ref().map(|hint| format!("\n  hint: {}", escape_line(hint))).unwrap_or_default();
            let verb = verbs(step.action).start;
            format!("{}: {verb}{} failed after {}: {}{hint}", name(step), stage(step), duration(*elapsed), escape_line(message))
        }
        Event::StepSkipped { step, reason } => format!("{}: Skipped: {}", name(step), escape_line(reason)),
        Event::Stopping => {
            "\nInterrupt received. Waiting for the running steps to finish; nothing new begins. Interrupt again to \
             stop at once.\n"
                .to_owned()
        }
    })
}

/// What became of an interrupted operation, told by a command that must not write it down.
pub fn found_words(key: &strata_model::state::RowKey, outcome: OpOutcome) -> String {
    let found = match outcome {
        OpOutcome::Present | OpOutcome::Succeeded => "found; apply takes it into the state",
        OpOutcome::Partial => "found incomplete; apply takes it into the state",
        OpOutcome::Absent | OpOutcome::Failed => "it had no effect",
    };
    format!(
        "{}: Interrupted operation: {found}",
        escape_line(&key.to_string())
    )
}

/// A duration as Terraform writes it: `0s`, `12s`, `3m5s`, `1h2m0s`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use strata_model::Address;

    use super::*;

    fn step(action: Action) -> StepEvent {
        StepEvent {
            number: 0,
            address: Address::resource("aws_vpc", "main"),
            deposed: None,
            action,
            stage: None,
            id: None,
        }
    }

    #[test]
    fn lines_are_terraforms() {
        let check = |event: Event, expected: &str| assert_eq!(words(&event).unwrap(), expected);
        check(
            Event::StepStarted(step(Action::Create)),
            "aws_vpc.main: Creating...",
        );
        check(
            Event::StepProgress {
                step: step(Action::Create),
                message: String::new(),
                elapsed: Duration::from_secs(10),
            },
            "aws_vpc.main: Still creating... [10s elapsed]",
        );
        check(
            Event::StepFinished {
                step: step(Action::Create),
                elapsed: Duration::from_millis(1700),
                id: Some("vpc-1".into()),
            },
            "aws_vpc.main: Creation complete after 1s [id=vpc-1]",
        );
        check(
            Event::StepFinished {
                step: step(Action::Delete),
                elapsed: Duration::from_secs(3725),
                id: None,
            },
            "aws_vpc.main: Destruction complete after 1h2m5s",
        );
        let staged = StepEvent {
            stage: Some("version 1.34".into()),
            id: Some("one".into()),
            ..step(Action::Update)
        };
        check(
            Event::StepStarted(staged.clone()),
            "aws_vpc.main: Modifying (version 1.34)... [id=one]",
        );
        check(
            Event::StepFinished {
                id: staged.id.clone(),
                step: staged,
                elapsed: Duration::from_secs(480),
            },
            "aws_vpc.main: Modifications complete (version 1.34) after 8m0s [id=one]",
        );
        check(
            Event::StepLeftAlone {
                step: step(Action::Delete),
                elapsed: Duration::from_secs(1),
                reason: "it is another's".into(),
            },
            "aws_vpc.main: Left alone: it is another's",
        );
    }

    #[test]
    fn a_wait_is_told_once_in_each_interval() {
        // A step that tells how it goes after two seconds and then every ten, or a little later; `until` it falls silent.
        let said = |until: u64| {
            let mut state = State::default();
            let at = |second: u64| Now {
                system: Duration::from_secs(second),
                cloud: Duration::from_secs(second),
            };
            state.note(&Event::StepStarted(step(Action::Create)), at(0));
            let mut said = Vec::new();
            for second in 1..=60 {
                if second <= until && [2, 13, 24, 35, 46, 57].contains(&second) {
                    let event = Event::StepProgress {
                        step: step(Action::Create),
                        message: "0 of 1 are ready".into(),
                        elapsed: Duration::from_secs(second),
                    };
                    state.note(&event, at(second));
                    said.push(format!("news {second}"));
                }
                for event in state.overdue(at(second)) {
                    said.push(words(&event).unwrap());
                }
            }
            said
        };
        let still = |elapsed: &str| {
            format!("aws_vpc.main: Still creating... [{elapsed} elapsed] (0 of 1 are ready)")
        };
        let news = [2, 13, 24, 35, 46, 57].map(|second| format!("news {second}"));
        assert_eq!(said(60), news);
        let expected = [
            "news 2".to_owned(),
            "news 13".to_owned(),
            "news 24".to_owned(),
            still("39s"),
            still("49s"),
            still("59s"),
        ];
        assert_eq!(said(30), expected);
        let silent = said(0);
        assert_eq!(silent.len(), 6);
        assert_eq!(silent[0], "aws_vpc.main: Still creating... [10s elapsed]");
    }

    #[test]
    fn the_tree_names_what_runs() {
        let mut state = State {
            total: 3,
            done: 1,
            ..State::default()
        };
        let address = Address::parse("cluster.eu.aws_vpc.main").unwrap();
        let step = StepEvent {
            address,
            ..step(Action::Create)
        };
        let running = Running {
            step,
            began: Duration::from_secs(1),
            overdue: Duration::from_secs(11),
            waiting_for: Some("available".into()),
        };
        state.running.insert(0, running);
        assert_eq!(
            tree(&state, Duration::from_secs(5)),
            [
                "1 of 3 done, 1 running  5s",
                "├─ cluster.eu",
                "│  ├─ aws_vpc.main creating  4s  (available)"
            ]
        );
    }
}
