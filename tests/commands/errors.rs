//! The pages of diagnostic codes: there is one for every code, and their examples do what they say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::git_server::GitServer;
use crate::support::{Output, Project};

/// Codes whose wrong example is only shown: it takes a damaged state, credentials that end, a type that no provider has
/// yet, a cluster or a fault of the program, which their own tests make.
const SHOWN_ONLY: [&str; 9] = [
    "E0228", "E0605", "E0607", "E0609", "E0610", "E0704", "W0602", "W0605", "W0606",
];

/// The host that examples have for Git repositories, and the one repository there.
const GIT_HOST: &str = "https://git.example.com";
const REPOSITORY: &str = "acme/stacks.git";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file that an example has, or a command that it runs.
enum Part {
    File(String, String),
    Command(String),
}

/// A page about a code.
struct Page {
    code: String,
    text: String,
}

impl Page {
    /// The fenced parts below a heading; none where the page has no such heading.
    fn section(&self, heading: &str) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut here = false;
        let mut fence: Option<(&str, String)> = None;
        for line in self.text.lines() {
            match (&mut fence, line.strip_prefix("```")) {
                (None, Some(kind)) => fence = Some((kind, String::new())),
                (Some(_), Some(_)) => {
                    let (kind, text) = fence.take().unwrap();
                    if here {
                        parts.extend(Self::parts(kind, text));
                    }
                }
                (Some((_, text)), None) => {
                    text.push_str(line);
                    text.push('\n');
                }
                (None, None) => {
                    if let Some(found) = line.strip_prefix("## ") {
                        here = found == heading;
                    }
                }
            }
        }
        assert!(fence.is_none(), "{}: a fence is open", self.code);
        parts
    }

    fn parts(kind: &str, text: String) -> Vec<Part> {
        if kind == "console" {
            let commands = text.lines().map(|line| line.strip_prefix("$ ").unwrap());
            return commands
                .map(|line| Part::Command(line.to_owned()))
                .collect();
        }
        let path = match kind.split_once(' ') {
            Some((_, path)) => path.to_owned(),
            None => format!("main.strata.{kind}"),
        };
        vec![Part::File(path, text)]
    }
}

fn pages() -> Vec<Page> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(root().join("docs/errors"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.ends_with("README.md"))
        .collect();
    paths.sort();
    let page = |path: PathBuf| Page {
        code: path.file_stem().unwrap().to_str().unwrap().to_owned(),
        text: std::fs::read_to_string(&path).unwrap(),
    };
    paths.into_iter().map(page).collect()
}

