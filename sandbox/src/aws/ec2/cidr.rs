//! IPv4 blocks.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A block of IPv4 addresses, without host bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cidr {
    base: u32,
    length: u8,
}

impl Cidr {
    /// Reads a block; host bits are cut off, as EC2 does.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let address: Ipv4Addr = address.parse().ok()?;
        let length: u8 = length.parse().ok().filter(|length| *length <= 32)?;
        Some(Self {
            base: u32::from(address) & mask(length),
            length,
        })
    }

    /// The number of bits of the network part.
    pub(crate) fn length(self) -> u8 {
        self.length
    }

    /// Tells whether all of `other` lies in this block.
    pub(crate) fn contains(self, other: Self) -> bool {
        self.length <= other.length && other.base & mask(self.length) == self.base
    }

    /// Tells whether the blocks share an address.
    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// The number of addresses that can be used in a subnet of this block: the cloud keeps five.
    pub(crate) fn usable(self) -> u64 {
        (1_u64 << (32 - self.length)).saturating_sub(5)
    }

    /// The `n`th address of the block.
    pub(crate) fn address(self, n: u32) -> String {
        Ipv4Addr::from(self.base.wrapping_add(n)).to_string()
    }
}

fn mask(length: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.length)
    }
}

impl Serialize for Cidr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an IPv4 block"))
    }
}

/// Brings an IPv6 block into its canonical form; nothing if it is not one.
pub(crate) fn canonical_ipv6(text: &str) -> Option<String> {
    let (address, length) = text.split_once('/')?;
    let address: Ipv6Addr = address.parse().ok()?;
    let length: u32 = length.parse().ok().filter(|length| *length <= 128)?;
    let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
    Some(format!(
        "{}/{length}",
        Ipv6Addr::from(u128::from(address) & mask)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(
            Cidr::parse(text).map(|c| c.to_string()).as_deref(),
            expected,
            "{text}"
        );
    }

    #[test]
    fn parsing_cuts_host_bits() {
        check("10.0.0.5/16", Some("10.0.0.0/16"));
        check("0.0.0.0/0", Some("0.0.0.0/0"));
        check("1.2.3.4/32", Some("1.2.3.4/32"));
        check("10.0.0.0/33", None);
        check("10.0.0/16", None);
        check("10.0.0.0", None);
        assert_eq!(
            canonical_ipv6("2001:db8::1/32").as_deref(),
            Some("2001:db8::/32")
        );
        assert_eq!(canonical_ipv6("::/0").as_deref(), Some("::/0"));
        assert_eq!(canonical_ipv6("10.0.0.0/8"), None);
    }

    #[test]
    fn relations() {
        let cidr = |text| Cidr::parse(text).unwrap();
        assert!(cidr("10.0.0.0/16").contains(cidr("10.0.3.0/24")));
        assert!(!cidr("10.0.0.0/16").contains(cidr("10.1.0.0/24")));
        assert!(!cidr("10.0.0.0/24").contains(cidr("10.0.0.0/16")));
        assert!(cidr("10.0.0.0/24").overlaps(cidr("10.0.0.0/16")));
        assert_eq!(cidr("10.0.0.0/24").usable(), 251);
        assert_eq!(cidr("10.0.0.0/24").address(7), "10.0.0.7");
    }
}
