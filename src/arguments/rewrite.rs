//! Rewrites single-dash long options, which clap does not know, by the command's own options.
//!
//! A value always travels joined to its option (`--var=x=-y`), so that one which begins with a dash is no option.

use std::ffi::{OsStr, OsString};

use clap::{Arg, ArgAction, Command};

use crate::environment::{CLI_ARGS, Environment};

/// A value of a rewritten argument that does not say yes or no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    /// A switch was given something that is neither true nor false.
    #[error("-{option} takes true or false, not '{value}'")]
    NotBool {
        /// The option.
        option: String,
        /// The value.
        value: String,
    },
    /// An environment variable with arguments has an open quote.
    #[error("{0} has a quote that is not closed")]
    OpenQuote(String),
}

/// Rewrites all arguments, the program's name first, and puts those of the environment behind the command's name.
///
/// # Errors
///
/// When a switch has a value that is no truth value, or the environment's arguments cannot be split.
pub fn rewrite(
    root: &Command,
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
) -> Result<Vec<OsString>, RewriteError> {
    let mut rewriter = Rewriter {
        path: vec![root],
        output: Vec::new(),
        literal: false,
    };
    let mut arguments = arguments.into_iter();
    rewriter.output.extend(arguments.next());
    let mut queue: std::collections::VecDeque<OsString> = arguments.collect();
    while let Some(argument) = queue.pop_front() {
        if rewriter.descend(&argument) {
            rewriter.output.push(argument);
            if rewriter.is_leaf() {
                for extra in rewriter.words_of(environment)?.into_iter().rev() {
                    queue.push_front(extra);
                }
            }
            continue;
        }
        rewriter.argument(argument, &mut queue)?;
    }
    Ok(rewriter.output)
}

struct Rewriter<'a> {
    /// The command and those above it.
    path: Vec<&'a Command>,
    output: Vec<OsString>,
    /// Whether `--` was seen.
    literal: bool,
}

impl<'a> Rewriter<'a> {
    fn current(&self) -> &'a Command {
        self.path[self.path.len() - 1]
    }

    fn is_leaf(&self) -> bool {
        !self.current().has_subcommands()
    }

    fn descend(&mut self, argument: &OsStr) -> bool {
        let found = argument
            .to_str()
            .filter(|_| !self.literal)
            .and_then(|name| self.current().find_subcommand(name));
        self.path.extend(found);
        found.is_some()
    }

    fn words_of(&self, environment: &Environment) -> Result<Vec<OsString>, RewriteError> {
        let names: Vec<String> = self.path[1..]
            .iter()
            .map(|command| command.get_name().replace('-', "_"))
            .collect();
        let mut extra = Vec::new();
        for name in [
            CLI_ARGS.name.to_owned(),
            format!("{}_{}", CLI_ARGS.name, names.join("_")),
        ] {
            if let Some(text) = environment.named(&name) {
                let words = shlex::split(text).ok_or(RewriteError::OpenQuote(name))?;
                extra.extend(words.into_iter().map(OsString::from));
            }
        }
        Ok(extra)
    }

    fn argument(
        &mut self,
        argument: OsString,
        queue: &mut std::collections::VecDeque<OsString>,
    ) -> Result<(), RewriteError> {
        let Some(text) = argument.to_str().filter(|_| !self.literal) else {
            self.output.push(argument);
            return Ok(());
        };
        if text == "--" {
            self.literal = true;
        }
        let body = text.strip_prefix("--").or_else(|| text.strip_prefix('-'));
        let Some(body) = body.filter(|body| body.len() > 1) else {
            self.output.push(argument);
            return Ok(());
        };
        let (name, value) = match body.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (body, None),
        };
        if matches!(name, "help" | "version") && value.is_none() {
            self.output.push(format!("--{name}").into());
            return Ok(());
        }
        match self.option(name) {
            Some(option) => self.option_argument(option, (name, value), queue),
            None => {
                // An unknown option in Terraform's spelling is reported as the option that it is, not as a
                // bundle of short ones.
                let unknown = if text.starts_with("--") {
                    argument
                } else {
                    format!("-{text}").into()
                };
                self.output.push(unknown);
                Ok(())
            }
        }
    }

    fn option(&self, name: &str) -> Option<&'a Arg> {
        let own = self.current().get_arguments();
        let inherited = self.path.iter().flat_map(|command| command.get_arguments());
        own.chain(inherited.filter(|option| option.is_global_set()))
            .find(|option| {
                option.get_long() == Some(name)
                    || option
                        .get_all_aliases()
                        .is_some_and(|aliases| aliases.contains(&name))
            })
    }

    fn option_argument(
        &mut self,
        option: &Arg,
        (name, value): (&str, Option<&str>),
        queue: &mut std::collections::VecDeque<OsString>,
    ) -> Result<(), RewriteError> {
        let takes_value = matches!(option.get_action(), ArgAction::Set | ArgAction::Append);
        let rewritten = match (takes_value, value) {
            (true, Some(value)) => Some(format!("--{name}={value}").into()),
            (true, None) if option.is_require_equals_set() => Some(format!("--{name}").into()),
            (true, None) => {
                let mut joined = OsString::from(format!("--{name}"));
                if let Some(value) = queue.pop_front() {
                    joined.push("=");
                    joined.push(value);
                }
                Some(joined)
            }
            (false, None) => Some(format!("--{name}").into()),
            (false, Some(value)) => truth(value)
                .ok_or_else(|| RewriteError::NotBool {
                    option: name.to_owned(),
                    value: value.to_owned(),
                })?
                .then(|| format!("--{name}").into()),
        };
        self.output.extend(rewritten);
        Ok(())
    }
}

