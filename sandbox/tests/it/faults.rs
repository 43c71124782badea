//! Every fault does what the plan says, and the ledger tells of it.

use serde_json::Value;
use strata_sandbox::{FaultPlan, Remote, RemoteError};

use super::client::World;

const VPC: &str = "Action=CreateVpc&CidrBlock=10.0.0.0/16";

fn rule(operation: &str, fault: &str) -> String {
    format!("rules:\n- operation: {operation}\n  nth: [1]\n  fault: {fault}\n")
}

/// Strikes the first CreateVpc, and checks the answer (none if 0), and whether the network exists.
async fn check(fault: &str, status: u16, code: &str, exists: bool) {
    let world = World::with_faults(&rule("CreateVpc", fault)).await;
    let answer = world.try_query("ec2", VPC).await;
    match answer {
        Ok(answer) => assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{fault}"
        ),
        Err(error) => assert_eq!(status, 0, "{fault}: {error}"),
    }
    let ledger = world.ledger().await;
    assert_eq!(ledger.live().any(|o| o.kind == "vpc"), exists, "{fault}");
    let name = fault.trim_start_matches("{ ").split(':').next().unwrap();
    assert_eq!(ledger.calls[0].fault.as_deref(), Some(name));
    assert_eq!(
        world.ec2(VPC).await.status,
        200,
        "the second call is not struck"
    );
}

#[tokio::test]
async fn faults_before_the_effect() {
    check("drop_before", 0, "", false).await;
    check(
        "{ throttle: { retry_after: 2 } }",
        503,
        "RequestLimitExceeded",
        false,
    )
    .await;
    check("server_error_before", 500, "InternalError", false).await;
    check("unavailable", 503, "Unavailable", false).await;
    check("access_denied", 403, "UnauthorizedOperation", false).await;
    check("expired_token", 400, "RequestExpired", false).await;
    check(
        "{ error: { code: VpcLimitExceeded } }",
        400,
        "VpcLimitExceeded",
        false,
    )
    .await;
}

#[tokio::test]
async fn faults_after_the_effect() {
    check("lost_response", 0, "", true).await;
    check("server_error_after", 500, "InternalError", true).await;
    check("{ delay: { ms: 20 } }", 200, "", true).await;
}

#[tokio::test]
async fn a_lost_response_is_logged_with_the_status_that_would_have_been_sent() {
    let plan = "rules:\n- nth: [1]\n  fault: lost_response\n- nth: [2]\n  fault: drop_before\n";
    let world = World::with_faults(plan).await;
    assert!(world.try_query("ec2", VPC).await.is_err());
    assert!(world.try_query("ec2", VPC).await.is_err());
    let calls = world.ledger().await.calls;
    let told: Vec<_> = calls
        .iter()
        .map(|c| (c.status, c.mutating, c.fault.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            (200, true, Some("lost_response")),
            (0, true, Some("drop_before"))
        ]
    );
}

#[tokio::test]
async fn each_service_has_its_own_form_of_a_fault() {
    let world = World::with_faults("rules: [{ fault: { throttle: { retry_after: 3 } } }]").await;
    let ec2 = world.ec2("Action=DescribeVpcs").await;
    let iam = world.iam("Action=ListRoles").await;
    let eks = world.eks("GET", "/clusters", Value::Null).await;
    let told = |a: &super::client::Answer| (a.status, a.code(), a.headers["retry-after"].clone());
    assert_eq!(told(&ec2), (503, "RequestLimitExceeded".into(), "3".into()));
    assert_eq!(told(&iam), (400, "Throttling".into(), "3".into()));
    assert_eq!(told(&eks), (429, "ThrottlingException".into(), "3".into()));
    assert_eq!(eks.headers["x-amzn-errortype"], "ThrottlingException");
}

