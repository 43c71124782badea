//! The one adapter between typed resource types and the engine's contract.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use strata_model::provider::{
    Applied, ApplyError, ApplyRequest, ArgumentFault, Candidate, Checkpoint, FindRequest, Object,
    Observation, Operation, OwnedObject, PlanRequest, PlannedChange, ProviderError,
    ProviderErrorKind, ReadPurpose, ReadRequest, Residue,
};
use strata_model::schema::ResourceSchema;
use strata_model::{AttributePath, Value};

use crate::change::Change;
use crate::checks::Checks;
use crate::cloud::Cloud;
use crate::config::Config;
use crate::error::{Effect, Failure};
use crate::form;
use crate::resource::{Lost, ResourceType, Seen, Target, Wanted};
use crate::step::Step;
use crate::tag_index::TagIndex;

/// A resource type with its `Object` erased.
#[async_trait]
pub(crate) trait ErasedType: fmt::Debug + Send + Sync {
    /// See [`ResourceType::TAGGED_AS`].
    fn tagged_as(&self) -> Option<&'static str>;

    /// See [`ResourceType::LISTED_WITHOUT_TAGS`].
    fn is_listed_without_tags(&self) -> bool;

    fn schema(&self) -> ResourceSchema;

    fn validate(&self, config: &Value) -> Vec<ArgumentFault>;

    fn plan(
        &self,
        schema: &ResourceSchema,
        request: &PlanRequest<'_>,
    ) -> Result<PlannedChange, ProviderError>;

    /// One observation for each request, in order. `index` is where a refresh looks for tags.
    async fn read(
        &self,
        access: Access<'_>,
        batch: &[&ReadRequest<'_>],
        index: &Arc<TagIndex>,
    ) -> Vec<Observation>;

    async fn find(
        &self,
        access: Access<'_>,
        request: &FindRequest<'_>,
    ) -> Result<Vec<Candidate>, ProviderError>;

    async fn apply(
        &self,
        access: Access<'_>,
        request: &ApplyRequest<'_>,
        checkpoint: &dyn Checkpoint,
    ) -> Result<Applied, ApplyError>;

    async fn owned(&self, access: Access<'_>) -> Result<Vec<OwnedObject>, ProviderError>;
}

/// What a type needs to reach its objects.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access<'a> {
    pub(crate) cloud: &'a Cloud,
    pub(crate) schema: &'a ResourceSchema,
}

/// Erases a resource type.
#[derive(Debug)]
pub(crate) struct Adapter<R>(pub(crate) R);

#[async_trait]
impl<R: ResourceType> ErasedType for Adapter<R> {
    fn tagged_as(&self) -> Option<&'static str> {
        R::TAGGED_AS
    }

    fn is_listed_without_tags(&self) -> bool {
        R::LISTED_WITHOUT_TAGS
    }

    fn schema(&self) -> ResourceSchema {
        self.0.schema()
    }

    fn validate(&self, config: &Value) -> Vec<ArgumentFault> {
        let mut checks = Checks::new(config);
        if config.get("tags").is_some() {
            crate::tags::check(&mut checks, "tags");
        }
        self.0.validate(&mut checks);
        checks.finish()
    }

    fn plan(
        &self,
        schema: &ResourceSchema,
        request: &PlanRequest<'_>,
    ) -> Result<PlannedChange, ProviderError> {
        let provider = request.provider.map(Config::read).transpose()?;
        let config = crate::cidr::normal_arguments(request.config);
        let plan_from = |prior| {
            let region = provider
                .as_ref()
                .and_then(|config| config.region.as_deref());
            let mut change = Change::new(schema, prior, &config, region);
            form::plan_tags(&mut change, provider.as_ref());
            self.0.plan(&mut change)?;
            Ok::<_, ProviderError>(change.finish())
        };
        let region = provider
            .as_ref()
            .and_then(|config| config.region.as_deref());
        if request
            .prior
            .is_some_and(|prior| lives_elsewhere(prior, region))
        {
            // Its name means another object there, or none: nothing of it can be taken over.
            let place = if config.get("region").is_some() {
                "region"
            } else {
                "arn"
            };
            return Ok(PlannedChange {
                replace: vec![AttributePath::attribute(place)],
                ..plan_from(None)?
            });
        }
        let mut planned = plan_from(request.prior)?;
        if !planned.replace.is_empty() {
            // What takes the object's place starts from nothing.
            planned.planned = plan_from(None)?.planned;
            planned.stages.clear();
        }
        Ok(planned)
    }

