//! What is looked at before a run changes anything: each connection is asked once whether its changes can succeed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use strata_model::event::Event;
use strata_model::plan::{Action, Plan, Step};
use strata_model::preflight::{Elsewhere, Finding, Intended, Preflight, Standing};
use strata_model::provider::{Operation, Provider, ProviderConfig};
use strata_model::source::Position;
use strata_model::state::RowKey;
use strata_model::wire::Encoded;
use strata_model::{Code, Severity, Value};

use super::standing::{Known, standing};
use super::{ApplyInput, Connections};
use crate::code;

/// What stands in the way of a run, found before anything was changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Obstacle {
    /// What was found.
    pub finding: Finding,
    /// The object that it is about, where it is about one.
    pub key: Option<RowKey>,
    /// Where that is declared.
    pub source: Option<Position>,
}

impl Obstacle {
    /// The code of its diagnostic.
    pub fn code(&self) -> Code {
        match self.finding.severity {
            Severity::Warning => code::MAY_NOT_SUFFICE,
            Severity::Error => code::of_finding(self.finding.kind),
        }
    }

    /// The fixed words of its diagnostic.
    pub fn summary(&self) -> &'static str {
        match self.finding.severity {
            Severity::Warning => "Run may not succeed",
            Severity::Error => self.finding.kind.summary(),
        }
    }
}

/// A step that is still to be done, and what it does outside.
type Open<'a> = (&'a Step, Intended<'a>);

/// Changes that are looked at together: those of one connection, or of one provider where the run itself makes what
/// configures it. Names are those of one region and account.
struct Together<'a> {
    provider: Arc<dyn Provider>,
    config: Option<&'a ProviderConfig>,
    /// The steps of its changes, then those of the changes elsewhere.
    steps: Vec<&'a Step>,
    preflight: Preflight<'a>,
}

impl<'a> Together<'a> {
    /// The step that a finding is about.
    fn step(&self, finding: &Finding) -> Option<&'a Step> {
        self.steps.get(finding.change?).copied()
    }
}

/// The changes of a plan that are to be looked at, with their order in it, by the keys of their connections.
fn together<'a>(
    plan: &'a Plan,
    connections: &Connections,
    open: Vec<Open<'a>>,
    known: Known<'a>,
) -> BTreeMap<String, Together<'a>> {
    if open.is_empty() {
        return BTreeMap::new();
    }
    let changed: BTreeSet<&RowKey> = open.iter().map(|(step, _)| &step.key).collect();
    let stands = standing(plan, connections, known, &changed);
    let needs = needs(plan);
    let ends = ends(&needs, connections, &open);
    let mut all: BTreeMap<String, Together<'a>> = BTreeMap::new();
    for (step, intended) in open {
        let Ok((provider, _)) = connections.schema(&step.key.address) else {
            continue;
        };
        let config = step.provider.as_ref();
        let key = config.map_or_else(|| provider.name().to_string(), ProviderConfig::key);
        let own = all.entry(key).or_insert_with(|| Together {
            provider: Arc::clone(provider),
            config,
            steps: Vec::new(),
            preflight: Preflight::default(),
        });
        own.steps.push(step);
        own.preflight.changes.push(intended);
        let takes = &mut own.preflight.takes;
        *takes = (*takes).max(ends[step.number as usize]);
    }
    let numbers = numbers(&all, &stands);
    tell_of_others(&mut all, &numbers);
    tell_of_standing(&mut all, &stands, &numbers);
    for own in all.values_mut() {
        own.preflight.after = graph(&needs, &own.steps);
    }
    all
}

