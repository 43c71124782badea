//! Virtual time and chance.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use async_trait::async_trait;
use strata_model::{Clock, IdSource, Timestamp};

use super::World;

#[async_trait]
impl Clock for World {
    fn now(&self) -> Timestamp {
        let seconds = 1_800_000_000 + self.get().now.as_secs() as i64;
        Timestamp::from_second(seconds).unwrap()
    }

    fn elapsed(&self) -> Duration {
        self.get().now
    }

    async fn sleep(&self, duration: Duration) {
        let deadline = self.elapsed() + duration;
        Sleep {
            world: self.clone(),
            deadline,
        }
        .await;
    }
}

struct Sleep {
    world: World,
    deadline: Duration,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.world.get();
        if inner.now >= self.deadline {
            return Poll::Ready(());
        }
        inner.timers.push((self.deadline, context.waker().clone()));
        Poll::Pending
    }
}

impl IdSource for World {
    fn fill(&self, buffer: &mut [u8]) {
        let mut inner = self.get();
        for chunk in buffer.chunks_mut(8) {
            let bytes = inner.next_random().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Polls until the end, letting time pass whenever nothing else can happen.
pub(super) fn drive<T>(world: &World, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let flag = Arc::new(Flag(AtomicBool::new(false)));
    let waker = Waker::from(flag.clone());
    let mut context = Context::from_waker(&waker);
    loop {
        flag.0.store(false, Ordering::SeqCst);
        let poll = future.as_mut().poll(&mut context);
        if world.get().crashed {
            world.get().timers.clear();
            return None;
        }
        if let Poll::Ready(output) = poll {
            world.get().timers.clear();
            return Some(output);
        }
        if !flag.0.load(Ordering::SeqCst) {
            pass_time(world);
        }
    }
}

fn pass_time(world: &World) {
    let due = {
        let mut inner = world.get();
        let next = inner.timers.iter().map(|(deadline, _)| *deadline).min();
        let next = next.expect("nothing can happen any more");
        inner.now = inner.now.max(next);
        let timers = std::mem::take(&mut inner.timers);
        let (due, later) = timers
            .into_iter()
            .partition(|(deadline, _)| *deadline <= next);
        inner.timers = later;
        let due: Vec<(Duration, Waker)> = due;
        due
    };
    due.into_iter().for_each(|(_, waker)| waker.wake());
}
