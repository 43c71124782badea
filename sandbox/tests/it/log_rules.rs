//! Logs' rules.

use serde_json::{Value, json};

use super::client::{Answer, World};

async fn accepted(world: &World, operation: &str, body: Value) -> Answer {
    let answer = world.json("logs", operation, body).await;
    assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
    answer
}

async fn refused(world: &World, operation: &str, body: Value, code: &str) -> String {
    let answer = world.json("logs", operation, body.clone()).await;
    assert_eq!(answer.code(), code, "{operation} {body}: {}", answer.body);
    answer.message()
}

async fn groups(world: &World, prefix: &str) -> Vec<Value> {
    let body = json!({ "logGroupNamePrefix": prefix });
    let read = accepted(world, "DescribeLogGroups", body).await.json();
    read["logGroups"].as_array().unwrap().clone()
}

#[tokio::test]
async fn log_groups() {
    let world = World::new().await;
    let of = json!({ "logGroupName": "/app/a" });
    let create = json!({ "logGroupName": "/app/a", "tags": { "k": "v" } });
    accepted(&world, "CreateLogGroup", create.clone()).await;
    refused(
        &world,
        "CreateLogGroup",
        create,
        "ResourceAlreadyExistsException",
    )
    .await;
    let invalid = "InvalidParameterException";
    refused(
        &world,
        "CreateLogGroup",
        json!({ "logGroupName": "a b" }),
        invalid,
    )
    .await;
    refused(&world, "CreateLogGroup", json!({}), invalid).await;
    let retain = |days: u32| json!({ "logGroupName": "/app/a", "retentionInDays": days });
    refused(&world, "PutRetentionPolicy", retain(2), invalid).await;
    accepted(&world, "PutRetentionPolicy", retain(30)).await;
    let read = groups(&world, "/app/").await;
    assert_eq!(read[0]["retentionInDays"], 30);
    let arn = read[0]["logGroupArn"].as_str().unwrap();
    assert_eq!(read[0]["arn"], format!("{arn}:*"));
    accepted(&world, "DeleteRetentionPolicy", of.clone()).await;
    assert_eq!(
        groups(&world, "/app/a").await[0]["retentionInDays"],
        Value::Null
    );
    refused(
        &world,
        "ListTagsForResource",
        json!({ "resourceArn": format!("{arn}:*") }),
        invalid,
    )
    .await;
    let tags = accepted(&world, "ListTagsForResource", json!({ "resourceArn": arn })).await;
    assert_eq!(tags.json()["tags"], json!({ "k": "v" }));
    accepted(&world, "DeleteLogGroup", of.clone()).await;
    refused(&world, "DeleteLogGroup", of, "ResourceNotFoundException").await;
}

#[tokio::test]
async fn keys_must_let_logs_use_them() {
    let world = World::new().await;
    let key = async |service: &str| {
        let statement = |principal: Value| json!({ "Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*" });
        let root = statement(json!({ "AWS": "arn:aws:iam::123456789012:root" }));
        let policy = json!({ "Statement": [root, statement(json!({ "Service": service }))] });
        let body = json!({ "Policy": policy.to_string() });
        let made = world.json("kms", "CreateKey", body).await.json();
        made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    };
    let create = |name: &str, key: &str| json!({ "logGroupName": name, "kmsKeyId": key });
    let other = key("ecr.amazonaws.com").await;
    let text = refused(
        &world,
        "CreateLogGroup",
        create("a", &other),
        "InvalidParameterException",
    )
    .await;
    assert!(text.contains("not allowed to be used"), "{text}");
    let ours = key("logs.eu-west-1.amazonaws.com").await;
    accepted(&world, "CreateLogGroup", create("a", &ours)).await;
    accepted(&world, "DisassociateKmsKey", json!({ "logGroupName": "a" })).await;
    assert_eq!(groups(&world, "a").await[0]["kmsKeyId"], Value::Null);
}

#[tokio::test]
async fn a_cluster_makes_its_group_again() {
    let world = World::new().await;
    let mut request = world.cluster_request("a").await;
    request["logging"] = json!({ "clusterLogging": [{ "types": ["api"], "enabled": true }] });
    world.eks("POST", "/clusters", request).await;
    let name = "/aws/eks/a/cluster";
    assert!(
        groups(&world, name).await.is_empty(),
        "nothing is written yet"
    );
    world.pass(600);
    assert_eq!(groups(&world, name).await.len(), 1);
    let listed = async || {
        let ledger = world.ledger().await;
        let mut live = ledger.live();
        live.any(|object| object.kind == "log-group")
    };
    assert!(!listed().await, "nobody asked for it");
    let arn = groups(&world, name).await[0]["logGroupArn"].clone();
    let tag = json!({ "resourceArn": arn, "tags": { "a": "b" } });
    accepted(&world, "TagResource", tag).await;
    assert!(listed().await, "it was taken over");
    accepted(&world, "DeleteLogGroup", json!({ "logGroupName": name })).await;
    assert!(groups(&world, name).await.is_empty());
    world.pass(10);
    assert_eq!(
        groups(&world, name).await.len(),
        1,
        "the cluster goes on writing"
    );
    world.eks("DELETE", "/clusters/a", Value::Null).await;
    world.pass(300);
    accepted(&world, "DeleteLogGroup", json!({ "logGroupName": name })).await;
    world.pass(60);
    assert!(
        groups(&world, name).await.is_empty(),
        "nobody writes any more"
    );
}
