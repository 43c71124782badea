//! Objects of layers: where they are described, when they are applied, and what they wait for.

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
    let request = Request::look(PlanOptions::default(), planning.parallelism);
    let mut objects = bench.layer_objects(request).await?;
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
            bench.session.ui.json(&object_json(object, &layer_at));
        } else {
            let text = object_text(object, &layer_at, bench.session.ui.style());
            bench.session.ui.print(&text);
        }
    } else if planning.json {
        let all: Vec<Json> = objects
            .iter()
            .map(|object| object_json(object, &layer_at))
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

/// What an object waits for, in words; the stages of its own layer are one.
fn needs(object: &LayerObject) -> Vec<String> {
    let own = object.address.block();
    let mut needs = Vec::new();
    if object.stage > 0 {
        let stages = match object.stage {
            1 => "stage 1".to_owned(),
            last => format!("stages 1 to {last}"),
        };
        needs.push(format!("{stages} of {own}"));
    }
    for need in &object.waits_for {
        let stage = match &need.key {
            Some(InstanceKey::Text(key)) => key.strip_prefix("stage "),
            Some(InstanceKey::Index(_)) | None => None,
        };
        match stage.and_then(|stage| stage.parse::<u8>().ok()) {
            Some(_) if need.block() == own => {}
            Some(stage) => needs.push(format!("stage {} of {}", stage + 1, need.block())),
            None => needs.push(need.to_string()),
        }
    }
    needs
}

fn object_text(object: &LayerObject, layer_at: &str, style: Style) -> String {
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
    text.push_str(&format!("  stage = {} of {STAGES}\n", object.stage + 1));
    for need in needs(object) {
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
            text.push_str(&format!("  stage {} of {STAGES}\n", object.stage + 1));
        }
        let place = style.dim(&format!("({})", declared_at(object)));
        let name = escape_line(&object.address.to_string());
        text.push_str(&format!("      {name}  {place}\n"));
    }
    text
}

fn object_json(object: &LayerObject, layer_at: &str) -> Json {
    let (kind, version) = kind_of(object);
    let manifest = manifest(object);
    json!({
        "address": object.address.to_string(),
        "kind": kind,
        "api_version": version,
        "declared_at": declared_at(object),
        "layer": object.address.block().to_string(),
        "layer_declared_at": layer_at,
        "stage": object.stage + 1,
        "stages": STAGES,
        "waits_for": needs(object),
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
            stage: 2,
            waits_for: [
                "aws_vpc.main",
                "layer.app[\"stage 0\"]",
                "layer.app[\"stage 1\"]",
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
      waits for stages 1 to 2 of layer.app
      waits for aws_vpc.main
      waits for layer.base
  manifest.data = { a = \"1\" }
";
        let found = object_text(&object(), "main.strata.yaml:2", Style { colour: false });
        assert_eq!(found, expected);
        let json = object_json(&object(), "main.strata.yaml:2");
        assert_eq!(json["stage"], 3);
        assert_eq!(
            json["waits_for"],
            json!(["stages 1 to 2 of layer.app", "aws_vpc.main", "layer.base"])
        );
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
