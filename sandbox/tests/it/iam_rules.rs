//! IAM's and STS's rules.

use super::client::{World, trust};

async fn refused(world: &World, form: &str, code: &str) {
    let answer = world.iam(form).await;
    assert_eq!(answer.code(), code, "{form}: {}", answer.body);
}

async fn accepted(world: &World, form: &str) -> super::client::Answer {
    let answer = world.iam(form).await;
    assert_eq!(answer.status, 200, "{form}: {}", answer.body);
    answer
}

#[tokio::test]
async fn roles() {
    let world = World::new().await;
    let create = |name: &str, rest: &str| {
        format!(
            "Action=CreateRole&RoleName={name}&AssumeRolePolicyDocument={}{rest}",
            trust("ec2.amazonaws.com")
        )
    };
    let made = accepted(
        &world,
        &create("one", "&Path=/a/&Tags.member.1.Key=k&Tags.member.1.Value=v"),
    )
    .await;
    assert_eq!(made.text("Arn"), "arn:aws:iam::123456789012:role/a/one");
    assert!(
        made.text("AssumeRolePolicyDocument")
            .starts_with("%7B%22Version%22")
    );
    refused(&world, &create("ONE", ""), "EntityAlreadyExists").await;
    refused(&world, &create("bad name", ""), "ValidationError").await;
    refused(&world, &create("two", "&Nonsense=1"), "ValidationError").await;
    refused(
        &world,
        &create("two", "&MaxSessionDuration=10"),
        "ValidationError",
    )
    .await;
    refused(
        &world,
        &create("two", "&Tags.member.1.Key=aws:k&Tags.member.1.Value=v"),
        "InvalidInput",
    )
    .await;
    refused(
        &world,
        "Action=CreateRole&RoleName=x&AssumeRolePolicyDocument=x",
        "MalformedPolicyDocument",
    )
    .await;
    refused(&world, "Action=CreateRole&RoleName=x", "ValidationError").await;

    accepted(
        &world,
        "Action=UpdateRole&RoleName=one&Description=text&MaxSessionDuration=7200",
    )
    .await;
    let read = accepted(&world, "Action=GetRole&RoleName=one").await;
    assert_eq!(
        (
            read.text("Description").as_str(),
            read.text("MaxSessionDuration").as_str()
        ),
        ("text", "7200")
    );
    accepted(
        &world,
        "Action=TagRole&RoleName=one&Tags.member.1.Key=K&Tags.member.1.Value=w",
    )
    .await;
    let tags = accepted(&world, "Action=ListRoleTags&RoleName=one").await;
    assert_eq!(
        (tags.count("Key"), tags.text("Value").as_str()),
        (1, "w"),
        "keys differ by more than case"
    );
    accepted(&world, "Action=UntagRole&RoleName=one&TagKeys.member.1=K").await;
    assert_eq!(
        accepted(&world, "Action=ListRoleTags&RoleName=one")
            .await
            .count("Key"),
        0
    );
    accepted(&world, "Action=DeleteRole&RoleName=one").await;
    refused(&world, "Action=GetRole&RoleName=one", "NoSuchEntity").await;
    assert_eq!(world.iam("Action=GetRole&RoleName=one").await.status, 404);
}

#[tokio::test]
async fn attachments_are_a_set() {
    let world = World::new().await;
    world
        .role("r", "ec2.amazonaws.com", "AmazonEKSWorkerNodePolicy")
        .await;
    let call =
        |verb: &str, policy: &str| format!("Action={verb}RolePolicy&RoleName=r&PolicyArn={policy}");
    let managed = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy";
    accepted(&world, &call("Attach", managed)).await;
    refused(
        &world,
        &call("Attach", "arn:aws:iam::aws:policy/Nonsense"),
        "NoSuchEntity",
    )
    .await;
    refused(&world, &call("Attach", "nonsense"), "InvalidInput").await;
    refused(&world, "Action=DeleteRole&RoleName=r", "DeleteConflict").await;
    let ledger = world.ledger().await;
    let attachments: Vec<_> = ledger
        .live()
        .filter(|o| o.kind == "role-policy-attachment")
        .collect();
    assert_eq!(attachments.len(), 1);
    assert_eq!(attachments[0].id, format!("r/{managed}"));
    accepted(&world, &call("Detach", managed)).await;
    refused(&world, &call("Detach", managed), "NoSuchEntity").await;
    accepted(&world, "Action=DeleteRole&RoleName=r").await;
    assert_eq!(world.ledger().await.live().count(), 0);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = World::new().await;
    for n in 0..5 {
        world
            .role(&format!("r{n}"), "ec2.amazonaws.com", "ReadOnlyAccess")
            .await;
    }
    let first = accepted(&world, "Action=ListRoles&MaxItems=3").await;
    assert_eq!(
        (first.count("RoleName"), first.text("IsTruncated").as_str()),
        (3, "true")
    );
    let rest = accepted(
        &world,
        &format!("Action=ListRoles&Marker={}", first.text("Marker")),
    )
    .await;
    assert_eq!(
        (rest.count("RoleName"), rest.text("IsTruncated").as_str()),
        (2, "false")
    );
    refused(&world, "Action=ListRoles&MaxItems=0", "ValidationError").await;
    refused(&world, "Action=ListRoles&Marker=x", "ValidationError").await;
}

