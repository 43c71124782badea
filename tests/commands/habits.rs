//! What people who come from other tools do by habit, and mishaps of every day: a second run, a piped word, a wrong place.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::sandbox::{VPC, serve};
use crate::support::Project;

const ONE: &str = "resource \"strata_data\" \"a\" {\n  input = \"x\"\n}\n";

#[test]
fn a_second_run_on_the_sandbox_is_told_who_has_it() {
    let project = Project::of(VPC);
    project.write(
        "faults.yaml",
        "rules:\n  - operation: CreateVpc\n    fault: { delay: { ms: 600000 } }\n",
    );
    let mut first = project
        .command(&[
            "--sandbox",
            "--speed=1",
            "--faults=faults.yaml",
            "apply",
            "-auto-approve",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(first.stdout.take().unwrap()).lines();
    let begun = lines.any(|line| line.unwrap().contains("aws_vpc.main: Creating..."));
    assert!(begun, "the first run has not begun");
    let who = format!("the state is locked by tester@{}", host());
    for line in ["--sandbox plan", "--sandbox apply -auto-approve"] {
        let second = project
            .run(line)
            .exits(75)
            .complains(&who)
            .complains("lock id");
        assert!(!second.err.contains("database"), "{}", second.err);
    }
    project
        .run("sandbox reset")
        .exits(75)
        .complains(&who)
        .complains("Nothing was removed.");
    first.kill().unwrap();
    first.wait().unwrap();
    project.run("--sandbox plan").exits(0);
    project.run("sandbox reset").exits(0);
}

fn host() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

#[test]
fn a_served_sandbox_is_shared_by_its_url() {
    let project = Project::of(VPC);
    let _serving = serve(&project);
    for line in ["sandbox ledger", "--sandbox plan"] {
        let refused = project
            .run(line)
            .exits(75)
            .complains("the sandbox is in use")
            .complains("strata --sandbox=URL sandbox ledger");
        assert!(!refused.err.contains("database"), "{}", refused.err);
    }
}

#[test]
fn times_are_those_of_the_cloud() {
    let project = Project::of(VPC);
    let notice = "where time runs 60 times as fast";
    let applied = project.run("--sandbox apply -auto-approve").exits(0);
    assert_eq!(applied.out.matches(notice).count(), 1, "{}", applied.out);
    // Where nothing is done, nothing took any time.
    let again = project.run("--sandbox apply -auto-approve").exits(0);
    assert!(!again.out.contains(notice), "{}", again.out);
    let real = project
        .run("--sandbox --speed=1 destroy -auto-approve")
        .exits(0);
    assert!(!real.out.contains("as fast"), "{}", real.out);
}

#[test]
fn the_word_of_approval_may_be_piped_in() {
    let project = Project::of(ONE);
    project
        .run_with_input(&["apply"], "no\n")
        .exits(1)
        .complains("apply cancelled");
    project
        .run_with_input(&["apply"], "")
        .exits(1)
        .complains("nobody approved it");
    project
        .run_with_input(&["apply", "-input=false"], "yes\n")
        .exits(64);
    project
        .run_with_input(&["apply", "-json"], "yes\n")
        .exits(64);
    project.run("apply").exits(64).complains("-auto-approve");
    project
        .run_with_input(&["apply"], "yes\n")
        .exits(0)
        .says("1 added");
    project
        .run_with_input(&["destroy"], "yes\n")
        .exits(0)
        .says("1 destroyed");
}

#[test]
fn a_plan_in_the_wrong_place_makes_nothing() {
    let project = Project::of(ONE);
    project.run("plan -out=a.plan").exits(0);
    let other = Project::new(&[]);
    std::fs::copy(project.path("a.plan"), other.path("a.plan")).unwrap();
    other
        .run("apply a.plan")
        .exits(5)
        .complains("the plan belongs to another state");
    assert_eq!(other.files().len(), 1, "{:?}", other.files());
}

#[test]
fn a_project_outside_git_is_warned_of_once() {
    let project = Project::of(ONE);
    for line in ["plan", "plan -out=a.plan", "apply -auto-approve"] {
        let run = project.run(line).exits(0);
        assert_eq!(
            run.err.matches("not in a Git repository").count(),
            1,
            "{line}: {}",
            run.err
        );
    }
    let run = project.run("validate").exits(0);
    assert!(!run.err.contains("Git"), "{}", run.err);
}

#[test]
fn a_log_that_cannot_be_is_refused() {
    for text in ["nonsense", "foo=bar=baz", "strata=loud", "info,"] {
        Project::of(ONE)
            .env("STRATA_LOG", text)
            .run("plan")
            .exits(64)
            .complains(&format!("STRATA_LOG cannot be '{text}'"));
    }
    for text in ["Info", "strata::run=debug,warn", "off"] {
        Project::of(ONE)
            .env("STRATA_LOG", text)
            .run("plan")
            .exits(0);
    }
    Project::of(ONE)
        .env("STRATA_LOG", "info")
        .env("STRATA_LOG_PATH", "/nosuch/directory/log")
        .run("plan")
        .exits(64)
        .complains("STRATA_LOG_PATH: cannot write the log to /nosuch/directory/log");
}

#[test]
fn a_file_of_variables_that_is_not_there_is_wrong_usage() {
    let project = Project::of(ONE);
    project
        .run("plan -var-file nosuch.yaml")
        .exits(64)
        .complains("nosuch.yaml");
    project.run("plan -target-file nosuch").exits(64);
}

#[test]
fn an_interrupt_says_how_to_go_on() {
    let project = Project::of(ONE);
    let mut child = project
        .command(&["apply"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("Only 'yes'") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "no question");
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut out, &mut rest).unwrap();
    assert!(rest.ends_with("Enter a value: \n"), "{rest:?}");
    let mut err = String::new();
    std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut err).unwrap();
    assert!(
        err.contains("error: interrupted\n  hint: No step had begun."),
        "{err}"
    );
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn exit_ends_a_piped_console() {
    let project = Project::of(ONE);
    let run = project
        .run_with_input(&["console"], "1 + 1\nexit\n2 + 2\n")
        .exits(0);
    assert_eq!(run.out, "2\n");
    assert_eq!(run.err, "");
}

#[test]
fn a_value_that_does_not_fit_names_its_origin() {
    let text = "variable \"num\" {\n  type = number\n}\nvariable \"pin\" {\n  type      = number\n  sensitive = true\n  default   = 1\n}\n";
    let project = Project::of(text);
    project
        .run("plan -var num=1e400")
        .exits(65)
        .complains("The value '1e400' of -var num does not fit the variable's type");
    project
        .run("plan -var =x")
        .exits(64)
        .complains("'=x' names no variable");
    let hidden = project
        .run("plan -var num=1 -var pin=hunter2")
        .exits(65)
        .complains("The sensitive value of -var pin does not fit");
    assert!(!hidden.err.contains("hunter2"), "{}", hidden.err);
    project.write("vars.yaml", "num: many\n");
    project
        .run("plan -var-file vars.yaml")
        .exits(65)
        .complains("on vars.yaml line 1");
    Project::of(text)
        .env("STRATA_VAR_num", "abc")
        .run("plan")
        .exits(65)
        .complains("The value 'abc' of STRATA_VAR_num does not fit");
}

const OUTPUTS: &str = r#"
variable "word" {
  default = "x"
}
variable "hidden" {
  default   = "y"
  sensitive = true
}
resource "strata_data" "a" {
  input = var.word
}
output "nested" {
  value = { a = { "b c" = [1, {}] } }
}
"#;

#[test]
fn outputs_have_terraforms_layout() {
    let project = Project::of(OUTPUTS);
    let nested = "{\n  \"a\" = {\n    \"b c\" = [\n      1,\n      {},\n    ]\n  }\n}\n";
    project
        .run("apply -auto-approve")
        .exits(0)
        .says(&format!("\nOutputs:\n\nnested = {nested}"));
    assert_eq!(
        project.run("output").exits(0).out,
        format!("nested = {nested}")
    );
    assert_eq!(project.run("output nested").exits(0).out, nested);
}

#[test]
fn a_plan_lists_all_variables_and_says_when_it_is_of_no_use() {
    let project = Project::of(OUTPUTS);
    project.run("plan -out=a.plan -var hidden=z").exits(0);
    let shown = project.run("show -json a.plan").exits(0);
    assert_eq!(shown.err, "");
    assert_eq!(
        shown.json()["variables"],
        serde_json::json!({ "word": { "value": "x" }, "hidden": { "value": null } })
    );
    let text = std::fs::read_to_string(project.path("a.plan")).unwrap();
    std::fs::write(project.path("a.plan"), text.replace("nested", "pested")).unwrap();
    project
        .run("show a.plan")
        .exits(0)
        .complains("the plan was altered after it was made: `strata apply` would refuse it");
    std::fs::write(project.path("a.plan"), text).unwrap();
    project.run("apply a.plan -var hidden=z").exits(0);
    project
        .run("show a.plan")
        .exits(0)
        .complains("the plan was applied already");
}

#[test]
fn both_ways_to_ask_for_the_version_agree() {
    let project = Project::new(&[]);
    let word = project.run("version").exits(0).out;
    assert!(word.starts_with("Strata v"), "{word}");
    assert_eq!(project.run("--version").exits(0).out, word);
    assert_eq!(project.run("-version").exits(0).out, word);
}

#[test]
fn completions_know_the_spelling_with_one_dash() {
    let project = Project::new(&[]);
    let script = project.run("completions bash").exits(0).out;
    project.write("strata.bash", &script);
    let complete = |words: &str, current: &str, last: &str| {
        let program = format!(
            "source ./strata.bash; COMP_WORDS=({words} '{current}'); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _strata strata '{current}' '{last}'; echo \"${{COMPREPLY[@]}}\""
        );
        let output = std::process::Command::new("bash")
            .args(["-c", &program])
            .current_dir(project.path(""))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(
        complete("strata apply", "-auto", "apply"),
        "-auto-approve\n"
    );
    assert_eq!(
        complete("strata apply", "--auto", "apply"),
        "--auto-approve\n"
    );
    assert!(complete("strata apply -var-file", "str", "-var-file").contains("strata.bash"));
    for shell in ["zsh", "fish", "elvish"] {
        project
            .run(&format!("completions {shell}"))
            .exits(0)
            .says("auto-approve");
    }
}

#[test]
fn a_whole_stack_moves() {
    let stack = "resource \"strata_data\" \"a\" {\n  count = 2\n}\n";
    let main = "stack \"one\" {\n  source = \"./box\"\n}\n";
    let project = Project::new(&[("main.strata.hcl", main), ("box/main.strata.hcl", stack)]);
    project.run("apply -auto-approve").exits(0);
    let list = |line: &str| project.run(line).exits(0).out;
    let before = list("state list");
    assert_eq!(
        before,
        "stack.one.strata_data.a[0]\nstack.one.strata_data.a[1]\n"
    );
    project
        .run("state mv -dry-run stack.one stack.two")
        .exits(0)
        .says("Would move stack.one.strata_data.a[0] to stack.two.strata_data.a[0]");
    assert_eq!(list("state list"), before);
    project.run("state mv stack.one strata_data.x").exits(64);
    project
        .run("state mv stack.one.strata_data.a stack.one.nothing")
        .exits(64)
        .complains("TO is no address");
    project.run("state mv stack.none stack.two").exits(1);
    project.run("state mv stack.one stack.two").exits(0);
    project.write("main.strata.hcl", &main.replace("one", "two"));
    project.run("plan -detailed-exitcode").exits(0);
    let json = project.run("state list -json").exits(0).json();
    assert_eq!(json.as_array().unwrap().len(), 2);
    assert_eq!(json[0]["address"], "stack.two.strata_data.a[0]");
    assert_eq!(json[0]["type"], "strata_data");
    assert!(json[0]["id"].is_string() && json[0]["deposed"].is_null());
}
