//! Which hosts may be reached.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr, ToSocketAddrs};

use crate::error::{GitError, quoted};
use crate::source::{RemoteUrl, Scheme};

/// Hosts for which the caller permits plain `http` and addresses of this machine, as `host` or `host:port`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed(Vec<String>);

impl Allowed {
    /// Reads a list with commas between the hosts, as it is written in `STRATA_SOURCE_ALLOW`.
    pub fn parse(text: &str) -> Self {
        let hosts = text.split(',').map(|host| host.trim().to_ascii_lowercase());
        Allowed(hosts.filter(|host| !host.is_empty()).collect())
    }

    fn contains(&self, url: &RemoteUrl) -> bool {
        let with_port = format!("{}:{}", url.host(), url.port());
        let bracketed = format!("[{}]:{}", url.host(), url.port());
        self.0
            .iter()
            .any(|host| host == url.host() || *host == with_port || *host == bracketed)
    }
}

/// Finds a host's addresses.
pub trait Resolver: fmt::Debug + Send + Sync {
    /// All addresses of a host, which may be an address itself in any notation.
    ///
    /// # Errors
    ///
    /// When the host has no address or nobody can be asked.
    fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<IpAddr>>;
}

/// Asks the operating system, like everything else on this machine does.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<IpAddr>> {
        let found = (host, port).to_socket_addrs()?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Refuses a URL whose scheme or addresses are not allowed. Private networks are: a company's Git server stands there.
pub(crate) fn check(
    url: &RemoteUrl,
    allowed: &Allowed,
    resolver: &dyn Resolver,
) -> Result<(), GitError> {
    let is_allowed = allowed.contains(url);
    if url.scheme() == Scheme::Http && !is_allowed {
        return Err(GitError::NotAllowed {
            text: quoted(url.as_str()),
            reason: format!(
                "plain http is for hosts that STRATA_SOURCE_ALLOW names, and {} is not one",
                url.host()
            ),
        });
    }
    let addresses = resolver
        .addresses(url.host(), url.port())
        .map_err(|error| GitError::failed("finding the host of", url.as_str(), error))?;
    for address in addresses {
        if let Some(reason) = refusal(address, is_allowed) {
            return Err(GitError::AddressNotAllowed {
                host: url.host().to_owned(),
                address: address.to_string(),
                reason,
            });
        }
    }
    Ok(())
}

/// Why an address may not be reached.
fn refusal(address: IpAddr, is_allowed: bool) -> Option<&'static str> {
    match address.to_canonical() {
        IpAddr::V4(v4) if v4.is_link_local() => {
            Some("it is link-local, where clouds keep credentials")
        }
        IpAddr::V4(v4) if v4.is_multicast() || v4.is_broadcast() => Some("it is no single host"),
        IpAddr::V4(v4) if v4.octets()[0] == 127 || v4.octets()[0] == 0 => {
            on_this_machine(is_allowed)
        }
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => refusal_v6(v6, is_allowed),
    }
}

fn refusal_v6(v6: Ipv6Addr, is_allowed: bool) -> Option<&'static str> {
    /// Where one cloud keeps its instances' credentials in IPv6.
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    if v6.is_unicast_link_local() || v6 == METADATA {
        return Some("it is link-local, where clouds keep credentials");
    }
    if v6.is_multicast() {
        return Some("it is no single host");
    }
    if v6.is_loopback() || v6.is_unspecified() {
        return on_this_machine(is_allowed);
    }
    // Addresses that carry an IPv4 address: translated, tunnelled, or in the old compatible form.
    let octets = v6.octets();
    let inner = match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0, 0, ..] => Some(&octets[12..16]),
        [0x2002, ..] => Some(&octets[2..6]),
        _ => None,
    };
    let inner: [u8; 4] = inner?.try_into().ok()?;
    refusal(IpAddr::from(inner), is_allowed)
}

fn on_this_machine(is_allowed: bool) -> Option<&'static str> {
    match is_allowed {
        true => None,
        false => Some("it is this machine, and STRATA_SOURCE_ALLOW does not name the host"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    #[derive(Debug)]
    struct Fixed(Vec<IpAddr>);

    impl Resolver for Fixed {
        fn addresses(&self, _host: &str, _port: u16) -> io::Result<Vec<IpAddr>> {
            Ok(self.0.clone())
        }
    }

    fn check_addresses(addresses: &[&str], allow: &str, expected: Result<(), &str>) {
        let source: Source = "https://git.test/x".parse().unwrap();
        let resolver = Fixed(addresses.iter().map(|text| text.parse().unwrap()).collect());
        let found = check(&source.url, &Allowed::parse(allow), &resolver);
        assert_eq!(
            found.map_err(|error| error.code().0),
            expected,
            "{addresses:?} {allow}"
        );
    }

    #[test]
    fn addresses_are_checked_one_by_one() {
        check_addresses(&["203.0.113.9", "2001:db8::1"], "", Ok(()));
        check_addresses(
            &["10.0.0.1", "192.168.1.1", "172.16.0.1", "fd12::1"],
            "",
            Ok(()),
        );
        for address in [
            "169.254.169.254",
            "169.254.0.1",
            "fe80::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "::169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "ff02::1",
        ] {
            check_addresses(&[address], "", Err("E0402"));
            check_addresses(&["203.0.113.9", address], "git.test", Err("E0402"));
        }
        for address in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "::1",
            "::",
            "::ffff:127.0.0.1",
        ] {
            check_addresses(&[address], "", Err("E0402"));
            check_addresses(&[address], "other.test", Err("E0402"));
            check_addresses(&[address], "git.test:80", Err("E0402"));
            check_addresses(&[address], "a, GIT.test", Ok(()));
            check_addresses(&[address], "git.test:443", Ok(()));
        }
    }

    #[test]
    fn other_notations_of_an_address_are_seen_through() {
        for host in ["2130706433", "0x7f000001", "127.1", "0177.0.0.1"] {
            let source: Source = format!("https://{host}/x").parse().unwrap();
            let found = check(&source.url, &Allowed::default(), &SystemResolver);
            assert!(found.is_err(), "{host}");
        }
    }

    #[test]
    fn plain_http_is_for_allowed_hosts() {
        let source: Source = "http://git.test/x".parse().unwrap();
        let resolver = Fixed(vec!["203.0.113.9".parse().unwrap()]);
        let check = |allow| check(&source.url, &Allowed::parse(allow), &resolver);
        assert_eq!(check("").unwrap_err().code().0, "E0305");
        assert!(check("git.test").is_ok());
    }
}
