//! `strata_random_password`: a secret text.

use strata_model::provider::{ArgumentFault, ProviderError};
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema};
use strata_model::{IdSource, Value};

use crate::resource::{BuiltinType, fault, invalid, keepers};

/// The longest password.
const LONGEST: i64 = 4096;
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const NUMERIC: &str = "0123456789";
const SPECIAL: &str = "!@#$%&*()-_=+[]{}<>:?";

/// A class of characters: the argument that allows it, the one that asks for a least number, and the characters.
const CLASSES: [(&str, &str, &str); 4] = [
    ("lower", "min_lower", LOWER),
    ("numeric", "min_numeric", NUMERIC),
    ("special", "min_special", SPECIAL),
    ("upper", "min_upper", UPPER),
];

/// A secret text, kept encrypted in the state.
#[derive(Debug)]
pub(crate) struct RandomPassword;

impl BuiltinType for RandomPassword {
    fn schema(&self) -> ResourceSchema {
        let class = |description| {
            Attribute::optional(AttributeType::Bool, description)
                .default_value(true)
                .replaces()
        };
        let least = |description| {
            Attribute::optional(AttributeType::Number, description)
                .default_value(0)
                .replaces()
        };
        let schema = Schema::new([
            (
                "id",
                Attribute::computed(AttributeType::String, "Always `none`."),
            ),
            keepers(),
            (
                "length",
                Attribute::required(
                    AttributeType::Number,
                    "Number of characters, from 1 to 4096.",
                )
                .replaces(),
            ),
            ("lower", class("Whether lower-case letters may occur.")),
            ("min_lower", least("Least number of lower-case letters.")),
            ("min_numeric", least("Least number of digits.")),
            ("min_special", least("Least number of special characters.")),
            ("min_upper", least("Least number of upper-case letters.")),
            ("numeric", class("Whether digits may occur.")),
            (
                "override_special",
                Attribute::optional(
                    AttributeType::String,
                    "The special characters, in place of `!@#$%&*()-_=+[]{}<>:?`.",
                )
                .replaces(),
            ),
            (
                "result",
                Attribute::computed(AttributeType::String, "The password.").sensitive(),
            ),
            ("special", class("Whether special characters may occur.")),
            ("upper", class("Whether upper-case letters may occur.")),
        ]);
        ResourceSchema::managed(
            "strata_random_password",
            Adoption::Natural,
            schema,
            "A secret text, kept encrypted in the state.",
        )
    }

    fn validate(&self, config: &Value) -> Vec<ArgumentFault> {
        let mut faults = Vec::new();
        if let Some(number) = config.get("length").and_then(Value::as_number)
            && !number
                .as_i64()
                .is_some_and(|length| (1..=LONGEST).contains(&length))
        {
            let message = format!("must be a whole number from 1 to {LONGEST}, not {number}.");
            faults.push(fault("length", message));
        }
        for (_, least, _) in CLASSES {
            let number = config.get(least).and_then(Value::as_number);
            if let Some(number) = number.filter(|n| n.as_i64().is_none_or(|n| n < 0)) {
                faults.push(fault(
                    least,
                    format!("must be a whole number from 0, not {number}."),
                ));
            }
        }
        let is_known = config
            .members()
            .is_some_and(|members| !members.values().any(Value::is_unknown));
        if is_known && faults.is_empty() {
            faults.extend(
                Recipe::read(config)
                    .err()
                    .map(|(argument, text)| fault(argument, text)),
            );
        }
        faults
    }

    fn generate(
        &self,
        planned: &Value,
        ids: &dyn IdSource,
    ) -> Result<Vec<(&'static str, Value)>, ProviderError> {
        let recipe = Recipe::read(planned)
            .map_err(|(argument, text)| invalid(format!("{argument} {text}")))?;
        Ok(vec![
            ("id", "none".into()),
            ("result", Value::from(recipe.password(ids)).into_secret()),
        ])
    }

    /// The id is the password itself.
    fn import(&self, id: &str) -> Result<Vec<(&'static str, Value)>, ProviderError> {
        let length = i64::try_from(id.chars().count()).unwrap_or(i64::MAX);
        Ok(vec![
            ("id", "none".into()),
            ("length", length.into()),
            ("result", Value::from(id).into_secret()),
        ])
    }
}

/// What a password is made of.
struct Recipe {
    length: usize,
    /// The characters of each class, with the least number of them.
    classes: Vec<(Vec<char>, usize)>,
}

