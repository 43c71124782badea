//! Reading kubeconfig files, which may come from anywhere.
//!
//! A kubeconfig can make its reader run a program, send a file to a server, or take any server for the right one. None of
//! that is done unless it is allowed by name; what is refused is named with its place in the file. What a file holds
//! that is not used is not looked at.

mod merged;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::endpoint::{Endpoint, EndpointError};
use crate::exec::{self, Plugin};
use crate::identity::{ActAs, Identity};

/// How long a kubeconfig may be, in bytes.
const LONGEST: usize = 4 << 20;

/// What a kubeconfig may do beyond naming a server and who asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a permission of its own that a user gives by name"
)]
pub struct Allowed {
    /// Run a program that gives tokens.
    pub exec: bool,
    /// Name files, which are read: certificates, keys, tokens.
    pub files: bool,
    /// Switch off that the server's certificate is checked.
    pub insecure: bool,
    /// Send requests through a proxy.
    pub proxy: bool,
}

/// Something in a kubeconfig that needs a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its place, such as `users[dev].user.exec`.
    pub field: String,
    /// The field of [`Allowed`] that allows it.
    pub permission: &'static str,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.field, self.permission)
    }
}

/// Why a kubeconfig gives no access.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KubeconfigError {
    /// It is not one.
    #[error("this is no kubeconfig: {reason}")]
    Syntax {
        /// What is wrong, without what it holds.
        reason: String,
    },
    /// It names a context, cluster or user that it does not have, or none.
    #[error("{}", lacking(what, name, available))]
    Missing {
        /// `context`, `cluster` or `user`.
        what: &'static str,
        /// Its name; empty when none is chosen.
        name: String,
        /// Those that it has.
        available: Vec<String>,
    },
    /// Two have one name.
    #[error("it has two {what}s {name:?}")]
    Double {
        /// `context`, `cluster` or `user`.
        what: &'static str,
        /// Their name.
        name: String,
    },
    /// It does what is not allowed.
    #[error("it does what is not allowed: {}", listed(refused))]
    Refused {
        /// All of it.
        refused: Vec<Refusal>,
    },
    /// It asks for what is not supported.
    #[error("{field} is not supported")]
    Unsupported {
        /// The place.
        field: String,
    },
    /// Something in it cannot be used.
    #[error("{field} cannot be used: {reason}")]
    Unusable {
        /// The place.
        field: String,
        /// Why, without the value.
        reason: String,
    },
    /// A file that it names cannot be read.
    #[error("{field} names {}, which cannot be read", path.display())]
    File {
        /// The place.
        field: String,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The server, its certificate or its proxy cannot be used.
    #[error("its cluster {cluster:?} cannot be used")]
    Endpoint {
        /// The cluster.
        cluster: String,
        /// Why.
        #[source]
        source: EndpointError,
    },
}

fn lacking(what: &str, name: &str, available: &[String]) -> String {
    let known = match available {
        [] => String::new(),
        available => format!("; it has {}", available.join(", ")),
    };
    match (name.is_empty(), what) {
        (true, _) if available.is_empty() => format!("it has no {what}s"),
        (true, "context") => format!("none of its contexts is chosen{known}"),
        (true, _) => format!("its context names no {what}{known}"),
        (false, _) => format!("it has no {what} {name:?}{known}"),
    }
}

fn listed(refused: &[Refusal]) -> String {
    let refused: Vec<String> = refused.iter().map(Refusal::to_string).collect();
    refused.join(", ")
}

/// What a context of a kubeconfig gives.
#[derive(Debug, Clone)]
pub struct Access {
    /// Where the server is.
    pub endpoint: Endpoint,
    /// Who asks.
    pub identity: Identity,
    /// The namespace of objects that name none.
    pub namespace: Option<String>,
}

/// A kubeconfig that was read, or several as one.
pub struct Kubeconfig {
    parts: Vec<Part>,
}

/// What one file holds, and where it is.
struct Part {
    file: File,
    directory: PathBuf,
}

impl fmt::Debug for Kubeconfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kubeconfig")
            .field("contexts", &self.contexts())
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    kind: Option<String>,
    current_context: Option<String>,
    contexts: Option<Vec<NamedContext>>,
    clusters: Option<Vec<NamedCluster>>,
    users: Option<Vec<NamedUser>>,
}

impl File {
    fn context_names(&self) -> Vec<&str> {
        let contexts = self.contexts.iter().flatten();
        contexts.map(|context| context.name.as_str()).collect()
    }

    fn cluster_names(&self) -> Vec<&str> {
        let clusters = self.clusters.iter().flatten();
        clusters.map(|cluster| cluster.name.as_str()).collect()
    }

