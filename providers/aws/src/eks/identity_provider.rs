//! `aws_eks_identity_provider_config`.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_eks::types::{
    ConfigStatus, IdentityProviderConfig as Reference, OidcIdentityProviderConfig as LiveConfig,
    OidcIdentityProviderConfigRequest,
};
use serde::{Deserialize, Serialize};
use strata_model::provider::{ProviderError, ProviderErrorKind};
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema, Timeouts};

use crate::change::Change;
use crate::checks::{Checks, Pattern};
use crate::cloud::Cloud;
use crate::eks::{CLUSTER_INTERVAL, MINUTE, tagging};
use crate::error::{Failure, found, send};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::{Progress, Step};
use crate::tags::{self, Tags};

/// `aws_eks_identity_provider_config`.
#[derive(Debug)]
pub(crate) struct IdentityProviders;

/// A config. Its id is `cluster:name`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct IdentityProvider {
    id: Option<String>,
    arn: Option<String>,
    cluster_name: String,
    oidc: Oidc,
    status: Option<String>,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

/// What the issuer is asked about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Oidc {
    client_id: String,
    groups_claim: Option<String>,
    groups_prefix: Option<String>,
    identity_provider_config_name: String,
    issuer_url: String,
    required_claims: Option<Tags>,
    username_claim: Option<String>,
    username_prefix: Option<String>,
}

#[async_trait]
impl ResourceType for IdentityProviders {
    type Object = IdentityProvider;
    const NAME: &'static str = "aws_eks_identity_provider_config";

