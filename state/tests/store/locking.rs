//! One holder at a time, also between processes, and nobody stays locked out by a dead one.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::task::Poll;
use std::time::Duration;

use strata_model::Fence;
use strata_model::store::{Lock, StateStore, StoreError};
use strata_state::{Access, SqliteStore};

use crate::fixtures::{Place, commit, holder, locked, options, put};

const NOW: Duration = Duration::ZERO;

async fn lock(store: &SqliteStore, pid: u32) -> Result<Lock, StoreError> {
    store.lock(holder(pid), NOW).await
}

fn assert_fenced(result: Result<u64, StoreError>) {
    assert!(matches!(result, Err(StoreError::Fenced)), "{result:?}");
}

#[tokio::test]
async fn the_second_is_told_who_the_first_is() {
    let place = Place::new();
    let (first, fence) = locked(&place).await;
    let second = place.open(Access::Write).await.unwrap();
    match lock(&second, 2).await {
        Err(StoreError::Locked { holder: found, id }) => {
            assert_eq!(*found, holder(1));
            assert_eq!(first.lock_holder().await.unwrap(), Some((id, holder(1))));
        }
        other => panic!("{other:?}"),
    }
    // Without the lock nothing is written, whatever fence is claimed.
    assert_fenced(commit(&second, Fence(fence.0 + 1), vec![put(0)]).await);
    assert_eq!(commit(&first, fence, vec![put(0)]).await.unwrap(), 1);
}

#[tokio::test]
async fn a_lock_given_back_is_free() {
    let place = Place::new();
    let first = place.create().await;
    assert_eq!(first.lock_holder().await.unwrap(), None);
    let held = lock(&first, 1).await.unwrap();
    assert!(!held.took_over);
    first.unlock(&held).await.unwrap();
    assert_eq!(first.lock_holder().await.unwrap(), None);
    let second = place.open(Access::Write).await.unwrap();
    let next = lock(&second, 2).await.unwrap();
    assert!(!next.took_over);
    assert!(next.fence > held.fence);
    assert_fenced(commit(&first, held.fence, vec![put(0)]).await);
    // Giving back what is no longer held does nothing.
    first.unlock(&held).await.unwrap();
    assert_eq!(commit(&second, next.fence, vec![put(0)]).await.unwrap(), 1);
}

#[tokio::test]
async fn a_waiting_lock_gets_its_turn() {
    let place = Place::new();
    let (first, fence) = locked(&place).await;
    let second = place.open(Access::Write).await.unwrap();
    let waiting = tokio::spawn(async move {
        let lock = second.lock(holder(2), Duration::from_secs(20)).await;
        (second, lock)
    });
    commit(&first, fence, vec![put(0)]).await.unwrap();
    let id = first.lock_holder().await.unwrap().unwrap().0;
    let held = Lock {
        id,
        fence,
        took_over: false,
    };
    first.unlock(&held).await.unwrap();
    let (second, lock) = waiting.await.unwrap();
    assert_eq!(
        commit(&second, lock.unwrap().fence, vec![put(1)])
            .await
            .unwrap(),
        2
    );
}

#[tokio::test]
async fn looks_at_the_fence_are_shared_by_those_who_ask_at_once() {
    let place = Place::new();
    let (store, fence) = locked(&place).await;
    let (answers, looks) = ask_at_once(&store, fence).await;
    for checked in answers {
        checked.unwrap();
    }
    assert_eq!(store.fence_looks(), looks);
    // Who asks afterwards is never told what was seen before.
    let other = place.open(Access::Write).await.unwrap();
    let (id, _) = other.lock_holder().await.unwrap().unwrap();
    other.force_unlock(&id).await.unwrap();
    let (answers, more) = ask_at_once(&store, fence).await;
    for checked in answers {
        assert!(matches!(checked, Err(StoreError::Fenced)), "{checked:?}");
    }
    assert_eq!(store.fence_looks(), looks + more);
}

/// Fifty who ask at once, and how many looks that takes: the first one's, which serves who asked before it began, and one
/// for all others. Who is answered before the next one asks has a look of its own.
async fn ask_at_once(store: &SqliteStore, fence: Fence) -> (Vec<Result<(), StoreError>>, u64) {
    let (mut answers, mut waiting) = (Vec::new(), Vec::new());
    for mut one in (0..50).map(|_| store.check_fence(fence)) {
        match futures::poll!(&mut one) {
            Poll::Ready(answer) => answers.push(answer),
            Poll::Pending => waiting.push(one),
        }
    }
    let looks = answers.len() + waiting.len().min(2);
    answers.extend(futures::future::join_all(waiting).await);
    (answers, looks as u64)
}

