//! The life of objects: made, read, changed, taken over, deleted.

use serde_json::json;
use strata_model::provider::{Observation, ProviderErrorKind, ReadPurpose, ReadRequest};
use strata_model::{AttributePath, Type, Value};

use super::bench::{Bench, Made, PLANE, config_map, manifest, namespace, somebody, writes};

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_made_changed_and_deleted() {
    let (bench, namespace) = (Bench::new(), namespace("life"));
    let config = bench.object(&config_map(&namespace, "a", &json!({"x": "1", "y": "2"})));
    assert!(bench.faults(&config).is_empty());
    assert!(bench.adopt(&config).await.is_none());
    let made = bench.create("kubernetes_object", &config).await.unwrap();
    let seen = bench.look(&made).await;
    assert_eq!(seen.attributes, made.attributes);
    assert!(bench.is_settled(&seen, &config));

    let other = bench.object(&config_map(&namespace, "a", &json!({"x": "3"})));
    let changed = bench.update(&seen, &other).await.unwrap();
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/a");
    let live = somebody("GET", &path, &json!(null));
    assert_eq!(live["data"], json!({"x": "3"}));
    assert!(live["metadata"]["labels"]["strata/owner"].is_string());
    assert_eq!(
        live["metadata"]["uid"],
        changed.attributes.get("uid").unwrap().to_json()
    );

    bench.delete(&changed).await.unwrap();
    assert!(matches!(
        bench.refresh(std::slice::from_ref(&changed)).await[0],
        Observation::Absent
    ));
    // Deleting what is gone is done already.
    bench.delete(&changed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changes_is_seen_and_only_that() {
    let (bench, namespace) = (Bench::new(), namespace("drift"));
    let config = bench.object(&config_map(&namespace, "a", &json!({"x": "1", "y": "2"})));
    let made = bench.create("kubernetes_object", &config).await.unwrap();
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/a");
    let merge = "application/merge-patch+json";
    somebody(
        merge,
        &path,
        &json!({"data": {"z": "theirs"}, "metadata": {"annotations": {"n": "o"}}}),
    );
    let seen = bench.look(&made).await;
    assert_eq!(seen.attributes, made.attributes);
    assert!(bench.is_settled(&seen, &config));

    let edited = format!("{path}?fieldManager=kubectl-edit");
    somebody(merge, &edited, &json!({"data": {"x": "theirs", "y": null}}));
    let seen = bench.look(&made).await;
    assert_eq!(manifest(&seen)["data"], json!({"x": "theirs"}));
    assert!(!bench.is_settled(&seen, &config));
    let mended = bench.update(&seen, &config).await.unwrap();
    assert!(bench.is_settled(&bench.look(&mended).await, &config));
    let live = somebody("GET", &path, &json!(null));
    assert_eq!(live["data"], json!({"x": "1", "y": "2", "z": "theirs"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_kept_in_step_by_its_plain_content() {
    let (bench, namespace) = (Bench::new(), namespace("secret"));
    let data = |pairs: &[(&str, &str)]| {
        let members = pairs
            .iter()
            .map(|(key, value)| ((*key).into(), Value::from(*value)));
        Value::map(Type::String, members.collect()).into_secret()
    };
    let config = |content: Value| {
        let given = [
            ("name", Value::from("a")),
            ("namespace", Value::from(namespace.as_str())),
            ("data", content),
        ];
        bench.config("kubernetes_secret", &given)
    };
    let first = config(data(&[("user", "me"), ("password", "ünsafe")]));
    let made = bench.create("kubernetes_secret", &first).await.unwrap();
    // Of the content a state has fingerprints only.
    let nothing = bench.config("kubernetes_secret", &[]);
    let recorded = bench.remembered(&made, &nothing);
    let kept = |made: &Made, key: &str| made.attributes.get("data").unwrap().get(key).cloned();
    assert!(kept(&recorded, "user").unwrap().is_unknown());
    assert_eq!(bench.remembered(&made, &first).attributes, made.attributes);
    let seen = bench.look(&recorded).await;
    assert_eq!(seen.attributes, made.attributes);
    assert!(kept(&seen, "password").unwrap().is_secret());
    assert!(bench.is_settled(&seen, &first));
    let path = format!("/api/v1/namespaces/{namespace}/secrets/a");
    let edited = format!("{path}?fieldManager=kubectl-edit");
    let patch = json!({"stringData": {"user": "them", "more": "theirs"}});
    somebody("application/merge-patch+json", &edited, &patch);
    let seen = bench.look(&recorded).await;
    assert_eq!(kept(&seen, "user"), Some(Value::from("them").into_secret()));
    assert!(!bench.is_settled(&seen, &first));
    let mended = bench.update(&seen, &first).await.unwrap();
    let seen = bench.look(&bench.remembered(&mended, &nothing)).await;
    assert!(bench.is_settled(&seen, &first));
    let second = config(data(&[("password", "other")]));
    bench.update(&seen, &second).await.unwrap();
    let live = somebody("GET", &path, &json!(null));
    // What only they have stays.
    let expected = json!({"password": "b3RoZXI=", "more": "dGhlaXJz"});
    assert_eq!(live["data"], expected);
    assert_eq!(live["type"], "Opaque");
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_imported_and_read_as_data() {
    let (bench, namespace) = (Bench::new(), namespace("read"));
    let wanted = config_map(&namespace, "a", &json!({"x": "1"}));
    let made = bench
        .create("kubernetes_object", &bench.object(&wanted))
        .await
        .unwrap();
    let import = |id| ReadRequest {
        purpose: ReadPurpose::Import,
        resource_type: "kubernetes_object",
        id: Some(id),
        recorded: None,
        config: None,
    };
    let Observation::Present(object) = bench.read(import(&made.id)).await else {
        panic!("it is there");
    };
    let data = object.attributes.get("manifest").unwrap().to_json();
    assert_eq!(data["data"], json!({"x": "1"}));
    assert!(matches!(
        bench.read(import("nonsense")).await,
        Observation::Unreadable(_)
    ));

    let arguments = Value::object([
        ("api_version", Value::from("v1")),
        ("kind", "ConfigMap".into()),
        ("name", "a".into()),
        ("namespace", namespace.as_str().into()),
        ("object", Value::unknown(Type::Any)),
    ]);
    let request = ReadRequest {
        purpose: ReadPurpose::Data,
        config: Some(&arguments),
        id: None,
        ..import("")
    };
    let Observation::Present(object) = bench.read(request).await else {
        panic!("it is there");
    };
    let read = object.attributes.get("object").unwrap().to_json();
    assert_eq!(read["data"], json!({"x": "1"}));
    assert!(read["metadata"]["resourceVersion"].is_string());
    let kind = AttributePath::attribute("kind");
    let unknown = arguments.with_at(&kind, "Widget".into());
    let request = ReadRequest {
        config: Some(&unknown),
        ..request
    };
    let Observation::Unreadable(error) = bench.read(request).await else {
        panic!("there is no such kind");
    };
    assert_eq!(error.message, "the cluster serves no Widget of v1");
    assert!(error.hint.is_some_and(|hint| hint.contains("depends_on")));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_objects_are_listed_and_nothing_is_written() {
    let (bench, namespace) = (Bench::new(), namespace("many"));
    let mut made = Vec::new();
    for number in 0..20 {
        let config = bench.object(&config_map(
            &namespace,
            &format!("m{number}"),
            &json!({"n": "x"}),
        ));
        made.push(bench.create("kubernetes_object", &config).await.unwrap());
    }
    let before = writes(&PLANE, &namespace);
    assert!(before >= 20);
    let observed = bench.refresh(&made).await;
    assert!(observed.iter().zip(&made).all(|(seen, made)| {
        matches!(seen, Observation::Present(object) if object.attributes == made.attributes)
    }));
    assert_eq!(writes(&PLANE, &namespace), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_namespace_is_an_error_unless_it_may_be_made() {
    let bench = Bench::new();
    let wanted = config_map("missing-one", "a", &json!({}));
    let error = bench
        .create("kubernetes_object", &bench.object(&wanted))
        .await
        .unwrap_err();
    assert_eq!(error.error.kind, ProviderErrorKind::NotFound);
    assert!(error.error.hint.unwrap().contains("create_namespace"));
    let given = [
        ("manifest", Value::from_json(&wanted).unwrap()),
        ("create_namespace", true.into()),
    ];
    let config = bench.config("kubernetes_object", &given);
    bench.create("kubernetes_object", &config).await.unwrap();
}