    fn schema(&self) -> ResourceSchema {
        let limit = Duration::from_secs(60 * MINUTE);
        let text = || AttributeType::String;
        let schema = Schema::new([
            resource::id("Cluster and config, as `cluster:config`."),
            resource::arn(),
            super::cluster_name(),
            (
                "oidc",
                Attribute::required(oidc(), "The issuer, and what its tokens say.").replaces(),
            ),
            (
                "status",
                Attribute::computed(text(), "Status, such as `ACTIVE`."),
            ),
            tags::argument(),
            tags::all(),
        ]);
        ResourceSchema {
            admits: true,
            consistency_window: super::CONSISTENCY_WINDOW,
            unique_name: Some("cluster_name"),
            timeouts: Timeouts {
                create: limit,
                update: limit,
                delete: limit,
            },
            ..ResourceSchema::managed(
                Self::NAME,
                Adoption::Name,
                schema,
                "An OIDC issuer whose tokens an EKS cluster takes beside those of IAM. A cluster has one.",
            )
        }
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("cluster_name", |name| Pattern::ClusterName.check(name));
        checks.text("oidc.issuer_url", |url| {
            (!url.starts_with("https://"))
                .then(|| format!("must begin with https://, not '{url}'."))
        });
        checks.text("oidc.identity_provider_config_name", |name| {
            Pattern::ClusterName.check(name)
        });
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        let names = change
            .planned_text("cluster_name")
            .zip(change.planned_text("oidc.identity_provider_config_name"));
        if let Some((cluster, name)) = names {
            change.set("id", id_of(cluster, name).into());
        }
        change.forget_missing(&["arn"]);
        if change.prior.is_some() && change.prior_text("status") != Some("ACTIVE") {
            change.forget("status");
        }
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<IdentityProvider>],
    ) -> Vec<Result<Option<Seen<IdentityProvider>>, Failure>> {
        resource::each(wanted, |wanted| async move {
            let live = describe(cloud, parts(&wanted.id)?).await?;
            Ok(live.map(|live| see(cloud, &live, wanted.recorded.as_ref())))
        })
        .await
    }

    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<IdentityProvider>,
    ) -> Result<Vec<Found<IdentityProvider>>, Failure> {
        let planned = &lost.planned;
        let place = (
            planned.cluster_name.as_str(),
            planned.oidc.identity_provider_config_name.as_str(),
        );
        let found = describe(cloud, place).await?.map(|live| Found {
            id: id_of(place.0, place.1),
            ours: Some(tagging::op_of(live.tags()) == Some(lost.op)),
            seen: see(cloud, &live, Some(planned)),
        });
        Ok(found.into_iter().collect())
    }

    async fn create(&self, step: &Step<'_>, planned: &IdentityProvider) -> Result<String, Failure> {
        let eks = &step.clients().await?.eks;
        let tags = step.create_tags(planned.tags.as_ref());
        let oidc = planned.oidc.clone();
        let claims = oidc.required_claims.filter(|claims| !claims.is_empty());
        let name = oidc.identity_provider_config_name;
        let request = OidcIdentityProviderConfigRequest::builder()
            .identity_provider_config_name(&name)
            .issuer_url(oidc.issuer_url)
            .client_id(oidc.client_id)
            .set_username_claim(oidc.username_claim)
            .set_username_prefix(oidc.username_prefix)
            .set_groups_claim(oidc.groups_claim)
            .set_groups_prefix(oidc.groups_prefix)
            .set_required_claims(claims.map(|claims| claims.into_iter().collect()))
            .build()
            .map_err(|error| ProviderError::bug(format!("a config cannot be built: {error}")))?;
        let call = eks
            .associate_identity_provider_config()
            .cluster_name(&planned.cluster_name)
            .oidc(request)
            .client_request_token(step.op.to_string())
            .set_tags(Some(tags.into_iter().collect()));
        step.change("AssociateIdentityProviderConfig", call.send())
            .await?;
        Ok(id_of(&planned.cluster_name, &name))
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, IdentityProvider>,
    ) -> Result<IdentityProvider, Failure> {
        let place = parts(target.id)?;
        let planned = target.planned;
        let what = format!("identity provider config {} of {}", place.1, place.0);
        let look = || describe(step.cloud, place);
        step.until(&what, look, |_| true).await?;
        let live = until_active(step, place).await?;
        let wanted = step.wanted_tags(planned.tags.as_ref());
        let arn = live.identity_provider_config_arn().unwrap_or_default();
        if !tagging::converge(step, arn, (live.tags(), &wanted)).await? {
            return Ok(see(step.cloud, &live, Some(planned)).object);
        }
        let is_settled = |live: &LiveConfig| tagging::are(live.tags(), &wanted);
        let settled = step.until(&what, look, is_settled).await?;
        Ok(see(step.cloud, &settled, Some(planned)).object)
    }

    async fn delete(
        &self,
        step: &Step<'_>,
        id: &str,
        _prior: &IdentityProvider,
    ) -> Result<(), Failure> {
        let place = parts(id)?;
        let Some(live) = describe(step.cloud, place).await? else {
            return Ok(());
        };
        if live.status() != Some(&ConfigStatus::Deleting) {
            let eks = &step.clients().await?.eks;
            let call = eks
                .disassociate_identity_provider_config()
                .cluster_name(place.0)
                .identity_provider_config(reference(place.1)?)
                .client_request_token(step.op.to_string());
            let operation = "DisassociateIdentityProviderConfig";
            found(step.change(operation, call.send()).await)?;
        }
        let what = format!("identity provider config {} of {}", place.1, place.0);
        let look = || describe(step.cloud, place);
        step.until_gone(&what, CLUSTER_INTERVAL, look).await
    }
}

fn oidc() -> AttributeType {
    let required = |description| Attribute::required(AttributeType::String, description).replaces();
    let optional = |description| Attribute::optional(AttributeType::String, description).replaces();
    AttributeType::object([
        ("client_id", required("Audience of the tokens.")),
        (
            "groups_claim",
            optional("Claim that names the groups of a person."),
        ),
        (
            "groups_prefix",
            optional("What stands before groups in Kubernetes."),
        ),
        (
            "identity_provider_config_name",
            required("Name of the config."),
        ),
        (
            "issuer_url",
            required("URL of the issuer, which is reachable by EKS."),
        ),
        (
            "required_claims",
            Attribute::optional(
                AttributeType::string_map(),
                "Claims that a token must have, with their values.",
            )
            .replaces(),
        ),
        (
            "username_claim",
            optional("Claim that names the person; `sub` if left out."),
        ),
        (
            "username_prefix",
            optional("What stands before names in Kubernetes."),
        ),
    ])
}

