//! Rows: put, deleted and moved.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use strata_model::provider::ProviderConfig;
use strata_model::state::{RowKey, StateRow};
use strata_model::store::{StoreError, Write};

use super::{Change, RowNow, RowSlot};
use crate::database::{Arg, fetch_bulk};
use crate::integrity::{Mac, Table};
use crate::record::{KeyColumns, from_json, inconsistent, to_json};
use crate::snapshot::{row_mac, verify_config};
use crate::sql;

impl Change<'_> {
    /// Reads number and checksum of the rows that the batch touches.
    pub(super) async fn find_rows(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        for write in writes {
            let keys = match write {
                Write::PutRow(row) => [Some(&row.key), None],
                Write::DeleteRow(key) => [Some(key), None],
                Write::MoveRow { from, to } => [Some(from), Some(to)],
                Write::OpenOp(_)
                | Write::Checkpoint { .. }
                | Write::CloseOp { .. }
                | Write::StepDone { .. }
                | Write::PutOutputs(_)
                | Write::PutPlan(_)
                | Write::BeginRun(_)
                | Write::EndRun { .. }
                | Write::Event { .. } => [None, None],
            };
            for key in keys.into_iter().flatten() {
                self.rows.entry(KeyColumns::of(key)).or_insert(RowSlot {
                    stored: None,
                    now: RowNow::Absent,
                });
            }
        }
        let args = self
            .rows
            .keys()
            .flat_map(|key| [&key.address, &key.deposed].map(|text| Arg::Text(text.clone())));
        let args = args.collect();
        let found = fetch_bulk(self.conn, self.lineage, sql::FIND_ROWS, args)
            .await
            .map_err(|error| self.doing.fault(error))?;
        for row in &found {
            let (number, address, deposed, mac) =
                found_row(row).map_err(|error| self.doing.fault(error))?;
            let mac = Mac::from_bytes(&mac).ok_or_else(|| {
                self.codec
                    .integrity
                    .corrupt(format!("the checksum of resources {address} is unreadable"))
            })?;
            if let Some(slot) = self.rows.get_mut(&KeyColumns { address, deposed }) {
                slot.stored = Some((number, mac));
                slot.now = RowNow::AsStored;
            }
        }
        Ok(())
    }

    pub(super) fn row_slot(&mut self, key: &RowKey) -> Result<&mut RowSlot, StoreError> {
        self.rows
            .get_mut(&KeyColumns::of(key))
            .ok_or_else(|| inconsistent(Table::Resources, key.to_string(), "it was not looked up"))
    }

    pub(super) fn existing_row(&mut self, key: &RowKey) -> Result<&mut RowSlot, StoreError> {
        let slot = self.row_slot(key)?;
        match slot.is_there() {
            true => Ok(slot),
            false => Err(inconsistent(
                Table::Resources,
                key.to_string(),
                "it is not there",
            )),
        }
    }

    pub(super) async fn move_row(&mut self, from: &RowKey, to: RowKey) -> Result<(), StoreError> {
        if self.row_slot(&to)?.is_there() {
            return Err(inconsistent(
                Table::Resources,
                to.to_string(),
                format!("{from} cannot be moved there: it is taken"),
            ));
        }
        let slot = self.existing_row(from)?;
        let mut row = match std::mem::replace(&mut slot.now, RowNow::Absent) {
            RowNow::New(row) => row,
            RowNow::AsStored | RowNow::Absent => Box::new(self.read_row(from).await?),
        };
        row.key = to.clone();
        self.row_slot(&to)?.now = RowNow::New(row);
        Ok(())
    }

    async fn read_row(&mut self, key: &RowKey) -> Result<StateRow, StoreError> {
        let columns = KeyColumns::of(key);
        let (config, data, mac): (i64, String, Vec<u8>) = sqlx::query_as(sql::READ_ROW)
            .bind(self.lineage)
            .bind(&columns.address)
            .bind(&columns.deposed)
            .fetch_one(&mut *self.conn)
            .await
            .map_err(|error| self.doing.fault(error))?;
        let integrity = &self.codec.integrity;
        let own = row_mac(integrity, &columns.address, &columns.deposed, config, &data);
        if Mac::from_bytes(&mac) != Some(own) {
            return Err(integrity.corrupt(format!("the checksum of resources {key} does not fit")));
        }
        let (provider, mac): (String, Vec<u8>) = sqlx::query_as(sql::READ_CONFIG_BY_ID)
            .bind(self.lineage)
            .bind(config)
            .fetch_one(&mut *self.conn)
            .await
            .map_err(|error| self.doing.fault(error))?;
        verify_config(integrity, config, &provider, &mac)?;
        let provider = from_json(Table::Configs, &config.to_string(), &provider)?;
        self.codec
            .row_from_json((key.clone(), &columns.address), provider, &data)
    }

    pub(super) async fn flush_rows(&mut self) -> Result<(), StoreError> {
        let (mut gone, mut put) = (Vec::new(), Vec::new());
        for (columns, slot) in std::mem::take(&mut self.rows) {
            match (slot.now, slot.stored) {
                (RowNow::AsStored, _) | (RowNow::Absent, None) => {}
                (RowNow::Absent, Some((number, mac))) => {
                    self.meta.sums.of_mut(Table::Resources).remove(mac);
                    gone.push(Arg::Int(number));
                }
                (RowNow::New(row), stored) => {
                    if let Some((_, mac)) = stored {
                        self.meta.sums.of_mut(Table::Resources).remove(mac);
                    }
                    put.extend(self.row_args(columns, &row).await?);
                }
            }
        }
        self.bulk(sql::DELETE_ROWS, gone, Table::Resources).await?;
        self.bulk(sql::PUT_ROWS, put, Table::Resources).await
    }

    async fn row_args(
        &mut self,
        columns: KeyColumns,
        row: &StateRow,
    ) -> Result<[Arg; 5], StoreError> {
        let config = self.config(&row.provider).await?;
        let data = self.codec.row_to_json(&columns, row)?;
        let KeyColumns { address, deposed } = columns;
        let mac = row_mac(&self.codec.integrity, &address, &deposed, config, &data);
        self.meta.sums.of_mut(Table::Resources).add(mac);
        Ok([
            Arg::Text(address),
            Arg::Text(deposed),
            Arg::Int(config),
            Arg::Text(data),
            Arg::Blob(mac.to_bytes()),
        ])
    }

    /// The number of a connection's record, which is made when there is none. Thousands of rows share one.
    async fn config(&mut self, config: &ProviderConfig) -> Result<i64, StoreError> {
        let data = to_json(Table::Configs, config.provider.0.as_ref(), config)?;
        let known = self.cache.configs.get(&data);
        if let Some(id) = known.or_else(|| self.learned.configs.get(&data)) {
            return Ok(*id);
        }
        let integrity = &self.codec.integrity;
        let found: Option<(i64, Vec<u8>)> = sqlx::query_as(sql::READ_CONFIG)
            .bind(self.lineage)
            .bind(&data)
            .fetch_optional(&mut *self.conn)
            .await
            .map_err(|error| self.doing.fault(error))?;
        let id = if let Some((id, mac)) = found {
            verify_config(integrity, id, &data, &mac)?;
            id
        } else {
            let id: i64 = sqlx::query_scalar(sql::NEXT_CONFIG)
                .fetch_one(&mut *self.conn)
                .await
                .map_err(|error| self.doing.fault(error))?;
            let mac = integrity.mac(Table::Configs, &[&id.to_le_bytes(), data.as_bytes()]);
            sqlx::query(sql::INSERT_CONFIG)
                .bind(self.lineage)
                .bind(id)
                .bind(&data)
                .bind(mac.to_bytes())
                .execute(&mut *self.conn)
                .await
                .map_err(|error| self.doing.fault(error))?;
            self.meta.sums.of_mut(Table::Configs).add(mac);
            id
        };
        self.learned.configs.insert(data, id);
        Ok(id)
    }
}

fn found_row(row: &SqliteRow) -> Result<(i64, String, String, Vec<u8>), sqlx::Error> {
    Ok((
        row.try_get(0)?,
        row.try_get(1)?,
        row.try_get(2)?,
        row.try_get(3)?,
    ))
}
