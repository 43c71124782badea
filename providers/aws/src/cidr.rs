//! CIDR blocks in the form in which AWS returns them.

use std::net::{Ipv4Addr, Ipv6Addr};

use strata_model::{Kind, Value};

/// The attributes that hold CIDR blocks, in all types.
const ATTRIBUTES: &[&str] = &[
    "cidr_block",
    "cidr_blocks",
    "ipv6_cidr_block",
    "ipv6_cidr_blocks",
    "public_access_cidrs",
    "service_ipv4_cidr",
];

/// An IPv4 block as its network and prefix length.
pub(crate) fn parse4(text: &str) -> Option<(Ipv4Addr, u8)> {
    let (address, length) = split(text, 32)?;
    let bits = u32::from(address.parse::<Ipv4Addr>().ok()?);
    let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
    Some((Ipv4Addr::from(bits & mask), length))
}

/// An IPv6 block as its network and prefix length.
pub(crate) fn parse6(text: &str) -> Option<(Ipv6Addr, u8)> {
    let (address, length) = split(text, 128)?;
    let bits = u128::from(address.parse::<Ipv6Addr>().ok()?);
    let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
    Some((Ipv6Addr::from(bits & mask), length))
}

fn split(text: &str, longest: u8) -> Option<(&str, u8)> {
    let (address, length) = text.split_once('/')?;
    if !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let length = length.parse().ok().filter(|length| *length <= longest)?;
    Some((address, length))
}

/// A block without host bits, IPv6 in its short spelling; what is no block comes back as it is.
pub(crate) fn normal(text: &str) -> String {
    if let Some((network, length)) = parse4(text) {
        return format!("{network}/{length}");
    }
    match parse6(text) {
        Some((network, length)) => format!("{network}/{length}"),
        None => text.to_owned(),
    }
}

/// Arguments with all CIDR blocks in normal form, so that a spelling is never drift.
pub(crate) fn normal_arguments(config: &Value) -> Value {
    normal_in(config, false)
}

fn normal_in(value: &Value, is_block: bool) -> Value {
    let changed: Value = match value.kind() {
        Kind::String(text) if is_block => normal(text).into(),
        Kind::Object(members) => Value::object(members.iter().map(|(name, member)| {
            let is_block = ATTRIBUTES.contains(&name.as_ref());
            (name.clone(), normal_in(member, is_block))
        })),
        Kind::List(ty, elements) => {
            let elements = elements.iter().map(|element| normal_in(element, is_block));
            Value::list(ty.clone(), elements.collect())
        }
        Kind::Set(ty, elements) => {
            let elements = elements.iter().map(|element| normal_in(element, is_block));
            Value::set(ty.clone(), elements.collect())
        }
        // A map's keys are the user's own, and a tuple stands only where any value may.
        Kind::String(_)
        | Kind::Map(..)
        | Kind::Tuple(_)
        | Kind::Null(_)
        | Kind::Unknown(_)
        | Kind::Bool(_)
        | Kind::Number(_) => return value.clone(),
    };
    changed.marked_like(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use strata_model::Type;

    #[test]
    fn host_bits_and_spellings_go() {
        let cases = [
            ("10.0.0.5/16", "10.0.0.0/16"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("1.2.3.4/32", "1.2.3.4/32"),
            ("2001:DB8:0:0::1/32", "2001:db8::/32"),
            ("::1/0", "::/0"),
            ("pl-1", "pl-1"),
            ("10.0.0.0/+8", "10.0.0.0/+8"),
        ];
        for (text, expected) in cases {
            assert_eq!(normal(text), expected);
        }
    }

    #[test]
    fn only_attributes_that_hold_blocks_change() {
        let blocks = |text: &str| {
            Value::object([
                (
                    "cidr_blocks",
                    Value::set(Type::String, vec![text.into()]).into_secret(),
                ),
                ("description", Value::from("10.0.0.5/16")),
            ])
        };
        assert_eq!(
            normal_arguments(&blocks("10.0.0.5/16")),
            blocks("10.0.0.0/16")
        );
    }
}
