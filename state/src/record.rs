//! The JSON form of rows, open ops and outputs, and the way between it and the model's types.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use strata_model::provider::{Operation, ProviderConfig};
use strata_model::schema::Adoption;
use strata_model::state::{
    CheckpointRecord, Intent, OpenOp, RowKey, RowStatus, StateRow, StoredOutput,
};
use strata_model::store::StoreError;
use strata_model::{
    Address, DeposedId, Digest, Fence, Lineage, OpId, PlanId, Position, RunId, Timestamp,
};

use crate::integrity::{Integrity, Table};
use crate::seal::{Cell, SealedValue, Sealer};

/// The cells of checkpoints are not those of the intents that they belong to.
const CHECKPOINT: &str = "open_ops.checkpoint";

/// What turns records into values and back.
#[derive(Debug)]
pub(crate) struct Codec {
    pub(crate) sealer: Sealer,
    pub(crate) integrity: Integrity,
    pub(crate) lineage: Lineage,
}

/// A row without its key and its connection, which are columns.
#[derive(Debug, Serialize, Deserialize)]
struct RowRecord<'a> {
    schema_version: u32,
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    attributes: SealedValue<'a>,
    status: RowStatus,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    protected: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    create_before_destroy: bool,
    #[serde(default, skip_serializing_if = "<[Address]>::is_empty")]
    dependencies: Cow<'a, [Address]>,
    created_by: Option<OpId>,
    op: Option<OpId>,
    source: Option<Cow<'a, Position>>,
}

/// An intent with its row inside.
#[derive(Debug, Serialize, Deserialize)]
struct IntentRecord<'a> {
    run: RunId,
    plan: PlanId,
    step: u32,
    operation: Operation,
    adoption: Adoption,
    request_digest: Digest,
    was_absent: bool,
    fence: Fence,
    started_at: Timestamp,
    provider: Cow<'a, ProviderConfig>,
    #[serde(borrow)]
    row: RowRecord<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
struct CheckpointData<'a> {
    id: Cow<'a, str>,
    #[serde(borrow)]
    attributes: SealedValue<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
struct OutputRecord<'a> {
    #[serde(borrow)]
    value: SealedValue<'a>,
    sensitive: bool,
}

/// The columns of a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyColumns {
    pub(crate) address: String,
    /// Empty for the current object.
    pub(crate) deposed: String,
}

impl KeyColumns {
    pub(crate) fn of(key: &RowKey) -> Self {
        KeyColumns {
            address: key.address.to_string(),
            deposed: key.deposed.map(|id| id.to_string()).unwrap_or_default(),
        }
    }

    /// The text that names the record in messages and binds its secrets.
    fn text(address: &str, deposed: &str) -> String {
        format!("{address}|{deposed}")
    }
}

/// Reads the columns of a key.
pub(crate) fn parse_key(table: Table, address: &str, deposed: &str) -> Result<RowKey, StoreError> {
    let fault = |detail: String| inconsistent(table, address, detail);
    let deposed = match deposed {
        "" => None,
        text => Some(
            DeposedId::parse(text)
                .ok_or_else(|| fault(format!("'{text}' is not the id of a deposed object")))?,
        ),
    };
    let address = Address::parse(address).map_err(|error| fault(error.to_string()))?;
    Ok(RowKey { address, deposed })
}

pub(crate) fn inconsistent(
    table: Table,
    key: impl Into<String>,
    detail: impl Into<String>,
) -> StoreError {
    StoreError::Inconsistent {
        table: table.name(),
        key: key.into(),
        detail: detail.into(),
    }
}

/// Writes a record as JSON.
pub(crate) fn to_json(
    table: Table,
    key: &str,
    record: &impl Serialize,
) -> Result<String, StoreError> {
    serde_json::to_string(record).map_err(|error| inconsistent(table, key, error.to_string()))
}

/// Reads a record's JSON.
pub(crate) fn from_json<'de, T: Deserialize<'de>>(
    table: Table,
    key: &str,
    data: &'de str,
) -> Result<T, StoreError> {
    serde_json::from_str(data).map_err(|error| inconsistent(table, key, error.to_string()))
}

impl Codec {
    /// Writes a row.
    pub(crate) fn row_to_json(
        &self,
        columns: &KeyColumns,
        row: &StateRow,
    ) -> Result<String, StoreError> {
        let record = self.row_record(Table::Resources, columns, row)?;
        to_json(Table::Resources, &columns.address, &record)
    }