#[tokio::test]
async fn identities() {
    let world = World::new().await;
    let arn = world.role("r", "ec2.amazonaws.com", "ReadOnlyAccess").await;
    let who = world
        .try_query("sts", "Action=GetCallerIdentity")
        .await
        .unwrap();
    assert_eq!(who.text("Account"), "123456789012");
    let assume = |arn: &str| format!("Action=AssumeRole&RoleArn={arn}&RoleSessionName=me");
    let session = world.try_query("sts", &assume(&arn)).await.unwrap();
    let key = session.text("AccessKeyId");
    assert!(key.starts_with("ASIA"), "{}", session.body);
    let path = format!(
        "/?Action=GetCallerIdentity&X-Amz-Credential={key}%2F20261121%2Feu-west-1%2Fsts%2Faws4_request"
    );
    let unsigned = world.presigned(&path).await;
    assert_eq!(
        unsigned.text("Arn"),
        "arn:aws:sts::123456789012:assumed-role/r/me"
    );
    world.pass(3600);
    assert_eq!(world.presigned(&path).await.code(), "ExpiredToken");

    let gone = world
        .try_query("sts", &assume("arn:aws:iam::123456789012:role/nobody"))
        .await
        .unwrap();
    assert_eq!((gone.status, gone.code().as_str()), (403, "AccessDenied"));
    let foreign = world
        .try_query("sts", &assume("arn:aws:iam::999999999999:role/any"))
        .await
        .unwrap();
    assert!(
        foreign
            .text("Arn")
            .starts_with("arn:aws:sts::999999999999:assumed-role/any/")
    );
}

