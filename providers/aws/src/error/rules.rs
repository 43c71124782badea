//! The table of what the codes and texts of the services mean.

use strata_model::provider::ProviderErrorKind::{
    self, AccessDenied, AlreadyExists, Bug, Busy, Credentials, Dependency, Invalid, NotFound,
    Propagation, Quota, Throttled,
};

use super::Answer;

/// One line of the table. The first that fits decides.
pub(super) struct Rule {
    /// Beginnings of the operations it is about; none for all.
    operations: &'static [&'static str],
    /// The code; `*` stands for anything at its beginning or end.
    code: &'static str,
    /// What the message contains.
    text: &'static str,
    pub(super) kind: ProviderErrorKind,
    pub(super) hint: Option<&'static str>,
}

/// The line of the table that fits an answer.
pub(super) fn find(answer: &Answer<'_>) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.fits(answer))
}

impl Rule {
    fn fits(&self, answer: &Answer<'_>) -> bool {
        let mut operations = self.operations.iter();
        (self.operations.is_empty() || operations.any(|o| answer.operation.starts_with(o)))
            && code_fits(self.code, answer.code)
            && answer.text.contains(self.text)
    }
}

fn code_fits(pattern: &str, code: &str) -> bool {
    if let Some(end) = pattern.strip_prefix('*') {
        code.ends_with(end)
    } else if let Some(start) = pattern.strip_suffix('*') {
        code.starts_with(start)
    } else {
        code == pattern
    }
}

const fn any(code: &'static str, kind: ProviderErrorKind) -> Rule {
    on(&[], code, "", kind)
}

const fn on(
    operations: &'static [&'static str],
    code: &'static str,
    text: &'static str,
    kind: ProviderErrorKind,
) -> Rule {
    Rule {
        operations,
        code,
        text,
        kind,
        hint: None,
    }
}

impl Rule {
    const fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }
}

/// Operations that refer to something that may have been made a moment ago.
const REFERRING: &[&str] = &[
    "Add",
    "Create",
    "Attach",
    "Associate",
    "Authorize",
    "Modify",
    "Replace",
    "Put",
    "Tag",
    "Update",
];
const DELETING: &[&str] = &["Delete", "Detach", "Disassociate", "Revoke"];
const CREATING_EKS: &[&str] = &["CreateCluster", "CreateNodegroup"];
const CLUSTER: &[&str] = &["CreateCluster"];
/// Operations of add-ons and pod identity that are given roles.
const IDENTITIES: &[&str] = &[
    "CreateAddon",
    "UpdateAddon",
    "CreatePodIdentityAssociation",
    "UpdatePodIdentityAssociation",
];
const ADDONS: &[&str] = &["CreateAddon", "UpdateAddon"];
const CREATING_IDENTITIES: &[&str] = &["CreateAddon", "CreatePodIdentityAssociation"];
const FARGATE: &[&str] = &["CreateFargateProfile"];
const ISSUER: &[&str] = &["AssociateIdentityProviderConfig"];
const NODE_GROUP: &[&str] = &["CreateNodegroup"];
/// Operations on keys that may have been made a moment ago, and of which the names do not say so.
const SWITCHING: &[&str] = &["Enable", "Disable"];
/// Operations that hand a key to Logs.
const LOGS_KEY: &[&str] = &["CreateLogGroup", "AssociateKmsKey"];
const INVALID_STATE: &str = "KMSInvalidStateException";
const PENDING_DELETION: &str = "pending deletion";
pub(super) const IP: &str = "InvalidParameterException";

