//! The outcomes of cases, and their judgement against the list of what is skipped.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use crate::world::Outcome;

/// A case that cannot hold on a cloud.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Skip {
    /// The case's name, with `*` for any characters.
    pub(crate) case: &'static str,
    pub(crate) reason: &'static str,
    /// Whether the case is run all the same, and has to fail.
    runs: bool,
}

impl Skip {
    /// A case that needs what the cloud does not have.
    pub(crate) const fn not_run(case: &'static str, reason: &'static str) -> Skip {
        Skip {
            case,
            reason,
            runs: false,
        }
    }

    /// A case that is run and fails because the cloud is wrong.
    pub(crate) const fn fails(case: &'static str, reason: &'static str) -> Skip {
        Skip {
            case,
            reason,
            runs: true,
        }
    }

    /// Whether the case must not even be run.
    pub(crate) fn keeps_back(&self, name: &str) -> bool {
        !self.runs && self.fits(name)
    }

    fn fits(&self, name: &str) -> bool {
        fits(self.case, name)
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => {
            let Some(name) = name.strip_prefix(start) else {
                return false;
            };
            (0..=name.len()).any(|at| name.is_char_boundary(at) && fits(rest, &name[at..]))
        }
    }
}

/// What came of the cases, by name. `None` stands for a case that the cloud has no means for.
#[derive(Debug, Default)]
pub(crate) struct Report(BTreeMap<String, Option<Outcome>>);

impl Report {
    pub(crate) fn note(&mut self, name: String, outcome: Option<Outcome>) {
        let before = self.0.insert(name.clone(), outcome);
        assert!(before.is_none(), "two cases are called {name}");
    }

    pub(crate) fn add(&mut self, other: Report) {
        for (name, outcome) in other.0 {
            self.note(name, outcome);
        }
    }

    /// Prints the counts, and fails unless every case passed or is skipped for a reason that still holds.
    pub(crate) fn judge(&self, cloud: &str, skips: &[Skip], took: Duration) {
        let mut wrong = Vec::new();
        let (mut passed, mut skipped) = (0, 0);
        for (name, outcome) in &self.0 {
            let skip = skips.iter().find(|skip| skip.fits(name));
            match (outcome, skip) {
                (Some(Ok(())), None) => passed += 1,
                (Some(Err(_)), Some(skip)) if skip.runs => skipped += 1,
                (None, Some(skip)) if !skip.runs => skipped += 1,
                (Some(Ok(())), Some(skip)) => {
                    wrong.push(format!("{name}: passes, although: {}", skip.reason));
                }
                (Some(Err(why)), _) => wrong.push(format!("{name}: {why}")),
                (None, _) => wrong.push(format!("{name}: not run, and in no list")),
            }
        }
        for skip in skips {
            if !self.0.keys().any(|name| skip.fits(name)) {
                wrong.push(format!(
                    "{}: is skipped, and no such case exists",
                    skip.case
                ));
            }
        }
        // Not through the harness, which keeps what passing tests say to itself.
        writeln!(
            std::io::stderr().lock(),
            "figures: contract on {cloud}: {} cases, {passed} passed, {skipped} skipped with a reason, {} wrong, {:.1} s",
            self.0.len(),
            wrong.len(),
            took.as_secs_f64()
        )
        .expect("standard error can be written");
        assert!(wrong.is_empty(), "on {cloud}:\n{}", wrong.join("\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns() {
        assert!(fits("*/pages", "aws_vpc/pages"));
        assert!(fits("aws_vpc/*/lost", "aws_vpc/a/lost"));
        assert!(!fits("aws_vpc/*", "aws_subnet/a"));
        assert!(!fits("*/pages", "aws_vpc/pages/b"));
    }
}
