//! What EKS checks before it makes a cluster.

use std::collections::BTreeSet;

use crate::aws::ec2::{Cidr, SecurityGroup, Subnet, Vpc};
use crate::aws::error::AwsError;
use crate::aws::kms::{self, Unusable};
use crate::aws::service::{Cx, not_emulated};

use super::auto_mode::{self, AutoMode, Blocks};
use super::cluster_request::{
    AUTH_MODES, CreateCluster, Encryption, NetworkConfig, Switch, VpcConfig, check_tags, one_of,
};
use super::{invalid_parameter, versions};

/// What the checks found out, with the server's defaults.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) version: String,
    pub(super) vpc: String,
    pub(super) public_cidrs: Vec<String>,
    pub(super) service_cidr: String,
    pub(super) logging: BTreeSet<String>,
    pub(super) support_type: String,
    pub(super) zonal_shift: bool,
    pub(super) auto_mode: Option<AutoMode>,
}

/// Checks a whole request but for the role.
pub(super) fn check(cx: &Cx<'_>, wanted: &CreateCluster) -> Result<Checked, AwsError> {
    check_name(&wanted.name, 100)?;
    check_tags(&wanted.tags.clone().unwrap_or_default())?;
    let version = wanted
        .version
        .clone()
        .unwrap_or_else(|| format!("1.{}", versions::DEFAULT_MINOR));
    versions::offered(&version).ok_or_else(|| versions::unsupported(&version))?;
    let auto_mode = auto_mode(wanted)?;
    if let Some(mode) = wanted
        .access_config
        .as_ref()
        .and_then(|a| a.authentication_mode.as_deref())
    {
        one_of("accessConfig.authenticationMode", mode, &AUTH_MODES)?;
    }
    let support_type = wanted
        .upgrade_policy
        .as_ref()
        .and_then(|policy| policy.support_type.clone());
    let support_type = support_type.unwrap_or_else(|| "EXTENDED".to_owned());
    one_of(
        "upgradePolicy.supportType",
        &support_type,
        &["STANDARD", "EXTENDED"],
    )?;
    check_encryption(cx, wanted.encryption_config.as_deref().unwrap_or_default())?;
    let config = &wanted.resources_vpc_config;
    let vpc = check_subnets(cx, config.subnet_ids.as_deref().unwrap_or_default())?;
    check_groups(
        cx,
        config.security_group_ids.as_deref().unwrap_or_default(),
        &vpc,
    )?;
    let (public, private) = (
        config.endpoint_public_access,
        config.endpoint_private_access,
    );
    check_endpoint(public.unwrap_or(true), private.unwrap_or(false))?;
    let logging = match &wanted.logging {
        Some(logging) => logging.apply(&BTreeSet::new())?,
        None => BTreeSet::new(),
    };
    Ok(Checked {
        version,
        public_cidrs: public_cidrs(config)?,
        service_cidr: service_cidr(cx, &vpc, wanted.kubernetes_network_config.as_ref())?,
        vpc,
        logging,
        support_type,
        zonal_shift: Switch::on(wanted.zonal_shift_config.as_ref()),
        auto_mode,
    })
}

/// Refuses a name that does not fit.
pub(super) fn check_name(name: &str, longest: usize) -> Result<(), AwsError> {
    let starts = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let fits = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if starts && fits && name.len() <= longest {
        return Ok(());
    }
    Err(invalid_parameter(format!(
        "The name {name} must begin with an alphanumeric character, have only alphanumeric characters, hyphens and underscores, and no more than {longest} characters"
    )))
}

fn auto_mode(wanted: &CreateCluster) -> Result<Option<AutoMode>, AwsError> {
    let blocks = Blocks {
        compute: wanted.compute_config.as_ref(),
        network: wanted.kubernetes_network_config.as_ref(),
        storage: wanted.storage_config.as_ref(),
    };
    let asked = blocks.asked()?;
    if asked.is_some() {
        auto_mode::check_new(wanted)?;
    }
    Ok(asked)
}

/// Checks the subnets of a control plane, and returns their network.
pub(super) fn check_subnets(cx: &Cx<'_>, ids: &[String]) -> Result<String, AwsError> {
    let mut zones = BTreeSet::new();
    let mut vpcs = BTreeSet::new();
    for id in ids {
        let subnet = cx.world.get::<Subnet>(&cx.region, id);
        let subnet = subnet
            .ok_or_else(|| invalid_parameter(format!("The subnet ID '{id}' does not exist")))?;
        zones.insert(subnet.body.zone.as_str());
        vpcs.insert(subnet.body.vpc.as_str());
    }
    if vpcs.len() > 1 {
        return Err(invalid_parameter(
            "Subnets specified must belong to the same VPC",
        ));
    }
    if zones.len() < 2 {
        return Err(invalid_parameter(
            "Subnets specified must be in at least two different AZs",
        ));
    }
    Ok(vpcs.pop_first().unwrap_or_default().to_owned())
}

/// Checks the groups of a control plane.
pub(super) fn check_groups(cx: &Cx<'_>, ids: &[String], vpc: &str) -> Result<(), AwsError> {
    if ids.len() > 5 {
        return Err(invalid_parameter(
            "No more than 5 security groups can be specified",
        ));
    }
    for id in ids {
        let group = cx.world.get::<SecurityGroup>(&cx.region, id);
        if group.is_none_or(|group| group.body.vpc != vpc) {
            return Err(invalid_parameter(format!(
                "Security group(s) [{id}] are not in the same VPC as the subnets, or do not exist"
            )));
        }
    }
    Ok(())
}

