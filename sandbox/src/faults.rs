//! What goes wrong on purpose: the plan of faults, and which of them strike a call.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::ids::Seeded;

/// A list of rules, and the seed from which their chances follow.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// What probabilities are drawn from; the same seed and calls give the same faults.
    #[serde(default)]
    pub seed: u64,
    /// The rules, each of which is tried on every call.
    #[serde(default)]
    pub rules: Vec<FaultRule>,
}

/// When to do what. A rule strikes a call that it matches if every condition that it states holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The service, such as `ec2`; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The operation, such as `CreateVpc`, with `*` for any characters; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Whether only mutating (`true`) or only reading (`false`) operations match; both if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutating: Option<bool>,
    /// The chance that a matching call is struck, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Which of the matching calls are struck, counted from 1 since the sandbox started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nth: Vec<u64>,
    /// How many calls are struck at most since the sandbox started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// What happens.
    pub fault: Fault,
}

/// What happens to a call. Times are the cloud's: the sandbox divides them by its speed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Fault {
    /// The call takes effect, and the connection is closed without an answer.
    LostResponse,
    /// The connection is closed before the call takes effect.
    DropBefore,
    /// The service's throttling error, without effect.
    Throttle {
        /// The `Retry-After` header to send, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
    },
    /// The service's internal error, without effect.
    ServerErrorBefore,
    /// The service's internal error, although the call took effect.
    ServerErrorAfter,
    /// The service's unavailable error (503), without effect.
    Unavailable,
    /// The service's error for a missing permission, without effect.
    AccessDenied,
    /// The service's error for expired credentials, without effect.
    ExpiredToken,
    /// Any error, without effect.
    Error {
        /// The error code.
        code: String,
        /// The text.
        #[serde(default)]
        message: String,
        /// The HTTP status.
        #[serde(default = "bad_request")]
        status: u16,
    },
    /// The answer is late.
    Delay {
        /// By how many milliseconds.
        ms: u64,
    },
    /// What the call creates is not seen by other calls for a while.
    ConsistencyLag {
        /// For how many milliseconds.
        ms: u64,
    },
    /// A role that the call hands to a service cannot be assumed yet.
    RoleNotAssumable {
        /// For how many calls with the same role.
        tries: u32,
    },
    /// What the call starts ends in failure: a cluster or node group that is never made, an update that fails.
    OperationFails {
        /// The code in the object's health or the update's errors.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
    /// What the call starts takes another time than usual; a very long one is stuck.
    OperationTakes {
        /// How many seconds.
        seconds: u64,
    },
    /// A cluster that the call makes has an address where nobody answers.
    UnreachableEndpoint,
    /// The answer has members that no client knows, as that of a newer service.
    UnknownMembers,
    /// The lists of the answer come in the other order, wherever their order says nothing.
    ReorderedLists,
    /// Lists are cut into pages of no more than this many items.
    SmallPages {
        /// How many items at most.
        items: usize,
    },
}

fn bad_request() -> u16 {
    400
}

impl Fault {
    /// Returns the name of the fault, as the plan and the ledger write it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::LostResponse => "lost_response",
            Self::DropBefore => "drop_before",
            Self::Throttle { .. } => "throttle",
            Self::ServerErrorBefore => "server_error_before",
            Self::ServerErrorAfter => "server_error_after",
            Self::Unavailable => "unavailable",
            Self::AccessDenied => "access_denied",
            Self::ExpiredToken => "expired_token",
            Self::Error { .. } => "error",
            Self::Delay { .. } => "delay",
            Self::ConsistencyLag { .. } => "consistency_lag",
            Self::RoleNotAssumable { .. } => "role_not_assumable",
            Self::OperationFails { .. } => "operation_fails",
            Self::OperationTakes { .. } => "operation_takes",
            Self::UnreachableEndpoint => "unreachable_endpoint",
            Self::UnknownMembers => "unknown_members",
            Self::ReorderedLists => "reordered_lists",
            Self::SmallPages { .. } => "small_pages",
        }
    }
}

/// Why a plan of faults cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FaultPlanError {
    /// The file could not be read.
    #[error("cannot read the faults file {path}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text is not YAML or JSON.
    #[error("the faults are not valid YAML or JSON: {0}")]
    Syntax(String),
    /// The text does not have the shape of a plan.
    #[error("the faults do not have the form of docs/faults.md")]
    Shape(#[source] serde_json::Error),
    /// A value is out of its range.
    #[error("rule {rule} of the faults: {problem}")]
    Rule {
        /// The rule, counted from 1.
        rule: usize,
        /// What is wrong.
        problem: String,
    },
}

impl FaultPlan {
    /// Reads a plan from a YAML or JSON file.
    ///
    /// # Errors
    /// If the file cannot be read, or is not a plan.
    pub fn from_file(path: &Path) -> Result<Self, FaultPlanError> {
        let text = std::fs::read_to_string(path).map_err(|source| FaultPlanError::Read {
            path: path.display().to_string(),
            source,
        })?;
        Self::parse(&text)
    }

    /// Reads a plan from YAML or JSON text.
    ///
    /// # Errors
    /// If the text is not a plan.
    pub fn parse(text: &str) -> Result<Self, FaultPlanError> {
        let value: serde_json::Value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(_not_json) => serde_saphyr::from_str(text)
                .map_err(|error| FaultPlanError::Syntax(error.to_string()))?,
        };
        let plan: Self = serde_json::from_value(value).map_err(FaultPlanError::Shape)?;
        for (index, rule) in plan.rules.iter().enumerate() {
            if let Some(p) = rule.probability.filter(|p| !(0.0..=1.0).contains(p)) {
                let problem = format!("probability must be from 0 to 1, not {p}");
                return Err(FaultPlanError::Rule {
                    rule: index + 1,
                    problem,
                });
            }
        }
        Ok(plan)
    }
}

