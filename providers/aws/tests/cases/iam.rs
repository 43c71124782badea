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

/// A policy that allows some actions on everything.
pub(super) fn document(actions: &[&str]) -> Json {
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}],
    });
    json!(document.to_string())
}

pub(super) const POLICY: TypeCase = TypeCase {
    name: "aws_iam_policy",
    variant: "",
    needs: |_| async { Ok(Needs::new()) }.boxed(),
    config: |_, n| {
        json!({
            "name": format!("policy-{n}"), "path": "/teams/a/", "description": "of a test",
            "policy": document(&["s3:GetObject", "s3:ListBucket"]), "tags": {"Name": format!("policy-{n}")},
        })
    },
    updates: |_, _| {
        vec![
            ("policy", document(&["s3:*"])),
            ("tags", json!({"team": "a"})),
        ]
    },
    replaces: |_, n| {
        vec![
            ("name", json!(format!("renamed-{n}"))),
            ("path", json!("/teams/b/")),
            ("description", json!("of another test")),
        ]
    },
    silent: &[],
    untold: &[],
};

/// The names of roles that a profile can hold.
async fn with_roles(world: &World) -> Outcome<Needs> {
    let mut needs = Needs::new();
    for name in ["role_name0", "role_name1"] {
        let arn = role(world, ("held", "ec2.amazonaws.com"), &[]).await?;
        let held = arn.rsplit('/').next().unwrap_or_default().to_owned();
        needs.insert(name, held);
    }
    Ok(needs)
}

pub(super) const INSTANCE_PROFILE: TypeCase = TypeCase {
    name: "aws_iam_instance_profile",
    variant: "",
    needs: |world| with_roles(world).boxed(),
    config: |needs, n| {
        json!({
            "name": format!("profile-{n}"), "path": "/teams/a/", "role": needs["role_name0"],
            "tags": {"Name": format!("profile-{n}")},
        })
    },
    updates: |needs, _| {
        vec![
            ("role", json!(needs["role_name1"])),
            ("tags", json!({"team": "a"})),
        ]
    },
    replaces: |_, n| {
        vec![
            ("name", json!(format!("renamed-{n}"))),
            ("path", json!("/teams/b/")),
        ]
    },
    silent: &[],
    untold: &[],
};

pub(super) const OIDC_PROVIDER: TypeCase = TypeCase {
    name: "aws_iam_openid_connect_provider",
    variant: "",
    needs: |_| async { Ok(Needs::new()) }.boxed(),
    config: |_, n| {
        json!({
            "url": format!("https://oidc.eks.us-east-1.amazonaws.com/id/{n:032X}"),
            "client_id_list": ["sts.amazonaws.com", "another"],
            "thumbprint_list": ["9e99a48a9960b14926bb7f3b02e22da2b0ab7280"],
            "tags": {"Name": format!("issuer-{n}")},
        })
    },
    updates: |_, _| {
        vec![
            ("client_id_list", json!(["sts.amazonaws.com", "a-third"])),
            (
                "thumbprint_list",
                json!(["990f4193972f2becf12ddeda5237f9c952f20d9e"]),
            ),
            ("tags", json!({"team": "a"})),
        ]
    },
    replaces: |_, _| vec![("url", json!("https://issuer.example.com"))],
    silent: &[],
    untold: &[],
};
