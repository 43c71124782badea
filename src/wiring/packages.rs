//! Packages of a run: found by their keys, one after another, until no block names one that is not loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strata_core::plan::Trees;
use strata_language::codes;
use strata_language::decode::{InputFile, PackageKind, decode_package};
use strata_language::definition::{Definitions, NO_PACKAGE, PackageKey};
use strata_model::plan::{DefinitionSnapshot, SnapshotFile};
use strata_model::{Diagnostic, Diagnostics, SourceMap, Span};

use super::builtin_stacks;
use super::files::{Depth, matches};
use super::git::GitSources;
use super::trees::{MemoryTree, PackageTree};

/// The globs of sub-directories that belong to a project that does not say otherwise.
const DEFAULT_INCLUDE: &[&str] = &["clusters/**"];

/// Files that may give a project's variables their values without being named.
const AUTO_VARIABLES: &[&str] = &[".auto.vars.hcl", ".auto.vars.yaml"];

/// All definitions of a run with the files that they came from.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The packages.
    pub definitions: Definitions,
    /// Their sources.
    pub sources: SourceMap,
    /// Their files.
    pub trees: BTreeMap<PackageKey, PackageTree>,
    /// What is wrong with them.
    pub diagnostics: Diagnostics,
    /// Whether the project has no file of definitions at all.
    pub is_bare: bool,
}

impl Loaded {
    /// The file trees as evaluation takes them.
    pub fn source_trees(&self) -> Trees {
        self.trees
            .iter()
            .map(|(key, tree)| (key.clone(), tree.source()))
            .collect()
    }

    /// Every file that was read, by package.
    pub fn snapshot(&self) -> DefinitionSnapshot {
        self.trees
            .iter()
            .map(|(key, tree)| (key.clone(), tree.snapshot()))
            .collect()
    }
}

/// Where packages come from.
#[derive(Debug)]
pub enum Origin<'a> {
    /// The files of a directory or commit, with what else the machine offers.
    Live {
        /// The project's own files.
        project: PackageTree,
        /// Git sources.
        git: &'a GitSources,
    },
    /// The snapshot in a saved plan; nothing else is looked at.
    Snapshot(&'a DefinitionSnapshot),
}

/// Loads the project and every package that it leads to.
pub fn load(origin: &Origin<'_>) -> Loaded {
    let mut loaded = Loaded::default();
    let project = match origin {
        Origin::Live { project, .. } => project.clone(),
        Origin::Snapshot(snapshot) => restored(snapshot.get("").map_or(&[], Vec::as_slice)),
    };
    load_package(
        &mut loaded,
        &"".into(),
        (PackageKind::Project, project),
        None,
    );
    loop {
        let wanted = missing(&loaded);
        if wanted.is_empty() {
            return loaded;
        }
        for (key, span) in wanted {
            match find(origin, &loaded, &key) {
                Ok(tree) => load_package(&mut loaded, &key, (PackageKind::Stack, tree), Some(span)),
                Err(diagnostic) => {
                    loaded.diagnostics.push(diagnostic.at(span));
                    // An empty package in its place keeps the search from coming back to it.
                    loaded
                        .trees
                        .insert(key, PackageTree::Memory(Arc::default()));
                }
            }
        }
    }
}

/// Decodes the project's own files and nothing that they lead to.
pub fn load_project_only(project: PackageTree) -> Loaded {
    let mut loaded = Loaded::default();
    load_package(
        &mut loaded,
        &"".into(),
        (PackageKind::Project, project),
        None,
    );
    loaded
}

/// Decodes a stack package on its own, and nothing that it leads to.
pub fn load_stack(key: &PackageKey, tree: PackageTree) -> Loaded {
    let mut loaded = Loaded::default();
    load_package(&mut loaded, key, (PackageKind::Stack, tree), None);
    loaded
}

fn restored(files: &[SnapshotFile]) -> PackageTree {
    PackageTree::Memory(Arc::new(MemoryTree::of_snapshot(files)))
}

