//! Plans for tests, made by hand.

use std::collections::BTreeMap;

use strata_model::plan::{
    Action, Barrier, Confidence, PLAN_FORMAT, Plan, PlanOptions, Reason, SourceRevision, Step,
};
use strata_model::schema::Timeouts;
use strata_model::state::{RowKey, StateRow};
use strata_model::wire::Encoded;
use strata_model::{
    Address, DeposedId, InstanceKey, Lineage, PlanId, Serial, Timestamp, Type, Value,
};

use crate::apply::fake::{FakeResolver, World, attributes, key};

/// Builds a plan step by step.
pub(super) struct Scenario {
    pub(super) plan: Plan,
    /// For each step whose parent becomes known the parent.
    pub(super) parents: BTreeMap<u32, RowKey>,
    pub(super) nothing: Vec<u32>,
    pub(super) exceeds: Vec<u32>,
}

pub(super) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

/// The name of the object at an address.
fn name_of(address: &Address) -> String {
    match &address.key {
        Some(InstanceKey::Text(key)) => format!("{}-{key}", address.name),
        Some(InstanceKey::Index(_)) | None => address.name.to_string(),
    }
}

pub(super) fn current(text: &str) -> RowKey {
    RowKey::current(address(text))
}

fn object_type(world: &World, address: &Address) -> Type {
    let connections = world.connections();
    let (_, schema) = connections.schema(address).unwrap();
    schema.schema.object_type().clone()
}

fn empty_plan(id: u8) -> Plan {
    Plan {
        format: PLAN_FORMAT,
        id: PlanId::from_bits([id; 16]),
        lineage: Some(Lineage::from_bits([7; 16])),
        serial: Serial(0),
        engine_version: "0".to_owned(),
        created_at: Timestamp::UNIX_EPOCH,
        source: SourceRevision::default(),
        definitions: BTreeMap::new(),
        variables: BTreeMap::new(),
        options: PlanOptions::default(),
        steps: Vec::new(),
        barriers: Vec::new(),
        unchanged: Vec::new(),
        outputs: BTreeMap::new(),
        drift: Vec::new(),
        data: BTreeMap::new(),
        put_off: 0,
    }
}

impl Scenario {
    pub(super) fn new(id: u8) -> Self {
        Scenario {
            plan: empty_plan(id),
            parents: BTreeMap::new(),
            nothing: Vec::new(),
            exceeds: Vec::new(),
        }
    }

    /// Adds a step with nothing but its action; returns it for more to be said.
    pub(super) fn step(&mut self, action: Action, key: RowKey, after: &[u32]) -> &mut Step {
        let number = self.plan.steps.len() as u32;
        self.plan.steps.push(Step {
            number,
            key,
            action,
            reason: Reason::Declared,
            confidence: Confidence::Exact,
            doubt: None,
            group: None,
            stage: None,
            more_stages: false,
            after: after.to_vec(),
            before: None,
            planned: None,
            replace_paths: Vec::new(),
            row_digest: None,
            moved_from: None,
            taken_back: None,
            left_alone: None,
            import_id: None,
            provider: None,
            timeouts: Timeouts::default(),
            exclusive: None,
            protect: false,
            create_before_destroy: false,
            dependencies: Vec::new(),
            source: None,
        });
        &mut self.plan.steps[number as usize]
    }

    fn planned(&mut self, world: &World, size: i64, parent: Option<&str>) -> u32 {
        let step = self.plan.steps.last_mut().unwrap();
        let parent_value = match parent {
            Some(_) => Value::unknown(Type::String),
            None => Value::null_of(Type::String),
        };
        // The name says which object it is, whatever its address becomes.
        let name = match &step.moved_from {
            Some(from) => from.name.to_string(),
            None => name_of(&step.key.address),
        };
        let value = attributes(&name, size, parent_value);
        let ty = object_type(world, &step.key.address);
        step.planned = Some(Encoded::of(&value, &ty).take_fingerprints(&value, &key(), &|_| true));
        if let Some(parent) = parent {
            self.parents.insert(step.number, current(parent));
        }
        step.number
    }

