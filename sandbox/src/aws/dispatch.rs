//! The way of a call: whose it is, which operation, what goes wrong on purpose, the handler, the answer.

use serde_json::json;

use crate::faults::{Fault, Faults, Target};
use crate::ids::Seeded;
use crate::ledger::LedgerCall;
use crate::store::{StoredCall, StoredObject};
use crate::world::World;

use super::error::{Answer, AwsError};
use super::faulty::{self, Struck};
use super::json::JsonRequest;
use super::params::Params;
use super::rest::RestRequest;
use super::service::{
    Api, Caller, Cx, Injected, JsonOperation, QueryOperation, RestOperation, Service, not_emulated,
};
use super::{SERVICES, sts, xml};

/// A call as it came in.
#[derive(Debug, Clone, Default)]
pub(crate) struct HttpRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) authorization: Option<String>,
    /// The header by which JSON services know the operation.
    pub(crate) target: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// An answer, before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// What came of a call.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The answer; nothing if the connection is to be closed without one.
    pub(crate) answer: Option<HttpAnswer>,
    /// How long to hold the answer back, in milliseconds of this machine.
    pub(crate) delay_ms: u64,
    pub(crate) objects: Vec<StoredObject>,
    pub(crate) call: StoredCall,
}

/// What a call works on.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) faults: Faults,
    pub(crate) last_seq: u64,
    pub(crate) seed: u64,
    pub(crate) speed: f64,
}

/// Carries out one call. The caller commits what changed before it sends the answer.
pub(crate) fn handle(state: &mut State, request: &HttpRequest, now_ms: u64) -> Outcome {
    state.last_seq += 1;
    let seq = state.last_seq;
    let request_id = Seeded::new(state.seed, &[u64::MAX, seq]).uuid();
    let scope = Scope::of(request);
    let service = scope
        .as_ref()
        .and_then(|s| SERVICES.into_iter().find(|known| known.name == s.service));
    let (Some(scope), Some(service)) = (&scope, service) else {
        state.world.begin(seq, now_ms, 0);
        let name = scope.as_ref().map_or("", |s| s.service.as_str());
        return unrouted(state, (seq, now_ms), name, &request_id);
    };
    let call = Call {
        service,
        scope,
        request,
        request_id: &request_id,
        seq,
        now_ms,
    };
    call.run(state)
}

/// Answers a call that is not signed for a service that exists here.
fn unrouted(
    state: &mut State,
    (seq, at_ms): (u64, u64),
    service: &str,
    request_id: &str,
) -> Outcome {
    let error = if service.is_empty() {
        AwsError::with_status(
            403,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        )
    } else {
        not_emulated("the service", service)
    };
    let call = LedgerCall {
        seq,
        service: service.to_owned(),
        operation: "(unknown)".to_owned(),
        mutating: false,
        status: error.status,
        fault: None,
    };
    Outcome {
        answer: Some(json_error(&error, request_id, REST_TYPE)),
        delay_ms: 0,
        objects: state.world.take_unwritten(),
        call: StoredCall {
            call,
            region: String::new(),
            at_ms,
        },
    }
}

/// The scope of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Scope {
    access_key: String,
    region: String,
    service: String,
}

impl Scope {
    /// Reads the scope from the header, or from the query of a presigned call.
    fn of(request: &HttpRequest) -> Option<Self> {
        let header = request.authorization.as_deref();
        let from_header = header
            .and_then(|h| h.split_once("Credential="))
            .map(|(_, rest)| rest.split([',', ' ']).next().unwrap_or_default().to_owned());
        let credential = from_header.or_else(|| {
            let mut pairs = form_urlencoded::parse(request.query.as_bytes());
            pairs
                .find(|(name, _)| name == "X-Amz-Credential")
                .map(|(_, value)| value.into_owned())
        })?;
        let mut parts = credential.rsplit('/');
        let (_end, service, region) = (parts.next()?, parts.next()?, parts.next()?);
        let (_date, access_key) = (parts.next()?, parts.next()?);
        Some(Self {
            access_key: access_key.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
        })
    }
}

