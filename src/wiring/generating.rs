//! Writing the blocks of imports that have none.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use strata_core::plan::{Generated, Reference};
use strata_language::decode::Spelling;
use strata_language::{format, respell};
use strata_model::address::is_name;
use strata_model::{AttributePath, Kind, PathStep, Value};

use super::bench::Bench;
use super::planning::Request;
use crate::arguments::PlanningArguments;
use crate::error::CommandError;

/// What gives a text, by its place in the arguments.
type References = BTreeMap<AttributePath, Reference>;

/// What stands above the blocks.
const HEADING: &str = "# Written by `strata plan -generate-config-out`: read it, correct it, and keep it like any other definition.\n";

/// Writes the blocks of all imports that have none to a new file; nothing where all have one.
///
/// # Errors
///
/// When the objects cannot be read, or the file is there already or has another ending.
pub async fn write(
    bench: &Bench<'_>,
    planning: &PlanningArguments,
    path: &Path,
) -> Result<(), CommandError> {
    let name = path.display().to_string();
    let is_yaml = name.ends_with(".strata.yaml");
    if !is_yaml && !name.ends_with(".strata.hcl") {
        let message = format!(
            "-generate-config-out takes a file that ends in .strata.yaml or .strata.hcl, not '{name}'"
        );
        return Err(CommandError::usage(message));
    }
    let place = bench.session.directory.join(path);
    if place.exists() {
        return Err(
            CommandError::usage(format!("there is a file {name} already"))
                .hint("What was generated is yours to edit; name a new file."),
        );
    }
    let generated = bench
        .generate(Request::look(planning.options(), planning.parallelism))
        .await?;
    if generated.is_empty() {
        bench
            .session
            .ui
            .note("Every import has its block: nothing was generated.");
        return Ok(());
    }
    let text = text_of(&generated, is_yaml)?;
    let mut options = std::fs::OpenOptions::new();
    options
        .write(true)
        .create_new(true)
        .open(&place)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| CommandError::file("cannot write", &place, error))?;
    let (blocks, imports) = match generated.len() {
        1 => ("1 block".to_owned(), "the import that has"),
        count => (format!("{count} blocks"), "imports that have"),
    };
    let note = format!("Wrote {blocks} to {name}, for {imports} none.");
    bench.session.ui.note(&note);
    Ok(())
}

fn text_of(generated: &[Generated], is_yaml: bool) -> Result<String, CommandError> {
    let blocks: Vec<String> = generated.iter().map(block).collect();
    let formatted = format::format("generated.strata.hcl", &blocks.join("\n"));
    let text = match formatted {
        Ok(text) if is_yaml => respell::respell("generated.strata.hcl", &text, Spelling::Yaml),
        other => other,
    };
    // Above all blocks: as a comment of the first one it would go to where the other spelling has that.
    let text = text.map(|text| format!("{HEADING}{text}"));
    text.map_err(|found| {
        let first = found.iter().next().map(|found| found.detail.clone());
        CommandError::bug("the generated definitions are not valid")
            .because(first.unwrap_or_default())
    })
}

fn block(generated: &Generated) -> String {
    let address = &generated.address;
    let arguments = generated.arguments.iter().map(|(name, value)| {
        let path = AttributePath::attribute(Arc::clone(name));
        let value = literal(value, &path, &generated.references);
        format!("{name} = {value}\n")
    });
    let mut text: String = arguments.collect();
    if !generated.depends_on.is_empty() {
        let others: Vec<String> = generated
            .depends_on
            .iter()
            .map(ToString::to_string)
            .collect();
        text.push_str(&format!("depends_on = [{}]\n", others.join(", ")));
    }
    format!(
        "resource \"{}\" \"{}\" {{\n{text}}}\n",
        address.resource_type, address.name
    )
}

fn referring(reference: &Reference) -> String {
    format!("{}.{}", reference.address, reference.attribute)
}

/// A value as HCL writes it, with references in the place of what others give.
fn literal(value: &Value, path: &AttributePath, references: &References) -> String {
    match value.kind() {
        Kind::Null(_) | Kind::Unknown(_) => "null".to_owned(),
        Kind::Bool(truth) => truth.to_string(),
        Kind::Number(number) => number.to_string(),
        Kind::String(text) => {
            let reference = references.get(path).map(referring);
            // A key may hold what begins a template: such an object is named by what it is.
            let plain = reference.filter(|text| !text.contains("${") && !text.contains("%{"));
            plain.unwrap_or_else(|| quoted(text))
        }
        Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => {
            let elements = elements
                .iter()
                .enumerate()
                .map(|(at, element)| literal(element, &path.join(PathStep::Index(at)), references));
            format!("[{}]", elements.collect::<Vec<_>>().join(", "))
        }
        Kind::Map(_, members) | Kind::Object(members) => {
            let is_map = matches!(value.kind(), Kind::Map(..));
            let members = members.iter().map(|(name, value)| {
                let step = if is_map {
                    PathStep::Key(Arc::clone(name))
                } else {
                    PathStep::Attribute(Arc::clone(name))
                };
                let key = if is_name(name) {
                    name.to_string()
                } else {
                    quoted(name)
                };
                format!("{key} = {}\n", literal(value, &path.join(step), references))
            });
            format!("{{\n{}}}", members.collect::<String>())
        }
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted.replace("${", "$${").replace("%{", "%%{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_written_in_both_spellings() {
        let arguments = [
            ("cidr_block".into(), "10.0.0.0/16".into()),
            (
                "groups".into(),
                Value::tuple(vec!["sg-1".into(), "sg-2".into()]),
            ),
            ("note".into(), "a ${b}\n\"c\"".into()),
            (
                "tags".into(),
                Value::object([("Name", Value::from("x")), ("a:b", Value::from("y"))]),
            ),
        ];
        let address = |text: &str| strata_model::Address::parse(text).unwrap();
        let reference = Reference {
            address: address("aws_security_group.a"),
            attribute: "id",
        };
        let group = AttributePath::attribute("groups").join(PathStep::Index(0));
        let generated = [Generated {
            address: address("aws_vpc.main"),
            arguments: arguments.into(),
            references: BTreeMap::from([(group, reference)]),
            depends_on: [address("aws_subnet.a"), address("aws_subnet.b")].into(),
        }];
        let hcl = text_of(&generated, false).unwrap();
        assert!(hcl.contains("cidr_block = \"10.0.0.0/16\""), "{hcl}");
        assert!(hcl.contains(r#"note       = "a $${b}\n\"c\"""#), "{hcl}");
        assert!(hcl.contains("\"a:b\" = \"y\""), "{hcl}");
        assert!(hcl.contains("= [aws_subnet.a, aws_subnet.b]"), "{hcl}");
        let groups = "[aws_security_group.a.id, \"sg-2\"]";
        assert!(hcl.contains(groups), "{hcl}");
        let yaml = text_of(&generated, true).unwrap();
        for text in [&hcl, &yaml] {
            let below = text.strip_prefix(HEADING);
            assert!(below.is_some_and(|below| !below.contains('#')), "{text}");
        }
        assert!(yaml.contains("depends_on:"), "{yaml}");
        assert!(yaml.contains("aws_vpc:") && yaml.contains("a:b"), "{yaml}");
        assert!(yaml.contains("${aws_security_group.a.id}"), "{yaml}");
    }
}