#[tokio::test]
async fn a_lag_hides_what_was_made_and_shows_what_was_deleted() {
    let plan =
        "rules: [{ service: ec2, mutating: true, fault: { consistency_lag: { ms: 5000 } } }]";
    let world = World::with_faults(plan).await;
    let vpc = world.ec2(VPC).await.text("vpcId");
    let describe = format!("Action=DescribeVpcs&VpcId.1={vpc}");
    assert_eq!(world.ec2(&describe).await.code(), "InvalidVpcID.NotFound");
    assert_eq!(world.ec2("Action=DescribeVpcs").await.count("vpcId"), 0);
    let subnet = format!("Action=CreateSubnet&VpcId={vpc}&CidrBlock=10.0.0.0/24");
    assert_eq!(world.ec2(&subnet).await.code(), "InvalidVpcID.NotFound");
    assert_eq!(
        world
            .ledger()
            .await
            .live()
            .filter(|o| o.kind == "vpc")
            .count(),
        1
    );
    world.pass(5);
    assert_eq!(world.ec2(&describe).await.status, 200);

    assert_eq!(
        world
            .ec2(&format!("Action=DeleteVpc&VpcId={vpc}"))
            .await
            .status,
        200
    );
    assert_eq!(world.ledger().await.live().count(), 0);
    assert_eq!(world.ec2(&describe).await.status, 200, "a stale read");
    world.pass(5);
    assert_eq!(world.ec2(&describe).await.code(), "InvalidVpcID.NotFound");
}

#[tokio::test]
async fn a_role_is_refused_for_some_tries() {
    let plan = "rules: [{ operation: CreateCluster, fault: { role_not_assumable: { tries: 2 } } }]";
    let world = World::with_faults(plan).await;
    let request = world.cluster_request("demo").await;
    for _ in 0..2 {
        let refused = world.eks("POST", "/clusters", request.clone()).await;
        assert_eq!(refused.code(), "InvalidParameterException");
        let text = "Role could not be assumed because the trusted entity is not correct";
        assert!(refused.message().contains(text), "{}", refused.body);
    }
    assert_eq!(world.eks("POST", "/clusters", request).await.status, 200);
}

#[tokio::test]
async fn operations_fail_in_the_end() {
    let world = World::with_faults(&rule(
        "CreateCluster",
        "{ operation_fails: { code: IamRoleNotFound } }",
    ))
    .await;
    let request = world.cluster_request("demo").await;
    assert_eq!(world.eks("POST", "/clusters", request).await.status, 200);
    world.pass(600);
    let cluster = world.eks("GET", "/clusters/demo", Value::Null).await.json();
    assert_eq!(cluster["cluster"]["status"], "FAILED");
    assert_eq!(
        cluster["cluster"]["health"]["issues"][0]["code"],
        "IamRoleNotFound"
    );

    let world = World::with_faults(&rule("UpdateClusterVersion", "{ operation_fails: {} }")).await;
    world.cluster("demo").await;
    let body = serde_json::json!({ "version": "1.35" });
    let update = world
        .eks("POST", "/clusters/demo/updates", body)
        .await
        .json();
    world.pass(600);
    let path = format!(
        "/clusters/demo/updates/{}",
        update["update"]["id"].as_str().unwrap()
    );
    let update = world.eks("GET", &path, Value::Null).await.json();
    assert_eq!(update["update"]["status"], "Failed");
    assert_eq!(update["update"]["errors"][0]["errorCode"], "Unknown");
    let cluster = world.eks("GET", "/clusters/demo", Value::Null).await.json();
    assert_eq!(
        (
            &cluster["cluster"]["version"],
            &cluster["cluster"]["status"]
        ),
        (&"1.34".into(), &"ACTIVE".into())
    );
}

#[tokio::test]
async fn small_pages_join_to_the_whole() {
    let world = World::with_faults(
        "rules: [{ operation: Describe*, fault: { small_pages: { items: 2 } } }]",
    )
    .await;
    for _ in 0..5 {
        world.ec2(VPC).await;
    }
    let (mut seen, mut pages, mut token) = (0, 0, String::new());
    loop {
        let next = if token.is_empty() {
            String::new()
        } else {
            format!("&NextToken={token}")
        };
        let page = world.ec2(&format!("Action=DescribeVpcs{next}")).await;
        (seen, pages) = (seen + page.count("vpcId"), pages + 1);
        token = page.text("nextToken");
        if token.is_empty() {
            break;
        }
    }
    assert_eq!((seen, pages), (5, 3));
}