/// The packages that blocks name and that are not loaded, with the first place that names each.
fn missing(loaded: &Loaded) -> BTreeMap<PackageKey, Span> {
    let mut wanted = BTreeMap::new();
    for block in loaded
        .definitions
        .packages
        .values()
        .flat_map(|package| package.instances.values())
    {
        // A block whose source leads nowhere has its error already.
        let leads = !block.package.is_empty() && block.package.as_ref() != NO_PACKAGE;
        if leads && !loaded.trees.contains_key(&block.package) {
            wanted
                .entry(block.package.clone())
                .or_insert(block.source.span);
        }
    }
    wanted
}

/// Reads and decodes a package; `named` is where a block names it.
fn load_package(
    loaded: &mut Loaded,
    key: &PackageKey,
    (kind, tree): (PackageKind, PackageTree),
    named: Option<Span>,
) {
    let (files, diagnostics) = definition_files(&tree, kind);
    let mut incomplete = diagnostics.has_errors();
    if kind == PackageKind::Stack && files.is_empty() {
        let detail = format!(
            "There is no stack at '{key}': no directory there with files that end in .strata.hcl or .strata.yaml."
        );
        incomplete = true;
        loaded
            .diagnostics
            .push(codes::SOURCE.error(detail).at_opt(named));
    } else {
        loaded.diagnostics.extend(diagnostics);
    }
    let files: Vec<InputFile> = match kind {
        PackageKind::Project => {
            loaded.is_bare = files.is_empty();
            files
        }
        PackageKind::Stack => files
            .into_iter()
            .map(|file| shown_below(key, file))
            .collect(),
    };
    let (mut package, diagnostics) = decode_package(key, kind, &files, &mut loaded.sources);
    package.incomplete |= incomplete;
    loaded.diagnostics.extend(diagnostics);
    loaded.diagnostics.extend(super::versions::check(&package));
    loaded.definitions.packages.insert(key.clone(), package);
    loaded.trees.insert(key.clone(), tree);
}

/// A file of a stack under the path that people see: `main.strata.hcl` alone could be any package's.
fn shown_below(key: &str, file: InputFile) -> InputFile {
    let source = key.split('?').next().unwrap_or(key);
    let shown = source
        .strip_prefix("./")
        .unwrap_or(source)
        .trim_end_matches('/');
    InputFile {
        path: format!("{shown}/{}", file.path).into(),
        ..file
    }
}

/// Finds the files of a package. A local one lies below the project, or below the package that it is a part of.
fn find(origin: &Origin<'_>, loaded: &Loaded, key: &str) -> Result<PackageTree, Box<Diagnostic>> {
    let refused = |detail: String| Box::new(codes::SOURCE.error(detail));
    let git = match origin {
        Origin::Snapshot(snapshot) => {
            let missing = || refused(format!("The plan does not hold the stack '{key}'."));
            return snapshot
                .get(key)
                .map(|files| restored(files))
                .ok_or_else(missing);
        }
        Origin::Live { git, .. } => git,
    };
    if let Some(directory) = key.strip_prefix("./") {
        return below(loaded, "", directory);
    }
    if let Some((root, directory)) = key.split_once("/./") {
        if !loaded.trees.contains_key(root) {
            return Err(refused(format!("The stack '{root}' is not loaded.")));
        }
        return below(loaded, root, directory);
    }
    if key.contains("://") || key.contains("git@") {
        let tree = git.fetch(key)?;
        return Ok(PackageTree::Memory(Arc::new(tree)));
    }
    let tree = builtin_stacks::tree(key).ok_or_else(|| {
        let names = builtin_stacks::names().join(", ");
        let hint = format!("The built-in stacks are: {names}. A path begins with ./ or ../");
        let detail = format!("There is no built-in stack '{key}'.");
        Box::new(codes::SOURCE.error(detail).hint(hint))
    })?;
    Ok(PackageTree::Memory(Arc::new(tree)))
}

