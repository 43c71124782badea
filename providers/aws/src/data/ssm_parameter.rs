//! `aws_ssm_parameter`.

use async_trait::async_trait;
use aws_sdk_ssm::types::ParameterType;
use serde::Deserialize;
use serde_json::{Value, json};
use strata_model::provider::ProviderErrorKind;
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::cloud::Cloud;
use crate::data::{DataSource, text};
use crate::error::{Failure, found, send};

/// `aws_ssm_parameter`.
#[derive(Debug)]
pub(crate) struct Parameter;

#[derive(Debug, Deserialize)]
struct Arguments {
    name: String,
    with_decryption: Option<bool>,
}

#[async_trait]
impl DataSource for Parameter {
    fn schema(&self) -> ResourceSchema {
        let (value, secret) = text("value", "The value; secret, whatever its type.");
        let schema = Schema::new([
            (
                "name",
                Attribute::required(
                    AttributeType::String,
                    "Name of the parameter, such as `/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended/image_id`.",
                ),
            ),
            (
                "with_decryption",
                Attribute::optional(
                    AttributeType::Bool,
                    "Whether the value of a `SecureString` is told decrypted.",
                )
                .default_value(true),
            ),
            text("id", "Name of the parameter."),
            text("arn", "ARN of the parameter."),
            text("type", "`String`, `StringList` or `SecureString`."),
            (value, secret.sensitive()),
            text(
                "insecure_value",
                "The value of a `String` or `StringList`, not secret: what AWS publishes, such as the id of an image.",
            ),
            (
                "version",
                Attribute::computed(AttributeType::Number, "Version of the parameter."),
            ),
        ]);
        ResourceSchema::data(
            "aws_ssm_parameter",
            schema,
            "A parameter of Systems Manager, such as the newest image that AWS publishes for EKS nodes.",
        )
    }

    async fn read(&self, cloud: &Cloud, arguments: &Value) -> Result<Value, Failure> {
        let arguments: Arguments = super::arguments(arguments)?;
        let name = &arguments.name;
        let ssm = &cloud.clients().await?.ssm;
        let call = ssm
            .get_parameter()
            .name(name)
            .with_decryption(arguments.with_decryption.unwrap_or(true));
        let answer = found(send("GetParameter", call.send()).await)?;
        let Some(parameter) = answer.and_then(|answer| answer.parameter) else {
            return Err(Failure::refused(
                ProviderErrorKind::NotFound,
                format!("there is no SSM parameter {name} in the region"),
            ));
        };
        let kind = parameter.r#type();
        let is_plain = kind.is_some_and(|kind| *kind != ParameterType::SecureString);
        let value = parameter.value();
        Ok(json!({
            "name": name,
            "id": parameter.name(),
            "arn": parameter.arn(),
            "type": kind.map(ParameterType::as_str),
            "value": value,
            "insecure_value": value.filter(|_| is_plain),
            "version": parameter.version(),
        }))
    }
}
