//! What a launch template says of instances: its arguments, and the SDK's forms of them.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{
    InstanceType, LaunchTemplateBlockDeviceMapping, LaunchTemplateBlockDeviceMappingRequest,
    LaunchTemplateEbsBlockDevice, LaunchTemplateEbsBlockDeviceRequest,
    LaunchTemplateHttpTokensState, LaunchTemplateIamInstanceProfileSpecificationRequest,
    LaunchTemplateInstanceMetadataEndpointState, LaunchTemplateInstanceMetadataOptionsRequest,
    LaunchTemplateInstanceMetadataTagsState, LaunchTemplateTagSpecificationRequest,
    LaunchTemplatesMonitoringRequest, RequestLaunchTemplateData, ResourceType as TaggedType,
    ResponseLaunchTemplateData, Tag, VolumeType,
};
use serde::{Deserialize, Serialize};
use strata_model::schema::{Attribute, AttributeType};

use crate::checks::Checks;
use crate::ec2::listed::tag_map;
use crate::iam::instance_profile::InstanceProfiles;
use crate::resource::ResourceType;
use crate::tags::Tags;

/// The arguments, whose change makes a new version.
pub(crate) const NAMES: [&str; 11] = [
    "block_device_mappings",
    "ebs_optimized",
    "iam_instance_profile",
    "image_id",
    "instance_type",
    "key_name",
    "metadata_options",
    "monitoring",
    "tag_specifications",
    "user_data",
    "vpc_security_group_ids",
];

/// What a template says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Data {
    block_device_mappings: Option<Vec<Disk>>,
    ebs_optimized: Option<bool>,
    iam_instance_profile: Option<Profile>,
    image_id: Option<String>,
    instance_type: Option<String>,
    key_name: Option<String>,
    metadata_options: Option<Metadata>,
    monitoring: Option<Monitoring>,
    tag_specifications: Option<BTreeSet<Tagged>>,
    user_data: Option<String>,
    vpc_security_group_ids: Option<BTreeSet<String>>,
}

