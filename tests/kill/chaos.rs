//! A cloud in which answers are lost, calls are throttled and servers fail: one apply gets through.

use crate::harness::figures::Watch;
use crate::harness::judge::judge_done;
use crate::harness::{World, WorldOptions, figures};

use super::estate::Inputs;

/// Lost answers 10 %, throttled 20 %, server errors 10 %, half of them after the effect.
const CHAOS: &str = "
seed: SEED
rules:
  - { mutating: true, probability: 0.1, fault: lost_response }
  - { probability: 0.2, fault: { throttle: {} } }
  - { probability: 0.05, fault: server_error_before }
  - { probability: 0.05, fault: server_error_after }
";

#[test]
fn one_apply_gets_through_chaos() {
    let seed = crate::harness::Random::seed();
    let faults = CHAOS.replace("SEED", &seed.to_string());
    let options = WorldOptions {
        faults: Some(&faults),
        // Timeouts are divided by it too, and the machine's own time is not.
        speed: 100,
    };
    let world = World::of_fixture("kill", options);
    let inputs = Inputs {
        phase: "one",
        generation: 0,
    };
    let [phase, generation] = inputs.arguments();
    let watch = Watch::start();
    world
        .run(&["apply", "-auto-approve", &phase, &generation])
        .expect_code(0);
    let took = watch.elapsed();
    let ledger = world.ledger();
    let judged = judge_done(&world.remembered(), &ledger, &inputs.expected());
    let struck = |name: &str| {
        let is_struck =
            |fault: &Option<String>| fault.as_deref().is_some_and(|fault| fault.contains(name));
        ledger
            .calls
            .iter()
            .filter(|call| is_struck(&call.fault))
            .count()
    };
    let mutating = ledger.calls.iter().filter(|call| call.mutating).count();
    figures(&format!(
        "chaos: seed={seed} applies=1 {} calls={} mutating={mutating} lost={} throttled={} server-errors={} \
         of-them-after-the-effect={} time={took:.0?}",
        judged.counts(),
        ledger.calls.len(),
        struck("lost_response"),
        struck("throttle"),
        struck("server_error"),
        struck("server_error_after"),
    ));
    assert!(judged.is_empty(), "seed {seed}:\n{judged}");
    assert!(
        struck("lost_response") > 0 && struck("server_error_after") > 0,
        "nothing was lost"
    );
    world.cloud.set_faults("rules: []");
    world.expect_no_changes(&[&phase, &generation]);
}
