//! Refusals for want of permission: final, but not just after access was given.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use strata_model::provider::{ProviderError, ProviderErrorKind, Residue};
use strata_model::{Address, ClusterAccess, Clusters, NoClusters};

use super::bench::{Bench, PLANE, config_map, namespace, somebody};

/// Clusters of a run that has just changed who gets into one.
#[derive(Debug)]
struct Opened;

impl Clusters for Opened {
    fn access(&self, address: &Address) -> Result<Arc<dyn ClusterAccess>, ProviderError> {
        NoClusters.access(address)
    }

    fn access_changed(&self) -> Option<Duration> {
        Some(Duration::ZERO)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_final_unless_access_was_given_just_now() {
    let namespace = namespace("admitted");
    let reader = "KUBE_TOKEN_READER";
    let bench = Bench::on(&PLANE, reader);
    let config = bench.object(&config_map(&namespace, "a", &json!({"x": "1"})));
    let refused = bench
        .create("kubernetes_object", &config)
        .await
        .unwrap_err();
    assert_eq!(refused.error.kind, ProviderErrorKind::AccessDenied);

    let bench = Bench::among((&PLANE, reader), Arc::new(Opened));
    let refused = bench
        .create("kubernetes_object", &config)
        .await
        .unwrap_err();
    assert_eq!(refused.error.kind, ProviderErrorKind::Propagation);
    assert!(matches!(refused.residue, Residue::Nothing));
    // In the meantime the permission arrives.
    let rbac = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}");
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "maker"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}],
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "maker"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "maker"},
        "subjects": [{"kind": "User", "name": "reader", "apiGroup": "rbac.authorization.k8s.io"}],
    });
    somebody("POST", &format!("{rbac}/roles"), &role);
    somebody("POST", &format!("{rbac}/rolebindings"), &binding);
    for attempt in 0.. {
        match bench.create("kubernetes_object", &config).await {
            Ok(_) => break,
            Err(error) => {
                assert_eq!(error.error.kind, ProviderErrorKind::Propagation);
                assert!(attempt < 100, "{error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