/// The table.
const RULES: &[Rule] = &[
    // Slow down.
    any("RequestLimitExceeded", Throttled),
    any("Throttl*", Throttled),
    any("TooManyRequests*", Throttled),
    any("RequestThrottled*", Throttled),
    any("EC2ThrottledException", Throttled),
    // Who are you.
    any("AuthFailure", Credentials),
    any("ExpiredToken*", Credentials).hint("The credentials have expired: log in again."),
    any("RequestExpired", Credentials).hint("The credentials have expired, or the clock is wrong."),
    any("InvalidClientTokenId", Credentials),
    any("InvalidAccessKeyId", Credentials),
    any("UnrecognizedClientException", Credentials),
    any("SignatureDoesNotMatch", Credentials),
    any("IncompleteSignature*", Credentials),
    any("MissingAuthenticationToken*", Credentials),
    // You may not.
    any("AccessDenied*", AccessDenied),
    any("UnauthorizedOperation", AccessDenied),
    any("OptInRequired", AccessDenied)
        .hint("The region or service has to be enabled for the account."),
    // EKS: a role, or a policy on it, that is not visible everywhere yet.
    on(CLUSTER, IP, "does not exist", Propagation),
    on(CLUSTER, IP, "Error in role params", Propagation),
    on(
        CLUSTER,
        IP,
        "Role could not be assumed because the trusted entity is not correct",
        Propagation,
    ),
    on(
        CLUSTER,
        IP,
        "The provided role doesn't have the Amazon EKS Managed Policies associated with it",
        Propagation,
    ),
    on(
        CLUSTER,
        IP,
        "IAM role's policy must include the",
        Propagation,
    ),
    on(NODE_GROUP, IP, "does not exist", Propagation),
    on(NODE_GROUP, IP, "not found", Propagation),
    on(NODE_GROUP, IP, "could not be found", Propagation),
    on(NODE_GROUP, IP, "could not be assumed", Propagation),
    on(NODE_GROUP, IP, "required IAM policies", Propagation),
    any("ResourcePropagationDelayException", Propagation),
    // EKS: names and states.
    on(
        CREATING_EKS,
        "ResourceInUseException",
        "already exists",
        AlreadyExists,
    ),
    on(
        &["CreateAccessEntry"],
        "ResourceInUseException",
        "",
        AlreadyExists,
    ),
    on(
        CREATING_IDENTITIES,
        "ResourceInUseException",
        "already exists",
        AlreadyExists,
    ),
    on(IDENTITIES, IP, "does not exist", Propagation),
    on(ADDONS, IP, "version specified is not supported", Invalid).hint(
        "Write an addon_version that fits the cluster's version of Kubernetes, or leave it out. \
         `aws eks describe-addon-versions --addon-name NAME --kubernetes-version VERSION` lists those that do, and the data source \
         aws_eks_addon_version tells the default or the newest.",
    ),
    on(
        FARGATE,
        IP,
        "Misconfigured PodExecutionRole Trust Policy",
        Propagation,
    ),
    on(FARGATE, IP, "does not exist", Propagation),
    on(
        FARGATE,
        "InvalidRequestException",
        "currently has Fargate profile",
        Busy,
    ),
    on(
        FARGATE,
        "ResourceInUseException",
        "already exists",
        AlreadyExists,
    ),
    on(FARGATE, "ResourceNotFoundException", "", Propagation),
    on(
        &["PutRetentionPolicy", "AssociateKmsKey"],
        "ResourceNotFoundException",
        "",
        Propagation,
    ),
    on(
        ISSUER,
        "ResourceInUseException",
        "already associated",
        AlreadyExists,
    ),
    on(ISSUER, "ResourceNotFoundException", "", Propagation),
    on(
        CREATING_IDENTITIES,
        "ResourceNotFoundException",
        "",
        Propagation,
    ),
    on(&["CreateAccessEntry"], IP, "invalid principal", Propagation),
    on(
        &["AssociateAccessPolicy"],
        "ResourceNotFoundException",
        "",
        Propagation,
    ),
    on(
        &["DeleteCluster"],
        "ResourceInUseException",
        "odegroup",
        Dependency,
    ),
    on(
        &["DeleteCluster"],
        "ResourceInUseException",
        "argate",
        Dependency,
    ),
    any("ResourceInUseException", Busy),
    on(
        &["DeleteCluster"],
        "ResourceLimitExceededException",
        "",
        Busy,
    ),
    on(NODE_GROUP, "ResourceNotFoundException", "", Propagation),
    any("ResourceNotFoundException", NotFound),
    any("NoSuchResourceException", NotFound),
    on(
        &[],
        "ClientException",
        "No cluster found for name:",
        NotFound,
    ),
    any("InvalidStateException", Invalid)
        .hint("EKS's upgrade insights name what stands in the way."),
    any("UnsupportedAvailabilityZoneException", Invalid).hint(
        "Choose subnets in other availability zones; the message names those that can be used.",
    ),
    // EC2.
    any("InvalidGroup.Duplicate", AlreadyExists),
    any(
        "InvalidLaunchTemplateName.AlreadyExistsException",
        AlreadyExists,
    ),
    any("InvalidCidrBlock.InUse", Dependency).hint("A subnet is still in the block."),
    any("InvalidLaunchTemplateId.VersionNotFound", NotFound),
    // A template that is not there, however it was named.
    any("InvalidLaunchTemplateName.NotFoundException", NotFound),
    any("InvalidPermission.Duplicate", AlreadyExists),
    any("RouteAlreadyExists", AlreadyExists),
    any("Resource.AlreadyAssociated", Dependency)
        .hint("Another object has it: remove it there first."),
    any("Gateway.NotAttached", NotFound),
    any("DependencyViolation", Dependency).hint(
        "Something still uses it. Delete that, such as a Service of type LoadBalancer whose load balancer holds a network, and run again.",
    ),
    any("InvalidGroup.InUse", Dependency),
    on(
        &["DeleteNetworkInterface"],
        "InvalidParameterValue",
        "in use",
        Dependency,
    ),
    any("InvalidNetworkInterface.InUse", Dependency),
    any("InvalidIPAddress.InUse", Dependency)
        .hint("A NAT gateway or a network interface still has the address."),
    any("IncorrectState", Busy),
    any("IdempotentParameterMismatch", Bug),
    on(DELETING, "*NotFound", "", NotFound),
    on(REFERRING, "*.NotFound", "", Propagation),
    any("*.NotFound", NotFound),
    // IAM.
    any("EntityAlreadyExists*", AlreadyExists),
    // There is room for one role: another look shows which one is there.
    on(&["AddRoleToInstanceProfile"], "LimitExceeded*", "", Busy),
    on(REFERRING, "NoSuchEntity*", "", Propagation),
    any("NoSuchEntity*", NotFound),
    any("DeleteConflict*", Dependency)
        .hint("Detach its policies and remove it from instance profiles first."),
    on(
        &[],
        "MalformedPolicyDocument*",
        "nvalid principal",
        Propagation,
    ),
    any("ConcurrentModification*", Busy),
    any("EntityTemporarilyUnmodifiable*", Busy),
    // KMS.
    on(REFERRING, "NotFoundException", "", Propagation),
    on(SWITCHING, "NotFoundException", "", Propagation),
    any("NotFoundException", NotFound),
    any("AlreadyExistsException", AlreadyExists),
    // A key that is about to go is as good as gone, for whoever reads it or lets it go.
    on(
        &["Schedule", "Get", "List"],
        INVALID_STATE,
        PENDING_DELETION,
        NotFound,
    ),
    on(&[], INVALID_STATE, PENDING_DELETION, Invalid)
        .hint("Use another key, or take its deletion back with `aws kms cancel-key-deletion`."),
    any(INVALID_STATE, Busy),
    // Logs.
    any("ResourceAlreadyExistsException", AlreadyExists),
    any("OperationAbortedException", Busy),
    // The key's policy has to name the service, and its change takes a while to be seen.
    on(
        LOGS_KEY,
        IP,
        "does not exist or is not allowed to be used",
        Propagation,
    )
    .hint("The key's policy has to allow logs.REGION.amazonaws.com to use it."),
    // ECR.
    any("RepositoryAlreadyExistsException", AlreadyExists),
    on(REFERRING, "RepositoryNotFoundException", "", Propagation),
    any("RepositoryNotFoundException", NotFound),
    any("RepositoryNotEmptyException", Dependency)
        .hint("Delete its images first, or set force_delete = true and apply that."),
    on(
        &["CreateRepository"],
        "KmsException",
        "NotFound",
        Propagation,
    ),
    // SSM.
    any("ParameterNotFound", NotFound),
    any("ParameterVersionNotFound", NotFound),
    // Quotas.
    any("*LimitExceeded", Quota)
        .hint("Ask for a higher quota in Service Quotas, or remove what is not needed."),
    any("*LimitExceededException", Quota)
        .hint("Ask for a higher quota in Service Quotas, or remove what is not needed."),
];
