//! The text that names a source: `URL//path?ref=REVISION`.

use std::fmt;
use std::str::FromStr;

use crate::error::{GitError, quoted};

/// How a repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `https://`.
    Https,
    /// `http://`, for hosts that the caller allows.
    Http,
    /// `ssh://` or `user@host:path`.
    Ssh,
}

/// A repository's URL, of a form that is safe to hand on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RemoteUrl {
    text: String,
    scheme: Scheme,
    user: Option<String>,
    host: String,
    port: u16,
}

impl RemoteUrl {
    /// How it is reached.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host, without brackets around an IPv6 address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, that of the scheme where none is written.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The user of an SSH URL.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The URL as it was written. It holds no credentials.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where definitions come from: a repository, a directory in it, a revision of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    /// The repository.
    pub url: RemoteUrl,
    /// The directory in it, with `/` between names; empty for the repository itself.
    pub path: String,
    /// Branch, tag or commit; `None` for what the server says is the default branch.
    pub revision: Option<String>,
}

impl fmt::Display for Source {
    /// Writes the text that reads back as the same source.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url.text)?;
        if !self.path.is_empty() {
            write!(f, "//{}", self.path)?;
        }
        match &self.revision {
            Some(revision) => write!(f, "?ref={revision}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Source {
    type Err = GitError;

    /// Reads `https://host/repo//path?ref=v1`, `ssh://git@host/repo…` or `git@host:repo…`.
    ///
    /// # Errors
    ///
    /// [`GitError::NotAllowed`] for every other kind of URL, for credentials in it, and for texts that another program
    /// could take for an option or a command; [`GitError::PathLeaves`] for a path that does not stay inside.
    fn from_str(text: &str) -> Result<Self, GitError> {
        let refuse = |reason: &str| GitError::NotAllowed {
            text: quoted(&without_credentials(text)),
            reason: reason.to_owned(),
        };
        check_text(text).map_err(refuse)?;
        let (location, query) = match text.split_once('?') {
            Some((location, query)) => (location, Some(query)),
            None => (text, None),
        };
        let revision = query.map(parse_query).transpose().map_err(refuse)?;
        let (url, path) = match location.split_once("://") {
            Some((scheme, rest)) => parse_url(scheme, rest).map_err(refuse)?,
            None => parse_scp(location).map_err(refuse)?,
        };
        Ok(Source {
            url,
            path: parse_directory(path)?,
            revision,
        })
    }
}

/// The text for a message: a password or token in it is left out.
fn without_credentials(text: &str) -> String {
    let (before, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((user, _)) if !before.is_empty() || user.contains(':') => {
            format!("{before}***{}", &rest[user.len()..])
        }
        Some(_) | None => text.to_owned(),
    }
}

fn check_text(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() > 2048 {
        return Err("it is longer than 2048 bytes");
    }
    if text.starts_with('-') {
        return Err("it looks like an option");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("it contains white space, a control character or a character outside of ASCII");
    }
    if text.contains(['\\', '\'', '"', '`', '$', '#', '<', '>', '|', '^', '{', '}']) {
        return Err("it contains a character that has no place in a URL");
    }
    let lower = text.to_ascii_lowercase();
    if ["%00", "%0a", "%0d", "%2e", "%2f", "%5c"]
        .iter()
        .any(|bad| lower.contains(bad))
    {
        return Err("it contains an encoded separator or period");
    }
    Ok(())
}

fn parse_query(query: &str) -> Result<String, &'static str> {
    let revision = query
        .strip_prefix("ref=")
        .ok_or("only '?ref=' may follow the path")?;
    if revision.is_empty() {
        return Err("its revision is empty");
    }
    let legal = revision
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._-/+@=%".contains(&byte));
    let misleading = revision.starts_with(['-', '/', '.'])
        || revision.ends_with(['/', '.'])
        || revision.contains("..")
        || revision.contains("//")
        || revision.contains("@{")
        || revision.ends_with(".lock");
    match legal && !misleading {
        true => Ok(revision.to_owned()),
        false => Err("its revision is not the name of a branch, tag or commit"),
    }
}

/// Reads what follows the scheme; gives the URL and the directory.
fn parse_url<'t>(scheme: &str, rest: &'t str) -> Result<(RemoteUrl, &'t str), &'static str> {
    let (scheme, default_port) = match scheme {
        "https" => (Scheme::Https, 443),
        "http" => (Scheme::Http, 80),
        "ssh" => (Scheme::Ssh, 22),
        _ => return Err("only https and ssh are"),
    };
    let (authority, path) = rest.split_once('/').ok_or("it names no repository")?;
    let (user, host_and_port) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    let user = check_user(scheme, user)?;
    let (host, port) = parse_host(host_and_port)?;
    let (repository, directory) = split_directory(path);
    if repository.is_empty() || repository.starts_with('-') {
        return Err("it names no repository");
    }
    check_repository(repository)?;
    let name = match scheme {
        Scheme::Https => "https",
        Scheme::Http => "http",
        Scheme::Ssh => "ssh",
    };
    let url = RemoteUrl {
        text: format!("{name}://{authority}/{repository}"),
        scheme,
        user,
        host,
        port: port.unwrap_or(default_port),
    };
    Ok((url, directory))
}

/// Reads `user@host:repository`, the form that Git itself has for SSH.
fn parse_scp(location: &str) -> Result<(RemoteUrl, &str), &'static str> {
    const WHAT: &str = "it is no URL of https or ssh";
    if location.contains("::") {
        return Err("it names a program that fetches it");
    }
    let (user, rest) = location.split_once('@').ok_or(WHAT)?;
    let (host, path) = rest.split_once(':').ok_or(WHAT)?;
    let user = check_user(Scheme::Ssh, Some(user))?;
    let (host, _) = parse_host(host)?;
    let (repository, directory) = split_directory(path);
    if repository.is_empty() || repository.starts_with('-') {
        return Err("it names no repository");
    }
    check_repository(repository)?;
    let url = RemoteUrl {
        text: format!(
            "{}@{host}:{repository}",
            user.as_deref().unwrap_or_default()
        ),
        scheme: Scheme::Ssh,
        user,
        host,
        port: 22,
    };
    Ok((url, directory))
}

