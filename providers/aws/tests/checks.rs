//! What every resource type promises, one function for each promise.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value as Json;
use strata_model::provider::{
    Observation, OwnedObject, ProviderErrorKind, ReadPurpose, ReadRequest, Residue,
};
use strata_model::schema::Adoption;
use strata_model::{AttributePath, Clock, PathStep, Value};

use crate::cases::TypeCase;
use crate::proxy::Trap;
use crate::world::{
    Live, Needs, Notes, Outcome, REFUSAL, Step, World, differences, expect_as_planned,
    provider_config,
};

/// A type under test, with what its objects refer to.
pub(crate) struct Subject<'a> {
    pub(crate) world: &'a World,
    pub(crate) case: &'a TypeCase,
    pub(crate) needs: Needs,
}

fn ensure(holds: bool, wrong: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(wrong()) }
}

/// A definition with one argument set.
fn with(config: &Json, path: &str, value: &Json) -> Json {
    let mut changed = config.clone();
    let mut place = &mut changed;
    for name in path.split('.') {
        place = &mut place[name];
    }
    *place = value.clone();
    changed
}

fn attribute_path(path: &str) -> AttributePath {
    let steps: Vec<PathStep> = path
        .split('.')
        .map(|name| PathStep::Attribute(name.into()))
        .collect();
    steps.into()
}

