//! Reading files out of a commit, without a check-out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use git2::{ObjectType, Oid, Repository, Tree};

use crate::error::{GitError, quoted};
use crate::name;

/// How large a source may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The sum of the sizes of all files that one call reads, in bytes.
    pub bytes: u64,
    /// How many files and directories one call looks at.
    pub entries: usize,
}

impl Default for Limits {
    /// 100 MB in 20,000 entries.
    fn default() -> Self {
        Limits {
            bytes: 100_000_000,
            entries: 20_000,
        }
    }
}

/// Directories inside each other.
const DEPTH_LIMIT: usize = 64;

/// Links on the way to one file.
const LINK_LIMIT: usize = 8;

/// The longest target of a link, in bytes.
const TARGET_LIMIT: u64 = 4096;

/// What stands at the beginning of a file whose content is kept elsewhere.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// The files of one commit. Every name on the way is checked before it is used; links are followed inside the
/// repository and refused where they lead out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceTree {
    repository: PathBuf,
    origin: String,
    root: Oid,
    limits: Limits,
}

impl SourceTree {
    pub(crate) fn new(
        repository: Repository,
        commit: Oid,
        origin: String,
        limits: Limits,
    ) -> Result<Self, GitError> {
        let root = repository
            .find_commit(commit)
            .map_err(|error| GitError::failed("reading the commit of", &origin, error))?
            .tree_id();
        Ok(SourceTree {
            repository: repository.path().to_owned(),
            origin,
            root,
            limits,
        })
    }

    /// The id of the tree, 40 hexadecimal digits.
    pub fn id(&self) -> String {
        self.root.to_string()
    }

    /// Reads all files in and below a directory, by their path from it. The empty text is the repository itself.
    ///
    /// # Errors
    ///
    /// [`GitError::NotAFile`] where the directory is not there, and for links that lead out, submodules and the like;
    /// [`GitError::BadName`]; [`GitError::TooLarge`]; [`GitError::PathLeaves`].
    pub fn read(&self, directory: &str) -> Result<BTreeMap<String, Vec<u8>>, GitError> {
        let repository = self.open()?;
        let mut walk = Walk::new(&repository, self);
        match walk.find(&parts(directory)?, 0)? {
            Some(Found::Directory(id)) => {
                let place = Place {
                    shown: directory.to_owned(),
                    key: String::new(),
                    depth: 0,
                    links: 0,
                };
                walk.directory(id, &place)?;
                Ok(walk.files)
            }
            Some(Found::File(_)) => Err(not_a_file(directory, "it is not a directory")),
            None => Err(not_a_file(directory, "it is not there")),
        }
    }

    /// Reads one file; `None` where there is none, or a directory.
    ///
    /// # Errors
    ///
    /// Like [`SourceTree::read`].
    pub fn read_file(&self, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        let repository = self.open()?;
        let mut walk = Walk::new(&repository, self);
        match walk.find(&parts(path)?, 0)? {
            Some(Found::File(id)) => walk.blob(id, path).map(Some),
            Some(Found::Directory(_)) | None => Ok(None),
        }
    }

    fn open(&self) -> Result<Repository, GitError> {
        crate::setup::ready();
        Repository::open_bare(&self.repository)
            .map_err(|error| GitError::failed("opening the cache of", &self.origin, error))
    }
}

/// Splits a path that the caller gives.
fn parts(path: &str) -> Result<Vec<String>, GitError> {
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0']);
    match path.split('/').all(plain) {
        true => Ok(path.split('/').map(str::to_owned).collect()),
        false => Err(GitError::PathLeaves { path: quoted(path) }),
    }
}

fn not_a_file(path: &str, reason: impl Into<String>) -> GitError {
    GitError::NotAFile {
        path: quoted(path),
        reason: reason.into(),
    }
}

/// What stands at a path, links followed.
#[derive(Debug, Clone, Copy)]
enum Found {
    File(Oid),
    Directory(Oid),
}

