//! Runs all promises for a type.

use std::collections::BTreeSet;

use strata_model::Mode;
use strata_model::provider::Provider;
use strata_model::schema::{Adoption, Attribute, AttributeType};

use crate::cases::TypeCase;
use crate::checks::Subject;
use crate::proxy::Trap;
use crate::report::{Report, Skip};
use crate::world::{Outcome, World};

/// Runs the cases of a type, one after the other; what a case made is deleted before the next begins.
pub(crate) async fn run(world: &World, case: &'static TypeCase, skips: &[Skip]) -> Report {
    let mut run = Run {
        world,
        case,
        skips,
        report: Report::default(),
        keep: 0,
    };
    if run.skips("needs") {
        run.report.note(run.name("needs"), None);
        return run.report;
    }
    let needs = match (case.needs)(world).await {
        Ok(needs) => needs,
        Err(why) => {
            run.report.note(run.name("needs"), Some(Err(why)));
            return run.report;
        }
    };
    run.keep = world.count_alive();
    let subject = Subject { world, case, needs };
    run.life(&subject).await;
    run.changes(&subject).await;
    run.interruptions(&subject).await;
    run.surroundings(&subject).await;
    run.keep = 0;
    let gone = world.sweep(0).await;
    run.report.note(run.name("cleared"), Some(gone));
    run.report
}

struct Run<'a> {
    world: &'a World,
    case: &'a TypeCase,
    /// What this cloud has no means for.
    skips: &'a [Skip],
    report: Report,
    /// How many objects are what the others need.
    keep: usize,
}

impl Run<'_> {
    fn name(&self, check: &str) -> String {
        match self.case.variant {
            "" => format!("{}/{check}", self.case.name),
            variant => format!("{} ({variant})/{check}", self.case.name),
        }
    }

    fn skips(&self, check: &str) -> bool {
        let name = self.name(check);
        self.skips.iter().any(|skip| skip.keeps_back(&name))
    }

    async fn check(&mut self, name: &str, check: impl Future<Output = Outcome>) {
        if self.skips(name) {
            self.report.note(self.name(name), None);
            return;
        }
        let mark = self.world.proxy.mark();
        let outcome = check.await;
        let swept = self.world.sweep(self.keep).await;
        let calls = self.world.proxy.mark() - mark;
        let outcome = outcome.and(swept).and_then(|()| few(calls));
        self.report.note(self.name(name), Some(outcome));
    }

    async fn life(&mut self, subject: &Subject<'_>) {
        self.check("create", subject.create()).await;
        self.check("read", subject.read()).await;
        self.check("no-op", subject.no_op()).await;
        self.check("import", subject.import()).await;
        self.check("delete", subject.delete()).await;
        self.check("two ops", subject.two_ops()).await;
    }

    async fn changes(&mut self, subject: &Subject<'_>) {
        for (path, _) in (self.case.updates)(&subject.needs, 0) {
            self.check(&format!("update/{path}"), subject.update(path))
                .await;
        }
        for (path, _) in (self.case.replaces)(&subject.needs, 0) {
            self.check(&format!("replace/{path}"), subject.replace(path))
                .await;
        }
    }

    async fn interruptions(&mut self, subject: &Subject<'_>) {
        let calls = subject.create_calls().await;
        for (at, call) in self.calls("create", calls).await {
            for (how, trap) in traps(at) {
                let name = format!("create/{how} {} {call}", at + 1);
                self.check(&name, subject.create_interrupted(trap)).await;
            }
        }
        for (path, _) in (self.case.updates)(&subject.needs, 0) {
            if self.skips(&format!("update/{path}/calls")) {
                continue;
            }
            let calls = subject.update_calls(path).await;
            for (at, call) in self.calls(&format!("update/{path}"), calls).await {
                for (how, trap) in traps(at) {
                    let name = format!("update/{path}/{how} {} {call}", at + 1);
                    self.check(&name, subject.update_interrupted(path, trap))
                        .await;
                }
            }
        }
        let calls = subject.delete_calls().await;
        for (at, call) in self.calls("delete", calls).await {
            for (how, trap) in traps(at) {
                let name = format!("delete/{how} {} {call}", at + 1);
                self.check(&name, subject.delete_interrupted(trap)).await;
            }
        }
    }

    /// The calls of a change, to be interrupted one by one.
    async fn calls(&mut self, change: &str, calls: Outcome<Vec<String>>) -> Vec<(usize, String)> {
        let swept = self.world.sweep(self.keep).await;
        match calls.and_then(|calls| swept.map(|()| calls)) {
            Ok(calls) => calls.into_iter().enumerate().collect(),
            Err(why) => {
                self.report
                    .note(self.name(&format!("{change}/calls")), Some(Err(why)));
                Vec::new()
            }
        }
    }

    async fn surroundings(&mut self, subject: &Subject<'_>) {
        let schema = self.world.schema(self.case.name);
        self.check("403 on reads", subject.denied()).await;
        self.check("sent once", subject.sent_once()).await;
        self.check("fenced", subject.fenced()).await;
        self.check("unrecorded", subject.unrecorded()).await;
        self.check("region", subject.region()).await;
        if schema.adoption != Adoption::Tag {
            self.check("create twice", subject.create_twice()).await;
        }
        if schema.adoption == Adoption::Name {
            self.check("foreign", subject.foreign()).await;
        }
        if schema.schema.attribute("tags_all").is_some() {
            self.check("default tags", subject.default_tags()).await;
            self.check("controller tag", subject.controller_tag()).await;
        }
        if self.case.name == "aws_eks_cluster" && self.case.variant.is_empty() {
            self.check("protection", subject.protection()).await;
        }
        self.check("pages", subject.pages()).await;
        self.check("late", subject.late()).await;
        self.check("newer", subject.newer()).await;
        self.check("reordered", subject.reordered()).await;
    }
}

