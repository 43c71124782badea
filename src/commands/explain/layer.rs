//! Objects of layers: where they are described, when they are applied, and what they wait for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use strata_core::plan::LayerObject;
use strata_language::definition::LayerBlock;
use strata_model::layer::STAGES;
use strata_model::plan::PlanOptions;
use strata_model::{Address, InstanceKey, Value};

use super::{kind, package, place};
use crate::arguments::PlanningArguments;
use crate::error::CommandError;
use crate::view::difference::{attribute_name, one_line};
use crate::view::shape;
use crate::view::style::{Style, escape_line};
use crate::wiring::bench::Bench;
use crate::wiring::planning::Request;
use crate::wiring::project::Project;

/// The last stage. The inventory's is 0: those of objects count from 1.
const LAST: u8 = STAGES - 1;

/// The members of a manifest that say which object it is about.
const IDENTITY: [&str; 2] = ["apiVersion", "kind"];

/// Explains an object of a layer, or all of a layer.
///
/// # Errors
///
/// When there is no such object, or the manifests do not allow a plan.
pub(super) async fn explain(
    bench: &Bench<'_>,
    planning: &PlanningArguments,
    address: &Address,
) -> Result<(), CommandError> {
    let project = &bench.project;
    let layer = block(project, address)?;
    let request = Request::look_at_declared(PlanOptions::default(), planning.parallelism);
    let mut objects = bench.layer_objects(request).await?;
    let stages = stages_of(&objects);
    objects.retain(|object| object.address.block() == address.block());
    let layer_at = place(Some(layer.span), project);
    if address.key.is_some() {
        let all = objects.len();
        objects.retain(|object| object.address == *address);
        let Some(object) = objects.first() else {
            let layer = address.block();
            let message = format!("nothing is declared at '{address}'");
            return Err(CommandError::failed(message).hint(format!(
                "{layer} has {all} objects; strata explain {layer} shows them."
            )));
        };
        if planning.json {
            let json = object_json((object, &stages), &layer_at);
            bench.session.ui.json(&json);
        } else {
            let style = bench.session.ui.style();
            let text = object_text((object, &stages), &layer_at, style);
            bench.session.ui.print(&text);
        }
    } else if planning.json {
        let all: Vec<Json> = objects
            .iter()
            .map(|object| object_json((object, &stages), &layer_at))
            .collect();
        let json =
            json!({ "address": address.to_string(), "declared_at": layer_at, "objects": all });
        bench.session.ui.json(&json);
    } else {
        let text = layer_text((address, &layer_at), &objects, bench.session.ui.style());
        bench.session.ui.print(&text);
    }
    Ok(())
}

/// The block of a layer: of its cluster, or else of the package that is instantiated there.
fn block<'p>(project: &'p Project, address: &Address) -> Result<&'p LayerBlock, CommandError> {
    let scope = &address.scope;
    if let Some((last, outer)) = scope.steps().split_last() {
        let around = package(project, &outer.to_vec().into())?;
        let caller = around.instances.get(&(kind(last.kind), last.name.clone()));
        let mut layers = caller.into_iter().flat_map(|caller| &caller.layers);
        if let Some(layer) = layers.find(|layer| layer.name == address.name) {
            return Ok(layer);
        }
    }
    let layers = &package(project, scope)?.layers;
    layers
        .get(&address.name)
        .ok_or_else(|| CommandError::failed(format!("nothing is declared at '{address}'")))
}

fn manifest(object: &LayerObject) -> Option<&Value> {
    object.attributes.get("manifest")
}

/// Its kind with the version of its API.
fn kind_of(object: &LayerObject) -> (String, String) {
    let text = |name: &str| {
        let found = manifest(object).and_then(|manifest| manifest.get(name)?.as_str());
        found.unwrap_or_default().to_owned()
    };
    (text("kind"), text("apiVersion"))
}

fn declared_at(object: &LayerObject) -> String {
    format!(
        "{}:{}",
        escape_line(&object.source.file),
        object.source.line
    )
}

