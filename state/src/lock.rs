//! The lock: a kernel lock on a file, which dies with its process, and a row that says who holds it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use serde_json as json;
use sqlx::sqlite::SqliteConnection;
use strata_model::state::LockHolder;
use strata_model::store::StoreError;

use crate::fault::Doing;
use crate::files::{Note, Paths, private, with_suffix};
use crate::integrity::{Mac, Table};
use crate::meta::signed;
use crate::record::{Codec, inconsistent, to_json};
use crate::sql;

/// A held kernel lock.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) id: String,
    pub(crate) file: File,
}

/// Tries to take the kernel lock; `None` when another process has it.
///
/// The file is locked only if it is still the one of that name: `force-unlock` puts a new one in its place, because
/// the old one stays locked for as long as its holder lives.
pub(crate) fn try_lock_file(path: &Path) -> io::Result<Option<File>> {
    loop {
        let file = private()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match file.try_lock() {
            Ok(()) if is_at(&file, path)? => return Ok(Some(file)),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Whether a run holds the lock of a state at this moment. A state that is not there is not in use.
///
/// It is an answer for those who would remove the files of a state; to work on one, take its lock.
///
/// # Errors
///
/// Where the lock file is there and cannot be opened.
pub fn is_in_use(state: &Path) -> io::Result<bool> {
    let lock = Paths::of(state).lock;
    if !lock.try_exists()? {
        return Ok(false);
    }
    Ok(try_lock_file(&lock)?.is_none())
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let own = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((own.dev(), own.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Puts a new, unlocked file in the place of a locked one, with the same note.
pub(crate) fn replace_lock_file(path: &Path, id: &str) -> io::Result<()> {
    let temporary = with_suffix(path, &format!(".{id}"));
    let file = private()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&temporary)?;
    if let Some(note) = Note::read(path) {
        note.write(&file)?;
    }
    fs::rename(&temporary, path)
}

/// The lock row.
#[derive(Debug, Clone)]
pub(crate) struct LockRow {
    pub(crate) id: String,
    pub(crate) fence: u64,
    pub(crate) released: bool,
    pub(crate) holder: LockHolder,
}

impl LockRow {
    fn parts(&self) -> ([u8; 8], [u8; 1]) {
        (self.fence.to_le_bytes(), [u8::from(self.released)])
    }

    /// Reads the row; `None` for a state that was never locked.
    pub(crate) async fn read(
        conn: &mut SqliteConnection,
        lineage: &[u8],
        codec: &Codec,
        doing: Doing<'_>,
    ) -> Result<Option<LockRow>, StoreError> {
        let found: Option<(String, i64, i64, String, Vec<u8>)> = sqlx::query_as(sql::READ_LOCK)
            .bind(lineage)
            .fetch_optional(conn)
            .await
            .map_err(|error| doing.fault(error))?;
        let Some((id, fence, released, data, mac)) = found else {
            return Ok(None);
        };
        let fault = |detail: String| inconsistent(Table::Locks, id.clone(), detail);
        let row = LockRow {
            fence: u64::try_from(fence).map_err(|error| fault(error.to_string()))?,
            released: released != 0,
            holder: json::from_str(&data).map_err(|error| fault(error.to_string()))?,
            id: id.clone(),
        };
        let (fence, released) = row.parts();
        codec.integrity.verify(
            Table::Locks,
            &id,
            Mac::from_bytes(&mac),
            &[id.as_bytes(), &fence, &released, data.as_bytes()],
        )?;
        Ok(Some(row))
    }

    /// Writes the row in the place of the one before.
    pub(crate) async fn write(
        &self,
        conn: &mut SqliteConnection,
        lineage: &[u8],
        codec: &Codec,
        doing: Doing<'_>,
    ) -> Result<(), StoreError> {
        let data = to_json(Table::Locks, &self.id, &self.holder)?;
        let (fence, released) = self.parts();
        let mac = codec.integrity.mac(
            Table::Locks,
            &[self.id.as_bytes(), &fence, &released, data.as_bytes()],
        );
        sqlx::query(sql::PUT_LOCK)
            .bind(lineage)
            .bind(&self.id)
            .bind(signed(self.fence))
            .bind(i64::from(self.released))
            .bind(data)
            .bind(mac.to_bytes())
            .execute(conn)
            .await
            .map_err(|error| doing.fault(error))?;
        Ok(())
    }
}