/// Fails where a case waits for what never comes.
fn few(calls: usize) -> Outcome {
    match calls {
        0..=400 => Ok(()),
        _ => Err(format!("it took {calls} calls")),
    }
}

fn traps(at: usize) -> [(&'static str, Trap); 2] {
    [
        ("dropped", Trap::DropChange(at)),
        ("lost", Trap::LoseChange(at)),
    ]
}

/// Fails unless every type has a case, and every argument of it is changed, replaced by, or said to be silent.
pub(crate) fn expect_complete(provider: &dyn Provider, cases: &[&TypeCase]) {
    let mut wrong = Vec::new();
    for schema in provider.schemas() {
        if schema.mode != Mode::Managed {
            continue;
        }
        let of_type: Vec<_> = cases
            .iter()
            .filter(|case| case.name == schema.name)
            .collect();
        if of_type.is_empty() {
            wrong.push(format!("{} has no case", schema.name));
            continue;
        }
        let needs = Needing::default();
        let mut known = BTreeSet::new();
        for case in of_type {
            let updates = (case.updates)(&needs.0, 0).into_iter();
            let replaces = (case.replaces)(&needs.0, 0).into_iter();
            known.extend(updates.chain(replaces).map(|(path, _)| path.to_owned()));
            known.extend(case.silent.iter().map(|path| (*path).to_owned()));
        }
        let mut arguments = BTreeSet::new();
        for (name, attribute) in schema.schema.attributes() {
            leaves(name, attribute, &mut arguments);
        }
        for argument in arguments.difference(&known) {
            wrong.push(format!("{}: nothing is said of {argument}", schema.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn leaves(path: &str, attribute: &Attribute, found: &mut BTreeSet<String>) {
    if !attribute.is_argument() {
        return;
    }
    match &attribute.ty {
        AttributeType::Object(members) => {
            for (name, member) in members {
                leaves(&format!("{path}.{name}"), member, found);
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

/// Names for everything that any case needs.
struct Needing(crate::world::Needs);

impl Default for Needing {
    fn default() -> Self {
        let names = [
            "vpc",
            "vpc0",
            "vpc1",
            "vpc2",
            "vpc3",
            "subnet0",
            "subnet1",
            "subnet2",
            "subnet3",
            "gateway",
            "gateway1",
            "group",
            "role",
            "control_role",
            "node_role",
            "cluster",
            "principal",
            "principal0",
            "principal1",
            "principal2",
            "table0",
            "table1",
            "table2",
            "table3",
            "group1",
            "cluster0",
            "cluster1",
            "cluster2",
            "role_name0",
            "role_name1",
            "pod_role0",
            "pod_role1",
            "address0",
            "address1",
            "address2",
            "address3",
            "key0",
            "key1",
            "template0",
            "template1",
        ];
        Needing(
            names
                .into_iter()
                .map(|name| (name, name.to_owned()))
                .collect(),
        )
    }
}
