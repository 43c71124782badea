//! `aws_caller_identity`.

use async_trait::async_trait;
use serde_json::{Value, json};
use strata_model::schema::{ResourceSchema, Schema};

use crate::cloud::Cloud;
use crate::data::{DataSource, text};
use crate::error::Failure;

/// `aws_caller_identity`.
#[derive(Debug)]
pub(crate) struct CallerIdentity;

#[async_trait]
impl DataSource for CallerIdentity {
    fn schema(&self) -> ResourceSchema {
        let schema = Schema::new([
            text("id", "The account."),
            text("account_id", "The account."),
            text("arn", "ARN of the user or role session."),
            text("user_id", "Unique id of the user or role session."),
        ]);
        ResourceSchema::data(
            "aws_caller_identity",
            schema,
            "Who the credentials belong to.",
        )
    }

    async fn read(&self, cloud: &Cloud, _arguments: &Value) -> Result<Value, Failure> {
        let identity = cloud.identity().await?;
        Ok(json!({
            "id": identity.account(),
            "account_id": identity.account(),
            "arn": identity.arn(),
            "user_id": identity.user_id(),
        }))
    }
}
