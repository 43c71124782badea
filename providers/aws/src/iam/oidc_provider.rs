//! `aws_iam_openid_connect_provider`.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_iam::operation::get_open_id_connect_provider::GetOpenIdConnectProviderOutput as Live;
use serde::{Deserialize, Serialize};
use strata_model::provider::ProviderError;
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::Checks;
use crate::cloud::{Cloud, partition};
use crate::error::{Failure, found, no_id, send};
use crate::iam::tagging;
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::Step;
use crate::tags::{self, Tags};

/// `aws_iam_openid_connect_provider`.
#[derive(Debug)]
pub(crate) struct OidcProviders;

/// An issuer whose tokens IAM believes. Its id is its ARN.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct OidcProvider {
    id: Option<String>,
    arn: Option<String>,
    url: String,
    client_id_list: BTreeSet<String>,
    thumbprint_list: Option<Vec<String>>,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

#[async_trait]
impl ResourceType for OidcProviders {
    type Object = OidcProvider;
    const NAME: &'static str = "aws_iam_openid_connect_provider";

    fn schema(&self) -> ResourceSchema {
        let text = || AttributeType::String;
        let schema = Schema::new([
            resource::id("ARN of the provider."),
            resource::arn(),
            (
                "url",
                Attribute::required(
                    text(),
                    "The issuer, such as `identity.oidc.issuer` of a cluster.",
                )
                .replaces(),
            ),
            (
                "client_id_list",
                Attribute::required(
                    AttributeType::string_set(),
                    "Audiences of the tokens; `sts.amazonaws.com` for service accounts of EKS.",
                ),
            ),
            (
                "thumbprint_list",
                Attribute::optional_computed(
                    AttributeType::strings(),
                    "Thumbprints of certificates of the issuer; IAM finds one if left out.",
                ),
            ),
            tags::argument(),
            tags::all(),
        ]);
        ResourceSchema {
            consistency_window: super::CONSISTENCY_WINDOW,
            unique_name: Some("url"),
            ..ResourceSchema::managed(
                Self::NAME,
                Adoption::Name,
                schema,
                "An issuer of tokens by which roles are taken on, such as an EKS cluster for its service accounts.",
            )
        }
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("url", |url| {
            (!url.starts_with("https://") || url.len() > 255).then(|| {
                format!("must begin with https:// and be at most 255 characters long, not '{url}'.")
            })
        });
        checks.texts("client_id_list", |client| {
            (client.is_empty() || client.len() > 255)
                .then(|| "must be 1 to 255 characters long.".to_owned())
        });
        checks.texts("thumbprint_list", |text| {
            let fits = text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            (!fits).then(|| format!("must be 40 hexadecimal digits, not '{text}'."))
        });
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.forget_missing(&["id", "arn"]);
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<OidcProvider>],
    ) -> Vec<Result<Option<Seen<OidcProvider>>, Failure>> {
        resource::each(wanted, |wanted| async move {
            let live = get(cloud, &wanted.id).await?;
            Ok(live.map(|live| {
                Seen::complete(see(cloud, (&wanted.id, &live), wanted.recorded.as_ref()))
            }))
        })
        .await
    }

    /// The ARN of a provider follows from its URL.
    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<OidcProvider>,
    ) -> Result<Vec<Found<OidcProvider>>, Failure> {
        let planned = &lost.planned;
        let partition = partition(cloud.region().await?).id;
        let account = cloud.account().await?;
        let place = planned.url.trim_start_matches("https://");
        let arn = format!("arn:{partition}:iam::{account}:oidc-provider/{place}");
        let found = get(cloud, &arn).await?.map(|live| Found {
            ours: Some(tagging::op_of(live.tags()) == Some(lost.op)),
            seen: Seen::complete(see(cloud, (&arn, &live), Some(planned))),
            id: arn.clone(),
        });
        Ok(found.into_iter().collect())
    }

    async fn create(&self, step: &Step<'_>, planned: &OidcProvider) -> Result<String, Failure> {
        let tags = tagging::sdk_tags(step.create_tags(planned.tags.as_ref()))?;
        let clients = planned.client_id_list.iter().cloned().collect();
        let iam = &step.clients().await?.iam;
        let call = iam
            .create_open_id_connect_provider()
            .url(&planned.url)
            .set_client_id_list(Some(clients))
            .set_thumbprint_list(planned.thumbprint_list.clone())
            .set_tags(Some(tags));
        let operation = "CreateOpenIDConnectProvider";
        let made = step.change(operation, call.send()).await?;
        made.open_id_connect_provider_arn
            .ok_or_else(|| no_id(operation))
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, OidcProvider>,
    ) -> Result<OidcProvider, Failure> {
        let (id, planned) = (target.id, target.planned);
        let what = format!("OIDC provider {id}");
        let look = || get(step.cloud, id);
        let live = step.until(&what, look, |_| true).await?;
        let mut changed = converge_tags(step, id, &live, planned).await?;
        changed |= converge_clients(step, id, &live, planned).await?;
        changed |= converge_thumbprints(step, id, &live, planned).await?;
        if !changed {
            return Ok(see(step.cloud, (id, &live), Some(planned)));
        }
        let is_settled = |live: &Live| {
            let tags = tagging::difference(step, live.tags(), planned.tags.as_ref());
            clients(live) == planned.client_id_list
                && same_thumbprints(live, planned)
                && tags.is_empty()
        };
        let settled = step.until(&what, look, is_settled).await?;
        Ok(see(step.cloud, (id, &settled), Some(planned)))
    }

    async fn delete(
        &self,
        step: &Step<'_>,
        id: &str,
        _prior: &OidcProvider,
    ) -> Result<(), Failure> {
        let iam = &step.clients().await?.iam;
        let call = iam
            .delete_open_id_connect_provider()
            .open_id_connect_provider_arn(id);
        found(
            step.change("DeleteOpenIDConnectProvider", call.send())
                .await,
        )?;
        let what = format!("OIDC provider {id}");
        step.until_gone(&what, Duration::from_secs(2), || get(step.cloud, id))
            .await
    }
}

