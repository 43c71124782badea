//! Plans, runs, events and closed ops: what is asked for one at a time.

use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteConnection;
use strata_model::event::StoredEvent;
use strata_model::state::{ClosedOp, PlanRecord, PlanStatus, RunRecord};
use strata_model::store::StoreError;
use strata_model::{Digest, OpId, PlanId, RunId, Timestamp};

use crate::fault::Doing;
use crate::integrity::{Integrity, Mac, Sum, Table};
use crate::record::{from_json, inconsistent, to_json};
use crate::sql;

/// A plan without the steps that are done, which have a table of their own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PlanData {
    pub(crate) digest: Digest,
    pub(crate) status: PlanStatus,
    pub(crate) created_at: Timestamp,
    /// The sum of the done steps' checksums.
    pub(crate) done: String,
}

impl PlanData {
    /// A plan of which nothing is done.
    pub(crate) fn new(plan: &PlanRecord) -> Self {
        PlanData {
            digest: plan.digest,
            status: plan.status,
            created_at: plan.created_at,
            done: Sum::default().to_text(),
        }
    }

    pub(crate) fn done_sum(&self, plan: &str) -> Result<Sum, StoreError> {
        Sum::parse(&self.done)
            .ok_or_else(|| inconsistent(Table::Plans, plan, "the sum of its steps is unreadable"))
    }
}

/// The checksum of a done step.
pub(crate) fn step_mac(integrity: &Integrity, plan: &str, step: u32) -> Mac {
    integrity.mac(Table::PlanSteps, &[plan.as_bytes(), &step.to_le_bytes()])
}

/// A connection with what is needed to read records from it.
#[derive(Debug)]
pub(crate) struct Records<'a> {
    pub(crate) conn: &'a mut SqliteConnection,
    pub(crate) lineage: &'a [u8],
    pub(crate) integrity: &'a Integrity,
    pub(crate) doing: Doing<'a>,
}

type Keyed = (String, String, Vec<u8>);

