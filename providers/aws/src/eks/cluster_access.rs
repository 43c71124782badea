//! Access to the API server of an EKS cluster: endpoint and authority as EKS told them, and tokens that are signed here.
//!
//! A token is a presigned request to STS for the caller's identity. The cluster sends it, and STS says who signed it.
//! The rules are those of the authenticator on the server's side: the cluster's name in the signed header
//! `x-k8s-aws-id`, no other parameters than those below, and fifteen minutes from the date of the signature.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use strata_model::provider::{ProviderError, ProviderErrorKind};
use strata_model::{BearerToken, ClusterAccess, Timestamp, Value};
use tokio::sync::Mutex;

use crate::cloud::partition;
use crate::connection::AwsConnection;
use crate::error::{Failure, chain};

/// How long a token is used; the server takes it for a minute more.
const LIFE: Duration = Duration::from_secs(14 * 60);
/// A token that ends sooner than this is replaced.
const RESERVE: Duration = Duration::from_secs(4 * 60);
/// What the request asks for itself; the server does not go by it.
const EXPIRES: Duration = Duration::from_secs(60);
/// Characters of a query that stay as they are: the unreserved ones of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Access to one EKS cluster.
#[derive(Debug)]
pub(crate) struct EksAccess {
    connection: Arc<AwsConnection>,
    name: String,
    server: String,
    authority: String,
    /// Whoever asks while a token is made waits for it.
    last: Mutex<Option<BearerToken>>,
}

impl EksAccess {
    /// Reads the attributes of an `aws_eks_cluster`.
    pub(crate) fn new(
        connection: Arc<AwsConnection>,
        attributes: &Value,
    ) -> Result<Self, ProviderError> {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let data = attributes
            .get("certificate_authority")
            .and_then(|authority| authority.get("data"));
        let parts = (
            text(attributes.get("name")),
            text(attributes.get("endpoint")),
            text(data).and_then(|data| STANDARD.decode(data).ok()),
        );
        let (Some(name), Some(server), Some(authority)) = parts else {
            return Err(ProviderError::new(
                ProviderErrorKind::Busy,
                "the cluster has no endpoint yet: it is still being created",
            ));
        };
        let authority = String::from_utf8(authority).map_err(|_not_pem| {
            ProviderError::bug("the certificate authority of the cluster is not PEM")
        })?;
        Ok(EksAccess {
            connection,
            name,
            server,
            authority,
            last: Mutex::default(),
        })
    }

    async fn sign(&self, now: Timestamp) -> Result<BearerToken, Failure> {
        let clients = self.connection.cloud().clients().await?;
        let credentials = clients.credentials.provide_credentials().await;
        let credentials = credentials.map_err(|error| {
            Failure::refused(
                ProviderErrorKind::Credentials,
                format!("no AWS credentials to sign with: {}", chain(&error)),
            )
        })?;
        let ends = now.saturating_add(LIFE).unwrap_or(now);
        let expires = match credentials.expiry() {
            Some(expiry) => ends.min(Timestamp::try_from(expiry).unwrap_or(ends)),
            None => ends,
        };
        let url = signed_url((&self.name, &clients.region), credentials, now.into())
            .map_err(|error| ProviderError::bug(format!("cannot sign a token: {error}")))?;
        Ok(BearerToken {
            text: format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(url)),
            expires,
        })
    }
}

#[async_trait]
impl ClusterAccess for EksAccess {
    fn server(&self) -> &str {
        &self.server
    }

    fn certificate_authority(&self) -> &str {
        &self.authority
    }

    async fn token(&self) -> Result<BearerToken, ProviderError> {
        let mut last = self.last.lock().await;
        let now = self.connection.cloud().clock().now();
        let needed = now.saturating_add(RESERVE).unwrap_or(now);
        if let Some(token) = last.as_ref().filter(|token| token.expires > needed) {
            return Ok(token.clone());
        }
        let token = self.sign(now).await.map_err(|failure| failure.error)?;
        *last = Some(token.clone());
        Ok(token)
    }
}

/// A request for the identity of whoever signed it, good for one cluster.
fn signed_url(
    (cluster, region): (&str, &str),
    credentials: Credentials,
    now: SystemTime,
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let host = format!("sts.{region}.{}", partition(region).dns_suffix);
    let url = format!("https://{host}/?Action=GetCallerIdentity&Version=2011-06-15");
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(EXPIRES);
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(now)
        .settings(settings)
        .build()?
        .into();
    let headers = [("host", host.as_str()), ("x-k8s-aws-id", cluster)];
    let request = SignableRequest::new("GET", &url, headers.into_iter(), SignableBody::Bytes(&[]))?;
    let (instructions, _signature) = sign(request, &parameters)?.into_parts();
    let added = instructions
        .params()
        .iter()
        .map(|(name, value)| format!("&{name}={}", utf8_percent_encode(value, ESCAPED)));
    Ok(added.fold(url.clone(), |url, parameter| url + &parameter))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    /// What botocore's query signer gives for the same credentials at the same instant.
    #[test]
    fn a_token_is_signed_as_botocore_signs_it() {
        let credentials = Credentials::new(
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            None,
            None,
            "test",
        );
        let at = UNIX_EPOCH + Duration::from_secs(1_790_000_000);
        let url = signed_url(("demo", "eu-west-1"), credentials, at).unwrap();
        assert_eq!(
            url,
            "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
             &X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260921%2Feu-west-1%2Fsts%2Faws4_request\
             &X-Amz-Date=20260921T141320Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
             &X-Amz-Signature=13be4e7c668b2a5f01eaac802a855f4a70d9ffc615797345a0603984b073c484"
        );
    }
}