    fn user_names(&self) -> Vec<&str> {
        let users = self.users.iter().flatten();
        users.map(|user| user.name.as_str()).collect()
    }
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Deserialize)]
struct Context {
    cluster: Option<String>,
    user: Option<String>,
    namespace: Option<String>,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    cluster: Cluster,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: Option<String>,
    tls_server_name: Option<String>,
    insecure_skip_tls_verify: Option<bool>,
    certificate_authority: Option<String>,
    certificate_authority_data: Option<String>,
    proxy_url: Option<String>,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    user: Option<User>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    client_certificate: Option<String>,
    client_certificate_data: Option<String>,
    client_key: Option<String>,
    client_key_data: Option<String>,
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<String>,
    username: Option<IgnoredAny>,
    password: Option<IgnoredAny>,
    #[serde(rename = "as")]
    act_as: Option<String>,
    as_uid: Option<String>,
    as_groups: Option<Vec<String>>,
    as_user_extra: Option<IgnoredAny>,
    auth_provider: Option<IgnoredAny>,
    exec: Option<Exec>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exec {
    api_version: Option<String>,
    command: String,
    args: Option<Vec<String>>,
    env: Option<Vec<Variable>>,
    interactive_mode: Option<String>,
    provide_cluster_info: Option<bool>,
}

#[derive(Deserialize)]
struct Variable {
    name: String,
    value: String,
}

impl Kubeconfig {
    /// Reads the text of a kubeconfig. Files that it names are looked for from its directory.
    ///
    /// # Errors
    ///
    /// When it is no kubeconfig, or has two of one name.
    pub fn parse(text: &str, directory: &Path) -> Result<Self, KubeconfigError> {
        let wrong = |reason: &str| KubeconfigError::Syntax {
            reason: reason.to_owned(),
        };
        if text.len() > LONGEST {
            return Err(wrong("it is longer than 4 MiB"));
        }
        let file: File = serde_saphyr::from_str(text).map_err(|error| wrong(&place(&error)))?;
        if file.kind.as_deref().is_some_and(|kind| kind != "Config") {
            return Err(wrong("its kind is another than Config"));
        }
        unique("context", file.context_names())?;
        unique("cluster", file.cluster_names())?;
        unique("user", file.user_names())?;
        let part = Part {
            file,
            directory: directory.to_owned(),
        };
        Ok(Self { parts: vec![part] })
    }

    /// What a context gives, or the current one. Programs that it names are not run yet.
    ///
    /// # Errors
    ///
    /// When there is no such context, when it does what is not allowed (all of that at once), or cannot be used.
    pub fn access(
        &self,
        context: Option<&str>,
        allowed: Allowed,
    ) -> Result<Access, KubeconfigError> {
        let name = context.or(self.current()).unwrap_or_default();
        let Some(context) = self.context(name) else {
            return Err(missing("context", name, self.contexts()));
        };
        let cluster_name = context.cluster.as_deref().unwrap_or_default();
        let Some((cluster, beside_cluster)) = self.cluster(cluster_name) else {
            return Err(missing("cluster", cluster_name, self.cluster_names()));
        };
        let user_name = context.user.as_deref().unwrap_or_default();
        let user = self.user(user_name);
        if user.is_none() && !user_name.is_empty() {
            return Err(missing("user", user_name, self.user_names()));
        }
        let nobody = User::default();
        let beside_user = user.map_or(Path::new(""), |(_, directory)| directory);
        let user = user.and_then(|(user, _)| user.user.as_ref());
        let user = user.unwrap_or(&nobody);
        let reader = Reader {
            beside_cluster,
            beside_user,
            cluster: format!("clusters[{cluster_name}].cluster"),
            user: format!("users[{user_name}].user"),
        };
        reader.check(&cluster.cluster, user, allowed)?;
        let endpoint = reader.endpoint(&cluster.cluster)?;
        Ok(Access {
            endpoint: endpoint.map_err(|source| KubeconfigError::Endpoint {
                cluster: cluster_name.to_owned(),
                source,
            })?,
            identity: reader.identity(user)?,
            namespace: context.namespace.clone().filter(|name| !name.is_empty()),
        })
    }
}

/// Reads a cluster and a user, and says where something is wrong.
struct Reader<'a> {
    /// Where files are looked for that the cluster names, and those that the user names.
    beside_cluster: &'a Path,
    beside_user: &'a Path,
    cluster: String,
    user: String,
}

