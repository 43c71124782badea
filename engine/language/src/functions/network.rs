//! Functions of IP addresses and prefixes.

use std::net::{Ipv4Addr, Ipv6Addr};

use strata_model::{Type, Value};

use super::{Body, Call, Fault, Parameter, ParameterKind, argument, functions, returns};

const PREFIX: Parameter = Parameter::new("prefix", ParameterKind::String);

const fn number(name: &'static str) -> Parameter {
    Parameter::new(name, ParameterKind::Number)
}

functions! {
    "cidrcontains", "Whether a prefix holds an address or another prefix.",
        [Parameter::new("containing_prefix", ParameterKind::String), Parameter::new("contained_ip_or_prefix", ParameterKind::String)]
        => returns::boolean, Body::Deep(cidrcontains);
    "cidrhost", "An address of a prefix by its number; negative numbers count from the end.", [PREFIX, number("hostnum")]
        => returns::string, Body::Deep(cidrhost);
    "cidrnetmask", "The netmask of an IPv4 prefix.", [PREFIX] => returns::string, Body::Deep(cidrnetmask);
    "cidrsubnet", "A part of a prefix, so many bits longer, by its number.",
        [PREFIX, number("newbits"), number("netnum")] => returns::string, Body::Deep(cidrsubnet);
    "cidrsubnets", "Consecutive parts of a prefix, each so many bits longer.", [PREFIX], ..number("newbits")
        => returns::strings, Body::Deep(cidrsubnets);
}

/// A prefix: its first address as a number, its length, and the length of addresses in bits.
#[derive(Clone, Copy)]
struct Prefix {
    start: u128,
    length: u32,
    bits: u32,
}

impl Prefix {
    fn parse(text: &str) -> Option<Prefix> {
        let (address, length) = text.split_once('/')?;
        if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (number, bits) = address_number(address)?;
        let length = length.parse().ok().filter(|length| *length <= bits)?;
        let prefix = Prefix {
            start: number,
            length,
            bits,
        };
        Some(Prefix {
            start: number & !prefix.host_mask(),
            ..prefix
        })
    }

    fn host_bits(self) -> u32 {
        self.bits - self.length
    }

    /// The bits that tell the prefix's addresses apart.
    fn host_mask(self) -> u128 {
        match self.host_bits() {
            128 => u128::MAX,
            bits => (1 << bits) - 1,
        }
    }

    fn last(self) -> u128 {
        self.start | self.host_mask()
    }

    fn address(self, number: u128) -> String {
        if self.bits == 32 {
            Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX)).to_string()
        } else {
            Ipv6Addr::from(number).to_string()
        }
    }
}

impl std::fmt::Display for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address(self.start), self.length)
    }
}

/// The address as a number, and the length of such addresses; IPv4 parts may begin with zeros, which are decimal.
fn address_number(text: &str) -> Option<(u128, u32)> {
    if text.contains(':') {
        let address: Ipv6Addr = text.parse().ok()?;
        return Some((u128::from(address), 128));
    }
    let parts: Vec<&str> = text.split('.').collect();
    if parts.len() != 4 {
        return None;
    }
    let mut number = 0_u128;
    for part in parts {
        if part.is_empty() || part.len() > 16 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let value: u64 = part.parse().ok()?;
        number = number << 8 | u128::from(u8::try_from(value).ok()?);
    }
    Some((number, 32))
}

fn prefix(call: &Call<'_, '_>) -> Result<Prefix, Fault> {
    let text = call.text(0);
    match Prefix::parse(text) {
        Some(prefix) => Ok(prefix),
        None => {
            let reason = format!(
                "invalid CIDR expression: {} is no prefix such as 10.0.0.0/16",
                call.quote(text)
            );
            argument(0, reason)
        }
    }
}

/// A whole number argument of any size that addresses can have.
fn whole(call: &Call<'_, '_>, index: usize) -> Result<i128, Fault> {
    match call.number(index).as_i128() {
        Some(number) => Ok(number),
        None => argument(index, "must be a whole number"),
    }
}

