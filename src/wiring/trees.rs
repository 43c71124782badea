//! The file trees of packages: what `file()` and its kin read, and what becomes the plan's snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use strata_language::scope::SourceTree;
use strata_model::plan::SnapshotFile;

use super::files::{Depth, Found, Root, parts};

/// A package's files below a directory. Each file is read once, so that a run sees one content of it.
#[derive(Debug)]
pub struct DirectoryTree {
    root: Root,
    /// The package's directory relative to the root; empty for the root itself.
    prefix: String,
    read: Mutex<BTreeMap<String, Arc<[u8]>>>,
}

impl DirectoryTree {
    /// The tree of a package in a directory below a root.
    pub fn new(root: Root, prefix: &str) -> Self {
        DirectoryTree {
            root,
            prefix: prefix.to_owned(),
            read: Mutex::default(),
        }
    }

    fn place(&self, path: &str) -> Result<String, String> {
        let parts = parts(path).map_err(|error| error.to_string())?;
        let inside = parts.join("/");
        Ok(if self.prefix.is_empty() {
            inside
        } else {
            format!("{}/{inside}", self.prefix)
        })
    }

    fn is_directory(&self, directory: &str) -> bool {
        self.place(directory)
            .is_ok_and(|place| self.root.path().join(place).is_dir())
    }

    fn walk(&self, directory: &str, depth: Depth) -> Result<Vec<Found>, String> {
        let walked = self
            .root
            .walk(&self.place(directory)?, depth)
            .map_err(|error| error.to_string())?;
        let skip = if self.prefix.is_empty() {
            0
        } else {
            self.prefix.len() + 1
        };
        let inside = walked.into_iter().map(|found| Found {
            path: found.path[skip..].to_owned(),
            ..found
        });
        Ok(inside.collect())
    }
}

impl SourceTree for DirectoryTree {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        let place = self.place(path)?;
        let inside = parts(path).map_err(|error| error.to_string())?.join("/");
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = read.get(&inside) {
            return Ok(bytes.clone());
        }
        let bytes = self.root.read(&place).map_err(|error| error.to_string())?;
        read.insert(inside, bytes.clone());
        Ok(bytes)
    }

    fn exists(&self, path: &str) -> Result<bool, String> {
        let found = self
            .root
            .exists(&self.place(path)?)
            .map_err(|error| error.to_string())?;
        if found {
            // What was seen to be there must be there when the plan is applied.
            self.read(path)?;
        }
        Ok(found)
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, String> {
        let found = self.walk(directory, Depth::All).map_err(|error| {
            let is_missing = self.place(directory).is_ok() && !self.is_directory(directory);
            match is_missing {
                true => format!("there is no directory {}", self.place_of(directory)),
                false => error,
            }
        })?;
        let files: Vec<String> = found
            .into_iter()
            .filter(|found| found.is_file)
            .map(|found| found.path)
            .collect();
        files
            .iter()
            .try_for_each(|path| self.read(path).map(drop))?;
        Ok(files)
    }

    fn place_of(&self, path: &str) -> String {
        let root = self.root.path();
        match self.place(path) {
            Ok(place) if place.is_empty() => root.display().to_string(),
            Ok(place) => root.join(place).display().to_string(),
            Err(_) => path.to_owned(),
        }
    }
}

/// A package's files in memory: of a built-in stack, of a commit, or of a saved plan.
#[derive(Debug, Default)]
pub struct MemoryTree {
    files: BTreeMap<String, Arc<[u8]>>,
    commit: Option<String>,
    /// The paths of the files that were read: only these belong to a snapshot.
    read: Mutex<BTreeSet<String>>,
}

impl MemoryTree {
    /// A tree of files by path.
    pub fn new(files: impl IntoIterator<Item = (String, Arc<[u8]>)>) -> Self {
        MemoryTree {
            files: files.into_iter().collect(),
            ..MemoryTree::default()
        }
    }

    /// The same files, said to be those of a commit.
    pub fn at_commit(self, commit: String) -> Self {
        MemoryTree {
            commit: Some(commit),
            ..self
        }
    }

    /// The commit that the files are of.
    pub fn commit(&self) -> Option<&str> {
        self.commit.as_deref()
    }

    /// The files below a directory of this tree, as a tree of its own.
    pub fn below(&self, directory: &str) -> Self {
        let prefix = if directory.is_empty() {
            String::new()
        } else {
            format!("{directory}/")
        };
        let inside = self.files.iter().filter_map(|(path, bytes)| {
            Some((path.strip_prefix(&prefix)?.to_owned(), bytes.clone()))
        });
        MemoryTree {
            commit: self.commit.clone(),
            ..MemoryTree::new(inside)
        }
    }

    /// The paths of all files.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Reads what a plan's snapshot holds of a package; a file that it does not hold, or whose base64 is damaged, is left
    /// out.
    pub fn of_snapshot(files: &[SnapshotFile]) -> Self {
        let held = files
            .iter()
            .filter(|file| file.withheld.is_none() || !file.text.is_empty());
        let decoded = held.filter_map(|file| {
            let bytes: Arc<[u8]> = if file.base64 {
                STANDARD.decode(file.text.as_bytes()).ok()?.into()
            } else {
                file.text.as_bytes().into()
            };
            Some((file.path.to_string(), bytes))
        });
        MemoryTree::new(decoded)
    }

    fn note(&self, path: &str) {
        self.read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.to_owned());
    }
}

