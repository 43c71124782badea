//! Repositories.

use futures::FutureExt;
use serde_json::{Value as Json, json};

use super::TypeCase;
use super::kms::with_keys;
use crate::world::Needs;

pub(super) const REPOSITORY: TypeCase = TypeCase {
    name: "aws_ecr_repository",
    variant: "",
    needs: |_| async { Ok(Needs::new()) }.boxed(),
    config: |_, n| {
        json!({
            "name": format!("shop/app-{n}"), "image_scanning_configuration": {"scan_on_push": false},
            "force_delete": true, "tags": {"Name": format!("app-{n}")},
        })
    },
    updates: |_, _| {
        vec![
            ("image_tag_mutability", json!("IMMUTABLE")),
            ("image_scanning_configuration.scan_on_push", json!(true)),
            ("tags", json!({"team": "a"})),
        ]
    },
    replaces: |_, n| {
        vec![
            ("name", json!(format!("shop/renamed-{n}"))),
            (
                "encryption_configuration",
                json!({"encryption_type": "KMS"}),
            ),
        ]
    },
    silent: &["force_delete"],
    untold: &["force_delete", "image_scanning_configuration"],
};

/// A repository with a key of the account's own, and with scans.
pub(super) const ENCRYPTED_REPOSITORY: TypeCase = TypeCase {
    name: "aws_ecr_repository",
    variant: "encrypted",
    needs: |world| with_keys(world).boxed(),
    config: |needs, n| {
        json!({
            "name": format!("app-{n}"), "image_tag_mutability": "IMMUTABLE",
            "image_scanning_configuration": {"scan_on_push": true},
            "encryption_configuration": {"encryption_type": "KMS", "kms_key": needs["key0"]},
        })
    },
    updates: |_, _| vec![("image_scanning_configuration", Json::Null)],
    replaces: |needs, _| {
        vec![
            ("encryption_configuration.kms_key", json!(needs["key1"])),
            (
                "encryption_configuration.encryption_type",
                json!("KMS_DSSE"),
            ),
        ]
    },
    silent: &[],
    untold: &[],
};
