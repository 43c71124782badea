//! Client tokens: a call that is sent again with the same token gives the first call's result.

use serde::{Deserialize, Serialize};

use crate::world::{Kind, New, World};

/// The memory of one token of one operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Token {
    /// What the first call asked for, in canonical form.
    request: String,
    /// The id of what it made.
    made: String,
}

impl Kind for Token {
    const SERVICE: &'static str = "sandbox";
    const TYPE: &'static str = "client-token";
    const LISTED: bool = false;
}

/// What is known of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It is new.
    New,
    /// It was used for the same request, which made this.
    Same(String),
    /// It was used for another request.
    Other,
}

/// One use of a token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use<'a> {
    pub(crate) region: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) token: Option<&'a str>,
    /// The request in canonical form, without the token.
    pub(crate) request: &'a str,
}

impl Use<'_> {
    fn id(&self, token: &str) -> String {
        format!("{}/{token}", self.operation)
    }

    /// Looks the token up.
    pub(crate) fn seen(&self, world: &World) -> Seen {
        let Some(known) = self
            .token
            .and_then(|t| world.raw::<Token>(self.region, &self.id(t)))
        else {
            return Seen::New;
        };
        if known.body.request == self.request {
            return Seen::Same(known.body.made.clone());
        }
        Seen::Other
    }

    /// Remembers what the request made.
    pub(crate) fn remember(&self, world: &mut World, made: &str) {
        if let Some(token) = self.token {
            let body = Token {
                request: self.request.to_owned(),
                made: made.to_owned(),
            };
            world.insert(New::plain(self.region, self.id(token), body));
        }
    }
}