/// A policy document for a form.
fn allow(action: &str) -> String {
    format!(r#"{{"Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}"#)
        .replace('"', "%22")
        .replace('{', "%7B")
        .replace('}', "%7D")
}

#[tokio::test]
async fn policies_have_up_to_five_versions() {
    let world = World::new().await;
    let create = |name: &str, document: &str| {
        format!("Action=CreatePolicy&PolicyName={name}&PolicyDocument={document}")
    };
    let made = accepted(&world, &create("one", &allow("s3:*"))).await;
    let arn = made.text("Arn");
    assert_eq!(arn, "arn:aws:iam::123456789012:policy/one");
    refused(
        &world,
        &create("ONE", &allow("s3:*")),
        "EntityAlreadyExists",
    )
    .await;
    refused(&world, &create("a b", &allow("s3:*")), "ValidationError").await;
    refused(&world, &create("two", "x"), "MalformedPolicyDocument").await;
    let trust = trust("ec2.amazonaws.com");
    refused(&world, &create("two", &trust), "MalformedPolicyDocument").await;
    let long = allow(&"a".repeat(6200));
    refused(&world, &create("two", &long), "LimitExceeded").await;

    let version = format!(
        "Action=CreatePolicyVersion&PolicyArn={arn}&SetAsDefault=true&PolicyDocument={}",
        allow("ec2:*")
    );
    for _ in 2..=5 {
        accepted(&world, &version).await;
    }
    refused(&world, &version, "LimitExceeded").await;
    let of = |action: &str, version: u32| {
        format!("Action={action}&PolicyArn={arn}&VersionId=v{version}")
    };
    refused(&world, &of("DeletePolicyVersion", 5), "DeleteConflict").await;
    refused(&world, &of("GetPolicyVersion", 9), "NoSuchEntity").await;
    let delete = format!("Action=DeletePolicy&PolicyArn={arn}");
    refused(&world, &delete, "DeleteConflict").await;
    for version in 1..=4 {
        accepted(&world, &of("DeletePolicyVersion", version)).await;
    }
    let role = world.role("r", "ec2.amazonaws.com", "ReadOnlyAccess").await;
    assert!(!role.is_empty());
    let pair = format!("RoleName=r&PolicyArn={arn}");
    accepted(&world, &format!("Action=AttachRolePolicy&{pair}")).await;
    refused(&world, &delete, "DeleteConflict").await;
    accepted(&world, &format!("Action=DetachRolePolicy&{pair}")).await;
    accepted(&world, &delete).await;
    refused(&world, &delete, "NoSuchEntity").await;
    let managed = "Action=DeletePolicy&PolicyArn=arn:aws:iam::aws:policy/ReadOnlyAccess";
    refused(&world, managed, "AccessDenied").await;
}

#[tokio::test]
async fn a_profile_holds_one_role() {
    let world = World::new().await;
    world.role("a", "ec2.amazonaws.com", "ReadOnlyAccess").await;
    world.role("b", "ec2.amazonaws.com", "ReadOnlyAccess").await;
    let of = |action: &str, rest: &str| {
        format!("Action={action}InstanceProfile&InstanceProfileName=p{rest}")
    };
    accepted(&world, &of("Create", "")).await;
    refused(&world, &of("Create", ""), "EntityAlreadyExists").await;
    refused(&world, &of("AddRoleTo", "&RoleName=none"), "NoSuchEntity").await;
    accepted(&world, &of("AddRoleTo", "&RoleName=a")).await;
    refused(&world, &of("AddRoleTo", "&RoleName=b"), "LimitExceeded").await;
    refused(&world, &of("RemoveRoleFrom", "&RoleName=b"), "NoSuchEntity").await;
    refused(&world, &of("Delete", ""), "DeleteConflict").await;
    let detach =
        "Action=DetachRolePolicy&RoleName=a&PolicyArn=arn:aws:iam::aws:policy/ReadOnlyAccess";
    accepted(&world, detach).await;
    refused(&world, "Action=DeleteRole&RoleName=a", "DeleteConflict").await;
    accepted(&world, &of("RemoveRoleFrom", "&RoleName=a")).await;
    accepted(&world, "Action=DeleteRole&RoleName=a").await;
    accepted(&world, &of("Delete", "")).await;
    refused(&world, &of("Get", ""), "NoSuchEntity").await;
}

#[tokio::test]
async fn an_issuer_is_believed_once() {
    let world = World::new().await;
    let create =
        |url: &str, rest: &str| format!("Action=CreateOpenIDConnectProvider&Url={url}{rest}");
    let made = accepted(&world, &create("https://a.example/id/1", "")).await;
    let arn = made.text("OpenIDConnectProviderArn");
    assert_eq!(
        arn,
        "arn:aws:iam::123456789012:oidc-provider/a.example/id/1"
    );
    refused(
        &world,
        &create("https://a.example/id/1", ""),
        "EntityAlreadyExists",
    )
    .await;
    refused(&world, &create("http://a.example", ""), "ValidationError").await;
    let short = create("https://b.example", "&ThumbprintList.member.1=abc");
    refused(&world, &short, "ValidationError").await;
    let of =
        |action: &str, rest: &str| format!("Action={action}&OpenIDConnectProviderArn={arn}{rest}");
    let read = accepted(&world, &of("GetOpenIDConnectProvider", "")).await;
    assert_eq!(read.text("Url"), "a.example/id/1");
    // What is there already, or not there, is no error here.
    for _ in 0..2 {
        accepted(
            &world,
            &of("AddClientIDToOpenIDConnectProvider", "&ClientID=x"),
        )
        .await;
    }
    for _ in 0..2 {
        let remove = of("RemoveClientIDFromOpenIDConnectProvider", "&ClientID=x");
        accepted(&world, &remove).await;
    }
    for _ in 0..2 {
        accepted(&world, &of("DeleteOpenIDConnectProvider", "")).await;
    }
    refused(&world, &of("GetOpenIDConnectProvider", ""), "NoSuchEntity").await;
    let bad = "Action=GetOpenIDConnectProvider&OpenIDConnectProviderArn=a";
    refused(&world, bad, "InvalidInput").await;
}
