//! Reading many objects by one Describe call, and finding them by tag.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::{Filter, Tag};
use futures::FutureExt;
use strata_model::provider::{OwnedObject, TAG_LINEAGE, TAG_OP};

use crate::cloud::{Cloud, at_once};
use crate::ec2::tagging;
use crate::error::Failure;
use crate::resource::{Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::Step;
use crate::tags::{self, Tags};

/// The most values of one filter.
const MOST_VALUES: usize = 200;

/// A type whose objects are described by filters.
#[async_trait]
pub(crate) trait Listed: ResourceType {
    /// The SDK's form of an object.
    type Live: Send + Sync;

    /// The filter that takes ids.
    const ID_FILTER: &'static str;

    /// All objects that pass a filter, over all pages.
    async fn describe(&self, cloud: &Cloud, filter: Filter) -> Result<Vec<Self::Live>, Failure>;

    /// An object's id and tags.
    fn identity(live: &Self::Live) -> (&str, &[Tag]);

    /// The object's attributes, with what takes calls of its own. `None` when it went in between.
    async fn complete(
        &self,
        cloud: &Cloud,
        live: &Self::Live,
        recorded: Option<&Self::Object>,
    ) -> Result<Option<Seen<Self::Object>>, Failure>;
}

/// A filter of a Describe call.
pub(crate) fn filter(name: impl Into<String>, values: Vec<String>) -> Filter {
    Filter::builder()
        .name(name)
        .set_values(Some(values))
        .build()
}

/// Reads objects by as few calls as possible.
pub(crate) async fn read<T: Listed>(
    ty: &T,
    cloud: &Cloud,
    wanted: &[Wanted<T::Object>],
) -> Vec<Result<Option<Seen<T::Object>>, Failure>> {
    let known = gather(ty, cloud, wanted).await;
    let known = &known;
    let completed = wanted.iter().map(|wanted| async move {
        match known.get(&wanted.id) {
            Some(Ok(live)) => ty.complete(cloud, live, wanted.recorded.as_ref()).await,
            Some(Err(failure)) => Err(failure.clone()),
            None => Ok(None),
        }
    });
    at_once(completed.map(FutureExt::boxed)).await
}

/// What is known of each id: the object, or why it could not be looked at; nothing where it does not exist.
async fn gather<T: Listed>(
    ty: &T,
    cloud: &Cloud,
    wanted: &[Wanted<T::Object>],
) -> BTreeMap<String, Result<T::Live, Failure>> {
    let mut known = BTreeMap::new();
    if wanted.iter().any(|wanted| wanted.refresh) {
        match by_lineage(ty, cloud).await {
            Ok(list) => {
                let ids = list
                    .into_iter()
                    .map(|live| (T::identity(&live).0.to_owned(), Ok(live)));
                known.extend(ids);
            }
            Err(failure) => {
                let ids = wanted
                    .iter()
                    .map(|wanted| (wanted.id.clone(), Err(failure.clone())));
                known.extend(ids);
            }
        }
    }
    // What the list by lineage lacks may have lost its tag, or never had one.
    let others: Vec<String> = wanted
        .iter()
        .map(|wanted| wanted.id.clone())
        .filter(|id| !known.contains_key(id))
        .collect();
    for ids in others.chunks(MOST_VALUES) {
        match ty.describe(cloud, filter(T::ID_FILTER, ids.to_vec())).await {
            Ok(list) => {
                let ids = list
                    .into_iter()
                    .map(|live| (T::identity(&live).0.to_owned(), Ok(live)));
                known.extend(ids);
            }
            Err(failure) => known.extend(ids.iter().map(|id| (id.clone(), Err(failure.clone())))),
        }
    }
    known
}

/// All objects of the lineage; kept for the question about owned objects that follows a refresh.
async fn by_lineage<T: Listed>(ty: &T, cloud: &Cloud) -> Result<Vec<T::Live>, Failure> {
    let of_lineage = filter(
        format!("tag:{TAG_LINEAGE}"),
        vec![cloud.lineage().to_string()],
    );
    let list = ty.describe(cloud, of_lineage).await?;
    cloud.keep_listing(T::NAME, owned_objects::<T>(&list));
    Ok(list)
}

/// All objects with the tag of the connection's lineage.
pub(crate) async fn owned<T: Listed>(ty: &T, cloud: &Cloud) -> Result<Vec<OwnedObject>, Failure> {
    by_lineage(ty, cloud).await?;
    Ok(cloud.take_listing(T::NAME).unwrap_or_default())
}

fn owned_objects<T: Listed>(list: &[T::Live]) -> Vec<OwnedObject> {
    list.iter()
        .map(|live| {
            let (id, list) = T::identity(live);
            OwnedObject {
                resource_type: T::NAME.to_owned(),
                id: id.to_owned(),
                op: tags::op_of(&tag_map(list)),
            }
        })
        .collect()
}

/// The objects that carry the op of a lost create.
pub(crate) async fn find<T: Listed>(
    ty: &T,
    cloud: &Cloud,
    lost: &Lost<T::Object>,
) -> Result<Vec<Found<T::Object>>, Failure> {
    let of_op = filter(format!("tag:{TAG_OP}"), vec![lost.op.to_string()]);
    let mut found = Vec::new();
    for live in ty.describe(cloud, of_op).await? {
        let (id, list) = T::identity(&live);
        let ours = tags::op_of(&tag_map(list)) == Some(lost.op);
        if let Some(seen) = ty.complete(cloud, &live, Some(&lost.planned)).await? {
            found.push(Found {
                id: id.to_owned(),
                seen,
                ours: Some(ours),
            });
        }
    }
    Ok(found)
}

/// One object by its id.
pub(crate) async fn one<T: Listed>(
    ty: &T,
    cloud: &Cloud,
    id: &str,
) -> Result<Option<T::Live>, Failure> {
    let list = ty
        .describe(cloud, filter(T::ID_FILTER, vec![id.to_owned()]))
        .await?;
    Ok(list.into_iter().find(|live| T::identity(live).0 == id))
}

/// An object as it is seen in the middle of a change.
pub(crate) struct Observed<T: Listed> {
    /// The SDK's form.
    pub(crate) live: T::Live,
    /// Its attributes.
    pub(crate) object: T::Object,
}

/// Looks at one object in the middle of a change.
pub(crate) async fn observe<T: Listed>(
    ty: &T,
    cloud: &Cloud,
    id: &str,
    planned: &T::Object,
) -> Result<Option<Observed<T>>, Failure> {
    let Some(live) = one(ty, cloud, id).await? else {
        return Ok(None);
    };
    let seen = ty.complete(cloud, &live, Some(planned)).await?;
    Ok(seen.map(|seen| Observed {
        live,
        object: seen.object,
    }))
}

/// Brings the tags of an object to what is wanted, where nothing else of it can change, and waits until they are seen.
pub(crate) async fn converge_tags<T: Listed>(
    ty: &T,
    step: &Step<'_>,
    target: &Target<'_, T::Object>,
    (what, now, wanted): (&str, Observed<T>, Option<&Tags>),
) -> Result<T::Object, Failure> {
    let difference = tagging::difference(step, T::identity(&now.live).1, wanted);
    if !tagging::converge(step, target.id, difference).await? {
        return Ok(now.object);
    }
    let look = || observe(ty, step.cloud, target.id, target.planned);
    let is_settled =
        |now: &Observed<T>| tagging::difference(step, T::identity(&now.live).1, wanted).is_empty();
    Ok(step.until(what, look, is_settled).await?.object)
}

/// Waits until an object is gone.
pub(crate) async fn until_gone<T: Listed>(
    ty: &T,
    step: &Step<'_>,
    id: &str,
) -> Result<(), Failure> {
    let look = || one(ty, step.cloud, id);
    step.until_gone(id, Duration::from_secs(2), look).await
}

/// The SDK's tags by key.
pub(crate) fn tag_map(list: &[Tag]) -> Tags {
    list.iter()
        .filter_map(|tag| {
            Some((
                tag.key()?.to_owned(),
                tag.value().unwrap_or_default().to_owned(),
            ))
        })
        .collect()
}

/// What users see of an object's tags.
pub(crate) fn seen_tags(
    cloud: &Cloud,
    list: &[Tag],
    recorded: Option<Option<&Tags>>,
) -> tags::Seen {
    let none = Tags::new();
    let recorded = recorded.map(|tags| tags.unwrap_or(&none));
    tags::seen(tag_map(list), cloud.default_tags(), recorded)
}