/// The stages of each layer that have objects.
type Stages = BTreeMap<Address, BTreeSet<u8>>;

fn stages_of(objects: &[LayerObject]) -> Stages {
    let mut stages = Stages::new();
    for object in objects {
        let of_layer = stages.entry(object.address.block()).or_default();
        of_layer.insert(object.stage);
    }
    stages
}

/// What an object waits for, in words; the stages of its own layer are one. A stage without objects is nothing to wait for.
fn needs(object: &LayerObject, stages: &Stages) -> Vec<String> {
    let own = object.address.block();
    let mut needs = Vec::new();
    let before = stages
        .get(&own)
        .map(|stages| stages.range(..object.stage).copied().collect());
    needs.extend(listed(before.unwrap_or_default()).map(|stages| format!("{stages} of {own}")));
    for need in &object.waits_for {
        let stage = match &need.key {
            Some(InstanceKey::Text(key)) => key.strip_prefix("stage "),
            Some(InstanceKey::Index(_)) | None => None,
        };
        let block = need.block();
        match stage.and_then(|stage| stage.parse::<u8>().ok()) {
            Some(_) if block == own => {}
            Some(stage) => {
                let is_there = stages.get(&block).is_some_and(|all| all.contains(&stage));
                needs.extend(is_there.then(|| format!("stage {stage} of {block}")));
            }
            None => needs.push(need.to_string()),
        }
    }
    needs
}

/// Stages in words; `None` where there are none.
fn listed(stages: Vec<u8>) -> Option<String> {
    let (first, last) = (*stages.first()?, *stages.last()?);
    let numbers: Vec<String> = stages.iter().map(u8::to_string).collect();
    Some(match numbers.as_slice() {
        [one] => format!("stage {one}"),
        all if all.len() == usize::from(last - first) + 1 => {
            format!("stages {first} to {last}")
        }
        [before @ .., last] => format!("stages {} and {last}", before.join(", ")),
        [] => return None,
    })
}

fn object_text((object, stages): (&LayerObject, &Stages), layer_at: &str, style: Style) -> String {
    let (kind, version) = kind_of(object);
    let at = |place: &str| style.dim(&format!("({place})"));
    let mut text = format!(
        "{}\n",
        style.bold(&escape_line(&object.address.to_string()))
    );
    text.push_str(&format!(
        "  kind = {} of {}  {}\n",
        escape_line(&kind),
        escape_line(&version),
        at(&declared_at(object))
    ));
    text.push_str(&format!(
        "  layer = {}  {}\n",
        object.address.block(),
        at(layer_at)
    ));
    text.push_str(&format!("  stage = {} of {LAST}\n", object.stage));
    for need in needs(object, stages) {
        text.push_str(&format!("      waits for {}\n", escape_line(&need)));
    }
    let members = manifest(object).and_then(Value::members);
    for (name, value) in members.into_iter().flatten() {
        if !IDENTITY.contains(&name.as_ref()) {
            let name = attribute_name(name);
            text.push_str(&format!("  manifest.{name} = {}\n", one_line(value)));
        }
    }
    text
}

fn layer_text(
    (address, layer_at): (&Address, &str),
    objects: &[LayerObject],
    style: Style,
) -> String {
    let head = style.bold(&escape_line(&address.to_string()));
    let mut text = format!("{head}  {}\n", style.dim(&format!("({layer_at})")));
    let mut stage = None;
    for object in objects {
        if stage != Some(object.stage) {
            stage = Some(object.stage);
            text.push_str(&format!("  stage {} of {LAST}\n", object.stage));
        }
        let place = style.dim(&format!("({})", declared_at(object)));
        let name = escape_line(&object.address.to_string());
        text.push_str(&format!("      {name}  {place}\n"));
    }
    text
}

