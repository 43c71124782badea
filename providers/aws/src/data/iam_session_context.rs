//! `aws_iam_session_context`.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use strata_model::provider::ProviderErrorKind;
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::cloud::Cloud;
use crate::data::{DataSource, text};
use crate::error::{Failure, send};

/// `aws_iam_session_context`.
#[derive(Debug)]
pub(crate) struct SessionContext;

#[derive(Debug, Deserialize)]
struct Arguments {
    arn: String,
}

#[async_trait]
impl DataSource for SessionContext {
    fn schema(&self) -> ResourceSchema {
        let schema = Schema::new([
            (
                "arn",
                Attribute::required(
                    AttributeType::String,
                    "ARN of a principal, such as the one of `aws_caller_identity`.",
                ),
            ),
            text("id", "The ARN that was given."),
            text(
                "issuer_arn",
                "ARN of the role whose session it is, with the role's path; of any other principal its own ARN.",
            ),
            text(
                "issuer_id",
                "Unique id of the role; empty where it is no session.",
            ),
            text(
                "issuer_name",
                "Name of the role; empty where it is no session.",
            ),
            text(
                "session_name",
                "Name of the session; empty where it is none.",
            ),
        ]);
        ResourceSchema::data(
            "aws_iam_session_context",
            schema,
            "The role behind a session: policies and access entries name roles, never sessions.",
        )
    }

    async fn read(&self, cloud: &Cloud, arguments: &Value) -> Result<Value, Failure> {
        let Arguments { arn } = super::arguments(arguments)?;
        let Some((role, session)) = assumed_role(&arn) else {
            return Ok(json!({
                "id": arn,
                "issuer_arn": arn,
                "issuer_id": "",
                "issuer_name": "",
                "session_name": "",
            }));
        };
        // The ARN of a session leaves out the path of its role.
        let call = cloud.clients().await?.iam.get_role().role_name(role);
        let answer = send("GetRole", call.send()).await?;
        let Some(found) = answer.role else {
            return Err(Failure::refused(
                ProviderErrorKind::NotFound,
                format!("there is no role {role}, whose session {arn} is"),
            ));
        };
        Ok(json!({
            "id": arn,
            "issuer_arn": found.arn(),
            "issuer_id": found.role_id(),
            "issuer_name": role,
            "session_name": session,
        }))
    }
}

/// Role and session in the ARN of a session: `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
fn assumed_role(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let is_sts = parts.nth(2) == Some("sts");
    let resource = parts.nth(2)?.strip_prefix("assumed-role/")?;
    is_sts.then_some(())?;
    resource.split_once('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_name_their_role() {
        let arn = "arn:aws-cn:sts::123456789012:assumed-role/deploy/ci-4711";
        assert_eq!(assumed_role(arn), Some(("deploy", "ci-4711")));
        for other in [
            "arn:aws:iam::123456789012:role/team/deploy",
            "arn:aws:iam::123456789012:user/a",
            "arn:aws:sts::123456789012:federated-user/a",
            "deploy",
        ] {
            assert_eq!(assumed_role(other), None, "{other}");
        }
    }
}
