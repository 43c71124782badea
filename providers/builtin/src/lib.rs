//! Resource types that need no cloud: data, random ids, passwords and private keys.