/// The truth values that Terraform's switches take.
fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::arguments::CommandLine;

    fn check_with(environment: &[(&str, &str)], input: &str, expected: &str) {
        let root = CommandLine::command();
        let environment: Environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let arguments = std::iter::once("strata")
            .chain(input.split(' '))
            .map(OsString::from);
        let output = rewrite(&root, arguments, &environment);
        let output = output.map(|output| {
            let texts: Vec<_> = output[1..]
                .iter()
                .map(|text| text.to_str().unwrap())
                .collect();
            texts.join(" ")
        });
        assert_eq!(
            output.unwrap_or_else(|error| error.to_string()),
            expected,
            "{input}"
        );
    }

    fn check(input: &str, expected: &str) {
        check_with(&[], input, expected);
    }

    #[test]
    fn one_dash_becomes_two() {
        check(
            "-chdir=x plan -out=a -json",
            "--chdir=x plan --out=a --json",
        );
        check(
            "plan -out a -var x=-y -var -z=1",
            "plan --out=a --var=x=-y --var=-z=1",
        );
        check("apply -auto-approve a.plan", "apply --auto-approve a.plan");
        check("--sandbox plan", "--sandbox plan");
        check(
            "-sandbox=http://127.0.0.1:1 plan",
            "--sandbox=http://127.0.0.1:1 plan",
        );
        check("plan -help", "plan --help");
        check("-h", "-h");
    }

    #[test]
    fn switches_take_truth_values() {
        check("plan -json=false -refresh=false", "plan --refresh=false");
        check("plan -json=true", "plan --json");
        check("plan -json=maybe", "-json takes true or false, not 'maybe'");
    }

    #[test]
    fn what_is_no_option_stays() {
        check("state mv a.b a.c", "state mv a.b a.c");
        check("plan -nonsense", "plan --nonsense");
        check("output -- -json", "output -- -json");
    }

    #[test]
    fn the_environment_adds_arguments() {
        let environment = [
            ("STRATA_CLI_ARGS", "-no-color"),
            ("STRATA_CLI_ARGS_plan", "-var 'a=b c'"),
        ];
        check_with(
            &environment,
            "plan -json",
            "plan --no-color --var=a=b c --json",
        );
        check_with(&environment, "validate", "validate --no-color");
        check_with(
            &[("STRATA_CLI_ARGS_state_list", "-id=1")],
            "state list",
            "state list --id=1",
        );
        check_with(
            &[("STRATA_CLI_ARGS", "'")],
            "plan",
            "STRATA_CLI_ARGS has a quote that is not closed",
        );
    }
}
