//! The one retry policy: what is tried again, after which wait, and for how long.

use std::time::Duration;

use strata_model::IdSource;
use strata_model::provider::{Operation, ProviderError, ProviderErrorKind};
use strata_model::schema::Timeouts;

/// How long a request may be repeated while what it refers to is not visible yet.
const PROPAGATION_LIMIT: Duration = Duration::from_secs(5 * 60);
/// How long a system that fails or cannot be reached is asked again.
pub(crate) const OUTAGE_LIMIT: Duration = Duration::from_secs(5 * 60);
/// How long a system is asked again that only wants to be asked more slowly. A run is never ended for that alone, so
/// this is far beyond what throttling takes.
const THROTTLE_LIMIT: Duration = Duration::from_secs(60 * 60);

/// For how long an error of a kind is answered by sending again, counted from the first of failures in a row, in the
/// cloud's time; `None`: not at all.
pub fn limit(
    kind: ProviderErrorKind,
    operation: Operation,
    timeouts: &Timeouts,
) -> Option<Duration> {
    let timeout = timeout(operation, timeouts);
    match kind {
        ProviderErrorKind::Busy | ProviderErrorKind::Dependency => Some(timeout),
        ProviderErrorKind::Propagation => Some(PROPAGATION_LIMIT.min(timeout)),
        ProviderErrorKind::Throttled => Some(THROTTLE_LIMIT.max(timeout)),
        ProviderErrorKind::Unavailable | ProviderErrorKind::Unreachable => Some(OUTAGE_LIMIT),
        ProviderErrorKind::Invalid
        | ProviderErrorKind::NotFound
        | ProviderErrorKind::AlreadyExists
        | ProviderErrorKind::AccessDenied
        | ProviderErrorKind::Credentials
        | ProviderErrorKind::Quota
        | ProviderErrorKind::Timeout
        | ProviderErrorKind::Failed
        | ProviderErrorKind::Bug => None,
    }
}

/// The time limit of an operation.
pub(crate) fn timeout(operation: Operation, timeouts: &Timeouts) -> Duration {
    match operation {
        Operation::Create => timeouts.create,
        Operation::Update => timeouts.update,
        Operation::Delete => timeouts.delete,
    }
}

/// For how long a failed look (a read or a listing) is repeated; `None`: not at all.
pub fn read_limit(kind: ProviderErrorKind) -> Option<Duration> {
    match kind {
        ProviderErrorKind::Throttled => Some(THROTTLE_LIMIT),
        ProviderErrorKind::Unavailable
        | ProviderErrorKind::Busy
        | ProviderErrorKind::Propagation
        | ProviderErrorKind::Timeout => Some(OUTAGE_LIMIT),
        // It lasts mostly, and nothing is planned for what is behind it.
        ProviderErrorKind::Unreachable
        | ProviderErrorKind::Invalid
        | ProviderErrorKind::NotFound
        | ProviderErrorKind::AlreadyExists
        | ProviderErrorKind::Dependency
        | ProviderErrorKind::AccessDenied
        | ProviderErrorKind::Credentials
        | ProviderErrorKind::Quota
        | ProviderErrorKind::Failed
        | ProviderErrorKind::Bug => None,
    }
}

/// The wait before the next send after `attempt` failed ones (from 1): exponential, with up to half of it taken away
/// by chance so that steps that failed together do not come back together, and never shorter than the system asks.
pub fn delay(error: &ProviderError, attempt: u32, ids: &dyn IdSource) -> Duration {
    let (first, most) = bounds(error.kind);
    let doubled = first.saturating_mul(1 << attempt.saturating_sub(1).min(10));
    let full = doubled.min(most);
    let mut bits = [0; 2];
    ids.fill(&mut bits);
    let share = f64::from(u16::from_le_bytes(bits)) / f64::from(u16::MAX);
    let jittered = full.mul_f64(1.0 - share / 2.0);
    match error.retry_after {
        Some(asked) => asked.max(jittered),
        None => jittered,
    }
}

