//! Reading the whole state in one transaction.
//!
//! Rows come in chunks, each one text, and are decoded on other threads while the next chunk is read: what a plan of
//! ten thousand rows waits for is the decoding.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use strata_model::provider::ProviderConfig;
use strata_model::state::{OpenOp, RowKey, StateRow, StateSnapshot, StoredOutput};
use strata_model::store::StoreError;
use strata_model::{Lineage, OpId, Serial};
use tokio::task::JoinHandle;

use crate::fault::Doing;
use crate::integrity::{Integrity, Mac, Sum, Table};
use crate::meta::{Meta, lineage_bytes};
use crate::record::{Codec, from_json, inconsistent, parse_key};
use crate::sql::{self, CHUNK, COLUMN_SEPARATOR, ROW_SEPARATOR};

/// Reads everything that planning needs.
pub(crate) async fn read(
    conn: &mut SqliteConnection,
    lineage: Lineage,
    codec: &Arc<Codec>,
    doing: Doing<'_>,
) -> Result<StateSnapshot, StoreError> {
    let key = lineage_bytes(lineage);
    let mut tx = conn.begin().await.map_err(|error| doing.fault(error))?;
    let meta = Meta::read(&mut tx, &key, &codec.integrity, doing).await?;
    let mut reader = Reader {
        conn: &mut tx,
        lineage: &key,
        codec,
        doing,
    };
    let configs = reader.configs(&meta).await?;
    let chunks = reader.chunks(Arc::new(configs)).await?;
    let open_ops = reader.open_ops(&meta).await?;
    let outputs = reader.outputs(&meta).await?;
    let rows = join(chunks, &meta, &codec.integrity, doing).await?;
    tx.rollback().await.map_err(|error| doing.fault(error))?;
    Ok(StateSnapshot {
        lineage: Some(lineage),
        serial: Serial(meta.serial),
        rows,
        open_ops,
        outputs,
    })
}

type Configs = BTreeMap<i64, ProviderConfig>;
type Rows = Vec<(RowKey, StateRow)>;
type Decoding = JoinHandle<Result<(Rows, Sum), StoreError>>;

struct Reader<'a> {
    conn: &'a mut SqliteConnection,
    lineage: &'a [u8],
    codec: &'a Arc<Codec>,
    doing: Doing<'a>,
}

impl Reader<'_> {
    async fn configs(&mut self, meta: &Meta) -> Result<Configs, StoreError> {
        let found: Vec<(i64, String, Vec<u8>)> = sqlx::query_as(sql::READ_CONFIGS)
            .bind(self.lineage)
            .fetch_all(&mut *self.conn)
            .await
            .map_err(|error| self.doing.fault(error))?;
        let integrity = &self.codec.integrity;
        let (mut configs, mut sum) = (Configs::new(), Sum::default());
        for (id, data, mac) in found {
            sum.add(verify_config(integrity, id, &data, &mac)?);
            configs.insert(id, from_json(Table::Configs, &id.to_string(), &data)?);
        }
        integrity.verify_sum(Table::Configs, meta.sums.of(Table::Configs), sum)?;
        Ok(configs)
    }

    /// Reads the rows and begins their decoding.
    async fn chunks(&mut self, configs: Arc<Configs>) -> Result<Vec<Decoding>, StoreError> {
        let mut chunks = Vec::new();
        let mut after = i64::MIN;
        loop {
            let (last, text): (Option<i64>, Option<String>) = sqlx::query_as(sql::READ_ROWS)
                .bind(self.lineage)
                .bind(after)
                .bind(i64::try_from(CHUNK).unwrap_or(i64::MAX))
                .fetch_one(&mut *self.conn)
                .await
                .map_err(|error| self.doing.fault(error))?;
            let (Some(last), Some(text)) = (last, text) else {
                return Ok(chunks);
            };
            after = last;
            let (codec, configs) = (self.codec.clone(), configs.clone());
            chunks.push(tokio::task::spawn_blocking(move || {
                decode_chunk(&codec, &configs, &text)
            }));
        }
    }

    async fn open_ops(&mut self, meta: &Meta) -> Result<Vec<OpenOp>, StoreError> {
        type Columns = (String, String, String, String, String, Vec<u8>);
        let found: Vec<Columns> = sqlx::query_as(sql::READ_OPEN_OPS)
            .bind(self.lineage)
            .fetch_all(&mut *self.conn)
            .await
            .map_err(|error| self.doing.fault(error))?;
        let integrity = &self.codec.integrity;
        let (mut ops, mut sum) = (Vec::new(), Sum::default());
        for (op, address, deposed, data, checkpoint, mac) in found {
            let parts = [&op, &address, &deposed, &data, &checkpoint].map(|part| part.as_bytes());
            sum.add(integrity.verify(Table::OpenOps, &op, Mac::from_bytes(&mac), &parts)?);
            let id = OpId::parse(&op)
                .ok_or_else(|| inconsistent(Table::OpenOps, &op, "it is not the id of an op"))?;
            let key = parse_key(Table::OpenOps, &address, &deposed)?;
            ops.push(self.codec.open_op_from_json(id, key, &data, &checkpoint)?);
        }
        integrity.verify_sum(Table::OpenOps, meta.sums.of(Table::OpenOps), sum)?;
        Ok(ops)
    }

    async fn outputs(&mut self, meta: &Meta) -> Result<BTreeMap<String, StoredOutput>, StoreError> {
        let found =
            read_outputs(self.conn, self.lineage, &self.codec.integrity, self.doing).await?;
        let mut sum = Sum::default();
        let mut outputs = BTreeMap::new();
        for (name, data, mac) in found {
            sum.add(mac);
            let output = self.codec.output_from_json(&name, &data)?;
            outputs.insert(name, output);
        }
        self.codec
            .integrity
            .verify_sum(Table::Outputs, meta.sums.of(Table::Outputs), sum)?;
        Ok(outputs)
    }
}