/// Refuses what cannot be encrypted, no key, or one that encrypts nothing.
pub(super) fn check_encryption(cx: &Cx<'_>, config: &[Encryption]) -> Result<(), AwsError> {
    for encryption in config {
        if encryption.resources != ["secrets"] || !encryption.provider.key_arn.starts_with("arn:") {
            return Err(invalid_parameter(
                "encryptionConfig must name the resource secrets and a key's ARN",
            ));
        }
        let arn = &encryption.provider.key_arn;
        let why = match kms::check_usable(cx.world, (&cx.region, arn), None) {
            Ok(()) => continue,
            Err(Unusable::Missing | Unusable::NotAllowed) => "does not exist",
            Err(Unusable::NotEnabled) => "is not enabled",
            Err(Unusable::Asymmetric) => "is not symmetric",
        };
        return Err(invalid_parameter(format!("The KMS key {arn} {why}")));
    }
    Ok(())
}

/// Refuses an endpoint that nobody could reach.
pub(super) fn check_endpoint(public: bool, private: bool) -> Result<(), AwsError> {
    if public || private {
        return Ok(());
    }
    Err(invalid_parameter(
        "Private and public endpoint access cannot both be disabled",
    ))
}

/// What the internet does not route.
const RESERVED: [&str; 7] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "224.0.0.0/4",
];

/// Checks who may reach the public endpoint, and returns the blocks as they will be read back.
pub(super) fn public_cidrs(config: &VpcConfig) -> Result<Vec<String>, AwsError> {
    let Some(wanted) = config
        .public_access_cidrs
        .as_ref()
        .filter(|cidrs| !cidrs.is_empty())
    else {
        return Ok(vec!["0.0.0.0/0".to_owned()]);
    };
    if wanted.len() > 40 {
        return Err(invalid_parameter(
            "No more than 40 publicAccessCidrs can be specified",
        ));
    }
    let reserved: Vec<Cidr> = RESERVED
        .iter()
        .filter_map(|text| Cidr::parse(text))
        .collect();
    let mut cidrs = Vec::new();
    for text in wanted {
        let cidr = Cidr::parse(text).filter(|cidr| !reserved.iter().any(|r| r.contains(*cidr)));
        let cidr = cidr.ok_or_else(|| {
            invalid_parameter(format!(
                "The following CIDRs are invalid in publicAccessCidrs: [{text}]"
            ))
        })?;
        if !cidrs.contains(&cidr.to_string()) {
            cidrs.push(cidr.to_string());
        }
    }
    Ok(cidrs)
}

fn service_cidr(
    cx: &Cx<'_>,
    vpc: &str,
    network: Option<&NetworkConfig>,
) -> Result<String, AwsError> {
    if let Some(family) = network.and_then(|network| network.ip_family.as_deref()) {
        one_of(
            "kubernetesNetworkConfig.ipFamily",
            family,
            &["ipv4", "ipv6"],
        )?;
        if family == "ipv6" {
            return Err(not_emulated("eks", "clusters of the IPv6 family"));
        }
    }
    let vpc_cidr = cx
        .world
        .raw::<Vpc>(&cx.region, vpc)
        .map(|vpc| vpc.body.cidr);
    let free = |cidr: Cidr| vpc_cidr.is_none_or(|vpc| !vpc.overlaps(cidr));
    let Some(text) = network.and_then(|network| network.service_ipv4_cidr.as_deref()) else {
        let defaults = ["10.100.0.0/16", "172.20.0.0/16"];
        let chosen = defaults
            .iter()
            .find(|text| Cidr::parse(text).is_some_and(free));
        return Ok((*chosen.unwrap_or(&defaults[1])).to_owned());
    };
    let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
    let cidr = Cidr::parse(text).filter(|cidr| {
        (12..=24).contains(&cidr.length())
            && private
                .iter()
                .filter_map(|p| Cidr::parse(p))
                .any(|p| p.contains(*cidr))
    });
    let cidr = cidr.ok_or_else(|| {
        invalid_parameter(format!("The specified service CIDR {text} must be between /24 and /12 in 10.0.0.0/8, 172.16.0.0/12, or 192.168.0.0/16"))
    })?;
    if !free(cidr) {
        return Err(invalid_parameter(format!(
            "The specified service CIDR {text} conflicts with the CIDR of the VPC"
        )));
    }
    Ok(cidr.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_cidrs(cidrs: &[&str], expected: Option<&[&str]>) {
        let cidrs = cidrs.iter().map(|s| (*s).to_owned()).collect();
        let config = VpcConfig {
            public_access_cidrs: Some(cidrs),
            ..VpcConfig::default()
        };
        let expected = expected.map(|e| e.iter().map(|s| (*s).to_owned()).collect());
        assert_eq!(public_cidrs(&config).ok(), expected);
    }

    #[test]
    fn cidrs_of_the_public_endpoint() {
        check_cidrs(&[], Some(&["0.0.0.0/0"]));
        check_cidrs(
            &["203.0.113.7/24", "203.0.113.0/24"],
            Some(&["203.0.113.0/24"]),
        );
        check_cidrs(&["10.1.0.0/16"], None);
        check_cidrs(&["nonsense"], None);
    }

    #[test]
    fn names() {
        for (name, fits) in [
            ("demo-1_a", true),
            ("1a", true),
            ("-a", false),
            ("", false),
            ("a.b", false),
        ] {
            assert_eq!(check_name(name, 100).is_ok(), fits, "{name}");
        }
        assert!(check_name(&"a".repeat(101), 100).is_err());
    }
}