/// The numbers of all connections, by their keys.
fn numbers(
    all: &BTreeMap<String, Together<'_>>,
    stands: &[(&ProviderConfig, Standing<'_>)],
) -> BTreeMap<String, Elsewhere> {
    let others = stands.iter().map(|(config, _)| config.key());
    let keys: BTreeSet<String> = all.keys().cloned().chain(others).collect();
    keys.into_iter().zip((0..).map(Elsewhere)).collect()
}

/// Tells each of them what others of the same provider change.
fn tell_of_others(all: &mut BTreeMap<String, Together<'_>>, numbers: &BTreeMap<String, Elsewhere>) {
    if all.len() < 2 {
        return;
    }
    let changes = all.iter().map(|(key, own)| {
        let steps = own.steps.iter().copied();
        let changes: Vec<Open<'_>> = steps.zip(own.preflight.changes.iter().cloned()).collect();
        (key.clone(), own.provider.name().clone(), changes)
    });
    let changes: Vec<_> = changes.collect();
    for (key, own) in all.iter_mut() {
        let name = own.provider.name().clone();
        let others = changes
            .iter()
            .filter(|(other, provider, _)| other != key && *provider == name);
        for (by, _, changes) in others {
            for (step, change) in changes {
                own.steps.push(*step);
                own.preflight.elsewhere.push(Intended {
                    elsewhere: numbers.get(by).copied(),
                    ..change.clone()
                });
            }
        }
    }
}

/// Tells each of them what stays as it is, of all objects of its provider.
fn tell_of_standing<'a>(
    all: &mut BTreeMap<String, Together<'a>>,
    stands: &[(&'a ProviderConfig, Standing<'a>)],
    numbers: &BTreeMap<String, Elsewhere>,
) {
    for (config, standing) in stands {
        let by = config.key();
        for (key, own) in all.iter_mut() {
            if *own.provider.name() == config.provider {
                own.preflight.standing.push(Standing {
                    elsewhere: numbers.get(&by).copied().filter(|_| *key != by),
                    ..standing.clone()
                });
            }
        }
    }
}

/// Asks the connections of what is still to be done. Warnings are told as events; what is returned stands in the way.
pub(super) async fn look(input: &ApplyInput<'_>) -> Vec<Obstacle> {
    let done: BTreeSet<u32> = input.record.done.iter().copied().collect();
    let open: Vec<Open<'_>> = input
        .plan
        .steps
        .iter()
        .filter(|step| !done.contains(&step.number))
        .filter_map(|step| Some((step, intended(step, input.connections)?)))
        .collect();
    let known = Known {
        snapshot: input.state,
        observed: None,
    };
    let asked = together(input.plan, input.connections, open, known);
    let asked = asked.values().map(|own| ask(input, own));
    let found = join_all(asked).await.into_iter().flatten();
    let (standing, told): (Vec<Obstacle>, Vec<Obstacle>) =
        found.partition(|obstacle| obstacle.finding.severity == Severity::Error);
    for obstacle in told {
        (input.events)(Event::Foreseen {
            code: obstacle.code(),
            key: obstacle.key,
            message: obstacle.finding.message,
            hint: obstacle.finding.hint,
        });
    }
    standing
}

/// What providers find in a plan by looking at its changes together, beside what it leaves as it is; with the step that
/// each is about. Nothing is asked for it.
pub fn considered<'p>(
    plan: &'p Plan,
    connections: &Connections,
    known: Known<'p>,
) -> Vec<(Finding, Option<&'p Step>)> {
    let steps = plan.steps.iter();
    let open = steps.filter_map(|step| Some((step, intended(step, connections)?)));
    let all = together(plan, connections, open.collect(), known);
    let mut found = Vec::new();
    for own in all.values() {
        let told = own.provider.consider(&own.preflight).into_iter();
        found.extend(told.map(|finding| {
            let step = own.step(&finding);
            (finding, step)
        }));
    }
    found
}