/// Checks a connection's record.
pub(crate) fn verify_config(
    integrity: &Integrity,
    id: i64,
    data: &str,
    mac: &[u8],
) -> Result<Mac, StoreError> {
    let key = id.to_le_bytes();
    integrity.verify(
        Table::Configs,
        &id.to_string(),
        Mac::from_bytes(mac),
        &[&key, data.as_bytes()],
    )
}

/// Reads the outputs' records and checks each.
pub(crate) async fn read_outputs(
    conn: &mut SqliteConnection,
    lineage: &[u8],
    integrity: &Integrity,
    doing: Doing<'_>,
) -> Result<Vec<(String, String, Mac)>, StoreError> {
    let found: Vec<(String, String, Vec<u8>)> = sqlx::query_as(sql::READ_OUTPUTS)
        .bind(lineage)
        .fetch_all(conn)
        .await
        .map_err(|error| doing.fault(error))?;
    found
        .into_iter()
        .map(|(name, data, mac)| {
            let parts = [name.as_bytes(), data.as_bytes()];
            let mac = integrity.verify(Table::Outputs, &name, Mac::from_bytes(&mac), &parts)?;
            Ok((name, data, mac))
        })
        .collect()
}

/// The checksum of a row's record.
pub(crate) fn row_mac(
    integrity: &Integrity,
    address: &str,
    deposed: &str,
    config: i64,
    data: &str,
) -> Mac {
    let config = config.to_le_bytes();
    integrity.mac(
        Table::Resources,
        &[
            address.as_bytes(),
            deposed.as_bytes(),
            &config,
            data.as_bytes(),
        ],
    )
}

fn decode_chunk(codec: &Codec, configs: &Configs, text: &str) -> Result<(Rows, Sum), StoreError> {
    let (mut rows, mut sum) = (Vec::with_capacity(CHUNK), Sum::default());
    let mut names = Names::default();
    for line in text.split(ROW_SEPARATOR) {
        let mut columns = line.splitn(5, COLUMN_SEPARATOR);
        let mut next = || columns.next().unwrap_or_default();
        let (address, deposed, config, mac, data) = (next(), next(), next(), next(), next());
        let config: i64 = config.parse().map_err(|_| {
            codec
                .integrity
                .corrupt("a row of table resources is unreadable")
        })?;
        let expected = row_mac(&codec.integrity, address, deposed, config, data);
        if Mac::from_hex(mac) != Some(expected) {
            return Err(codec
                .integrity
                .corrupt(format!("the checksum of resources {address} does not fit")));
        }
        sum.add(expected);
        let mut key = parse_key(Table::Resources, address, deposed)?;
        names.share(&mut key.address.resource_type);
        let provider = configs.get(&config).cloned().ok_or_else(|| {
            inconsistent(
                Table::Resources,
                address,
                format!("connection {config} is not there"),
            )
        })?;
        let mut row = codec.row_from_json((key.clone(), address), provider, data)?;
        if let Some(source) = &mut row.source {
            names.share(&mut source.file);
        }
        rows.push((key, row));
    }
    // In order here, on this thread, the rest is merging.
    rows.sort_by(|left, right| left.0.cmp(&right.0));
    Ok((rows, sum))
}

/// Waits for the decoding and puts the rows together.
async fn join(
    chunks: Vec<Decoding>,
    meta: &Meta,
    integrity: &Integrity,
    doing: Doing<'_>,
) -> Result<BTreeMap<RowKey, StateRow>, StoreError> {
    let (mut parts, mut sum) = (Vec::new(), Sum::default());
    for chunk in chunks {
        let (rows, part) = chunk.await.map_err(|error| doing.io(error))??;
        parts.push(rows);
        sum.merge(part);
    }
    integrity.verify_sum(Table::Resources, meta.sums.of(Table::Resources), sum)?;
    Ok(in_order(parts))
}

/// Texts that many rows have: one copy of each serves all.
#[derive(Default)]
struct Names(HashSet<Arc<str>>);

impl Names {
    fn share(&mut self, name: &mut Arc<str>) {
        match self.0.get(name) {
            Some(known) => *name = known.clone(),
            None => {
                self.0.insert(name.clone());
            }
        }
    }
}

/// Makes a map of rows. Rows are large: their places are sorted, and each row is moved once.
fn in_order(parts: Vec<Rows>) -> BTreeMap<RowKey, StateRow> {
    let mut parts: Vec<Vec<Option<(RowKey, StateRow)>>> = parts
        .into_iter()
        .map(|part| part.into_iter().map(Some).collect())
        .collect();
    let places = parts.iter().enumerate();
    let mut order: Vec<(usize, usize)> = places
        .flat_map(|(part, rows)| (0..rows.len()).map(move |row| (part, row)))
        .collect();
    order.sort_by(|left, right| {
        let key = |(part, row): (usize, usize)| parts[part][row].as_ref().map(|(key, _)| key);
        key(*left).cmp(&key(*right))
    });
    order
        .into_iter()
        .filter_map(|(part, row)| parts[part][row].take())
        .collect()
}