/// A field that counts: an empty text is none.
fn given(field: Option<&String>) -> Option<&str> {
    field.map(String::as_str).filter(|text| !text.is_empty())
}

impl Reader<'_> {
    /// Refuses what is not allowed or not supported.
    fn check(
        &self,
        cluster: &Cluster,
        user: &User,
        allowed: Allowed,
    ) -> Result<(), KubeconfigError> {
        let in_cluster = |name: &str| format!("{}.{name}", self.cluster);
        let in_user = |name: &str| format!("{}.{name}", self.user);
        let authority_file = cluster.certificate_authority_data.is_none()
            && given(cluster.certificate_authority.as_ref()).is_some();
        let certificate_file = user.client_certificate_data.is_none()
            && given(user.client_certificate.as_ref()).is_some();
        let key_file = user.client_key_data.is_none() && given(user.client_key.as_ref()).is_some();
        let does = [
            (
                authority_file,
                in_cluster("certificate-authority"),
                "files",
                allowed.files,
            ),
            (
                cluster.insecure_skip_tls_verify == Some(true),
                in_cluster("insecure-skip-tls-verify"),
                "insecure",
                allowed.insecure,
            ),
            (
                given(cluster.proxy_url.as_ref()).is_some(),
                in_cluster("proxy-url"),
                "proxy",
                allowed.proxy,
            ),
            (
                certificate_file,
                in_user("client-certificate"),
                "files",
                allowed.files,
            ),
            (key_file, in_user("client-key"), "files", allowed.files),
            (
                given(user.token_file.as_ref()).is_some(),
                in_user("tokenFile"),
                "files",
                allowed.files,
            ),
            (user.exec.is_some(), in_user("exec"), "exec", allowed.exec),
        ];
        let refused: Vec<Refusal> = does
            .into_iter()
            .filter(|(does, _, _, allowed)| *does && !allowed)
            .map(|(_, field, permission, _)| Refusal { field, permission })
            .collect();
        if !refused.is_empty() {
            return Err(KubeconfigError::Refused { refused });
        }
        for (has, name) in [
            (user.auth_provider.is_some(), "auth-provider"),
            (user.username.is_some(), "username"),
            (user.password.is_some(), "password"),
            (user.as_user_extra.is_some(), "as-user-extra"),
        ] {
            if has {
                return Err(KubeconfigError::Unsupported {
                    field: in_user(name),
                });
            }
        }
        Ok(())
    }

    fn endpoint(
        &self,
        cluster: &Cluster,
    ) -> Result<Result<Endpoint, EndpointError>, KubeconfigError> {
        let field = format!("{}.certificate-authority", self.cluster);
        let authority = pem(
            (&field, self.beside_cluster),
            cluster.certificate_authority_data.as_ref(),
            cluster.certificate_authority.as_ref(),
        )?;
        let made = || {
            let mut endpoint = Endpoint::new(given(cluster.server.as_ref()).unwrap_or_default())?;
            if let Some(authority) = &authority {
                endpoint = endpoint.with_authority(authority)?;
            }
            if let Some(name) = given(cluster.tls_server_name.as_ref()) {
                endpoint = endpoint.with_server_name(name)?;
            }
            if let Some(proxy) = given(cluster.proxy_url.as_ref()) {
                endpoint = endpoint.with_proxy(proxy)?;
            }
            if cluster.insecure_skip_tls_verify == Some(true) {
                endpoint = endpoint.unverified();
            }
            Ok(endpoint)
        };
        Ok(made())
    }

    /// As `kubectl` does it, a token goes before its file, and both before a program.
    fn identity(&self, user: &User) -> Result<Identity, KubeconfigError> {
        let mut identity = if let Some(token) = given(user.token.as_ref()) {
            Identity::token(token)
        } else if let Some(path) = given(user.token_file.as_ref()) {
            Identity::token_file(self.beside_user.join(path))
        } else if let Some(exec) = &user.exec {
            Identity::plugin(self.plugin(exec)?)
        } else {
            Identity::anonymous()
        };
        let chain = pem(
            (
                &format!("{}.client-certificate", self.user),
                self.beside_user,
            ),
            user.client_certificate_data.as_ref(),
            user.client_certificate.as_ref(),
        )?;
        let key = pem(
            (&format!("{}.client-key", self.user), self.beside_user),
            user.client_key_data.as_ref(),
            user.client_key.as_ref(),
        )?;
        match (chain, key) {
            (Some(chain), Some(key)) => identity = identity.with_certificate(&chain, key),
            (None, None) => {}
            (Some(_), None) | (None, Some(_)) => {
                return Err(self.unusable("client-certificate", "it and client-key go together"));
            }
        }
        if let Some(act_as) = given(user.act_as.as_ref()) {
            identity = identity.acting_as(ActAs {
                user: act_as.to_owned(),
                uid: user.as_uid.clone(),
                groups: user.as_groups.clone().unwrap_or_default(),
            });
        } else if user.as_uid.is_some() || user.as_groups.is_some() {
            return Err(self.unusable("as", "its uid and groups need a user"));
        }
        Ok(identity)
    }

    fn plugin(&self, exec: &Exec) -> Result<Plugin, KubeconfigError> {
        let version = exec.api_version.clone().unwrap_or_default();
        if !exec::VERSIONS.contains(&version.as_str()) {
            let reason = format!("its apiVersion is none of {}", exec::VERSIONS.join(", "));
            return Err(self.unusable("exec", &reason));
        }
        if exec.interactive_mode.as_deref() == Some("Always") {
            return Err(self.unusable("exec", "it needs a terminal to ask on"));
        }
        if exec.provide_cluster_info == Some(true) {
            return Err(KubeconfigError::Unsupported {
                field: format!("{}.exec.provideClusterInfo", self.user),
            });
        }
        // A name alone is looked up on the search path, a path begins at the file that names it.
        let program = if exec.command.contains('/') {
            self.beside_user.join(&exec.command)
        } else {
            PathBuf::from(&exec.command)
        };
        let environment = exec.env.iter().flatten();
        let environment: BTreeMap<_, _> = environment
            .map(|variable| (variable.name.clone(), variable.value.clone()))
            .collect();
        Ok(Plugin {
            version,
            program,
            arguments: exec.args.clone().unwrap_or_default(),
            environment,
        })
    }

    fn unusable(&self, field: &str, reason: &str) -> KubeconfigError {
        KubeconfigError::Unusable {
            field: format!("{}.{field}", self.user),
            reason: reason.to_owned(),
        }
    }
}

