//! Every function with arguments that would cost too much elsewhere: an error or a result, in bounded time and memory.

#![expect(
    clippy::unwrap_used,
    reason = "what the tests share is in no function marked as a test, where unwrap is allowed"
)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use strata_language::budget::Budget;
use strata_language::evaluate::Evaluator;
use strata_language::functions;
use strata_language::parse;
use strata_language::scope::{ResolveRequest, Scope, SourceTree};
use strata_model::{Diagnostic, Diagnostics, FileId, Type, Value};

/// The processor time that an expression may take.
const TIME: Duration = Duration::from_secs(1);
/// What the process may hold at any time.
const KIBIBYTES: u64 = 256 * 1024;

/// How long a row may take on a busy machine before it counts as one that never ends.
const HANGS: Duration = Duration::from_secs(30);
/// The variable with the expression that a process evaluates; given by hand, it shows the figures of one.
const EXPRESSION: &str = "STRATA_HOSTILE_EXPRESSION";
/// What stands before the figures that such a process prints.
const FIGURES: &str = "figures:";

const LOOP: &str = "%{for a in range(1000)}%{for b in range(1000)}%{for c in range(1000)}x%{endfor}%{endfor}%{endfor}";

/// Values that are large or hostile, by name, made when they are asked for.
#[derive(Default)]
struct Names {
    values: RefCell<BTreeMap<String, Value>>,
    /// The processor time that making them took.
    made: Cell<Duration>,
}

/// A large or hostile value.
fn value(name: &str) -> Option<Value> {
    Some(match name {
        "long" => Value::from("a".repeat(1_000_000)),
        "many" => {
            let many = (0..100_000).map(|index| Value::from(format!("e{index}")));
            Value::list(Type::String, many.collect())
        }
        "brackets" => Value::from("[".repeat(1_000_000)),
        "loop" => Value::from(LOOP),
        "aliases" => Value::from(aliases()),
        "zeros" => Value::from(zeros()),
        _ => return None,
    })
}