/// An operation with its arguments, ready to run.
enum Prepared {
    Query(&'static QueryOperation, Params),
    Rest(&'static RestOperation, RestRequest),
    Json(&'static JsonOperation, JsonRequest),
    /// No such operation here; the text is what was asked for.
    Unknown(String),
}

impl Prepared {
    fn name(&self) -> &str {
        match self {
            Self::Query(operation, _) => operation.name,
            Self::Rest(operation, _) => operation.name,
            Self::Json(operation, _) => operation.name,
            Self::Unknown(name) => name,
        }
    }

    fn mutating(&self) -> bool {
        match self {
            Self::Query(operation, _) => operation.mutating,
            Self::Rest(operation, _) => operation.mutating,
            Self::Json(operation, _) => operation.mutating,
            Self::Unknown(_) => false,
        }
    }

    fn run(self, service: &str, cx: &mut Cx<'_>) -> Answer {
        match self {
            Self::Query(operation, mut params) => {
                if params.bool("DryRun")?.unwrap_or_default() {
                    let text = "Request would have succeeded, but DryRun flag is set.";
                    return Err(AwsError::with_status(412, "DryRunOperation", text));
                }
                (operation.run)(cx, &mut params)
            }
            Self::Rest(operation, mut request) => (operation.run)(cx, &mut request),
            Self::Json(operation, mut request) => (operation.run)(cx, &mut request),
            Self::Unknown(name) => Err(not_emulated(service, &name)),
        }
    }
}

struct Call<'a> {
    service: &'static Service,
    scope: &'a Scope,
    request: &'a HttpRequest,
    request_id: &'a str,
    seq: u64,
    now_ms: u64,
}

impl Call<'_> {
    fn run(&self, state: &mut State) -> Outcome {
        let prepared = self.prepare();
        let (operation, mutating) = (prepared.name().to_owned(), prepared.mutating());
        let target = Target {
            seq: self.seq,
            service: self.service.name,
            operation: &operation,
            mutating,
        };
        let struck = Struck::sort(state.faults.strike(target), state.speed);
        state.world.begin(self.seq, self.now_ms, struck.lag_ms);

        let result = match &struck.before {
            Some(fault) => Err(faulty::error_of(fault, self.service.api.wording())),
            None => self.execute(state, prepared, &struck.injected),
        };
        let result = match &struck.after {
            Some(fault @ Fault::ServerErrorAfter) => {
                Err(faulty::error_of(fault, self.service.api.wording()))
            }
            Some(_) | None => result,
        };
        let result = result.map(|mut value| {
            if struck.unknown_members {
                faulty::add_unknown_members(&mut value);
            }
            if struck.reordered_lists {
                faulty::reorder_lists(&mut value);
            }
            value
        });
        let answer = self.render(&operation, &result);
        let status = if struck.dropped_before() {
            0
        } else {
            answer.status
        };
        let call = LedgerCall {
            seq: self.seq,
            service: self.service.name.to_owned(),
            operation,
            mutating,
            status,
            fault: struck.name.clone(),
        };
        Outcome {
            answer: (!struck.silent()).then_some(answer),
            delay_ms: struck.delay_ms,
            objects: state.world.take_unwritten(),
            call: StoredCall {
                call,
                region: self.region(),
                at_ms: self.now_ms,
            },
        }
    }

    fn region(&self) -> String {
        if self.service.global {
            "global".to_owned()
        } else {
            self.scope.region.clone()
        }
    }

    fn prepare(&self) -> Prepared {
        let request = self.request;
        match &self.service.api {
            Api::Query { dialect, tables } => {
                let form = if request.method == "GET" {
                    request.query.as_bytes()
                } else {
                    &request.body
                };
                let mut params = Params::parse(form, *dialect);
                params.forget_signature();
                let action = params.opt("Action").unwrap_or_default();
                let _version = params.opt("Version");
                let found = tables
                    .iter()
                    .copied()
                    .flatten()
                    .find(|operation| operation.name == action);
                found.map_or(Prepared::Unknown(action), |operation| {
                    Prepared::Query(operation, params)
                })
            }
            Api::Rest { tables } => {
                let uri = (request.path.as_str(), request.query.as_str());
                let found = RestRequest::route(tables, &request.method, uri, &request.body);
                found.map_or_else(
                    || Prepared::Unknown(format!("{} {}", request.method, request.path)),
                    |(operation, rest)| Prepared::Rest(operation, rest),
                )
            }
            Api::Json {
                target,
                invalid,
                tables,
            } => {
                let given = request.target.as_deref().unwrap_or_default();
                let name = given.strip_prefix(target).and_then(|n| n.strip_prefix('.'));
                let mut operations = tables.iter().copied().flatten();
                let found = operations.find(|operation| name == Some(operation.name));
                found.map_or_else(
                    || Prepared::Unknown(given.to_owned()),
                    |operation| Prepared::Json(operation, JsonRequest::new(&request.body, invalid)),
                )
            }
        }
    }

    fn execute(&self, state: &mut State, prepared: Prepared, injected: &Injected) -> Answer {
        state.world.seconds = injected.seconds;
        let caller = sts::caller(&state.world, &self.scope.access_key)?;
        let mut cx = Cx {
            world: &mut state.world,
            region: self.region(),
            caller: caller.unwrap_or_else(Caller::default),
            injected: injected.clone(),
        };
        prepared.run(self.service.name, &mut cx)
    }

    fn render(&self, operation: &str, result: &Answer) -> HttpAnswer {
        match (&self.service.api, result) {
            (Api::Query { dialect, .. }, Ok(value)) => xml_answer(
                200,
                xml::answer(*dialect, operation, self.request_id, value),
                self.request_id,
            ),
            (Api::Query { dialect, .. }, Err(error)) => {
                let mut answer = xml_answer(
                    error.status,
                    xml::error(*dialect, self.request_id, error),
                    self.request_id,
                );
                answer.headers.extend(retry_after(error));
                answer
            }
            (Api::Rest { .. }, Ok(value)) => self.json_answer(REST_TYPE, value.to_string()),
            (Api::Rest { .. }, Err(error)) => json_error(error, self.request_id, REST_TYPE),
            // Operations without output answer without a body.
            (Api::Json { .. }, Ok(serde_json::Value::Null)) => {
                self.json_answer(JSON_TYPE, String::new())
            }
            (Api::Json { .. }, Ok(value)) => self.json_answer(JSON_TYPE, value.to_string()),
            (Api::Json { .. }, Err(error)) => json_error(error, self.request_id, JSON_TYPE),
        }
    }

    fn json_answer(&self, content_type: &str, body: String) -> HttpAnswer {
        HttpAnswer {
            status: 200,
            headers: vec![
                ("content-type", content_type.to_owned()),
                ("x-amzn-requestid", self.request_id.to_owned()),
            ],
            body,
        }
    }
}

/// What REST services call their answers.
const REST_TYPE: &str = "application/json";
/// What JSON services call theirs.
const JSON_TYPE: &str = "application/x-amz-json-1.1";

fn retry_after(error: &AwsError) -> Option<(&'static str, String)> {
    error
        .retry_after
        .map(|seconds| ("retry-after", seconds.to_string()))
}

fn xml_answer(status: u16, body: String, request_id: &str) -> HttpAnswer {
    let headers = vec![
        ("content-type", "text/xml;charset=UTF-8".to_owned()),
        ("x-amzn-requestid", request_id.to_owned()),
    ];
    HttpAnswer {
        status,
        headers,
        body,
    }
}

fn json_error(error: &AwsError, request_id: &str, content_type: &str) -> HttpAnswer {
    let mut headers = vec![
        ("content-type", content_type.to_owned()),
        ("x-amzn-requestid", request_id.to_owned()),
        ("x-amzn-errortype", error.code.to_string()),
    ];
    headers.extend(retry_after(error));
    let body = json!({ "__type": error.code, "message": error.message }).to_string();
    HttpAnswer {
        status: error.status,
        headers,
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(authorization: &str, query: &str, expected: Option<(&str, &str, &str)>) {
        let request = HttpRequest {
            authorization: (!authorization.is_empty()).then(|| authorization.to_owned()),
            query: query.to_owned(),
            ..HttpRequest::default()
        };
        let scope = Scope::of(&request).map(|s| (s.access_key, s.region, s.service));
        let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(scope, expected);
    }

    #[test]
    fn scopes() {
        let header = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/ec2/aws4_request, SignedHeaders=host, Signature=x";
        check(header, "", Some(("AKID", "eu-west-1", "ec2")));
        check(
            "",
            "X-Amz-Credential=AK%2F20260101%2Fr%2Fsts%2Faws4_request",
            Some(("AK", "r", "sts")),
        );
        check("Bearer x", "", None);
        check("", "", None);
    }
}