/// A PEM text that is written down in base64, or else in a file, which is looked for from a directory.
fn pem(
    (field, directory): (&str, &Path),
    data: Option<&String>,
    path: Option<&String>,
) -> Result<Option<Zeroizing<String>>, KubeconfigError> {
    if let Some(data) = data {
        let compact: String = data.split_whitespace().collect();
        let bytes = STANDARD.decode(Zeroizing::new(compact).as_bytes()).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| KubeconfigError::Unusable {
            field: format!("{field}-data"),
            reason: "it is no text in base64".to_owned(),
        })?;
        return Ok(Some(Zeroizing::new(text)).filter(|text| !text.is_empty()));
    }
    let Some(path) = given(path) else {
        return Ok(None);
    };
    let path = directory.join(path);
    let text = fs::read_to_string(&path).map_err(|source| KubeconfigError::File {
        field: field.to_owned(),
        path,
        source,
    })?;
    Ok(Some(Zeroizing::new(text)))
}

/// Where the text is wrong. The words of the parser may quote it.
fn place(error: &serde_saphyr::Error) -> String {
    match error.location() {
        Some(location) => format!("line {}, column {}", location.line(), location.column()),
        None => "it cannot be read".to_owned(),
    }
}

fn missing(what: &'static str, name: &str, available: Vec<&str>) -> KubeconfigError {
    KubeconfigError::Missing {
        what,
        name: name.to_owned(),
        available: available.into_iter().map(str::to_owned).collect(),
    }
}

