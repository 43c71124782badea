//! Refusals for want of permission: final, but for a while after this run has changed who may do what.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strata_model::provider::{ConnectContext, ProviderError, ProviderErrorKind};
use strata_model::{Clock, Clusters};

/// How long it may take until a server knows of new access, in the cloud's time.
const SETTLES: Duration = Duration::from_secs(3 * 60);

/// What is known of changes of access.
#[derive(Debug)]
pub(crate) struct Admission {
    clock: Arc<dyn Clock>,
    clusters: Arc<dyn Clusters>,
    /// The last change of it within the cluster, through this connection.
    own: Mutex<Option<Duration>>,
}

impl Admission {
    pub(crate) fn new(context: &ConnectContext) -> Self {
        Admission {
            clock: Arc::clone(&context.clock),
            clusters: Arc::clone(&context.clusters),
            own: Mutex::default(),
        }
    }

    /// Takes note of a change within the cluster.
    pub(crate) fn changes(&self) {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        *own = Some(self.clock.elapsed());
    }

    /// A refusal as what it is now: while a change of access settles, something that more patience may help.
    pub(crate) fn judged(&self, mut error: ProviderError) -> ProviderError {
        let is_refusal = matches!(
            error.kind,
            ProviderErrorKind::AccessDenied | ProviderErrorKind::Credentials
        );
        if is_refusal && self.is_settling() {
            error.kind = ProviderErrorKind::Propagation;
        }
        error
    }

    fn is_settling(&self) -> bool {
        let own = *self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = own.max(self.clusters.access_changed());
        let now = self.clock.elapsed();
        changed.is_some_and(|changed| now.saturating_sub(changed) < SETTLES)
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use strata_model::{Address, ClusterAccess, NoClusters, Timestamp};

    use super::*;

    /// A clock that stands where it is put.
    #[derive(Debug, Default)]
    struct Stopped(Mutex<Duration>);

    impl Stopped {
        fn put(&self, seconds: u64) {
            *self.0.lock().unwrap() = Duration::from_secs(seconds);
        }
    }

    #[async_trait]
    impl Clock for Stopped {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
        fn elapsed(&self) -> Duration {
            *self.0.lock().unwrap()
        }
        async fn sleep(&self, _duration: Duration) {}
    }

    #[derive(Debug)]
    struct Changed(Option<Duration>);

    impl Clusters for Changed {
        fn access(&self, address: &Address) -> Result<Arc<dyn ClusterAccess>, ProviderError> {
            NoClusters.access(address)
        }
        fn access_changed(&self) -> Option<Duration> {
            self.0
        }
    }

    #[test]
    fn a_refusal_is_open_for_three_minutes_after_a_change() {
        let clock = Arc::new(Stopped::default());
        let admission = |changed: Option<u64>| Admission {
            clock: clock.clone(),
            clusters: Arc::new(Changed(changed.map(Duration::from_secs))),
            own: Mutex::default(),
        };
        let judged =
            |admission: &Admission, kind| admission.judged(ProviderError::new(kind, "no")).kind;
        let (denied, open) = (
            ProviderErrorKind::AccessDenied,
            ProviderErrorKind::Propagation,
        );
        let (never, once) = (admission(None), admission(Some(100)));
        for (now, expected) in [(100, open), (279, open), (280, denied)] {
            clock.put(now);
            assert_eq!(judged(&once, denied), expected, "{now}");
            assert_eq!(judged(&never, denied), denied);
            let invalid = ProviderErrorKind::Invalid;
            assert_eq!(judged(&once, invalid), invalid);
        }
        clock.put(300);
        assert_eq!(
            judged(&once, ProviderErrorKind::Credentials),
            ProviderErrorKind::Credentials
        );
        // Bindings within the cluster count as well.
        once.changes();
        assert_eq!(judged(&once, ProviderErrorKind::Credentials), open);
    }
}
