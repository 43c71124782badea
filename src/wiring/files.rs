//! Files below a directory, read without ever following a link out of it.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, statat};

/// The largest file that is read, in bytes.
pub const LARGEST_FILE: u64 = 16 * 1024 * 1024;

/// How deep directories are walked.
const DEEPEST: usize = 32;

/// Names that a walk passes by.
const SKIPPED: &[&str] = &[".git", ".strata"];

/// A directory below which files are read. Paths are relative to it, with `/`.
#[derive(Debug, Clone)]
pub struct Root {
    path: PathBuf,
    handle: Arc<OwnedFd>,
}

/// How far a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// One directory only.
    One,
    /// All directories below, too.
    All,
}

/// What a walk found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Its path.
    pub path: String,
    /// Whether it is a regular file; links and devices are found, but cannot be read.
    pub is_file: bool,
}

/// Why a file below a root cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The path leaves the root, or has parts that no path may have.
    #[error("the path leads out of the directory that holds it")]
    Leaves,
    /// Something on the way is a symbolic link.
    #[error("it is, or passes, a symbolic link, which is not followed")]
    Link,
    /// It is neither a file nor a directory.
    #[error("it is not a regular file")]
    Special,
    /// It is too large.
    #[error("it has more than {} MiB", LARGEST_FILE / 1024 / 1024)]
    TooLarge,
    /// It is not there.
    #[error("there is no such file")]
    Missing,
    /// The system refuses.
    #[error("it cannot be read: {0}")]
    Io(String),
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        let kind = error.kind();
        if matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
            FileError::Missing
        } else if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
            FileError::Link
        } else {
            FileError::Io(error.to_string())
        }
    }
}

impl From<rustix::io::Errno> for FileError {
    fn from(error: rustix::io::Errno) -> Self {
        if error == rustix::io::Errno::LOOP {
            FileError::Link
        } else {
            io::Error::from(error).into()
        }
    }
}

impl Root {
    /// Opens a directory. The directory itself may be reached through links: whoever named it chose it.
    ///
    /// # Errors
    ///
    /// When it is not there or no directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Root {
            path: path.to_owned(),
            handle: Arc::new(handle),
        })
    }

    /// The directory, as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a file of at most [`LARGEST_FILE`] bytes.
    ///
    /// # Errors
    ///
    /// Says why, without the path.
    pub fn read(&self, path: &str) -> Result<Arc<[u8]>, FileError> {
        let (directory, name) = self.parent(path)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = openat(&directory, name, flags, Mode::empty())?;
        let file = File::from(file);
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(FileError::Special);
        }
        if metadata.len() > LARGEST_FILE {
            return Err(FileError::TooLarge);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
        file.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(FileError::TooLarge);
        }
        Ok(bytes.into())
    }

    /// Whether there is a regular file.
    ///
    /// # Errors
    ///
    /// For a path that leaves the root or passes a link.
    pub fn exists(&self, path: &str) -> Result<bool, FileError> {
        let found = self
            .parent(path)
            .and_then(|(directory, name)| Ok(statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)?));
        match found {
            Ok(stat) => Ok(FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile),
            Err(FileError::Missing) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Everything below a directory that is no directory, sorted by path; `.` and the empty text are the root. `.git`
    /// and the data directory are passed by.
    ///
    /// # Errors
    ///
    /// When a directory cannot be read, or lies too deep.
    pub fn walk(&self, directory: &str, depth: Depth) -> Result<Vec<Found>, FileError> {
        let mut files = Vec::new();
        let start = parts(directory)?.join("/");
        let mut pending = vec![start];
        while let Some(directory) = pending.pop() {
            if directory.split('/').count() > DEEPEST {
                return Err(FileError::Io("directories lie too deep".to_owned()));
            }
            for (name, kind) in self.entries(&directory)? {
                let path = if directory.is_empty() {
                    name
                } else {
                    format!("{directory}/{name}")
                };
                if kind != FileType::Directory {
                    let is_file = kind == FileType::RegularFile;
                    files.push(Found { path, is_file });
                } else if depth == Depth::All {
                    pending.push(path);
                }
            }
        }
        files.sort();
        Ok(files)
    }

    /// The entries of one directory, without what a walk passes by; names that are no Unicode are left out.
    fn entries(&self, directory: &str) -> Result<Vec<(String, FileType)>, FileError> {
        let handle = self.directory(&parts(directory)?)?;
        let mut entries = Vec::new();
        for entry in rustix::fs::Dir::read_from(&handle)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            if name == "." || name == ".." || SKIPPED.contains(&name.as_str()) {
                continue;
            }
            let mut kind = entry.file_type();
            if kind == FileType::Unknown {
                let stat = statat(&handle, name.as_str(), AtFlags::SYMLINK_NOFOLLOW)?;
                kind = FileType::from_raw_mode(stat.st_mode);
            }
            entries.push((name, kind));
        }
        Ok(entries)
    }

    fn parent<'p>(&self, path: &'p str) -> Result<(OwnedFd, &'p str), FileError> {
        let mut parts = parts(path)?;
        let name = parts.pop().ok_or(FileError::Special)?;
        Ok((self.directory(&parts)?, name))
    }

    /// Goes down one directory at a time, so that no part of the way may be a link.
    fn directory(&self, parts: &[&str]) -> Result<OwnedFd, FileError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut handle = openat(&*self.handle, ".", flags, Mode::empty())?;
        for part in parts {
            let next = openat(&handle, *part, flags, Mode::empty());
            handle = match next {
                // A link opened as a directory without following it is "not a directory".
                Err(rustix::io::Errno::NOTDIR) if is_link(&handle, part) => {
                    return Err(FileError::Link);
                }
                other => other?,
            };
        }
        Ok(handle)
    }
}

