//! Bringing a commit into the cache.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use git2::{
    AutotagOption, Cred, CredentialType, Direction, ErrorClass, ErrorCode, FetchOptions, Oid,
    RemoteCallbacks, RemoteRedirect, Repository, RepositoryInitOptions,
};

use crate::address::{self, Allowed, Resolver, SystemResolver};
use crate::error::{GitError, quoted};
use crate::setup::ready;
use crate::source::{RemoteUrl, Scheme, Source};
use crate::tree::{Limits, SourceTree};

/// The largest pack that is received, in bytes.
const PACK_LIMIT: usize = 512 * 1024 * 1024;

/// How far a fetch is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Objects received so far.
    pub received_objects: usize,
    /// Objects in all.
    pub total_objects: usize,
    /// Bytes received so far.
    pub received_bytes: usize,
}

/// A user name and a password or token for one host.
#[derive(Clone)]
pub struct HttpsCredential {
    /// The user; many hosts take any with a token.
    pub user: String,
    /// The password or token.
    pub secret: String,
}

impl fmt::Debug for HttpsCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpsCredential")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// What proves who is asking.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// By host, as the URL names it in lower case.
    pub https: BTreeMap<String, HttpsCredential>,
    /// Private keys that are tried after those of the agent, in order: `~/.ssh/id_ed25519` and the like. They have no
    /// passphrase.
    pub ssh_keys: Vec<PathBuf>,
    /// Whether the running SSH agent is asked.
    pub ssh_agent: bool,
}

/// How sources are fetched.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where fetched repositories are kept, one directory each. Losing it costs another fetch.
    pub cache: PathBuf,
    /// Hosts that may be reached without encryption or on this machine.
    pub allowed: Allowed,
    /// Who is asking.
    pub credentials: Credentials,
    /// Finds the hosts' addresses.
    pub resolver: Arc<dyn Resolver>,
    /// How large a source may be.
    pub limits: Limits,
}

impl Settings {
    /// Settings that allow nothing but public access to hosts elsewhere.
    pub fn new(cache: PathBuf) -> Self {
        Settings {
            cache,
            allowed: Allowed::default(),
            credentials: Credentials::default(),
            resolver: Arc::new(SystemResolver),
            limits: Limits::default(),
        }
    }
}

/// A source at one commit.
#[derive(Debug)]
pub struct Fetched {
    /// The commit, 40 hexadecimal digits.
    pub commit: String,
    /// Its files.
    pub tree: SourceTree,
}

