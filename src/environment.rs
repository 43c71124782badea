//! The environment variables that Strata reads: one table, read once.
//!
//! The AWS SDK and Git read their own variables (`AWS_*`, `SSH_AUTH_SOCK`, proxies) by themselves.

use std::collections::BTreeMap;

use strata_model::Variables;

/// A variable and what it means, as `strata --help` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub help: &'static str,
}

macro_rules! variables {
    ($($(#[$doc:meta])* $ident:ident = $name:literal: $help:literal;)*) => {
        $($(#[$doc])* pub const $ident: Variable = Variable { name: $name, help: $help };)*

        /// All variables with fixed names.
        pub const TABLE: &[Variable] = &[$($ident),*];
    };
}

variables! {
    /// `STRATA_LOG`
    LOG = "STRATA_LOG": "What is logged to standard error: error, warn, info, debug, trace, or target=level pairs with commas.";
    /// `STRATA_LOG_PATH`
    LOG_PATH = "STRATA_LOG_PATH": "A file that the log is appended to instead of standard error.";
    /// `STRATA_CLI_ARGS`
    CLI_ARGS = "STRATA_CLI_ARGS": "Arguments put behind the name of every command. STRATA_CLI_ARGS_plan does so for plan only.";
    /// `STRATA_INPUT`
    INPUT = "STRATA_INPUT": "With 0 or false nothing is asked, as with -input=false.";
    /// `STRATA_IN_AUTOMATION`
    IN_AUTOMATION = "STRATA_IN_AUTOMATION": "With any value, output leaves out advice on what to type next.";
    /// `STRATA_DATA_DIR`
    DATA_DIR = "STRATA_DATA_DIR": "The directory for state, key and caches, in place of .strata.";
    /// `STRATA_STATE`
    STATE = "STRATA_STATE": "Where the state is, as with -state.";
    /// `STRATA_STATE_KEY`
    STATE_KEY = "STRATA_STATE_KEY": "The key of the state's secrets, 64 hexadecimal digits, in place of the file key in the data directory.";
    /// `STRATA_SOURCE_ALLOW`
    SOURCE_ALLOW = "STRATA_SOURCE_ALLOW": "Hosts, separated by commas, that sources may be read from over http or on loopback.";
    /// `NO_COLOR`
    NO_COLOR = "NO_COLOR": "With any value that is not empty, output has no colours.";
    /// `COLUMNS`
    COLUMNS = "COLUMNS": "The width of the output, where it cannot be asked from the terminal.";
    /// `TERM`
    TERM = "TERM": "With dumb, output has no colours and does not move the cursor.";
    /// `USER`
    USER = "USER": "Who is named in the lock and in the history of runs.";
    /// `HOME`
    HOME = "HOME": "Where the history of the console is kept, below .local/state, and a kubeconfig, in .kube/config.";
    /// `AWS_CREDENTIAL_EXPIRATION`
    AWS_EXPIRATION = "AWS_CREDENTIAL_EXPIRATION": "When credentials of AWS in the environment end; no run begins that would take longer.";
    /// `KUBECONFIG`
    KUBECONFIG = "KUBECONFIG": "The kubeconfig of a provider \"kubernetes\" that names no server.";
    /// `KUBE_TOKEN`
    KUBE_TOKEN = "KUBE_TOKEN": "A token that token_env of a provider \"kubernetes\" may name, as may all variables that begin with it.";
}

/// What the name of a variable for a definition's variable begins with.
pub const VARIABLE_PREFIX: &str = "STRATA_VAR_";

/// The environment of the process as it was at the start.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl std::fmt::Debug for Environment {
    /// Names only: a value may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Environment {
    /// Reads the variables that Strata knows. A value that is no Unicode counts as absent.
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The text of a variable; an empty one counts as absent.
    pub fn text(&self, variable: Variable) -> Option<&str> {
        self.named(variable.name)
    }

    /// The text of a variable whose name is made of parts.
    pub fn named(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    /// Whether a variable has one of the values that mean no.
    pub fn is_off(&self, variable: Variable) -> bool {
        self.text(variable)
            .is_some_and(|text| matches!(text, "0" | "false" | "FALSE" | "f" | "F"))
    }

    /// The values for definitions' variables, by their names.
    pub fn definition_variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(VARIABLE_PREFIX)?, value.as_str())))
    }
}

impl Variables for Environment {
    /// Only those that are a connection's business.
    fn variable(&self, name: &str) -> Option<String> {
        let is_known = [KUBECONFIG.name, HOME.name, AWS_EXPIRATION.name].contains(&name);
        (is_known || name.starts_with(KUBE_TOKEN.name))
            .then(|| self.named(name).map(str::to_owned))
            .flatten()
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(iter: I) -> Self {
        let known = |name: &str| {
            TABLE.iter().any(|variable| variable.name == name)
                || name.starts_with(VARIABLE_PREFIX)
                || name.starts_with(CLI_ARGS.name)
                || name.starts_with(KUBE_TOKEN.name)
        };
        Environment(iter.into_iter().filter(|(name, _)| known(name)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_names_are_kept() {
        let environment: Environment = [
            ("STRATA_VAR_region", "eu"),
            ("STRATA_INPUT", "0"),
            ("NO_COLOR", ""),
            ("SOMETHING", "else"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
        .collect();
        assert_eq!(
            environment.definition_variables().collect::<Vec<_>>(),
            [("region", "eu")]
        );
        assert!(environment.is_off(INPUT));
        assert_eq!(environment.text(NO_COLOR), None);
        assert_eq!(environment.named("SOMETHING"), None);
    }
}
