//! The built-in stacks, embedded in the program.

use std::sync::Arc;

use super::trees::MemoryTree;

macro_rules! embedded {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_bytes!(concat!("../../stacks/", $path)))),*]
    };
}

/// Every file of every built-in stack, by its path below `stacks/`. A test compares the list with the directory.
const FILES: &[(&str, &[u8])] = embedded![
    "aws-eks/addons.strata.hcl",
    "aws-eks/cluster.strata.hcl",
    "aws-eks/network.strata.hcl",
    "aws-eks/nodes.strata.hcl",
    "aws-eks/outputs.strata.hcl",
    "aws-eks/package.strata.hcl",
    "aws-eks/variables.strata.hcl",
    "aws-network/network.strata.hcl",
    "aws-network/outputs.strata.hcl",
    "aws-network/package.strata.hcl",
    "aws-network/variables.strata.hcl",
];

/// The files of a built-in stack; `None` where there is none of that name.
pub fn tree(name: &str) -> Option<MemoryTree> {
    let all = FILES
        .iter()
        .map(|(path, bytes)| ((*path).to_owned(), Arc::from(*bytes)));
    let tree = MemoryTree::new(all).below(name);
    let found = tree.paths().next().is_some();
    found.then_some(tree)
}

/// The names of all built-in stacks.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = FILES
        .iter()
        .filter_map(|(path, _)| path.split('/').next())
        .collect();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::wiring::files::{Depth, Root};

    #[test]
    fn every_file_is_embedded() {
        let root = Root::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks")).unwrap();
        let found: Vec<String> = root
            .walk("", Depth::All)
            .unwrap()
            .into_iter()
            .map(|found| found.path)
            .collect();
        let definitions: Vec<&str> = found
            .iter()
            .map(String::as_str)
            .filter(|path| path.contains('/'))
            .collect();
        let embedded: Vec<&str> = FILES.iter().map(|(path, _)| *path).collect();
        assert_eq!(embedded, definitions);
        assert!(tree("aws-eks").is_some() && tree("aws").is_none());
        assert_eq!(names(), ["aws-eks", "aws-network"]);
    }
}
