//! Applying and updating typed values, with managers.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::compare::Comparison;
use crate::managed::{Entry, ManagedFields, Manager};
use crate::path::Path;
use crate::reconcile;
use crate::set::FieldSet;
use crate::typed::{TypeError, TypedValue};
use crate::value;
use crate::walk::Problems;

/// Turns objects of one `apiVersion` into another of the same kind.
pub trait Versions {
    /// The object in that version; `None` when it is not served (any more): who holds fields in it holds them no more.
    /// An API server does that for kinds of its own. Of custom kinds a version that is not served is an error.
    ///
    /// # Errors
    ///
    /// When the object has no form in that version.
    fn convert(
        &self,
        object: &TypedValue,
        version: &str,
    ) -> Result<Option<TypedValue>, VersionError>;
}

/// Why an object has no form in a version.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VersionError {
    /// It is not of the type of that version.
    #[error("the object does not fit the schema of the version")]
    Type(#[from] TypeError),
    /// The version of a custom kind is not served (any more). A server applies nothing to an object in which somebody
    /// still holds fields in such a version.
    #[error("{version} is not served")]
    NotServed {
        /// The version.
        version: String,
    },
}

/// A kind that has one version.
#[derive(Debug, Clone)]
pub struct OneVersion {
    /// The `apiVersion`.
    pub version: String,
}

impl Versions for OneVersion {
    fn convert(
        &self,
        object: &TypedValue,
        version: &str,
    ) -> Result<Option<TypedValue>, VersionError> {
        Ok((version == self.version).then(|| object.clone()))
    }
}

/// A field that somebody else holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// Who holds it.
    pub manager: Manager,
    /// The field.
    pub path: Path,
}

/// Why nothing was applied.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// Other managers hold fields that would change; with force they would lose them.
    #[error("{} field(s) are held by other managers", conflicts.len())]
    Conflicts {
        /// All of them, by manager.
        conflicts: Vec<Conflict>,
    },
    /// A value is not of its type.
    #[error("the {what} does not fit its schema")]
    Type {
        /// Which value.
        what: &'static str,
        /// What is wrong.
        #[source]
        source: TypeError,
    },
    /// Somebody holds fields in a version in which the object cannot be had.
    #[error("the object cannot be had in another version, in which fields of it are held")]
    Version(#[source] VersionError),
}

fn typed(what: &'static str) -> impl Fn(TypeError) -> UpdateError {
    move |source| UpdateError::Type { what, source }
}

/// One write on an object.
#[derive(Debug, Clone, Copy)]
pub struct Write<'a> {
    /// The object before.
    pub live: &'a TypedValue,
    /// The `apiVersion` in which both objects are.
    pub version: &'a str,
    /// Who writes.
    pub manager: &'a Manager,
}

/// The rules of a kind for writes.
#[derive(Clone, Copy)]
pub struct Updater<'a> {
    /// How its versions become each other.
    pub versions: &'a dyn Versions,
    /// By version, the fields that a write cannot set, such as `status`: nobody gets hold of them by it.
    pub reset: &'a BTreeMap<String, FieldSet>,
}

