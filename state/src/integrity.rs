//! Checksums under the state key: of every record, and of each table as a whole.
//!
//! A record's checksum covers its table, its key and its content, so a changed, swapped or copied record is noticed when
//! it is read. The sum of a table's checksums stands in `meta`, so a lost or added record is noticed too. Both are kept
//! in step by every commit at a cost that depends on the change, not on the size of the state.

use std::collections::BTreeMap;

use strata_model::store::StoreError;
use strata_model::{Lineage, SecretKey};

/// A record's checksum, 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mac(u128);

impl Mac {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }

    /// Reads a stored checksum; one of another length fits no record.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Mac> {
        bytes
            .try_into()
            .ok()
            .map(|bytes| Mac(u128::from_be_bytes(bytes)))
    }

    /// Reads what SQLite's `hex` wrote.
    pub(crate) fn from_hex(text: &str) -> Option<Mac> {
        (text.len() == 32)
            .then(|| u128::from_str_radix(text, 16).ok())
            .flatten()
            .map(Mac)
    }
}

/// How many records a table has, and the sum of their checksums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) count: u64,
    total: u128,
}

impl Sum {
    pub(crate) fn add(&mut self, mac: Mac) {
        self.count = self.count.wrapping_add(1);
        self.total = self.total.wrapping_add(mac.0);
    }

    pub(crate) fn remove(&mut self, mac: Mac) {
        self.count = self.count.wrapping_sub(1);
        self.total = self.total.wrapping_sub(mac.0);
    }

    pub(crate) fn merge(&mut self, other: Sum) {
        self.count = self.count.wrapping_add(other.count);
        self.total = self.total.wrapping_add(other.total);
    }

    /// The form in which a sum is stored.
    pub(crate) fn to_text(self) -> String {
        format!("{}:{:032x}", self.count, self.total)
    }

    pub(crate) fn parse(text: &str) -> Option<Sum> {
        let (count, total) = text.split_once(':')?;
        Some(Sum {
            count: count.parse().ok()?,
            total: u128::from_str_radix(total, 16).ok()?,
        })
    }
}

/// A table of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    Meta,
    Configs,
    Resources,
    OpenOps,
    ClosedOps,
    Plans,
    PlanSteps,
    Runs,
    Events,
    Outputs,
    Locks,
}

impl Table {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Table::Meta => "meta",
            Table::Configs => "configs",
            Table::Resources => "resources",
            Table::OpenOps => "open_ops",
            Table::ClosedOps => "closed_ops",
            Table::Plans => "plans",
            Table::PlanSteps => "plan_steps_done",
            Table::Runs => "runs",
            Table::Events => "events",
            Table::Outputs => "outputs",
            Table::Locks => "locks",
        }
    }
}

/// The sums of the tables that are read as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sums(BTreeMap<Table, Sum>);

impl Sums {
    /// The tables that have a sum.
    const TABLES: [Table; 5] = [
        Table::Configs,
        Table::Resources,
        Table::OpenOps,
        Table::Plans,
        Table::Outputs,
    ];

    pub(crate) fn of(&self, table: Table) -> Sum {
        self.0.get(&table).copied().unwrap_or_default()
    }

    pub(crate) fn of_mut(&mut self, table: Table) -> &mut Sum {
        self.0.entry(table).or_default()
    }

    /// `configs=1:00… resources=2:0f…`, in a fixed order.
    pub(crate) fn to_text(&self) -> String {
        Sums::TABLES
            .map(|table| format!("{}={}", table.name(), self.of(table).to_text()))
            .join(" ")
    }

    pub(crate) fn parse(text: &str) -> Option<Sums> {
        let mut sums = BTreeMap::new();
        let mut parts = text.split(' ');
        for table in Sums::TABLES {
            let (name, sum) = parts.next()?.split_once('=')?;
            if name != table.name() {
                return None;
            }
            sums.insert(table, Sum::parse(sum)?);
        }
        parts.next().is_none().then_some(Sums(sums))
    }
}

/// Makes and compares checksums.
pub(crate) struct Integrity {
    /// Keyed, and fed with the lineage.
    hasher: blake3::Hasher,
    place: String,
}

fn feed(hasher: &mut blake3::Hasher, part: &[u8]) {
    hasher.update(&(part.len() as u64).to_le_bytes());
    hasher.update(part);
}

impl Integrity {
    pub(crate) fn new(key: &SecretKey, lineage: Lineage, place: String) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(&key.derive("state integrity"));
        feed(&mut hasher, lineage.to_string().as_bytes());
        Integrity { hasher, place }
    }

    /// The checksum of a record: of its table, its key and its content, in the table's order of parts.
    pub(crate) fn mac(&self, table: Table, parts: &[&[u8]]) -> Mac {
        let mut hasher = self.hasher.clone();
        feed(&mut hasher, table.name().as_bytes());
        for part in parts {
            feed(&mut hasher, part);
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Mac(u128::from_be_bytes(bytes))
    }

    /// Refuses a record whose stored checksum is not the one that its parts have.
    pub(crate) fn verify(
        &self,
        table: Table,
        key: &str,
        stored: Option<Mac>,
        parts: &[&[u8]],
    ) -> Result<Mac, StoreError> {
        let mac = self.mac(table, parts);
        if stored == Some(mac) {
            return Ok(mac);
        }
        Err(self.corrupt(format!(
            "the checksum of {} {key} does not fit",
            table.name()
        )))
    }

    /// Refuses a table whose records do not add up.
    pub(crate) fn verify_sum(
        &self,
        table: Table,
        stored: Sum,
        read: Sum,
    ) -> Result<(), StoreError> {
        if stored == read {
            return Ok(());
        }
        Err(self.corrupt(format!(
            "table {} has {} records, and {} that add up to another checksum were written",
            table.name(),
            read.count,
            stored.count
        )))
    }

    pub(crate) fn corrupt(&self, detail: impl Into<String>) -> StoreError {
        StoreError::Corrupt {
            place: self.place.clone(),
            detail: detail.into(),
        }
    }
}

impl std::fmt::Debug for Integrity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Integrity").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integrity(key: u8, lineage: u8) -> Integrity {
        Integrity::new(
            &SecretKey::from_bytes([key; 32]),
            Lineage::from_bits([lineage; 16]),
            "x".to_owned(),
        )
    }

    #[test]
    fn every_part_counts() {
        let base = integrity(1, 1).mac(Table::Runs, &[b"ab", b"c"]);
        let others = [
            integrity(2, 1).mac(Table::Runs, &[b"ab", b"c"]),
            integrity(1, 2).mac(Table::Runs, &[b"ab", b"c"]),
            integrity(1, 1).mac(Table::Plans, &[b"ab", b"c"]),
            integrity(1, 1).mac(Table::Runs, &[b"a", b"bc"]),
            integrity(1, 1).mac(Table::Runs, &[b"ab", b"c", b""]),
        ];
        assert!(others.iter().all(|other| *other != base));
        assert_eq!(Mac::from_bytes(&base.to_bytes()), Some(base));
    }

    #[test]
    fn sums_round_trip_and_undo() {
        let mac = integrity(1, 1).mac(Table::Runs, &[b"x"]);
        let mut sums = Sums::default();
        sums.of_mut(Table::Resources).add(mac);
        let text = sums.to_text();
        assert_eq!(Sums::parse(&text).unwrap().to_text(), text);
        sums.of_mut(Table::Resources).remove(mac);
        assert_eq!(sums.of(Table::Resources), Sum::default());
        assert_eq!(Sums::parse("resources=1:2"), None);
    }
}