/// YAML in which every level stands for nine of the level before.
fn aliases() -> String {
    let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..10 {
        let alias = format!("*a{}", level - 1);
        let aliases = vec![alias; 9].join(",");
        text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    text
}

/// 400 MB of zeros, compressed.
fn zeros() -> String {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(&vec![0; 4_000_000]).unwrap();
    STANDARD.encode(writer.finish().unwrap().repeat(100))
}

impl Scope for Names {
    fn resolve(&self, request: ResolveRequest<'_>) -> Result<Value, Box<Diagnostic>> {
        let detail = format!("There is no {}.", request.reference);
        Err(Box::new(
            strata_language::codes::UNKNOWN_NAME
                .error(detail)
                .at(request.span),
        ))
    }

    fn bare(&self, name: &str) -> Option<Value> {
        if let Some(known) = self.values.borrow().get(name) {
            return Some(known.clone());
        }
        let before = used();
        let made = value(name)?;
        self.made.set(self.made.get() + (used() - before));
        self.values
            .borrow_mut()
            .insert(name.to_owned(), made.clone());
        Some(made)
    }
}

#[derive(Debug)]
struct Files;

impl SourceTree for Files {
    fn read(&self, path: &str) -> Result<std::sync::Arc<[u8]>, String> {
        match path {
            "big" => Ok(std::sync::Arc::from(vec![b'a'; 20_000_000])),
            "loop" => Ok(std::sync::Arc::from(LOOP.as_bytes())),
            _ => Err("there is no such file".to_owned()),
        }
    }

    fn exists(&self, _: &str) -> Result<bool, String> {
        Ok(false)
    }

    fn list(&self, _: &str) -> Result<Vec<String>, String> {
        Ok((0..100_000)
            .map(|index| format!("{}/{index}", "a".repeat(100)))
            .collect())
    }
}

const ROWS: &[(&str, &str)] = &include!("hostile/rows.rs");

/// The processor time that this thread has used.
#[expect(clippy::disallowed_methods, reason = "the test measures itself")]
fn used() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// The most that the process has held.
#[expect(clippy::disallowed_methods, reason = "the test measures itself")]
fn held() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn every_function_has_a_row() {
    for function in functions::table() {
        let row = ROWS.iter().any(|(name, _)| *name == function.name);
        assert!(row, "{} has no row", function.name);
    }
}

/// What a row took.
struct Figures {
    time: Duration,
    kibibytes: u64,
    /// The length of all messages.
    said: usize,
}

/// Evaluates the expression of a row in this process, which has done nothing before.
fn measure(text: &str) -> Figures {
    let budget = Budget::default();
    let names = Names::default();
    let evaluator = Evaluator {
        scope: &names,
        files: Some(&Files),
        budget: &budget,
        plan_timestamp: None,
    };
    let expr =
        parse::expression(text, FileId(0), 0).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
    let before = used();
    let mut diagnostics = Diagnostics::new();
    drop(evaluator.evaluate(&expr, &mut diagnostics));
    Figures {
        time: used().saturating_sub(before + names.made.get()),
        kibibytes: held(),
        said: diagnostics.iter().map(|fault| fault.detail.len()).sum(),
    }
}

/// Evaluates a row in a process of its own, which is ended when it takes far too long.
#[expect(clippy::disallowed_methods, reason = "the test measures time")]
fn in_own_process(text: &str) -> Result<Figures, String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hostile_arguments_end_soon", "--nocapture"])
        .env(EXPRESSION, text)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > HANGS {
            child.kill().unwrap();
            child.wait().unwrap();
            return Err(format!("has not ended after {HANGS:?}"));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut text = String::new();
    child.stdout.unwrap().read_to_string(&mut text).unwrap();
    let numbers = text.split_once(FIGURES).and_then(|(_, rest)| {
        let line = rest.lines().next()?;
        let numbers: Result<Vec<u64>, _> = line.split_whitespace().map(str::parse).collect();
        numbers.ok()
    });
    match numbers.as_deref() {
        Some([micros, kibibytes, said]) => Ok(Figures {
            time: Duration::from_micros(*micros),
            kibibytes: *kibibytes,
            said: usize::try_from(*said).unwrap(),
        }),
        _ => Err(format!("ended without figures: {text}")),
    }
}

/// What is wrong with a row, if anything.
fn fault(figures: &Result<Figures, String>) -> Option<String> {
    match figures {
        Err(reason) => Some(reason.clone()),
        Ok(figures) if figures.time > TIME => Some(format!("took {:?}", figures.time)),
        Ok(figures) if figures.kibibytes > KIBIBYTES => {
            Some(format!("held {} KiB", figures.kibibytes))
        }
        Ok(figures) if figures.said > 10_000 => Some(format!("says {} bytes", figures.said)),
        Ok(_) => None,
    }
}

fn shown(row: usize) -> String {
    let (name, text) = ROWS[row];
    let text: String = text.chars().take(100).collect();
    format!("{name}: {text}")
}

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "its limits hold with optimisation: `cargo test --release -p strata-language --test hostile`"
)]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a process is told its expression, and reports to the one that started it; the test prints its figures"
)]
fn hostile_arguments_end_soon() {
    if let Ok(text) = std::env::var(EXPRESSION) {
        let figures = measure(&text);
        let micros = figures.time.as_micros();
        println!("{FIGURES} {micros} {} {}", figures.kibibytes, figures.said);
        return;
    }
    let next = AtomicUsize::new(0);
    let all = Mutex::new(BTreeMap::new());
    let workers = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    std::thread::scope(|threads| {
        for _ in 0..workers {
            threads.spawn(|| {
                loop {
                    let row = next.fetch_add(1, Ordering::Relaxed);
                    if row >= ROWS.len() {
                        return;
                    }
                    let figures = in_own_process(ROWS[row].1);
                    all.lock().unwrap().insert(row, figures);
                }
            });
        }
    });
    let all = all.into_inner().unwrap();
    let ended = || {
        all.iter()
            .filter_map(|(row, figures)| Some((row, figures.as_ref().ok()?)))
    };
    let (slowest, most) = ended().max_by_key(|(_, figures)| figures.time).unwrap();
    let (largest, peak) = ended()
        .max_by_key(|(_, figures)| figures.kibibytes)
        .unwrap();
    println!("{} rows", ROWS.len());
    println!("the slowest: {:?}, {}", most.time, shown(*slowest));
    println!(
        "the largest: {} MiB, {}",
        peak.kibibytes / 1024,
        shown(*largest)
    );
    let wrong: Vec<String> = all
        .iter()
        .filter_map(|(row, figures)| Some(format!("{} {}", shown(*row), fault(figures)?)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