fn cidrhost(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let number = whole(call, 1)?;
    let prefix = prefix(call)?;
    let greatest = prefix.host_mask();
    let magnitude = if number < 0 { -(number + 1) } else { number };
    let magnitude = u128::try_from(magnitude).unwrap_or(u128::MAX);
    if magnitude > greatest {
        let reason = format!(
            "prefix of {} does not accommodate a host numbered {number}",
            prefix.length
        );
        return Err(Fault::Call(reason));
    }
    let host = if number < 0 {
        greatest - magnitude
    } else {
        magnitude
    };
    call.string(prefix.address(prefix.start | host))
}

fn cidrnetmask(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let prefix = prefix(call)?;
    if prefix.bits != 32 {
        let reason = format!(
            "IPv6 addresses cannot have a netmask: {}",
            call.quote(call.text(0))
        );
        return argument(0, reason);
    }
    let mask = u128::from(u32::MAX) & !prefix.host_mask();
    call.string(prefix.address(mask))
}

fn cidrsubnet(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let Ok(added) = u32::try_from(call.integer(1)?) else {
        return argument(1, "must not be negative");
    };
    let number = whole(call, 2)?;
    let prefix = prefix(call)?;
    let Some(host_bits) = prefix.host_bits().checked_sub(added) else {
        let reason = format!(
            "insufficient address space to extend prefix of {} by {added}",
            prefix.length
        );
        return Err(Fault::Call(reason));
    };
    let part = Prefix {
        length: prefix.length + added,
        ..prefix
    };
    let greatest = match added {
        128 => u128::MAX,
        bits => (1_u128 << bits) - 1,
    };
    match u128::try_from(number) {
        Ok(number) if number <= greatest => {
            let shifted = number.checked_shl(host_bits).unwrap_or(0);
            let start = prefix.start | shifted;
            call.string(Prefix { start, ..part }.to_string())
        }
        _ => {
            let reason = format!(
                "prefix extension of {added} does not accommodate a subnet numbered {number}"
            );
            Err(Fault::Call(reason))
        }
    }
}

fn cidrsubnets(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let prefix = prefix(call)?;
    let mut cursor = Some(prefix.start);
    let mut parts = Vec::new();
    let mut previous = prefix;
    for index in 1..call.arguments.len() {
        let length = match call.integer(index)? {
            added @ 1..=32 => prefix.length + u32::try_from(added).unwrap_or(0),
            added if added < 1 => return argument(index, "must extend prefix by at least one bit"),
            _ => return argument(index, "may not extend prefix by more than 32 bits"),
        };
        if length > prefix.bits {
            let protocol = if prefix.bits == 32 { "IPv4" } else { "IPv6" };
            let reason = format!(
                "would extend prefix to {length} bits, which is too long for an {protocol} address"
            );
            return argument(index, reason);
        }
        let part = Prefix { length, ..prefix };
        let mask = part.host_mask();
        let start = cursor
            .and_then(|cursor| cursor.checked_add(mask))
            .map(|end| end & !mask)
            .filter(|start| *start <= prefix.last());
        let Some(start) = start else {
            let reason = format!(
                "not enough remaining address space for a subnet with a prefix of {length} bits after {previous}"
            );
            return argument(index, reason);
        };
        previous = Prefix { start, ..part };
        cursor = previous.last().checked_add(1);
        call.room(1)?;
        parts.push(call.string(previous.to_string())?);
    }
    Ok(Value::list(Type::String, parts))
}

fn cidrcontains(call: &Call<'_, '_>) -> Result<Value, Fault> {
    let outer = prefix(call)?;
    let text = call.text(1);
    let inner = Prefix::parse(text).or_else(|| {
        let (start, bits) = address_number(text)?;
        Some(Prefix {
            start,
            length: bits,
            bits,
        })
    });
    let Some(inner) = inner else {
        let reason = format!("invalid IP address or prefix: {}", call.quote(text));
        return argument(1, reason);
    };
    if inner.bits != outer.bits {
        return Err(Fault::Call(format!(
            "address family mismatch: {} vs. {}",
            call.quote(call.text(0)),
            call.quote(text)
        )));
    }
    Ok((outer.start <= inner.start && inner.last() <= outer.last()).into())
}