#[tokio::test]
async fn force_unlock_fences_a_living_holder() {
    let place = Place::new();
    let (zombie, fence) = locked(&place).await;
    let other = place.open(Access::Write).await.unwrap();
    let result = other.force_unlock("no such id").await;
    assert!(
        matches!(result, Err(StoreError::NotLocked(_))),
        "{result:?}"
    );
    let (id, _) = other.lock_holder().await.unwrap().unwrap();
    zombie.check_fence(fence).await.unwrap();
    other.force_unlock(&id).await.unwrap();
    assert_eq!(other.lock_holder().await.unwrap(), None);
    let checked = zombie.check_fence(fence).await;
    assert!(matches!(checked, Err(StoreError::Fenced)), "{checked:?}");
    assert_fenced(commit(&zombie, fence, vec![put(0)]).await);

    // The lock can be taken though the zombie lives, and the zombie cannot give it back.
    let taken = lock(&other, 2).await.unwrap();
    assert!(taken.fence.0 > fence.0);
    let stale = Lock {
        id,
        fence,
        took_over: false,
    };
    zombie.unlock(&stale).await.unwrap();
    assert_fenced(commit(&zombie, fence, vec![put(0)]).await);
    let third = place.open(Access::Write).await.unwrap();
    let result = lock(&third, 3).await;
    assert!(
        matches!(result, Err(StoreError::Locked { .. })),
        "{result:?}"
    );
    assert_eq!(commit(&other, taken.fence, vec![put(0)]).await.unwrap(), 1);
}

#[tokio::test]
async fn a_reader_takes_no_lock_and_sees_every_commit() {
    let place = Place::new();
    let (writer, fence) = locked(&place).await;
    let reader = place.open(Access::Read).await.unwrap();
    for number in 0..5 {
        commit(&writer, fence, vec![put(number)]).await.unwrap();
        let seen = reader.snapshot().await.unwrap();
        assert_eq!(seen.rows.len() as u64, number + 1);
    }
    let result = lock(&reader, 2).await;
    assert!(matches!(result, Err(StoreError::Io { .. })), "{result:?}");
    assert!(commit(&reader, fence, vec![put(9)]).await.is_err());
}

/// Starts this test binary again as another process that carries out `child` on a state.
fn spawn(path: &Path, job: &str) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "locking::child", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, format!("{job} {}\n", path.display()).as_bytes())
        .unwrap();
    child
}

/// Waits until a child says that it got so far.
fn wait_for(child: &mut Child, word: &str) -> bool {
    use std::io::{BufRead, BufReader};
    let stdout = child.stdout.take().unwrap();
    BufReader::new(stdout)
        .lines()
        .map_while(Result::ok)
        .any(|line| line.contains(word))
}

/// What a child process does: takes the lock, commits, and waits to be killed or gives the lock back.
#[tokio::test]
#[ignore = "other tests start it as a process of its own"]
async fn child() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let (job, path) = line.trim_end().split_once(' ').unwrap();
    let store = SqliteStore::open(Path::new(path), options(Access::Write))
        .await
        .unwrap();
    let say = |word: &str| println!("\n{word}");
    match lock(&store, std::process::id()).await {
        Ok(held) => {
            commit(&store, held.fence, vec![put(u64::from(std::process::id()))])
                .await
                .unwrap();
            say("WON");
            if job == "hold" {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(Duration::from_millis(1500)).await;
            store.unlock(&held).await.unwrap();
        }
        Err(StoreError::Locked { holder, .. }) if holder.pid > 0 => say("LOST"),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn of_several_processes_one_wins() {
    let place = Place::new();
    place.create().await.close().await.unwrap();
    let children: Vec<Child> = (0..6).map(|_| spawn(&place.path(), "race")).collect();
    let mut won = 0;
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("WON") || text.contains("LOST"), "{text}");
        won += usize::from(text.contains("WON"));
    }
    let store = place.open(Access::Read).await.unwrap();
    let seen = store.snapshot().await.unwrap();
    // A child that was slow to start may win after the first gave the lock back; never two at once.
    assert_eq!(seen.rows.len(), won);
    assert_eq!(seen.serial.0, won as u64);
    assert!((1..6).contains(&won), "{won}");
}

#[tokio::test]
async fn a_killed_holder_is_taken_over_at_once() {
    let place = Place::new();
    place.create().await.close().await.unwrap();
    let mut child = spawn(&place.path(), "hold");
    assert!(wait_for(&mut child, "WON"));
    let store = place.open(Access::Write).await.unwrap();
    let result = lock(&store, 2).await;
    assert!(
        matches!(result, Err(StoreError::Locked { .. })),
        "{result:?}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    let held = lock(&store, 2).await.unwrap();
    assert!(held.took_over);
    assert_eq!(store.snapshot().await.unwrap().rows.len(), 1);
    assert_eq!(commit(&store, held.fence, vec![put(0)]).await.unwrap(), 2);
}

#[tokio::test]
async fn a_dropped_store_is_taken_over() {
    let place = Place::new();
    let (first, fence) = locked(&place).await;
    commit(&first, fence, vec![put(0)]).await.unwrap();
    drop(first);
    let second = place.open(Access::Write).await.unwrap();
    let held = lock(&second, 2).await.unwrap();
    assert!(held.took_over && held.fence > fence);
    assert_eq!(second.snapshot().await.unwrap().rows.len(), 1);
}