    async fn read(
        &self,
        access: Access<'_>,
        batch: &[&ReadRequest<'_>],
        index: &Arc<TagIndex>,
    ) -> Vec<Observation> {
        let wanted: Result<Vec<_>, ProviderError> = batch
            .iter()
            .map(|request| {
                let refresh = request.purpose == ReadPurpose::Refresh;
                // Of what is secret only a fingerprint is recorded: nothing says whether it is as it was.
                let is_whole = request
                    .recorded
                    .is_some_and(|recorded| !recorded.has_unknown());
                Ok(Wanted {
                    id: request.id.unwrap_or_default().to_owned(),
                    recorded: request.recorded.map(form::decode).transpose()?,
                    refresh,
                    index: (refresh && is_whole).then(|| Arc::clone(index)),
                })
            })
            .collect();
        let wanted = match wanted {
            Ok(wanted) => wanted,
            Err(error) => return vec![Observation::Unreadable(error); batch.len()],
        };
        let seen = self.0.read(access.cloud, &wanted).await;
        let pairs = batch.iter().zip(seen);
        pairs
            .map(|(request, seen)| {
                let id = request.id.unwrap_or_default();
                observation(access.schema, (id, request.recorded), seen)
            })
            .collect()
    }

    async fn find(
        &self,
        access: Access<'_>,
        request: &FindRequest<'_>,
    ) -> Result<Vec<Candidate>, ProviderError> {
        let lost = Lost {
            op: request.op,
            planned: form::decode(request.planned)?,
        };
        let found = self.0.find(access.cloud, &lost).await;
        let found = found.map_err(|failure| redacted(failure.error, request.planned))?;
        found
            .into_iter()
            .map(|found| {
                let place = (found.id.as_str(), Some(request.planned));
                Ok(Candidate {
                    object: object(access.schema, place, &found.seen)?,
                    ours: found.ours,
                })
            })
            .collect()
    }

    async fn apply(
        &self,
        access: Access<'_>,
        request: &ApplyRequest<'_>,
        checkpoint: &dyn Checkpoint,
    ) -> Result<Applied, ApplyError> {
        let limit = match request.operation {
            Operation::Create => request.timeouts.create,
            Operation::Update => request.timeouts.update,
            Operation::Delete => request.timeouts.delete,
        };
        let attempt = Attempt {
            ty: &self.0,
            access,
            request,
            checkpoint,
            step: Step::new(access.cloud, request.op, checkpoint, (limit, request.prior)),
        };
        let done = match request.operation {
            Operation::Create => attempt.create().await,
            Operation::Update => attempt.update().await,
            Operation::Delete => attempt.delete().await,
        };
        done.map_err(|error| ApplyError {
            error: redacted(error.error, request.planned),
            residue: error.residue,
        })
    }

    async fn owned(&self, access: Access<'_>) -> Result<Vec<OwnedObject>, ProviderError> {
        if let Some(listed) = access.cloud.take_listing(access.schema.name) {
            return Ok(listed);
        }
        let owned = self.0.owned(access.cloud).await;
        owned.map_err(|failure| failure.error)
    }
}

/// One attempt of one step.
struct Attempt<'a, R> {
    ty: &'a R,
    access: Access<'a>,
    request: &'a ApplyRequest<'a>,
    checkpoint: &'a dyn Checkpoint,
    step: Step<'a>,
}