#[tokio::test]
async fn faults_can_be_replaced_while_it_runs() {
    let world = World::new().await;
    let plan = r#"{"rules":[{"fault":"access_denied"}]}"#;
    let put = world
        .raw(("PUT", "/_strata/faults"), "eu-west-1/ec2", plan)
        .await;
    assert_eq!(put.status, 200, "{}", put.body);
    assert_eq!(world.ec2(VPC).await.status, 403);
    let wrong = world
        .raw(
            ("PUT", "/_strata/faults"),
            "eu-west-1/ec2",
            "rules: [{ fault: x }]",
        )
        .await;
    assert_eq!(wrong.status, 400);
    assert_eq!(
        world.ec2(VPC).await.status,
        403,
        "a wrong plan changes nothing"
    );
    world
        .raw(("PUT", "/_strata/faults"), "eu-west-1/ec2", "{}")
        .await;
    assert_eq!(world.ec2(VPC).await.status, 200);
}

#[tokio::test]
async fn what_a_call_starts_can_be_slow() {
    let slow = "{ operation_takes: { seconds: 100000 } }";
    let world = World::with_faults(&rule("CreateCluster", slow)).await;
    let request = world.cluster_request("demo").await;
    world.eks("POST", "/clusters", request).await;
    world.pass(99_999);
    let read = world.eks("GET", "/clusters/demo", Value::Null).await.json();
    assert_eq!(read["cluster"]["status"], "CREATING");
    world.pass(1);
    let read = world.eks("GET", "/clusters/demo", Value::Null).await.json();
    assert_eq!(read["cluster"]["status"], "ACTIVE");
}

#[tokio::test]
async fn answers_of_a_newer_service() {
    let world = World::with_faults("rules: [{ fault: unknown_members }]").await;
    assert_eq!(world.ec2(VPC).await.count("addedByANewerService"), 2);
    let clusters = world.eks("GET", "/clusters", Value::Null).await.json();
    assert_eq!(clusters["addedByANewerService"], "unknown");
}

#[tokio::test]
async fn lists_come_in_the_other_order() {
    let world =
        World::with_faults("rules: [{ operation: DescribeCluster, fault: reordered_lists }]").await;
    let request = world.cluster_request("demo").await;
    let mut sent: Vec<Value> = request["resourcesVpcConfig"]["subnetIds"]
        .as_array()
        .cloned()
        .unwrap();
    world.eks("POST", "/clusters", request).await;
    let read = world.eks("GET", "/clusters/demo", Value::Null).await.json();
    let told = &read["cluster"]["resourcesVpcConfig"]["subnetIds"];
    sent.reverse();
    assert!(sent.len() > 1);
    assert_eq!(*told, Value::Array(sent));
}

#[tokio::test]
async fn a_served_sandbox_can_be_looked_into() {
    let world = World::new().await;
    let remote = Remote::new(&world.url()).unwrap();
    assert_eq!(remote.speed().await.unwrap(), 1.0);
    let plan = FaultPlan::parse("rules: [{ fault: { throttle: {} } }]").unwrap();
    remote.set_faults(&plan).await.unwrap();
    assert_eq!(world.ec2(VPC).await.status, 503);
    remote.set_faults(&FaultPlan::default()).await.unwrap();
    world.ec2(VPC).await;
    assert_eq!(remote.ledger().await.unwrap(), world.ledger().await);
    remote.reset().await.unwrap();
    assert!(remote.ledger().await.unwrap().objects.is_empty());
    let nobody = Remote::new("http://127.0.0.1:1").unwrap().ledger().await;
    assert!(
        matches!(nobody, Err(RemoteError::Connect { .. })),
        "{nobody:?}"
    );
}
