//! No secret stands in clear in any file of a state.

use std::fs;

use serde_json::json;
use strata_model::state::{CheckpointRecord, RowKey, StoredOutput};
use strata_model::store::{StateStore, Write};
use strata_model::wire::Encoded;
use strata_model::{AttributePath, DeposedId};
use strata_state::Access;

use crate::fixtures::{Place, commit, key, locked, op, open_op, put, row};

const CANARY: &str = "hunter2-canary";

/// The canary as it would look in a file: as it is, in hexadecimal and in base64 at each of three offsets.
fn spellings() -> Vec<Vec<u8>> {
    use base64::Engine as _;
    let mut spellings = vec![
        CANARY.as_bytes().to_vec(),
        CANARY.bytes().rev().collect(),
        CANARY.bytes().flat_map(|byte| [byte, 0]).collect(),
        CANARY
            .bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
            .into_bytes(),
    ];
    for offset in 0..3 {
        let text = base64::engine::general_purpose::STANDARD_NO_PAD
            .encode(format!("{}{CANARY}", "x".repeat(offset)));
        spellings.push(text.as_bytes()[4..text.len() - 4].to_vec());
    }
    spellings
}

fn assert_clean(place: &Place) {
    let mut files = 0;
    for entry in fs::read_dir(place.directory.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        for spelling in spellings() {
            let found = bytes
                .windows(spelling.len())
                .any(|window| window == spelling);
            assert!(!found, "{path:?}");
        }
        files += usize::from(!bytes.is_empty());
    }
    assert!(files >= 2);
}

#[tokio::test]
async fn secrets_are_sealed_in_every_table() {
    let place = Place::new();
    let (store, fence) = locked(&place).await;
    let text = serde_json::to_string(&row(1)).unwrap();
    assert!(text.contains(CANARY));
    let checkpoint = CheckpointRecord {
        id: "x".to_owned(),
        attributes: row(1).attributes,
    };
    let output = |secret: Vec<AttributePath>, sensitive| StoredOutput {
        value: Encoded {
            json: json!({"$type": ["object", {"a": "string"}], "$value": {"a": CANARY}}).into(),
            secret,
            ..Encoded::default()
        },
        sensitive,
    };
    let outputs = [
        ("sensitive".to_owned(), output(Vec::new(), true)),
        (
            "both".to_owned(),
            output(vec![AttributePath::attribute("a")], true),
        ),
        (
            "inside".to_owned(),
            output(vec![AttributePath::attribute("a")], false),
        ),
    ];
    let outputs: std::collections::BTreeMap<_, _> = outputs.into();
    let deposed = RowKey {
        deposed: Some(DeposedId::from_bits([4; 16])),
        ..key(1)
    };
    let writes = vec![
        put(1),
        open_op(2, fence),
        Write::PutOutputs(outputs.clone()),
    ];
    commit(&store, fence, writes).await.unwrap();
    let writes = vec![
        Write::Checkpoint {
            op: op(2),
            record: checkpoint.clone(),
        },
        Write::MoveRow {
            from: key(1),
            to: deposed.clone(),
        },
    ];
    commit(&store, fence, writes).await.unwrap();
    assert_clean(&place);

    let check = async |store: &strata_state::SqliteStore| {
        let seen = store.snapshot().await.unwrap();
        assert_eq!(seen.rows[&deposed].attributes, row(1).attributes);
        assert_eq!(seen.open_ops[0].intent.row, row(2));
        assert_eq!(seen.open_ops[0].checkpoint, Some(checkpoint.clone()));
        assert_eq!(seen.outputs, outputs);
    };
    check(&store).await;
    store.close().await.unwrap();
    assert_clean(&place);
    check(&place.open(Access::Read).await.unwrap()).await;
}
