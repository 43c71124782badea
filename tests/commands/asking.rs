//! Questions on a terminal, and what is shown there: the program under a pseudo-terminal.

use std::io::Write;
use std::process::Stdio;

use crate::support::Project;

const TEXT: &str = r#"
variable "size" {
  type        = number
  description = "How many there are"
}
variable "word" {
  type      = string
  sensitive = true
}
resource "strata_data" "a" {
  input = "${var.size} of them"
}
"#;

/// Runs the program on a terminal of its own, with what is typed.
fn on_terminal(project: &Project, line: &str, typed: &str) -> (String, i32) {
    let program = format!("{} {line}", env!("CARGO_BIN_EXE_strata"));
    let blueprint = project.command(&[]);
    let mut command = std::process::Command::new("script");
    command
        .args(["--quiet", "--return", "--command", &program, "/dev/null"])
        .current_dir(blueprint.get_current_dir().unwrap())
        .env_clear()
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm");
    for (name, value) in blueprint.get_envs() {
        command.env(name, value.unwrap());
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("script of util-linux: apt-get install bsdutils");
    let mut input = child.stdin.take().unwrap();
    let typed = typed.to_owned();
    // A person types when asked; what is typed before would be thrown away with the echo.
    let typing = std::thread::spawn(move || {
        for line in typed.lines() {
            std::thread::sleep(std::time::Duration::from_millis(1500));
            writeln!(input, "{line}").ok();
        }
        // The end of the input would end the program early.
        std::thread::sleep(std::time::Duration::from_secs(3));
    });
    let output = child.wait_with_output().unwrap();
    typing.join().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    (shown, output.status.code().unwrap_or(-1))
}

#[test]
fn missing_variables_are_asked_for() {
    let project = Project::of(TEXT);
    let (shown, code) = on_terminal(&project, "plan -no-color", "3\nswordfish\n");
    assert_eq!(code, 0, "{shown}");
    assert!(
        shown.contains("var.size") && shown.contains("How many there are"),
        "{shown}"
    );
    assert!(shown.contains("input  = \"3 of them\""), "{shown}");
    assert!(!shown.contains("swordfish"), "{shown}");
}

#[test]
fn an_answer_that_does_not_fit_is_asked_for_again() {
    let project = Project::of(TEXT).env("STRATA_VAR_word", "x");
    let (shown, code) = on_terminal(&project, "plan -no-color", "many\n3\n");
    assert_eq!(code, 0, "{shown}");
    assert!(
        shown.contains("The value 'many' of var.size does not fit"),
        "{shown}"
    );
    assert_eq!(shown.matches("Enter a value").count(), 2, "{shown}");
    assert!(shown.contains("input  = \"3 of them\""), "{shown}");
}

#[test]
fn nothing_is_asked_where_that_is_not_wanted() {
    let (shown, code) = on_terminal(&Project::of(TEXT), "plan -input=false", "");
    assert_eq!(code, 65, "{shown}");
    assert!(
        shown.contains("The variable size (How many there are) has no value"),
        "{shown}"
    );
    let project = Project::of(TEXT).env("STRATA_INPUT", "0");
    let (shown, code) = on_terminal(&project, "plan", "");
    assert_eq!(code, 65, "{shown}");
    assert!(!shown.contains("Enter a value"), "{shown}");
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let text = "resource \"strata_data\" \"a\" {}\n";
    let (shown, _) = on_terminal(&Project::of(text), "plan", "");
    assert!(shown.contains("\x1b[32m"), "{shown}");
    let (shown, _) = on_terminal(&Project::of(text), "plan -no-color", "");
    assert!(!shown.contains('\x1b'), "{shown}");
    let plain = Project::of(text).env("NO_COLOR", "1");
    let (shown, _) = on_terminal(&plain, "plan", "");
    assert!(!shown.contains('\x1b'), "{shown}");
}
