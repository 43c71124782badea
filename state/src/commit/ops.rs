//! Ops: opened, checkpointed and closed.

use strata_model::OpId;
use strata_model::state::{CheckpointRecord, ClosedOp, Intent};
use strata_model::store::{StoreError, Write};

use super::{Change, OpSlot, OpenHead, not_open, same_key_is_open};
use crate::database::Arg;
use crate::integrity::{Mac, Table};
use crate::record::{KeyColumns, parse_key, to_json};
use crate::sql;

impl Change<'_> {
    /// Finds the ops that the batch checkpoints or closes.
    pub(super) async fn find_ops(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        for write in writes {
            let (Write::Checkpoint { op, .. } | Write::CloseOp { op, .. }) = write else {
                continue;
            };
            if self.ops.contains_key(op) {
                continue;
            }
            let head = match self.cache.open.get(op) {
                Some(head) => Some(head.clone()),
                None => self.read_op(*op).await?.map(|(head, _, _)| head),
            };
            if let Some(head) = head {
                self.ops.insert(*op, OpSlot::Stored(head));
            }
        }
        Ok(())
    }

    /// An open op's head, its key's columns and its record.
    async fn read_op(
        &mut self,
        op: OpId,
    ) -> Result<Option<(OpenHead, KeyColumns, String)>, StoreError> {
        let found: Option<(String, String, String, String, Vec<u8>)> =
            sqlx::query_as(sql::READ_OPEN_OP)
                .bind(self.lineage)
                .bind(op.to_string())
                .fetch_optional(&mut *self.conn)
                .await
                .map_err(|error| self.doing.fault(error))?;
        let Some((address, deposed, data, checkpoint, mac)) = found else {
            return Ok(None);
        };
        let columns = KeyColumns { address, deposed };
        let name = op.to_string();
        let parts = op_parts(&name, &columns, &data, &checkpoint);
        let stored = Mac::from_bytes(&mac);
        let mac = self
            .codec
            .integrity
            .verify(Table::OpenOps, &name, stored, &parts)?;
        let key = parse_key(Table::OpenOps, &columns.address, &columns.deposed)?;
        let intent = self.codec.open_op_from_json(op, key, &data, "")?.intent;
        Ok(Some((OpenHead::of(&intent, mac), columns, data)))
    }

    pub(super) fn open_op(&mut self, intent: Box<Intent>) -> Result<(), StoreError> {
        let key = &intent.row.key;
        let taken = self.ops.iter().find(|(op, slot)| match slot {
            OpSlot::Stored(head) => **op == intent.op || head.key == *key,
            OpSlot::New(other, _) => **op == intent.op || other.row.key == *key,
            OpSlot::Closed(_) => **op == intent.op,
        });
        if taken.is_some() {
            return Err(same_key_is_open(&key.to_string()));
        }
        self.ops.insert(intent.op, OpSlot::New(intent, None));
        Ok(())
    }

    pub(super) async fn checkpoint(
        &mut self,
        op: OpId,
        record: CheckpointRecord,
    ) -> Result<(), StoreError> {
        match self.ops.get_mut(&op) {
            Some(OpSlot::New(_, checkpoint)) => {
                *checkpoint = Some(record);
                Ok(())
            }
            Some(OpSlot::Stored(_)) => self.checkpoint_stored(op, &record).await,
            Some(OpSlot::Closed(_)) | None => Err(not_open(op)),
        }
    }

    async fn checkpoint_stored(
        &mut self,
        op: OpId,
        record: &CheckpointRecord,
    ) -> Result<(), StoreError> {
        let (mut head, columns, data) = self.read_op(op).await?.ok_or_else(|| not_open(op))?;
        let text = self.codec.checkpoint_to_json(&columns, record)?;
        let name = op.to_string();
        let parts = op_parts(&name, &columns, &data, &text);
        let mac = self.codec.integrity.mac(Table::OpenOps, &parts);
        let done = sqlx::query(sql::UPDATE_CHECKPOINT)
            .bind(self.lineage)
            .bind(&name)
            .bind(&text)
            .bind(mac.to_bytes())
            .execute(&mut *self.conn)
            .await
            .map_err(|error| self.doing.fault(error))?;
        if done.rows_affected() != 1 {
            return Err(not_open(op));
        }
        let sum = self.meta.sums.of_mut(Table::OpenOps);
        sum.remove(head.mac);
        sum.add(mac);
        head.mac = mac;
        self.learned.ops.insert(op, Some(head.clone()));
        self.ops.insert(op, OpSlot::Stored(head));
        Ok(())
    }

    pub(super) fn close_op(
        &mut self,
        op: OpId,
        closed: impl FnOnce(OpenHead) -> ClosedOp,
    ) -> Result<(), StoreError> {
        let slot = self.ops.get_mut(&op).ok_or_else(|| not_open(op))?;
        let (head, stored) = match std::mem::replace(slot, OpSlot::Closed(None)) {
            OpSlot::Stored(head) => {
                let mac = head.mac;
                (head, Some(mac))
            }
            // The checksum is never used: the record is not written.
            OpSlot::New(intent, _) => {
                let mac = self.codec.integrity.mac(Table::OpenOps, &[]);
                (OpenHead::of(&intent, mac), None)
            }
            OpSlot::Closed(_) => return Err(not_open(op)),
        };
        *slot = OpSlot::Closed(stored);
        let name = op.to_string();
        let address = head.key.address.to_string();
        let data = to_json(Table::ClosedOps, &name, &closed(head))?;
        let parts = [name.as_bytes(), address.as_bytes(), data.as_bytes()];
        let mac = self.codec.integrity.mac(Table::ClosedOps, &parts);
        self.closed.extend([
            Arg::Text(name),
            Arg::Text(address),
            Arg::Text(data),
            Arg::Blob(mac.to_bytes()),
        ]);
        Ok(())
    }

    pub(super) async fn flush_ops(&mut self) -> Result<(), StoreError> {
        let (mut gone, mut opened) = (Vec::new(), Vec::new());
        for (op, slot) in std::mem::take(&mut self.ops) {
            match slot {
                OpSlot::Stored(_) | OpSlot::Closed(None) => {}
                OpSlot::Closed(Some(mac)) => {
                    self.meta.sums.of_mut(Table::OpenOps).remove(mac);
                    self.learned.ops.insert(op, None);
                    gone.push(Arg::Text(op.to_string()));
                }
                OpSlot::New(intent, checkpoint) => {
                    opened.extend(self.op_args(&intent, checkpoint.as_ref())?);
                }
            }
        }
        self.bulk(sql::DELETE_OPEN_OPS, gone, Table::OpenOps)
            .await?;
        self.bulk(sql::OPEN_OPS, opened, Table::OpenOps).await
    }

    fn op_args(
        &mut self,
        intent: &Intent,
        checkpoint: Option<&CheckpointRecord>,
    ) -> Result<[Arg; 6], StoreError> {
        let columns = KeyColumns::of(&intent.row.key);
        let data = self.codec.intent_to_json(&columns, intent)?;
        let checkpoint = match checkpoint {
            Some(record) => self.codec.checkpoint_to_json(&columns, record)?,
            None => String::new(),
        };
        let name = intent.op.to_string();
        let parts = op_parts(&name, &columns, &data, &checkpoint);
        let mac = self.codec.integrity.mac(Table::OpenOps, &parts);
        self.meta.sums.of_mut(Table::OpenOps).add(mac);
        self.learned
            .ops
            .insert(intent.op, Some(OpenHead::of(intent, mac)));
        Ok([
            Arg::Text(name),
            Arg::Text(columns.address),
            Arg::Text(columns.deposed),
            Arg::Text(data),
            Arg::Text(checkpoint),
            Arg::Blob(mac.to_bytes()),
        ])
    }
}

impl OpenHead {
    fn of(intent: &Intent, mac: Mac) -> Self {
        OpenHead {
            run: intent.run,
            key: intent.row.key.clone(),
            operation: intent.operation,
            started_at: intent.started_at,
            mac,
        }
    }
}

/// What an open op's checksum covers.
fn op_parts<'a>(
    op: &'a str,
    key: &'a KeyColumns,
    data: &'a str,
    checkpoint: &'a str,
) -> [&'a [u8]; 5] {
    [op, &key.address, &key.deposed, data, checkpoint].map(str::as_bytes)
}
