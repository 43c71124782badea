//! Every statement that the store makes, in one place, so that a test can prepare each against a migrated database.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// `?1` is the lineage everywhere.
pub(crate) const READ_META: &str = "SELECT created_at, serial, fence, sums, schema_sum, plain_check, mac FROM meta WHERE lineage = ?1";
pub(crate) const READ_LINEAGES: &str = "SELECT lineage FROM meta LIMIT 2";
pub(crate) const INSERT_META: &str = "INSERT INTO meta (lineage, created_at, serial, fence, sums, schema_sum, plain_check, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
pub(crate) const UPDATE_META: &str = "UPDATE meta SET created_at = ?2, serial = ?3, fence = ?4, sums = ?5, schema_sum = ?6, plain_check = ?7, mac = ?8 WHERE lineage = ?1";

pub(crate) const READ_SCHEMA: &str = "SELECT coalesce(group_concat(line, char(10)), '') FROM (SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '') AS line FROM sqlite_schema ORDER BY type, name)";
pub(crate) const READ_VERSION: &str =
    "SELECT user_version, sqlite_version() FROM pragma_user_version";
pub(crate) const READ_MIGRATIONS: &str =
    "SELECT version, checksum FROM migrations ORDER BY version";
pub(crate) const INSERT_MIGRATION: &str =
    "INSERT INTO migrations (version, checksum, applied_at) VALUES (?1, ?2, ?3)";
pub(crate) const QUICK_CHECK: &str = "PRAGMA quick_check(1)";
/// Waiting for another process to finish its transaction, as the connection's options have it, and not.
pub(crate) const WAIT: &str = "PRAGMA busy_timeout = 10000";
pub(crate) const DO_NOT_WAIT: &str = "PRAGMA busy_timeout = 0";
pub(crate) const BACK_UP: &str = "VACUUM INTO ?1";

/// How many rows a read of the whole state takes at a time.
///
/// They arrive as one text: the database's thread hands over one row instead of thousands. Rows are separated by RS
/// and columns by US, which JSON and addresses never hold unescaped. The `+` keeps the query from the index of addresses,
/// by which each chunk would have to look through all rows and sort them: the ids are in order already.
pub(crate) const CHUNK: usize = 2048;
pub(crate) const ROW_SEPARATOR: char = '\u{1e}';
pub(crate) const COLUMN_SEPARATOR: char = '\u{1f}';
pub(crate) const READ_ROWS: &str = "SELECT max(id), group_concat(address || char(31) || deposed || char(31) || config || char(31) || hex(mac) || char(31) || data, char(30)) FROM (SELECT id, address, deposed, config, mac, data FROM resources WHERE +lineage = ?1 AND id > ?2 ORDER BY id LIMIT ?3)";
pub(crate) const READ_CONFIGS: &str = "SELECT id, data, mac FROM configs WHERE lineage = ?1";
pub(crate) const READ_CONFIG: &str = "SELECT id, mac FROM configs WHERE lineage = ?1 AND data = ?2";
pub(crate) const READ_CONFIG_BY_ID: &str =
    "SELECT data, mac FROM configs WHERE lineage = ?1 AND id = ?2";
pub(crate) const INSERT_CONFIG: &str =
    "INSERT INTO configs (id, lineage, data, mac) VALUES (?2, ?1, ?3, ?4)";
pub(crate) const NEXT_CONFIG: &str = "SELECT coalesce(max(id), 0) + 1 FROM configs";
pub(crate) const READ_ROW: &str =
    "SELECT config, data, mac FROM resources WHERE lineage = ?1 AND address = ?2 AND deposed = ?3";

pub(crate) const READ_OPEN_OPS: &str = "SELECT op, address, deposed, data, checkpoint, mac FROM open_ops WHERE lineage = ?1 ORDER BY seq";
pub(crate) const READ_OPEN_OP: &str =
    "SELECT address, deposed, data, checkpoint, mac FROM open_ops WHERE lineage = ?1 AND op = ?2";
pub(crate) const UPDATE_CHECKPOINT: &str =
    "UPDATE open_ops SET checkpoint = ?3, mac = ?4 WHERE lineage = ?1 AND op = ?2";

