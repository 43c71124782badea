//! Identities.

use futures::FutureExt;
use serde_json::{Value as Json, json};

use super::TypeCase;
use crate::world::{Needs, Outcome, World};

/// A policy by which a service takes a role on.
pub(super) fn trust(service: &str) -> Json {
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    });
    json!(document.to_string())
}

pub(super) fn managed(policy: &str) -> String {
    format!("arn:aws:iam::aws:policy/{policy}")
}

/// A role with managed policies on it; its ARN.
pub(super) async fn role(
    world: &World,
    (name, service): (&str, &str),
    policies: &[&str],
) -> Outcome<String> {
    let name = format!("{name}-{}", world.number());
    let config = json!({"name": name, "assume_role_policy": trust(service)});
    let role = world.create("aws_iam_role", &config).await?;
    for policy in policies {
        let config = json!({"role": name, "policy_arn": managed(policy)});
        world
            .create("aws_iam_role_policy_attachment", &config)
            .await?;
    }
    Ok(role.text("arn"))
}

pub(super) const ROLE: TypeCase = TypeCase {
    name: "aws_iam_role",
    variant: "",
    needs: |_| async { Ok(Needs::new()) }.boxed(),
    config: |_, n| {
        json!({
            "name": format!("role-{n}"), "path": "/teams/a/", "description": "of a test",
            "assume_role_policy": trust("ec2.amazonaws.com"), "tags": {"Name": format!("role-{n}")},
        })
    },
    updates: |_, _| {
        vec![
            ("assume_role_policy", trust("eks.amazonaws.com")),
            ("description", json!("of another test")),
            ("max_session_duration", json!(7200)),
            ("permissions_boundary", json!(managed("PowerUserAccess"))),
            ("tags", json!({"team": "a"})),
        ]
    },
    replaces: |_, n| {
        vec![
            ("name", json!(format!("renamed-{n}"))),
            ("path", json!("/teams/b/")),
        ]
    },
    silent: &["force_detach_policies"],
    untold: &["force_detach_policies"],
};

const POLICIES: [&str; 5] = [
    "AmazonEKSClusterPolicy",
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKS_CNI_Policy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonSSMManagedInstanceCore",
];

pub(super) const ROLE_POLICY_ATTACHMENT: TypeCase = TypeCase {
    name: "aws_iam_role_policy_attachment",
    variant: "",
    needs: |world| {
        async {
            let name = format!("bearer-{}", world.number());
            let config = json!({"name": name, "assume_role_policy": trust("ec2.amazonaws.com")});
            world.create("aws_iam_role", &config).await?;
            Ok(Needs::from([("role", name)]))
        }
        .boxed()
    },
    config: |needs, n| {
        let policy = POLICIES[usize::try_from(n % 5).expect("small")];
        json!({"role": needs["role"], "policy_arn": managed(policy)})
    },
    updates: super::none,
    replaces: |_, _| {
        vec![
            ("role", json!("another")),
            ("policy_arn", json!(managed("ReadOnlyAccess"))),
        ]
    },
    silent: &[],
    untold: &[],
};
