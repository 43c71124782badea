//! A disk that is full or may not be written: a true message, nothing lost, and work goes on afterwards.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use strata_model::store::{StateStore, StoreError};
use strata_state::{Access, SqliteStore};

use crate::fixtures::{Place, commit, holder, lineage, locked, options, put};

/// Starts this test binary again, as another process that carries out `child`, by way of a shell.
fn run_child(shell: &str, path: &Path, job: &str) -> String {
    let mut child = Command::new("sh")
        .args(["-c", shell, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "trouble::child", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let line = format!("{job} {}\n", path.display());
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), line.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    text
}

fn say(words: String) {
    println!("\n{words}");
}

#[tokio::test]
#[ignore = "other tests start it as a process of its own"]
async fn child() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let (job, path) = line.trim_end().split_once(' ').unwrap();
    let path = PathBuf::from(path);
    match job {
        "fill" => fill(&path).await,
        "read" => {
            let store = SqliteStore::open(&path, options(Access::Read))
                .await
                .unwrap();
            say(format!(
                "ROWS {}",
                store.snapshot().await.unwrap().rows.len()
            ));
        }
        "write" | "create" => {
            let access = match job {
                "write" => Access::Write,
                _ => Access::Create(lineage()),
            };
            match SqliteStore::open(&path, options(access)).await {
                Err(StoreError::Io { operation, source }) => {
                    say(format!("REFUSED {operation}: {source}"));
                }
                other => panic!("{other:?}"),
            }
        }
        other => panic!("{other}"),
    }
}

/// Commits until it fails.
async fn fill(path: &Path) {
    let store = SqliteStore::open(path, options(Access::Write))
        .await
        .unwrap();
    let lock = store.lock(holder(2), Duration::ZERO).await.unwrap();
    for number in 1.. {
        let writes = (number * 50..number * 50 + 50).map(put).collect();
        match commit(&store, lock.fence, writes).await {
            Ok(serial) => say(format!("COMMITTED {serial}")),
            Err(StoreError::Io { operation, source }) => {
                say(format!("FAILED {operation}: {source}"));
                break;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    // What was committed before can still be read.
    say(format!(
        "ROWS {}",
        store.snapshot().await.unwrap().rows.len()
    ));
}

fn last_number(text: &str, word: &str) -> u64 {
    let line = text.lines().rfind(|line| line.starts_with(word)).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let place = Place::new();
    let (store, fence) = locked(&place).await;
    commit(&store, fence, vec![put(0)]).await.unwrap();
    store.close().await.unwrap();
    // No file of the child may grow over 1.5 MiB.
    let text = run_child(
        "trap '' XFSZ; ulimit -f 3072; exec \"$@\"",
        &place.path(),
        "fill",
    );
    let serial = last_number(&text, "COMMITTED");
    assert!(text.contains("FAILED writing to the state"), "{text}");
    let rows = last_number(&text, "ROWS");
    assert_eq!(rows, (serial - 1) * 50 + 1);

    let store = place.open(Access::Write).await.unwrap();
    let lock = store.lock(holder(3), Duration::ZERO).await.unwrap();
    assert!(lock.took_over);
    let seen = store.snapshot().await.unwrap();
    assert_eq!((seen.serial.0, seen.rows.len() as u64), (serial, rows));
    assert_eq!(
        commit(&store, lock.fence, vec![put(1_000_000)])
            .await
            .unwrap(),
        serial + 1
    );
}

/// A shell command that runs the rest as somebody whom permissions bind: root is not.
fn as_nobody(place: &Place) -> &'static str {
    let directory = place.directory.path();
    if fs::metadata(directory).unwrap().uid() != 0 {
        return "exec \"$@\"";
    }
    let nobody = Some(65534);
    chown(directory, nobody, nobody).unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        chown(entry.unwrap().path(), nobody, nobody).unwrap();
    }
    "exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$@\""
}

#[tokio::test]
async fn a_directory_that_may_not_be_written_can_be_read() {
    let place = Place::new();
    let (store, fence) = locked(&place).await;
    commit(&store, fence, vec![put(0)]).await.unwrap();
    store.close().await.unwrap();
    let shell = as_nobody(&place);
    let permissions = |mode| fs::Permissions::from_mode(mode);
    fs::set_permissions(place.directory.path(), permissions(0o555)).unwrap();
    let text = run_child(shell, &place.path(), "read");
    assert_eq!(last_number(&text, "ROWS"), 1);
    let text = run_child(shell, &place.path(), "write");
    assert!(text.contains("REFUSED opening the state"), "{text}");
    let other = place.directory.path().join("other.db");
    let text = run_child(shell, &other, "create");
    assert!(text.contains("REFUSED making the state"), "{text}");
    let text = run_child(shell, &other.join("deeper/state.db"), "create");
    assert!(text.contains("REFUSED"), "{text}");
    fs::set_permissions(place.directory.path(), permissions(0o755)).unwrap();
}
