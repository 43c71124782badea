//! `strata completions`: scripts that complete commands and options in a shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::arguments::CommandLine;
use crate::error::{CommandError, Outcome};
use crate::session::Session;

/// `strata completions`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  strata completions bash > /etc/bash_completion.d/strata
  strata completions zsh > ~/.zfunc/_strata
  strata completions fish > ~/.config/fish/completions/strata.fish")]
pub struct Arguments {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Runs the command.
///
/// # Errors
///
/// Never.
pub fn run(session: &Session, arguments: &Arguments) -> Result<Outcome, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut CommandLine::command(),
        "strata",
        &mut script,
    );
    let script = String::from_utf8_lossy(&script);
    let line = match arguments.shell {
        Shell::Bash => bash_line,
        Shell::Zsh => zsh_line,
        Shell::Fish => fish_line,
        // The others complete what begins with two dashes.
        _ => str::to_owned,
    };
    for text in script.lines() {
        session.ui.line(&line(text));
    }
    Ok(Outcome::Done)
}

/// The spelling with one dash of an option.
fn one_dash(word: &str) -> Option<&str> {
    word.strip_prefix('-').filter(|rest| rest.starts_with('-'))
}

/// Adds the spellings with one dash to a line of bash: where options are offered, and where their values are.
fn bash_line(line: &str) -> String {
    if let Some((head, words)) = line.split_once("opts=\"") {
        let more = words
            .split([' ', '"'])
            .filter_map(one_dash)
            .filter(|word| word.len() > 1);
        let more: Vec<&str> = more.collect();
        if !more.is_empty() {
            return format!("{head}opts=\"{} {words}", more.join(" "));
        }
    }
    let option = line.trim_start().strip_suffix(')');
    match option.and_then(|word| Some((word, one_dash(word)?))) {
        Some((word, short)) if !word.contains([' ', '|']) => {
            let margin = &line[..line.len() - line.trim_start().len()];
            format!("{margin}{word}|{short})")
        }
        Some(_) | None => line.to_owned(),
    }
}

/// Adds a second line for the spelling with one dash to a line of zsh that describes an option.
fn zsh_line(line: &str) -> String {
    let Some(rest) = line.strip_prefix('\'') else {
        return line.to_owned();
    };
    // `*` says that it may be repeated, and what stands in brackets does not go with it.
    let after = match (rest.strip_prefix('*'), rest.strip_prefix('(')) {
        (Some(rest), _) => Some(rest),
        (None, Some(inside)) => inside.split_once(')').map(|(_, rest)| rest),
        (None, None) => Some(rest),
    };
    match after.and_then(one_dash) {
        Some(short) => {
            let head = &line[..line.len() - short.len() - 1];
            format!("{line}\n{head}{short}")
        }
        None => line.to_owned(),
    }
}

/// Adds the spelling with one dash to a line of fish, which calls such options old ones.
fn fish_line(line: &str) -> String {
    let Some((head, rest)) = line.split_once(" -l ") else {
        return line.to_owned();
    };
    let name = rest.split(' ').next().unwrap_or_default();
    format!("{head} -l {name} -o {rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_offered_with_one_dash_too() {
        assert_eq!(
            bash_line("            opts=\"-y -h --auto-approve --var --help [DIR]\""),
            "            opts=\"-auto-approve -var -help -y -h --auto-approve --var --help [DIR]\""
        );
        assert_eq!(bash_line("    --var-file)"), "    --var-file|-var-file)");
        assert_eq!(bash_line("    opts=\"\""), "    opts=\"\"");
        assert_eq!(bash_line("    *)"), "    *)");
        let zsh = |before: &str| {
            assert_eq!(
                zsh_line(&format!("'{before}--var=[It'\\''s one]:NAME:_files' \\")),
                format!(
                    "'{before}--var=[It'\\''s one]:NAME:_files' \\\n'{before}-var=[It'\\''s one]:NAME:_files' \\"
                )
            );
        };
        ["", "*", "(--a --b)"].into_iter().for_each(zsh);
        assert_eq!(zsh_line("'-y[Do not ask]' \\"), "'-y[Do not ask]' \\");
        assert_eq!(
            fish_line("complete -c strata -n \"x\" -l var -d 'A' -r"),
            "complete -c strata -n \"x\" -l var -o var -d 'A' -r"
        );
    }
}