impl SourceTree for MemoryTree {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        let path = parts(path).map_err(|error| error.to_string())?.join("/");
        let bytes = self
            .files
            .get(&path)
            .cloned()
            .ok_or_else(|| "there is no such file".to_owned())?;
        self.note(&path);
        Ok(bytes)
    }

    fn exists(&self, path: &str) -> Result<bool, String> {
        let path = parts(path).map_err(|error| error.to_string())?.join("/");
        let found = self.files.contains_key(&path);
        if found {
            self.note(&path);
        }
        Ok(found)
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, String> {
        let directory = parts(directory)
            .map_err(|error| error.to_string())?
            .join("/");
        let prefix = if directory.is_empty() {
            String::new()
        } else {
            format!("{directory}/")
        };
        let found: Vec<String> = self
            .files
            .keys()
            .filter(|path| path.starts_with(&prefix))
            .cloned()
            .collect();
        found.iter().for_each(|path| self.note(path));
        Ok(found)
    }
}

/// A package's tree with what a snapshot needs of it.
#[derive(Debug, Clone)]
pub enum PackageTree {
    /// On disk.
    Directory(Arc<DirectoryTree>),
    /// In memory.
    Memory(Arc<MemoryTree>),
}

impl PackageTree {
    /// The tree as functions see it.
    pub fn source(&self) -> Arc<dyn SourceTree> {
        match self {
            PackageTree::Directory(tree) => tree.clone(),
            PackageTree::Memory(tree) => tree.clone(),
        }
    }

    /// The part of the tree below a directory, as the tree of a package of its own.
    pub fn below(&self, directory: &str) -> PackageTree {
        match self {
            PackageTree::Directory(tree) => {
                let prefix = if tree.prefix.is_empty() {
                    directory.to_owned()
                } else {
                    format!("{}/{directory}", tree.prefix)
                };
                PackageTree::Directory(Arc::new(DirectoryTree::new(
                    tree.root.clone(),
                    prefix.trim_end_matches('/'),
                )))
            }
            PackageTree::Memory(tree) => PackageTree::Memory(Arc::new(tree.below(directory))),
        }
    }

    /// What stands in a directory, or below it; a directory that is not there has nothing.
    ///
    /// # Errors
    ///
    /// A sentence that says why it cannot be read.
    pub fn walk(&self, directory: &str, depth: Depth) -> Result<Vec<Found>, String> {
        let prefix = if directory.is_empty() {
            String::new()
        } else {
            format!("{directory}/")
        };
        match self {
            PackageTree::Directory(tree) => match tree.walk(directory, depth) {
                Err(_) if !directory.is_empty() && !tree.is_directory(directory) => Ok(Vec::new()),
                result => result,
            },
            PackageTree::Memory(tree) => {
                let inside = tree.paths().filter(|path| path.starts_with(&prefix));
                let near = inside
                    .filter(|path| depth == Depth::All || !path[prefix.len()..].contains('/'));
                Ok(near
                    .map(|path| Found {
                        path: path.to_owned(),
                        is_file: true,
                    })
                    .collect())
            }
        }
    }

    /// Reads a file without making it a part of the snapshot: one that may hold secrets.
    ///
    /// # Errors
    ///
    /// A sentence that says why it cannot be read.
    pub fn peek(&self, path: &str) -> Result<Arc<[u8]>, String> {
        match self {
            PackageTree::Directory(tree) => {
                let place = tree.place(path)?;
                tree.root.read(&place).map_err(|error| error.to_string())
            }
            PackageTree::Memory(tree) => tree
                .files
                .get(path)
                .cloned()
                .ok_or_else(|| "there is no such file".to_owned()),
        }
    }

    /// Every file that was read.
    pub fn snapshot(&self) -> Vec<SnapshotFile> {
        match self {
            PackageTree::Directory(tree) => {
                let read = tree.read.lock().unwrap_or_else(PoisonError::into_inner);
                read.iter()
                    .map(|(path, bytes)| snapshot_file(path, bytes))
                    .collect()
            }
            PackageTree::Memory(tree) => {
                let read = tree.read.lock().unwrap_or_else(PoisonError::into_inner);
                read.iter()
                    .filter_map(|path| Some(snapshot_file(path, tree.files.get(path)?)))
                    .collect()
            }
        }
    }
}

fn snapshot_file(path: &str, bytes: &[u8]) -> SnapshotFile {
    let (text, base64) = match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (STANDARD.encode(bytes), true),
    };
    SnapshotFile {
        path: path.into(),
        text: text.into(),
        base64,
        withheld: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_restores_the_tree() {
        let files: [(String, Arc<[u8]>); 2] = [
            ("a.txt".to_owned(), b"text".as_slice().into()),
            ("b/c.bin".to_owned(), b"\xff\x00".as_slice().into()),
        ];
        let tree = PackageTree::Memory(Arc::new(MemoryTree::new(files)));
        assert!(tree.snapshot().is_empty(), "what was not read is not kept");
        tree.source().list(".").unwrap();
        let restored = MemoryTree::of_snapshot(&tree.snapshot());
        assert_eq!(&*restored.read("./b/../b/c.bin").unwrap(), b"\xff\x00");
        assert_eq!(restored.list("b").unwrap(), ["b/c.bin"]);
        assert!(restored.read("../a.txt").is_err());
        assert_eq!(&*restored.below("b").read("c.bin").unwrap(), b"\xff\x00");
    }
}
