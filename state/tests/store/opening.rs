//! What is made, and what is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use strata_model::store::{StateStore, StoreError};
use strata_model::{Lineage, SecretKey};
use strata_state::{Access, OpenOptions, SqliteStore};

use crate::fixtures::{Place, commit, lineage, locked, options, put};

async fn refused(path: &Path, options: OpenOptions) -> StoreError {
    SqliteStore::open(path, options).await.unwrap_err()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn files_are_private() {
    let place = Place::new();
    let directory = place.directory.path().join("a/b");
    let path = directory.join("state.db");
    let store = SqliteStore::open(&path, options(Access::Create(lineage())))
        .await
        .unwrap();
    let lock = store
        .lock(crate::fixtures::holder(1), std::time::Duration::ZERO)
        .await
        .unwrap();
    commit(&store, lock.fence, vec![put(1)]).await.unwrap();
    assert_eq!(mode(&directory), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{path:?}");
        names.push(path.file_name().unwrap().to_owned());
    }
    names.sort();
    let expected = ["", "-shm", "-wal", ".lock", ".reserve"];
    assert_eq!(
        names,
        expected.map(|suffix| std::ffi::OsString::from(format!("state.db{suffix}")))
    );

    // A file that others may read is closed to them when it is opened for writing.
    store.close().await.unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    SqliteStore::open(&path, options(Access::Write))
        .await
        .unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn a_missing_state_is_not_an_empty_one() {
    let place = Place::new();
    for access in [Access::Read, Access::Write] {
        let error = refused(&place.path(), options(access)).await;
        assert!(matches!(error, StoreError::Missing(_)), "{error:?}");
    }
    assert_eq!(fs::read_dir(place.directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn making_a_state_that_is_there_opens_it() {
    let place = Place::new();
    let (store, fence) = locked(&place).await;
    commit(&store, fence, vec![put(1)]).await.unwrap();
    store.close().await.unwrap();
    let store = place.create().await;
    assert_eq!(store.snapshot().await.unwrap().rows.len(), 1);
}

#[tokio::test]
async fn several_may_make_the_same_state_at_once() {
    let place = Place::new();
    let attempts = (0..4).map(|_| place.open(Access::Create(lineage())));
    let mut stores = Vec::new();
    for attempt in attempts.collect::<Vec<_>>() {
        stores.push(attempt.await.unwrap());
    }
    let names = fs::read_dir(place.directory.path()).unwrap();
    assert!(names.flatten().all(|entry| {
        let name = entry.file_name().into_string().unwrap();
        !name.contains(".new-")
    }));
}

#[tokio::test]
async fn another_lineage_and_another_key_are_refused() {
    let place = Place::new();
    place.create().await.close().await.unwrap();
    let other = Lineage::from_bits([8; 16]);
    let error = refused(
        &place.path(),
        OpenOptions {
            expected: Some(other),
            ..options(Access::Read)
        },
    )
    .await;
    match error {
        StoreError::OtherLineage { found, expected } => {
            assert_eq!((found, expected), (lineage(), other));
        }
        error => panic!("{error:?}"),
    }
    let error = refused(
        &place.path(),
        OpenOptions {
            expected: None,
            ..options(Access::Create(other))
        },
    )
    .await;
    assert!(
        matches!(error, StoreError::OtherLineage { .. }),
        "{error:?}"
    );
    let error = refused(
        &place.path(),
        OpenOptions {
            key: SecretKey::from_bytes([9; 32]),
            ..options(Access::Read)
        },
    )
    .await;
    assert!(matches!(error, StoreError::WrongKey(_)), "{error:?}");
    let any = OpenOptions {
        expected: None,
        ..options(Access::Read)
    };
    let store = SqliteStore::open(&place.path(), any).await.unwrap();
    assert_eq!(store.lineage(), lineage());
}

#[tokio::test]
async fn what_is_no_state_is_refused_and_left_alone() {
    let mut sqlite = vec![0; 4096];
    sqlite[..16].copy_from_slice(b"SQLite format 3\0");
    let cases: [(&str, Vec<u8>); 5] = [
        ("empty", Vec::new()),
        ("not a database", b"{}".to_vec()),
        ("not a database", vec![0; 100_000]),
        ("not a database", sqlite[..50].to_vec()),
        ("not a state of Strata", sqlite),
    ];
    for (expected, bytes) in cases {
        for access in [Access::Read, Access::Write, Access::Create(lineage())] {
            let place = Place::new();
            fs::write(place.path(), &bytes).unwrap();
            match place.open(access).await.unwrap_err() {
                StoreError::Corrupt { detail, .. } => {
                    assert!(detail.contains(expected), "{detail}")
                }
                error => panic!("{error:?}"),
            }
            assert_eq!(fs::read(place.path()).unwrap(), bytes);
            assert_eq!(fs::read_dir(place.directory.path()).unwrap().count(), 1);
        }
    }
    let place = Place::new();
    fs::create_dir(place.path()).unwrap();
    let error = place.open(Access::Read).await.unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
}

#[tokio::test]
async fn a_newer_format_is_refused_and_left_alone() {
    let place = Place::new();
    place.create().await.close().await.unwrap();
    let mut bytes = fs::read(place.path()).unwrap();
    bytes[60..64].copy_from_slice(&2_u32.to_be_bytes());
    fs::write(place.path(), &bytes).unwrap();
    for access in [Access::Read, Access::Write, Access::Create(lineage())] {
        match place.open(access).await.unwrap_err() {
            StoreError::TooNew { found, supported } => assert_eq!((found, supported), (2, 1)),
            error => panic!("{error:?}"),
        }
    }
    assert_eq!(fs::read(place.path()).unwrap(), bytes);
}

#[tokio::test]
async fn a_log_without_its_database_is_not_overwritten() {
    let place = Place::new();
    fs::write(place.beside("-wal"), b"frames").unwrap();
    let error = place.open(Access::Create(lineage())).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert_eq!(fs::read(place.beside("-wal")).unwrap(), b"frames");
}
