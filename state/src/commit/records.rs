//! Plans, steps, runs and outputs.

use std::collections::BTreeMap;

use strata_model::state::{PlanRecord, RunRecord, RunStatus, StoredOutput};
use strata_model::store::StoreError;
use strata_model::{RunId, Timestamp};

use super::Change;
use crate::database::{Arg, fetch_bulk};
use crate::history::{PlanData, keyed, step_mac};
use crate::integrity::{Mac, Table};
use crate::record::inconsistent;
use crate::snapshot::read_outputs;
use crate::sql;

impl Change<'_> {
    /// Steps that are done already are left out; the plan's sum counts each once.
    pub(super) async fn flush_steps(&mut self) -> Result<(), StoreError> {
        for (plan, steps) in std::mem::take(&mut self.steps) {
            let Some((mut data, old)) = self.records().plan_data(&plan).await? else {
                return Err(inconsistent(Table::Plans, plan, "it is not recorded"));
            };
            let args = steps.iter().flat_map(|step| {
                let mac = step_mac(&self.codec.integrity, &plan, *step);
                [
                    Arg::Text(plan.clone()),
                    Arg::Int(i64::from(*step)),
                    Arg::Blob(mac.to_bytes()),
                ]
            });
            let args = args.collect();
            let added = fetch_bulk(self.conn, self.lineage, sql::STEPS_DONE, args)
                .await
                .map_err(|error| self.doing.fault(error))?;
            let mut sum = data.done_sum(&plan)?;
            for row in &added {
                let step: u32 =
                    sqlx::Row::try_get(row, 1).map_err(|error| self.doing.fault(error))?;
                sum.add(step_mac(&self.codec.integrity, &plan, step));
            }
            data.done = sum.to_text();
            self.write_plan(&plan, &data, Some(old)).await?;
        }
        Ok(())
    }

    pub(super) async fn put_plan(&mut self, plan: &PlanRecord) -> Result<(), StoreError> {
        let name = plan.id.to_string();
        let (data, old) = match self.records().plan_data(&name).await? {
            Some((data, _)) if data.digest != plan.digest => {
                return Err(inconsistent(
                    Table::Plans,
                    name,
                    "another plan is recorded under the same id",
                ));
            }
            Some((data, mac)) => {
                let data = PlanData {
                    status: plan.status,
                    ..data
                };
                (data, Some(mac))
            }
            None => (PlanData::new(plan), None),
        };
        self.write_plan(&name, &data, old).await
    }

    async fn write_plan(
        &mut self,
        plan: &str,
        data: &PlanData,
        old: Option<Mac>,
    ) -> Result<(), StoreError> {
        let (data, mac) = keyed(&self.codec.integrity, Table::Plans, plan, data)?;
        sqlx::query(sql::PUT_PLAN)
            .bind(self.lineage)
            .bind(plan)
            .bind(data)
            .bind(mac.to_bytes())
            .execute(&mut *self.conn)
            .await
            .map_err(|error| self.doing.fault(error))?;
        let sum = self.meta.sums.of_mut(Table::Plans);
        if let Some(old) = old {
            sum.remove(old);
        }
        sum.add(mac);
        Ok(())
    }

    pub(super) async fn put_run(
        &mut self,
        run: &RunRecord,
        statement: &'static str,
    ) -> Result<(), StoreError> {
        let name = run.id.to_string();
        let (data, mac) = keyed(&self.codec.integrity, Table::Runs, &name, run)?;
        let done = sqlx::query(statement)
            .bind(self.lineage)
            .bind(&name)
            .bind(data)
            .bind(mac.to_bytes())
            .execute(&mut *self.conn)
            .await
            .map_err(|error| self.refused(Table::Runs, error))?;
        match done.rows_affected() {
            1 => Ok(()),
            _ => Err(inconsistent(Table::Runs, name, "it is not recorded")),
        }
    }

    pub(super) async fn end_run(
        &mut self,
        run: RunId,
        status: RunStatus,
        summary: String,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(record) = self.records().run(run).await? else {
            return Err(inconsistent(
                Table::Runs,
                run.to_string(),
                "it is not recorded",
            ));
        };
        let ended = RunRecord {
            status,
            summary: Some(summary),
            ended_at: Some(at),
            ..record
        };
        self.put_run(&ended, sql::UPDATE_RUN).await
    }

    pub(super) async fn put_outputs(
        &mut self,
        outputs: &BTreeMap<String, StoredOutput>,
    ) -> Result<(), StoreError> {
        let integrity = &self.codec.integrity;
        let stored = read_outputs(self.conn, self.lineage, integrity, self.doing).await?;
        for (name, _, mac) in &stored {
            self.meta.sums.of_mut(Table::Outputs).remove(*mac);
            if !outputs.contains_key(name) {
                sqlx::query(sql::DELETE_OUTPUT)
                    .bind(self.lineage)
                    .bind(name)
                    .execute(&mut *self.conn)
                    .await
                    .map_err(|error| self.doing.fault(error))?;
            }
        }
        for (name, output) in outputs {
            let data = self.codec.output_to_json(name, output)?;
            let mac = integrity.mac(Table::Outputs, &[name.as_bytes(), data.as_bytes()]);
            sqlx::query(sql::PUT_OUTPUT)
                .bind(self.lineage)
                .bind(name)
                .bind(data)
                .bind(mac.to_bytes())
                .execute(&mut *self.conn)
                .await
                .map_err(|error| self.doing.fault(error))?;
            self.meta.sums.of_mut(Table::Outputs).add(mac);
        }
        Ok(())
    }
}
