//! Answers of the query services: the members of a JSON value as XML elements.

use serde_json::Value;

use super::error::AwsError;
use super::service::Dialect;

/// Writes the answer of `operation`. The members keep their order; absent (null) ones are left out.
pub(crate) fn answer(dialect: Dialect, operation: &str, request_id: &str, value: &Value) -> String {
    let mut out = String::with_capacity(512);
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str(&format!(
        "<{operation}Response xmlns=\"{}\">",
        dialect.namespace()
    ));
    let item = dialect.list_element();
    match dialect {
        Dialect::Ec2 => {
            element(&mut out, "requestId", request_id);
            members(&mut out, value, item);
        }
        Dialect::Iam | Dialect::Sts => {
            if !value.is_null() {
                out.push_str(&format!("<{operation}Result>"));
                members(&mut out, value, item);
                out.push_str(&format!("</{operation}Result>"));
            }
            out.push_str("<ResponseMetadata>");
            element(&mut out, "RequestId", request_id);
            out.push_str("</ResponseMetadata>");
        }
    }
    out.push_str(&format!("</{operation}Response>"));
    out
}

/// Writes an error.
pub(crate) fn error(dialect: Dialect, request_id: &str, error: &AwsError) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let fields = |out: &mut String| {
        element(out, "Code", &error.code);
        element(out, "Message", &error.message);
    };
    match dialect {
        Dialect::Ec2 => {
            out.push_str("<Response><Errors><Error>");
            fields(&mut out);
            out.push_str("</Error></Errors>");
            element(&mut out, "RequestID", request_id);
            out.push_str("</Response>");
        }
        Dialect::Iam | Dialect::Sts => {
            out.push_str(&format!(
                "<ErrorResponse xmlns=\"{}\"><Error>",
                dialect.namespace()
            ));
            element(
                &mut out,
                "Type",
                if error.status < 500 {
                    "Sender"
                } else {
                    "Receiver"
                },
            );
            fields(&mut out);
            out.push_str("</Error>");
            element(&mut out, "RequestId", request_id);
            out.push_str("</ErrorResponse>");
        }
    }
    out
}

fn members(out: &mut String, value: &Value, item: &str) {
    match value {
        Value::Object(map) => {
            for (name, value) in map.iter().filter(|(_, value)| !value.is_null()) {
                out.push_str(&format!("<{name}>"));
                members(out, value, item);
                out.push_str(&format!("</{name}>"));
            }
        }
        Value::Array(values) => {
            for value in values {
                out.push_str(&format!("<{item}>"));
                members(out, value, item);
                out.push_str(&format!("</{item}>"));
            }
        }
        Value::String(text) => escape(out, text),
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
    }
}

fn element(out: &mut String, name: &str, text: &str) {
    out.push_str(&format!("<{name}>"));
    escape(out, text);
    out.push_str(&format!("</{name}>"));
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#xD;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(dialect: Dialect, value: &Value, expected: &str) {
        let text = answer(dialect, "Op", "r", value);
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn members_become_elements() {
        let value = json!({"set": [{"a": "x<y", "b": null, "c": true}, {"a": 3}], "empty": []});
        check(
            Dialect::Ec2,
            &value,
            "<requestId>r</requestId><set><item><a>x&lt;y</a><c>true</c></item><item><a>3</a></item></set><empty></empty></OpResponse>",
        );
        check(
            Dialect::Iam,
            &json!({"L": ["v"]}),
            "<OpResult><L><member>v</member></L></OpResult>",
        );
        check(Dialect::Iam, &Value::Null, "\"><ResponseMetadata>");
    }
}
