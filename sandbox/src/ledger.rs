//! The stable record of every object and call, by which tests judge.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Everything that ever existed and was ever asked, since the store was made or reset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// All objects, in the order of their creation, the deleted ones too.
    pub objects: Vec<LedgerObject>,
    /// All calls, in the order in which the sandbox took them up.
    pub calls: Vec<LedgerCall>,
}

impl Ledger {
    /// Iterates over the objects that exist now.
    pub fn live(&self) -> impl Iterator<Item = &LedgerObject> {
        self.objects.iter().filter(|o| o.deleted_seq.is_none())
    }
}

/// One object with its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerObject {
    /// The service that owns it: `ec2`, `iam`, `eks`.
    pub service: String,
    /// Its type, in the service's words: `vpc`, `route-table-association`, `role`, `cluster`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the service finds it by; for set-like objects the parts joined by `/`, such as `role/policyArn`.
    pub id: String,
    /// Its name, where the service gives it one that differs from the id.
    pub name: Option<String>,
    /// Its tags, as they are now or were when it was deleted.
    pub tags: BTreeMap<String, String>,
    /// The client token of the call that created it.
    pub client_token: Option<String>,
    /// The `seq` of the call that created it.
    pub created_seq: u64,
    /// The `seq` of the call that deleted it, or, where the deletion takes its time, of the first call after its end.
    pub deleted_seq: Option<u64>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerCall {
    /// Its number, from 1, without gaps.
    pub seq: u64,
    /// The service it was signed for.
    pub service: String,
    /// The operation, or what was sent in its place.
    pub operation: String,
    /// Whether the operation can change anything, whatever came of this call.
    pub mutating: bool,
    /// The HTTP status of the answer. For a lost response it is what would have been sent; 0 where the call had no effect and no answer.
    pub status: u16,
    /// The fault that was injected, if any.
    pub fault: Option<String>,
}
