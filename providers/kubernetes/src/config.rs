//! What a `provider "kubernetes"` block says, and the access that it leads to.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strata_model::provider::{
    ArgumentFault, ConnectContext, ProviderConfig, ProviderError, ProviderErrorKind,
};
use strata_model::schema::{Attribute, AttributeType, Schema};
use strata_model::{Address, AttributePath, ClusterAccess, Value, Variables};

use crate::kubeconfig::{Access, KubeconfigError, Refusal};
use crate::{Allowed, Connection, Endpoint, Identity, Kubeconfig};

/// What a kubeconfig may be allowed to do, by the names in `allow`.
const PERMISSIONS: [&str; 4] = ["exec", "files", "insecure", "proxy"];

/// What a block accepts.
pub(crate) fn schema() -> Schema {
    let text = |description| Attribute::optional(AttributeType::String, description);
    Schema::new([
        (
            "config_path",
            text(
                "Path of a kubeconfig; without any other argument it is $KUBECONFIG or ~/.kube/config.",
            ),
        ),
        (
            "config_context",
            text("The context of the kubeconfig; by default its current one."),
        ),
        (
            "allow",
            Attribute::optional(
                AttributeType::string_set(),
                "What the kubeconfig may do beyond naming a server and who asks: exec (run programs), files (name files), insecure (not check the server's certificate), proxy.",
            ),
        ),
        (
            "host",
            text("URL of an API server, in place of a kubeconfig."),
        ),
        (
            "cluster_ca_certificate",
            text(
                "Certificates of the authorities that the server's certificate is checked against, in PEM.",
            ),
        ),
        (
            "token_env",
            text(
                "Name of the environment variable that holds a token for `host`: KUBE_TOKEN, or one that begins with it.",
            ),
        ),
        (
            "token_file",
            text("Path of a file that holds a token for `host`; it is read for each request."),
        ),
        (
            "tls_server_name",
            text(
                "Name that the server's certificate is checked against, where that is not the host's.",
            ),
        ),
        (
            "proxy_url",
            text("HTTP proxy through which `host` is reached, as http://HOST:PORT."),
        ),
        (
            "cluster",
            text("Address of a cluster of this project, which gives server and tokens."),
        ),
    ])
}

/// Checks combinations of arguments.
pub(crate) fn validate(config: &Value) -> Vec<ArgumentFault> {
    let mut faults = Vec::new();
    let mut fault = |argument: &str, message: String| {
        faults.push(ArgumentFault {
            path: AttributePath::attribute(argument),
            message,
        });
    };
    let given = |name: &str| config.get(name).is_some_and(|value| !value.is_null());
    let ways = ["config_path", "host", "cluster"];
    let chosen: Vec<&str> = ways.into_iter().filter(|name| given(name)).collect();
    if let [first, second, ..] = chosen[..] {
        fault(
            second,
            format!("cannot be given beside {first}: both say where the server is."),
        );
    }
    for name in [
        "cluster_ca_certificate",
        "token_env",
        "token_file",
        "tls_server_name",
        "proxy_url",
    ] {
        if given(name) && !given("host") {
            fault(name, "belongs to host, which is not given.".to_owned());
        }
    }
    if given("token_env") && given("token_file") {
        fault("token_file", "cannot be given beside token_env.".to_owned());
    }
    let variable = config.get("token_env").and_then(Value::as_str);
    if variable.is_some_and(|name| !name.starts_with("KUBE_TOKEN")) {
        fault(
            "token_env",
            "must be KUBE_TOKEN or begin with it: other variables are not read.".to_owned(),
        );
    }
    for name in ["config_context", "allow"] {
        if given(name) && (given("host") || given("cluster")) {
            fault(
                name,
                "belongs to a kubeconfig, and there is none beside host or cluster.".to_owned(),
            );
        }
    }
    let allowed = config.get("allow").and_then(Value::elements);
    for name in allowed.into_iter().flatten().filter_map(Value::as_str) {
        if !PERMISSIONS.contains(&name) {
            let all = PERMISSIONS.join(", ");
            fault(
                "allow",
                format!("has '{}', which is none of {all}.", name.escape_debug()),
            );
        }
    }
    let host = config.get("host").and_then(Value::as_str);
    if let Some(Err(error)) = host.map(Endpoint::new) {
        fault("host", format!("is no server: {error}."));
    }
    let cluster = config.get("cluster").and_then(Value::as_str);
    if let Some(Err(error)) = cluster.map(Address::parse) {
        fault(
            "cluster",
            format!("must be the address of a cluster: {error}."),
        );
    }
    faults
}

