//! Looks for what an op left when its answer was lost, in a run and in recovery.

use std::collections::BTreeMap;
use std::time::Duration;

use strata_model::provider::{
    Candidate, Connection, FindRequest, Object, Observation, Operation, ProviderError,
    ProviderErrorKind, ReadPurpose, ReadRequest,
};
use strata_model::schema::Adoption;
use strata_model::{Clock, IdSource, OpId, Value};

use super::retry;

/// An op whose effect is not known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lost<'x> {
    /// The op.
    pub(crate) op: OpId,
    /// What it was going to do.
    pub(crate) operation: Operation,
    /// The resource type.
    pub(crate) resource_type: &'x str,
    /// How a lost create is found.
    pub(crate) adoption: Adoption,
    /// How long a look may miss an object that is there.
    pub(crate) window: Duration,
    /// The object's id, where it is known.
    pub(crate) id: Option<&'x str>,
    /// What is known of the object, for a read by id.
    pub(crate) recorded: Option<&'x Value>,
    /// The planned attributes.
    pub(crate) planned: &'x Value,
    /// Whether the object was seen to be absent before.
    pub(crate) was_absent: bool,
}

/// What was found.
#[derive(Debug)]
pub(crate) enum Located {
    /// The object.
    Present(Box<Object>),
    /// There is definitely nothing.
    Absent,
    /// More than one object may be it: nobody but a human can choose.
    Several(Vec<String>),
    /// It could not be looked at.
    Unreadable(ProviderError),
}

/// Time and chance for waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting<'x> {
    /// Time.
    pub(crate) clock: &'x dyn Clock,
    /// Chance.
    pub(crate) ids: &'x dyn IdSource,
}

/// Looks until the answer is definite. Not-found counts only when a look that began `window` after `since` (a moment
/// of [`Clock::elapsed`], the latest at which a call may have left) says so. A look that fails is repeated, and is
/// never taken for absence. Never writes. Cancel safe.
pub(crate) async fn locate(
    connection: &dyn Connection,
    lost: Lost<'_>,
    since: Duration,
    waiting: Waiting<'_>,
) -> Located {
    let began = waiting.clock.elapsed();
    let mut looks = 0;
    loop {
        let now = waiting.clock.elapsed();
        looks += 1;
        let wait = match look(connection, &lost).await {
            Look::Absent => match (since + lost.window).checked_sub(now) {
                Some(left) if !left.is_zero() => pause(looks).min(left),
                Some(_) | None => return Located::Absent,
            },
            Look::Failed(error) => {
                let spent = now.saturating_sub(began);
                let limit = retry::read_limit(error.kind);
                match retry::next(&error, limit, (looks, spent), waiting.ids) {
                    Some(wait) => wait,
                    None => return Located::Unreadable(error),
                }
            }
            Look::Present(object) => return Located::Present(object),
            Look::Several(ids) => return Located::Several(ids),
        };
        waiting.clock.sleep(wait).await;
    }
}

/// Looks become rarer: most objects are seen at once or within seconds.
fn pause(looks: u32) -> Duration {
    Duration::from_secs(1 << looks.saturating_sub(1).min(3))
}

enum Look {
    Present(Box<Object>),
    Absent,
    Several(Vec<String>),
    Failed(ProviderError),
}

async fn look(connection: &dyn Connection, lost: &Lost<'_>) -> Look {
    if lost.id.is_some() {
        return read(connection, lost).await;
    }
    if lost.operation != Operation::Create {
        return Look::Failed(ProviderError::bug(
            "an object without an id was to be changed by a provider that has remote objects",
        ));
    }
    let request = FindRequest {
        resource_type: lost.resource_type,
        op: lost.op,
        planned: lost.planned,
    };
    match connection.find(request).await {
        Ok(candidates) => judge(candidates, lost),
        Err(error) => Look::Failed(error),
    }
}

async fn read(connection: &dyn Connection, lost: &Lost<'_>) -> Look {
    let request = ReadRequest {
        purpose: ReadPurpose::Refresh,
        resource_type: lost.resource_type,
        id: lost.id,
        recorded: lost.recorded,
        config: None,
    };
    match connection.read(&[request]).await.pop() {
        Some(Observation::Present(object)) => Look::Present(Box::new(object)),
        Some(Observation::Absent) => Look::Absent,
        Some(Observation::Unreadable(error)) => Look::Failed(error),
        None => Look::Failed(ProviderError::bug("a read gave no observation")),
    }
}