    /// A create; the size is the object's only argument beside its name and parent.
    pub(super) fn create(
        &mut self,
        world: &World,
        (at, size): (&str, i64),
        parent: Option<&str>,
        after: &[u32],
    ) -> u32 {
        self.step(Action::Create, current(at), after);
        self.planned(world, size, parent)
    }

    /// An update of a recorded object.
    pub(super) fn update(
        &mut self,
        world: &World,
        (at, size): (&str, i64),
        parent: Option<&str>,
        after: &[u32],
    ) -> u32 {
        let digest = row(world, at).map(|row| row.digest());
        let step = self.step(Action::Update, current(at), after);
        step.row_digest = digest;
        self.planned(world, size, parent)
    }

    /// A delete of a recorded object.
    pub(super) fn delete(&mut self, world: &World, at: &str, after: &[u32]) -> u32 {
        let row = row(world, at).unwrap();
        let step = self.step(Action::Delete, current(at), after);
        step.row_digest = Some(row.digest());
        step.before = Some(row.attributes);
        step.number
    }

    /// A replacement that is created first; returns the numbers of create and delete.
    pub(super) fn replace_first(
        &mut self,
        world: &World,
        (at, size): (&str, i64),
        group: u32,
    ) -> (u32, u32) {
        let old = row(world, at).unwrap();
        let step = self.step(Action::Create, current(at), &[]);
        step.group = Some(group);
        step.row_digest = Some(old.digest());
        let create = self.planned(world, size, None);
        let deposed = RowKey {
            address: address(at),
            deposed: Some(DeposedId::from_bits([group as u8 + 1; 16])),
        };
        let step = self.step(Action::Delete, deposed, &[create]);
        step.group = Some(group);
        step.before = Some(old.attributes);
        (create, step.number)
    }

    /// A replacement that is destroyed first; returns the numbers of delete and create.
    pub(super) fn replace_last(
        &mut self,
        world: &World,
        (at, size): (&str, i64),
        group: u32,
    ) -> (u32, u32) {
        let delete = self.delete(world, at, &[]);
        self.plan.steps[delete as usize].group = Some(group);
        let create = self.create(world, (at, size), None, &[delete]);
        self.plan.steps[create as usize].group = Some(group);
        (delete, create)
    }

    /// A barrier; returns its number, which counts from the number of steps there will be.
    pub(super) fn barrier(&mut self, after: Vec<u32>) -> usize {
        self.plan.barriers.push(Barrier { after });
        self.plan.barriers.len() - 1
    }

    /// What a session must tell its resolver.
    pub(super) fn tell(&self, resolver: &mut FakeResolver<'_>) {
        resolver.parents.clone_from(&self.parents);
        resolver.nothing.clone_from(&self.nothing);
        resolver.exceeds.clone_from(&self.exceeds);
    }
}

pub(super) fn row(world: &World, at: &str) -> Option<StateRow> {
    world.get().store.rows.get(&current(at)).cloned()
}

/// The world after a first plan: objects of every class.
pub(super) fn furnished(seed: u64) -> World {
    let world = World::new(seed);
    let mut first = Scenario::new(1);
    for at in [
        "fake_tag.t1",
        "fake_tag.t2",
        "fake_tag.t3",
        "fake_tag.t4",
        "fake_multi.m1",
        "fake_multi.m2",
        "fake_name.n1",
        "fake_name.n2",
        "fake_link.l1",
        "local_data.d1",
        "local_data.d2",
    ] {
        first.create(&world, (at, 1), None, &[]);
    }
    let outcome = world.run(async {
        let session = super::Session::new(&world);
        session.apply(&first.plan).await.outcome()
    });
    let outcome = outcome.unwrap();
    assert!(outcome.is_complete(), "{outcome:?}");
    world
}