impl Records<'_> {
    /// Checks a record whose key is one text.
    fn verify(&self, table: Table, (key, data, mac): &Keyed) -> Result<Mac, StoreError> {
        self.integrity.verify(
            table,
            key,
            Mac::from_bytes(mac),
            &[key.as_bytes(), data.as_bytes()],
        )
    }

    /// A plan's record and its checksum.
    pub(crate) async fn plan_data(
        &mut self,
        plan: &str,
    ) -> Result<Option<(PlanData, Mac)>, StoreError> {
        let found: Option<Keyed> = sqlx::query_as(sql::READ_PLAN)
            .bind(self.lineage)
            .bind(plan)
            .fetch_optional(&mut *self.conn)
            .await
            .map_err(|error| self.doing.fault(error))?;
        let Some(record) = found else { return Ok(None) };
        let mac = self.verify(Table::Plans, &record)?;
        Ok(Some((from_json(Table::Plans, plan, &record.1)?, mac)))
    }

    /// What is known of a plan.
    pub(crate) async fn plan(&mut self, id: PlanId) -> Result<Option<PlanRecord>, StoreError> {
        match self.plan_data(&id.to_string()).await? {
            Some((data, _)) => self.with_steps(id, data).await.map(Some),
            None => Ok(None),
        }
    }

    async fn with_steps(&mut self, id: PlanId, data: PlanData) -> Result<PlanRecord, StoreError> {
        let name = id.to_string();
        let found: Vec<(i64, Vec<u8>)> = sqlx::query_as(sql::READ_STEPS)
            .bind(self.lineage)
            .bind(&name)
            .fetch_all(&mut *self.conn)
            .await
            .map_err(|error| self.doing.fault(error))?;
        let (mut done, mut sum) = (Vec::new(), Sum::default());
        for (step, mac) in found {
            let step = u32::try_from(step)
                .map_err(|error| inconsistent(Table::PlanSteps, &name, error.to_string()))?;
            let own = step_mac(self.integrity, &name, step);
            if Mac::from_bytes(&mac) != Some(own) {
                return Err(self.integrity.corrupt(format!(
                    "the checksum of plan_steps_done {name} {step} does not fit"
                )));
            }
            sum.add(own);
            done.push(step);
        }
        self.integrity
            .verify_sum(Table::PlanSteps, data.done_sum(&name)?, sum)?;
        Ok(PlanRecord {
            id,
            digest: data.digest,
            status: data.status,
            created_at: data.created_at,
            done,
        })
    }

    /// The plans that a run applies or died while applying, all of them checked against the table's sum.
    pub(crate) async fn running_plans(
        &mut self,
        stored: Sum,
    ) -> Result<Vec<PlanRecord>, StoreError> {
        let found: Vec<Keyed> = sqlx::query_as(sql::READ_PLANS)
            .bind(self.lineage)
            .fetch_all(&mut *self.conn)
            .await
            .map_err(|error| self.doing.fault(error))?;
        let (mut running, mut sum) = (Vec::new(), Sum::default());
        for record in found {
            sum.add(self.verify(Table::Plans, &record)?);
            let data: PlanData = from_json(Table::Plans, &record.0, &record.1)?;
            if data.status == PlanStatus::Running {
                let id = PlanId::parse(&record.0).ok_or_else(|| {
                    inconsistent(Table::Plans, &record.0, "it is not a plan's id")
                })?;
                running.push((id, data));
            }
        }
        self.integrity.verify_sum(Table::Plans, stored, sum)?;
        running.sort_by_key(|(id, data)| (data.created_at, *id));
        let mut plans = Vec::new();
        for (id, data) in running {
            plans.push(self.with_steps(id, data).await?);
        }
        Ok(plans)
    }

    /// One run.
    pub(crate) async fn run(&mut self, run: RunId) -> Result<Option<RunRecord>, StoreError> {
        let found: Option<Keyed> = sqlx::query_as(sql::READ_RUN)
            .bind(self.lineage)
            .bind(run.to_string())
            .fetch_optional(&mut *self.conn)
            .await
            .map_err(|error| self.doing.fault(error))?;
        found.map(|record| self.run_record(&record)).transpose()
    }

    /// Runs, newest first.
    pub(crate) async fn runs(&mut self, limit: u32) -> Result<Vec<RunRecord>, StoreError> {
        let found: Vec<Keyed> = sqlx::query_as(sql::READ_RUNS)
            .bind(self.lineage)
            .bind(i64::from(limit))
            .fetch_all(&mut *self.conn)
            .await
            .map_err(|error| self.doing.fault(error))?;
        found.iter().map(|record| self.run_record(record)).collect()
    }

    fn run_record(&self, record: &Keyed) -> Result<RunRecord, StoreError> {
        self.verify(Table::Runs, record)?;
        from_json(Table::Runs, &record.0, &record.1)
    }

    /// The events of a run, in order.
    pub(crate) async fn events(&mut self, run: RunId) -> Result<Vec<StoredEvent>, StoreError> {
        let run = run.to_string();
        let found: Vec<(i64, i64, String, Vec<u8>)> = sqlx::query_as(sql::READ_EVENTS)
            .bind(self.lineage)
            .bind(&run)
            .fetch_all(&mut *self.conn)
            .await
            .map_err(|error| self.doing.fault(error))?;
        found
            .iter()
            .map(|(serial, position, data, mac)| {
                let own = event_mac(self.integrity, &run, *serial, *position, data);
                if Mac::from_bytes(mac) != Some(own) {
                    return Err(self.integrity.corrupt(format!(
                        "the checksum of events {run} {serial}.{position} does not fit"
                    )));
                }
                from_json(Table::Events, &run, data)
            })
            .collect()
    }

    /// Closed ops, newest first.
    pub(crate) async fn history(
        &mut self,
        address: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ClosedOp>, StoreError> {
        let statement = match address {
            Some(_) => sql::READ_HISTORY_OF,
            None => sql::READ_HISTORY,
        };
        let query = sqlx::query_as(statement)
            .bind(self.lineage)
            .bind(i64::from(limit));
        let query = match address {
            Some(address) => query.bind(address.to_owned()),
            None => query,
        };
        let found: Vec<ClosedColumns> = query
            .fetch_all(&mut *self.conn)
            .await
            .map_err(|error| self.doing.fault(error))?;
        found.iter().map(|record| self.closed_op(record)).collect()
    }

    /// A closed op.
    pub(crate) async fn closed(&mut self, op: OpId) -> Result<Option<ClosedOp>, StoreError> {
        let found: Option<ClosedColumns> = sqlx::query_as(sql::READ_CLOSED_OP)
            .bind(self.lineage)
            .bind(op.to_string())
            .fetch_optional(&mut *self.conn)
            .await
            .map_err(|error| self.doing.fault(error))?;
        found.map(|record| self.closed_op(&record)).transpose()
    }

    fn closed_op(&self, (op, address, data, mac): &ClosedColumns) -> Result<ClosedOp, StoreError> {
        self.integrity.verify(
            Table::ClosedOps,
            op,
            Mac::from_bytes(mac),
            &[op.as_bytes(), address.as_bytes(), data.as_bytes()],
        )?;
        from_json(Table::ClosedOps, op, data)
    }
}

type ClosedColumns = (String, String, String, Vec<u8>);

/// The checksum of an event's record.
pub(crate) fn event_mac(
    integrity: &Integrity,
    run: &str,
    serial: i64,
    position: i64,
    data: &str,
) -> Mac {
    integrity.mac(
        Table::Events,
        &[
            run.as_bytes(),
            &serial.to_le_bytes(),
            &position.to_le_bytes(),
            data.as_bytes(),
        ],
    )
}

/// The columns of a record whose key is one text, ready to be written.
pub(crate) fn keyed(
    integrity: &Integrity,
    table: Table,
    key: &str,
    record: &impl Serialize,
) -> Result<(String, Mac), StoreError> {
    let data = to_json(table, key, record)?;
    let mac = integrity.mac(table, &[key.as_bytes(), data.as_bytes()]);
    Ok((data, mac))
}