fn unique(what: &'static str, mut names: Vec<&str>) -> Result<(), KubeconfigError> {
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(KubeconfigError::Double {
            what,
            name: pair[0].to_owned(),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kubeconfig of one cluster and one user with these fields.
    fn config(cluster: &str, user: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: dev\n\
             contexts: [{{name: dev, context: {{cluster: c, user: u, namespace: apps}}}}]\n\
             clusters: [{{name: c, cluster: {{server: 'https://a.example:6443', {cluster}}}}}]\n\
             users: [{{name: u, user: {{{user}}}}}]\n"
        )
    }

    fn access(text: &str, allowed: Allowed) -> Result<Access, KubeconfigError> {
        Kubeconfig::parse(text, Path::new("/etc/strata"))?.access(None, allowed)
    }

    fn reason(text: &str, allowed: Allowed) -> String {
        access(text, allowed).unwrap_err().to_string()
    }

    const ALL: Allowed = Allowed {
        exec: true,
        files: true,
        insecure: true,
        proxy: true,
    };

    #[test]
    fn the_current_context_gives_server_and_user() {
        let read = access(
            &config("tls-server-name: b.example", "token: t, as: other"),
            Allowed::default(),
        );
        let read = read.unwrap();
        assert_eq!(read.endpoint.server(), "https://a.example:6443");
        assert_eq!(read.namespace.as_deref(), Some("apps"));
        assert!(format!("{:?}", read.endpoint).contains("b.example"));
        assert!(!format!("{:?}", read.identity).contains("\"t\""));
    }

    #[test]
    fn everything_that_is_not_allowed_is_named_at_once() {
        let text = config(
            "insecure-skip-tls-verify: true, certificate-authority: ca.pem, proxy-url: 'http://p.example'",
            "client-certificate: c.pem, client-key: k.pem, tokenFile: t, exec: {command: aws, apiVersion: x}",
        );
        assert_eq!(
            reason(&text, Allowed::default()),
            "it does what is not allowed: clusters[c].cluster.certificate-authority (files), \
             clusters[c].cluster.insecure-skip-tls-verify (insecure), clusters[c].cluster.proxy-url (proxy), \
             users[u].user.client-certificate (files), users[u].user.client-key (files), \
             users[u].user.tokenFile (files), users[u].user.exec (exec)"
        );
        let some = Allowed {
            files: true,
            proxy: true,
            ..Allowed::default()
        };
        assert_eq!(
            reason(&text, some),
            "it does what is not allowed: clusters[c].cluster.insecure-skip-tls-verify (insecure), \
             users[u].user.exec (exec)"
        );
    }

    #[test]
    fn data_goes_before_a_file_and_needs_no_permission() {
        let text = config(
            "certificate-authority: ca.pem, certificate-authority-data: ''",
            "token: t",
        );
        assert!(access(&text, Allowed::default()).is_ok());
        let text = config("certificate-authority-data: '!'", "token: t");
        assert_eq!(
            reason(&text, Allowed::default()),
            "clusters[c].cluster.certificate-authority-data cannot be used: it is no text in base64"
        );
    }

    #[test]
    fn allowed_files_are_read_from_the_directory_of_the_kubeconfig() {
        let expected = "clusters[c].cluster.certificate-authority names /etc/strata/ca.pem, which cannot be read";
        assert_eq!(
            reason(&config("certificate-authority: ca.pem", "token: t"), ALL),
            expected
        );
    }

    #[test]
    fn what_is_not_supported_is_said() {
        for (user, expected) in [
            (
                "auth-provider: {name: oidc}",
                "users[u].user.auth-provider is not supported",
            ),
            (
                "username: a, password: b",
                "users[u].user.username is not supported",
            ),
            (
                "as-groups: [g]",
                "users[u].user.as cannot be used: its uid and groups need a user",
            ),
            (
                "exec: {command: a, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always}",
                "users[u].user.exec cannot be used: it needs a terminal to ask on",
            ),
            (
                "client-certificate-data: YQ==",
                "users[u].user.client-certificate cannot be used: it and client-key go together",
            ),
        ] {
            assert_eq!(reason(&config("", user), ALL), expected);
        }
    }

    #[test]
    fn names_that_are_not_there_are_shown_with_those_that_are() {
        let text = config("", "token: t");
        let read = Kubeconfig::parse(&text, Path::new("/")).unwrap();
        let error = read.access(Some("prod"), ALL).unwrap_err().to_string();
        assert_eq!(error, "it has no context \"prod\"; it has dev");
        let text = text.replace("user: u,", "user: v,");
        assert_eq!(reason(&text, ALL), "it has no user \"v\"; it has u");
        let twice = text.replace("users: [", "users: [{name: u}, ");
        assert_eq!(reason(&twice, ALL), "it has two users \"u\"");
        assert_eq!(reason("clusters: null", ALL), "it has no contexts");
        let unchosen = "none of its contexts is chosen; it has dev";
        let text = config("", "token: t");
        let without = text.replace("current-context: dev\n", "");
        assert_eq!(reason(&without, ALL), unchosen);
        let read = Kubeconfig::parse(&text, Path::new("/")).unwrap();
        let error = read.access(Some(""), ALL).unwrap_err().to_string();
        assert_eq!(error, unchosen);
        let text = text.replace("cluster: c,", "");
        assert_eq!(reason(&text, ALL), "its context names no cluster; it has c");
    }

    #[test]
    fn broken_files_are_placed_and_not_quoted() {
        let error = reason("users:\n  - name: u\n    user: {token: [hunter2]}\n", ALL);
        assert!(
            error.contains("line 3") && !error.contains("hunter2"),
            "{error}"
        );
        assert!(reason("kind: Deployment", ALL).contains("another than Config"));
    }
}
