//! Keys and their names.

use futures::FutureExt;
use serde_json::{Value as Json, json};

use super::TypeCase;
use crate::world::{Needs, Outcome, World};

/// A policy that lets the account do all with a key, and a service use it.
fn policy(service: &str) -> Json {
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "account", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
                "Action": "kms:*", "Resource": "*",
            },
            {
                "Sid": "service", "Effect": "Allow", "Principal": {"Service": service},
                "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                "Resource": "*",
            },
        ],
    });
    json!(document.to_string())
}

/// The ARNs of two keys that Logs may use.
pub(super) async fn with_keys(world: &World) -> Outcome<Needs> {
    let mut needs = Needs::new();
    for name in ["key0", "key1"] {
        let config = json!({"description": name, "policy": policy("logs.us-east-1.amazonaws.com")});
        let key = world.create("aws_kms_key", &config).await?;
        needs.insert(name, key.text("arn"));
    }
    Ok(needs)
}

pub(super) const KEY: TypeCase = TypeCase {
    name: "aws_kms_key",
    variant: "",
    needs: |_| async { Ok(Needs::new()) }.boxed(),
    config: |_, n| json!({"description": format!("key {n}"), "tags": {"Name": format!("key-{n}")}}),
    updates: |_, _| {
        vec![
            ("description", json!("of another test")),
            ("policy", policy("logs.us-east-1.amazonaws.com")),
            ("is_enabled", json!(false)),
            ("enable_key_rotation", json!(true)),
            ("tags", json!({"team": "a"})),
        ]
    },
    replaces: |_, _| {
        vec![
            ("key_usage", json!("SIGN_VERIFY")),
            ("customer_master_key_spec", json!("RSA_2048")),
            ("multi_region", json!(true)),
        ]
    },
    silent: &[
        "bypass_policy_lockout_safety_check",
        "deletion_window_in_days",
    ],
    untold: &[],
};

/// A key with everything said, that is off.
pub(super) const ROTATING_KEY: TypeCase = TypeCase {
    name: "aws_kms_key",
    variant: "rotating",
    needs: |_| async { Ok(Needs::new()) }.boxed(),
    config: |_, n| {
        json!({
            "description": format!("key {n}"), "policy": policy("logs.us-east-1.amazonaws.com"),
            "enable_key_rotation": true, "rotation_period_in_days": 180, "multi_region": true,
            "deletion_window_in_days": 7, "bypass_policy_lockout_safety_check": true,
        })
    },
    updates: |_, _| {
        vec![
            ("rotation_period_in_days", json!(90)),
            ("is_enabled", json!(false)),
            ("policy", policy("ecr.amazonaws.com")),
        ]
    },
    replaces: super::none,
    silent: &[],
    untold: &[
        "bypass_policy_lockout_safety_check",
        "deletion_window_in_days",
    ],
};

/// A key that does not rotate.
pub(super) const SIGNING_KEY: TypeCase = TypeCase {
    name: "aws_kms_key",
    variant: "signing",
    needs: |_| async { Ok(Needs::new()) }.boxed(),
    config: |_, n| {
        json!({
            "description": format!("key {n}"), "key_usage": "SIGN_VERIFY",
            "customer_master_key_spec": "RSA_2048", "is_enabled": false,
        })
    },
    updates: |_, _| vec![("is_enabled", json!(true))],
    replaces: |_, _| vec![("key_usage", json!("ENCRYPT_DECRYPT"))],
    silent: &[],
    untold: &[],
};

pub(super) const ALIAS: TypeCase = TypeCase {
    name: "aws_kms_alias",
    variant: "",
    needs: |world| with_keys(world).boxed(),
    config: |needs, n| json!({"name": format!("alias/test/{n}"), "target_key_id": needs["key0"]}),
    updates: |needs, _| vec![("target_key_id", json!(needs["key1"]))],
    replaces: |_, n| vec![("name", json!(format!("alias/renamed/{n}")))],
    silent: &[],
    // The import names the key by its id, the definition by its ARN.
    untold: &["target_key_id"],
};
