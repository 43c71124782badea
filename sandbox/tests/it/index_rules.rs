//! The rules of the index of tags.

use serde_json::{Value, json};

use super::client::World;

const INVALID: &str = "InvalidParameterException";

/// What the index of a region tells of ARNs: their tags.
async fn told_in(world: &World, region: &str, arns: &[&str]) -> Value {
    let body = json!({ "ResourceARNList": arns });
    let call = ("tagging", "GetResources");
    let answer = world.json_in(region, call, body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let list = answer.json()["ResourceTagMappingList"].clone();
    let told = list.as_array().unwrap().iter().map(|one| {
        let tags = one["Tags"].as_array().unwrap().iter();
        let tags = tags.map(|tag| {
            (
                tag["Key"].as_str().unwrap().to_owned(),
                tag["Value"].clone(),
            )
        });
        let arn = one["ResourceARN"].as_str().unwrap().to_owned();
        (arn, Value::Object(tags.collect()))
    });
    Value::Object(told.collect())
}

async fn told(world: &World, arns: &[&str]) -> Value {
    told_in(world, "eu-west-1", arns).await
}

#[tokio::test]
async fn it_hears_of_changes_late() {
    let world = World::new().await;
    let arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/a";
    let tag = |tags: Value| json!({ "resourceArn": arn, "tags": tags });
    let accepted = async |operation: &str, body: Value| {
        let answer = world.json("logs", operation, body).await;
        assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
    };
    accepted(
        "CreateLogGroup",
        json!({ "logGroupName": "/a", "tags": { "k": "1" } }),
    )
    .await;
    assert_eq!(told(&world, &[arn]).await, json!({}));
    world.pass(30);
    assert_eq!(told(&world, &[arn]).await, json!({ arn: { "k": "1" } }));
    accepted("TagResource", tag(json!({ "k": "2" }))).await;
    world.pass(20);
    accepted("TagResource", tag(json!({ "k": "3" }))).await;
    world.pass(20);
    assert_eq!(told(&world, &[arn]).await, json!({ arn: { "k": "1" } }));
    world.pass(10);
    assert_eq!(told(&world, &[arn]).await, json!({ arn: { "k": "3" } }));
    // What was tagged once is told for ever, and what never was, never.
    accepted(
        "UntagResource",
        json!({ "resourceArn": arn, "tagKeys": ["k"] }),
    )
    .await;
    accepted("CreateLogGroup", json!({ "logGroupName": "/b" })).await;
    world.pass(30);
    let bare = "arn:aws:logs:eu-west-1:123456789012:log-group:/b";
    assert_eq!(told(&world, &[arn, bare]).await, json!({ arn: {} }));
    accepted("DeleteLogGroup", json!({ "logGroupName": "/a" })).await;
    assert_eq!(told(&world, &[arn]).await, json!({}));
    accepted("CreateLogGroup", json!({ "logGroupName": "/a" })).await;
    world.pass(30);
    assert_eq!(told(&world, &[arn]).await, json!({}));
}

#[tokio::test]
async fn each_region_tells_its_own() {
    let world = World::new().await;
    let arn = "arn:aws:iam::123456789012:policy/a";
    let document =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let form = format!(
        "Action=CreatePolicy&PolicyName=a&PolicyDocument={document}&Tags.member.1.Key=k&Tags.member.1.Value=v"
    );
    let made = world.iam(&form).await;
    assert_eq!(made.status, 200, "{}", made.body);
    world.pass(30);
    // What has no region is told in one alone.
    assert_eq!(told(&world, &[arn]).await, json!({}));
    let elsewhere = told_in(&world, "us-east-1", &[arn]).await;
    assert_eq!(elsewhere, json!({ arn: { "k": "v" } }));
}

#[tokio::test]
async fn requests() {
    let world = World::new().await;
    let arn = "arn:aws:ecr:eu-west-1:123456789012:repository/a";
    let many = vec![arn; 101];
    let check = async |body: Value, code: &str| {
        let answer = world.json("tagging", "GetResources", body.clone()).await;
        assert_eq!(answer.code(), code, "{body}: {}", answer.body);
    };
    check(json!({ "ResourceARNList": [] }), INVALID).await;
    check(json!({ "ResourceARNList": many }), INVALID).await;
    check(
        json!({ "ResourceARNList": [arn], "ResourcesPerPage": 10 }),
        INVALID,
    )
    .await;
    check(
        json!({ "ResourceARNList": [arn], "ResourceTypeFilters": ["ecr"] }),
        INVALID,
    )
    .await;
    check(
        json!({ "ResourceTypeFilters": ["ecr"], "ResourcesPerPage": 101 }),
        INVALID,
    )
    .await;
    check(
        json!({ "ResourceTypeFilters": ["ecr"], "PaginationToken": "x" }),
        INVALID,
    )
    .await;
    // Types of which nothing is kept here are not told as having no tags.
    check(
        json!({ "ResourceTypeFilters": ["ec2:vpc"] }),
        "NotImplemented",
    )
    .await;
    check(
        json!({ "ResourceARNList": ["arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-1"] }),
        "NotImplemented",
    )
    .await;
    check(json!({}), "NotImplemented").await;
}