/// The connection that a configuration leads to. No call leaves.
///
/// # Errors
///
/// When a file or variable is not there, or says what is not allowed; when the cluster is not ready.
pub(crate) fn connect(
    config: &ProviderConfig,
    context: &ConnectContext,
) -> Result<Connection, ProviderError> {
    let (endpoint, identity) = access(config, context)?;
    Connection::new(&endpoint, identity).map_err(invalid)
}

fn access(
    config: &ProviderConfig,
    context: &ConnectContext,
) -> Result<(Endpoint, Identity), ProviderError> {
    if let Some(address) = config.text("cluster") {
        return of_cluster(address, context);
    }
    let Some(host) = config.text("host") else {
        let access = kubeconfig(config, context)?;
        return Ok((access.endpoint, access.identity));
    };
    let mut endpoint = Endpoint::new(host).map_err(invalid)?;
    if let Some(pem) = config.text("cluster_ca_certificate") {
        endpoint = endpoint.with_authority(pem).map_err(invalid)?;
    }
    if let Some(name) = config.text("tls_server_name") {
        endpoint = endpoint.with_server_name(name).map_err(invalid)?;
    }
    if let Some(proxy) = config.text("proxy_url") {
        endpoint = endpoint.with_proxy(proxy).map_err(invalid)?;
    }
    let identity = match (config.text("token_env"), config.text("token_file")) {
        (Some(name), _) => {
            let token = context.variables.variable(name).ok_or_else(|| {
                credentials(format!("the environment variable {name} holds no token"))
                    .hint(format!("Set {name} to a token of the cluster."))
            })?;
            Identity::token(&token)
        }
        (None, Some(path)) => Identity::token_file(PathBuf::from(path)),
        (None, None) => Identity::anonymous(),
    };
    Ok((endpoint, identity))
}

fn of_cluster(
    address: &str,
    context: &ConnectContext,
) -> Result<(Endpoint, Identity), ProviderError> {
    let parsed = Address::parse(address).map_err(invalid)?;
    let access: Arc<dyn ClusterAccess> = context.clusters.access(&parsed)?;
    let endpoint = Endpoint::new(access.server())
        .and_then(|endpoint| endpoint.with_authority(access.certificate_authority()))
        .map_err(invalid)?;
    Ok((endpoint, Identity::of_cluster(access)))
}

fn kubeconfig(config: &ProviderConfig, context: &ConnectContext) -> Result<Access, ProviderError> {
    let paths = match config.text("config_path") {
        Some(path) => vec![PathBuf::from(path)],
        None => default_kubeconfigs(context.variables.as_ref())?,
    };
    let kubeconfig = read(&paths)?;
    let allowed = config
        .values
        .get("allow")
        .and_then(serde_json::Value::as_array);
    let allows = |name: &str| allowed.is_some_and(|all| all.iter().any(|one| one == name));
    let allowed = Allowed {
        exec: allows("exec"),
        files: allows("files"),
        insecure: allows("insecure"),
        proxy: allows("proxy"),
    };
    let access = kubeconfig.access(config.text("config_context"), allowed);
    access.map_err(|error| unusable(&listed(&paths), &error))
}

/// The kubeconfigs at these paths as one. Of several some may be missing.
fn read(paths: &[PathBuf]) -> Result<Kubeconfig, ProviderError> {
    let mut files = Vec::new();
    for path in paths {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                let message = format!("the kubeconfig {} cannot be read: {error}", path.display());
                return Err(invalid(message));
            }
        };
        let directory = path.parent().unwrap_or(Path::new("."));
        let file = Kubeconfig::parse(&text, directory);
        files.push(file.map_err(|error| unusable(&path.display().to_string(), &error))?);
    }
    if files.is_empty() {
        return Err(invalid(format!("there is no kubeconfig {}", listed(paths)))
            .hint("Set KUBECONFIG or config_path to one that is there."));
    }
    Ok(Kubeconfig::merged(files))
}