/// What a tree entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Directory,
    Link,
}

/// Git keeps five kinds of entries; a tree that somebody made by hand may claim anything.
fn kind(mode: i32) -> Result<Kind, &'static str> {
    match mode {
        0o100_644 | 0o100_755 | 0o100_664 => Ok(Kind::File),
        0o040_000 => Ok(Kind::Directory),
        0o120_000 => Ok(Kind::Link),
        0o160_000 => Err("it is a submodule, and submodules are not followed"),
        _ => Err("it is neither a file nor a directory"),
    }
}

/// Where a walk is.
#[derive(Debug)]
struct Place {
    /// The path for messages.
    shown: String,
    /// The path in the result.
    key: String,
    depth: usize,
    links: usize,
}

fn joined(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        _ => format!("{path}/{name}"),
    }
}

/// One reading, with what it has used up of the limits.
struct Walk<'r> {
    repository: &'r Repository,
    source: &'r SourceTree,
    entries: usize,
    bytes: u64,
    files: BTreeMap<String, Vec<u8>>,
}

impl<'r> Walk<'r> {
    fn new(repository: &'r Repository, source: &'r SourceTree) -> Self {
        Walk {
            repository,
            source,
            entries: 0,
            bytes: 0,
            files: BTreeMap::new(),
        }
    }

