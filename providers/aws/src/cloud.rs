//! One configured access to AWS: clients, made at the first call and kept, and what goes with them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityOutput as Identity;
use futures::future::BoxFuture;
use futures::{StreamExt, stream};
use strata_model::provider::{
    ConnectContext, OwnedObject, ProviderError, ProviderErrorKind, SandboxEndpoint,
};
use strata_model::{Clock, Lineage};
use tokio::sync::OnceCell;

use crate::config::{AssumeRole, Config};
use crate::error::{Failure, send};
use crate::tags::Tags;

/// How many calls for single objects are under way at once.
const AT_ONCE: usize = 8;
/// The region of the sandbox where none is configured.
const SANDBOX_REGION: &str = "us-east-1";
/// How long a listing by lineage serves a second question, in the cloud's time.
const LISTING_AGE: Duration = Duration::from_secs(10 * 60);

/// The client of a service: each SDK has types of its own, all of one form.
macro_rules! client {
    ($sdk:ident, $config:expr, $endpoint:expr) => {{
        let mut builder = $sdk::config::Builder::from($config);
        if let Some(url) = $endpoint {
            builder = builder.endpoint_url(url);
        }
        $sdk::Client::from_conf(builder.build())
    }};
}

/// The clients of all services.
pub(crate) struct Clients {
    pub(crate) ec2: aws_sdk_ec2::Client,
    pub(crate) ecr: aws_sdk_ecr::Client,
    pub(crate) eks: aws_sdk_eks::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) kms: aws_sdk_kms::Client,
    pub(crate) logs: aws_sdk_cloudwatchlogs::Client,
    pub(crate) quotas: aws_sdk_servicequotas::Client,
    pub(crate) ssm: aws_sdk_ssm::Client,
    pub(crate) sts: aws_sdk_sts::Client,
    pub(crate) tagging: aws_sdk_resourcegroupstagging::Client,
    pub(crate) region: String,
    /// What requests are signed with.
    pub(crate) credentials: SharedCredentialsProvider,
}

/// One configured access to AWS.
pub(crate) struct Cloud {
    config: Config,
    context: ConnectContext,
    clients: OnceCell<Clients>,
    identity: OnceCell<Identity>,
    /// What the last refresh listed by lineage, by type, and when.
    owned: Mutex<BTreeMap<&'static str, (Duration, Vec<OwnedObject>)>>,
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Cloud {
    /// Reads nothing and calls nothing.
    pub(crate) fn new(config: Config, context: ConnectContext) -> Self {
        Cloud {
            config,
            context,
            clients: OnceCell::new(),
            identity: OnceCell::new(),
            owned: Mutex::default(),
        }
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.context.clock.as_ref()
    }

    /// Where the sandbox is, if that is what is called.
    pub(crate) fn sandbox_url(&self) -> Option<&str> {
        let sandbox = self.context.sandbox.as_ref()?;
        Some(&sandbox.aws_url)
    }

    /// Whether a role is taken on by the provider's own configuration.
    pub(crate) fn assumes_role(&self) -> bool {
        self.config.assume_role.is_some()
    }

    /// A variable of the environment.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        self.context.variables.variable(name)
    }

    pub(crate) fn lineage(&self) -> Lineage {
        self.context.lineage
    }

    pub(crate) fn default_tags(&self) -> &Tags {
        &self.config.default_tags
    }

    /// The clients. The first call looks for region and credentials the way all AWS tools do.
    pub(crate) async fn clients(&self) -> Result<&Clients, Failure> {
        self.clients
            .get_or_try_init(|| async {
                let sdk = match &self.context.sandbox {
                    Some(sandbox) => sandbox_config(&self.config, sandbox),
                    None => standard_config(&self.config).await,
                };
                self.connect(&sdk)
            })
            .await
    }

    /// Whose the credentials are; asked for once.
    pub(crate) async fn identity(&self) -> Result<&Identity, Failure> {
        let ask = || async {
            let call = self.clients().await?.sts.get_caller_identity();
            send("GetCallerIdentity", call.send()).await
        };
        self.identity.get_or_try_init(ask).await
    }