fn bounds(kind: ProviderErrorKind) -> (Duration, Duration) {
    let seconds = |first, most| (Duration::from_secs(first), Duration::from_secs(most));
    match kind {
        ProviderErrorKind::Busy | ProviderErrorKind::Dependency => seconds(2, 15),
        ProviderErrorKind::Propagation => seconds(1, 10),
        ProviderErrorKind::Throttled => seconds(1, 30),
        ProviderErrorKind::Unavailable
        | ProviderErrorKind::Unreachable
        | ProviderErrorKind::Invalid
        | ProviderErrorKind::NotFound
        | ProviderErrorKind::AlreadyExists
        | ProviderErrorKind::AccessDenied
        | ProviderErrorKind::Credentials
        | ProviderErrorKind::Quota
        | ProviderErrorKind::Timeout
        | ProviderErrorKind::Failed
        | ProviderErrorKind::Bug => seconds(1, 20),
    }
}

/// The wait before the next attempt, when there is to be one: `spent` is the time since the first.
pub fn next(
    error: &ProviderError,
    limit: Option<Duration>,
    (attempt, spent): (u32, Duration),
    ids: &dyn IdSource,
) -> Option<Duration> {
    let left = limit?.checked_sub(spent).filter(|left| !left.is_zero())?;
    let wait = delay(error, attempt, ids);
    // The last attempt is made when the time is over, unless the system asked for more patience than there is.
    match error.retry_after {
        Some(asked) if asked > left => None,
        Some(_) | None => Some(wait.min(left)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Fixed(u8);

    impl IdSource for Fixed {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    fn error(kind: ProviderErrorKind) -> ProviderError {
        ProviderError::new(kind, "no")
    }

    #[test]
    fn waits_grow_up_to_a_bound_and_vary() {
        let check = |attempt, bits, expected: f64| {
            let wait = delay(&error(ProviderErrorKind::Throttled), attempt, &Fixed(bits));
            assert!((wait.as_secs_f64() - expected).abs() < 0.01, "{wait:?}");
        };
        check(1, 0, 1.0);
        check(1, 255, 0.5);
        check(3, 0, 4.0);
        check(40, 0, 30.0);
    }

    #[test]
    fn what_the_system_asks_for_is_honoured() {
        let mut asked = error(ProviderErrorKind::Throttled);
        asked.retry_after = Some(Duration::from_secs(7));
        assert_eq!(delay(&asked, 1, &Fixed(0)), Duration::from_secs(7));
        let limit = Some(Duration::from_secs(5));
        assert_eq!(next(&asked, limit, (1, Duration::ZERO), &Fixed(0)), None);
    }

    #[test]
    fn every_kind_has_its_limit() {
        let timeouts = Timeouts {
            create: Duration::from_secs(60),
            update: Duration::from_secs(120),
            delete: Duration::from_secs(900),
        };
        let check = |kind, operation, expected: Option<u64>| {
            let found = limit(kind, operation, &timeouts);
            assert_eq!(found, expected.map(Duration::from_secs), "{kind:?}");
        };
        check(ProviderErrorKind::Busy, Operation::Update, Some(120));
        check(ProviderErrorKind::Dependency, Operation::Delete, Some(900));
        check(ProviderErrorKind::Propagation, Operation::Create, Some(60));
        check(ProviderErrorKind::Propagation, Operation::Delete, Some(300));
        check(ProviderErrorKind::Throttled, Operation::Create, Some(3600));
        check(ProviderErrorKind::Invalid, Operation::Create, None);
        check(ProviderErrorKind::Credentials, Operation::Create, None);
        let spent = |seconds| (9, Duration::from_secs(seconds));
        let busy = error(ProviderErrorKind::Busy);
        let limit = Some(Duration::from_secs(60));
        assert_eq!(
            next(&busy, limit, spent(59), &Fixed(0)),
            Some(Duration::from_secs(1))
        );
        assert_eq!(next(&busy, limit, spent(60), &Fixed(0)), None);
    }
}
