//! One change under way: its identity, its deadline, and the one way of waiting.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use strata_model::provider::{Checkpoint, ProviderErrorKind};
use strata_model::{OpId, Value};

use crate::cloud::{Clients, Cloud};
use crate::error::{Failure, send};
use crate::tags::{self, Goal, Tags};

/// How long objects of eventually consistent services may stay out of sight after their creation, in the cloud's time.
const VISIBLE_WITHIN: Duration = Duration::from_secs(120);

/// What a look at the cloud says of something that is waited for.
#[derive(Debug)]
pub(crate) enum Progress<T> {
    /// It is as wanted.
    Done(T),
    /// Not yet; the words are for people.
    Pending(String),
}

/// One change under way.
pub(crate) struct Step<'a> {
    pub(crate) cloud: &'a Cloud,
    pub(crate) op: OpId,
    checkpoint: &'a dyn Checkpoint,
    /// By the clock's `elapsed`.
    deadline: Duration,
    changed: AtomicBool,
    /// The keys of the tags that the object had by its definition before this step.
    declared: BTreeSet<String>,
}

impl<'a> Step<'a> {
    pub(crate) fn new(
        cloud: &'a Cloud,
        op: OpId,
        checkpoint: &'a dyn Checkpoint,
        (limit, prior): (Duration, Option<&Value>),
    ) -> Self {
        let tags = prior.and_then(|prior| prior.get("tags_all"));
        let declared = tags.and_then(Value::members).into_iter().flatten();
        Step {
            cloud,
            op,
            checkpoint,
            deadline: cloud.clock().elapsed() + limit,
            changed: AtomicBool::new(false),
            declared: declared.map(|(key, _)| key.to_string()).collect(),
        }
    }

    pub(crate) async fn clients(&self) -> Result<&'a Clients, Failure> {
        self.cloud.clients().await
    }

    /// Tells people what is waited for.
    pub(crate) fn progress(&self, message: &str) {
        self.checkpoint.progress(message);
    }

    /// Tells people that what lives in the object cannot be reached from here, though the step goes on.
    pub(crate) fn unreachable(&self, message: &str) {
        self.checkpoint.unreachable(message);
    }

    /// Whether a call of this step has changed something already.
    pub(crate) fn has_changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// Sends a call that changes something, and remembers that it did.
    pub(crate) async fn change<T, E>(
        &self,
        operation: &'static str,
        call: impl Future<
            Output = Result<
                T,
                aws_smithy_runtime_api::client::result::SdkError<
                    E,
                    aws_smithy_runtime_api::client::orchestrator::HttpResponse,
                >,
            >,
        >,
    ) -> Result<T, Failure>
    where
        E: std::error::Error
            + aws_smithy_types::error::metadata::ProvideErrorMetadata
            + Send
            + Sync
            + 'static,
    {
        self.checkpoint.may_send().await?;
        let answer = send(operation, call).await;
        if answer.is_ok() {
            self.changed.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// What the object's tags should become.
    pub(crate) fn wanted_tags(&self, tags: Option<&Tags>) -> Goal {
        Goal {
            tags: tags::wanted(self.cloud.default_tags(), tags),
            declared: self.declared.clone(),
        }
    }

    /// The tags of a create call.
    pub(crate) fn create_tags(&self, tags: Option<&Tags>) -> Tags {
        let wanted = tags::wanted(self.cloud.default_tags(), tags);
        tags::for_create(wanted, self.cloud.lineage(), self.op)
    }

    /// Looks again and again, `every` so often in the cloud's time, until what is waited for is there or the deadline
    /// has passed. A look that fails in passing is only late; any other failure ends the wait.
    ///
    /// Looks keep their pace: the time that one takes is not added to the wait for the
    /// next, unless it is longer than half of it.
    ///
    /// This is the only place that waits.
    pub(crate) async fn wait<T, F, Fut>(
        &self,
        what: &str,
        every: Duration,
        look: F,
    ) -> Result<T, Failure>
    where
        F: Fn() -> Fut + Send,
        Fut: Future<Output = Result<Progress<T>, Failure>> + Send,
    {
        let mut said = String::new();
        let mut next = self.cloud.clock().elapsed();
        loop {
            let saw = match look().await {
                Ok(Progress::Done(value)) => return Ok(value),
                Ok(Progress::Pending(saw)) => saw,
                Err(failure) if failure.is_transient() => failure.error.message,
                Err(failure) => return Err(failure),
            };
            if saw != said {
                self.progress(&format!("{what}: {saw}"));
            }
            let now = self.cloud.clock().elapsed();
            next = (next + every).max(now + every / 2);
            if next > self.deadline {
                return Err(Failure::refused(
                    ProviderErrorKind::Timeout,
                    format!("{what}: the time limit has passed; last seen: {saw}"),
                ));
            }
            said = saw;
            self.cloud.clock().sleep(next.saturating_sub(now)).await;
        }
    }

    /// Reads an object until it is seen to be as wanted. An object that is out of sight is waited for: after a create
    /// it may take a while to appear. One that stays out of sight is gone.
    pub(crate) async fn until<T, F, Fut>(
        &self,
        what: &str,
        read: F,
        is_settled: impl Fn(&T) -> bool + Send + Sync,
    ) -> Result<T, Failure>
    where
        T: Send,
        F: Fn() -> Fut + Send + Sync,
        Fut: Future<Output = Result<Option<T>, Failure>> + Send,
    {
        let begin = self.cloud.clock().elapsed();
        let (read, is_settled) = (&read, &is_settled);
        self.wait(what, Duration::from_secs(2), move || async move {
            match read().await? {
                Some(value) if is_settled(&value) => Ok(Progress::Done(value)),
                Some(_) => Ok(Progress::Pending("not as wanted yet".to_owned())),
                None if self.cloud.clock().elapsed() > begin + VISIBLE_WITHIN => {
                    Err(Failure::refused(
                        ProviderErrorKind::NotFound,
                        format!("{what}: it does not exist"),
                    ))
                }
                None => Ok(Progress::Pending("not visible yet".to_owned())),
            }
        })
        .await
    }

    /// The object as it is when a change of it is over: as `live`, where no call was made, else as it is seen once it is
    /// as wanted.
    pub(crate) async fn settled<T, F, Fut>(
        &self,
        what: &str,
        (live, changed): (T, bool),
        read: F,
        is_settled: impl Fn(&T) -> bool + Send + Sync,
    ) -> Result<T, Failure>
    where
        T: Send,
        F: Fn() -> Fut + Send + Sync,
        Fut: Future<Output = Result<Option<T>, Failure>> + Send,
    {
        if changed {
            self.until(what, read, is_settled).await
        } else {
            Ok(live)
        }
    }

    /// Waits until a read says definitely that the object is gone.
    pub(crate) async fn until_gone<T, F, Fut>(
        &self,
        what: &str,
        every: Duration,
        read: F,
    ) -> Result<(), Failure>
    where
        F: Fn() -> Fut + Send + Sync,
        Fut: Future<Output = Result<Option<T>, Failure>> + Send,
    {
        let read = &read;
        self.wait(what, every, move || async move {
            Ok(match read().await? {
                None => Progress::Done(()),
                Some(_) => Progress::Pending("still there".to_owned()),
            })
        })
        .await
    }
}