    /// The account of the credentials.
    pub(crate) async fn account(&self) -> Result<&str, Failure> {
        Ok(self.identity().await?.account().unwrap_or_default())
    }

    /// The region in which the objects are.
    pub(crate) async fn region(&self) -> Result<&str, Failure> {
        Ok(&self.clients().await?.region)
    }

    fn connect(&self, sdk: &SdkConfig) -> Result<Clients, Failure> {
        let Some(region) = sdk.region() else {
            let message = "no AWS region is configured: neither the provider block, AWS_REGION nor the profile names one";
            let error = ProviderError::new(ProviderErrorKind::Invalid, message)
                .hint("Set `region` in the provider block, or AWS_REGION.");
            return Err(error.into());
        };
        let Some(credentials) = sdk.credentials_provider() else {
            return Err(Failure::refused(
                ProviderErrorKind::Credentials,
                "no source of AWS credentials is configured",
            ));
        };
        // In the sandbox there is one address for all.
        let endpoint = |service: &str| match self.context.sandbox {
            Some(_) => None,
            None => self.config.endpoints.get(service).cloned(),
        };
        Ok(Clients {
            ec2: client!(aws_sdk_ec2, sdk, endpoint("ec2")),
            ecr: client!(aws_sdk_ecr, sdk, endpoint("ecr")),
            eks: client!(aws_sdk_eks, sdk, endpoint("eks")),
            iam: client!(aws_sdk_iam, sdk, endpoint("iam")),
            kms: client!(aws_sdk_kms, sdk, endpoint("kms")),
            logs: client!(aws_sdk_cloudwatchlogs, sdk, endpoint("logs")),
            quotas: client!(aws_sdk_servicequotas, sdk, endpoint("servicequotas")),
            ssm: client!(aws_sdk_ssm, sdk, endpoint("ssm")),
            sts: client!(aws_sdk_sts, sdk, endpoint("sts")),
            tagging: client!(
                aws_sdk_resourcegroupstagging,
                sdk,
                endpoint("resourcegroupstaggingapi")
            ),
            region: region.to_string(),
            credentials,
        })
    }

    /// Keeps what a refresh listed by lineage, for [`Cloud::take_listing`].
    pub(crate) fn keep_listing(&self, resource_type: &'static str, objects: Vec<OwnedObject>) {
        let mut owned = self.owned.lock().unwrap_or_else(PoisonError::into_inner);
        owned.insert(resource_type, (self.clock().elapsed(), objects));
    }

    /// Whether a recent refresh listed a type.
    pub(crate) fn has_listing(&self, resource_type: &str) -> bool {
        let owned = self.owned.lock().unwrap_or_else(PoisonError::into_inner);
        owned.get(resource_type).is_some_and(|(at, _)| {
            let age = self.clock().elapsed().saturating_sub(*at);
            age <= LISTING_AGE
        })
    }

    /// What a recent refresh listed; it serves one question only.
    pub(crate) fn take_listing(&self, resource_type: &str) -> Option<Vec<OwnedObject>> {
        let mut owned = self.owned.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, objects) = owned.remove(resource_type)?;
        let age = self.clock().elapsed().saturating_sub(at);
        (age <= LISTING_AGE).then_some(objects)
    }
}

/// The engine alone repeats calls: a retry beneath it could make an object twice.
fn no_retries() -> RetryConfig {
    RetryConfig::disabled()
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_secs(60))
        .operation_timeout(Duration::from_secs(90))
        .build()
}

fn stalled_streams() -> StalledStreamProtectionConfig {
    StalledStreamProtectionConfig::enabled()
        .grace_period(Duration::from_secs(20))
        .build()
}

fn sandbox_config(config: &Config, sandbox: &SandboxEndpoint) -> SdkConfig {
    let region = config.region.as_deref().unwrap_or(SANDBOX_REGION);
    let credentials = Credentials::new("sandbox", "sandbox", None, None, "sandbox");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(&sandbox.aws_url)
        .retry_config(no_retries())
        .timeout_config(timeouts())
        .stalled_stream_protection(stalled_streams())
        .build()
}

