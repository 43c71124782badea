//! What a resource type of AWS is: a typed trait for authors.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use strata_model::OpId;
use strata_model::provider::{OwnedObject, ProviderError};
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::Checks;
use crate::cloud::{Cloud, at_once};
use crate::error::Failure;
use crate::step::Step;
use crate::tag_index::TagIndex;
use crate::tags::{self, Tags};

/// A resource type. Its `Object` has the schema's attributes as fields; what is not known yet is `None`.
#[async_trait]
pub(crate) trait ResourceType: fmt::Debug + Send + Sync + 'static {
    /// Arguments and attributes.
    type Object: Serialize + DeserializeOwned + Clone + fmt::Debug + Send + Sync;

    /// The type's name.
    const NAME: &'static str;

    /// What EC2's list of tags calls the type, where its objects are found by tag.
    const TAGGED_AS: Option<&'static str> = None;

    /// Whether the type's own list leaves out the tags, so that a refresh looks for them in the [`TagIndex`].
    const LISTED_WITHOUT_TAGS: bool = false;

    /// The schema.
    fn schema(&self) -> ResourceSchema;

    /// Checks arguments beyond their types.
    fn validate(&self, _checks: &mut Checks<'_>) {}

    /// Adds to what the schema alone says of a change. Pure.
    ///
    /// # Errors
    ///
    /// When the change is impossible.
    fn plan(&self, _change: &mut Change<'_>) -> Result<(), ProviderError> {
        Ok(())
    }

    /// Reads objects, one answer for each in the same order. `None` is a definite no.
    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<Self::Object>],
    ) -> Vec<Result<Option<Seen<Self::Object>>, Failure>>;

    /// Lists what a lost create may have left, over all pages.
    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<Self::Object>,
    ) -> Result<Vec<Found<Self::Object>>, Failure>;

    /// Makes the first call of a create and returns the object's id. It does not wait.
    async fn create(&self, step: &Step<'_>, planned: &Self::Object) -> Result<String, Failure>;

    /// Looks at the object, issues the calls that are missing, and waits until it is as planned. It serves the rest of a
    /// create, an update, and the completion of either; where nothing is missing it only waits.
    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, Self::Object>,
    ) -> Result<Self::Object, Failure>;

    /// Removes the object and waits until it is gone. That it is gone already is success.
    async fn delete(&self, step: &Step<'_>, id: &str, prior: &Self::Object) -> Result<(), Failure>;

    /// All objects with the tag of the connection's lineage; nothing for types without it.
    async fn owned(&self, _cloud: &Cloud) -> Result<Vec<OwnedObject>, Failure> {
        Ok(Vec::new())
    }
}

/// An object to read.
#[derive(Debug, Clone)]
pub(crate) struct Wanted<T> {
    pub(crate) id: String,
    /// As it is recorded, or, during a change, as it is planned; `None` in an import.
    pub(crate) recorded: Option<T>,
    /// Whether it is read in a refresh, where one list by lineage answers for many objects.
    pub(crate) refresh: bool,
    /// In a refresh of what is recorded as a whole: where tags are told that the type's own list leaves out.
    pub(crate) index: Option<Arc<TagIndex>>,
}

/// An object whose tags are recorded.
pub(crate) trait Tagged {
    /// Its `tags` and its `tags_all`.
    fn tags(&self) -> (Option<&Tags>, Option<&Tags>);
}

impl<T: Tagged> Wanted<T> {
    /// The tags of an object, where the index says of them what is recorded. `None` where the object's own service has to
    /// be asked.
    pub(crate) async fn confirmed_tags(&self, cloud: &Cloud, arn: &str) -> Option<Tags> {
        let (tags, tags_all) = self.recorded.as_ref()?.tags();
        let told = self.index.as_ref()?.tags(cloud, arn).await?;
        let seen = tags::seen_of(told.clone(), cloud.default_tags(), Some(tags));
        let recorded = tags::Seen {
            tags: tags.cloned().unwrap_or_default(),
            tags_all: tags_all.cloned().unwrap_or_default(),
        };
        (seen == recorded).then(|| told.clone())
    }
}

/// An object that was read.
#[derive(Debug, Clone)]
pub(crate) struct Seen<T> {
    pub(crate) object: T,
    /// Whether its creation still goes on.
    pub(crate) incomplete: bool,
}

impl<T> Seen<T> {
    /// An object whose creation is over.
    pub(crate) fn complete(object: T) -> Self {
        Seen {
            object,
            incomplete: false,
        }
    }
}

/// Reads each object by itself, some at once; the answers are in the order of what is wanted.
pub(crate) async fn each<'w, T, R>(
    wanted: &'w [Wanted<T>],
    read: impl Fn(&'w Wanted<T>) -> R,
) -> Vec<Result<Option<Seen<T>>, Failure>>
where
    T: Send,
    R: Future<Output = Result<Option<Seen<T>>, Failure>> + Send + 'w,
{
    at_once(wanted.iter().map(|wanted| read(wanted).boxed())).await
}

/// What a lost create was going to make.
#[derive(Debug, Clone)]
pub(crate) struct Lost<T> {
    pub(crate) op: OpId,
    pub(crate) planned: T,
}

/// An object that may be what a lost create made.
#[derive(Debug, Clone)]
pub(crate) struct Found<T> {
    pub(crate) id: String,
    pub(crate) seen: Seen<T>,
    /// See [`strata_model::provider::Candidate::ours`].
    pub(crate) ours: Option<bool>,
}

/// Where a change leads to.
#[derive(Debug)]
pub(crate) struct Target<'a, T> {
    pub(crate) id: &'a str,
    pub(crate) planned: &'a T,
    /// As it was before an update; `None` in a create.
    pub(crate) prior: Option<&'a T>,
}

/// The schema of a type whose objects are known by a unique name; with the type's name and consistency window.
pub(crate) fn named(
    (name, consistency_window): (&'static str, Duration),
    schema: Schema,
    description: &'static str,
) -> ResourceSchema {
    ResourceSchema {
        consistency_window,
        unique_name: Some("name"),
        ..ResourceSchema::managed(name, Adoption::Name, schema, description)
    }
}

/// The attribute `id`.
pub(crate) fn id(description: &'static str) -> (&'static str, Attribute) {
    (
        "id",
        Attribute::computed(AttributeType::String, description),
    )
}

/// The attribute `arn`.
pub(crate) fn arn() -> (&'static str, Attribute) {
    (
        "arn",
        Attribute::computed(AttributeType::String, "ARN of the object."),
    )
}

/// The attribute `region` of a type without ARN, by which its objects are known to live elsewhere.
pub(crate) fn region() -> (&'static str, Attribute) {
    (
        "region",
        Attribute::computed(AttributeType::String, "Region of the object."),
    )
}

/// The attribute `owner_id`.
pub(crate) fn owner_id() -> (&'static str, Attribute) {
    (
        "owner_id",
        Attribute::computed(AttributeType::String, "Account that owns the object."),
    )
}