impl<R: ResourceType> Attempt<'_, R> {
    async fn create(&self) -> Result<Applied, ApplyError> {
        let planned: R::Object = self.decode(self.request.planned)?;
        let id = match self.request.id {
            Some(id) => id.to_owned(),
            None => self.begin(&planned).await?,
        };
        let known = form::with_id(self.request.planned, &id);
        if let Err(error) = self.checkpoint.created(&id, &known).await {
            return Err(self.partial(error, &id).await);
        }
        let target = Target {
            id: &id,
            planned: &planned,
            prior: None,
        };
        match self.ty.converge(&self.step, &target).await {
            Ok(object) => self.applied(&id, object),
            Err(failure) => Err(self.left(failure, &id).await),
        }
    }

    /// Makes the object, or finds the one that an earlier send of this op made.
    async fn begin(&self, planned: &R::Object) -> Result<String, ApplyError> {
        let failure = match self.ty.create(&self.step, planned).await {
            Ok(id) => return Ok(id),
            Err(failure) => failure,
        };
        if failure.kind() == ProviderErrorKind::AlreadyExists {
            let lost = Lost {
                op: self.request.op,
                planned: planned.clone(),
            };
            let found = self.ty.find(self.access.cloud, &lost).await;
            let mut found = found.unwrap_or_default().into_iter();
            if let Some(ours) = found.find(|found| found.ours == Some(true)) {
                return Ok(ours.id);
            }
        }
        Err(match failure.effect {
            Effect::None | Effect::FailedForGood => ApplyError::nothing(failure.error),
            Effect::Maybe => ApplyError::unknown(failure.error),
        })
    }

    async fn update(&self) -> Result<Applied, ApplyError> {
        let planned: R::Object = self.decode(self.request.planned)?;
        let prior = self.request.prior.map(|prior| self.decode(prior));
        let prior: Option<R::Object> = prior.transpose()?;
        let id = self.id()?;
        let target = Target {
            id,
            planned: &planned,
            prior: prior.as_ref(),
        };
        match self.ty.converge(&self.step, &target).await {
            Ok(object) => self.applied(id, object),
            Err(failure) if failure.effect == Effect::None && !self.step.has_changed() => {
                Err(ApplyError::nothing(failure.error))
            }
            Err(failure) => Err(self.left(failure, id).await),
        }
    }

    async fn delete(&self) -> Result<Applied, ApplyError> {
        let prior = self.request.prior.unwrap_or(self.request.planned);
        let prior: R::Object = self.decode(prior)?;
        let id = self.id()?;
        match self.ty.delete(&self.step, id, &prior).await {
            Ok(()) => Ok(Applied {
                id: None,
                attributes: Value::null(),
            }),
            Err(failure) if failure.effect == Effect::None && !self.step.has_changed() => {
                Err(ApplyError::nothing(failure.error))
            }
            Err(failure) if failure.effect == Effect::Maybe => {
                Err(ApplyError::unknown(failure.error))
            }
            Err(failure) => Err(self.left(failure, id).await),
        }
    }

    fn id(&self) -> Result<&str, ApplyError> {
        self.request.id.ok_or_else(|| {
            let error = ProviderError::bug(format!(
                "a change of {} was asked for without its id",
                self.request.resource_type
            ));
            ApplyError::nothing(error)
        })
    }

    fn decode(&self, value: &Value) -> Result<R::Object, ApplyError> {
        form::decode(value).map_err(ApplyError::nothing)
    }

    fn applied(&self, id: &str, object: R::Object) -> Result<Applied, ApplyError> {
        let attributes = form::encode(self.access.schema, &object, Some(self.request.planned));
        Ok(Applied {
            id: Some(id.to_owned()),
            attributes: attributes.map_err(ApplyError::unknown)?,
        })
    }

    /// An error of a change of an object that exists.
    async fn left(&self, failure: Failure, id: &str) -> ApplyError {
        let for_good = failure.effect == Effect::FailedForGood;
        let left = self.partial(failure.error, id).await;
        match left.residue {
            Residue::Partial(object) if for_good => ApplyError {
                error: left.error,
                residue: Residue::Failed(object),
            },
            Residue::Partial(_) | Residue::Nothing | Residue::Failed(_) | Residue::Unknown => left,
        }
    }

    /// An error that leaves an object, as it is seen now, or as far as it was planned where it cannot be seen.
    async fn partial(&self, error: ProviderError, id: &str) -> ApplyError {
        let recorded = match self.request.operation {
            Operation::Create => self.request.planned,
            Operation::Update | Operation::Delete => {
                self.request.prior.unwrap_or(self.request.planned)
            }
        };
        let wanted = Wanted {
            id: id.to_owned(),
            recorded: form::decode(recorded).ok(),
            refresh: false,
            index: None,
        };
        let seen = self.ty.read(self.access.cloud, &[wanted]).await.pop();
        let object = match seen {
            Some(Ok(Some(seen))) => object(self.access.schema, (id, Some(recorded)), &seen).ok(),
            Some(Ok(None) | Err(_)) | None => None,
        };
        let mut object = object.unwrap_or_else(|| Object {
            id: id.to_owned(),
            attributes: form::without_unknowns(&form::with_id(recorded, id)),
            incomplete: true,
        });
        object.incomplete = true;
        ApplyError::partial(error, object)
    }
}

