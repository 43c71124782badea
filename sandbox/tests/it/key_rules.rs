//! KMS's rules.

use serde_json::{Value, json};

use super::client::{Answer, World};

async fn accepted(world: &World, operation: &str, body: Value) -> Answer {
    let answer = world.json("kms", operation, body).await;
    assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
    answer
}

async fn refused(world: &World, operation: &str, body: Value, code: &str) {
    let answer = world.json("kms", operation, body.clone()).await;
    assert_eq!(answer.code(), code, "{operation} {body}: {}", answer.body);
    assert_eq!(answer.status, 400);
}

async fn key(world: &World, body: Value) -> String {
    let made = accepted(world, "CreateKey", body).await.json();
    made["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
}

async fn state(world: &World, id: &str) -> Value {
    let read = accepted(world, "DescribeKey", json!({ "KeyId": id })).await;
    read.json()["KeyMetadata"]["KeyState"].clone()
}

#[tokio::test]
async fn keys() {
    let world = World::new().await;
    let id = key(&world, json!({ "Description": "a" })).await;
    let of = json!({ "KeyId": id });
    let read = accepted(&world, "DescribeKey", of.clone()).await.json();
    let arn = read["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    assert_eq!(arn, format!("arn:aws:kms:eu-west-1:123456789012:key/{id}"));
    assert_eq!(state(&world, &arn).await, "Enabled");
    refused(
        &world,
        "DescribeKey",
        json!({ "KeyId": "none" }),
        "NotFoundException",
    )
    .await;
    refused(&world, "DescribeKey", json!({}), "ValidationException").await;
    refused(
        &world,
        "CreateKey",
        json!({ "KeySpec": "x" }),
        "ValidationException",
    )
    .await;
    refused(
        &world,
        "CreateKey",
        json!({ "Nonsense": 1 }),
        "ValidationException",
    )
    .await;
    refused(
        &world,
        "CreateKey",
        json!({ "Tags": 1 }),
        "SerializationException",
    )
    .await;
    refused(
        &world,
        "CreateKey",
        json!({ "Tags": [{ "TagKey": "aws:a", "TagValue": "b" }] }),
        "TagException",
    )
    .await;

    let rotate = |days: u32| json!({ "KeyId": id, "RotationPeriodInDays": days });
    refused(
        &world,
        "EnableKeyRotation",
        rotate(10),
        "ValidationException",
    )
    .await;
    accepted(&world, "EnableKeyRotation", rotate(100)).await;
    accepted(&world, "EnableKeyRotation", of.clone()).await;
    let status = accepted(&world, "GetKeyRotationStatus", of.clone())
        .await
        .json();
    assert_eq!(
        (
            &status["KeyRotationEnabled"],
            &status["RotationPeriodInDays"]
        ),
        (&json!(true), &json!(100))
    );
    accepted(&world, "DisableKey", of.clone()).await;
    refused(
        &world,
        "DisableKeyRotation",
        of.clone(),
        "DisabledException",
    )
    .await;
    accepted(&world, "EnableKey", of.clone()).await;
    accepted(&world, "DisableKeyRotation", of.clone()).await;
    let signs = json!({ "KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY" });
    let signing = key(&world, signs).await;
    refused(
        &world,
        "EnableKeyRotation",
        json!({ "KeyId": signing }),
        "UnsupportedOperationException",
    )
    .await;
}

#[tokio::test]
async fn a_key_that_is_to_go_serves_nothing() {
    let world = World::new().await;
    let id = key(&world, json!({})).await;
    let of = json!({ "KeyId": id });
    let schedule = |days: u32| json!({ "KeyId": id, "PendingWindowInDays": days });
    refused(
        &world,
        "ScheduleKeyDeletion",
        schedule(3),
        "ValidationException",
    )
    .await;
    let name = json!({ "AliasName": "alias/a", "TargetKeyId": id });
    accepted(&world, "CreateAlias", name.clone()).await;
    accepted(&world, "ScheduleKeyDeletion", schedule(7)).await;
    assert_eq!(state(&world, &id).await, "PendingDeletion");
    let ledger = world.ledger().await;
    let kinds: Vec<_> = ledger.live().map(|object| object.kind.clone()).collect();
    assert_eq!(kinds, ["alias"], "for the account the key is gone");
    let pending = "KMSInvalidStateException";
    refused(&world, "ScheduleKeyDeletion", schedule(7), pending).await;
    refused(&world, "EnableKey", of.clone(), pending).await;
    refused(&world, "UpdateAlias", name, pending).await;
    let other = json!({ "AliasName": "alias/b", "TargetKeyId": id });
    refused(&world, "CreateAlias", other, pending).await;
    accepted(&world, "CancelKeyDeletion", of.clone()).await;
    assert_eq!(state(&world, &id).await, "Disabled");
    refused(&world, "CancelKeyDeletion", of.clone(), pending).await;
    accepted(&world, "ScheduleKeyDeletion", schedule(7)).await;
    world.pass(7 * 24 * 3600);
    refused(&world, "DescribeKey", of, "NotFoundException").await;
    let aliases = accepted(&world, "ListAliases", json!({})).await.json();
    assert_eq!(aliases["Aliases"], json!([]), "they go with their key");
}

#[tokio::test]
async fn policies_must_let_their_author_in() {
    let world = World::new().await;
    let policy = |principal: &str, action: &str| {
        let statement = json!({
            "Effect": "Allow", "Principal": { "AWS": principal }, "Action": action, "Resource": "*",
        });
        json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
    };
    let root = "arn:aws:iam::123456789012:root";
    let role = "arn:aws:iam::123456789012:role/r";
    let create = |policy: String| json!({ "Policy": policy });
    let malformed = "MalformedPolicyDocumentException";
    refused(&world, "CreateKey", create("x".to_owned()), malformed).await;
    refused(
        &world,
        "CreateKey",
        create(policy(root, "kms:Describe*")),
        malformed,
    )
    .await;
    refused(
        &world,
        "CreateKey",
        create(policy(role, "kms:*")),
        malformed,
    )
    .await;
    let id = key(&world, create(policy(root, "kms:*"))).await;
    world
        .role("r", "ec2.amazonaws.com", "AmazonEKSWorkerNodePolicy")
        .await;
    let put = |bypass: bool| {
        json!({
            "KeyId": id, "Policy": policy(role, "kms:*"), "BypassPolicyLockoutSafetyCheck": bypass,
        })
    };
    refused(&world, "PutKeyPolicy", put(false), malformed).await;
    accepted(&world, "PutKeyPolicy", put(true)).await;
    let read = accepted(&world, "GetKeyPolicy", json!({ "KeyId": id })).await;
    assert!(read.json()["Policy"].as_str().unwrap().contains(role));
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = World::new().await;
    for name in ["alias/a", "alias/b", "alias/c"] {
        let id = key(&world, json!({})).await;
        accepted(
            &world,
            "CreateAlias",
            json!({ "AliasName": name, "TargetKeyId": id }),
        )
        .await;
    }
    for (operation, list) in [("ListKeys", "Keys"), ("ListAliases", "Aliases")] {
        let first = accepted(&world, operation, json!({ "Limit": 2 }))
            .await
            .json();
        assert_eq!(first[list].as_array().unwrap().len(), 2);
        let marker = first["NextMarker"].clone();
        let rest = accepted(&world, operation, json!({ "Limit": 2, "Marker": marker }))
            .await
            .json();
        assert_eq!(
            (rest[list].as_array().unwrap().len(), &rest["Truncated"]),
            (1, &json!(false))
        );
        let wrong = json!({ "Marker": "nonsense" });
        refused(&world, operation, wrong, "InvalidMarkerException").await;
    }
    let again = json!({ "AliasName": "alias/a", "TargetKeyId": key(&world, json!({})).await });
    refused(&world, "CreateAlias", again, "AlreadyExistsException").await;
    for name in ["a", "alias/", "alias/a b"] {
        let wrong = json!({ "AliasName": name, "TargetKeyId": "k" });
        refused(&world, "CreateAlias", wrong, "ValidationException").await;
    }
}

#[tokio::test]
async fn clusters_need_keys_that_encrypt() {
    let world = World::new().await;
    let mut request = world.cluster_request("a").await;
    let mut check = async |key: &str, text: &str| {
        request["encryptionConfig"] = json!([{
            "resources": ["secrets"], "provider": { "keyArn": format!("arn:aws:kms:eu-west-1:123456789012:key/{key}") },
        }]);
        let answer = world.eks("POST", "/clusters", request.clone()).await;
        assert!(answer.body.contains(text), "{}", answer.body);
    };
    check("none", "does not exist").await;
    let signing = key(
        &world,
        json!({ "KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY" }),
    )
    .await;
    check(&signing, "is not symmetric").await;
    let off = key(&world, json!({})).await;
    accepted(&world, "DisableKey", json!({ "KeyId": off })).await;
    check(&off, "is not enabled").await;
    accepted(&world, "EnableKey", json!({ "KeyId": off })).await;
    check(&off, "CREATING").await;
}
