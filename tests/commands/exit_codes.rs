//! The public exit codes, one by one, where a command alone can show them.

use crate::support::Project;

const ONE: &str = "resource \"strata_data\" \"a\" {\n  input = 1\n}\n";

#[test]
fn zero_and_two() {
    let project = Project::of(ONE);
    project.run("plan").exits(0);
    project.run("plan -detailed-exitcode").exits(2);
    project.run("apply -auto-approve").exits(0);
    project.run("plan -detailed-exitcode").exits(0);
    project.run("drift").exits(0);
}

#[test]
fn one_is_a_failure() {
    let project = Project::of(ONE);
    project.run("state show strata_data.zzz").exits(1);
    project.run("output nothing").exits(1);
    project.run("plan -require-clean").exits(1).complains("Git");
}

#[test]
fn five_is_a_refused_plan() {
    let project = Project::of(ONE);
    project.run("plan -out=a.plan").exits(0);
    project
        .run("--sandbox apply a.plan")
        .exits(5)
        .complains("sandbox");
    project
        .run("--sandbox plan -state=.strata/state.db")
        .exits(5);
    project.run("--sandbox plan -out=s.plan").exits(0);
    project.run("apply s.plan").exits(5).complains("sandbox");
}

#[test]
fn seventy_three_is_a_state_that_cannot_be_used() {
    let project = Project::of(ONE);
    project.run("apply -auto-approve").exits(0);
    let state = project.path(".strata/state.db");
    let bytes = std::fs::read(&state).unwrap();
    let damage = |bytes: &[u8]| std::fs::write(&state, bytes).unwrap();
    damage(b"");
    project.run("plan").exits(73);
    damage(&bytes[..bytes.len() / 2]);
    project.run("plan").exits(73);
    damage(&bytes);
    flip_every_mention(&project, "strata_data");
    project.run("apply -auto-approve").exits(73);
}

#[test]
fn a_state_that_is_gone_is_73() {
    let project = Project::of(ONE);
    project.run("apply -auto-approve").exits(0);
    let state = project.path(".strata/state.db");
    project.run("plan -detailed-exitcode").exits(0);
    std::fs::remove_file(&state).unwrap();
    project.run("plan").exits(73).complains("strata.lock");
    project.run("apply -auto-approve").exits(73);
    project.run("init").exits(73).complains("-new-state");
    project.run("init -new-state").exits(0);
    project.run("plan").exits(0).says("1 to add");
}

/// Flips a bit of every mention of a text in the state's files: one of them is a row's, under a checksum.
fn flip_every_mention(project: &Project, text: &str) {
    let mut flipped = 0;
    for (path, mut bytes) in project.files() {
        if !path
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("state.db")
        {
            continue;
        }
        let last = bytes.len().saturating_sub(text.len());
        let places: Vec<usize> = (0..last)
            .filter(|at| bytes[*at..].starts_with(text.as_bytes()))
            .collect();
        flipped += places.len();
        places.into_iter().for_each(|at| bytes[at] ^= 1);
        std::fs::write(path, bytes).unwrap();
    }
    assert!(flipped > 0, "the state does not mention {text}");
}

#[test]
fn a_key_that_is_gone_is_73() {
    let project = Project::of(ONE);
    project.run("apply -auto-approve").exits(0);
    let key = std::fs::read_to_string(project.path(".strata/key")).unwrap();
    std::fs::remove_file(project.path(".strata/key")).unwrap();
    project.run("plan").exits(73).complains("STRATA_STATE_KEY");
    let project = project.env("STRATA_STATE_KEY", key.trim());
    project.run("plan -detailed-exitcode").exits(0);
    let project = project.env("STRATA_STATE_KEY", &"0".repeat(64));
    project.run("plan").exits(73);
}

#[test]
fn seventy_five_is_a_locked_state() {
    let project = Project::of(ONE);
    let mut holder = super::sandbox::slow_apply(&project);
    let at = format!("--sandbox={}", holder.sandbox.url);
    let output = project.run(&format!("{at} apply -auto-approve")).exits(75);
    assert!(
        output.err.contains("tester@") && output.err.contains("force-unlock"),
        "{}",
        output.err
    );
    let id = output
        .err
        .split("force-unlock ")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    project
        .run(&format!("{at} force-unlock -force {id}x"))
        .exits(1);
    project
        .run(&format!("{at} force-unlock -force {id}"))
        .exits(0);
    holder.child.kill().unwrap();
    holder.child.wait().unwrap();
}

#[test]
fn a_signal_ends_with_its_own_code() {
    let project = Project::of(ONE);
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut serving = super::sandbox::serve(&project);
        let pid = serving.child.id().to_string();
        std::process::Command::new("kill")
            .args([signal, &pid])
            .status()
            .unwrap();
        assert_eq!(serving.child.wait().unwrap().code(), Some(code));
    }
}
