//! Layers: stages, templates, what becomes of objects that go, and clusters that are new or cannot be reached.

use strata_model::plan::PlanMode;
use strata_model::provider::{Object, Observation, ProviderError, ProviderErrorKind};
use strata_model::state::RowKey;
use strata_model::{Address, Type, Value};

use super::layer_scenario::manifest;
use super::scenario::{Scenario, lines, order};

const PROD: &str = r#"
    cluster "prod" {
      stack = "./host"
      layer "base" { path = "./base" }
    }
"#;

const BASE: &[(&str, &str)] = &[
    ("base/a.yaml", "0 /Namespace//shop\n"),
    (
        "base/b.json",
        "2 apps/Deployment/shop/web\n2 /Service/shop/web",
    ),
];

#[test]
fn stages_follow_each_other_behind_what_a_pod_needs() {
    let mut scenario = Scenario::cluster();
    scenario.files(BASE);
    let ready = "create cluster.prod.test_host.main, create cluster.prod.test_thing.nodes";
    let namespace = r#"create cluster.prod.layer.base["/Namespace//shop"]"#;
    scenario.applies(
        PROD,
        &[
            "create cluster.prod.test_host.main",
            "create cluster.prod.test_thing.nodes <- create cluster.prod.test_host.main",
            &format!("{namespace} <- {ready}"),
            &format!(
                r#"create cluster.prod.layer.base["/Service/shop/web"] <- {namespace}, {ready}"#
            ),
            &format!(
                r#"create cluster.prod.layer.base["apps/Deployment/shop/web"] <- {namespace}, {ready}"#
            ),
        ],
    );
    let address = Address::parse(r#"cluster.prod.layer.base["/Service/shop/web"]"#).unwrap();
    let row = &scenario.snapshot.rows[&RowKey::current(address)];
    assert_eq!(
        row.provider.text("cluster"),
        Some("cluster.prod.test_host.main")
    );
    assert_eq!(
        row.source.as_ref().map(ToString::to_string).as_deref(),
        Some("base/b.json:2:1")
    );
}

#[test]
fn a_stage_is_one_point_to_wait_for() {
    let mut text = String::new();
    for at in 0..100 {
        text.push_str(&format!("0 /Namespace//n{at}\n2 /Service/n{at}/web\n"));
    }
    let mut scenario = Scenario::cluster();
    scenario.files(&[("base/a.yaml", &text)]);
    let plan = scenario.plan(PROD);
    let steps: usize = plan.steps.iter().map(|step| step.after.len()).sum();
    let barriers: usize = plan.barriers.iter().map(|point| point.after.len()).sum();
    assert_eq!(plan.steps.len(), 202);
    assert!(steps + barriers < 400, "{steps} and {barriers}");
}

#[test]
fn layers_and_resources_wait_for_each_other() {
    let mut scenario = Scenario::cluster();
    scenario.files(&[
        ("base/a.yaml", "1 /ConfigMap/shop/a\n"),
        ("app/a.yaml", "2 /Service/shop/b\n"),
        ("alone/a.yaml", "1 /ConfigMap/shop/c\n"),
    ]);
    let hcl = r#"
        resource "test_thing" "before" { name = "before" }
        resource "test_thing" "after" {
          name       = "after"
          depends_on = [layer.alone]
        }
        cluster "prod" {
          stack = "./host"
          layer "base" {
            path       = "./base"
            depends_on = [test_thing.before]
          }
          layer "app" {
            path       = "./app"
            depends_on = [base]
          }
        }
        provider "kubernetes" { place = "here" }
        layer "alone" {
          path       = "./alone"
          depends_on = [cluster.prod]
        }
    "#;
    let plan = scenario.plan(hcl);
    let found = lines(&plan);
    let of = |step: &str| {
        let start = format!("create {step} <- ");
        let line = found.iter().find_map(|line| line.strip_prefix(&start));
        line.unwrap_or_else(|| panic!("{step} in {found:#?}"))
            .to_owned()
    };
    let base = r#"create cluster.prod.layer.base["/ConfigMap/shop/a"]"#;
    let app = r#"create cluster.prod.layer.app["/Service/shop/b"]"#;
    let alone = r#"create layer.alone["/ConfigMap/shop/c"]"#;
    assert!(of(r#"cluster.prod.layer.base["/ConfigMap/shop/a"]"#).contains("test_thing.before"));
    assert!(of(r#"cluster.prod.layer.app["/Service/shop/b"]"#).contains(base));
    assert!(of(r#"layer.alone["/ConfigMap/shop/c"]"#).contains(app));
    assert_eq!(of("test_thing.after"), alone);
    scenario.settle(hcl, &plan);
    assert_eq!(lines(&scenario.plan(hcl)), Vec::<String>::new());
    // The other way round.
    scenario.options.mode = PlanMode::Destroy;
    let plan = scenario.plan(hcl);
    let found = lines(&plan);
    let at = |text: &str| {
        let mut places = found.iter();
        places
            .position(|line| line.starts_with(text))
            .unwrap_or_else(|| panic!("{text} in {found:#?}"))
    };
    assert!(at("delete test_thing.after") < at("delete layer.alone"));
    assert!(at("delete layer.alone") < at("forget cluster.prod.layer.app"));
    assert!(at("forget cluster.prod.layer.base") < at("delete cluster.prod.test_host.main"));
    assert!(at("forget cluster.prod.layer.base") < at("delete test_thing.before"));
}

#[test]
fn a_destruction_of_one_layer_goes_from_the_last_stage_to_the_first() {
    let mut scenario = Scenario::cluster();
    scenario.files(BASE);
    scenario.given(PROD);
    scenario.options.mode = PlanMode::Destroy;
    scenario.options.targets = vec!["cluster.prod.layer.base".to_owned()];
    let service = r#"delete cluster.prod.layer.base["/Service/shop/web"]"#;
    let deployment = r#"delete cluster.prod.layer.base["apps/Deployment/shop/web"]"#;
    assert_eq!(
        lines(&scenario.plan(PROD)),
        [
            service.to_owned(),
            deployment.to_owned(),
            format!(
                r#"delete cluster.prod.layer.base["/Namespace//shop"] <- {service}, {deployment}"#
            ),
        ]
    );
}

#[test]
fn templates_take_what_becomes_known_later() {
    let mut scenario = Scenario::cluster();
    scenario.files(&[(
        "base/a.yaml",
        "1 /ConfigMap/${var.space}/a id is ${test_thing.a.id}\n1 /ConfigMap/x/b $${test_thing.a.id}\n",
    )]);
    let hcl = r#"
        variable "space" {
          type    = string
          default = "shop"
        }
        resource "test_thing" "a" { name = "a" }
        cluster "prod" {
          stack = "./host"
          layer "base" {
            path     = "./base"
            template = true
          }
        }
    "#;
    let plan = scenario.plan(hcl);
    scenario.settle(hcl, &plan);
    let text = |key: &str| {
        let address = Address::parse(&format!("cluster.prod.layer.base[{key:?}]")).unwrap();
        let row = &scenario.snapshot.rows[&RowKey::current(address)];
        let ty = Type::object([
            ("manifest", Type::Any),
            ("conflicts", Type::String),
            ("wait", Type::Bool),
            ("id", Type::String),
        ]);
        let value = row.attributes.decode(&ty).unwrap();
        let text = value.get("manifest").and_then(|value| value.get("text"));
        text.and_then(Value::as_str).unwrap().to_owned()
    };
    assert!(text("/ConfigMap/shop/a").starts_with("id is made-"));
    assert_eq!(text("/ConfigMap/x/b"), "${test_thing.a.id}");
    assert_eq!(lines(&scenario.plan(hcl)), Vec::<String>::new());
}

#[test]
fn what_is_wrong_with_manifests_is_told_with_file_and_line() {
    let mut scenario = Scenario::cluster();
    let check = |scenario: &Scenario, expected: &[&str]| {
        assert_eq!(scenario.details(PROD), expected);
    };
    scenario.files(&[("base/a.yaml", "\nnonsense\n"), ("base/b.yml", "x")]);
    check(
        &scenario,
        &[
            "E0252 base/a.yaml:2: This is no object.",
            "E0252 base/b.yml:1: This is no object.",
        ],
    );
    scenario.files(&[("base/a.yaml", "1 /ConfigMap/x/a\n1 /ConfigMap/x/a\n")]);
    check(
        &scenario,
        &["E0252 base/a.yaml:2: /ConfigMap/x/a is described at base/a.yaml:1 already."],
    );
    scenario.files(&[("base/kustomization.yaml", ""), ("base/b.yml", "x")]);
    check(
        &scenario,
        &[
            "E0252 base/kustomization.yaml makes this a directory for kustomize, and not one of plain manifests.",
        ],
    );
    scenario.files(&[("base/readme.md", "")]);
    check(
        &scenario,
        &["E0252 There are no manifests in ./base: no file ends in .yaml, .yml or .json."],
    );
    scenario.files(&[("other/readme.md", "")]);
    check(&scenario, &["E0252 ./base: there is no such file."]);
}

#[test]
fn objects_of_layers_tell_their_stage_and_what_they_wait_for() {
    let mut scenario = Scenario::cluster();
    scenario.files(BASE);
    let outcome = scenario.outcome(PROD);
    let told: Vec<String> = outcome
        .objects
        .iter()
        .map(|object| {
            let needs: Vec<String> = object.waits_for.iter().map(ToString::to_string).collect();
            format!("{} {} <- {}", object.stage, object.source, needs.join(", "))
        })
        .collect();
    let host = "cluster.prod.test_host.main, cluster.prod.test_thing.nodes";
    let stages = r#"cluster.prod.layer.base["stage 0"], cluster.prod.layer.base["stage 1"]"#;
    assert_eq!(
        told,
        [
            format!("0 base/a.yaml:1:1 <- {host}"),
            format!("2 base/b.json:2:1 <- {stages}, {host}"),
            format!("2 base/b.json:1:1 <- {stages}, {host}"),
        ]
    );
}

#[test]
fn what_a_layer_says_is_checked() {
    let mut scenario = Scenario::cluster();
    scenario.files(&[
        ("base/a.yaml", "1 /ConfigMap/x/a\n"),
        ("t/a.yaml", "\n1 /ConfigMap/x/a ${nope.a.id}\n"),
    ]);
    let check = |body: &str, expected: &str| {
        let hcl = format!(
            "resource \"test_thing\" \"a\" {{ name = \"a\" }}\ncluster \"prod\" {{\n stack = \"./host\"\n layer \"base\" {{\n{body}\n}}\n}}"
        );
        let found = scenario.details(&hcl);
        let is_told = found.iter().any(|found| found.starts_with(expected));
        assert!(is_told, "{body}: {found:#?}");
    };
    check("kustomize = \"./base\"", "E0250");
    check("helm = { chart = \"x\" }", "E0250");
    check("", "E0244");
    check("path = test_thing.a.id", "E0203");
    check("path = \"./base\"\ndeliver = \"pull\"", "E0250");
    check("path = \"./base\"\nconflicts = \"maybe\"", "E0203");
    check("path = \"./base\"\ntimeout = \"5\"", "E0203");
    check("path = \"./base\"\ndepends_on = [layer.other]", "E0202");
    check("path = \"./t\"\ntemplate = true", "E0202");
    let hcl = "resource \"layer\" \"x\" { manifest = 1 }";
    assert_eq!(scenario.codes(hcl), ["E0241"]);
    let no_host =
        "cluster \"prod\" {\n stack = \"./bare\"\n layer \"base\" { path = \"./base\" }\n}";
    scenario
        .packages
        .push(("./bare", "output \"x\" { value = 1 }"));
    assert_eq!(scenario.codes(no_host), ["E0253"]);
    scenario.packages.pop();
    scenario
        .packages
        .push(("./bare", "output \"kubernetes\" { value = 1 }"));
    assert_eq!(scenario.codes(no_host), ["E0253"]);
}

#[test]
fn what_a_layer_no_longer_has_is_deleted_or_forgotten() {
    let mut scenario = Scenario::cluster();
    scenario.files(BASE);
    scenario.given(PROD);
    scenario.files(&BASE[..1]);
    assert_eq!(
        lines(&scenario.plan(PROD)),
        [
            r#"delete cluster.prod.layer.base["/Service/shop/web"]"#,
            r#"delete cluster.prod.layer.base["apps/Deployment/shop/web"]"#,
        ]
    );
    let keeps = PROD.replace("\"./base\"", "\"./base\"\nprune = false\n");
    let keeps = keeps.replace("{ path", "{\npath");
    assert_eq!(
        lines(&scenario.plan(&keeps)),
        [
            r#"forget cluster.prod.layer.base["/Service/shop/web"]"#,
            r#"forget cluster.prod.layer.base["apps/Deployment/shop/web"]"#,
        ]
    );
    // All of it gone may be a slip.
    scenario.files(&[("base/a.yaml", "\n")]);
    assert_eq!(scenario.codes(PROD), ["E0610"]);
    scenario.options.allow_delete = vec!["cluster.prod.layer.base".to_owned()];
    assert_eq!(scenario.plan(PROD).steps.len(), 3);
    scenario.options.allow_delete.clear();
    let without = r#"cluster "prod" { stack = "./host" }"#;
    assert_eq!(scenario.plan(without).steps.len(), 3);
}

#[test]
fn what_is_replaced_waits_for_nothing_that_goes_last() {
    let mut scenario = Scenario::cluster();
    let of = |middle: &str, last: &str| format!("1 /ConfigMap/x/1\n{middle}3 /Record/x/1 {last}\n");
    scenario.files(&[("base/a.yaml", &of("2 /Service/x/1\n", "two"))]);
    scenario.given(PROD);
    scenario.files(&[("base/a.yaml", &of("", "one"))]);
    let replaced = r#"cluster.prod.layer.base["/ConfigMap/x/1"]"#;
    scenario.options.replace = vec![replaced.to_owned()];
    let plan = scenario.plan(PROD);
    let steps = lines(&plan);
    let step = |at: usize| steps[at].split(" <- ").next();
    let in_order: Vec<&str> = order(&plan).into_iter().filter_map(step).collect();
    assert_eq!(
        in_order,
        [
            r#"delete cluster.prod.layer.base["/ConfigMap/x/1"]"#,
            r#"create cluster.prod.layer.base["/ConfigMap/x/1"]"#,
            r#"update cluster.prod.layer.base["/Record/x/1"]"#,
            r#"delete cluster.prod.layer.base["/Service/x/1"]"#,
        ]
    );
}

#[test]
fn an_object_goes_from_one_layer_into_another() {
    let hcl = r#"
        cluster "prod" {
          stack = "./host"
          layer "a" { path = "./a" }
          layer "b" { path = "./b" }
        }
    "#;
    let mut scenario = Scenario::cluster();
    scenario.files(&[
        ("a/a.yaml", "1 /ConfigMap/x/1\n1 /ConfigMap/x/2 old\n"),
        ("b/a.yaml", "1 /ConfigMap/x/3\n"),
    ]);
    scenario.given(hcl);
    scenario.files(&[
        ("a/a.yaml", "1 /ConfigMap/x/1\n"),
        ("b/a.yaml", "1 /ConfigMap/x/2 new\n1 /ConfigMap/x/3\n"),
    ]);
    // What is moved is there: nobody has to look for it.
    scenario.there.insert(
        "/ConfigMap/x/2".to_owned(),
        Observation::Unreadable(ProviderError::bug("asked")),
    );
    let moved = r#"move cluster.prod.layer.b["/ConfigMap/x/2"]"#;
    scenario.applies(
        hcl,
        &[
            moved,
            &format!(r#"update cluster.prod.layer.b["/ConfigMap/x/2"] <- {moved}"#),
        ],
    );
    // In both at once it has two addresses.
    scenario.files(&[
        ("a/a.yaml", "1 /ConfigMap/x/1\n1 /ConfigMap/x/2\n"),
        ("b/a.yaml", "1 /ConfigMap/x/2 new\n1 /ConfigMap/x/3\n"),
    ]);
    let found = scenario.details(hcl);
    assert!(
        found[0].contains("is described at") && found[0].contains("One object has one address"),
        "{found:?}"
    );
}

#[test]
fn what_is_there_already_is_taken_over() {
    let mut scenario = Scenario::cluster();
    scenario.files(&[("base/a.yaml", "1 /ConfigMap/x/1 new\n1 /ConfigMap/x/2\n")]);
    let bare = r#"cluster "prod" { stack = "./host" }"#;
    scenario.given(bare);
    let object = |key: &str, text: &str| {
        Observation::Present(Object {
            id: key.to_owned(),
            attributes: Value::object([
                ("manifest", manifest(key, text)),
                ("conflicts", "error".into()),
                ("wait", true.into()),
                ("id", key.into()),
            ]),
            incomplete: false,
        })
    };
    let address = |key: &str| format!("cluster.prod.layer.base[{key:?}]");
    let (first, second) = (address("/ConfigMap/x/1"), address("/ConfigMap/x/2"));
    scenario
        .there
        .insert("/ConfigMap/x/1".to_owned(), object("/ConfigMap/x/1", "old"));
    assert_eq!(
        lines(&scenario.plan(PROD)),
        [
            format!("import {first}"),
            format!("update {first} <- import {first}"),
            format!("create {second}"),
        ]
    );
    // What cannot be looked at is planned as new, and that is said.
    let refused = ProviderError::new(ProviderErrorKind::AccessDenied, "may not get");
    scenario.there.insert(
        "/ConfigMap/x/1".to_owned(),
        Observation::Unreadable(refused),
    );
    let outcome = scenario.outcome(PROD);
    let codes: Vec<&str> = outcome
        .diagnostics
        .iter()
        .map(|found| found.code.0)
        .collect();
    assert_eq!(codes, ["W0602"]);
    assert_eq!(
        lines(&outcome.plan.unwrap()),
        [format!("create {first}"), format!("create {second}")]
    );
    // Without a refresh nobody looks.
    scenario.options.refresh = false;
    assert_eq!(scenario.codes(PROD), Vec::<&str>::new());
}

#[test]
fn what_lives_in_a_cluster_that_is_made_anew_is_made_anew() {
    let named = |name: &str| {
        format!(
            "cluster \"prod\" {{\n stack = \"./host\"\n inputs = {{ name = {name:?} }}\n layer \"base\" {{ path = \"./base\" }}\n}}"
        )
    };
    let mut scenario = Scenario::cluster();
    scenario.files(BASE);
    scenario.given(&named("one"));
    scenario.files(&BASE[..1]);
    // Nothing in it is read.
    scenario.unreachable();
    let gone = [
        r#"forget cluster.prod.layer.base["/Service/shop/web"]"#,
        r#"forget cluster.prod.layer.base["apps/Deployment/shop/web"]"#,
    ];
    let plan = scenario.plan(&named("two"));
    let found = lines(&plan);
    let delete = found
        .iter()
        .find(|line| line.starts_with("delete cluster.prod.test_host.main"))
        .unwrap();
    assert!(gone.iter().all(|gone| delete.contains(gone)), "{found:#?}");
    let namespace = found
        .iter()
        .find(|line| line.contains("/Namespace//shop"))
        .unwrap();
    assert!(
        namespace.starts_with("create ")
            && namespace.contains("create cluster.prod.test_host.main"),
        "{found:#?}"
    );
    scenario.observed.clear();
    scenario.settle(&named("two"), &plan);
    assert_eq!(lines(&scenario.plan(&named("two"))), Vec::<String>::new());
}

#[test]
fn a_cluster_that_cannot_be_reached_holds_up_nothing_else() {
    let mut scenario = Scenario::cluster();
    scenario.files(BASE);
    scenario.given(PROD);
    scenario.unreachable();
    // One object changes, one is gone from the layer, one is new; and something else is new.
    scenario.files(&[(
        "base/a.yaml",
        "0 /Namespace//shop changed\n2 /Service/shop/web\n2 /Service/shop/new\n",
    )]);
    let error = ProviderError::new(ProviderErrorKind::Unreachable, "no route to host");
    scenario.there.insert(
        "/Service/shop/new".to_owned(),
        Observation::Unreadable(error),
    );
    let hcl = format!("{PROD}\nresource \"test_thing\" \"other\" {{ name = \"other\" }}");
    let before = scenario.snapshot.rows.clone();
    let outcome = scenario.outcome(&hcl);
    let told: Vec<String> = outcome
        .diagnostics
        .iter()
        .map(|found| format!("{} {}", found.code, found.detail))
        .collect();
    assert_eq!(
        told,
        [
            "W0601 cluster.prod.test_host.main cannot be reached: no route to host. The 4 objects in it are put off: nothing is planned for what cannot be looked at, and what is recorded stays."
        ]
    );
    let plan = outcome.plan.unwrap();
    assert_eq!(lines(&plan), ["create test_thing.other"]);
    scenario.settle(&hcl, &plan);
    assert!(
        before
            .keys()
            .all(|key| scenario.snapshot.rows.contains_key(key))
    );
}

#[test]
fn a_layer_alone_names_its_cluster() {
    let mut scenario = Scenario::cluster();
    scenario.files(BASE);
    let hcl = r#"
        cluster "all" {
          stack    = "./host"
          for_each = toset(["eu", "us"])
        }
        layer "base" {
          cluster = cluster.all["eu"]
          path    = "./base"
        }
    "#;
    scenario.given(hcl);
    assert_eq!(lines(&scenario.plan(hcl)), Vec::<String>::new());
    let address = Address::parse(r#"layer.base["/Namespace//shop"]"#).unwrap();
    let row = &scenario.snapshot.rows[&RowKey::current(address)];
    assert_eq!(
        row.provider.text("cluster"),
        Some(r#"cluster.all["eu"].test_host.main"#)
    );
    let unnamed = hcl.replace("[\"eu\"]\n", "\n");
    assert_eq!(scenario.codes(&unnamed), ["E0202"]);
}

#[test]
fn what_holds_data_goes_only_when_it_may() {
    let mut scenario = Scenario::cluster();
    scenario.files(&[("base/a.yaml", "1 /Volume/x/a\n1 /ConfigMap/x/a\n")]);
    scenario.given(PROD);
    scenario.files(&[("base/a.yaml", "1 /ConfigMap/x/a\n")]);
    assert_eq!(scenario.codes(PROD), ["E0602"]);
    scenario.options.allow_delete = vec![r#"cluster.prod.layer.base["/Volume/x/a"]"#.to_owned()];
    assert_eq!(
        lines(&scenario.plan(PROD)),
        [r#"delete cluster.prod.layer.base["/Volume/x/a"]"#]
    );
}

#[test]
fn a_provider_block_may_lead_into_a_cluster_of_the_plan() {
    let mut scenario = Scenario::cluster();
    scenario.files(&[("base/a.yaml", "1 /ConfigMap/x/a\n")]);
    // Nobody asks a cluster that does not exist.
    scenario.there.insert(
        "/ConfigMap/x/a".to_owned(),
        Observation::Unreadable(ProviderError::bug("asked")),
    );
    let hcl = r#"
        provider "kubernetes" { cluster = "cluster.zoo.test_host.main" }
        layer "base" { path = "./base" }
        cluster "zoo" { stack = "./host" }
    "#;
    assert_eq!(scenario.codes(hcl), Vec::<&str>::new());
    let found = lines(&scenario.plan(hcl));
    let layer = found.iter().find(|line| line.contains("layer.base"));
    assert_eq!(
        layer.map(String::as_str),
        Some(r#"create layer.base["/ConfigMap/x/a"] <- create cluster.zoo.test_host.main"#)
    );
}

#[test]
fn only_what_is_excluded_and_what_it_needs_outlives_a_destruction() {
    let mut scenario = Scenario::cluster();
    scenario.files(BASE);
    scenario.given(PROD);
    scenario.options.mode = PlanMode::Destroy;
    scenario.options.excludes = vec![r#"cluster.prod.layer.base["/Service/shop/web"]"#.to_owned()];
    assert_eq!(
        lines(&scenario.plan(PROD)),
        [r#"delete cluster.prod.layer.base["apps/Deployment/shop/web"]"#]
    );
}

const MOVED: &str = r#"
    moved {
      from = cluster.prod
      to   = cluster.live
    }
    cluster "live" {
      stack = "./host"
      layer "base" { path = "./base" }
    }
"#;

#[test]
fn a_cluster_that_is_moved_takes_what_lives_in_it_along() {
    let mut scenario = Scenario::cluster();
    let alone = |name: &str| {
        format!("layer \"alone\" {{\n cluster = cluster.{name}\n path = \"./alone\"\n}}")
    };
    scenario.files(&[
        ("base/a.yaml", "1 /ConfigMap/x/a\n"),
        ("alone/a.yaml", "1 /ConfigMap/x/b\n"),
    ]);
    scenario.given(&format!("{PROD}{}", alone("prod")));
    let hcl = format!("{MOVED}{}", alone("live"));
    let plan = scenario.plan(&hcl);
    let said = lines(&plan);
    let mut verbs = said
        .iter()
        .filter_map(|line| line.split_whitespace().next());
    assert!(
        verbs.all(|verb| ["move", "record"].contains(&verb)),
        "{said:#?}"
    );
    // What the fake apply leaves out: a row takes its connection from the step.
    scenario.settle(&hcl, &plan);
    for step in &plan.steps {
        let row = scenario.snapshot.rows.get_mut(&step.key).unwrap();
        row.provider = step.provider.clone().unwrap();
        row.dependencies = step.dependencies.clone();
    }
    let clusters = scenario.snapshot.rows.values();
    let clusters: Vec<&str> = clusters
        .filter_map(|row| row.provider.text("cluster"))
        .collect();
    assert_eq!(clusters, ["cluster.live.test_host.main"; 2]);
    assert_eq!(lines(&scenario.plan(&hcl)), Vec::<String>::new());
}

#[test]
fn a_layer_that_goes_to_another_cluster_is_made_there() {
    let hcl = |name: &str| {
        format!(
            "cluster \"a\" {{ stack = \"./host\" }}\ncluster \"b\" {{ stack = \"./host\" }}\nlayer \"base\" {{\n cluster = cluster.{name}\n path = \"./base\"\n}}"
        )
    };
    let mut scenario = Scenario::cluster();
    scenario.files(&[("base/a.yaml", "1 /ConfigMap/x/a\n")]);
    scenario.given(&hcl("a"));
    let object = r#"layer.base["/ConfigMap/x/a"]"#;
    let plan = scenario.plan(&hcl("b"));
    assert_eq!(
        lines(&plan),
        [
            format!("delete {object}"),
            format!("create {object} <- delete {object}")
        ]
    );
    let clusters: Vec<Option<&str>> = plan
        .steps
        .iter()
        .map(|step| step.provider.as_ref()?.text("cluster"))
        .collect();
    let host = |name: &str| format!("cluster.{name}.test_host.main");
    assert_eq!(
        clusters,
        [Some(host("a").as_str()), Some(host("b").as_str())]
    );
    // Where the old cluster goes, too, nothing is sent to it.
    let gone = hcl("b").replace("cluster \"a\" { stack = \"./host\" }", "");
    let found = lines(&scenario.plan(&gone));
    assert!(found.contains(&format!("create {object}")), "{found:#?}");
    assert!(!found.contains(&format!("delete {object}")), "{found:#?}");
}