pub(crate) const READ_CLOSED_OP: &str =
    "SELECT op, address, data, mac FROM closed_ops WHERE lineage = ?1 AND op = ?2";
pub(crate) const READ_HISTORY: &str =
    "SELECT op, address, data, mac FROM closed_ops WHERE lineage = ?1 ORDER BY seq DESC LIMIT ?2";
pub(crate) const READ_HISTORY_OF: &str = "SELECT op, address, data, mac FROM closed_ops WHERE lineage = ?1 AND address = ?3 ORDER BY seq DESC LIMIT ?2";

pub(crate) const READ_PLAN: &str =
    "SELECT plan, data, mac FROM plans WHERE lineage = ?1 AND plan = ?2";
pub(crate) const READ_PLANS: &str =
    "SELECT plan, data, mac FROM plans WHERE lineage = ?1 ORDER BY plan";
pub(crate) const PUT_PLAN: &str = "INSERT INTO plans (lineage, plan, data, mac) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (lineage, plan) DO UPDATE SET data = excluded.data, mac = excluded.mac";
pub(crate) const READ_STEPS: &str =
    "SELECT step, mac FROM plan_steps_done WHERE lineage = ?1 AND plan = ?2 ORDER BY step";

pub(crate) const READ_RUN: &str = "SELECT run, data, mac FROM runs WHERE lineage = ?1 AND run = ?2";
pub(crate) const READ_RUNS: &str =
    "SELECT run, data, mac FROM runs WHERE lineage = ?1 ORDER BY seq DESC LIMIT ?2";
pub(crate) const INSERT_RUN: &str =
    "INSERT INTO runs (lineage, run, data, mac) VALUES (?1, ?2, ?3, ?4)";
pub(crate) const UPDATE_RUN: &str =
    "UPDATE runs SET data = ?3, mac = ?4 WHERE lineage = ?1 AND run = ?2";
pub(crate) const READ_EVENTS: &str = "SELECT serial, position, data, mac FROM events WHERE lineage = ?1 AND run = ?2 ORDER BY serial, position";

pub(crate) const READ_OUTPUTS: &str =
    "SELECT name, data, mac FROM outputs WHERE lineage = ?1 ORDER BY name";
pub(crate) const DELETE_OUTPUT: &str = "DELETE FROM outputs WHERE lineage = ?1 AND name = ?2";
pub(crate) const PUT_OUTPUT: &str = "INSERT INTO outputs (lineage, name, data, mac) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (lineage, name) DO UPDATE SET data = excluded.data, mac = excluded.mac";

pub(crate) const READ_LOCK: &str =
    "SELECT id, fence, released, data, mac FROM locks WHERE lineage = ?1";
pub(crate) const PUT_LOCK: &str = "INSERT INTO locks (lineage, id, fence, released, data, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (lineage) DO UPDATE SET id = excluded.id, fence = excluded.fence, released = excluded.released, data = excluded.data, mac = excluded.mac";

/// A statement over many records: `before`, the record's placeholders separated by commas, `after`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bulk {
    before: &'static str,
    /// How many values one record has, the lineage not counted.
    width: usize,
    /// Whether each record begins with the lineage.
    with_lineage: bool,
    after: &'static str,
}

/// The sizes in which a statement over many records is prepared, largest first. A batch of a run's parallel steps is
/// one statement for each table; larger ones are a few.
pub(crate) const BULK_SIZES: [usize; 18] = [
    256, 64, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1,
];

impl Bulk {
    pub(crate) fn width(self) -> usize {
        self.width
    }

    /// The statement for `count` records. Each text is made once and kept for good: there are few of them.
    pub(crate) fn sql(self, count: usize) -> &'static str {
        static TEXTS: Mutex<BTreeMap<(&str, usize), &'static str>> = Mutex::new(BTreeMap::new());
        let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
        texts
            .entry((self.before, count))
            .or_insert_with(|| self.text(count).leak())
    }

    fn text(self, count: usize) -> String {
        let mut sql = String::from(self.before);
        let mut next = 2;
        for record in 0..count {
            sql.push_str(if record == 0 { "(" } else { ",(" });
            if self.with_lineage {
                sql.push_str("?1,");
            }
            for column in 0..self.width {
                let comma = if column == 0 { "" } else { "," };
                sql.push_str(&format!("{comma}?{next}"));
                next += 1;
            }
            sql.push(')');
        }
        sql.push_str(self.after);
        sql
    }
}

