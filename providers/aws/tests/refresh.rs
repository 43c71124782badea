//! What a refresh of many objects asks for, where a type's own list tells no tags.

use std::time::Duration;

use serde_json::{Value as Json, json};
use strata_model::Clock;
use strata_model::provider::Observation;

use crate::world::{Live, Outcome, World};

/// Longer than the index of tags is behind, in the cloud's time.
const HEARD: Duration = Duration::from_secs(60);

/// Two objects of each type.
async fn objects(world: &World) -> Outcome<Vec<Live>> {
    let statement = json!({"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*"});
    let document = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let mut made = Vec::new();
    for _ in 0..2 {
        let number = world.number();
        let of = |name: &str| json!({"name": format!("{name}-{number}"), "tags": {"team": "a"}});
        let with = |mut config: Json, name: &str, value: Json| {
            config[name] = value;
            config
        };
        let policy = with(of("policy"), "policy", json!(document));
        let policy = with(policy, "description", json!("of a test"));
        for (ty, config) in [
            ("aws_cloudwatch_log_group", of("group")),
            ("aws_ecr_repository", of("repository")),
            ("aws_iam_instance_profile", of("profile")),
            ("aws_iam_policy", policy),
        ] {
            made.push(world.create(ty, &config).await?);
        }
    }
    Ok(made)
}

/// Refreshes objects together. Returns what was seen, and the calls, sorted.
async fn refresh(world: &World, all: &[Live]) -> (Vec<Observation>, Vec<String>) {
    let mark = world.proxy.mark();
    let seen = world.refresh_all(all).await;
    let mut calls = world.proxy.calls_since(mark);
    calls.sort();
    (seen, calls)
}

/// Fails unless a refresh sees what is recorded, by these calls.
async fn expect_settled(world: &World, all: &[Live], expected: &[&str]) -> Outcome {
    let (seen, calls) = refresh(world, all).await;
    if calls != expected {
        return Err(format!("{calls:?} instead of {expected:?}"));
    }
    expect_seen(all, &seen)
}

/// Fails unless objects are seen as they are recorded.
fn expect_seen(all: &[Live], seen: &[Observation]) -> Outcome {
    for (live, seen) in all.iter().zip(seen) {
        match seen {
            Observation::Present(object) if object.attributes == live.value => {}
            other => return Err(format!("{} is seen as {other:?}", live.id)),
        }
    }
    Ok(())
}

const LISTS: [&str; 5] = [
    "DescribeLogGroups",
    "DescribeRepositories",
    "GetResources",
    "ListInstanceProfiles",
    "ListPolicies",
];

/// What asks one object of each type itself.
const OWN: [&str; 4] = [
    "GetInstanceProfile",
    "GetPolicy",
    "ListTagsForResource",
    "ListTagsForResource",
];

/// The calls of a refresh that also asks some objects themselves.
fn lists_and<'a>(own: &[&'a str]) -> Vec<&'a str> {
    let mut calls = [&LISTS[..], own].concat();
    calls.sort_unstable();
    calls
}

/// Objects that are as they are recorded take the lists alone; of what the index has not heard of yet, each is asked.
pub(crate) async fn lists(world: &World) -> Outcome {
    let mut all = objects(world).await?;
    let each = [OWN, OWN].concat();
    expect_settled(world, &all, &lists_and(&each)).await?;
    world.clock.sleep(HEARD).await;
    expect_settled(world, &all, &LISTS).await?;
    // A change of our own: the index still tells the tags of before.
    for (place, config) in changed(world, &all) {
        (all[place], _) = world.update(&all[place], &config).await?;
    }
    expect_settled(world, &all, &lists_and(&OWN)).await?;
    world.clock.sleep(HEARD).await;
    expect_settled(world, &all, &LISTS).await?;
    world.sweep(0).await
}

/// The first object of each type, with another tag.
fn changed(world: &World, all: &[Live]) -> Vec<(usize, strata_model::Value)> {
    let of = |(place, live): (usize, &Live)| {
        let mut config = live.config.to_json();
        config["tags"] = json!({"team": "b"});
        (place, world.arguments(live.ty, &config))
    };
    all.iter().enumerate().take(4).map(of).collect()
}

/// A tag that somebody else changed is seen, by whoever recorded it, once the index has heard of it; so is an object that
/// is gone.
pub(crate) async fn drift(world: &World) -> Outcome {
    let all = objects(world).await?;
    world.clock.sleep(HEARD).await;
    let mut others = Vec::new();
    for (place, config) in changed(world, &all) {
        others.push(world.update(&all[place], &config).await?.0);
    }
    world.clock.sleep(HEARD).await;
    let (seen, calls) = refresh(world, &all).await;
    if calls != lists_and(&OWN) {
        return Err(format!("the drift of tags is looked for by {calls:?}"));
    }
    expect_seen(&others, &seen[..4])?;
    for live in &all[4..] {
        let deleted = world.delete(live).await;
        deleted.map_err(|error| format!("{error:?}"))?;
    }
    let (seen, _) = refresh(world, &all).await;
    match &seen[4..] {
        [
            Observation::Absent,
            Observation::Absent,
            Observation::Absent,
            Observation::Absent,
        ] => {}
        unseen => return Err(format!("what is gone is seen as {unseen:?}")),
    }
    world.sweep(0).await
}

/// Without the permissions for the lists, or where the index cannot be asked, each object is asked, and seen as it is.
pub(crate) async fn denied(world: &World) -> Outcome {
    let all = objects(world).await?;
    world.clock.sleep(HEARD).await;
    let sandbox = world.sandbox.as_ref().ok_or("needs the sandbox")?;
    let deny = |operation: &str, fault: &str| format!("{{operation: {operation}, fault: {fault}}}");
    for fault in ["access_denied", "{throttle: {}}", "drop_before"] {
        sandbox.break_by(&deny("GetResources", fault));
        expect_seen(&all, &refresh(world, &all).await.0)?;
    }
    let both = [
        deny("ListPolicies", "access_denied"),
        deny("ListInstanceProfiles", "access_denied"),
    ];
    sandbox.break_by(&both.join(", "));
    expect_seen(&all, &refresh(world, &all).await.0)?;
    // Any other failure of a list is one of what it lists.
    sandbox.break_by(&deny("ListPolicies", "server_error_before"));
    let (seen, _) = refresh(world, &all).await;
    let unreadable: Vec<&str> = all
        .iter()
        .zip(&seen)
        .filter(|(_, seen)| matches!(seen, Observation::Unreadable(_)))
        .map(|(live, _)| live.ty)
        .collect();
    if unreadable != ["aws_iam_policy"; 2] {
        return Err(format!("unreadable are {unreadable:?}"));
    }
    sandbox.break_by("");
    world.sweep(0).await
}
