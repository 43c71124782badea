//! Help, version, completions, and what is wrong usage.

use crate::support::Project;

#[test]
fn every_command_has_help_with_examples() {
    let project = Project::new(&[]);
    let help = project.run("-help").exits(0);
    let commands: Vec<String> = help
        .out
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands.iter().filter(|command| *command != "help") {
        let help = project.run(&format!("{command} -help")).exits(0);
        let nested = help.out.contains("Commands:");
        let plain = ["version"].contains(&command.as_str());
        assert!(
            nested || plain || help.out.contains("Examples:"),
            "{command}: {}",
            help.out
        );
    }
}

#[test]
fn wrong_usage_is_64() {
    let project = Project::of("");
    project.run("frobnicate").exits(64).complains("frobnicate");
    project
        .run("plan -nonsense")
        .exits(64)
        .complains("--nonsense");
    project.run("plan -parallelism=0").exits(64);
    project
        .run("plan -json=maybe")
        .exits(64)
        .complains("true or false");
    project.run("plan -destroy -refresh-only").exits(64);
    project
        .run("apply -lock=false")
        .exits(64)
        .complains("-lock=false is for plan");
    project.run("apply").exits(64).complains("-auto-approve");
    project
        .run("-chdir=nowhere plan")
        .exits(64)
        .complains("nowhere");
    project
        .run("plan -var novalue")
        .exits(64)
        .complains("NAME=VALUE");
    project.run("--sandbox=https://example.com plan").exits(64);
    project.run("--sandbox --speed=0 plan").exits(64);
    project.run("import nonsense id").exits(64);
    project.run("").exits(64);
}

#[test]
fn version_and_completions() {
    let project = Project::new(&[]);
    project.run("version").exits(0).says("Strata v");
    project.run("-version").exits(0).says("Strata v");
    assert_eq!(
        project.run("version -json").exits(0).json()["providers"],
        serde_json::json!(["aws", "kubernetes", "strata"])
    );
    for shell in ["bash", "zsh", "fish"] {
        project
            .run(&format!("completions {shell}"))
            .exits(0)
            .says("force-unlock");
    }
    project.run("completions tcsh").exits(64);
}

#[test]
fn the_environment_adds_arguments() {
    let project = Project::of("").env("STRATA_CLI_ARGS_plan", "-nonsense");
    project.run("plan").exits(64).complains("--nonsense");
    project.run("validate").exits(0);
}
