//! The graph of a plan's objects as DOT and Mermaid: blocks and what they depend on.

use std::collections::{BTreeMap, BTreeSet};

use strata_model::Address;
use strata_model::plan::Plan;
use strata_model::state::{RowKey, StateRow};

use super::style::Symbol;

/// Blocks and their dependencies.
#[derive(Debug, Default)]
pub struct Graph {
    nodes: BTreeMap<Address, BTreeSet<Symbol>>,
    edges: BTreeSet<(Address, Address)>,
}

impl Graph {
    /// The blocks of a plan, with those that it leaves as they are.
    pub fn of(plan: &Plan, rows: &BTreeMap<RowKey, StateRow>) -> Self {
        let mut graph = Graph::default();
        for step in &plan.steps {
            let block = step.key.address.block();
            graph
                .nodes
                .entry(block.clone())
                .or_default()
                .insert(Symbol::of(step.action));
            graph.depend(&block, &step.dependencies);
        }
        for row in plan
            .unchanged
            .iter()
            .filter_map(|no_op| rows.get(&no_op.key))
        {
            let block = row.address().block();
            graph.nodes.entry(block.clone()).or_default();
            graph.depend(&block, &row.dependencies);
        }
        graph
            .edges
            .retain(|(from, to)| from != to && graph.nodes.contains_key(to));
        graph
    }

    fn depend(&mut self, block: &Address, dependencies: &[Address]) {
        self.edges
            .extend(dependencies.iter().map(|to| (block.clone(), to.block())));
    }

    /// Graphviz.
    pub fn dot(&self) -> String {
        let mut text = String::from(
            "digraph G {\n  rankdir = \"RL\";\n  node [shape = rect, fontname = \"sans-serif\"];\n",
        );
        for (address, symbols) in &self.nodes {
            let colour = colour(symbols)
                .map(|colour| format!(", color = \"{colour}\""))
                .unwrap_or_default();
            text.push_str(&format!(
                "  {} [label = {}{colour}];\n",
                quote(&address.to_string()),
                quote(&label(address, symbols))
            ));
        }
        for (from, to) in &self.edges {
            text.push_str(&format!(
                "  {} -> {};\n",
                quote(&from.to_string()),
                quote(&to.to_string())
            ));
        }
        text.push_str("}\n");
        text
    }

    /// Mermaid.
    pub fn mermaid(&self) -> String {
        let mut text = String::from("flowchart RL\n");
        let ids: BTreeMap<&Address, usize> = self
            .nodes
            .keys()
            .enumerate()
            .map(|(index, address)| (address, index))
            .collect();
        for (address, symbols) in &self.nodes {
            let label = label(address, symbols).replace('"', "#quot;");
            text.push_str(&format!("  n{}[\"{label}\"]\n", ids[address]));
        }
        for (from, to) in &self.edges {
            text.push_str(&format!("  n{} --> n{}\n", ids[from], ids[to]));
        }
        text
    }
}

fn label(address: &Address, symbols: &BTreeSet<Symbol>) -> String {
    let symbols: Vec<&str> = symbols
        .iter()
        .map(|symbol| symbol.text())
        .filter(|text| !text.is_empty())
        .collect();
    if symbols.is_empty() {
        address.to_string()
    } else {
        format!("{} {address}", symbols.join("/"))
    }
}

fn colour(symbols: &BTreeSet<Symbol>) -> Option<&'static str> {
    let has = |symbol| symbols.contains(&symbol);
    match () {
        () if has(Symbol::Delete) => Some("red"),
        () if has(Symbol::Update) => Some("orange"),
        () if has(Symbol::Create) => Some("green"),
        () => None,
    }
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