async fn standard_config(config: &Config) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .retry_config(no_retries())
        .timeout_config(timeouts())
        .stalled_stream_protection(stalled_streams());
    if let Some(region) = &config.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &config.profile {
        loader = loader.profile_name(profile);
    }
    let sdk = loader.load().await;
    let Some(role) = &config.assume_role else {
        return sdk;
    };
    let assumed = assume(role, config, &sdk).await;
    sdk.into_builder()
        .credentials_provider(SharedCredentialsProvider::new(assumed))
        .build()
}

async fn assume(role: &AssumeRole, config: &Config, sdk: &SdkConfig) -> AssumeRoleProvider {
    let through = match config.endpoints.get("sts") {
        Some(url) => sdk.to_builder().endpoint_url(url).build(),
        None => sdk.clone(),
    };
    let session = role.session_name.as_deref().unwrap_or("strata");
    let mut builder = AssumeRoleProvider::builder(&role.role_arn)
        .session_name(session)
        .configure(&through);
    if let Some(id) = &role.external_id {
        builder = builder.external_id(id);
    }
    builder.build().await
}

/// The partition of a region: `aws`, `aws-cn`, `aws-us-gov`, ….
pub(crate) fn partition(region: &str) -> Partition {
    PARTITIONS
        .iter()
        .find(|partition| region.starts_with(partition.region_prefix))
        .copied()
        .unwrap_or(COMMERCIAL)
}

/// A partition of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Partition {
    region_prefix: &'static str,
    pub(crate) id: &'static str,
    pub(crate) dns_suffix: &'static str,
    pub(crate) reverse_dns_prefix: &'static str,
    /// Where what has no region, as IAM's objects, is kept.
    pub(crate) global_region: &'static str,
}

const COMMERCIAL: Partition = Partition {
    region_prefix: "",
    id: "aws",
    dns_suffix: "amazonaws.com",
    reverse_dns_prefix: "com.amazonaws",
    global_region: "us-east-1",
};

const PARTITIONS: &[Partition] = &[
    Partition {
        region_prefix: "cn-",
        id: "aws-cn",
        dns_suffix: "amazonaws.com.cn",
        reverse_dns_prefix: "cn.com.amazonaws",
        global_region: "cn-north-1",
    },
    Partition {
        region_prefix: "us-gov-",
        id: "aws-us-gov",
        dns_suffix: "amazonaws.com",
        reverse_dns_prefix: "com.amazonaws",
        global_region: "us-gov-west-1",
    },
    Partition {
        region_prefix: "us-iso-",
        id: "aws-iso",
        dns_suffix: "c2s.ic.gov",
        reverse_dns_prefix: "gov.ic.c2s",
        global_region: "us-iso-east-1",
    },
    Partition {
        region_prefix: "us-isob-",
        id: "aws-iso-b",
        dns_suffix: "sc2s.sgov.gov",
        reverse_dns_prefix: "gov.sgov.sc2s",
        global_region: "us-isob-east-1",
    },
    Partition {
        region_prefix: "eusc-",
        id: "aws-eusc",
        dns_suffix: "amazonaws.eu",
        reverse_dns_prefix: "eu.amazonaws",
        global_region: "eusc-de-east-1",
    },
];

/// Does work for single objects, some of it at once; the results are in the order of the work.
///
/// It is boxed: the compiler cannot prove the unboxed form to be `Send` for all lifetimes.
pub(crate) async fn at_once<'w, T: Send>(work: impl Iterator<Item = BoxFuture<'w, T>>) -> Vec<T> {
    let work: Vec<_> = work.collect();
    stream::iter(work).buffered(AT_ONCE).collect().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_have_partitions() {
        for (region, expected) in [
            ("eu-central-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(partition(region).id, expected, "{region}");
        }
    }
}