/// A disk of the instance.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Disk {
    device_name: Option<String>,
    ebs: Option<Ebs>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Ebs {
    delete_on_termination: Option<bool>,
    encrypted: Option<bool>,
    iops: Option<i32>,
    kms_key_id: Option<String>,
    throughput: Option<i32>,
    volume_size: Option<i32>,
    volume_type: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Profile {
    arn: Option<String>,
    name: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Metadata {
    http_endpoint: Option<String>,
    http_put_response_hop_limit: Option<i32>,
    http_tokens: Option<String>,
    instance_metadata_tags: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Monitoring {
    enabled: Option<bool>,
}

/// The tags of what is made with an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
struct Tagged {
    resource_type: String,
    tags: Tags,
}

/// The arguments, in the order of [`NAMES`].
pub(crate) fn attributes() -> [(&'static str, Attribute); 11] {
    let text = |description| Attribute::optional(AttributeType::String, description);
    let flag = |description| Attribute::optional(AttributeType::Bool, description);
    [
        (
            "block_device_mappings",
            Attribute::optional(
                AttributeType::List(Box::new(disk())),
                "Disks of the instance.",
            ),
        ),
        (
            "ebs_optimized",
            flag("Whether the way to disks has bandwidth of its own."),
        ),
        (
            "iam_instance_profile",
            Attribute::optional(
                AttributeType::object([
                    ("arn", text("ARN of the profile.")),
                    (
                        "name",
                        text("Name of the profile.").names(InstanceProfiles::NAME, "name"),
                    ),
                ]),
                "Instance profile; not for node groups of EKS.",
            ),
        ),
        (
            "image_id",
            text("Machine image, such as `ami-0123456789abcdef0`."),
        ),
        (
            "instance_type",
            text("Type of the instance, such as `m7i.large`."),
        ),
        ("key_name", text("Name of the key pair for SSH.")),
        (
            "metadata_options",
            Attribute::optional(metadata(), "How programs ask the instance about itself."),
        ),
        (
            "monitoring",
            Attribute::optional(
                AttributeType::object([("enabled", flag("Whether figures come every minute."))]),
                "Detailed monitoring.",
            ),
        ),
        (
            "tag_specifications",
            Attribute::optional(
                AttributeType::Set(Box::new(tagged())),
                "Tags of what is made with an instance.",
            ),
        ),
        (
            "user_data",
            text("What the instance runs when it starts, in base64."),
        ),
        (
            "vpc_security_group_ids",
            Attribute::optional(
                AttributeType::string_set(),
                "Security groups of the instance.",
            ),
        ),
    ]
}

fn disk() -> AttributeType {
    let text = |description| Attribute::optional(AttributeType::String, description);
    let flag = |description| Attribute::optional(AttributeType::Bool, description);
    let number = |description| Attribute::optional(AttributeType::Number, description);
    let ebs = AttributeType::object([
        (
            "delete_on_termination",
            flag("Whether the volume goes with the instance."),
        ),
        ("encrypted", flag("Whether the volume is encrypted.")),
        ("iops", number("Operations a second.")),
        ("kms_key_id", text("Key of the encryption.")),
        ("throughput", number("Throughput in MiB a second.")),
        ("volume_size", number("Size in GiB.")),
        ("volume_type", text("Type of the volume, such as `gp3`.")),
    ]);
    AttributeType::object([
        (
            "device_name",
            text("Name of the device, such as `/dev/xvda`."),
        ),
        (
            "ebs",
            Attribute::optional(ebs, "The volume behind the device."),
        ),
    ])
}

fn metadata() -> AttributeType {
    let text = |description| Attribute::optional(AttributeType::String, description);
    AttributeType::object([
        ("http_endpoint", text("`enabled` or `disabled`.")),
        (
            "http_put_response_hop_limit",
            Attribute::optional(
                AttributeType::Number,
                "How far an answer travels: 1 keeps it from pods, 2 lets them have it.",
            ),
        ),
        (
            "http_tokens",
            text("`required` for version 2 only, or `optional`."),
        ),
        (
            "instance_metadata_tags",
            text("Whether tags are told: `enabled` or `disabled`."),
        ),
    ])
}

fn tagged() -> AttributeType {
    AttributeType::object([
        (
            "resource_type",
            Attribute::required(
                AttributeType::String,
                "What is tagged: `instance`, `volume`, or `network-interface`.",
            ),
        ),
        (
            "tags",
            Attribute::required(AttributeType::string_map(), "The tags."),
        ),
    ])
}

/// Checks the arguments.
pub(crate) fn validate(checks: &mut Checks<'_>) {
    let switch = ["enabled", "disabled"];
    checks.one_of("metadata_options.http_endpoint", &switch);
    checks.one_of("metadata_options.http_tokens", &["optional", "required"]);
    checks.one_of("metadata_options.instance_metadata_tags", &switch);
    checks.range("metadata_options.http_put_response_hop_limit", 1, 64);
    checks.each("tag_specifications", |checks| {
        checks.one_of(
            "resource_type",
            &[
                "instance",
                "volume",
                "network-interface",
                "spot-instances-request",
            ],
        );
    });
    checks.each("block_device_mappings", |checks| {
        checks.one_of(
            "ebs.volume_type",
            &["gp2", "gp3", "io1", "io2", "sc1", "st1", "standard"],
        );
        checks.range("ebs.volume_size", 1, 65536);
    });
    checks.text("user_data", |text| {
        let is_base64 = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
        (!is_base64).then(|| "must be in base64, as by base64encode().".to_owned())
    });
}

impl Data {
    /// Without what is empty, which means the same as nothing.
    pub(crate) fn plain(&self) -> Data {
        let mut plain = self.clone();
        plain.block_device_mappings = plain.block_device_mappings.filter(|list| !list.is_empty());
        plain.iam_instance_profile = plain
            .iam_instance_profile
            .filter(|one| *one != Profile::default());
        plain.metadata_options = plain
            .metadata_options
            .filter(|one| *one != Metadata::default());
        plain.monitoring = plain.monitoring.filter(|one| *one != Monitoring::default());
        plain.tag_specifications = plain.tag_specifications.filter(|set| !set.is_empty());
        plain.vpc_security_group_ids = plain.vpc_security_group_ids.filter(|set| !set.is_empty());
        plain
    }

    /// What a version says.
    pub(crate) fn read(live: &ResponseLaunchTemplateData) -> Data {
        let profile = live.iam_instance_profile().map(|profile| Profile {
            arn: profile.arn.clone(),
            name: profile.name.clone(),
        });
        let metadata = live.metadata_options().map(|options| Metadata {
            http_endpoint: options.http_endpoint().map(|word| word.as_str().to_owned()),
            http_put_response_hop_limit: options.http_put_response_hop_limit(),
            http_tokens: options.http_tokens().map(|word| word.as_str().to_owned()),
            instance_metadata_tags: options
                .instance_metadata_tags()
                .map(|word| word.as_str().to_owned()),
        });
        let tagged = live.tag_specifications().iter().map(|one| Tagged {
            resource_type: one
                .resource_type()
                .map_or_else(String::new, |kind| kind.as_str().to_owned()),
            tags: tag_map(one.tags()),
        });
        Data {
            block_device_mappings: Some(
                live.block_device_mappings()
                    .iter()
                    .map(Disk::read)
                    .collect(),
            ),
            ebs_optimized: live.ebs_optimized(),
            iam_instance_profile: profile,
            image_id: live.image_id.clone(),
            instance_type: live.instance_type().map(|kind| kind.as_str().to_owned()),
            key_name: live.key_name.clone(),
            metadata_options: metadata,
            monitoring: live.monitoring().map(|monitoring| Monitoring {
                enabled: monitoring.enabled(),
            }),
            tag_specifications: Some(tagged.collect()),
            user_data: live.user_data.clone(),
            vpc_security_group_ids: Some(live.security_group_ids().iter().cloned().collect()),
        }
        .plain()
    }

    /// The data of a create call.
    pub(crate) fn request(&self) -> RequestLaunchTemplateData {
        let data = self.plain();
        let disks = data.block_device_mappings;
        let profile = data.iam_instance_profile.map(|profile| {
            LaunchTemplateIamInstanceProfileSpecificationRequest::builder()
                .set_arn(profile.arn)
                .set_name(profile.name)
                .build()
        });
        let monitoring = data.monitoring.map(|monitoring| {
            LaunchTemplatesMonitoringRequest::builder()
                .set_enabled(monitoring.enabled)
                .build()
        });
        let groups = data.vpc_security_group_ids;
        let kind = data.instance_type.as_deref();
        RequestLaunchTemplateData::builder()
            .set_block_device_mappings(
                disks.map(|disks| disks.into_iter().map(Disk::request).collect()),
            )
            .set_ebs_optimized(data.ebs_optimized)
            .set_iam_instance_profile(profile)
            .set_image_id(data.image_id)
            .set_instance_type(kind.map(InstanceType::from))
            .set_key_name(data.key_name)
            .set_metadata_options(data.metadata_options.map(Metadata::request))
            .set_monitoring(monitoring)
            .set_tag_specifications(
                data.tag_specifications
                    .map(|all| all.into_iter().map(Tagged::request).collect()),
            )
            .set_user_data(data.user_data)
            .set_security_group_ids(groups.map(|groups| groups.into_iter().collect()))
            .build()
    }
}

impl Disk {
    fn read(live: &LaunchTemplateBlockDeviceMapping) -> Disk {
        Disk {
            device_name: live.device_name.clone(),
            ebs: live.ebs().map(Ebs::read),
        }
    }

    fn request(self) -> LaunchTemplateBlockDeviceMappingRequest {
        LaunchTemplateBlockDeviceMappingRequest::builder()
            .set_device_name(self.device_name)
            .set_ebs(self.ebs.map(Ebs::request))
            .build()
    }
}

impl Ebs {
    fn read(live: &LaunchTemplateEbsBlockDevice) -> Ebs {
        Ebs {
            delete_on_termination: live.delete_on_termination(),
            encrypted: live.encrypted(),
            iops: live.iops(),
            kms_key_id: live.kms_key_id.clone(),
            throughput: live.throughput(),
            volume_size: live.volume_size(),
            volume_type: live.volume_type().map(|kind| kind.as_str().to_owned()),
        }
    }

    fn request(self) -> LaunchTemplateEbsBlockDeviceRequest {
        let kind = self.volume_type.as_deref();
        LaunchTemplateEbsBlockDeviceRequest::builder()
            .set_volume_type(kind.map(VolumeType::from))
            .set_delete_on_termination(self.delete_on_termination)
            .set_encrypted(self.encrypted)
            .set_iops(self.iops)
            .set_kms_key_id(self.kms_key_id)
            .set_throughput(self.throughput)
            .set_volume_size(self.volume_size)
            .build()
    }
}

impl Metadata {
    fn request(self) -> LaunchTemplateInstanceMetadataOptionsRequest {
        let endpoint = self.http_endpoint.as_deref();
        let tokens = self.http_tokens.as_deref();
        let tags = self.instance_metadata_tags.as_deref();
        LaunchTemplateInstanceMetadataOptionsRequest::builder()
            .set_http_endpoint(endpoint.map(LaunchTemplateInstanceMetadataEndpointState::from))
            .set_http_tokens(tokens.map(LaunchTemplateHttpTokensState::from))
            .set_instance_metadata_tags(tags.map(LaunchTemplateInstanceMetadataTagsState::from))
            .set_http_put_response_hop_limit(self.http_put_response_hop_limit)
            .build()
    }
}

impl Tagged {
    fn request(self) -> LaunchTemplateTagSpecificationRequest {
        let tags = self.tags.into_iter();
        let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
        LaunchTemplateTagSpecificationRequest::builder()
            .resource_type(TaggedType::from(self.resource_type.as_str()))
            .set_tags(Some(tags.collect()))
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_says_nothing() {
        let data: Data = serde_json::from_value(serde_json::json!({
            "instance_type": "m7i.large", "monitoring": {}, "metadata_options": {"http_tokens": null},
            "tag_specifications": [], "vpc_security_group_ids": [],
        }))
        .unwrap();
        let expected = Data {
            instance_type: Some("m7i.large".to_owned()),
            ..Data::default()
        };
        assert_eq!(data.plain(), expected);
        assert!(data.request().monitoring().is_none());
    }
}
