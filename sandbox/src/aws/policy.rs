//! Policy documents: whether a text is one, and whom a trust policy lets assume its role.

use serde_json::Value;

/// What is wrong with a policy document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Checks a trust policy: it says who, and not what on.
pub(crate) fn check_trust(text: &str) -> Result<Value, Malformed> {
    check(text, |statement| {
        if has(statement, "Resource") {
            return Err(Malformed("Has prohibited field Resource"));
        }
        if !has(statement, "Principal") {
            return Err(Malformed("Missing required field Principal"));
        }
        Ok(())
    })
}

/// Checks a policy that is put on identities: it says what on, and not who.
pub(crate) fn check_identity(text: &str) -> Result<Value, Malformed> {
    check(text, |statement| {
        if has(statement, "Principal") {
            return Err(Malformed("Policy document should not specify a principal."));
        }
        if !has(statement, "Resource") {
            return Err(Malformed("Policy statement must contain resources."));
        }
        Ok(())
    })
}

fn check(text: &str, judge: impl Fn(&Value) -> Result<(), Malformed>) -> Result<Value, Malformed> {
    let document: Value = serde_json::from_str(text)
        .map_err(|_wrong| Malformed("This policy contains invalid Json"))?;
    let Some(members) = document.as_object() else {
        return Err(Malformed("Syntax errors in policy."));
    };
    let known = ["Version", "Id", "Statement"];
    if !members.keys().all(|key| known.contains(&key.as_str())) {
        return Err(Malformed("Syntax errors in policy."));
    }
    if !matches!(
        members.get("Version").and_then(Value::as_str),
        None | Some("2012-10-17" | "2008-10-17")
    ) {
        return Err(Malformed("The policy must contain a valid version string"));
    }
    let statements = statements(&document);
    if statements.is_empty() {
        return Err(Malformed("Missing required field Statement"));
    }
    for statement in statements {
        if !matches!(
            statement.get("Effect").and_then(Value::as_str),
            Some("Allow" | "Deny")
        ) {
            return Err(Malformed("Missing required field Effect"));
        }
        if !has(statement, "Action") {
            return Err(Malformed("Missing required field Action"));
        }
        judge(statement)?;
    }
    Ok(document)
}

/// Whether a statement has a member, or says all but something by it.
fn has(statement: &Value, name: &str) -> bool {
    statement.get(name).is_some() || statement.get(format!("Not{name}")).is_some()
}

/// Tells whether a trust policy lets a service, such as `eks.amazonaws.com`, assume the role.
pub(crate) fn trusts_service(text: &str, service: &str) -> bool {
    let Ok(document) = serde_json::from_str::<Value>(text) else {
        return false;
    };
    statements(&document).into_iter().any(|statement| {
        statement["Effect"] == "Allow"
            && texts(&statement["Action"]).any(|a| matches!(a, "sts:AssumeRole" | "sts:*" | "*"))
            && texts(&statement["Principal"]["Service"]).any(|s| s == service)
    })
}

fn statements(document: &Value) -> Vec<&Value> {
    match &document["Statement"] {
        Value::Array(statements) => statements.iter().collect(),
        Value::Object(_) => vec![&document["Statement"]],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// A single text or a list of texts: policies allow both.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let single = value.as_str();
    let many = value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    single.into_iter().chain(many)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust(principal: &str, action: &str) -> String {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":{principal}}},"Action":{action}}}]}}"#
        )
    }

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(check_trust(text).err().map(|m| m.0), expected, "{text}");
    }

    #[test]
    fn documents() {
        check(&trust("\"a\"", "\"sts:AssumeRole\""), None);
        check("{", Some("This policy contains invalid Json"));
        check("[]", Some("Syntax errors in policy."));
        check(
            r#"{"Version":"2012-10-17"}"#,
            Some("Missing required field Statement"),
        );
        check(
            r#"{"Statement":{"Effect":"Allow","Action":"x"}}"#,
            Some("Missing required field Principal"),
        );
        check(
            r#"{"Statement":{"Effect":"Allow","Action":"x","Principal":"*","Resource":"*"}}"#,
            Some("Has prohibited field Resource"),
        );
    }

    #[test]
    fn policies_of_identities() {
        let judge = |text: &str| check_identity(text).err().map(|m| m.0);
        let good = r#"{"Statement":{"Effect":"Allow","Action":"s3:*","NotResource":"*"}}"#;
        assert_eq!(judge(good), None);
        assert_eq!(
            judge(&trust("\"a\"", "\"x\"")),
            Some("Policy document should not specify a principal.")
        );
        assert_eq!(
            judge(r#"{"Statement":[{"Effect":"Allow","Action":"x"}]}"#),
            Some("Policy statement must contain resources.")
        );
    }

    #[test]
    fn trusted_services() {
        let eks = "eks.amazonaws.com";
        assert!(trusts_service(
            &trust("\"eks.amazonaws.com\"", "\"sts:AssumeRole\""),
            eks
        ));
        assert!(trusts_service(
            &trust(
                "[\"x\",\"eks.amazonaws.com\"]",
                "[\"sts:TagSession\",\"sts:AssumeRole\"]"
            ),
            eks
        ));
        assert!(!trusts_service(
            &trust("\"ec2.amazonaws.com\"", "\"sts:AssumeRole\""),
            eks
        ));
        assert!(!trusts_service(
            &trust("\"eks.amazonaws.com\"", "\"sts:TagSession\""),
            eks
        ));
    }
}
