//! Objects of which planning could not know whether they are there: their cluster did not exist, or they could not be
//! looked at. Before the first of a block or layer is made all of them are looked for; where one is there, nothing of that
//! block is written, because nobody has approved that it is taken over.

use futures::FutureExt;
use strata_model::layer::LAYER_TYPE;
use strata_model::plan::{Action, Step};
use strata_model::provider::{ProviderError, ReadPurpose, ReadRequest};
use strata_model::state::RowKey;
use strata_model::{Address, Diagnostic, Diagnostics, Value};

use super::executor::{Executor, Finished};
use super::locate;
use crate::code;
use crate::resolve::ResolveError;

/// How many addresses a message names.
const NAMED: usize = 5;

/// How far the look at a block is.
#[derive(Debug)]
pub(super) enum Sight {
    /// It is under way; these steps wait for it.
    Looking(Vec<u32>),
    /// Nothing is in the way.
    Clear,
    /// Something is there that nobody has approved to take over.
    Taken,
}

/// What was looked for and is there, or could not be looked at.
pub(super) type Seen<'a> = Vec<(&'a RowKey, Result<(), ProviderError>)>;

/// Something to look for.
struct Wanted<'a> {
    step: &'a Step,
    id: String,
    planned: Value,
}

impl<'a> Executor<'a> {
    /// Whether a step has to wait for a look at its block, or fails by it.
    pub(super) fn is_held(&mut self, step: &'a Step) -> bool {
        // What is in a layer already is not written either: its inventory, which comes first, says what it is to have.
        let is_written =
            step.action == Action::Update && *step.key.address.resource_type == *LAYER_TYPE;
        if !is_unseen(step) && !is_written {
            return false;
        }
        let block = step.key.address.block();
        match self.unseen.get_mut(&block) {
            Some(Sight::Clear) => false,
            Some(Sight::Looking(waiting)) => {
                waiting.push(step.number);
                true
            }
            Some(Sight::Taken) => {
                self.unresolved(step, ResolveError::Exceeds(Diagnostics::new()));
                true
            }
            None => self.look_ahead(step, block),
        }
    }

    fn look_ahead(&mut self, step: &'a Step, block: Address) -> bool {
        let wanted = self.wanted(step);
        let connection = step.provider.as_ref();
        let connection = connection.map(|provider| self.connections.get(provider));
        let (Some(connection), false) = (connection, wanted.is_empty()) else {
            self.unseen.insert(block, Sight::Clear);
            return false;
        };
        let connection = match connection {
            Ok(connection) => connection,
            Err(error) => {
                self.fail(step, &error);
                return true;
            }
        };
        self.take(step.number);
        let looking = Sight::Looking(vec![step.number]);
        self.unseen.insert(block.clone(), looking);
        let cx = self.cx.clone();
        let future = async move {
            let requests = wanted.iter().map(|wanted| ReadRequest {
                purpose: ReadPurpose::Adopt,
                resource_type: &wanted.step.key.address.resource_type,
                id: Some(&wanted.id),
                recorded: None,
                config: Some(&wanted.planned),
            });
            let requests: Vec<ReadRequest<'_>> = requests.collect();
            // Together: a provider may see by one list that there is nothing of a kind.
            let found = locate::observe_all(connection.as_ref(), &requests, cx.waiting()).await;
            let found = found.into_iter().zip(&wanted);
            let seen = found.filter_map(|(found, wanted)| match found {
                Ok(None) => None,
                Ok(Some(_)) => Some((&wanted.step.key, Ok(()))),
                Err(error) => Some((&wanted.step.key, Err(error))),
            });
            Finished::LookedAhead {
                block,
                seen: seen.collect(),
            }
        };
        self.running.push(future.boxed());
        true
    }

    /// What a block is yet to make, and how it is found. What this plan's own journal has made is not looked for.
    fn wanted(&self, step: &Step) -> Vec<Wanted<'a>> {
        let plan = self.plan;
        let own = &step.key.address;
        let is_of_block = |other: &Address| {
            other.name == own.name
                && other.resource_type == own.resource_type
                && other.scope == own.scope
        };
        let is_made = |step: &Step| {
            let row = self.rows.get(&step.key);
            row.is_some_and(|row| Some(row.digest()) != step.row_digest)
        };
        let Ok((provider, schema)) = self.connections.schema(own) else {
            return Vec::new();
        };
        let steps = plan.steps.iter();
        steps
            .filter(|other| is_unseen(other) && is_of_block(&other.key.address) && !is_made(other))
            .filter(|other| other.provider == step.provider)
            .filter_map(|step| {
                let planned = step.planned.as_ref()?;
                let planned = planned.decode(schema.schema.object_type()).ok()?;
                let id = provider.id_of(schema.name, &planned)?;
                Some(Wanted { step, id, planned })
            })
            .collect()
    }

    /// A block was looked at: what waits for that goes on, or stops.
    pub(super) fn looked_ahead(&mut self, block: &Address, seen: &Seen<'a>) {
        let Some(Sight::Looking(waiting)) = self.unseen.remove(block) else {
            return;
        };
        // The first of them looked, for all.
        if let Some(first) = waiting.first() {
            self.free(*first);
        }
        if self.is_braked() {
            let why = self.why_stopped();
            waiting
                .into_iter()
                .for_each(|number| self.skip(number, why));
            return;
        }
        let plan = self.plan;
        let steps = waiting.iter().map(|number| &plan.steps[*number as usize]);
        let there: Vec<&RowKey> = seen
            .iter()
            .filter(|(_, found)| found.is_ok())
            .map(|(key, _)| *key)
            .collect();
        if !there.is_empty() {
            self.unseen.insert(block.clone(), Sight::Taken);
            let mut diagnostics: Diagnostics = taken(block, &there).into();
            for step in steps {
                let found = std::mem::take(&mut diagnostics);
                self.unresolved(step, ResolveError::Exceeds(found));
            }
            return;
        }
        if let Some(error) = seen.iter().find_map(|(_, found)| found.as_ref().err()) {
            // Not to be able to look is not to see nothing. The next step of the block looks again.
            steps.for_each(|step| self.fail(step, error));
            return;
        }
        self.unseen.insert(block.clone(), Sight::Clear);
        for number in waiting {
            self.schedule.put_back(number);
        }
    }
}

/// Whether planning could not know if what a step makes is there already.
fn is_unseen(step: &Step) -> bool {
    step.action == Action::Create && step.doubt.is_some()
}

fn taken(block: &Address, there: &[&RowKey]) -> Diagnostic {
    let detail = if let [only] = there
        && only.address == *block
    {
        format!(
            "{block} could not be looked at when the plan was made, and it is there already. To take it over is more than the plan said: it was not written."
        )
    } else {
        let named: Vec<String> = there.iter().take(NAMED).map(ToString::to_string).collect();
        let more = match there.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let (are, them) = if there.len() == 1 {
            ("is", "it")
        } else {
            ("are", "them")
        };
        format!(
            "Of {block}, which could not be looked at when the plan was made, {}{more} {are} there already. To take {them} over is more than the plan said, and nothing of {block} was written.",
            named.join(", ")
        )
    };
    Diagnostic::error(code::EXCEEDS_PLAN, "More than was approved", detail)
        .about(block)
        .hint("Make a new plan: it shows what would become of what is there.")
}
