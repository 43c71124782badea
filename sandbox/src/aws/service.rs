//! What a service is made of, and what its handlers are given.

use crate::world::World;

use super::ACCOUNT;
use super::error::{Answer, AwsError};
use super::json::JsonRequest;
use super::params::Params;
use super::rest::RestRequest;

/// One emulated service.
#[derive(Debug)]
pub(crate) struct Service {
    /// The name in the scope of signatures.
    pub(crate) name: &'static str,
    /// Whether its objects belong to no region.
    pub(crate) global: bool,
    pub(crate) api: Api,
    /// Makes its types known to a world.
    pub(crate) register: fn(&mut World),
}

/// How a service speaks.
#[derive(Debug)]
pub(crate) enum Api {
    /// Parameters as a form, answers in XML.
    Query {
        dialect: Dialect,
        tables: &'static [&'static [QueryOperation]],
    },
    /// Paths and JSON.
    Rest {
        tables: &'static [&'static [RestOperation]],
    },
    /// The operation in a header, and JSON.
    Json {
        /// What stands before the dot in the header.
        target: &'static str,
        /// The code by which a body is refused.
        invalid: &'static str,
        tables: &'static [&'static [JsonOperation]],
    },
}

/// How a service words what every service can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wording {
    Query(Dialect),
    Rest,
    Json,
}

impl Api {
    /// How it words what every service can answer.
    pub(crate) fn wording(&self) -> Wording {
        match self {
            Self::Query { dialect, .. } => Wording::Query(*dialect),
            Self::Rest { .. } => Wording::Rest,
            Self::Json { .. } => Wording::Json,
        }
    }

    /// Lists the names of the operations.
    pub(crate) fn operations(&self) -> Box<dyn Iterator<Item = &'static str>> {
        match self {
            Self::Query { tables, .. } => {
                Box::new(tables.iter().copied().flatten().map(|o| o.name))
            }
            Self::Rest { tables } => Box::new(tables.iter().copied().flatten().map(|o| o.name)),
            Self::Json { tables, .. } => Box::new(tables.iter().copied().flatten().map(|o| o.name)),
        }
    }
}

/// In which way a query service differs from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Ec2,
    Iam,
    Sts,
}

impl Dialect {
    /// The XML namespace of its answers.
    pub(crate) fn namespace(self) -> &'static str {
        match self {
            Self::Ec2 => "http://ec2.amazonaws.com/doc/2016-11-15/",
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
        }
    }

    /// The element of list members in its answers.
    pub(crate) fn list_element(self) -> &'static str {
        match self {
            Self::Ec2 => "item",
            Self::Iam | Self::Sts => "member",
        }
    }
}

/// One operation that is found by its name; `R` is what its arguments come as.
#[derive(Debug)]
pub(crate) struct Operation<R> {
    pub(crate) name: &'static str,
    pub(crate) mutating: bool,
    pub(crate) run: fn(&mut Cx<'_>, &mut R) -> Answer,
}

/// One operation of a query service.
pub(crate) type QueryOperation = Operation<Params>;

/// One operation of a JSON service.
pub(crate) type JsonOperation = Operation<JsonRequest>;

impl<R> Operation<R> {
    /// An operation that only reads.
    pub(crate) const fn read(name: &'static str, run: fn(&mut Cx<'_>, &mut R) -> Answer) -> Self {
        Self {
            name,
            mutating: false,
            run,
        }
    }

    /// An operation that can change something.
    pub(crate) const fn write(name: &'static str, run: fn(&mut Cx<'_>, &mut R) -> Answer) -> Self {
        Self {
            name,
            mutating: true,
            run,
        }
    }
}

/// One operation of a REST service.
#[derive(Debug)]
pub(crate) struct RestOperation {
    pub(crate) name: &'static str,
    pub(crate) mutating: bool,
    /// The method and the path, with `{member}` for its variable parts.
    pub(crate) route: (&'static str, &'static str),
    pub(crate) run: fn(&mut Cx<'_>, &mut RestRequest) -> Answer,
}

impl RestOperation {
    /// An operation that only reads.
    pub(crate) const fn read(
        name: &'static str,
        route: (&'static str, &'static str),
        run: fn(&mut Cx<'_>, &mut RestRequest) -> Answer,
    ) -> Self {
        Self {
            name,
            mutating: false,
            route,
            run,
        }
    }

    /// An operation that can change something.
    pub(crate) const fn write(
        name: &'static str,
        route: (&'static str, &'static str),
        run: fn(&mut Cx<'_>, &mut RestRequest) -> Answer,
    ) -> Self {
        Self {
            name,
            mutating: true,
            route,
            run,
        }
    }
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) arn: String,
    pub(crate) user_id: String,
    pub(crate) account: String,
}

impl Default for Caller {
    fn default() -> Self {
        Self {
            arn: format!("arn:aws:iam::{ACCOUNT}:user/sandbox"),
            user_id: "AIDASANDBOX0000000001".to_owned(),
            account: ACCOUNT.to_owned(),
        }
    }
}

/// What injected faults ask of the handler itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Injected {
    /// For how many calls a role is refused.
    pub(crate) role_refusals: Option<u32>,
    /// The code with which what the call starts must fail.
    pub(crate) failure: Option<String>,
    /// How long what the call starts takes, in the cloud's seconds.
    pub(crate) seconds: Option<u64>,
    /// Whether nobody answers at the address of what the call makes.
    pub(crate) unreachable: bool,
    /// How many items a page has at most.
    pub(crate) page_limit: Option<usize>,
}

/// The context of one call.
#[derive(Debug)]
pub(crate) struct Cx<'a> {
    pub(crate) world: &'a mut World,
    /// The region of the signature; `global` for services without regions.
    pub(crate) region: String,
    pub(crate) caller: Caller,
    pub(crate) injected: Injected,
}

impl Cx<'_> {
    /// Refuses a role as long as an injected fault wants it.
    pub(crate) fn role_refused(&mut self, role_arn: &str) -> bool {
        let Some(tries) = self.injected.role_refusals else {
            return false;
        };
        let refused = self
            .world
            .role_refusals
            .entry(role_arn.to_owned())
            .or_default();
        *refused += 1;
        *refused <= tries
    }
}

/// The error for what AWS has and the sandbox has not.
pub(crate) fn not_emulated(service: &str, what: &str) -> AwsError {
    AwsError::with_status(
        501,
        "NotImplemented",
        format!("the sandbox does not emulate {service} {what}"),
    )
}