fn listed(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(", ")
}

fn unusable(path: &str, error: &KubeconfigError) -> ProviderError {
    let unusable = invalid(format!("the kubeconfig {path}: {}", chain(error)));
    match error {
        KubeconfigError::Refused { refused } => unusable.hint(permitting(refused)),
        KubeconfigError::Missing {
            what: "context",
            available,
            ..
        } if !available.is_empty() => unusable.hint("Name one of them with config_context."),
        _ => unusable,
    }
}

/// How what was refused can be allowed.
fn permitting(refused: &[Refusal]) -> String {
    let names: BTreeSet<&str> = refused.iter().map(|refusal| refusal.permission).collect();
    let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    format!(
        "If the file is to be trusted so far, write allow = [{}] in the provider block.",
        names.join(", ")
    )
}

/// The files that are taken where none is named, the first of them counting most.
fn default_kubeconfigs(variables: &dyn Variables) -> Result<Vec<PathBuf>, ProviderError> {
    let given = variables.variable("KUBECONFIG").unwrap_or_default();
    let paths = std::env::split_paths(&given).filter(|path| !path.as_os_str().is_empty());
    let paths: Vec<PathBuf> = paths.collect();
    if !paths.is_empty() {
        return Ok(paths);
    }
    let home = variables.variable("HOME").ok_or_else(|| {
        credentials("there is no home directory to find a kubeconfig in".to_owned())
            .hint("Give config_path, or set KUBECONFIG.")
    })?;
    Ok(vec![PathBuf::from(home).join(".kube/config")])
}

fn credentials(message: String) -> ProviderError {
    ProviderError::new(ProviderErrorKind::Credentials, message)
}

fn invalid(error: impl std::fmt::Display) -> ProviderError {
    ProviderError::new(ProviderErrorKind::Invalid, error.to_string())
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug)]
    struct Set(BTreeMap<&'static str, String>);

    impl Variables for Set {
        fn variable(&self, name: &str) -> Option<String> {
            self.0.get(name).cloned()
        }
    }

    #[test]
    fn a_kubeconfig_may_be_several_files() {
        let of = |text: &str| {
            let set = [
                ("KUBECONFIG", text.to_owned()),
                ("HOME", "/home/me".to_owned()),
            ];
            listed(&default_kubeconfigs(&Set(set.into())).unwrap())
        };
        assert_eq!(of("/a"), "/a");
        assert_eq!(of("/a:"), "/a");
        assert_eq!(of(""), "/home/me/.kube/config");
        assert_eq!(of(":/a::b"), "/a, b");
    }

    #[test]
    fn of_several_kubeconfigs_some_may_be_missing() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let context = |name: &str| format!("contexts: [{{name: {name}, context: {{}}}}]");
        std::fs::write(path("a"), context("one")).unwrap();
        std::fs::write(path("c"), context("two")).unwrap();
        let both = read(&[path("a"), path("b"), path("c")]).unwrap();
        assert_eq!(both.contexts(), ["one", "two"]);
        let none = read(&[path("x"), path("y")]).unwrap_err();
        assert_eq!(none.kind, ProviderErrorKind::Invalid);
        let (x, y) = (path("x"), path("y"));
        assert_eq!(
            none.message,
            format!("there is no kubeconfig {}, {}", x.display(), y.display())
        );
        std::fs::write(path("b"), "kind: Deployment").unwrap();
        let broken = read(&[path("a"), path("b")]).unwrap_err();
        let begin = format!(
            "the kubeconfig {}: this is no kubeconfig",
            path("b").display()
        );
        assert!(broken.message.starts_with(&begin), "{broken}");
    }

    #[test]
    fn what_is_wrong_says_what_to_do() {
        let missing = read(&["/x/y".into()]).unwrap_err();
        assert_eq!(missing.message, "there is no kubeconfig /x/y");
        assert!(
            missing
                .hint
                .is_some_and(|hint| hint.contains("config_path"))
        );
        let refusal = |permission| Refusal {
            field: "users[u].user".to_owned(),
            permission,
        };
        let hint = permitting(&[refusal("files"), refusal("exec"), refusal("files")]);
        assert!(hint.contains("allow = [\"exec\", \"files\"]"), "{hint}");
    }
}
