//! One batch, one transaction.
//!
//! A batch is first carried out in memory, write by write and with all its checks, on what the state holds for the rows
//! and ops that it touches. What is different at the end goes to the database, a few statements for all records.

mod ops;
mod records;
mod rows;

use std::collections::BTreeMap;

use sqlx::sqlite::SqliteConnection;
use strata_model::event::StoredEvent;
use strata_model::provider::Operation;
use strata_model::state::{CheckpointRecord, ClosedOp, Intent, RowKey, StateRow};
use strata_model::store::{StoreError, Write};
use strata_model::{OpId, RunId, Timestamp};

use crate::database::{Arg, execute_bulk};
use crate::fault::{Doing, is_constraint};
use crate::history::{Records, event_mac};
use crate::integrity::{Mac, Table};
use crate::meta::{Meta, signed};
use crate::record::{Codec, KeyColumns, inconsistent, to_json};
use crate::sql;

/// What is known without asking the database, valid for as long as one lock is held: only its holder opens and closes
/// ops. Connections never change once written.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    open: BTreeMap<OpId, OpenHead>,
    configs: BTreeMap<String, i64>,
}

impl Cache {
    /// Forgets what another lock holder may have changed.
    pub(crate) fn forget_ops(&mut self) {
        self.open.clear();
    }

    /// Takes over what a committed change has done.
    pub(crate) fn absorb(&mut self, learned: Learned) {
        self.configs.extend(learned.configs);
        for (op, head) in learned.ops {
            match head {
                Some(head) => self.open.insert(op, head),
                None => self.open.remove(&op),
            };
        }
    }
}

/// What a change will add to the cache once it is committed.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    configs: BTreeMap<String, i64>,
    ops: BTreeMap<OpId, Option<OpenHead>>,
}

/// What closing an op needs of it.
#[derive(Debug, Clone)]
pub(crate) struct OpenHead {
    run: RunId,
    key: RowKey,
    operation: Operation,
    started_at: Timestamp,
    mac: Mac,
}

#[derive(Debug)]
struct RowSlot {
    /// What the database holds: the row's number and checksum.
    stored: Option<(i64, Mac)>,
    now: RowNow,
}

#[derive(Debug)]
enum RowNow {
    Absent,
    AsStored,
    New(Box<StateRow>),
}

impl RowSlot {
    fn is_there(&self) -> bool {
        match self.now {
            RowNow::Absent => false,
            RowNow::AsStored | RowNow::New(_) => true,
        }
    }
}

#[derive(Debug)]
enum OpSlot {
    /// It is in the database.
    Stored(OpenHead),
    /// The batch opens it.
    New(Box<Intent>, Option<CheckpointRecord>),
    /// The batch closed it; the checksum is that of the database's record, where there is one.
    Closed(Option<Mac>),
}

/// A batch on its way.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    conn: &'a mut SqliteConnection,
    lineage: &'a [u8],
    codec: &'a Codec,
    cache: &'a Cache,
    doing: Doing<'a>,
    meta: Meta,
    rows: BTreeMap<KeyColumns, RowSlot>,
    ops: BTreeMap<OpId, OpSlot>,
    closed: Vec<Arg>,
    steps: BTreeMap<String, Vec<u32>>,
    events: Vec<Arg>,
    learned: Learned,
}

/// Where a change happens.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) conn: &'a mut SqliteConnection,
    pub(crate) lineage: &'a [u8],
    pub(crate) codec: &'a Codec,
    pub(crate) cache: &'a Cache,
    pub(crate) doing: Doing<'a>,
}

impl<'a> Change<'a> {
    /// Begins a change of the state that `meta` describes. It raises the serial.
    pub(crate) fn new(target: Target<'a>, mut meta: Meta) -> Self {
        meta.serial += 1;
        Change {
            conn: target.conn,
            lineage: target.lineage,
            codec: target.codec,
            cache: target.cache,
            doing: target.doing,
            meta,
            rows: BTreeMap::new(),
            ops: BTreeMap::new(),
            closed: Vec::new(),
            steps: BTreeMap::new(),
            events: Vec::new(),
            learned: Learned::default(),
        }
    }