impl Subject<'_> {
    fn config(&self, n: u64) -> Json {
        (self.case.config)(&self.needs, n)
    }

    fn adoption(&self) -> Adoption {
        self.world.schema(self.case.name).adoption
    }

    async fn make(&self) -> Outcome<Live> {
        let config = self.config(self.world.number());
        self.world.create(self.case.name, &config).await
    }

    /// Fails unless an op made one object and no more.
    async fn expect_single(&self, live: &Live) -> Outcome {
        let world = self.world;
        if self.adoption() == Adoption::Tag {
            let owned = self.owned().await?;
            let count = owned.iter().filter(|o| o.op == Some(live.op)).count();
            ensure(count == 1, || format!("{count} objects carry the op"))?;
        }
        let Some(own) = &world.sandbox else {
            return Ok(());
        };
        let ledger = own.sandbox.ledger().await.map_err(|e| e.to_string())?;
        let op = live.op.to_string();
        let made = ledger
            .live()
            .filter(|object| object.tags.get("strata:op") == Some(&op))
            .count();
        let expected = usize::from(self.adoption() != Adoption::Natural);
        ensure(made == expected, || {
            format!("the ledger has {made} objects of the op")
        })
    }

    async fn owned(&self) -> Outcome<Vec<OwnedObject>> {
        let owned = self.world.connection.list_owned(self.world.lineage).await;
        owned.map_err(|error| format!("list_owned failed: {error}"))
    }

    /// The mutating calls of a create, in order.
    pub(crate) async fn create_calls(&self) -> Outcome<Vec<String>> {
        let mark = self.world.proxy.mark();
        self.make().await?;
        Ok(self.world.proxy.changes_since(mark))
    }

    pub(crate) async fn create(&self) -> Outcome {
        let live = self.make().await?;
        self.expect_single(&live).await
    }

    /// A refresh sees what was made, one that does not exist is absent, and a second plan is empty.
    pub(crate) async fn read(&self) -> Outcome {
        let live = self.make().await?;
        self.world.expect_settled(&live).await?;
        let gone = Live {
            id: self.missing_id(&live),
            ..live.clone()
        };
        let batch = [live.clone(), gone, live.clone()];
        match self.world.refresh_all(&batch).await.as_slice() {
            [
                Observation::Present(a),
                Observation::Absent,
                Observation::Present(b),
            ] if a.id == live.id && b.id == live.id => Ok(()),
            other => Err(format!("wrong observations of a batch: {other:?}")),
        }
    }

    /// The id of an object that does not exist.
    fn missing_id(&self, live: &Live) -> String {
        let mut id = live.id.clone();
        let last = id.pop().unwrap_or_default();
        id.push(if last == '0' { '1' } else { '0' });
        id
    }

    /// An update that asks for what is there makes no call.
    pub(crate) async fn no_op(&self) -> Outcome {
        let live = self.make().await?;
        let mark = self.world.proxy.mark();
        let step = Step::update(&live, self.world.op(), &live.value);
        let applied = self.world.apply(step, &Notes::default()).await;
        let applied = applied.map_err(|error| format!("update failed: {error:?}"))?;
        expect_as_planned(&live.value, &applied.attributes)?;
        let calls = self.world.proxy.changes_since(mark);
        ensure(calls.is_empty(), || format!("calls were made: {calls:?}"))
    }

    /// What an import reads of an object.
    async fn imported(&self, live: &Live) -> Outcome<Value> {
        let request = ReadRequest {
            purpose: ReadPurpose::Import,
            resource_type: live.ty,
            id: Some(&live.id),
            recorded: None,
            config: None,
        };
        match self.world.connection.read(&[request]).await.pop() {
            Some(Observation::Present(object)) => Ok(object.attributes),
            _ => Err("the import does not see the object".to_owned()),
        }
    }

    /// A tag like those that controllers write comes and goes with its definition.
    pub(crate) async fn controller_tag(&self) -> Outcome {
        const KEY: &str = "kubernetes.io/role/test";
        let live = self.make().await?;
        let mut with = live.config.to_json();
        if !with["tags"].is_object() {
            with["tags"] = serde_json::json!({});
        }
        with["tags"][KEY] = "1".into();
        let with = self.world.arguments(live.ty, &with);
        let (tagged, _) = self.world.update(&live, &with).await?;
        let has_it = |imported: Value| imported.get("tags").is_some_and(|t| t.get(KEY).is_some());
        ensure(has_it(self.imported(&tagged).await?), || {
            "the tag does not come".to_owned()
        })?;
        let (bare, _) = self.world.update(&tagged, &live.config).await?;
        ensure(!has_it(self.imported(&bare).await?), || {
            "the tag stays".to_owned()
        })
    }

    /// What an import reads leads to an empty plan, but for what AWS does not tell.
    pub(crate) async fn import(&self) -> Outcome {
        let live = self.make().await?;
        let mut imported = self.imported(&live).await?;
        for path in self.case.untold {
            let path = attribute_path(path);
            if let Some(recorded) = live.value.at(&path) {
                imported = imported.with_at(&path, recorded.clone());
            }
        }
        let change = self.world.plan(live.ty, Some(&imported), &live.config)?;
        ensure(change.replace.is_empty(), || {
            format!("an imported object is replaced by {:?}", change.replace)
        })?;
        ensure(change.planned == imported, || {
            let differences = differences(&imported, &change.planned);
            format!("an imported object is changed: {differences}")
        })
    }

    /// An argument changes in place, a refresh sees it, and sending the change again makes no call.
    pub(crate) async fn update(&self, path: &str) -> Outcome {
        let world = self.world;
        let (live, config) = self.before_update(path).await?;
        let (changed, calls) = world.update(&live, &config).await?;
        ensure(!calls.is_empty(), || "no call was made".to_owned())?;
        ensure(changed.id == live.id, || "the id changed".to_owned())?;
        world.expect_settled(&changed).await?;
        let mark = world.proxy.mark();
        let step = Step::update(&live, world.op(), &changed.value);
        let again = world.apply(step, &Notes::default()).await;
        again.map_err(|error| format!("a repeated update failed: {error:?}"))?;
        let calls = world.proxy.changes_since(mark);
        ensure(calls.is_empty(), || {
            format!("a repeated update makes calls: {calls:?}")
        })
    }

    /// An object, and its definition with an argument changed.
    async fn before_update(&self, path: &str) -> Outcome<(Live, Value)> {
        let n = self.world.number();
        let base = self.config(n);
        let live = self.world.create(self.case.name, &base).await?;
        let updates = (self.case.updates)(&self.needs, n);
        let (_, value) = updates
            .iter()
            .find(|(known, _)| *known == path)
            .ok_or("no such update")?;
        let config = with(&base, path, value);
        Ok((live, self.world.arguments(self.case.name, &config)))
    }

    /// How many mutating calls an update takes.
    pub(crate) async fn update_calls(&self, path: &str) -> Outcome<Vec<String>> {
        let (live, config) = self.before_update(path).await?;
        let (_, calls) = self.world.update(&live, &config).await?;
        Ok(calls)
    }

    /// An update whose call is lost, before or after its effect, is finished by sending it again.
    pub(crate) async fn update_interrupted(&self, path: &str, trap: Trap) -> Outcome {
        let world = self.world;
        let (live, config) = self.before_update(path).await?;
        let planned = world.plan(live.ty, Some(&live.value), &config)?.planned;
        let op = world.op();
        let step = Step::update(&live, op, &planned);
        world.proxy.set(Some(trap));
        let first = world.apply(step, &Notes::default()).await;
        world.proxy.set(None);
        if let Err(error) = &first {
            let left = !matches!(error.residue, Residue::Failed(_));
            ensure(left, || {
                format!("an interrupted update is called failed: {error:?}")
            })?;
        }
        let second = world.apply(step, &Notes::default()).await;
        let second = second.map_err(|error| format!("the second send failed: {error:?}"))?;
        expect_as_planned(&planned, &second.attributes)?;
        let changed = Live {
            value: second.attributes,
            config,
            ..live
        };
        world.expect_settled(&changed).await
    }

    /// A changed argument plans a replacement, and says so with its path.
    pub(crate) async fn replace(&self, path: &str) -> Outcome {
        let n = self.world.number();
        let base = self.config(n);
        let live = self.world.create(self.case.name, &base).await?;
        let replaces = (self.case.replaces)(&self.needs, n);
        let (_, value) = replaces
            .iter()
            .find(|(known, _)| *known == path)
            .ok_or("no such argument")?;
        let config = with(&base, path, value);
        let config = self.world.arguments(live.ty, &config);
        let change = self.world.plan(live.ty, Some(&live.value), &config)?;
        let expected = attribute_path(path);
        ensure(change.replace.contains(&expected), || {
            format!("replaced by {:?}", change.replace)
        })?;
        let id = change.planned.get("arn").or(change.planned.get("id"));
        ensure(
            id.is_some_and(|id| id.is_unknown() || live.value.get("arn").is_none()),
            || "what takes its place has the old one's identity".to_owned(),
        )
    }

    /// Gone, and gone again.
    pub(crate) async fn delete(&self) -> Outcome {
        let world = self.world;
        let live = self.make().await?;
        for turn in ["first", "second"] {
            let deleted = world.delete(&live).await;
            let deleted = deleted.map_err(|error| format!("the {turn} delete: {error:?}"))?;
            ensure(deleted.id.is_none() && deleted.attributes.is_null(), || {
                format!("the {turn} delete leaves {deleted:?}")
            })?;
        }
        match world.refresh(&live).await {
            Observation::Absent => Ok(()),
            other => Err(format!("after the delete: {other:?}")),
        }
    }

    /// The mutating calls of a delete, in order.
    pub(crate) async fn delete_calls(&self) -> Outcome<Vec<String>> {
        let live = self.make().await?;
        let mark = self.world.proxy.mark();
        let deleted = self.world.delete(&live).await;
        deleted.map_err(|error| format!("delete failed: {error:?}"))?;
        Ok(self.world.proxy.changes_since(mark))
    }

    pub(crate) async fn delete_interrupted(&self, trap: Trap) -> Outcome {
        let world = self.world;
        let live = self.make().await?;
        world.proxy.set(Some(trap));
        let first = world.delete(&live).await;
        world.proxy.set(None);
        ensure(first.is_err() || trap_is_late(trap), || {
            "a delete without an answer is called done".to_owned()
        })?;
        let second = world.delete(&live).await;
        second.map_err(|error| format!("the second send failed: {error:?}"))?;
        match world.refresh(&live).await {
            Observation::Absent => Ok(()),
            other => Err(format!("after the delete: {other:?}")),
        }
    }

    /// A create that breaks off at a call is finished by its own op, and makes no second object.
    pub(crate) async fn create_interrupted(&self, trap: Trap) -> Outcome {
        let world = self.world;
        let ty = self.case.name;
        let config = world.arguments(ty, &self.config(world.number()));
        let planned = world.plan(ty, None, &config)?.planned;
        let (op, notes) = (world.op(), Notes::default());
        world.proxy.set(Some(trap));
        let first = world.apply(Step::create(ty, op, &planned), &notes).await;
        world.proxy.set(None);
        if let Err(error) = &first {
            let lost_first = matches!(trap, Trap::LoseChange(0));
            let says_nothing = matches!(error.residue, Residue::Nothing);
            ensure(!(lost_first && says_nothing), || {
                format!("a lost create is said to have left nothing: {error:?}")
            })?;
        }
        let live = world
            .recover((ty, op, &config), (&planned, &notes), first)
            .await?;
        world.expect_settled(&live).await?;
        self.expect_single(&live).await
    }

    /// The same create sent twice, without a look in between, is one object, where the call itself is idempotent.
    pub(crate) async fn create_twice(&self) -> Outcome {
        let world = self.world;
        let ty = self.case.name;
        let config = world.arguments(ty, &self.config(world.number()));
        let planned = world.plan(ty, None, &config)?.planned;
        let op = world.op();
        let mut made = Vec::new();
        for turn in ["first", "second"] {
            let applied = world
                .apply(Step::create(ty, op, &planned), &Notes::default())
                .await;
            let applied = applied.map_err(|error| format!("the {turn} create: {error:?}"))?;
            made.push(world.made((ty, op, &config), &planned, applied)?);
        }
        ensure(made[0].id == made[1].id, || {
            "there are two objects".to_owned()
        })?;
        self.expect_single(&made[0]).await
    }

    /// Two ops make two objects, and each is found by its own.
    pub(crate) async fn two_ops(&self) -> Outcome {
        let (a, b) = (self.make().await?, self.make().await?);
        ensure(a.id != b.id, || {
            format!("two ops made one object, {}", a.id)
        })?;
        self.world.expect_settled(&a).await?;
        self.world.expect_settled(&b).await?;
        for live in [&a, &b] {
            let found = self.world.find(live.ty, live.op, &live.value).await;
            let found = found.map_err(|error| format!("find failed: {error}"))?;
            let expected = (self.adoption() != Adoption::Natural).then_some(true);
            let ids: Vec<_> = found
                .iter()
                .map(|found| (found.object.id.as_str(), found.ours))
                .collect();
            ensure(ids == [(live.id.as_str(), expected)], || {
                format!("found {ids:?}")
            })?;
        }
        Ok(())
    }

    /// An object of that name that another op made is refused and left alone.
    pub(crate) async fn foreign(&self) -> Outcome {
        let world = self.world;
        let ty = self.case.name;
        let live = self.make().await?;
        let planned = world.plan(ty, None, &live.config)?.planned;
        let op = world.op();
        let found = world.find(ty, op, &planned).await;
        let found = found.map_err(|error| format!("find failed: {error}"))?;
        let ours: Vec<_> = found.iter().map(|found| found.ours).collect();
        ensure(ours == [Some(false)], || format!("find says {ours:?}"))?;
        let second = world
            .apply(Step::create(ty, op, &planned), &Notes::default())
            .await;
        match second {
            Err(error)
                if error.error.kind == ProviderErrorKind::AlreadyExists
                    && matches!(error.residue, Residue::Nothing) => {}
            other => return Err(format!("a foreign object is not refused: {other:?}")),
        }
        world.expect_settled(&live).await
    }

    /// What may not be read is not absent.
    pub(crate) async fn denied(&self) -> Outcome {
        let world = self.world;
        let live = self.make().await?;
        world.proxy.set(Some(Trap::DenyReads));
        let seen = world.refresh(&live).await;
        let found = world.find(live.ty, live.op, &live.value).await;
        let owned = world.connection.list_owned(world.lineage).await;
        let deleted = world
            .apply(Step::delete(&live, world.op()), &Notes::default())
            .await;
        world.proxy.set(None);
        match seen {
            Observation::Unreadable(error) if error.kind == ProviderErrorKind::AccessDenied => {}
            other => return Err(format!("a refused read is {other:?}")),
        }
        let denied = |result: Result<usize, ProviderErrorKind>| {
            result == Err(ProviderErrorKind::AccessDenied)
        };
        let found = found.map(|found| found.len()).map_err(|error| error.kind);
        ensure(denied(found), || format!("find says {found:?}"))?;
        let owned = owned.map(|owned| owned.len()).map_err(|error| error.kind);
        ensure(denied(owned), || format!("list_owned says {owned:?}"))?;
        ensure(deleted.is_err(), || {
            "a delete that cannot look says done".to_owned()
        })?;
        let again = world.delete(&live).await;
        again
            .map(drop)
            .map_err(|error| format!("delete failed: {error:?}"))
    }

    /// The provider itself sends nothing twice: an internal error comes back after one call.
    pub(crate) async fn sent_once(&self) -> Outcome {
        let world = self.world;
        let ty = self.case.name;
        let config = world.arguments(ty, &self.config(world.number()));
        let planned = world.plan(ty, None, &config)?.planned;
        let mark = world.proxy.mark();
        world.proxy.set(Some(Trap::FailChanges));
        let first = world
            .apply(Step::create(ty, world.op(), &planned), &Notes::default())
            .await;
        world.proxy.set(None);
        match first {
            Err(error) if matches!(error.residue, Residue::Unknown) => {}
            other => return Err(format!("an internal error leads to {other:?}")),
        }
        let calls = world.proxy.changes_since(mark);
        ensure(calls.len() == 1, || format!("calls: {calls:?}"))
    }

    /// No call leaves that the checkpoint does not allow.
    pub(crate) async fn fenced(&self) -> Outcome {
        let world = self.world;
        let live = self.make().await?;
        let ty = self.case.name;
        let config = world.arguments(ty, &self.config(world.number()));
        let planned = world.plan(ty, None, &config)?.planned;
        let mark = world.proxy.mark();
        let notes = Notes::default();
        notes.refuse_to_send.store(true, Ordering::SeqCst);
        let mut steps = vec![
            Step::create(ty, world.op(), &planned),
            Step::delete(&live, world.op()),
        ];
        let n = world.number();
        let update = (self.case.updates)(&self.needs, n);
        let config = update.first().map(|(path, value)| {
            let value = world.arguments(ty, &with(&self.config(n), path, value));
            let place = attribute_path(path);
            let new = value.at(&place).cloned().unwrap_or_else(Value::null);
            live.config.with_at(&place, new)
        });
        let changed = match &config {
            Some(config) => Some(world.plan(ty, Some(&live.value), config)?.planned),
            None => None,
        };
        if let Some(changed) = &changed {
            steps.push(Step::update(&live, world.op(), changed));
        }
        for step in steps {
            match world.apply(step, &notes).await {
                Err(error) if error.error.message.contains(REFUSAL) => {}
                other => return Err(format!("{:?} goes on: {other:?}", step.operation)),
            }
        }
        let calls = world.proxy.changes_since(mark);
        ensure(calls.is_empty(), || format!("calls left: {calls:?}"))
    }

    /// After an id could not be recorded no further call leaves.
    pub(crate) async fn unrecorded(&self) -> Outcome {
        let world = self.world;
        let ty = self.case.name;
        let config = world.arguments(ty, &self.config(world.number()));
        let planned = world.plan(ty, None, &config)?.planned;
        let (op, notes) = (world.op(), Notes::default());
        notes.refuse_to_record.store(true, Ordering::SeqCst);
        let mark = world.proxy.mark();
        let first = world.apply(Step::create(ty, op, &planned), &notes).await;
        let calls = world.proxy.changes_since(mark);
        ensure(calls.len() == 1, || format!("calls left: {calls:?}"))?;
        ensure(first.is_err(), || {
            "an unrecorded create is called done".to_owned()
        })?;
        let notes = Notes::default();
        let live = world
            .recover((ty, op, &config), (&planned, &notes), first)
            .await?;
        world.expect_settled(&live).await
    }

    /// Default tags of the connection are on the object, and a change of them is an update.
    pub(crate) async fn default_tags(&self) -> Outcome {
        let world = self.world;
        let live = self.make().await?;
        let mut config = world.config.clone();
        let defaults = serde_json::json!({"owner": "b"});
        config.values.insert("default_tags".into(), defaults);
        let request = strata_model::provider::PlanRequest {
            resource_type: live.ty,
            prior: Some(&live.value),
            config: &live.config,
            provider: Some(&config),
        };
        let change = strata_model::provider::Provider::plan_change(&world.provider, request);
        let change = change.map_err(|error| format!("plan refused: {error}"))?;
        ensure(
            change.replace.is_empty() && change.planned != live.value,
            || "new default tags are no update".to_owned(),
        )?;
        let apply = strata_model::provider::ApplyRequest {
            operation: strata_model::provider::Operation::Update,
            resource_type: live.ty,
            op: world.op(),
            id: Some(&live.id),
            prior: Some(&live.value),
            planned: &change.planned,
            successor: None,
            timeouts: world.schema(live.ty).timeouts,
        };
        let connection = world.connect(&config);
        let applied = connection.apply_change(apply, &Notes::default()).await;
        let applied = applied.map_err(|error| format!("update failed: {error:?}"))?;
        expect_as_planned(&change.planned, &applied.attributes)?;
        let owner = applied
            .attributes
            .get("tags_all")
            .and_then(|all| all.get("owner"));
        ensure(owner.and_then(Value::as_str) == Some("b"), || {
            format!("tags_all is {:?}", applied.attributes.get("tags_all"))
        })
    }

    /// An object of another region is replaced; one of no region, or of the same, is not.
    pub(crate) async fn region(&self) -> Outcome {
        let live = self.make().await?;
        let regional = live
            .text("arn")
            .split(':')
            .nth(3)
            .is_some_and(|r| !r.is_empty())
            || live.value.get("region").is_some();
        let configs = [("us-east-1", false), ("eu-central-1", regional)];
        for (region, replaced) in configs {
            let config = provider_config(&[("region", region.into())]);
            let request = strata_model::provider::PlanRequest {
                resource_type: live.ty,
                prior: Some(&live.value),
                config: &live.config,
                provider: Some(&config),
            };
            let change =
                strata_model::provider::Provider::plan_change(&self.world.provider, request);
            let change = change.map_err(|error| format!("plan refused: {error}"))?;
            ensure(change.replace.is_empty() != replaced, || {
                format!("in {region} replaced by {:?}", change.replace)
            })?;
        }
        Ok(())
    }

    /// Objects beyond the first page are seen by refresh, by the list of what is owned, and by a search.
    pub(crate) async fn pages(&self) -> Outcome {
        let world = self.world;
        // What earlier cases deleted, and what goes only after a while, is not listed any more.
        world.clock.sleep(Duration::from_secs(60)).await;
        let mut made = Vec::new();
        for _ in 0..3 {
            made.push(self.make().await?);
        }
        self.break_by("{mutating: false, fault: {small_pages: {items: 1}}}")?;
        let seen = world.refresh_all(&made).await;
        let all = seen
            .iter()
            .all(|seen| matches!(seen, Observation::Present(_)));
        ensure(all, || format!("a refresh in pages sees {seen:?}"))?;
        if self.adoption() == Adoption::Tag {
            // Twice: the first answer may be what the refresh has just listed.
            for _ in 0..2 {
                let owned = self.owned().await?;
                let all = made
                    .iter()
                    .all(|live| owned.iter().any(|owned| owned.id == live.id));
                ensure(all, || format!("owned, in pages, are {owned:?}"))?;
            }
        }
        for live in &made {
            let found = world.find(live.ty, live.op, &live.value).await;
            let found = found.map_err(|error| format!("find failed: {error}"))?;
            let ids: Vec<_> = found.iter().map(|found| &found.object.id).collect();
            ensure(ids == [&live.id], || {
                format!("find, in pages, sees {ids:?}")
            })?;
        }
        Ok(())
    }

    /// New objects and changes that are seen only later are waited for.
    pub(crate) async fn late(&self) -> Outcome {
        let world = self.world;
        self.break_by("{mutating: true, fault: {consistency_lag: {ms: 30000}}}")?;
        let live = self.make().await?;
        world.expect_settled(&live).await?;
        if let Some((path, _)) = (self.case.updates)(&self.needs, 0).first() {
            let (live, config) = self.before_update(path).await?;
            let (changed, _) = world.update(&live, &config).await?;
            world.expect_settled(&changed).await?;
        }
        let deleted = world.delete(&live).await;
        deleted.map_err(|error| format!("delete failed: {error:?}"))?;
        match world.refresh(&live).await {
            Observation::Absent => Ok(()),
            other => Err(format!("after the delete: {other:?}")),
        }
    }

    /// A protected object is not deleted, and stays as it was; without protection it goes.
    pub(crate) async fn protection(&self) -> Outcome {
        let world = self.world;
        let base = self.config(world.number());
        let live = world.create(self.case.name, &base).await?;
        let protected = |on: bool| {
            let config = with(&base, "deletion_protection", &on.into());
            world.arguments(self.case.name, &config)
        };
        let (live, calls) = world.update(&live, &protected(true)).await?;
        ensure(calls == ["POST clusters update-config"], || {
            format!("calls: {calls:?}")
        })?;
        world.expect_settled(&live).await?;
        let deleted = world
            .apply(Step::delete(&live, world.op()), &Notes::default())
            .await;
        match deleted {
            Err(error) if matches!(error.residue, Residue::Nothing) => {}
            other => return Err(format!("a protected object is deleted: {other:?}")),
        }
        world.expect_settled(&live).await?;
        let (live, _) = world.update(&live, &protected(false)).await?;
        let deleted = world.delete(&live).await;
        deleted
            .map(drop)
            .map_err(|error| format!("delete failed: {error:?}"))
    }

    /// Answers of a newer service, with members that nobody knows, change nothing.
    pub(crate) async fn newer(&self) -> Outcome {
        self.break_by("{fault: unknown_members}")?;
        let live = self.make().await?;
        self.world.expect_settled(&live).await
    }

    /// The order in which a service tells things is no change, neither in a change's own reads nor in those of a refresh.
    pub(crate) async fn reordered(&self) -> Outcome {
        let live = self.make().await?;
        self.break_by("{fault: reordered_lists}")?;
        self.world.expect_settled(&live).await?;
        let live = self.make().await?;
        self.world.expect_settled(&live).await
    }

    fn break_by(&self, rule: &str) -> Outcome {
        let own = self.world.sandbox.as_ref();
        own.ok_or("this cloud has no faults")?.break_by(rule);
        Ok(())
    }
}

/// Whether the call of a trap had its effect.
fn trap_is_late(trap: Trap) -> bool {
    match trap {
        Trap::LoseChange(_) => true,
        Trap::DropChange(_) | Trap::FailChanges | Trap::DenyReads => false,
    }
}
