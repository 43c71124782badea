//! A connection: sorts requests by type and hands them to the types.

use async_trait::async_trait;
use futures::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use strata_model::preflight::{Finding, Preflight};
use strata_model::provider::{
    Applied, ApplyError, ApplyRequest, Candidate, Checkpoint, Connection, FindRequest, Observation,
    OwnedObject, ProviderError, ReadPurpose, ReadRequest,
};
use strata_model::schema::Adoption;
use strata_model::{ClusterAccess, Lineage, Value};

use crate::adapter::{Access, ErasedType};
use crate::cloud::Cloud;
use crate::ec2::tagging;
use crate::eks::cluster::Clusters;
use crate::eks::cluster_access::EksAccess;
use crate::preflight;
use crate::registry::Registry;
use crate::resource::ResourceType;
use crate::tag_index::TagIndex;

/// One configured access to AWS.
#[derive(Debug)]
pub(crate) struct AwsConnection {
    cloud: Cloud,
    registry: Arc<Registry>,
}

impl AwsConnection {
    pub(crate) fn new(cloud: Cloud, registry: Arc<Registry>) -> Self {
        AwsConnection { cloud, registry }
    }

    pub(crate) fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// Reads requests of one type; a data source's one by one, and those that ask the same once.
    async fn read_type(
        &self,
        name: &str,
        batch: &[&ReadRequest<'_>],
        index: &Arc<TagIndex>,
    ) -> Vec<Observation> {
        if batch
            .iter()
            .all(|request| request.purpose != ReadPurpose::Data)
        {
            return match self.registry.managed(name) {
                Ok((ty, schema)) => ty.read(self.access(schema), batch, index).await,
                Err(error) => vec![Observation::Unreadable(error); batch.len()],
            };
        }
        let first_alike = |request: &ReadRequest<'_>| {
            let alike = |other: &&ReadRequest<'_>| other.config == request.config;
            batch.iter().position(alike)
        };
        let places: Vec<Option<usize>> = batch.iter().map(|one| first_alike(one)).collect();
        let asked: BTreeSet<usize> = places.iter().copied().flatten().collect();
        let reads = asked
            .iter()
            .map(|place| async move { (*place, self.read_data(name, batch[*place]).await) });
        let answers: BTreeMap<usize, Observation> = join_all(reads).await.into_iter().collect();
        let answers = places
            .iter()
            .filter_map(|place| answers.get(place.as_ref()?).cloned());
        answers.collect()
    }

    async fn read_data(&self, name: &str, request: &ReadRequest<'_>) -> Observation {
        let read = async {
            let (source, schema) = self.registry.data(name)?;
            crate::data::observe(source, self.access(schema), request.config).await
        };
        match read.await {
            Ok(object) => Observation::Present(object),
            Err(error) => Observation::Unreadable(error),
        }
    }

    /// The index of the objects in a batch whose types' lists leave out the tags.
    fn tag_index(&self, batch: &[ReadRequest<'_>]) -> TagIndex {
        let without_tags: BTreeSet<&str> = self
            .registry
            .all_managed()
            .filter(|(ty, _)| ty.is_listed_without_tags())
            .map(|(_, schema)| schema.name)
            .collect();
        let arns = batch.iter().filter_map(|request| {
            let is_asked = request.purpose == ReadPurpose::Refresh
                && without_tags.contains(request.resource_type);
            let recorded = request.recorded.filter(|_| is_asked)?;
            recorded.get("arn").and_then(Value::as_str)
        });
        TagIndex::of(arns)
    }

    fn access<'a>(&'a self, schema: &'a strata_model::schema::ResourceSchema) -> Access<'a> {
        Access {
            cloud: &self.cloud,
            schema,
        }
    }
}

#[async_trait]
impl Connection for AwsConnection {
    async fn read(&self, batch: &[ReadRequest<'_>]) -> Vec<Observation> {
        let mut by_type: BTreeMap<(bool, &str), Vec<usize>> = BTreeMap::new();
        for (index, request) in batch.iter().enumerate() {
            let is_data = request.purpose == ReadPurpose::Data;
            by_type
                .entry((is_data, request.resource_type))
                .or_default()
                .push(index);
        }
        let tags = &Arc::new(self.tag_index(batch));
        let reads = by_type.iter().map(|((_, name), indices)| async move {
            let requests: Vec<_> = indices.iter().map(|index| &batch[*index]).collect();
            self.read_type(name, &requests, tags).await
        });
        let answers = join_all(reads).await;
        let places = by_type.values().flatten().copied();
        let mut observed: Vec<(usize, Observation)> =
            places.zip(answers.into_iter().flatten()).collect();
        observed.sort_by_key(|(index, _)| *index);
        observed
            .into_iter()
            .map(|(_, observation)| observation)
            .collect()
    }

    async fn find(&self, request: FindRequest<'_>) -> Result<Vec<Candidate>, ProviderError> {
        let (ty, schema) = self.registry.managed(request.resource_type)?;
        ty.find(self.access(schema), &request).await
    }

    async fn apply_change(
        &self,
        request: ApplyRequest<'_>,
        checkpoint: &dyn Checkpoint,
    ) -> Result<Applied, ApplyError> {
        let (ty, schema) = self
            .registry
            .managed(request.resource_type)
            .map_err(ApplyError::nothing)?;
        ty.apply(self.access(schema), &request, checkpoint).await
    }

    /// After a refresh that read objects of a type, that type is not listed again; of the others, one list of tags says
    /// which have objects at all.
    async fn list_owned(&self, lineage: Lineage) -> Result<Vec<OwnedObject>, ProviderError> {
        if lineage != self.cloud.lineage() {
            return Err(ProviderError::bug(
                "the connection was made for another lineage than the one to list",
            ));
        }
        let tagged = self
            .registry
            .all_managed()
            .filter(|(_, schema)| schema.adoption == Adoption::Tag);
        let (listed, others): (Vec<_>, Vec<_>) =
            tagged.partition(|(_, schema)| self.cloud.has_listing(schema.name));
        let there = if others.is_empty() {
            BTreeSet::new()
        } else {
            let index = tagging::types_of_lineage(&self.cloud).await;
            index.map_err(|failure| failure.error)?
        };
        let is_there = |ty: &dyn ErasedType| ty.tagged_as().is_none_or(|name| there.contains(name));
        let chosen = others.into_iter().filter(|(ty, _)| is_there(*ty));
        let chosen = listed.into_iter().chain(chosen);
        let lists = join_all(chosen.map(|(ty, schema)| ty.owned(self.access(schema)))).await;
        let mut owned = Vec::new();
        for list in lists {
            owned.extend(list?);
        }
        Ok(owned)
    }

    async fn preflight(&self, intended: &Preflight<'_>) -> Vec<Finding> {
        preflight::look(&self.cloud, intended).await
    }

    fn cluster_access(
        self: Arc<Self>,
        resource_type: &str,
        attributes: &Value,
    ) -> Result<Option<Arc<dyn ClusterAccess>>, ProviderError> {
        if resource_type != Clusters::NAME {
            return Ok(None);
        }
        Ok(Some(Arc::new(EksAccess::new(self, attributes)?)))
    }
}