    /// Carries the writes out in the open transaction, which the caller commits.
    pub(crate) async fn carry_out(
        mut self,
        writes: Vec<Write>,
    ) -> Result<(Meta, Learned), StoreError> {
        self.find_rows(&writes).await?;
        self.find_ops(&writes).await?;
        for write in writes {
            self.write(write).await?;
        }
        self.flush_ops().await?;
        self.flush_rows().await?;
        self.flush_steps().await?;
        let closed = std::mem::take(&mut self.closed);
        self.bulk(sql::CLOSED_OPS, closed, Table::ClosedOps).await?;
        let events = std::mem::take(&mut self.events);
        self.bulk(sql::EVENTS, events, Table::Events).await?;
        let integrity = &self.codec.integrity;
        self.meta
            .write(self.conn, self.lineage, integrity, sql::UPDATE_META)
            .await
            .map_err(|error| self.doing.fault(error))?;
        Ok((self.meta, self.learned))
    }

    async fn write(&mut self, write: Write) -> Result<(), StoreError> {
        match write {
            Write::OpenOp(intent) => self.open_op(intent),
            Write::Checkpoint { op, record } => self.checkpoint(op, record).await,
            Write::CloseOp {
                op,
                outcome,
                message,
                at,
            } => self.close_op(op, |head| ClosedOp {
                op,
                run: head.run,
                key: head.key,
                operation: head.operation,
                outcome,
                message,
                started_at: head.started_at,
                ended_at: at,
            }),
            Write::PutRow(row) => {
                let slot = self.row_slot(&row.key)?;
                slot.now = RowNow::New(row);
                Ok(())
            }
            Write::DeleteRow(key) => {
                self.existing_row(&key)?.now = RowNow::Absent;
                Ok(())
            }
            Write::MoveRow { from, to } => self.move_row(&from, to).await,
            Write::StepDone { plan, step } => {
                self.steps.entry(plan.to_string()).or_default().push(step);
                Ok(())
            }
            Write::PutOutputs(outputs) => self.put_outputs(&outputs).await,
            Write::PutPlan(plan) => self.put_plan(&plan).await,
            Write::BeginRun(run) => self.put_run(&run, sql::INSERT_RUN).await,
            Write::EndRun {
                run,
                status,
                summary,
                at,
            } => self.end_run(run, status, summary, at).await,
            Write::Event { run, event } => self.event(run, &event),
        }
    }

    fn event(&mut self, run: RunId, event: &StoredEvent) -> Result<(), StoreError> {
        let run = run.to_string();
        let data = to_json(Table::Events, &run, event)?;
        let serial = signed(self.meta.serial);
        let position = signed((self.events.len() / sql::EVENTS.width()) as u64);
        let mac = event_mac(&self.codec.integrity, &run, serial, position, &data);
        self.events.extend([
            Arg::Text(run),
            Arg::Int(serial),
            Arg::Int(position),
            Arg::Text(data),
            Arg::Blob(mac.to_bytes()),
        ]);
        Ok(())
    }

    fn records(&mut self) -> Records<'_> {
        Records {
            conn: self.conn,
            lineage: self.lineage,
            integrity: &self.codec.integrity,
            doing: self.doing,
        }
    }

    /// Carries out a statement over many records and makes sure that it touched as many.
    async fn bulk(
        &mut self,
        bulk: sql::Bulk,
        args: Vec<Arg>,
        table: Table,
    ) -> Result<(), StoreError> {
        let expected = (args.len() / bulk.width()) as u64;
        let touched = execute_bulk(self.conn, self.lineage, bulk, args)
            .await
            .map_err(|error| self.refused(table, error))?;
        match touched == expected {
            true => Ok(()),
            false => Err(inconsistent(
                table,
                "(several)",
                format!("{touched} of {expected} records were written"),
            )),
        }
    }

    /// A constraint that refuses a record is an inconsistency of the batch, not a failing disk.
    fn refused(&self, table: Table, error: sqlx::Error) -> StoreError {
        match (is_constraint(&error), table) {
            (true, Table::OpenOps) => same_key_is_open("(of the batch)"),
            (true, _) => inconsistent(table, "(of the batch)", error.to_string()),
            (false, _) => self.doing.fault(error),
        }
    }
}

fn same_key_is_open(key: &str) -> StoreError {
    inconsistent(Table::OpenOps, key, "an op of the same object is open")
}

fn not_open(op: OpId) -> StoreError {
    inconsistent(Table::OpenOps, op.to_string(), "it is not open")
}
