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

/// Checks a policy that is put on an object: it says who, and what on.
pub(crate) fn check_resource(text: &str) -> Result<Value, Malformed> {
    check(text, |statement| {
        if !has(statement, "Principal") {
            return Err(Malformed("Policy document must contain principals."));
        }
        if !has(statement, "Resource") {
            return Err(Malformed("Policy statement must contain resources."));
        }
        Ok(())
    })
}

/// The principals of AWS that a policy names: accounts, roles, users.
pub(crate) fn principals(text: &str) -> Vec<String> {
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    let statements = statements(&document).into_iter();
    let named = statements.flat_map(|statement| {
        ["Principal", "NotPrincipal"]
            .into_iter()
            .flat_map(move |member| {
                texts(&statement[member]["AWS"]).chain(texts(&statement[member]))
            })
    });
    named.map(str::to_owned).collect()
}

/// Tells whether a policy allows one of these principals an action. Conditions and denials are not looked at.
pub(crate) fn allows(text: &str, names: &[String], action: &str) -> bool {
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    statements(&document).into_iter().any(|statement| {
        let principal = &statement["Principal"];
        let mut named = texts(&principal["AWS"]).chain(texts(principal));
        statement["Effect"] == "Allow"
            && named.any(|named| names.iter().any(|name| name == named))
            && texts(&statement["Action"]).any(|pattern| fits(pattern, action))
    })
}

/// Tells whether a policy allows a service, such as `logs.eu-west-1.amazonaws.com`, anything.
pub(crate) fn allows_service(text: &str, service: &str) -> bool {
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    statements(&document).into_iter().any(|statement| {
        let principal = &statement["Principal"];
        statement["Effect"] == "Allow"
            && (principal == "*" || texts(&principal["Service"]).any(|named| named == service))
    })
}

/// Whether an action fits a pattern, which may end with `*`.
fn fits(pattern: &str, action: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => action.starts_with(start),
        None => pattern == action,
    }
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
    fn policies_of_objects() {
        let policy = r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:1","2"]},"Action":["kms:Put*"],"Resource":"*"},
            {"Effect":"Allow","Principal":{"Service":"logs.r.amazonaws.com"},"Action":"kms:Encrypt*","Resource":"*"}]}"#;
        assert!(check_resource(policy).is_ok());
        assert_eq!(principals(policy), ["arn:1", "2"]);
        assert!(allows(policy, &["2".to_owned()], "kms:PutKeyPolicy"));
        assert!(!allows(policy, &["3".to_owned()], "kms:PutKeyPolicy"));
        assert!(!allows(policy, &["2".to_owned()], "kms:DescribeKey"));
        assert!(allows_service(policy, "logs.r.amazonaws.com"));
        assert!(!allows_service(policy, "ecr.amazonaws.com"));
        assert!(
            check_resource(r#"{"Statement":{"Effect":"Allow","Action":"x","Principal":"*"}}"#)
                .is_err()
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
