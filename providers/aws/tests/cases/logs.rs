//! Log groups.

use futures::FutureExt;
use serde_json::{Value as Json, json};

use super::TypeCase;
use super::kms::with_keys;

pub(super) const LOG_GROUP: TypeCase = TypeCase {
    name: "aws_cloudwatch_log_group",
    variant: "",
    needs: |world| with_keys(world).boxed(),
    config: |_, n| {
        json!({
            "name": format!("/app/{n}/service"), "retention_in_days": 30,
            "tags": {"Name": format!("group-{n}")},
        })
    },
    updates: |needs, _| {
        vec![
            ("retention_in_days", json!(90)),
            ("kms_key_id", json!(needs["key0"])),
            ("tags", json!({"team": "a"})),
        ]
    },
    replaces: |_, n| {
        vec![
            ("name", json!(format!("/renamed/{n}"))),
            ("log_group_class", json!("INFREQUENT_ACCESS")),
        ]
    },
    silent: &[],
    untold: &[],
};

/// A group from which everything is taken away again.
pub(super) const ENCRYPTED_LOG_GROUP: TypeCase = TypeCase {
    name: "aws_cloudwatch_log_group",
    variant: "encrypted",
    needs: |world| with_keys(world).boxed(),
    config: |needs, n| {
        json!({
            "name": format!("plain-{n}"), "retention_in_days": 14, "kms_key_id": needs["key0"],
            "log_group_class": "INFREQUENT_ACCESS",
        })
    },
    updates: |_, _| vec![("retention_in_days", json!(0)), ("kms_key_id", Json::Null)],
    replaces: super::none,
    silent: &[],
    untold: &[],
};