/// Runs `strata …`, with variables of the environment in front as a shell takes them, or another command in a shell.
fn run(project: &Project, line: &str) -> Output {
    let words: Vec<&str> = line.split(' ').collect();
    let at = words.iter().position(|word| !word.contains('=')).unwrap();
    let (settings, words) = words.split_at(at);
    let mut command = if words[0] == "strata" {
        project.command(&words[1..])
    } else {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", line]).current_dir(project.path("."));
        shell
    };
    for setting in settings {
        let (name, value) = setting.split_once('=').unwrap();
        command.env(name, value);
    }
    let output = command.output().unwrap();
    Output {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Writes an example's files and runs its commands, or `otherwise`; the last run counts.
fn carry_out(project: &Project, parts: Vec<Part>, otherwise: &str) -> Output {
    let mut commands = Vec::new();
    for part in parts {
        match part {
            Part::File(path, text) => project.write(&path, &text),
            Part::Command(line) => commands.push(line),
        }
    }
    if commands.is_empty() {
        commands.push(otherwise.to_owned());
    }
    let runs = commands.iter().map(|line| run(project, line));
    let mut runs: Vec<Output> = runs.collect();
    runs.pop().unwrap()
}

/// The codes that a run has shown.
fn codes(output: &Output) -> BTreeSet<String> {
    let text = format!("{}{}", output.out, output.err);
    let bracketed = text
        .split('[')
        .skip(1)
        .filter_map(|rest| rest.split_once(']'));
    bracketed
        .map(|(code, _)| code.to_owned())
        .filter(|code| is_code(code))
        .collect()
}

fn is_code(text: &str) -> bool {
    let digits = text.strip_prefix(['E', 'W']);
    digits.is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// The repository that an example reads, on a server of its own.
fn serve(page: &Page) -> Option<GitServer> {
    let parts = page.section("The repository");
    if parts.is_empty() {
        return None;
    }
    let server = GitServer::new();
    let place = server.work_tree(REPOSITORY);
    for part in parts {
        match part {
            Part::File(path, text) => {
                let path = place.join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            Part::Command(line) => {
                let mut shell = std::process::Command::new("sh");
                let status = shell.args(["-c", &line]).current_dir(&place).status();
                assert!(status.unwrap().success(), "{}: {line}", page.code);
            }
        }
    }
    server.commit(REPOSITORY);
    Some(server)
}

fn try_out(page: &Page, heading: &str) -> Output {
    let mut project = Project::new(&[]);
    let server = serve(page);
    if let Some(server) = &server {
        project = project.env("STRATA_SOURCE_ALLOW", &server.host);
    }
    let before = page.section("Before");
    if !before.is_empty() {
        carry_out(&project, before, "strata apply -auto-approve").exits(0);
    }
    let mut parts = page.section(heading);
    assert!(!parts.is_empty(), "{} has no part '{heading}'", page.code);
    for part in &mut parts {
        if let (Part::File(_, text), Some(server)) = (part, &server) {
            *text = text.replace(GIT_HOST, &format!("http://{}", server.host));
        }
    }
    carry_out(&project, parts, "strata validate")
}

fn check(page: &Page) {
    let right = page.section("Right");
    if !right.is_empty() {
        let output = try_out(page, "Right").exits(0);
        assert!(codes(&output).is_empty(), "{}: {output:#?}", page.code);
    }
    if SHOWN_ONLY.contains(&page.code.as_str()) {
        assert!(page.text.contains("## Wrong\n\n<!-- shown only -->\n"));
        return;
    }
    assert!(!right.is_empty(), "{} shows nothing right", page.code);
    let output = try_out(page, "Wrong");
    assert!(
        codes(&output).contains(&page.code),
        "{}: {output:#?}",
        page.code
    );
    assert_eq!(
        output.code == 0,
        page.code.starts_with('W'),
        "{}",
        page.code
    );
}

#[test]
fn examples_do_what_their_pages_say() {
    let pages = pages();
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(page) =
                    pages.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    check(page);
                }
            });
        }
    });
}

/// Every code that stands in the program's text, tests apart.
fn given() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<PathBuf> = ["src", "engine", "state", "providers"]
        .map(|room| root().join(room))
        .to_vec();
    while let Some(path) = open.pop() {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && name != "tests" {
            open.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if name.ends_with(".rs") && !name.contains("tests") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let quoted = code.split('"').map(str::to_owned);
            found.extend(quoted.filter(|text| is_code(text)));
        }
    }
    found
}

#[test]
fn every_code_has_a_page() {
    let described: BTreeSet<String> = pages().into_iter().map(|page| page.code).collect();
    let given = given();
    assert!(given.len() > 60, "{given:?}");
    assert_eq!(described, given);
    let index = std::fs::read_to_string(root().join("docs/errors/README.md")).unwrap();
    for code in &given {
        assert!(
            index.contains(&format!("| [{code}]({code}.md) | ")),
            "{code}"
        );
    }
}

#[test]
fn pages_have_the_words_of_their_diagnostics() {
    for page in pages() {
        let known = strata_language::codes::ALL
            .iter()
            .find(|entry| entry.code.0 == page.code);
        if let Some(entry) = known {
            let title = format!("# {}: {}\n", page.code, entry.summary);
            assert!(page.text.starts_with(&title), "{title}");
        }
        assert!(page.text.contains("\n## What to do\n\n"), "{}", page.code);
    }
}