pub(crate) const FIND_ROWS: Bulk = Bulk {
    before: "SELECT r.id, r.address, r.deposed, r.mac FROM (VALUES ",
    width: 2,
    with_lineage: false,
    after: ") AS k CROSS JOIN resources AS r ON r.lineage = ?1 AND r.address = k.column1 AND r.deposed = k.column2",
};
pub(crate) const PUT_ROWS: Bulk = Bulk {
    before: "INSERT INTO resources (lineage, address, deposed, config, data, mac) VALUES ",
    width: 5,
    with_lineage: true,
    after: " ON CONFLICT (lineage, address, deposed) DO UPDATE SET config = excluded.config, data = excluded.data, mac = excluded.mac",
};
pub(crate) const DELETE_ROWS: Bulk = Bulk {
    before: "DELETE FROM resources WHERE lineage = ?1 AND id IN (VALUES ",
    width: 1,
    with_lineage: false,
    after: ")",
};
pub(crate) const OPEN_OPS: Bulk = Bulk {
    before: "INSERT INTO open_ops (lineage, op, address, deposed, data, checkpoint, mac) VALUES ",
    width: 6,
    with_lineage: true,
    after: "",
};
pub(crate) const DELETE_OPEN_OPS: Bulk = Bulk {
    before: "DELETE FROM open_ops WHERE lineage = ?1 AND op IN (VALUES ",
    width: 1,
    with_lineage: false,
    after: ")",
};
pub(crate) const CLOSED_OPS: Bulk = Bulk {
    before: "INSERT INTO closed_ops (lineage, op, address, data, mac) VALUES ",
    width: 4,
    with_lineage: true,
    after: "",
};
pub(crate) const STEPS_DONE: Bulk = Bulk {
    before: "INSERT INTO plan_steps_done (lineage, plan, step, mac) VALUES ",
    width: 3,
    with_lineage: true,
    after: " ON CONFLICT DO NOTHING RETURNING plan, step",
};
pub(crate) const EVENTS: Bulk = Bulk {
    before: "INSERT INTO events (lineage, run, serial, position, data, mac) VALUES ",
    width: 5,
    with_lineage: true,
    after: "",
};

/// Every statement, for the test that prepares them.
#[cfg(test)]
pub(crate) fn all() -> Vec<String> {
    let single = [
        READ_META,
        READ_LINEAGES,
        INSERT_META,
        UPDATE_META,
        READ_SCHEMA,
        READ_VERSION,
        READ_MIGRATIONS,
        INSERT_MIGRATION,
        QUICK_CHECK,
        BACK_UP,
        READ_ROWS,
        READ_CONFIGS,
        READ_CONFIG,
        READ_CONFIG_BY_ID,
        INSERT_CONFIG,
        NEXT_CONFIG,
        READ_ROW,
        READ_OPEN_OPS,
        READ_OPEN_OP,
        UPDATE_CHECKPOINT,
        READ_CLOSED_OP,
        READ_HISTORY,
        READ_HISTORY_OF,
        READ_PLAN,
        READ_PLANS,
        PUT_PLAN,
        READ_STEPS,
        READ_RUN,
        READ_RUNS,
        INSERT_RUN,
        UPDATE_RUN,
        READ_EVENTS,
        READ_OUTPUTS,
        DELETE_OUTPUT,
        PUT_OUTPUT,
        READ_LOCK,
        PUT_LOCK,
    ];
    let bulk = [
        FIND_ROWS,
        PUT_ROWS,
        DELETE_ROWS,
        OPEN_OPS,
        DELETE_OPEN_OPS,
        CLOSED_OPS,
        STEPS_DONE,
        EVENTS,
    ];
    single
        .into_iter()
        .map(str::to_owned)
        .chain(
            bulk.into_iter()
                .flat_map(|bulk| BULK_SIZES.map(|size| bulk.text(size))),
        )
        .collect()
}
