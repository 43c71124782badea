//! ECR's rules, and the parameters that name machine images.

use serde_json::{Value, json};

use super::client::{Answer, World};

async fn accepted(world: &World, operation: &str, body: Value) -> Answer {
    let answer = world.json("ecr", operation, body).await;
    assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
    answer
}

async fn refused(world: &World, operation: &str, body: Value, code: &str) {
    let answer = world.json("ecr", operation, body.clone()).await;
    assert_eq!(answer.code(), code, "{operation} {body}: {}", answer.body);
}

#[tokio::test]
async fn repositories() {
    let world = World::new().await;
    let of = json!({ "repositoryName": "shop/front" });
    let made = accepted(&world, "CreateRepository", of.clone())
        .await
        .json();
    let uri = &made["repository"]["repositoryUri"];
    assert_eq!(
        uri,
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/front"
    );
    assert_eq!(
        made["repository"]["encryptionConfiguration"],
        json!({ "encryptionType": "AES256" })
    );
    refused(
        &world,
        "CreateRepository",
        of.clone(),
        "RepositoryAlreadyExistsException",
    )
    .await;
    let invalid = "InvalidParameterException";
    refused(
        &world,
        "CreateRepository",
        json!({ "repositoryName": "Shop" }),
        invalid,
    )
    .await;
    let with_key = |kind: &str, key: &str| {
        json!({
            "repositoryName": "keyed",
            "encryptionConfiguration": { "encryptionType": kind, "kmsKey": key },
        })
    };
    refused(&world, "CreateRepository", with_key("AES256", "k"), invalid).await;
    refused(
        &world,
        "CreateRepository",
        with_key("KMS", "none"),
        "KmsException",
    )
    .await;
    let several = json!({ "repositoryNames": ["shop/front", "none"] });
    refused(
        &world,
        "DescribeRepositories",
        several,
        "RepositoryNotFoundException",
    )
    .await;

    let fixed = json!({ "repositoryName": "shop/front", "imageTagMutability": "IMMUTABLE" });
    accepted(&world, "PutImageTagMutability", fixed).await;
    let image = |manifest: &str| json!({ "repositoryName": "shop/front", "imageManifest": manifest, "imageTag": "v1" });
    accepted(&world, "PutImage", image("a")).await;
    refused(
        &world,
        "PutImage",
        image("b"),
        "ImageTagAlreadyExistsException",
    )
    .await;
    refused(
        &world,
        "DeleteRepository",
        of.clone(),
        "RepositoryNotEmptyException",
    )
    .await;
    let force = json!({ "repositoryName": "shop/front", "force": true });
    accepted(&world, "DeleteRepository", force).await;
    refused(
        &world,
        "DeleteRepository",
        of,
        "RepositoryNotFoundException",
    )
    .await;
    assert_eq!(world.ledger().await.live().count(), 0);
}

#[tokio::test]
async fn parameters() {
    let world = World::new().await;
    let get = async |name: &str| {
        world
            .json("ssm", "GetParameter", json!({ "Name": name }))
            .await
    };
    let name = "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended";
    let image = get(&format!("{name}/image_id")).await.json();
    let whole = get(name).await.json();
    let told: Value = serde_json::from_str(whole["Parameter"]["Value"].as_str().unwrap()).unwrap();
    assert_eq!(
        image["Parameter"]["Value"], told["image_id"],
        "both name one image"
    );
    let again = get(&format!("{name}/image_id:1")).await.json();
    assert_eq!(again["Parameter"]["Value"], image["Parameter"]["Value"]);
    assert_eq!(
        get(&format!("{name}/image_id:2")).await.code(),
        "ParameterVersionNotFound"
    );
    assert_eq!(
        get("/aws/service/nothing").await.code(),
        "ParameterNotFound"
    );
    assert_eq!(get("a b").await.code(), "ValidationException");
}