impl Recipe {
    /// Reads the arguments; an argument that is wrong comes back with what is wrong with it.
    fn read(arguments: &Value) -> Result<Self, (&'static str, String)> {
        let number = |name| arguments.get(name).and_then(Value::as_i64).unwrap_or(0);
        let length = usize::try_from(number("length").clamp(0, LONGEST)).unwrap_or_default();
        let own = arguments.get("override_special").and_then(Value::as_str);
        let mut classes = Vec::new();
        for (allowed, least, characters) in CLASSES {
            let characters = own.filter(|_| allowed == "special").unwrap_or(characters);
            let is_allowed = arguments
                .get(allowed)
                .and_then(Value::as_bool)
                .unwrap_or(true);
            let least_number = usize::try_from(number(least).max(0)).unwrap_or(usize::MAX);
            if is_allowed && !characters.is_empty() {
                classes.push((characters.chars().collect(), least_number));
            } else if least_number > 0 {
                return Err((
                    least,
                    format!("must be 0 where {allowed} characters may not occur."),
                ));
            }
        }
        let least = classes
            .iter()
            .fold(0_usize, |sum, (_, least)| sum.saturating_add(*least));
        if classes.is_empty() {
            return Err((
                "length",
                "cannot be reached: no class of characters may occur.".to_owned(),
            ));
        }
        if least > length {
            return Err((
                "length",
                format!("must be at least {least}, the sum of the least numbers."),
            ));
        }
        Ok(Recipe { length, classes })
    }

    /// First the least numbers, then any characters, then all of them in random order.
    fn password(&self, ids: &dyn IdSource) -> String {
        let mut characters = Vec::with_capacity(self.length);
        for (class, least) in &self.classes {
            characters.extend((0..*least).map(|_| class[below(class.len(), ids)]));
        }
        let all: Vec<char> = self
            .classes
            .iter()
            .flat_map(|(class, _)| class.iter().copied())
            .collect();
        while characters.len() < self.length {
            characters.push(all[below(all.len(), ids)]);
        }
        for index in (1..characters.len()).rev() {
            characters.swap(index, below(index + 1, ids));
        }
        characters.into_iter().collect()
    }
}

/// A random number below `bound`, each one as likely as the others.
fn below(bound: usize, ids: &dyn IdSource) -> usize {
    let bound = u32::try_from(bound.max(1)).unwrap_or(u32::MAX);
    // Numbers above the last whole multiple of the bound would make the small ones more likely.
    let limit = u32::MAX - u32::MAX % bound;
    loop {
        let mut bytes = [0; 4];
        ids.fill(&mut bytes);
        let number = u32::from_le_bytes(bytes);
        if number < limit {
            return (number % bound) as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::tests::Bench;

    #[tokio::test]
    async fn passwords_keep_the_least_numbers() {
        let bench = Bench::new("strata_random_password");
        let made = bench
            .settle(&[
                ("length", 12.into()),
                ("upper", false.into()),
                ("min_numeric", 5.into()),
                ("min_special", 3.into()),
                ("override_special", "~".into()),
            ])
            .await;
        let result = made.get("result").unwrap();
        assert!(result.is_secret());
        let text = result.as_str().unwrap();
        let count = |test: fn(&char) -> bool| text.chars().filter(test).count();
        assert_eq!(text.len(), 12);
        assert!(count(char::is_ascii_digit) >= 5);
        assert!(count(|c| *c == '~') >= 3);
        assert_eq!(count(char::is_ascii_uppercase), 0);
        assert_eq!(format!("{result:?}"), "***");
    }

    #[test]
    fn impossible_passwords_are_refused() {
        let bench = Bench::new("strata_random_password");
        let check = |given: &[(&'static str, Value)], expected: &str| {
            let faults = RandomPassword.validate(&bench.config(given));
            let paths: Vec<String> = faults.iter().map(|fault| fault.path.to_string()).collect();
            assert_eq!(paths.join(" "), expected, "{given:?}");
        };
        check(&[("length", 8.into())], "");
        check(&[("length", 0.into())], "length");
        check(&[("length", 2.into()), ("min_lower", 3.into())], "length");
        check(
            &[
                ("length", 2.into()),
                ("lower", false.into()),
                ("min_lower", 1.into()),
            ],
            "min_lower",
        );
        check(
            &[("length", 2.into()), ("min_upper", (-1).into())],
            "min_upper",
        );
        let none = CLASSES.map(|(allowed, _, _)| (allowed, Value::from(false)));
        check(&[&[("length", 2.into())][..], &none].concat(), "length");
    }
}
