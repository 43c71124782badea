//! What a launch template says of instances.

use serde_json::{Map, Value, json};

use crate::aws::error::AwsError;
use crate::aws::params::Params;

/// How a parameter is read.
#[derive(Debug, Clone, Copy)]
enum Form {
    Text,
    Flag,
    Number,
    /// One of a few words.
    Word(&'static [&'static str]),
    Texts,
}

/// A parameter, the member by which it is told, and its form.
type Member = (&'static str, &'static str, Form);

const MEMBERS: &[Member] = &[
    ("EbsOptimized", "ebsOptimized", Form::Flag),
    (
        "IamInstanceProfile.Arn",
        "iamInstanceProfile.arn",
        Form::Text,
    ),
    (
        "IamInstanceProfile.Name",
        "iamInstanceProfile.name",
        Form::Text,
    ),
    ("ImageId", "imageId", Form::Text),
    ("InstanceType", "instanceType", Form::Text),
    ("KeyName", "keyName", Form::Text),
    ("Monitoring.Enabled", "monitoring.enabled", Form::Flag),
    (
        "MetadataOptions.HttpEndpoint",
        "metadataOptions.httpEndpoint",
        Form::Word(&["enabled", "disabled"]),
    ),
    (
        "MetadataOptions.HttpTokens",
        "metadataOptions.httpTokens",
        Form::Word(&["optional", "required"]),
    ),
    (
        "MetadataOptions.HttpPutResponseHopLimit",
        "metadataOptions.httpPutResponseHopLimit",
        Form::Number,
    ),
    (
        "MetadataOptions.InstanceMetadataTags",
        "metadataOptions.instanceMetadataTags",
        Form::Word(&["enabled", "disabled"]),
    ),
    ("SecurityGroupId", "securityGroupIdSet", Form::Texts),
    ("UserData", "userData", Form::Text),
];

const DISK: &[Member] = &[
    ("DeviceName", "deviceName", Form::Text),
    (
        "Ebs.DeleteOnTermination",
        "ebs.deleteOnTermination",
        Form::Flag,
    ),
    ("Ebs.Encrypted", "ebs.encrypted", Form::Flag),
    ("Ebs.Iops", "ebs.iops", Form::Number),
    ("Ebs.KmsKeyId", "ebs.kmsKeyId", Form::Text),
    ("Ebs.Throughput", "ebs.throughput", Form::Number),
    ("Ebs.VolumeSize", "ebs.volumeSize", Form::Number),
    (
        "Ebs.VolumeType",
        "ebs.volumeType",
        Form::Word(&["gp2", "gp3", "io1", "io2", "sc1", "st1", "standard"]),
    ),
];

const TAGGED: [&str; 4] = [
    "instance",
    "volume",
    "network-interface",
    "spot-instances-request",
];

/// Takes the data of a create call.
pub(super) fn take(p: &mut Params) -> Result<Value, AwsError> {
    const BEFORE: &str = "LaunchTemplateData.";
    let mut data = Map::new();
    take_members(p, BEFORE, MEMBERS, &mut data)?;
    let mut disks = Vec::new();
    for mut group in p.groups(&format!("{BEFORE}BlockDeviceMapping")) {
        let mut disk = Map::new();
        take_members(&mut group, "", DISK, &mut disk)?;
        group.finish()?;
        disks.push(Value::Object(disk));
    }
    if !disks.is_empty() {
        data.insert("blockDeviceMappingSet".to_owned(), Value::Array(disks));
    }
    let mut specifications = Vec::new();
    for mut group in p.groups(&format!("{BEFORE}TagSpecification")) {
        let of = group.one_of("ResourceType", &TAGGED)?;
        let mut tags = Vec::new();
        for mut tag in group.groups("Tag") {
            let key = tag.req("Key")?;
            let value = tag.opt("Value").unwrap_or_default();
            tag.finish()?;
            tags.push(json!({ "key": key, "value": value }));
        }
        group.finish()?;
        specifications.push(json!({ "resourceType": of, "tagSet": tags }));
    }
    if !specifications.is_empty() {
        data.insert(
            "tagSpecificationSet".to_owned(),
            Value::Array(specifications),
        );
    }
    if data.is_empty() {
        return Err(AwsError::new(
            "MissingParameter",
            "The request must contain the parameter LaunchTemplateData",
        ));
    }
    Ok(Value::Object(data))
}

fn take_members(
    p: &mut Params,
    before: &str,
    members: &[Member],
    data: &mut Map<String, Value>,
) -> Result<(), AwsError> {
    for (parameter, member, form) in members {
        let name = format!("{before}{parameter}");
        let value = match form {
            Form::Text => p.opt(&name).map(Value::from),
            Form::Flag => p.bool(&name)?.map(Value::from),
            Form::Number => p.number::<u32>(&name)?.map(Value::from),
            Form::Word(words) => p.one_of(&name, words)?.map(Value::from),
            Form::Texts => Some(p.list(&name))
                .filter(|list| !list.is_empty())
                .map(Value::from),
        };
        if let Some(value) = value {
            put(data, member, value);
        }
    }
    Ok(())
}

/// Puts a value at a name of one or two parts.
fn put(data: &mut Map<String, Value>, member: &str, value: Value) {
    match member.split_once('.') {
        None => {
            data.insert(member.to_owned(), value);
        }
        Some((outer, inner)) => {
            let inside = data.entry(outer.to_owned()).or_insert_with(|| json!({}));
            inside[inner] = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::service::Dialect;

    fn taken(form: &str) -> Result<Value, AwsError> {
        let mut p = Params::parse(form.as_bytes(), Dialect::Ec2);
        let data = take(&mut p)?;
        p.finish()?;
        Ok(data)
    }

    #[test]
    fn data_is_told_as_it_was_given() {
        let form = "LaunchTemplateData.InstanceType=m7i.large&LaunchTemplateData.MetadataOptions.HttpTokens=required\
                    &LaunchTemplateData.BlockDeviceMapping.1.DeviceName=/dev/xvda\
                    &LaunchTemplateData.BlockDeviceMapping.1.Ebs.VolumeSize=50\
                    &LaunchTemplateData.TagSpecification.1.ResourceType=instance\
                    &LaunchTemplateData.TagSpecification.1.Tag.1.Key=a&LaunchTemplateData.TagSpecification.1.Tag.1.Value=b\
                    &LaunchTemplateData.SecurityGroupId.1=sg-1";
        let expected = json!({
            "instanceType": "m7i.large", "metadataOptions": { "httpTokens": "required" },
            "securityGroupIdSet": ["sg-1"],
            "blockDeviceMappingSet": [{ "deviceName": "/dev/xvda", "ebs": { "volumeSize": 50 } }],
            "tagSpecificationSet": [{ "resourceType": "instance", "tagSet": [{ "key": "a", "value": "b" }] }],
        });
        assert_eq!(taken(form).unwrap(), expected);
    }

    #[test]
    fn what_is_unknown_is_refused() {
        for form in [
            "",
            "LaunchTemplateData.Nonsense=1",
            "LaunchTemplateData.MetadataOptions.HttpTokens=maybe",
            "LaunchTemplateData.BlockDeviceMapping.1.Ebs.VolumeSize=x",
        ] {
            assert!(taken(form).is_err(), "{form}");
        }
    }
}