fn is_link(directory: &OwnedFd, name: &str) -> bool {
    statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}

/// The parts of a relative path, `.` left out and `..` resolved where it does not leave.
pub fn parts(path: &str) -> Result<Vec<&str>, FileError> {
    if path.starts_with('/') || path.contains(['\\', '\0']) {
        return Err(FileError::Leaves);
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or(FileError::Leaves)?;
            }
            part => parts.push(part),
        }
    }
    Ok(parts)
}

/// Whether a path matches a glob: `*` and `?` within a part, `**` for any parts.
pub fn matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let path: Vec<&str> = path.split('/').collect();
    matches_parts(&pattern, &path)
}

fn matches_parts(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some((&"**", rest)), _) => (0..=path.len()).any(|skip| matches_parts(rest, &path[skip..])),
        (Some(_), None) => false,
        (Some((part, rest)), Some((name, below))) => {
            matches_part(part.as_bytes(), name.as_bytes()) && matches_parts(rest, below)
        }
    }
}

/// Matches without going back further than to the last `*`, so that no pattern takes long.
fn matches_part(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut from, mut star) = (0, 0, None);
    while from < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(wanted) if *wanted == b'?' || *wanted == name[from] => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else {
                    return false;
                };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                from = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        let check = |pattern: &str, path: &str, expected: bool| {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        };
        check("clusters/**", "clusters/a/b.strata.yaml", true);
        check("clusters/**", "clusters/b.strata.yaml", true);
        check("clusters/**", "other/b", false);
        check("clusters/*/x", "clusters/a/x", true);
        check("clusters/*/x", "clusters/a/b/x", false);
        check("a*b*c", "aXbYbc", true);
        check("a*b*c", "aXbYb", false);
        check("**/x", "x", true);
        check("./a?", "ab", true);
    }

    #[test]
    fn links_are_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "s").unwrap();
        std::fs::create_dir(directory.path().join("sub")).unwrap();
        std::fs::write(directory.path().join("sub/file"), "f").unwrap();
        std::os::unix::fs::symlink(outside.path(), directory.path().join("out")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), directory.path().join("link"))
            .unwrap();
        let root = Root::open(directory.path()).unwrap();
        assert_eq!(&*root.read("sub/../sub/./file").unwrap(), b"f");
        assert!(matches!(root.read("link"), Err(FileError::Link)));
        assert!(matches!(root.read("out/secret"), Err(FileError::Link)));
        assert!(matches!(root.read("../x"), Err(FileError::Leaves)));
        assert!(matches!(root.read("/etc/passwd"), Err(FileError::Leaves)));
        assert!(matches!(root.read("sub"), Err(FileError::Special)));
        assert!(matches!(root.read("none"), Err(FileError::Missing)));
        let files = |depth| -> Vec<String> {
            let walked = root.walk(".", depth).unwrap().into_iter();
            walked
                .filter(|found| found.is_file)
                .map(|found| found.path)
                .collect()
        };
        assert_eq!(files(Depth::All), ["sub/file"]);
        assert!(files(Depth::One).is_empty());
        assert!(!root.exists("link").unwrap());
        assert!(root.exists("sub/file").unwrap());
    }
}
