//! The record of calls and answers, from which a checker judges their shapes.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::json;

use crate::aws::{HttpAnswer, HttpRequest};
use crate::error::SandboxError;
use crate::store::StoredCall;

/// A file that grows by a line per call.
#[derive(Debug)]
pub(crate) struct Recorder {
    path: PathBuf,
    file: Mutex<File>,
}

impl Recorder {
    pub(crate) fn open(path: &Path) -> Result<Self, SandboxError> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|source| SandboxError::Record {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            file: Mutex::new(file),
        })
    }

    /// Appends a call. Credentials are not part of it.
    pub(crate) fn write(
        &self,
        stored: &StoredCall,
        request: &HttpRequest,
        answer: Option<&HttpAnswer>,
    ) -> Result<(), SandboxError> {
        let line = json!({
            "service": stored.call.service,
            "operation": stored.call.operation,
            "fault": stored.call.fault,
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "body": String::from_utf8_lossy(&request.body),
            "status": answer.map(|answer| answer.status),
            "answer": answer.map(|answer| &answer.body),
        });
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // In one piece: a line is written by one call of the system.
        let written = file.write_all(format!("{line}\n").as_bytes());
        written.map_err(|source| SandboxError::Record {
            path: self.path.clone(),
            source,
        })
    }
}