fn id_of(cluster: &str, name: &str) -> String {
    format!("{cluster}:{name}")
}

fn parts(id: &str) -> Result<(&str, &str), Failure> {
    super::parts(id, ':', ("an identity provider config", "CLUSTER:CONFIG"))
}

fn reference(name: &str) -> Result<Reference, Failure> {
    Reference::builder()
        .r#type("oidc")
        .name(name)
        .build()
        .map_err(|error| ProviderError::bug(format!("a config cannot be named: {error}")).into())
}

async fn describe(
    cloud: &Cloud,
    (cluster, name): (&str, &str),
) -> Result<Option<LiveConfig>, Failure> {
    let call = cloud
        .clients()
        .await?
        .eks
        .describe_identity_provider_config()
        .cluster_name(cluster)
        .identity_provider_config(reference(name)?);
    let answer = found(send("DescribeIdentityProviderConfig", call.send()).await)?;
    let config = answer.and_then(|answer| answer.identity_provider_config);
    Ok(config.and_then(|config| config.oidc))
}

async fn until_active(step: &Step<'_>, place: (&str, &str)) -> Result<LiveConfig, Failure> {
    let what = format!("identity provider config {} of {}", place.1, place.0);
    let look = || async move {
        let Some(live) = describe(step.cloud, place).await? else {
            let message = format!(
                "identity provider config {}: it does not exist any more; the updates of {} say why",
                place.1, place.0
            );
            return Err(Failure::refused(ProviderErrorKind::NotFound, message));
        };
        match live.status() {
            Some(ConfigStatus::Active) => Ok(Progress::Done(live)),
            Some(ConfigStatus::Deleting) => Err(Failure::refused(
                ProviderErrorKind::Failed,
                format!("identity provider config {} is being removed", place.1),
            )),
            status => Ok(Progress::Pending(
                status.map_or("unknown", ConfigStatus::as_str).to_owned(),
            )),
        }
    };
    step.wait(&what, CLUSTER_INTERVAL, look).await
}

fn see(
    cloud: &Cloud,
    live: &LiveConfig,
    recorded: Option<&IdentityProvider>,
) -> Seen<IdentityProvider> {
    let own = recorded.map(|config| config.tags.as_ref());
    let tags = tagging::seen(cloud, live.tags(), own);
    let cluster = live.cluster_name().unwrap_or_default();
    let name = live.identity_provider_config_name().unwrap_or_default();
    let claims = tagging::ordered(live.required_claims());
    Seen {
        object: IdentityProvider {
            id: Some(id_of(cluster, name)),
            arn: live.identity_provider_config_arn.clone(),
            cluster_name: cluster.to_owned(),
            oidc: Oidc {
                client_id: live.client_id.clone().unwrap_or_default(),
                groups_claim: live.groups_claim.clone(),
                groups_prefix: live.groups_prefix.clone(),
                identity_provider_config_name: name.to_owned(),
                issuer_url: live.issuer_url.clone().unwrap_or_default(),
                required_claims: Some(claims).filter(|claims| !claims.is_empty()),
                username_claim: live.username_claim.clone(),
                username_prefix: live.username_prefix.clone(),
            },
            status: live.status().map(|status| status.as_str().to_owned()),
            tags: Some(tags.tags),
            tags_all: Some(tags.tags_all),
        },
        incomplete: live.status() == Some(&ConfigStatus::Creating),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_apart() {
        assert_eq!(parts(&id_of("c", "people")).unwrap(), ("c", "people"));
        assert!(parts("c").is_err());
    }
}
