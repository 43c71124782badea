//! The record of the state as a whole.

use sqlx::sqlite::SqliteConnection;
use strata_model::Lineage;
use strata_model::store::StoreError;

use crate::fault::Doing;
use crate::integrity::{Integrity, Mac, Sums, Table};
use crate::sql;

/// Counters and checksums of a state.
#[derive(Debug, Clone)]
pub(crate) struct Meta {
    pub(crate) created_at: String,
    pub(crate) serial: u64,
    pub(crate) fence: u64,
    pub(crate) sums: Sums,
    /// The digest of the schema, so that a damaged one is noticed.
    pub(crate) schema_sum: Vec<u8>,
}

type Columns = (String, i64, i64, String, Vec<u8>, Vec<u8>, Vec<u8>);

/// The columns of a lineage as bytes.
pub(crate) fn lineage_bytes(lineage: Lineage) -> Vec<u8> {
    lineage.to_string().into_bytes()
}

impl Meta {
    /// Reads and checks the record. A checksum without the key tells a damaged record from a wrong key.
    pub(crate) async fn read(
        conn: &mut SqliteConnection,
        lineage: &[u8],
        integrity: &Integrity,
        doing: Doing<'_>,
    ) -> Result<Meta, StoreError> {
        let (created_at, serial, fence, sums, schema_sum, plain, mac): Columns =
            sqlx::query_as(sql::READ_META)
                .bind(lineage)
                .fetch_optional(conn)
                .await
                .map_err(|error| doing.fault(error))?
                .ok_or_else(|| integrity.corrupt("it has no record of itself"))?;
        let meta = Meta {
            created_at,
            serial: u64::try_from(serial)
                .map_err(|_| integrity.corrupt("its serial is negative"))?,
            fence: u64::try_from(fence).map_err(|_| integrity.corrupt("its fence is negative"))?,
            sums: Sums::parse(&sums).ok_or_else(|| integrity.corrupt("its sums are unreadable"))?,
            schema_sum,
        };
        if meta.plain_check(lineage) != plain {
            return Err(integrity.corrupt("the checksum of meta does not fit"));
        }
        if Some(meta.mac(integrity)) != Mac::from_bytes(&mac) {
            return Err(StoreError::WrongKey("the state".to_owned()));
        }
        Ok(meta)
    }

    /// Writes the record; `statement` inserts or updates it.
    pub(crate) async fn write(
        &self,
        conn: &mut SqliteConnection,
        lineage: &[u8],
        integrity: &Integrity,
        statement: &'static str,
    ) -> Result<(), sqlx::Error> {
        let done = sqlx::query(statement)
            .bind(lineage)
            .bind(&self.created_at)
            .bind(signed(self.serial))
            .bind(signed(self.fence))
            .bind(self.sums.to_text())
            .bind(&self.schema_sum)
            .bind(self.plain_check(lineage))
            .bind(self.mac(integrity).to_bytes())
            .execute(conn)
            .await?;
        match done.rows_affected() {
            1 => Ok(()),
            _ => Err(sqlx::Error::RowNotFound),
        }
    }

    fn mac(&self, integrity: &Integrity) -> Mac {
        let (serial, fence) = (self.serial.to_le_bytes(), self.fence.to_le_bytes());
        let sums = self.sums.to_text();
        integrity.mac(
            Table::Meta,
            &[
                self.created_at.as_bytes(),
                &serial,
                &fence,
                sums.as_bytes(),
                &self.schema_sum,
            ],
        )
    }

    fn plain_check(&self, lineage: &[u8]) -> Vec<u8> {
        let text = format!(
            "{} {} {} {}",
            self.created_at,
            self.serial,
            self.fence,
            self.sums.to_text()
        );
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(lineage)
            .update(text.as_bytes())
            .update(&self.schema_sum);
        hasher.finalize().as_bytes()[..16].to_vec()
    }
}

/// A counter as SQLite keeps it. Counters begin at zero and rise by one.
pub(crate) fn signed(counter: u64) -> i64 {
    i64::try_from(counter).unwrap_or(i64::MAX)
}

/// The digest of the schema as it is in the file.
pub(crate) async fn schema_sum(conn: &mut SqliteConnection) -> Result<Vec<u8>, sqlx::Error> {
    let schema: String = sqlx::query_scalar(sql::READ_SCHEMA).fetch_one(conn).await?;
    Ok(blake3::hash(schema.as_bytes()).as_bytes()[..16].to_vec())
}