/// Fetches a source: finds the commit that its revision names now and makes sure that the cache has it.
///
/// A revision that is a whole commit id is not asked for again once the cache has it, so that what was fetched when
/// planning is there when applying, whatever became of the server. `progress` is called now and then, and ends the
/// fetch by answering [`ControlFlow::Break`].
///
/// # Errors
///
/// See [`GitError`]. The cache is as good afterwards as it was before.
pub fn fetch(
    source: &Source,
    settings: &Settings,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Fetched, GitError> {
    ready();
    let url = &source.url;
    let repository = open_cache(&settings.cache, url)?;
    let pinned = source.revision.as_deref().filter(|text| is_commit_id(text));
    let commit = match pinned.and_then(|text| find_commit(&repository, text)) {
        Some(commit) => commit,
        None => {
            address::check(url, &settings.allowed, settings.resolver.as_ref())?;
            let session = Session {
                url,
                settings,
                repository: &repository,
                seen: Mutex::default(),
            };
            session.fetch(source.revision.as_deref(), progress)?
        }
    };
    Ok(Fetched {
        commit: commit.to_string(),
        tree: SourceTree::new(repository, commit, url.to_string(), settings.limits)?,
    })
}

/// Opens the cache's repository for a URL, and makes it where there is none.
fn open_cache(cache: &Path, url: &RemoteUrl) -> Result<Repository, GitError> {
    let name = blake3::hash(url.as_str().as_bytes()).to_hex();
    let path = cache.join(format!("{}.git", &name[..32]));
    let fail = |error: Box<dyn std::error::Error + Send + Sync>| {
        GitError::failed("making a cache for", url.as_str(), error)
    };
    make_private(cache).map_err(|error| fail(error.into()))?;
    let mut options = RepositoryInitOptions::new();
    options.bare(true).external_template(false).no_reinit(false);
    let repository = Repository::init_opts(&path, &options).map_err(|error| fail(error.into()))?;
    let mut config = repository.config().map_err(|error| fail(error.into()))?;
    // The list of references is asked for with this setting; the fetch itself is told.
    config
        .set_bool("http.followRedirects", false)
        .map_err(|error| fail(error.into()))?;
    Ok(repository)
}

fn make_private(path: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn is_commit_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The commit that an id names, annotated tags followed, when the cache has it.
fn find_commit(repository: &Repository, id: &str) -> Option<Oid> {
    let object = repository.find_object(Oid::from_str(id).ok()?, None).ok()?;
    object.peel_to_commit().ok().map(|commit| commit.id())
}

/// What was seen on the way, for messages.
#[derive(Debug, Default)]
struct Seen {
    /// The SSH server's key.
    fingerprint: Option<String>,
    /// How often credentials were asked for.
    asked: usize,
    interrupted: bool,
    too_large: bool,
}

/// One conversation with a server.
struct Session<'s> {
    url: &'s RemoteUrl,
    settings: &'s Settings,
    repository: &'s Repository,
    seen: Mutex<Seen>,
}

/// A reference as the server lists it.
struct Head {
    name: String,
    id: Oid,
}

/// What is asked of the server.
struct Wanted {
    /// The commit or annotated tag.
    id: Oid,
    /// What the server is asked for: a reference's name or an id.
    spec: String,
}

impl Session<'_> {
    fn fetch(
        &self,
        revision: Option<&str>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Oid, GitError> {
        let mut remote = self
            .repository
            .remote_anonymous(self.url.as_str())
            .map_err(|error| self.fault(error))?;
        let mut connection = remote
            .connect_auth(Direction::Fetch, Some(self.callbacks()), None)
            .map_err(|error| self.fault(error))?;
        let listed = connection.list().map_err(|error| self.fault(error))?;
        let heads: Vec<Head> = listed
            .iter()
            .map(|head| Head {
                name: head.name().to_owned(),
                id: head.oid(),
            })
            .collect();
        let unknown = || GitError::UnknownRevision {
            url: self.url.to_string(),
            revision: quoted(revision.unwrap_or("HEAD")),
        };
        let wanted = choose(revision, &heads).ok_or_else(unknown)?;
        if let Some(commit) = find_commit(self.repository, &wanted.id.to_string()) {
            return Ok(commit);
        }
        let mut options = FetchOptions::new();
        options
            .remote_callbacks(self.callbacks_with(progress))
            .follow_redirects(RemoteRedirect::None)
            .download_tags(AutotagOption::None)
            .update_fetchhead(false)
            .depth(1);
        let downloaded = connection
            .remote()
            .download(&[wanted.spec.as_str()], Some(&mut options));
        match find_commit(self.repository, &wanted.id.to_string()) {
            Some(commit) => Ok(commit),
            None => match downloaded {
                Ok(()) => Err(unknown()),
                Err(error) => Err(self.fault(error)),
            },
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn callbacks(&self) -> RemoteCallbacks<'_> {
        let mut callbacks = RemoteCallbacks::new();
        callbacks.credentials(|_, user, kinds| self.credential(user, kinds));
        callbacks.certificate_check(|certificate, _| {
            if let Some(hash) = certificate
                .as_hostkey()
                .and_then(|key| key.hash_sha256().copied())
            {
                let hash = base64::engine::general_purpose::STANDARD_NO_PAD.encode(hash);
                self.seen().fingerprint = Some(format!("SHA256:{hash}"));
            }
            // The library has looked into known_hosts, or checked the chain of a TLS certificate: its word counts.
            Ok(git2::CertificateCheckStatus::CertificatePassthrough)
        });
        callbacks
    }

    fn callbacks_with<'c>(
        &'c self,
        progress: &'c mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> RemoteCallbacks<'c> {
        let mut callbacks = self.callbacks();
        callbacks.transfer_progress(move |stats| {
            let mut seen = self.seen();
            seen.too_large |= stats.received_bytes() > PACK_LIMIT;
            seen.interrupted |= progress(Progress {
                received_objects: stats.received_objects(),
                total_objects: stats.total_objects(),
                received_bytes: stats.received_bytes(),
            })
            .is_break();
            !seen.too_large && !seen.interrupted
        });
        callbacks
    }

    /// Offers what is at hand, one after the other, and nothing twice.
    fn credential(&self, user: Option<&str>, kinds: CredentialType) -> Result<Cred, git2::Error> {
        let user = user.or(self.url.user()).unwrap_or("git");
        if kinds.contains(CredentialType::USERNAME) {
            return Cred::username(user);
        }
        let mut seen = self.seen();
        let attempt = seen.asked;
        seen.asked += 1;
        let credentials = &self.settings.credentials;
        if self.url.scheme() != Scheme::Ssh {
            let own = credentials
                .https
                .get(self.url.host())
                .filter(|_| attempt == 0);
            return match own {
                Some(own) => Cred::userpass_plaintext(&own.user, &own.secret),
                None => Err(exhausted()),
            };
        }
        if !kinds.contains(CredentialType::SSH_KEY) {
            return Err(exhausted());
        }
        let agents = usize::from(credentials.ssh_agent);
        if attempt < agents {
            return Cred::ssh_key_from_agent(user);
        }
        let mut keys = credentials.ssh_keys.iter().filter(|key| key.is_file());
        match keys.nth(attempt - agents) {
            Some(key) => Cred::ssh_key(user, None, key, None),
            None => Err(exhausted()),
        }
    }

    /// Says in our own words why the library gave up.
    fn fault(&self, error: git2::Error) -> GitError {
        let seen = self.seen();
        let url = self.url.to_string();
        if seen.interrupted {
            return GitError::Interrupted { url };
        }
        if seen.too_large {
            return GitError::TooLarge(format!("{url} sends more than {PACK_LIMIT} bytes"));
        }
        if let (ErrorCode::Certificate, Some(fingerprint)) = (error.code(), &seen.fingerprint) {
            return GitError::UnknownHostKey {
                host: self.url.host().to_owned(),
                fingerprint: fingerprint.clone(),
            };
        }
        if error.code() == ErrorCode::Auth {
            return GitError::Credentials { url, source: error };
        }
        if error.message().contains("redirect") {
            return GitError::NotAllowed {
                text: quoted(&url),
                reason: format!("its server sends on to another place ({})", error.message()),
            };
        }
        GitError::failed("fetching", url, error)
    }
}

fn exhausted() -> git2::Error {
    git2::Error::new(
        ErrorCode::Auth,
        ErrorClass::Callback,
        "no credentials are left",
    )
}

/// Finds the reference that a revision names: tags before branches, as Git does.
fn choose(revision: Option<&str>, heads: &[Head]) -> Option<Wanted> {
    let named = |name: &str| {
        heads
            .iter()
            .find(|head| head.name == name)
            .map(|head| Wanted {
                id: head.id,
                spec: head.name.clone(),
            })
    };
    let Some(revision) = revision else {
        return named("HEAD");
    };
    if is_commit_id(revision) {
        let id = Oid::from_str(revision).ok()?;
        // A server gives out a reference's commit to everyone; whether it gives out others is up to it.
        let head = heads
            .iter()
            .find(|head| head.id == id && !head.name.ends_with("^{}"));
        let spec = head.map_or_else(|| id.to_string(), |head| head.name.clone());
        return Some(Wanted { id, spec });
    }
    let full = revision
        .starts_with("refs/")
        .then(|| named(revision))
        .flatten();
    full.or_else(|| named(&format!("refs/tags/{revision}")))
        .or_else(|| named(&format!("refs/heads/{revision}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(revision: Option<&str>, expected: Option<&str>) {
        let id = |digit: &str| Oid::from_str(&digit.repeat(40)).unwrap();
        let heads = [
            ("HEAD", "1"),
            ("refs/heads/main", "1"),
            ("refs/heads/v1", "2"),
            ("refs/tags/v1", "3"),
            ("refs/tags/v1^{}", "4"),
        ];
        let heads = heads.map(|(name, digit)| Head {
            name: name.to_owned(),
            id: id(digit),
        });
        let found = choose(revision, &heads).map(|wanted| wanted.spec);
        assert_eq!(found.as_deref(), expected, "{revision:?}");
    }

    #[test]
    fn revisions_are_found() {
        let (second, fourth, ninth) = ("2".repeat(40), "4".repeat(40), "9".repeat(40));
        check(None, Some("HEAD"));
        check(Some("main"), Some("refs/heads/main"));
        check(Some("v1"), Some("refs/tags/v1"));
        check(Some("refs/heads/v1"), Some("refs/heads/v1"));
        check(Some("v2"), None);
        check(Some(&second), Some("refs/heads/v1"));
        check(Some(&fourth), Some(&fourth));
        check(Some(&ninth), Some(&ninth));
    }
}