    fn tree(&self, id: Oid, path: &str) -> Result<Tree<'r>, GitError> {
        let place = format!("{} in {}", quoted(path), self.source.origin);
        self.repository
            .find_tree(id)
            .map_err(|error| GitError::failed("reading", place, error))
    }

    fn directory(&mut self, id: Oid, place: &Place) -> Result<(), GitError> {
        if place.depth > DEPTH_LIMIT {
            return Err(GitError::TooLarge(format!(
                "{} is more than {DEPTH_LIMIT} directories deep",
                quoted(&place.shown)
            )));
        }
        let tree = self.tree(id, &place.shown)?;
        let mut folded = BTreeSet::new();
        for entry in &tree {
            self.count_entry()?;
            let raw = entry.name_bytes();
            let shown = joined(&place.shown, &String::from_utf8_lossy(raw));
            let bad = |reason: &str| GitError::BadName {
                path: quoted(&shown),
                reason: reason.to_owned(),
            };
            let name = name::check(raw).map_err(bad)?;
            if !folded.insert(name::folded(name)) {
                return Err(bad(
                    "another name beside it differs only in case or in how it is composed",
                ));
            }
            let key = joined(&place.key, name);
            match kind(entry.filemode_raw()).map_err(|reason| not_a_file(&shown, reason))? {
                Kind::File => {
                    let bytes = self.blob(entry.id(), &shown)?;
                    self.files.insert(key, bytes);
                }
                Kind::Directory => self.directory(
                    entry.id(),
                    &Place {
                        shown,
                        key,
                        depth: place.depth + 1,
                        links: place.links,
                    },
                )?,
                Kind::Link => self.link(entry.id(), shown, key, place)?,
            }
        }
        Ok(())
    }

    /// Puts what a link leads to in its place.
    fn link(&mut self, id: Oid, shown: String, key: String, place: &Place) -> Result<(), GitError> {
        let target = self.link_target(id, &shown)?;
        match self.find(&target, place.links + 1)? {
            Some(Found::File(id)) => {
                let bytes = self.blob(id, &shown)?;
                self.files.insert(key, bytes);
                Ok(())
            }
            Some(Found::Directory(id)) => self.directory(
                id,
                &Place {
                    // Links inside lead on from where the directory really is.
                    shown: target.join("/"),
                    key,
                    depth: place.depth + 1,
                    links: place.links + 1,
                },
            ),
            None => Err(not_a_file(
                &shown,
                "it is a link to something that is not there",
            )),
        }
    }

    /// Where a link leads, as a path from the root of the repository.
    fn link_target(&mut self, id: Oid, shown: &str) -> Result<Vec<String>, GitError> {
        let size = self.blob_size(id, shown)?;
        if size > TARGET_LIMIT {
            return Err(not_a_file(shown, "it is a link with an overlong target"));
        }
        let bytes = self.blob(id, shown)?;
        let target = str::from_utf8(&bytes)
            .map_err(|_| not_a_file(shown, "it is a link whose target is not UTF-8"))?;
        let leaves = || {
            not_a_file(
                shown,
                format!(
                    "it is a link that leaves the repository: {}",
                    quoted(target)
                ),
            )
        };
        if target.is_empty() || target.starts_with('/') || target.contains(['\\', '\0', ':']) {
            return Err(leaves());
        }
        let mut path: Vec<String> = shown.split('/').map(str::to_owned).collect();
        path.pop();
        for part in target.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    path.pop().ok_or_else(leaves)?;
                }
                name => path.push(name.to_owned()),
            }
        }
        Ok(path)
    }

    /// Finds what stands at a path from the root, links on the way followed.
    fn find(&mut self, path: &[String], links: usize) -> Result<Option<Found>, GitError> {
        let shown = path.join("/");
        if links > LINK_LIMIT {
            return Err(not_a_file(&shown, "links lead to it in a circle"));
        }
        if path.len() > DEPTH_LIMIT {
            return Ok(None);
        }
        let mut at = self.source.root;
        for (index, part) in path.iter().enumerate() {
            self.count_entry()?;
            let tree = self.tree(at, &shown)?;
            let here = path[..=index].join("/");
            let Some(entry) = tree.get_name(part) else {
                return Ok(None);
            };
            name::check(part.as_bytes()).map_err(|reason| GitError::BadName {
                path: quoted(&here),
                reason: reason.to_owned(),
            })?;
            let is_last = index + 1 == path.len();
            match kind(entry.filemode_raw()).map_err(|reason| not_a_file(&here, reason))? {
                Kind::Directory => at = entry.id(),
                Kind::File if is_last => return Ok(Some(Found::File(entry.id()))),
                Kind::File => return Ok(None),
                Kind::Link => {
                    let mut target = self.link_target(entry.id(), &here)?;
                    target.extend_from_slice(&path[index + 1..]);
                    return self.find(&target, links + 1);
                }
            }
        }
        Ok(Some(Found::Directory(at)))
    }

    fn count_entry(&mut self) -> Result<(), GitError> {
        self.entries += 1;
        match self.entries > self.source.limits.entries {
            false => Ok(()),
            true => Err(GitError::TooLarge(format!(
                "{} has more than {} files and directories",
                self.source.origin, self.source.limits.entries
            ))),
        }
    }

    /// The size of a file, which is known without unpacking it.
    fn blob_size(&self, id: Oid, shown: &str) -> Result<u64, GitError> {
        let place = || format!("{} in {}", quoted(shown), self.source.origin);
        let header = self.repository.odb().and_then(|odb| odb.read_header(id));
        match header {
            Ok((size, ObjectType::Blob)) => Ok(size as u64),
            Ok(_) => Err(not_a_file(shown, "its content is not a file's")),
            Err(error) => Err(GitError::failed("reading", place(), error)),
        }
    }

    fn blob(&mut self, id: Oid, shown: &str) -> Result<Vec<u8>, GitError> {
        self.bytes = self.bytes.saturating_add(self.blob_size(id, shown)?);
        if self.bytes > self.source.limits.bytes {
            return Err(GitError::TooLarge(format!(
                "{} has more than {} bytes",
                self.source.origin, self.source.limits.bytes
            )));
        }
        let blob = self.repository.find_blob(id).map_err(|error| {
            let place = format!("{} in {}", quoted(shown), self.source.origin);
            GitError::failed("reading", place, error)
        })?;
        if blob.content().starts_with(LFS_POINTER) {
            return Err(not_a_file(
                shown,
                "its content is kept by Git LFS, outside of the repository",
            ));
        }
        Ok(blob.content().to_vec())
    }
}