impl Updater<'_> {
    /// Applies what a manager wants: the object afterwards, and who holds what. `None` for the object means that it
    /// stays as it is.
    ///
    /// # Errors
    ///
    /// [`UpdateError::Conflicts`] when others hold what would change, unless forced.
    pub fn apply(
        &self,
        write: Write<'_>,
        wanted: &TypedValue,
        managed: ManagedFields,
        force: bool,
    ) -> Result<(Option<TypedValue>, ManagedFields), UpdateError> {
        let mut managed = self.reconciled(write.live, managed)?;
        let merged = write.live.merge(wanted).map_err(typed("merged object"))?;
        let fields = self.settable(
            write.version,
            &wanted.field_set().map_err(typed("applied object"))?,
        );
        let last = managed.remove(write.manager);
        let time = last.as_ref().and_then(|last| last.time.clone());
        // Set even when it is empty: what it held before is pruned in its version.
        let now = Entry {
            version: write.version.to_owned(),
            time,
            fields,
        };
        let pruned = match last {
            Some(last) if !last.fields.is_empty() => {
                self.pruned(merged, (&managed, &now), &last)?
            }
            Some(_) | None => merged,
        };
        managed.set(write.manager.clone(), now);
        let (managed, _) = self.taken(write, Some(write.manager), &pruned, (managed, force))?;
        let same = value::equal(write.live.value(), pruned.value());
        Ok(((!same).then_some(pruned), managed))
    }

    /// Records a write that was made otherwise: the writer holds what changed, and everybody else loses it.
    ///
    /// # Errors
    ///
    /// When a value is not of its type.
    pub fn update(
        &self,
        write: Write<'_>,
        new: &TypedValue,
        managed: ManagedFields,
    ) -> Result<(FieldSet, ManagedFields), UpdateError> {
        let managed = self.reconciled(write.live, managed)?;
        let (managed, comparison) = self.taken(write, None, new, (managed, true))?;
        let fields = self.settable(write.version, &comparison.modified.union(&comparison.added));
        Ok((fields, managed))
    }

    fn settable(&self, version: &str, fields: &FieldSet) -> FieldSet {
        match self.reset.get(version) {
            Some(reset) => fields.recursive_difference(reset),
            None => fields.clone(),
        }
    }

    /// Everybody's fields as the present schema names them. Who holds fields in a version that is gone is dropped.
    fn reconciled(
        &self,
        live: &TypedValue,
        managed: ManagedFields,
    ) -> Result<ManagedFields, UpdateError> {
        let mut reconciled = ManagedFields::default();
        for (manager, entry) in managed.iter() {
            let Some(object) = self.converted(live, &entry.version)? else {
                continue;
            };
            let mut problems = Problems::default();
            let fields = reconcile::reconcile(
                object.schema(),
                object.type_ref(),
                &entry.fields,
                &mut problems,
            );
            if !problems.0.is_empty() {
                return Err(typed("managed fields")(TypeError {
                    problems: problems.0,
                }));
            }
            reconciled.set(
                manager.clone(),
                Entry {
                    fields,
                    ..entry.clone()
                },
            );
        }
        Ok(reconciled)
    }

    fn converted(
        &self,
        object: &TypedValue,
        version: &str,
    ) -> Result<Option<TypedValue>, UpdateError> {
        self.versions
            .convert(object, version)
            .map_err(UpdateError::Version)
    }

    /// Takes what changes between the live object and a new one from everybody but the writer.
    fn taken(
        &self,
        write: Write<'_>,
        writer: Option<&Manager>,
        new: &TypedValue,
        (mut managed, force): (ManagedFields, bool),
    ) -> Result<(ManagedFields, Comparison), UpdateError> {
        let own = self.compared((write.live, new), write.version)?;
        let mut comparisons = BTreeMap::from([(write.version.to_owned(), Some(own.clone()))]);
        let mut conflicts = Vec::new();
        let mut left = Vec::new();
        for (manager, entry) in managed
            .iter()
            .filter(|(manager, _)| Some(*manager) != writer)
        {
            if !comparisons.contains_key(&entry.version) {
                let comparison = self.compared_in(write.live, new, &entry.version)?;
                comparisons.insert(entry.version.clone(), comparison);
            }
            let comparison = comparisons.get(&entry.version).and_then(Option::as_ref);
            let (fields, lost) = match comparison {
                Some(comparison) => kept_and_lost(&entry.fields, comparison),
                // The version is not served: neither are its managers.
                None => (FieldSet::new(), FieldSet::new()),
            };
            conflicts.extend(lost.paths().into_iter().map(|path| Conflict {
                manager: manager.clone(),
                path,
            }));
            let version = entry.version.clone();
            let time = entry.time.clone();
            left.push((
                manager.clone(),
                Entry {
                    version,
                    time,
                    fields,
                },
            ));
        }
        if !force && !conflicts.is_empty() {
            return Err(UpdateError::Conflicts { conflicts });
        }
        for (manager, entry) in left {
            managed.set(manager, entry);
        }
        Ok((managed, own))
    }

    fn compared(
        &self,
        (live, new): (&TypedValue, &TypedValue),
        version: &str,
    ) -> Result<Comparison, UpdateError> {
        let comparison = live.compare(new).map_err(typed("new object"))?;
        Ok(match self.reset.get(version) {
            Some(reset) => comparison.excluding(reset),
            None => comparison,
        })
    }

    fn compared_in(
        &self,
        live: &TypedValue,
        new: &TypedValue,
        version: &str,
    ) -> Result<Option<Comparison>, UpdateError> {
        match (
            self.converted(live, version)?,
            self.converted(new, version)?,
        ) {
            (Some(live), Some(new)) => Ok(Some(self.compared((&live, &new), version)?)),
            (None, _) | (_, None) => Ok(None),
        }
    }

    /// The merged object without what the manager applied last time, does not apply now, and nobody else holds.
    fn pruned(
        &self,
        merged: TypedValue,
        (others, now): (&ManagedFields, &Entry),
        last: &Entry,
    ) -> Result<TypedValue, UpdateError> {
        let Some(in_last) = self.converted(&merged, &last.version)? else {
            return Ok(merged);
        };
        let applied = last
            .fields
            .with_named_parents(in_last.schema(), in_last.type_ref());
        let pruned = in_last.without(&applied);
        let pruned = self.with_held(&in_last, pruned, (others, now), &last.version)?;
        let Some(pruned) = self.with_dangling(&in_last, &pruned, last)? else {
            return Ok(merged);
        };
        Ok(self.converted(&pruned, &now.version)?.unwrap_or(merged))
    }

    /// Puts back what somebody holds, version by version, beginning with the one at hand.
    fn with_held(
        &self,
        merged: &TypedValue,
        mut pruned: TypedValue,
        (others, now): (&ManagedFields, &Entry),
        first: &str,
    ) -> Result<TypedValue, UpdateError> {
        let mut held: BTreeMap<&str, FieldSet> = BTreeMap::new();
        for entry in others.iter().map(|(_, entry)| entry).chain([now]) {
            let fields = held.entry(entry.version.as_str()).or_default();
            *fields = fields.union(&entry.fields);
        }
        let mut versions: Vec<_> = held.keys().copied().collect();
        versions.sort_by_key(|version| (*version != first, *version));
        for version in versions {
            let (Some(merged), Some(in_version)) = (
                self.converted(merged, version)?,
                self.converted(&pruned, version)?,
            ) else {
                continue;
            };
            let (schema, type_ref) = (merged.schema(), merged.type_ref());
            let named = |set: FieldSet| set.with_named_parents(schema, type_ref);
            let all = named(merged.field_set().map_err(typed("merged object"))?);
            let kept = named(in_version.field_set().map_err(typed("pruned object"))?);
            let held = held
                .get(version)
                .map(|fields| named(fields.clone()))
                .unwrap_or_default();
            pruned = merged.without(&all.difference(&kept.union(&held)));
        }
        Ok(pruned)
    }

    /// Puts back what the manager never held and only went along with what it did hold.
    fn with_dangling(
        &self,
        merged: &TypedValue,
        pruned: &TypedValue,
        last: &Entry,
    ) -> Result<Option<TypedValue>, UpdateError> {
        let Some(pruned) = self.converted(pruned, &last.version)? else {
            return Ok(None);
        };
        let named = |set: FieldSet| set.with_named_parents(merged.schema(), merged.type_ref());
        let kept = named(pruned.field_set().map_err(typed("pruned object"))?);
        let all = named(merged.field_set().map_err(typed("merged object"))?);
        Ok(Some(
            merged.without(
                &all.difference(&kept)
                    .intersection(&named(last.fields.clone())),
            ),
        ))
    }
}

/// What a manager still holds after a change, and what was overwritten. What was removed is neither.
fn kept_and_lost(fields: &FieldSet, change: &Comparison) -> (FieldSet, FieldSet) {
    let lost = fields.intersection(&change.modified.union(&change.added));
    let kept = fields.difference(&lost).difference(&change.removed);
    (kept, lost)
}
