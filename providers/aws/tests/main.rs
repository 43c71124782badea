//! The contract suite: every resource type of the provider keeps every promise of the contract, on the sandbox and on
//! moto, an emulator by others.
//!
//! The provider is driven through its public trait only. A case is one promise of one type. A case that cannot hold on
//! moto stands in a list with its reason; there a pass is as wrong as a failure elsewhere.

mod addons;
mod cases;
mod checks;
mod cloud;
mod data;
mod delivery;
mod leftovers;
mod moto;
mod policies;
mod proxy;
mod refresh;
mod report;
mod shapes;
mod suite;
mod world;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use tempfile::TempDir;

use crate::cases::{ALL, TypeCase};
use crate::cloud::{Moto, OwnSandbox};
use crate::report::{Report, Skip};
use crate::world::{World, provider_config};

/// The cloud that the suite runs on.
#[derive(Debug, Clone)]
enum Place {
    /// A sandbox for each world, which records what it is asked and answers below a directory.
    Sandboxes(PathBuf),
    /// One moto for all.
    Moto(SocketAddr),
}

/// A world of its own for the case of one type.
async fn world(place: &Place, number: usize) -> World {
    let config = provider_config(&[("region", "us-east-1".into())]);
    let seed = u8::try_from(number + 1).expect("few types");
    match place {
        Place::Moto(addr) => World::new((*addr, None), seed, config).await,
        Place::Sandboxes(records) => {
            let own = OwnSandbox::start(records.join(format!("{number}.jsonl"))).await;
            World::new((own.addr(), Some(own)), seed, config).await
        }
    }
}

/// What is not about one type, each in a world of its own.
async fn run_others(place: &Place, skips: &[Skip]) -> Report {
    let mut report = Report::default();
    let seed = ALL.len();
    let runs = |name: &str| !skips.iter().any(|skip| skip.keeps_back(name));
    macro_rules! note {
        ($($name:literal in $number:literal: $check:path;)*) => {$(
            let mut outcome = None;
            if runs($name) {
                outcome = Some($check(&world(place, seed + $number).await).await);
            }
            report.note($name.to_owned(), outcome);
        )*};
    }
    note! {
        "data/networks" in 0: data::networks;
        "data/cluster" in 1: data::cluster;
        "leftovers/removed" in 2: leftovers::removed;
        "leftovers/named" in 3: leftovers::named;
        "data/parameters" in 4: data::parameters;
        "data/versions" in 6: data::versions;
        "logs/delivery" in 5: delivery::goes_on;
        "aws_eks_addon/learned" in 7: addons::learned;
        "aws_iam_policy/documents" in 8: policies::documents;
        "refresh/lists" in 9: refresh::lists;
        "refresh/drift" in 10: refresh::drift;
        "refresh/denied" in 11: refresh::denied;
    }
    report
}

async fn run_all(place: Place, skips: &'static [Skip]) -> Report {
    let mut running = tokio::task::JoinSet::new();
    let others = place.clone();
    running.spawn(async move { run_others(&others, skips).await });
    for (seed, case) in ALL.iter().enumerate() {
        let case: &'static TypeCase = case;
        let place = place.clone();
        running.spawn(async move {
            let world = world(&place, seed).await;
            suite::run(&world, case, skips).await
        });
    }
    let mut all = Report::default();
    while let Some(report) = running.join_next().await {
        all.add(report.expect("the suite does not panic"));
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[expect(
    clippy::disallowed_methods,
    reason = "how long the suite takes is printed"
)]
async fn sandbox() {
    let begin = Instant::now();
    let records = TempDir::new().expect("a temporary directory");
    let report = run_all(Place::Sandboxes(records.path().to_owned()), &[]).await;
    report.judge("the sandbox", &[], begin.elapsed());
    shapes::judge(records.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[expect(
    clippy::disallowed_methods,
    reason = "how long the suite takes is printed"
)]
async fn moto() {
    let begin = Instant::now();
    let moto = Moto::start().await;
    let report = run_all(Place::Moto(moto.addr), moto::SKIPPED).await;
    report.judge("moto", moto::SKIPPED, begin.elapsed());
}

#[test]
fn every_type_and_argument_has_its_cases() {
    suite::expect_complete(&strata_provider_aws::Aws::new(), ALL);
}
