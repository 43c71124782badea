//! The codes of diagnostics that planning gives. Each has an entry in the user's documentation.

use strata_model::Code;
use strata_model::preflight::FindingKind;

/// Blocks that need each other.
pub const CYCLE: Code = Code("E0201");
/// A name that nothing has.
pub const UNKNOWN_REFERENCE: Code = Code("E0202");
/// A value that is out of range or impossible.
pub const INVALID_VALUE: Code = Code("E0203");
/// A resource type that no provider has.
pub const UNKNOWN_TYPE: Code = Code("E0241");
/// A `count` or `for_each` that is not known when planning, or is secret, null or of a wrong type.
pub const INVALID_EXPANSION: Code = Code("E0242");
/// A condition that does not hold.
pub const CONDITION_FAILED: Code = Code("E0243");
/// A required variable or input without a value.
pub const MISSING_VALUE: Code = Code("E0244");
/// An input or variable that the package does not declare.
pub const UNDECLARED_INPUT: Code = Code("E0245");
/// A name used where it has no meaning, such as `each.key` outside of `for_each`.
pub const OUT_OF_PLACE: Code = Code("E0247");
/// An output that shows a secret without being declared sensitive.
pub const SECRET_OUTPUT: Code = Code("E0248");
/// A `moved`, `import` or `removed` block that contradicts the definitions or the state.
pub const INVALID_STATE_CHANGE: Code = Code("E0249");
/// Something that this version of Strata cannot do yet.
pub const NOT_YET: Code = Code("E0250");
/// A replacement in an order that is impossible.
pub const IMPOSSIBLE_ORDER: Code = Code("E0251");
/// Manifests of a layer that cannot be used.
pub const INVALID_MANIFEST: Code = Code("E0252");
/// A layer on a cluster that does not say how it is reached.
pub const NO_HOST: Code = Code("E0253");
/// An object of an API that its cluster does not serve.
pub const NOT_SERVED: Code = Code("E0254");
/// An object that two blocks declare.
pub const DECLARED_TWICE: Code = Code("E0255");
/// A protected object would be destroyed.
pub const PROTECTED: Code = Code("E0601");
/// An object that holds data would be destroyed without permission.
pub const HOLDS_DATA: Code = Code("E0602");
/// An object could not be read.
pub const UNREADABLE: Code = Code("E0603");
/// A provider refuses a change.
pub const PROVIDER_REFUSED: Code = Code("E0604");
/// A stored row does not fit its type.
pub const ROW_UNUSABLE: Code = Code("E0605");
/// A `-target`, `-exclude`, `-replace` or similar that names nothing.
pub const UNKNOWN_TARGET: Code = Code("E0606");
/// At apply a step would do more than was approved.
pub const EXCEEDS_PLAN: Code = Code("E0607");
/// A value supplied at apply differs from the one planned with.
pub const VARIABLE_CHANGED: Code = Code("E0608");
/// A layer that had objects would have none.
pub const EMPTY_LAYER: Code = Code("E0610");
/// A quota that the run would exceed.
pub const QUOTA_TOO_SMALL: Code = Code("E0702");
/// Something that does not exist where the run wants it.
pub const NOT_OFFERED: Code = Code("E0703");
/// Credentials that end before the run is expected to.
pub const CREDENTIALS_END: Code = Code("E0704");
/// Something that a run may stumble over; a warning.
pub const MAY_NOT_SUFFICE: Code = Code("W0701");
/// A cluster that cannot be reached: what is in it is put off; a warning.
pub const UNREACHABLE: Code = Code("W0601");
/// What is to be made could not be looked for; a warning.
pub const NOT_LOOKED_AT: Code = Code("W0602");
/// An object of an API that its cluster, of unknown version, may not serve; a warning.
pub const PERHAPS_NOT_SERVED: Code = Code("W0603");
/// What waits for objects that are put off; a warning.
pub const WAITS: Code = Code("W0604");
/// What goes with an object that is deleted though the plan does not say it; a warning.
pub const GOES_WITH_IT: Code = Code("W0605");
/// A system that cannot say all of what it has; a warning.
pub const NOT_DESCRIBED: Code = Code("W0606");
/// A check that does not hold; a warning.
pub const CHECK_FAILED: Code = Code("W0243");
/// An import to an address that nothing declares, while definitions are only checked; a warning.
pub const IMPORT_UNDECLARED: Code = Code("W0257");

/// The code of what a look at a plan or before a run finds.
pub fn of_finding(kind: FindingKind) -> Code {
    match kind {
        FindingKind::Quota => QUOTA_TOO_SMALL,
        FindingKind::NotOffered => NOT_OFFERED,
        FindingKind::Credentials => CREDENTIALS_END,
        FindingKind::Refused => PROVIDER_REFUSED,
        FindingKind::GoesWithIt => GOES_WITH_IT,
    }
}