/// A call, as rules see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) seq: u64,
    pub(crate) service: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) mutating: bool,
}

/// The plan with the counts of this run.
#[derive(Debug)]
pub(crate) struct Faults {
    plan: FaultPlan,
    counts: Vec<Count>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    matched: u64,
    struck: u64,
}

impl Faults {
    pub(crate) fn new(plan: FaultPlan) -> Self {
        let counts = vec![Count::default(); plan.rules.len()];
        Self { plan, counts }
    }

    /// Decides which faults strike a call, in the order of the rules.
    pub(crate) fn strike(&mut self, target: Target<'_>) -> Vec<Fault> {
        let seed = self.plan.seed;
        let mut struck = Vec::new();
        for (index, (rule, count)) in self.plan.rules.iter().zip(&mut self.counts).enumerate() {
            if matches(rule, target) && strikes(rule, count, seed, (index as u64, target.seq)) {
                struck.push(rule.fault.clone());
            }
        }
        struck
    }
}

fn matches(rule: &FaultRule, target: Target<'_>) -> bool {
    rule.service
        .as_deref()
        .is_none_or(|service| service == target.service)
        && rule
            .operation
            .as_deref()
            .is_none_or(|pattern| wildcard(pattern, target.operation))
        && rule
            .mutating
            .is_none_or(|mutating| mutating == target.mutating)
}

fn strikes(rule: &FaultRule, count: &mut Count, seed: u64, draw: (u64, u64)) -> bool {
    count.matched += 1;
    let by_number = rule.nth.is_empty() || rule.nth.contains(&count.matched);
    let by_chance = rule
        .probability
        .is_none_or(|p| Seeded::new(seed, &[draw.0, draw.1]).unit() < p);
    let strikes = by_number && by_chance && rule.limit.is_none_or(|limit| count.struck < limit);
    count.struck += u64::from(strikes);
    strikes
}

/// Tells whether `text` has the form of `pattern`, in which `*` stands for any characters and `?` for one.
pub(crate) fn wildcard(pattern: &str, text: &str) -> bool {
    let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut i, mut j) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while j < t.len() {
        if p.get(i) == Some(&'*') {
            star = Some((i, j));
            i += 1;
        } else if i < p.len() && (p[i] == '?' || p[i] == t[j]) {
            (i, j) = (i + 1, j + 1);
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            (i, j) = (at + 1, from + 1);
        } else {
            return false;
        }
    }
    p[i..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expected: bool) {
        assert_eq!(wildcard(pattern, text), expected, "{pattern} on {text}");
    }

    #[test]
    fn wildcards() {
        check("Create*", "CreateVpc", true);
        check("*Vpc", "CreateVpc", true);
        check("C*V?c", "CreateVpc", true);
        check("*", "", true);
        check("", "", true);
        check("Create", "CreateVpc", false);
        check("*Subnet", "CreateVpc", false);
        check("a*b*c", "aXbXbXc", true);
    }

    fn strikes_of(text: &str, operations: &[&str]) -> Vec<Vec<&'static str>> {
        let mut faults = Faults::new(FaultPlan::parse(text).unwrap());
        let strike = |(at, operation): (usize, &&str)| {
            let seq = at as u64 + 1;
            let mutating = operation.starts_with("Create");
            let target = Target {
                seq,
                service: "ec2",
                operation,
                mutating,
            };
            faults.strike(target).iter().map(Fault::name).collect()
        };
        operations.iter().enumerate().map(strike).collect()
    }

    #[test]
    fn nth_counts_matching_calls_only() {
        let plan = "rules:\n- operation: Create*\n  nth: [2]\n  fault: lost_response\n";
        let struck = strikes_of(
            plan,
            &["CreateVpc", "DescribeVpcs", "CreateVpc", "CreateVpc"],
        );
        assert_eq!(struck, [vec![], vec![], vec!["lost_response"], vec![]]);
    }

    #[test]
    fn limit_and_mutating() {
        let plan =
            r#"{"rules":[{"mutating":true,"limit":1,"fault":{"throttle":{"retry_after":1}}}]}"#;
        let struck = strikes_of(plan, &["DescribeVpcs", "CreateVpc", "CreateVpc"]);
        assert_eq!(struck, [vec![], vec!["throttle"], vec![]]);
    }

    #[test]
    fn chances_follow_from_the_seed() {
        let plan =
            |seed| format!("seed: {seed}\nrules: [{{probability: 0.3, fault: drop_before}}]");
        let calls = ["CreateVpc"; 200];
        assert_eq!(strikes_of(&plan(1), &calls), strikes_of(&plan(1), &calls));
        assert_ne!(strikes_of(&plan(1), &calls), strikes_of(&plan(2), &calls));
        let struck = strikes_of(&plan(3), &calls)
            .iter()
            .filter(|s| !s.is_empty())
            .count();
        assert!((35..90).contains(&struck), "{struck}");
    }

    #[test]
    fn a_wrong_plan_is_refused() {
        let problem = |text: &str| FaultPlan::parse(text).unwrap_err().to_string();
        assert!(problem("rules: [").contains("not valid YAML"));
        assert!(problem("rules: [{fault: nonsense}]").contains("docs/faults.md"));
        assert!(problem("rules: [{faults: throttle}]").contains("docs/faults.md"));
        assert!(problem("rules: [{probability: 2, fault: drop_before}]").contains("rule 1"));
    }
}