    fn row_record<'a>(
        &self,
        table: Table,
        columns: &KeyColumns,
        row: &'a StateRow,
    ) -> Result<RowRecord<'a>, StoreError> {
        let key = KeyColumns::text(&columns.address, &columns.deposed);
        let cell = Cell {
            table: table.name(),
            key: &key,
        };
        Ok(RowRecord {
            schema_version: row.schema_version,
            id: row.id.as_deref().map(Cow::Borrowed),
            attributes: self.sealer.seal(cell, &row.attributes, false)?,
            status: row.status,
            protected: row.protected,
            create_before_destroy: row.create_before_destroy,
            dependencies: Cow::Borrowed(&row.dependencies),
            created_by: row.created_by,
            op: row.op,
            source: row.source.as_ref().map(Cow::Borrowed),
        })
    }

    /// Reads a row; `address` is its key's, as it is stored.
    pub(crate) fn row_from_json(
        &self,
        (key, address): (RowKey, &str),
        provider: ProviderConfig,
        data: &str,
    ) -> Result<StateRow, StoreError> {
        let record: RowRecord<'_> = from_json(Table::Resources, address, data)?;
        self.row(Table::Resources.name(), key, provider, record)
    }

    fn row(
        &self,
        table: &'static str,
        key: RowKey,
        provider: ProviderConfig,
        record: RowRecord<'_>,
    ) -> Result<StateRow, StoreError> {
        Ok(StateRow {
            attributes: self.open_value(table, &key, record.attributes)?,
            key,
            provider,
            schema_version: record.schema_version,
            id: record.id.map(Cow::into_owned),
            status: record.status,
            protected: record.protected,
            create_before_destroy: record.create_before_destroy,
            dependencies: record.dependencies.into_owned(),
            created_by: record.created_by,
            op: record.op,
            source: record.source.map(Cow::into_owned),
        })
    }

    fn open_value(
        &self,
        table: &'static str,
        key: &RowKey,
        value: SealedValue<'_>,
    ) -> Result<strata_model::wire::Encoded, StoreError> {
        if !value.has_sealed() {
            return Ok(value.into_encoded());
        }
        let columns = KeyColumns::of(key);
        let text = KeyColumns::text(&columns.address, &columns.deposed);
        let cell = Cell { table, key: &text };
        self.sealer.open(cell, value)
    }

    /// Writes an intent.
    pub(crate) fn intent_to_json(
        &self,
        columns: &KeyColumns,
        intent: &Intent,
    ) -> Result<String, StoreError> {
        let record = IntentRecord {
            run: intent.run,
            plan: intent.plan,
            step: intent.step,
            operation: intent.operation,
            adoption: intent.adoption,
            request_digest: intent.request_digest,
            was_absent: intent.was_absent,
            fence: intent.fence,
            started_at: intent.started_at,
            provider: Cow::Borrowed(&intent.row.provider),
            row: self.row_record(Table::OpenOps, columns, &intent.row)?,
        };
        to_json(Table::OpenOps, &columns.address, &record)
    }

    /// Reads an open op; `checkpoint` is empty where there is none.
    pub(crate) fn open_op_from_json(
        &self,
        op: OpId,
        key: RowKey,
        data: &str,
        checkpoint: &str,
    ) -> Result<OpenOp, StoreError> {
        let name = op.to_string();
        let record: IntentRecord<'_> = from_json(Table::OpenOps, &name, data)?;
        let checkpoint = match checkpoint {
            "" => None,
            text => Some(self.checkpoint_from_json(&key, &name, text)?),
        };
        let intent = Intent {
            op,
            run: record.run,
            plan: record.plan,
            step: record.step,
            operation: record.operation,
            adoption: record.adoption,
            request_digest: record.request_digest,
            was_absent: record.was_absent,
            fence: record.fence,
            started_at: record.started_at,
            row: self.row(
                Table::OpenOps.name(),
                key,
                record.provider.into_owned(),
                record.row,
            )?,
        };
        Ok(OpenOp { intent, checkpoint })
    }

    /// Writes what became known in the middle of an op.
    pub(crate) fn checkpoint_to_json(
        &self,
        columns: &KeyColumns,
        record: &CheckpointRecord,
    ) -> Result<String, StoreError> {
        let key = KeyColumns::text(&columns.address, &columns.deposed);
        let cell = Cell {
            table: CHECKPOINT,
            key: &key,
        };
        let data = CheckpointData {
            id: Cow::Borrowed(&record.id),
            attributes: self.sealer.seal(cell, &record.attributes, false)?,
        };
        to_json(Table::OpenOps, &columns.address, &data)
    }

    fn checkpoint_from_json(
        &self,
        key: &RowKey,
        name: &str,
        text: &str,
    ) -> Result<CheckpointRecord, StoreError> {
        let data: CheckpointData<'_> = from_json(Table::OpenOps, name, text)?;
        Ok(CheckpointRecord {
            attributes: self.open_value(CHECKPOINT, key, data.attributes)?,
            id: data.id.into_owned(),
        })
    }

    /// Writes an output; all of a sensitive one is sealed.
    pub(crate) fn output_to_json(
        &self,
        name: &str,
        output: &StoredOutput,
    ) -> Result<String, StoreError> {
        let cell = Cell {
            table: Table::Outputs.name(),
            key: name,
        };
        let record = OutputRecord {
            value: self.sealer.seal(cell, &output.value, output.sensitive)?,
            sensitive: output.sensitive,
        };
        to_json(Table::Outputs, name, &record)
    }

    /// Reads an output.
    pub(crate) fn output_from_json(
        &self,
        name: &str,
        data: &str,
    ) -> Result<StoredOutput, StoreError> {
        let record: OutputRecord<'_> = from_json(Table::Outputs, name, data)?;
        let cell = Cell {
            table: Table::Outputs.name(),
            key: name,
        };
        Ok(StoredOutput {
            value: self.sealer.open(cell, record.value)?,
            sensitive: record.sensitive,
        })
    }
}