fn object_json((object, stages): (&LayerObject, &Stages), layer_at: &str) -> Json {
    let (kind, version) = kind_of(object);
    let manifest = manifest(object);
    json!({
        "address": object.address.to_string(),
        "kind": kind,
        "api_version": version,
        "declared_at": declared_at(object),
        "layer": object.address.block().to_string(),
        "layer_declared_at": layer_at,
        "stage": object.stage,
        "stages": LAST,
        "waits_for": needs(object, stages),
        "manifest": manifest.map(shape::shown),
        "unknown": manifest.map(shape::unknown),
        "sensitive": manifest.map(shape::sensitive),
    })
}

#[cfg(test)]
mod tests {
    use strata_model::Position;

    use super::*;

    fn object() -> LayerObject {
        let address = |text: &str| Address::parse(text).unwrap();
        let manifest = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}});
        LayerObject {
            address: address("layer.app[\"/ConfigMap/shop/a\"]"),
            attributes: Value::object([("manifest", Value::from_json(&manifest).unwrap())]),
            source: Position {
                file: "app/a.yaml".into(),
                line: 3,
                column: 1,
            },
            stage: 3,
            waits_for: [
                "aws_vpc.main",
                "layer.app[\"stage 0\"]",
                "layer.app[\"stage 1\"]",
                "layer.app[\"stage 2\"]",
                "layer.base",
            ]
            .map(address)
            .into(),
        }
    }

    #[test]
    fn an_object_tells_its_place_its_stage_and_what_it_waits_for() {
        let expected = "\
layer.app[\"/ConfigMap/shop/a\"]
  kind = ConfigMap of v1  (app/a.yaml:3)
  layer = layer.app  (main.strata.yaml:2)
  stage = 3 of 5
      waits for stages 0 to 2 of layer.app
      waits for aws_vpc.main
      waits for layer.base
  manifest.data = { a = \"1\" }
";
        let object = object();
        let stages: Stages = [(object.address.block(), [0, 1, 2, 3].into())].into();
        let plain = Style { colour: false };
        let found = object_text((&object, &stages), "main.strata.yaml:2", plain);
        assert_eq!(found, expected);
        let json = object_json((&object, &stages), "main.strata.yaml:2");
        assert_eq!(json["stage"], 3);
        assert_eq!(
            json["waits_for"],
            json!(["stages 0 to 2 of layer.app", "aws_vpc.main", "layer.base"])
        );
    }

    #[test]
    fn only_stages_with_objects_are_waited_for() {
        let address = |text: &str| Address::parse(text).unwrap();
        let check = |stage: u8, there: &[u8], expected: &[&str]| {
            let object = LayerObject {
                stage,
                waits_for: ["layer.base[\"stage 1\"]", "layer.base[\"stage 2\"]"]
                    .map(address)
                    .into(),
                ..object()
            };
            let stages: Stages = [
                (object.address.block(), there.iter().copied().collect()),
                (address("layer.base"), [2].into()),
            ]
            .into();
            let found = needs(&object, &stages);
            let own: Vec<&str> = found.iter().map(String::as_str).collect();
            assert_eq!(own, expected);
        };
        let base = "stage 2 of layer.base";
        check(0, &[0], &[base]);
        check(2, &[2], &[base]);
        check(2, &[0, 2], &["stage 0 of layer.app", base]);
        check(3, &[0, 1, 2, 3], &["stages 0 to 2 of layer.app", base]);
        check(4, &[0, 1, 3, 4], &["stages 0, 1 and 3 of layer.app", base]);
        check(4, &[0, 2, 4], &["stages 0 and 2 of layer.app", base]);
    }

    #[test]
    fn a_layer_lists_its_objects_by_stage() {
        let address = Address::parse("layer.app").unwrap();
        let found = layer_text((&address, "m:2"), &[object()], Style { colour: false });
        assert_eq!(
            found,
            "layer.app  (m:2)\n  stage 3 of 5\n      layer.app[\"/ConfigMap/shop/a\"]  (app/a.yaml:3)\n"
        );
    }
}