async fn get(cloud: &Cloud, arn: &str) -> Result<Option<Live>, Failure> {
    let iam = &cloud.clients().await?.iam;
    let call = iam
        .get_open_id_connect_provider()
        .open_id_connect_provider_arn(arn);
    found(send("GetOpenIDConnectProvider", call.send()).await)
}

fn clients(live: &Live) -> BTreeSet<String> {
    live.client_id_list().iter().cloned().collect()
}

/// Thumbprints that are not planned are IAM's.
fn same_thumbprints(live: &Live, planned: &OidcProvider) -> bool {
    let wanted = planned.thumbprint_list.as_deref();
    wanted.is_none_or(|wanted| wanted == live.thumbprint_list())
}

async fn converge_clients(
    step: &Step<'_>,
    id: &str,
    live: &Live,
    planned: &OidcProvider,
) -> Result<bool, Failure> {
    let iam = &step.clients().await?.iam;
    let now = clients(live);
    for client in planned.client_id_list.difference(&now) {
        let call = iam
            .add_client_id_to_open_id_connect_provider()
            .open_id_connect_provider_arn(id)
            .client_id(client);
        step.change("AddClientIDToOpenIDConnectProvider", call.send())
            .await?;
    }
    for client in now.difference(&planned.client_id_list) {
        let call = iam
            .remove_client_id_from_open_id_connect_provider()
            .open_id_connect_provider_arn(id)
            .client_id(client);
        step.change("RemoveClientIDFromOpenIDConnectProvider", call.send())
            .await?;
    }
    Ok(now != planned.client_id_list)
}

async fn converge_thumbprints(
    step: &Step<'_>,
    id: &str,
    live: &Live,
    planned: &OidcProvider,
) -> Result<bool, Failure> {
    if same_thumbprints(live, planned) {
        return Ok(false);
    }
    let iam = &step.clients().await?.iam;
    let call = iam
        .update_open_id_connect_provider_thumbprint()
        .open_id_connect_provider_arn(id)
        .set_thumbprint_list(planned.thumbprint_list.clone());
    step.change("UpdateOpenIDConnectProviderThumbprint", call.send())
        .await?;
    Ok(true)
}

async fn converge_tags(
    step: &Step<'_>,
    id: &str,
    live: &Live,
    planned: &OidcProvider,
) -> Result<bool, Failure> {
    let difference = tagging::difference(step, live.tags(), planned.tags.as_ref());
    let iam = &step.clients().await?.iam;
    let set = |tags| async {
        let call = iam
            .tag_open_id_connect_provider()
            .open_id_connect_provider_arn(id)
            .set_tags(Some(tags));
        step.change("TagOpenIDConnectProvider", call.send())
            .await
            .map(drop)
    };
    let remove = |keys| async {
        let call = iam
            .untag_open_id_connect_provider()
            .open_id_connect_provider_arn(id)
            .set_tag_keys(Some(keys));
        step.change("UntagOpenIDConnectProvider", call.send())
            .await
            .map(drop)
    };
    tagging::converge(difference, set, remove).await
}

fn see(cloud: &Cloud, (id, live): (&str, &Live), recorded: Option<&OidcProvider>) -> OidcProvider {
    let own = recorded.map(|provider| provider.tags.as_ref());
    let tags = tagging::seen(cloud, live.tags(), own);
    let url = live.url().unwrap_or_default();
    OidcProvider {
        id: Some(id.to_owned()),
        arn: Some(id.to_owned()),
        // IAM tells it without its scheme.
        url: format!("https://{}", url.trim_start_matches("https://")),
        client_id_list: clients(live),
        thumbprint_list: Some(live.thumbprint_list().to_vec()),
        tags: Some(tags.tags),
        tags_all: Some(tags.tags_all),
    }
}
