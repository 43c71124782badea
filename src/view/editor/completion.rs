//! Completion of names, a part at a time.

/// What the name before the cursor may become.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Completion {
    /// What all candidates have in common behind what is there.
    pub(super) addition: String,
    /// The candidates; each reaches to the next dot, so that `v` offers `var.` and not every variable.
    pub(super) candidates: Vec<String>,
}

impl Completion {
    /// Completes the name at the end of a text with one of these words.
    pub(super) fn of(words: &[String], before: &str) -> Self {
        let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.');
        let name = before
            .char_indices()
            .rev()
            .take_while(|(_, letter)| is_part(*letter))
            .last()
            .map_or("", |(at, _)| &before[at..]);
        let mut candidates: Vec<String> = words
            .iter()
            .filter(|word| word.starts_with(name))
            .map(|word| match word[name.len()..].find('.') {
                Some(dot) => word[..=name.len() + dot].to_owned(),
                None => word.clone(),
            })
            .collect();
        candidates.sort();
        candidates.dedup();
        let common = candidates
            .iter()
            .map(|candidate| &candidate[name.len()..])
            .reduce(in_common)
            .unwrap_or_default();
        Completion {
            addition: common.to_owned(),
            candidates,
        }
    }
}

/// The beginning that both texts have.
fn in_common<'t>(left: &'t str, right: &str) -> &'t str {
    let same = left
        .char_indices()
        .zip(right.chars())
        .take_while(|((_, left), right)| left == right);
    let end = same
        .last()
        .map_or(0, |((at, letter), _)| at + letter.len_utf8());
    &left[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_a_part_at_a_time() {
        let words = [
            "abs(",
            "aws_vpc.main.id",
            "aws_vpc.main.cidr",
            "var.zone",
            "var.zones",
        ];
        let words: Vec<String> = words.map(str::to_owned).to_vec();
        let check = |before: &str, addition: &str, candidates: &[&str]| {
            let found = Completion::of(&words, before);
            assert_eq!(found.addition, addition, "{before}");
            assert_eq!(found.candidates, candidates, "{before}");
        };
        check("a", "", &["abs(", "aws_vpc."]);
        check("aw", "s_vpc.", &["aws_vpc."]);
        check("max(1, aws_vpc.m", "ain.", &["aws_vpc.main."]);
        check(
            "aws_vpc.main.",
            "",
            &["aws_vpc.main.cidr", "aws_vpc.main.id"],
        );
        check("1 + v", "ar.", &["var."]);
        check("\"é${var.z", "one", &["var.zone", "var.zones"]);
        check("nothing", "", &[]);
        check("abs(", "", &["abs(", "aws_vpc.", "var."]);
    }
}
