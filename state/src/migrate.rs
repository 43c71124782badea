//! Formats of the state and the way from each to the next.

use std::path::Path;

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, raw_sql};
use strata_model::Timestamp;
use strata_model::store::StoreError;

use crate::fault::Doing;
use crate::files::{private, with_suffix};
use crate::sql;

/// Marks the file as a state of Strata; SQLite keeps it in the header.
pub(crate) const APPLICATION_ID: u32 = 0x5374_7261;

/// One step from a format to the next. Once released it never changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Migration {
    /// The format that it leads to.
    pub(crate) version: i64,
    pub(crate) sql: &'static str,
}

/// All steps in order.
pub(crate) const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    sql: include_str!("../migrations/0001_initial.sql"),
}];

impl Migration {
    fn checksum(self) -> String {
        blake3::hash(self.sql.as_bytes()).to_hex().to_string()
    }
}

/// The newest format that a list of migrations leads to.
pub(crate) fn newest(migrations: &[Migration]) -> i64 {
    migrations.last().map_or(0, |migration| migration.version)
}

/// The format of an open state, after checking that it came about by these migrations.
pub(crate) async fn check_version(
    conn: &mut SqliteConnection,
    migrations: &[Migration],
    doing: Doing<'_>,
) -> Result<i64, StoreError> {
    let corrupt = |detail: &str| StoreError::Corrupt {
        place: doing.place.to_owned(),
        detail: detail.to_owned(),
    };
    let (found, library): (i64, String) = sqlx::query_as(sql::READ_VERSION)
        .fetch_one(&mut *conn)
        .await
        .map_err(|error| doing.fault(error))?;
    require_library(&library, doing)?;
    let supported = newest(migrations);
    if found > supported {
        return Err(StoreError::TooNew { found, supported });
    }
    let applied: Vec<(i64, String)> = sqlx::query_as(sql::READ_MIGRATIONS)
        .fetch_all(conn)
        .await
        .map_err(|error| doing.fault(error))?;
    let known = migrations
        .iter()
        .take_while(|migration| migration.version <= found)
        .map(|migration| (migration.version, migration.checksum()));
    if found == 0 || !known.eq(applied) {
        return Err(corrupt("its format is not one that Strata has made"));
    }
    Ok(found)
}

/// SQLite before 3.51.3 can damage a database in write-ahead mode.
fn require_library(version: &str, doing: Doing<'_>) -> Result<(), StoreError> {
    let parts: Vec<u32> = version
        .split('.')
        .map(|part| part.parse().unwrap_or(0))
        .collect();
    if parts.as_slice() >= [3, 51, 3].as_slice() {
        return Ok(());
    }
    Err(doing.io(format!(
        "SQLite {version} can damage databases; at least 3.51.3 is needed"
    )))
}

/// Copies a state before it is migrated: `state.db` in format 1 becomes `state.db.v1-SERIAL.backup`.
pub(crate) async fn back_up(
    conn: &mut SqliteConnection,
    path: &Path,
    label: &str,
    doing: Doing<'_>,
) -> Result<(), StoreError> {
    let target = with_suffix(path, &format!(".{label}.backup"));
    // SQLite fills an empty file, which so has the right permissions from the start. A backup that a crash cut short
    // is made anew.
    private()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&target)
        .map_err(|error| doing.io(error))?;
    sqlx::query(sql::BACK_UP)
        .bind(target.to_string_lossy().into_owned())
        .execute(conn)
        .await
        .map_err(|error| doing.fault(error))?;
    Ok(())
}

/// Takes a database from format `from` to the newest, inside the caller's transaction.
pub(crate) async fn migrate(
    conn: &mut SqliteConnection,
    migrations: &[Migration],
    from: i64,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    for migration in migrations
        .iter()
        .filter(|migration| migration.version > from)
    {
        raw_sql(migration.sql).execute(&mut *conn).await?;
        sqlx::query(sql::INSERT_MIGRATION)
            .bind(migration.version)
            .bind(migration.checksum())
            .bind(at.to_string())
            .execute(&mut *conn)
            .await?;
    }
    // Pragmas take no bound values; these are numbers of our own.
    let header = format!(
        "PRAGMA user_version = {}; PRAGMA application_id = {APPLICATION_ID}",
        newest(migrations)
    );
    raw_sql(sqlx::AssertSqlSafe(header)).execute(conn).await?;
    Ok(())
}

/// Begins a transaction that may write.
pub(crate) async fn begin_write(
    conn: &mut SqliteConnection,
) -> Result<sqlx::Transaction<'_, sqlx::Sqlite>, sqlx::Error> {
    conn.begin_with("BEGIN IMMEDIATE").await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A migration that was released stays as it is: states out there name its checksum.
    #[test]
    fn released_migrations_do_not_change() {
        let check = |version: usize, expected: &str| {
            assert_eq!(&MIGRATIONS[version - 1].checksum()[..16], expected);
        };
        assert!(
            MIGRATIONS
                .iter()
                .map(|migration| migration.version)
                .eq(1..=1)
        );
        check(1, "a05e1385c7a97074");
    }

    #[test]
    fn old_libraries_are_refused() {
        let doing = Doing {
            place: "x",
            operation: "opening the state",
        };
        let check = |version: &str, fits: bool| {
            assert_eq!(require_library(version, doing).is_ok(), fits, "{version}");
        };
        check("3.51.3", true);
        check("3.53.0", true);
        check("4.0", true);
        check("3.51.2", false);
        check("3.40.1", false);
    }
}