/// Which of the candidates the op made. Two listings of one object are one object.
fn judge(candidates: Vec<Candidate>, lost: &Lost<'_>) -> Look {
    let mut found: BTreeMap<String, Object> = candidates
        .into_iter()
        .filter(|candidate| is_ours(candidate, lost))
        .map(|candidate| (candidate.object.id.clone(), candidate.object))
        .collect();
    if found.len() > 1 {
        return Look::Several(found.into_keys().collect());
    }
    match found.pop_first() {
        Some((_, object)) => Look::Present(Box::new(object)),
        None => Look::Absent,
    }
}

fn is_ours(candidate: &Candidate, lost: &Lost<'_>) -> bool {
    match (candidate.ours, lost.adoption) {
        (Some(ours), _) => ours,
        (None, Adoption::Natural) => lost.was_absent,
        (None, Adoption::Tag | Adoption::Name) => false,
    }
}

/// Whether an object like a planned one is there already, asked before the intent of a create is written.
///
/// # Errors
///
/// When that cannot be seen, even after asking again.
pub(crate) async fn is_absent(
    connection: &dyn Connection,
    request: FindRequest<'_>,
    waiting: Waiting<'_>,
) -> Result<bool, ProviderError> {
    let began = waiting.clock.elapsed();
    let mut looks = 0;
    loop {
        looks += 1;
        let error = match connection.find(request).await {
            Ok(candidates) => return Ok(candidates.is_empty()),
            Err(error) => error,
        };
        // What the object hangs on was made a moment ago and may not be seen everywhere yet.
        let kind = if error.kind == ProviderErrorKind::NotFound {
            ProviderErrorKind::Propagation
        } else {
            error.kind
        };
        let limit = retry::read_limit(kind);
        let spent = waiting.clock.elapsed().saturating_sub(began);
        match retry::next(&error, limit, (looks, spent), waiting.ids) {
            Some(wait) => waiting.clock.sleep(wait).await,
            None => return Err(error),
        }
    }
}

/// Reads one thing, again where the system asks for it.
///
/// # Errors
///
/// When it cannot be read.
pub(crate) async fn observe(
    connection: &dyn Connection,
    request: ReadRequest<'_>,
    waiting: Waiting<'_>,
) -> Result<Option<Object>, ProviderError> {
    let mut seen = observe_all(connection, &[request], waiting).await;
    seen.pop().unwrap_or_else(|| Err(unanswered()))
}

/// Reads things together, those again where the system asks for it; an answer for each, in their order.
pub(crate) async fn observe_all(
    connection: &dyn Connection,
    requests: &[ReadRequest<'_>],
    waiting: Waiting<'_>,
) -> Vec<Result<Option<Object>, ProviderError>> {
    let began = waiting.clock.elapsed();
    let mut answers: Vec<Option<Result<_, _>>> = requests.iter().map(|_| None).collect();
    let mut looks = 0;
    loop {
        looks += 1;
        let open: Vec<usize> = (0..answers.len())
            .filter(|index| answers[*index].is_none())
            .collect();
        let batch: Vec<ReadRequest<'_>> = open.iter().map(|index| requests[*index]).collect();
        let mut seen = connection.read(&batch).await.into_iter();
        let spent = waiting.clock.elapsed().saturating_sub(began);
        let mut pause = None;
        for index in open {
            let error = match seen.next() {
                Some(Observation::Present(object)) => {
                    answers[index] = Some(Ok(Some(object)));
                    continue;
                }
                Some(Observation::Absent) => {
                    answers[index] = Some(Ok(None));
                    continue;
                }
                Some(Observation::Unreadable(error)) => error,
                None => unanswered(),
            };
            let limit = retry::read_limit(error.kind);
            match retry::next(&error, limit, (looks, spent), waiting.ids) {
                Some(wait) => pause = pause.max(Some(wait)),
                None => answers[index] = Some(Err(error)),
            }
        }
        let Some(pause) = pause else { break };
        waiting.clock.sleep(pause).await;
    }
    answers.into_iter().flatten().collect()
}

fn unanswered() -> ProviderError {
    ProviderError::bug("a read gave no observation")
}