/// Thirty-odd steps of every kind: both orders of replacement, stages, moves, reads, barriers, an import.
pub(super) fn everything(world: &World) -> Scenario {
    let mut all = Scenario::new(2);
    let s = &mut all;
    let t10 = s.create(world, ("fake_tag.t10", 1), None, &[]);
    let t11 = s.create(world, ("fake_tag.t11", 1), Some("fake_tag.t10"), &[t10]);
    let n10 = s.create(world, ("fake_name.n10", 1), Some("fake_tag.t11"), &[t11]);
    s.create(world, ("fake_link.l10", 1), Some("fake_name.n10"), &[n10]);
    let m10 = s.create(world, ("fake_multi.m10", 1), None, &[]);
    let m11 = s.create(world, ("fake_multi.m11", 1), Some("fake_multi.m10"), &[m10]);
    s.create(world, ("fake_link.l11", 1), Some("fake_multi.m11"), &[m11]);
    s.update(world, ("fake_tag.t1", 2), None, &[]);
    let stage = s.update(world, ("fake_name.n1", 2), None, &[]);
    s.plan.steps[stage as usize].more_stages = true;
    let last = s.update(world, ("fake_name.n1", 3), None, &[stage]);
    s.plan.steps[last as usize].row_digest = None;
    let (made, gone) = s.replace_first(world, ("fake_tag.t2", 5), 0);
    let link = s.update(world, ("fake_link.l1", 2), Some("fake_tag.t2"), &[made]);
    s.plan.steps[gone as usize].after = vec![made, link];
    let (_, again) = s.replace_last(world, ("fake_name.n2", 5), 1);
    s.replace_first(world, ("fake_multi.m1", 7), 2);
    let t3 = s.delete(world, "fake_tag.t3", &[]);
    s.delete(world, "fake_multi.m2", &[t3]);
    rename_and_record(s, world);
    s.create(world, ("local_data.d10", 1), None, &[]);
    s.create(world, ("local_data.d11", 1), Some("fake_tag.t10"), &[t10]);
    let t12 = s.create(world, ("fake_tag.t12", 1), None, &[again]);
    let t13 = s.create(world, ("fake_tag.t13", 1), None, &[gone]);
    let look = s
        .step(Action::Read, current("data.fake_look.here"), &[t13])
        .number;
    s.planned(world, 1, Some("fake_tag.t13"));
    let t14 = s.create(
        world,
        ("fake_tag.t14", 1),
        Some("data.fake_look.here"),
        &[look],
    );
    let n11 = s.create(world, ("fake_name.n11", 1), None, &[]);
    let barrier = s.barrier(vec![t12, t14]);
    let count = s.plan.steps.len();
    s.plan.steps[n11 as usize].after = vec![(count + barrier) as u32];
    all
}

fn rename_and_record(s: &mut Scenario, world: &World) {
    let old = row(world, "fake_tag.t4").unwrap().digest();
    let moved = s.step(Action::Move, current("fake_tag.t40"), &[]);
    moved.moved_from = Some(address("fake_tag.t4"));
    moved.row_digest = Some(old);
    let moved = moved.number;
    let step = s.step(Action::Update, current("fake_tag.t40"), &[moved]);
    step.moved_from = Some(address("fake_tag.t4"));
    let update = s.planned(world, 4, None);
    s.plan.steps[update as usize].moved_from = None;
    let digest = row(world, "local_data.d1").unwrap().digest();
    let record = s.step(Action::Record, current("local_data.d1"), &[]);
    record.protect = true;
    record.row_digest = Some(digest);
    let record = record.number;
    let update = s.update(world, ("local_data.d1", 3), None, &[record]);
    s.plan.steps[update as usize].protect = true;
    s.plan.steps[update as usize].row_digest = None;
    let digest = row(world, "local_data.d2").unwrap().digest();
    let forget = s.step(Action::Forget, current("local_data.d2"), &[]);
    forget.row_digest = Some(digest);
    let import = s.step(Action::Import, current("fake_tag.t1x"), &[update]);
    import.import_id = Some("fake_tag-imported".to_owned());
    import.provider = Some(strata_model::provider::ProviderConfig {
        provider: strata_model::provider::ProviderName("fake".into()),
        values: BTreeMap::new(),
    });
    let object = crate::apply::fake::CloudObject {
        resource_type: "fake_tag".to_owned(),
        name: "t1x".to_owned(),
        size: 1,
        live: true,
        configured: true,
        foreign: true,
        ..Default::default()
    };
    world
        .get()
        .objects
        .insert("fake_tag-imported".to_owned(), object);
}
