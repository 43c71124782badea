//! The log for people who look for faults: off unless `STRATA_LOG` asks for it, and without secrets.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::environment::{self, Environment};
use crate::error::CommandError;
use crate::view::redact::Redactor;

/// Starts the log that the environment asks for.
///
/// # Errors
///
/// When the filter is none, or the file of the log cannot be written: whoever sets them wants no silence.
pub fn start(environment: &Environment, redactor: Redactor) -> Result<(), CommandError> {
    let Some(text) = environment.text(environment::LOG) else {
        return Ok(());
    };
    let filter = filter(text).ok_or_else(|| {
        let name = environment::LOG.name;
        CommandError::usage(format!("{name} cannot be '{}'", text.escape_debug())).hint(
            "It takes error, warn, info, debug, trace or off, or pairs such as strata::run=debug with commas.",
        )
    })?;
    let file = match environment.text(environment::LOG_PATH) {
        None => None,
        Some(path) => {
            let mut options = std::fs::OpenOptions::new();
            let opened = options.create(true).append(true).open(path);
            Some(opened.map_err(|error| {
                let name = environment::LOG_PATH.name;
                CommandError::usage(format!("{name}: cannot write the log to {path}"))
                    .because(error)
            })?)
        }
    };
    let sink: Box<dyn Write + Send> = match file {
        Some(file) => Box::new(file),
        None => Box::new(io::stderr()),
    };
    let writer = LogWriter {
        sink: Arc::new(Mutex::new(sink)),
        redactor,
    };
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(writer);
    // A second start in one process keeps the first log.
    tracing_subscriber::registry()
        .with(filter)
        .with(layer)
        .try_init()
        .ok();
    Ok(())
}

/// Reads levels and `target=level` pairs with commas. A word that is no level would be taken for a target otherwise.
fn filter(text: &str) -> Option<Targets> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let text = text.to_lowercase();
    let is_sound = text.split(',').map(str::trim).all(|part| {
        let level = part.split_once('=').map_or(part, |(_, level)| level);
        LEVELS.contains(&level.trim())
    });
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    is_sound.then(|| parts.join(",").parse().ok())?
}

#[derive(Clone)]
struct LogWriter {
    sink: Arc<Mutex<Box<dyn Write + Send>>>,
    redactor: Redactor,
}

/// One record: gathered whole, so that a secret is not cut in two.
struct Record {
    writer: LogWriter,
    bytes: Vec<u8>,
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Record;

    fn make_writer(&'a self) -> Record {
        Record {
            writer: self.clone(),
            bytes: Vec::new(),
        }
    }
}

impl Write for Record {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let text = self
            .writer
            .redactor
            .redact(&String::from_utf8_lossy(&self.bytes));
        let mut sink = self
            .writer
            .sink
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // A log that cannot be written must not end the run.
        sink.write_all(text.as_bytes()).ok();
    }
}
