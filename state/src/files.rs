//! The files of a state: where they are, who may read them, and the note beside them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use strata_model::Lineage;

/// The files of one state.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    pub(crate) database: PathBuf,
    pub(crate) log: PathBuf,
    /// The file that a lock holder holds a kernel lock on. It also carries the [`Note`].
    pub(crate) lock: PathBuf,
    /// Room that is given back when the disk is full.
    pub(crate) reserve: PathBuf,
}

impl Paths {
    pub(crate) fn of(database: &Path) -> Self {
        Paths {
            database: database.to_owned(),
            log: with_suffix(database, "-wal"),
            lock: with_suffix(database, ".lock"),
            reserve: with_suffix(database, ".reserve"),
        }
    }

    /// The directory that the files are in.
    pub(crate) fn directory(&self) -> &Path {
        match self.database.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) | None => Path::new("."),
        }
    }
}

pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes a directory that only its owner may enter; one that is there stays as it is.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// How files are opened that only their owner may read.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Takes away what others may do with a file.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path)?.permissions().mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok(())
}

/// Makes a new name in a directory durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// How far the state had come, as its last lock holder noted outside of the database.
///
/// It is written after a commit is durable, so it never runs ahead. A database that is behind it has lost commits: its
/// log is gone or damaged, or an older copy was put in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) lineage: Lineage,
    pub(crate) serial: u64,
    pub(crate) fence: u64,
}

impl Note {
    /// Reads the note in a lock file; a missing or unreadable one says nothing.
    pub(crate) fn read(path: &Path) -> Option<Note> {
        let mut text = String::new();
        File::open(path)
            .ok()?
            .take(256)
            .read_to_string(&mut text)
            .ok()?;
        Note::parse(&text)
    }

    /// Writes the note into an open lock file. It is not synced: a lost note says nothing.
    pub(crate) fn write(self, mut file: &File) -> io::Result<()> {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(self.to_text().as_bytes())
    }

    /// All notes are of one length, so that one overwrites the other.
    fn to_text(self) -> String {
        let body = format!("{} {:020} {:020}", self.lineage, self.serial, self.fence);
        let check = blake3::hash(body.as_bytes()).to_hex();
        format!("{body} {}\n", &check[..16])
    }

    fn parse(text: &str) -> Option<Note> {
        let mut parts = text.trim_end().split(' ');
        let note = Note {
            lineage: Lineage::parse(parts.next()?)?,
            serial: parts.next()?.parse().ok()?,
            fence: parts.next()?.parse().ok()?,
        };
        (note.to_text() == text).then_some(note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_round_trip_and_damaged_ones_say_nothing() {
        let note = Note {
            lineage: Lineage::from_bits([3; 16]),
            serial: 12,
            fence: u64::MAX,
        };
        let text = note.to_text();
        assert_eq!(Note::parse(&text), Some(note));
        for index in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[index] ^= 1;
            let damaged = String::from_utf8(bytes).unwrap();
            assert_eq!(Note::parse(&damaged), None, "{damaged}");
        }
    }
}
