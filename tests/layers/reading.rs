//! Planning needs permission to read, and no more.

use serde_json::json;

use crate::plane::{PLANE, project, somebody, unique};

/// The reader's token, which may read everything from now on.
fn reader() -> String {
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "read-all"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
                  {"nonResourceURLs": ["*"], "verbs": ["get"]}],
    });
    somebody(
        "POST",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        &role,
    );
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "read-all"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "read-all"},
        "subjects": [{"kind": "User", "name": "reader", "apiGroup": "rbac.authorization.k8s.io"}],
    });
    somebody(
        "POST",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        &binding,
    );
    let file = PLANE.kubeconfig().with_file_name("reader-token");
    std::fs::read_to_string(file).unwrap()
}

/// What the reader did so far: all requests, and those that are no reads.
fn asked() -> (usize, Vec<String>) {
    let audit = PLANE.audit().unwrap();
    let ours = audit
        .iter()
        .filter(|entry| entry["user"]["username"] == "reader");
    let verbs: Vec<&str> = ours.filter_map(|entry| entry["verb"].as_str()).collect();
    let writes = verbs
        .iter()
        .filter(|verb| !["get", "list", "watch"].contains(verb));
    (verbs.len(), writes.map(|verb| (*verb).to_owned()).collect())
}

#[test]
fn a_reader_sees_the_plan_of_an_administrator_and_writes_nothing() {
    let (ns, token) = (unique("reader"), reader());
    let manifest = |value: &str| {
        format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {ns} }}\n---\n\
             apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: a, namespace: {ns} }}\ndata: {{ x: \"{value}\" }}\n---\n\
             apiVersion: v1\nkind: Secret\nmetadata: {{ name: a, namespace: {ns} }}\nstringData: {{ x: \"{value}\" }}\n---\n\
             apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: web, namespace: {ns} }}\nspec:\n  selector: {{ matchLabels: {{ a: b }} }}\n  \
             template:\n    metadata: {{ labels: {{ a: b }} }}\n    spec: {{ containers: [{{ name: web, image: \"example.invalid/web:{value}\" }}] }}\n"
        )
    };
    let project = project(&[
        ("main.strata.yaml", "layer:\n  app: { path: ./app }\n"),
        ("app/a.yaml", &manifest("1")),
    ]);
    let plans = |expected: &str| {
        let first = project.run("plan").exits(0).says(expected);
        let mut reads = project.command(&["plan"]);
        let second = reads.env("KUBE_TOKEN", token.trim()).output().unwrap();
        assert!(second.status.success());
        assert_eq!(first.out, String::from_utf8(second.stdout).unwrap());
    };
    plans("5 to add");
    project.run("apply -auto-approve").exits(0);
    plans("No changes.");
    project.write("app/a.yaml", &manifest("2"));
    plans("3 to change");
    let (all, writes) = asked();
    assert!(all > 10, "{all}");
    assert_eq!(writes, [""; 0]);
}