async fn ask(input: &ApplyInput<'_>, own: &Together<'_>) -> Vec<Obstacle> {
    // What is configured by what the run itself makes cannot be asked before. A connection that cannot be made is the
    // first step's failure.
    let connection = own
        .config
        .and_then(|config| input.connections.get(config).ok());
    let Some(connection) = connection else {
        return Vec::new();
    };
    let found = connection.preflight(&own.preflight).await;
    let obstacle = |finding: Finding| {
        let step = own.step(&finding);
        Obstacle {
            key: step.map(|step| step.key.clone()),
            source: step.and_then(|step| step.source.clone()),
            finding,
        }
    };
    found.into_iter().map(obstacle).collect()
}

/// What a step does outside; `None` for what changes nothing there, or what nobody looks at before a run.
fn intended<'a>(step: &'a Step, connections: &Connections) -> Option<Intended<'a>> {
    let operation = operation(step)?;
    let (provider, schema) = connections.schema(&step.key.address).ok()?;
    if !provider.has_preflight() {
        return None;
    }
    let value = |encoded: &Option<Encoded>| -> Option<Value> {
        encoded.as_ref()?.decode(schema.schema.object_type()).ok()
    };
    Some(Intended {
        address: &step.key.address,
        operation,
        prior: value(&step.before),
        planned: value(&step.planned),
        elsewhere: None,
    })
}

/// What a step does outside; `None` for what changes nothing there.
fn operation(step: &Step) -> Option<Operation> {
    match step.action {
        Action::Create => Some(Operation::Create),
        Action::Update => Some(Operation::Update),
        Action::Delete => Some(Operation::Delete),
        Action::Read | Action::Move | Action::Import | Action::Forget | Action::Record => None,
    }
}

/// What each node of a plan waits for: its steps, then its barriers.
fn needs(plan: &Plan) -> Vec<&[u32]> {
    let steps = plan.steps.iter().map(|step| step.after.as_slice());
    let barriers = plan.barriers.iter().map(|barrier| barrier.after.as_slice());
    steps.chain(barriers).collect()
}

/// The graph of a plan, with these steps as its first nodes.
fn graph(needs: &[&[u32]], first: &[&Step]) -> Vec<Vec<usize>> {
    let mut numbers = vec![usize::MAX; needs.len()];
    for (number, step) in first.iter().enumerate() {
        numbers[step.number as usize] = number;
    }
    let others = numbers.iter_mut().filter(|number| **number == usize::MAX);
    others
        .zip(first.len()..)
        .for_each(|(number, next)| *number = next);
    let mut graph = vec![Vec::new(); needs.len()];
    for (node, needs) in needs.iter().enumerate() {
        let needs = needs.iter().filter_map(|need| numbers.get(*need as usize));
        graph[numbers[node]] = needs.copied().collect();
    }
    graph
}

/// When each node is done at the earliest, counted from the begin: the sum on the longest path that leads to it.
fn ends(needs: &[&[u32]], connections: &Connections, open: &[Open<'_>]) -> Vec<Duration> {
    let mut ends = vec![Duration::ZERO; needs.len()];
    for (step, intended) in open {
        if let Ok((provider, _)) = connections.schema(&step.key.address) {
            ends[step.number as usize] = provider.takes(intended);
        }
    }
    let mut unmet: Vec<usize> = needs.iter().map(|needs| needs.len()).collect();
    let mut dependents = vec![Vec::new(); needs.len()];
    for (node, needs) in needs.iter().enumerate() {
        for need in *needs {
            if let Some(dependents) = dependents.get_mut(*need as usize) {
                dependents.push(node);
            }
        }
    }
    let mut begins = vec![Duration::ZERO; needs.len()];
    let mut ready: Vec<usize> = (0..needs.len()).filter(|node| unmet[*node] == 0).collect();
    while let Some(node) = ready.pop() {
        ends[node] += begins[node];
        for dependent in &dependents[node] {
            begins[*dependent] = begins[*dependent].max(ends[node]);
            unmet[*dependent] -= 1;
            if unmet[*dependent] == 0 {
                ready.push(*dependent);
            }
        }
    }
    ends
}