fn check_user(scheme: Scheme, user: Option<&str>) -> Result<Option<String>, &'static str> {
    let Some(user) = user else { return Ok(None) };
    if scheme != Scheme::Ssh || user.contains(':') {
        return Err("it contains credentials");
    }
    let legal = user
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    match legal && !user.is_empty() && !user.starts_with('-') {
        true => Ok(Some(user.to_owned())),
        false => Err("its user is not a name"),
    }
}

/// Reads `host`, `host:port`, `[v6]` or `[v6]:port`.
fn parse_host(text: &str) -> Result<(String, Option<u16>), &'static str> {
    const WHAT: &str = "its host is not a name or an address";
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(WHAT)?;
        let address: std::net::Ipv6Addr = host.parse().map_err(|_| WHAT)?;
        let port = match after {
            "" => None,
            _ => Some(after.strip_prefix(':').ok_or(WHAT)?),
        };
        (address.to_string(), port)
    } else {
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        };
        let legal = host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        if host.is_empty() || !legal || host.starts_with(['-', '.']) || host.contains("..") {
            return Err(WHAT);
        }
        (host.to_ascii_lowercase(), port)
    };
    match port {
        None => Ok((host, None)),
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => match port.parse() {
            Ok(0) | Err(_) => Err("its port is out of range"),
            Ok(port) => Ok((host, Some(port))),
        },
        Some(_) => Err("its port is not a number"),
    }
}

fn split_directory(path: &str) -> (&str, &str) {
    path.split_once("//").unwrap_or((path, ""))
}

/// The repository's own path may be absolute on its server, but it goes straight to its goal.
fn check_repository(path: &str) -> Result<(), &'static str> {
    match path.split('/').any(|name| matches!(name, "." | "..")) {
        true => Err("the path of the repository contains '.' or '..'"),
        false => Ok(()),
    }
}