/// Whether an object belongs to another region than the connection now names. Its ARN, or its region where it has none,
/// says where it is, so that a region that was left to the surroundings, and is now written down, moves nothing; what
/// has no region never moves.
fn lives_elsewhere(prior: &Value, region: Option<&str>) -> bool {
    let text = |name| prior.get(name).and_then(Value::as_str);
    let home = match text("arn") {
        Some(arn) => arn.split(':').nth(3),
        None => text("region"),
    };
    home.zip(region)
        .is_some_and(|(home, region)| !home.is_empty() && home != region)
}

fn observation<T: serde::Serialize>(
    schema: &ResourceSchema,
    place: (&str, Option<&Value>),
    seen: Result<Option<Seen<T>>, Failure>,
) -> Observation {
    match seen {
        Ok(None) => Observation::Absent,
        Ok(Some(seen)) => match object(schema, place, &seen) {
            Ok(object) => Observation::Present(object),
            Err(error) => Observation::Unreadable(error),
        },
        Err(failure) => Observation::Unreadable(match place.1 {
            Some(recorded) => redacted(failure.error, recorded),
            None => failure.error,
        }),
    }
}

fn object<T: serde::Serialize>(
    schema: &ResourceSchema,
    (id, recorded): (&str, Option<&Value>),
    seen: &Seen<T>,
) -> Result<Object, ProviderError> {
    Ok(Object {
        id: id.to_owned(),
        attributes: form::encode(schema, &seen.object, recorded)?,
        incomplete: seen.incomplete,
    })
}

/// The error without the secrets among the values it may quote.
fn redacted(mut error: ProviderError, values: &Value) -> ProviderError {
    values.walk(&mut |path, value| {
        let secret = (0..=path.steps().len()).any(|length| {
            let ancestor = path.steps()[..length].to_vec().into();
            values.at(&ancestor).is_some_and(Value::is_secret)
        });
        if let (true, Some(text)) = (secret, value.as_str())
            && !text.is_empty()
        {
            error.message = error.message.replace(text, "***");
        }
    });
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_says_where_an_object_lives() {
        let object = |arn: &str| Value::object([("arn", Value::from(arn))]);
        let vpc = object("arn:aws:ec2:eu-west-1:1:vpc/vpc-1");
        assert!(lives_elsewhere(&vpc, Some("us-east-1")));
        assert!(!lives_elsewhere(&vpc, Some("eu-west-1")));
        assert!(!lives_elsewhere(&vpc, None));
        let nameless = Value::object([("region", Value::from("eu-west-1"))]);
        assert!(lives_elsewhere(&nameless, Some("us-east-1")));
        assert!(!lives_elsewhere(&nameless, Some("eu-west-1")));
        let role = object("arn:aws:iam::1:role/a");
        assert!(!lives_elsewhere(&role, Some("us-east-1")));
        assert!(!lives_elsewhere(
            &Value::object([("id", Value::from("a"))]),
            Some("us-east-1")
        ));
    }

    #[test]
    fn errors_do_not_quote_secrets() {
        let values = Value::object([
            ("plain", Value::from("open")),
            (
                "inner",
                Value::object([("text", Value::from("canary"))]).into_secret(),
            ),
        ]);
        let error = ProviderError::bug("the values open and canary are wrong");
        assert_eq!(
            redacted(error, &values).message,
            "the values open and *** are wrong"
        );
    }
}
