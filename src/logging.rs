//! The log for people who look for faults: off unless `STRATA_LOG` asks for it, and without secrets.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::environment::{self, Environment};
use crate::view::redact::Redactor;

/// Starts the log that the environment asks for. A filter that cannot be read means `debug`, as nobody who sets one
/// wants silence.
pub fn start(environment: &Environment, redactor: Redactor) {
    let Some(filter) = environment.text(environment::LOG) else {
        return;
    };
    let filter: Targets = filter.to_lowercase().parse().unwrap_or_else(|_| {
        Targets::new().with_default(tracing::level_filters::LevelFilter::DEBUG)
    });
    let file = environment.text(environment::LOG_PATH).and_then(|path| {
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .ok()
    });
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
