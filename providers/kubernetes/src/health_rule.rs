//! Health by a rule of the user's own, in place of what the object's kind says.

use serde_json::Value as Json;
use strata_model::provider::ConnectContext;
use strata_model::{Conditions, Value};

use crate::health::{self, Health};
use crate::observe;

/// How an object is, by the rule that its attributes have for it, or by its kind where they have none.
pub(crate) fn judged(live: &Json, attributes: &Value, context: &ConnectContext) -> Health {
    let rules = attributes.get("health").and_then(Value::elements);
    match rules.and_then(<[Value]>::first) {
        None => health::of(live),
        Some(rule) => by(rule, live, &*context.conditions),
    }
}

fn by(rule: &Value, live: &Json, conditions: &dyn Conditions) -> Health {
    if let Some(stale) = health::before_status(live) {
        return stale;
    }
    let object = observe::whole(live);
    let condition = |name: &str| rule.get(name).and_then(Value::as_str);
    // One that cannot be judged yet does not say that anything failed.
    if let Some(failed) = condition("failed")
        && conditions.holds(failed, &object) == Ok(true)
    {
        return Health::Failed(format!("it has failed: {failed}"));
    }
    let ready = condition("ready").unwrap_or_default();
    match conditions.holds(ready, &object) {
        Ok(true) => Health::Current,
        Ok(false) => Health::InProgress(format!("it is not so yet: {ready}")),
        Err(error) => Health::InProgress(format!("not to be judged yet: {ready}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Knows the names of members of an object's status.
    #[derive(Debug)]
    struct Words;

    impl Conditions for Words {
        fn holds(&self, condition: &str, object: &Value) -> Result<bool, String> {
            let status = object.get("status").ok_or("there is no status")?;
            Ok(status.get(condition).and_then(Value::as_bool) == Some(true))
        }
    }

    #[test]
    fn a_rule_wins_over_the_kind_but_not_over_what_is_out_of_date() {
        let rule = Value::object([("ready", Value::from("up")), ("failed", "down".into())]);
        let check = |object: Json, expected: &str| {
            let mut live =
                json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"generation": 2}});
            for (name, value) in object.as_object().unwrap() {
                live[name] = value.clone();
            }
            let found = format!("{:?}", by(&rule, &live, &Words));
            assert!(found.starts_with(expected), "{found}");
        };
        check(
            json!({"status": {"up": true, "phase": "Pending"}}),
            "Current",
        );
        check(
            json!({"status": {"up": false}}),
            "InProgress(\"it is not so yet: up",
        );
        check(json!({}), "InProgress(\"not to be judged yet");
        check(
            json!({"status": {"up": true, "down": true}}),
            "Failed(\"it has failed: down",
        );
        check(
            json!({"status": {"up": true, "observedGeneration": 1}}),
            "InProgress(\"the controller",
        );
        check(
            json!({"status": {"up": true}, "metadata": {"deletionTimestamp": "now"}}),
            "Terminating",
        );
    }
}