fn below(loaded: &Loaded, root: &str, directory: &str) -> Result<PackageTree, Box<Diagnostic>> {
    let tree = loaded.trees.get(root).ok_or_else(|| {
        Box::new(codes::SOURCE.error(format!("The stack '{root}' is not loaded.")))
    })?;
    Ok(tree.below(directory))
}

/// The files of a package that hold definitions.
fn definition_files(tree: &PackageTree, kind: PackageKind) -> (Vec<InputFile>, Diagnostics) {
    let mut reader = Reader {
        tree,
        files: Vec::new(),
        seen: BTreeSet::new(),
        diagnostics: Diagnostics::new(),
    };
    reader.walk("", Depth::One, &|_| true);
    if kind == PackageKind::Project {
        for pattern in reader.include() {
            let parts: Vec<&str> = pattern
                .split('/')
                .filter(|part| !part.is_empty() && *part != ".")
                .collect();
            let fixed = parts
                .iter()
                .take_while(|part| !part.contains(['*', '?']))
                .count();
            // The last part names files, not a directory to walk.
            let directory = parts[..fixed.min(parts.len().saturating_sub(1))].join("/");
            reader.walk(&directory, Depth::All, &|path| matches(&pattern, path));
        }
    }
    (reader.files, reader.diagnostics)
}

struct Reader<'a> {
    tree: &'a PackageTree,
    files: Vec<InputFile>,
    seen: BTreeSet<String>,
    diagnostics: Diagnostics,
}

impl Reader<'_> {
    fn walk(&mut self, directory: &str, depth: Depth, belongs: &dyn Fn(&str) -> bool) {
        let found = match self.tree.walk(directory, depth) {
            Ok(found) => found,
            Err(reason) => {
                let place = if directory.is_empty() { "." } else { directory };
                self.diagnostics
                    .push(codes::FILE.error(format!("The directory {place}: {reason}.")));
                return;
            }
        };
        for found in found {
            let is_definition =
                found.path.ends_with(".strata.hcl") || found.path.ends_with(".strata.yaml");
            if is_definition && belongs(&found.path) && self.seen.insert(found.path.clone()) {
                self.read(&found.path);
            }
        }
    }

    fn read(&mut self, path: &str) {
        match self.tree.source().read(path) {
            Ok(bytes) => self.files.push(InputFile {
                path: path.into(),
                bytes,
            }),
            Err(reason) => self
                .diagnostics
                .push(codes::FILE.error(format!("The file {path}: {reason}."))),
        }
    }

    /// What the project says of the sub-directories that belong to it. Only files that may say it are looked at.
    fn include(&self) -> Vec<String> {
        let mentions = |bytes: &[u8], word: &str| {
            bytes
                .windows(word.len())
                .any(|window| window == word.as_bytes())
        };
        let candidates: Vec<InputFile> = self
            .files
            .iter()
            .filter(|file| mentions(&file.bytes, "include") && mentions(&file.bytes, "project"))
            .cloned()
            .collect();
        let default = || {
            DEFAULT_INCLUDE
                .iter()
                .map(|glob| (*glob).to_owned())
                .collect()
        };
        if candidates.is_empty() {
            return default();
        }
        let (package, _) = decode_package(
            &"".into(),
            PackageKind::Project,
            &candidates,
            &mut SourceMap::default(),
        );
        let include = package.project.and_then(|project| project.include);
        include.map_or_else(default, |globs| {
            globs.iter().map(|glob| glob.value.to_string()).collect()
        })
    }
}

/// The files of a project that give its variables values without being named, in the order in which they count.
pub fn auto_variable_files(tree: &PackageTree) -> Vec<String> {
    let found = tree.walk("", Depth::One).unwrap_or_default();
    let names = found
        .into_iter()
        .filter(|found| found.is_file)
        .map(|found| found.path);
    names
        .filter(|path| AUTO_VARIABLES.iter().any(|ending| path.ends_with(ending)))
        .collect()
}