/// Brings the directory into its plain form.
fn parse_directory(path: &str) -> Result<String, GitError> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let path = path.strip_prefix("./").unwrap_or(path);
    let plain = path.is_empty()
        || path
            .split('/')
            .all(|name| !matches!(name, "" | "." | ".." | "~") && !name.contains(['%', ':']));
    match plain && !path.starts_with('/') {
        true => Ok(path.to_owned()),
        false => Err(GitError::PathLeaves { path: quoted(path) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(&str, &str, u16, &str, Option<&str>), &str>) {
        let parsed = text.parse::<Source>();
        let found = match &parsed {
            Ok(source) => Ok((
                source.url.as_str(),
                source.url.host(),
                source.url.port(),
                source.path.as_str(),
                source.revision.as_deref(),
            )),
            Err(error) => Err(error.code().0),
        };
        assert_eq!(found, expected, "{text}");
        if let Ok(source) = parsed {
            assert_eq!(
                source.to_string().parse::<Source>().unwrap(),
                source,
                "{text}"
            );
        }
    }

    #[test]
    fn sources_are_read() {
        let https = "https://git.example.com/acme/infra.git";
        check(
            "https://git.example.com/acme/infra.git",
            Ok((https, "git.example.com", 443, "", None)),
        );
        check(
            "https://git.example.com/acme/infra.git//clusters/prod?ref=v1.2.0",
            Ok((
                https,
                "git.example.com",
                443,
                "clusters/prod",
                Some("v1.2.0"),
            )),
        );
        check(
            "https://GIT.example.com:8443/a//./b/?ref=feature/x",
            Ok((
                "https://GIT.example.com:8443/a",
                "git.example.com",
                8443,
                "b",
                Some("feature/x"),
            )),
        );
        check(
            "ssh://git@[2001:db8::1]:2222/acme/infra",
            Ok((
                "ssh://git@[2001:db8::1]:2222/acme/infra",
                "2001:db8::1",
                2222,
                "",
                None,
            )),
        );
        check(
            "git@github.com:acme/infra.git//stacks/net?ref=main",
            Ok((
                "git@github.com:acme/infra.git",
                "github.com",
                22,
                "stacks/net",
                Some("main"),
            )),
        );
        check(
            "http://127.0.0.1:9000/x.git",
            Ok(("http://127.0.0.1:9000/x.git", "127.0.0.1", 9000, "", None)),
        );
    }

    #[test]
    fn what_is_no_source_is_refused() {
        for text in [
            "",
            "ext::sh -c touch% /tmp/x",
            "ext::sh",
            "fd::17",
            "fd::17/foo",
            "file:///etc/passwd",
            "file://localhost/x",
            "/etc/passwd",
            "./local",
            "../x",
            "~/x",
            "C:\\x",
            "\\\\host\\x",
            "git://example.com/x",
            "ftp://example.com/x",
            "HTTPS://example.com/x",
            "git+ssh://example.com/x",
            "--upload-pack=touch /tmp/x",
            "-oProxyCommand=x",
            "ssh://-oProxyCommand=x/y",
            "ssh://-oProxyCommand=x@host/y",
            "ssh://git@-oProxyCommand=x/y",
            "-x@host:y",
            "git@-host:y",
            "git@host:-y",
            "ssh://git@host/-y",
            "https://example.com",
            "https:///x",
            "https://example.com/",
            "https://user@example.com/x",
            "https://user:token@example.com/x",
            "ssh://user:token@example.com/x",
            "user:token@example.com:x",
            "https://example.com/x\n--upload-pack=y",
            "https://example.com/x y",
            "https://exa\tmple.com/x",
            "https://example.com:0/x",
            "https://example.com:99999/x",
            "https://example.com:x/y",
            "https://exämple.com/x",
            "https://example..com/x",
            "https://[::1/x",
            "https://[not-v6]/x",
            "https://example.com/x#frag",
            "https://example.com/../x",
            "https://example.com/%2e%2e/x",
            "https://example.com/a%2Fb",
            "https://example.com/x%0a",
            "https://example.com/x?depth=1",
            "https://example.com/x?ref=",
            "https://example.com/x?ref=-x",
            "https://example.com/x?ref=a..b",
            "https://example.com/x?ref=a@{1}",
            "https://example.com/x?ref=a:b",
            "https://example.com/x?ref=v1&ref=v2",
            "https://example.com/x?ref=a?b",
            "https://example.com/$(id)",
            "https://example.com/`id`",
        ] {
            check(text, Err("E0305"));
        }
    }

    #[test]
    fn directories_stay_inside() {
        for path in [
            "..",
            "../x",
            "a/../../b",
            "a/./../b",
            "/etc",
            "~/x",
            "a//b",
            "C:/x",
            "a%41",
        ] {
            check(&format!("https://example.com/x//{path}"), Err("E0301"));
        }
    }

    #[test]
    fn messages_hold_no_credentials() {
        for text in [
            "https://user:hunter2@host/x",
            "user:hunter2@host:x",
            "https://hunter2@host/x",
        ] {
            let message = text.parse::<Source>().unwrap_err().to_string();
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
