//! Node groups and control planes that would be in each other's way.
//!
//! EKS raises a control plane only while no managed node group is behind it. Groups that are updated take their turns with
//! it; one that stays as it is, that goes in the same run, or that is replaced, is behind until then. Nor does EKS take
//! nodes that are newer than their control plane.

use std::collections::{BTreeMap, BTreeSet};

use strata_model::preflight::{Elsewhere, Finding, FindingKind, Preflight};
use strata_model::provider::Operation;
use strata_model::{Address, Severity, Value};

use super::{of_type, text};
use crate::checks::minor;
use crate::eks::cluster::Clusters;
use crate::eks::node_group::NodeGroups;
use crate::resource::ResourceType;

/// The minor of a control plane or of a node group in the course of a run.
#[derive(Debug, Default)]
pub(super) struct Course<'p> {
    /// The one that it has now; `None` for what is not there yet.
    now: Option<u32>,
    /// Which change makes it, where it is not there yet.
    made: Option<usize>,
    /// Whether it is made with the minor that its control plane has then: its definition names none.
    follows: bool,
    /// What happens to it, in order.
    changes: Vec<(usize, Outcome)>,
    /// Where it is declared or recorded; `None` for one of which the project knows nothing.
    pub(super) address: Option<&'p Address>,
}

/// What a change makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It has this minor.
    At(u32),
    /// It has one that nobody knows yet.
    Unknown,
    /// It is gone.
    Gone,
}

impl Course<'_> {
    /// Whether the run does something with it.
    pub(super) fn is_changed(&self) -> bool {
        !self.changes.is_empty()
    }

    /// What it has once so much is done; `None` for what is not there, and where nobody knows.
    fn then(&self, done: &BTreeSet<usize>) -> Option<u32> {
        let done = self.changes.iter().filter(|(at, _)| done.contains(at));
        match done.map(|(_, outcome)| *outcome).next_back() {
            Some(Outcome::At(minor)) => Some(minor),
            Some(Outcome::Gone | Outcome::Unknown) => None,
            None => self.now,
        }
    }

    /// Whether the change that makes it says with which minor.
    fn has_version(&self) -> bool {
        matches!(self.changes.first(), Some((_, Outcome::At(_))))
    }

    /// Whether it has this minor, or a newer one, or none any more, or nobody knows which, sometime.
    fn reaches(&self, minor: u32) -> bool {
        self.changes.iter().any(|(_, outcome)| match outcome {
            Outcome::At(then) => *then >= minor,
            Outcome::Gone | Outcome::Unknown => true,
        })
    }

    /// The minor with which it may be made before a change: nothing says which of the two comes first.
    fn may_come_with(
        &self,
        plan: &Preflight<'_>,
        (plane, before): (&Course<'_>, usize),
    ) -> Option<u32> {
        let made = self.made?;
        let done = plan.nodes_before(made);
        if done.contains(&before) {
            return None;
        }
        match self.changes.first()? {
            (_, Outcome::At(minor)) => Some(*minor),
            (_, Outcome::Unknown) if self.follows => plane.then(&done),
            (_, Outcome::Unknown | Outcome::Gone) => None,
        }
    }
}

/// A node group by its cluster and its own name.
type GroupName<'p> = (&'p str, &'p str);
pub(super) type Groups<'p> = BTreeMap<GroupName<'p>, Course<'p>>;
type Planes<'p> = BTreeMap<&'p str, Course<'p>>;
/// The region and the account in which something lives.
type Home<'p> = (&'p str, &'p str);

/// What is told of once: two objects are of one pool while a replacement of it is not finished.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pool<'p> {
    /// By its address.
    Known(&'p Address),
    /// By its name: the project knows nothing of it.
    Foreign(GroupName<'p>),
}

/// Finds the node groups that would be behind when their control plane goes on, and those that would be newer than it is:
/// EKS would refuse that in the middle of the run.
pub(crate) fn find(plan: &Preflight<'_>) -> Vec<Finding> {
    let groups = groups(plan);
    let planes = courses(plan, Clusters::NAME, |cluster| text(Some(cluster), "name"));
    let mut found = behind(plan, &groups, &planes);
    found.extend(newer(plan, &planes));
    found
}

/// What becomes of the node groups of a region and account, as far as a plan tells.
pub(super) fn groups<'p>(plan: &'p Preflight<'_>) -> Groups<'p> {
    courses(plan, NodeGroups::NAME, group_name)
}

/// By which cluster and name a node group is known.
fn group_name(group: &Value) -> Option<GroupName<'_>> {
    text(Some(group), "cluster_name").zip(text(Some(group), "node_group_name"))
}

/// Where an object lives, which its ARN says. In a plan it has one unless it is still to be made.
fn home(object: &Value) -> Option<Home<'_>> {
    let mut parts = text(Some(object), "arn")?.split(':').skip(3);
    let region = parts.next()?;
    Some((region, parts.next()?))
}

/// Where the objects of a connection live: only there names say which object is meant.
fn home_of<'p>(plan: &'p Preflight<'_>, connection: Option<Elsewhere>) -> Option<Home<'p>> {
    let changes = plan.all().filter(|change| {
        change.elsewhere == connection
            && matches!(
                &*change.address.resource_type,
                Clusters::NAME | NodeGroups::NAME
            )
    });
    let changed = changes.filter_map(|change| change.prior.as_ref());
    let standing = plan.standing.iter();
    let standing = standing.filter(|one| one.elsewhere == connection);
    changed
        .chain(standing.map(|one| &one.object))
        .find_map(home)
}

/// The minor of an object. What nodes have that start from an image of their own is told by the image only.
fn version(object: Option<&Value>) -> Option<u32> {
    let version = text(object, "version").filter(|_| !has_own_image(object));
    version.and_then(minor)
}

/// Whether nodes start from an image of their own.
fn has_own_image(object: Option<&Value>) -> bool {
    text(object, "ami_type") == Some("CUSTOM")
}

/// What becomes of all objects of a type, by their names. What another connection reaches counts where it lives in the
/// same region and account.
fn courses<'p, N: Ord>(
    plan: &'p Preflight<'_>,
    resource_type: &str,
    name: impl Fn(&'p Value) -> Option<N>,
) -> BTreeMap<N, Course<'p>> {
    let mut courses: BTreeMap<N, Course<'p>> = BTreeMap::new();
    let here = home_of(plan, None);
    // What is still to be made lives where its connection has other objects.
    let is_here = |object: &'p Value, by: Option<Elsewhere>| {
        let home = || home(object).or_else(|| home_of(plan, by));
        by.is_none() || (here.is_some() && home() == here)
    };
    let standing = plan.standing.iter();
    for one in standing.filter(|one| one.resource_type == resource_type) {
        let named = name(&one.object).filter(|_| is_here(&one.object, one.elsewhere));
        if let Some(name) = named {
            let course = courses.entry(name).or_default();
            course.now = version(Some(&one.object));
            course.address = one.address;
        }
    }
    let changes = plan.all().enumerate();
    for (at, change) in changes.filter(|(_, one)| *one.address.resource_type == *resource_type) {
        let object = change.prior.as_ref().or(change.planned.as_ref());
        let object = object.filter(|&object| is_here(object, change.elsewhere));
        let Some(name) = object.and_then(&name) else {
            continue;
        };
        let course = courses.entry(name).or_default();
        if course.changes.is_empty() {
            course.now = version(change.prior.as_ref());
            course.made = (change.operation == Operation::Create).then_some(at);
            course.follows = !has_own_image(change.planned.as_ref());
            course.address = Some(change.address);
        }
        let outcome = match (change.operation, version(change.planned.as_ref())) {
            (Operation::Delete, _) => Outcome::Gone,
            (Operation::Create | Operation::Update, Some(minor)) => Outcome::At(minor),
            (Operation::Create | Operation::Update, None) => Outcome::Unknown,
        };
        course.changes.push((at, outcome));
    }
    courses
}

/// The node groups that stop a control plane.
fn behind(plan: &Preflight<'_>, groups: &Groups<'_>, planes: &Planes<'_>) -> Vec<Finding> {
    let mut found: BTreeMap<Pool<'_>, Finding> = BTreeMap::new();
    for (at, change) in of_type(plan, (Clusters::NAME, Operation::Update)) {
        let versions = version(change.prior.as_ref()).zip(version(change.planned.as_ref()));
        let Some((_, to)) = versions.filter(|(before, after)| after > before) else {
            continue;
        };
        let Some(cluster) = text(change.prior.as_ref(), "name") else {
            continue;
        };
        let done = plan.nodes_before(at);
        let Some(plane) = planes.get(cluster) else {
            continue;
        };
        for (name, group) in groups.iter().filter(|((own, _), _)| *own == cluster) {
            let come = || group.may_come_with(plan, (plane, at));
            let minor = group.then(&done).or_else(come);
            if let Some(minor) = minor.filter(|minor| minor + 1 < to) {
                let now = plane.now;
                let stopped = Stopped { at, to, now };
                // The first version that it stops says enough, and the first of two objects.
                let pool = group.address.map_or(Pool::Foreign(*name), Pool::Known);
                let entry = found.entry(pool);
                entry.or_insert_with(|| stopped.by(*name, group, minor));
            }
        }
    }
    found.into_values().collect()
}

/// A control plane that cannot go on.
struct Stopped {
    /// The change that takes it on.
    at: usize,
    /// To this minor.
    to: u32,
    /// What it has before the run.
    now: Option<u32>,
}

impl Stopped {
    fn by(&self, (cluster, name): GroupName<'_>, group: &Course<'_>, minor: u32) -> Finding {
        let Stopped { at, to, now } = *self;
        let until = to - 1;
        let not_so_far = match now {
            Some(now) if now < until => format!(", or raise the cluster to 1.{until} first"),
            Some(_) | None => String::new(),
        };
        let goes = group
            .changes
            .iter()
            .any(|(_, outcome)| *outcome == Outcome::Gone);
        let raise = format!("EKS does not raise the control plane of {cluster} to 1.{to}");
        let (message, hint) = if group.address.is_none() {
            (
                format!(
                    "The node group {name} is at 1.{minor} and not managed by this project, and {raise} while a node \
                     group is behind it."
                ),
                format!("Have whoever manages it bring it to 1.{until}, or import it{not_so_far}."),
            )
        } else if group.made.is_some() {
            let is = if group.has_version() { "is" } else { "may be" };
            (
                format!(
                    "The node group {name} {is} made with 1.{minor} in this run, and {raise} while a node group is \
                     behind it."
                ),
                "Give it the version of its cluster, and let it wait for it: version and cluster_name refer to it, \
                 such as aws_eks_cluster.main.version."
                    .to_owned(),
            )
        } else if group.reaches(until) {
            let why = if goes {
                " It goes in this run, and nothing makes it go before that."
            } else {
                ""
            };
            (
                format!(
                    "The node group {name} may still be at 1.{minor} when the control plane of {cluster} goes on to \
                     1.{to}, and EKS does not raise a control plane while a node group is behind it.{why}"
                ),
                format!(
                    "Make this change first, with the version that the cluster has now{not_so_far}."
                ),
            )
        } else {
            (
                format!(
                    "The node group {name} stays at 1.{minor} in this run, and {raise} while a node group is behind it."
                ),
                format!(
                    "Bring the node group to 1.{until} in the same run or before it{not_so_far}."
                ),
            )
        };
        Finding {
            severity: Severity::Error,
            kind: FindingKind::Refused,
            change: group
                .changes
                .first()
                .map(|(change, _)| *change)
                .or(Some(at)),
            message,
            hint,
        }
    }
}

/// The node groups that would be newer than their control plane.
fn newer(plan: &Preflight<'_>, planes: &Planes<'_>) -> Vec<Finding> {
    let mut found: BTreeMap<GroupName<'_>, Finding> = BTreeMap::new();
    let created = of_type(plan, (NodeGroups::NAME, Operation::Create));
    let updated = of_type(plan, (NodeGroups::NAME, Operation::Update));
    for (at, change) in created.chain(updated) {
        let to = version(change.planned.as_ref());
        let Some(to) = to.filter(|to| version(change.prior.as_ref()) != Some(*to)) else {
            continue;
        };
        let Some((cluster, name)) = change.planned.as_ref().and_then(group_name) else {
            continue;
        };
        let Some(plane) = planes.get(cluster) else {
            continue;
        };
        let then = plane.then(&plan.nodes_before(at));
        let Some(minor) = then.filter(|minor| to > *minor) else {
            continue;
        };
        let (may, hint) = if plane.reaches(to) {
            let hint = "Let the node group wait for its cluster: refer to it in cluster_name, such as \
                        aws_eks_cluster.main.name.";
            ("may go", hint.to_owned())
        } else {
            let hint =
                format!("Give the node group the version 1.{minor}, or raise the cluster, too.");
            ("goes", hint)
        };
        found.entry((cluster, name)).or_insert_with(|| Finding {
            severity: Severity::Error,
            kind: FindingKind::Refused,
            change: Some(at),
            message: format!(
                "The node group {name} {may} to 1.{to} while the control plane of {cluster} is at 1.{minor}, and EKS \
                 takes no nodes that are newer than their control plane."
            ),
            hint,
        });
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use strata_model::Address;
    use strata_model::preflight::{Intended, Standing};

    use super::*;

    fn cluster(version: &str) -> Value {
        Value::object([("name", "c"), ("version", version)].map(|(name, text)| (name, text.into())))
    }

    fn group(name: &str, version: &str) -> Value {
        let fields = [
            ("cluster_name", "c"),
            ("node_group_name", name),
            ("version", version),
        ];
        Value::object(fields.map(|(name, text)| (name, text.into())))
    }

    type Change<'c> = (&'c str, Option<Value>, Option<Value>);

    /// Looks at changes of which each comes after all of those before it.
    #[track_caller]
    fn check(changes: &[Change<'_>], expected: &[(usize, &str)]) {
        check_beside(changes, &[], expected);
    }

    /// As [`check`], with node groups that stay as they are.
    #[track_caller]
    fn check_beside(changes: &[Change<'_>], groups: &[Value], expected: &[(usize, &str)]) {
        let after = (0..changes.len()).map(|at| (0..at).collect());
        check_in_order(changes, groups, (after.collect(), expected));
    }

    #[track_caller]
    fn check_in_order(
        changes: &[Change<'_>],
        groups: &[Value],
        (after, expected): (Vec<Vec<usize>>, &[(usize, &str)]),
    ) {
        let recorded = Address::parse("aws_eks_node_group.recorded").unwrap();
        let standing = groups.iter().map(|group| Standing {
            resource_type: NodeGroups::NAME,
            object: group.clone(),
            address: Some(&recorded),
            elsewhere: None,
        });
        let addresses = addresses(changes);
        let found = find(&Preflight {
            changes: intended(&addresses, changes),
            after,
            standing: standing.collect(),
            ..Preflight::default()
        });
        expect(&found, expected);
    }

    fn addresses(changes: &[Change<'_>]) -> Vec<Address> {
        let addresses = changes.iter();
        addresses
            .map(|(address, ..)| Address::parse(address).unwrap())
            .collect()
    }

    fn intended<'a>(addresses: &'a [Address], changes: &[Change<'_>]) -> Vec<Intended<'a>> {
        let intended = addresses.iter().zip(changes);
        let intended = intended.map(|(address, (_, prior, planned))| Intended {
            address,
            operation: match (prior, planned) {
                (None, _) => Operation::Create,
                (Some(_), Some(_)) => Operation::Update,
                (Some(_), None) => Operation::Delete,
            },
            prior: prior.clone(),
            planned: planned.clone(),
            elsewhere: None,
        });
        intended.collect()
    }

    /// The same, by another connection.
    fn intended_elsewhere<'a>(
        addresses: &'a [Address],
        changes: &[Change<'_>],
    ) -> Vec<Intended<'a>> {
        let mut intended = intended(addresses, changes);
        for change in &mut intended {
            change.elsewhere = Some(Elsewhere(0));
        }
        intended
    }

    #[track_caller]
    fn expect(found: &[Finding], expected: &[(usize, &str)]) {
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (finding, (change, told)) in found.iter().zip(expected) {
            assert_eq!(finding.change, Some(*change));
            let said = format!("{} {}", finding.message, finding.hint);
            assert!(said.contains(told), "{said}");
        }
    }

    fn plane(from: &str, to: &str) -> Change<'static> {
        ("aws_eks_cluster.c", Some(cluster(from)), Some(cluster(to)))
    }

    fn pool(from: Option<&str>, to: Option<&str>) -> Change<'static> {
        let at = |version: Option<&str>| version.map(|version| group("g", version));
        ("aws_eks_node_group.g", at(from), at(to))
    }

    #[test]
    fn a_group_that_stays_stops_the_second_minor() {
        let stays = [group("g", "1.33")];
        let (first, second) = (plane("1.33", "1.34"), plane("1.34", "1.35"));
        check_beside(std::slice::from_ref(&first), &stays, &[]);
        let told = [(
            1,
            "g stays at 1.33 in this run, and EKS does not raise the control plane of c to 1.35",
        )];
        check_beside(&[first.clone(), second.clone()], &stays, &told);
        let either = [(1, "or raise the cluster to 1.34 first")];
        check_beside(&[first.clone(), second.clone()], &stays, &either);
        // A change that leaves the version as it is does not help.
        let label = pool(Some("1.33"), Some("1.33"));
        check(&[first, label, second.clone()], &[(1, "stays at 1.33")]);
        // It is behind already: there is nothing less to raise the cluster to.
        check_beside(
            std::slice::from_ref(&second),
            &stays,
            &[(0, "in the same run or before it.")],
        );
    }

    #[test]
    fn no_group_is_newer_than_its_control_plane() {
        let up = pool(Some("1.33"), Some("1.34"));
        let raise = plane("1.33", "1.34");
        check(&[raise.clone(), up.clone()], &[]);
        let unordered = vec![vec![], vec![]];
        let told = [(1, "may go to 1.34 while the control plane of c is at 1.33")];
        check_in_order(&[raise.clone(), up.clone()], &[], (unordered, &told));
        let new = pool(None, Some("1.35"));
        check(
            &[raise.clone(), new],
            &[(1, "Give the node group the version 1.34")],
        );
        // A cluster that is made first, and one that nobody knows of.
        let made = ("aws_eks_cluster.c", None, Some(cluster("1.34")));
        check(&[made, pool(None, Some("1.34"))], &[]);
        check(&[up], &[]);
    }

    #[test]
    fn a_group_that_goes_late_stops_the_second_minor() {
        let pool = |from, to| pool(Some(from), to);
        let first = plane("1.33", "1.34");
        let second = plane("1.34", "1.35");
        let late = pool("1.33", None);
        check(&[first.clone(), late.clone()], &[]);
        check(
            &[first.clone(), second.clone(), late.clone()],
            &[(
                2,
                "still be at 1.33 when the control plane of c goes on to 1.35",
            )],
        );
        check(&[first.clone(), late, second.clone()], &[]);
        // One that keeps pace, and one that does not.
        let (up, up_more) = (pool("1.33", Some("1.34")), pool("1.34", Some("1.35")));
        check(
            &[first.clone(), up.clone(), second.clone(), up_more.clone()],
            &[],
        );
        check(
            &[first.clone(), second.clone(), up, up_more],
            &[(2, "1.33")],
        );
        // One that was behind before, and that of another cluster.
        check(&[second.clone(), pool("1.33", None)], &[(1, "1.35")]);
        let mut other = pool("1.33", None);
        other.1 = other.1.map(|prior| {
            let path = strata_model::AttributePath::attribute("cluster_name");
            prior.with_at(&path, "d".into())
        });
        check(&[first, second, other], &[]);
    }

    #[test]
    fn a_group_of_nobody_here_is_told_as_such() {
        let changes = [plane("1.33", "1.34"), plane("1.34", "1.35")];
        let addresses = addresses(&changes);
        let found = find(&Preflight {
            changes: intended(&addresses, &changes),
            after: vec![vec![], vec![0]],
            standing: vec![Standing {
                resource_type: NodeGroups::NAME,
                object: group("theirs", "1.33"),
                address: None,
                elsewhere: None,
            }],
            ..Preflight::default()
        });
        expect(&found, &[(1, "is at 1.33 and not managed by this project")]);
        expect(&found, &[(1, "bring it to 1.34, or import it, or raise")]);
    }

    #[test]
    fn two_objects_of_one_pool_are_told_of_once() {
        let (first, second) = (plane("1.33", "1.34"), plane("1.34", "1.35"));
        let gone = |name| ("aws_eks_node_group.g", Some(group(name, "1.33")), None);
        let told = [(2, "still be at 1.33")];
        check(&[first, second, gone("g-new"), gone("g-old")], &told);
    }

    #[test]
    fn a_new_group_that_does_not_wait_is_not_older_than_what_comes() {
        let (first, second) = (plane("1.33", "1.34"), plane("1.34", "1.35"));
        let new = |version| pool(None, Some(version));
        let changes = [first.clone(), second.clone(), new("1.33")];
        let alone = vec![vec![], vec![0], vec![]];
        let told = [(2, "is made with 1.33 in this run")];
        check_in_order(&changes, &[], (alone, &told));
        // By one minor EKS goes on, and one that waits comes when all is done.
        check_in_order(&[first, new("1.33")], &[], (vec![vec![], vec![]], &[]));
        check(&changes, &[]);
    }

    #[test]
    fn a_new_group_without_a_version_gets_that_of_its_cluster_then() {
        let (first, second) = (plane("1.33", "1.34"), plane("1.34", "1.35"));
        let fields = [("cluster_name", "c"), ("node_group_name", "g")];
        let bare = Value::object(fields.map(|(name, text)| (name, text.into())));
        let path = strata_model::AttributePath::attribute("ami_type");
        let own_image = bare.with_at(&path, "CUSTOM".into());
        let changes = |group: &Value| {
            let new = ("aws_eks_node_group.g", None, Some(group.clone()));
            [first.clone(), second.clone(), new]
        };
        let after = |group: &[usize]| vec![vec![], vec![0], group.to_vec()];
        let told = [(2, "may be made with 1.33 in this run")];
        check_in_order(&changes(&bare), &[], (after(&[]), &told));
        check_in_order(&changes(&bare), &[], (after(&[0]), &[]));
        check_in_order(&changes(&bare), &[], (after(&[0, 1]), &[]));
        check_in_order(&changes(&own_image), &[], (after(&[]), &[]));
    }

    /// An object of a region.
    fn of(region: &str, object: &Value) -> Value {
        let arn = format!("arn:aws:eks:{region}:111122223333:some/thing");
        object.with_at(&strata_model::AttributePath::attribute("arn"), arn.into())
    }

    /// Looks at a control plane that climbs two minors, and at the changes of a group that another connection makes.
    #[track_caller]
    fn check_elsewhere(region: &str, to: &[&str], (before, expected): (bool, &[(usize, &str)])) {
        let here = |change: Change<'static>| {
            let in_it = |object: Option<Value>| object.map(|object| of("here", &object));
            (change.0, in_it(change.1), in_it(change.2))
        };
        let own = [plane("1.33", "1.34"), plane("1.34", "1.35")].map(here);
        let versions = [&["1.33"], to].concat();
        let at = |version: &str| Some(of(region, &group("g", version)));
        let others: Vec<Change<'_>> = versions
            .windows(2)
            .map(|pair| ("aws_eks_node_group.g", at(pair[0]), at(pair[1])))
            .collect();
        let mut after = vec![vec![], vec![0]];
        after.resize(2 + others.len(), vec![0]);
        if before && !others.is_empty() {
            after[1].push(2);
        }
        let (own_addresses, other_addresses) = (addresses(&own), addresses(&others));
        let found = find(&Preflight {
            changes: intended(&own_addresses, &own),
            elsewhere: intended_elsewhere(&other_addresses, &others),
            after,
            ..Preflight::default()
        });
        expect(&found, expected);
    }

    #[test]
    fn groups_of_another_connection_are_judged_where_they_are_of_the_same_region() {
        check_elsewhere("here", &["1.34"], (true, &[]));
        check_elsewhere("here", &["1.34"], (false, &[(2, "may still be at 1.33")]));
        // It changes, but not its version.
        check_elsewhere("here", &["1.33"], (true, &[(2, "stays at 1.33")]));
        check_elsewhere("there", &["1.33"], (true, &[]));
    }

    #[test]
    fn a_new_group_lives_where_its_connection_has_others() {
        let raised = [("1.33", "1.34"), ("1.34", "1.35")].map(|(from, to)| {
            let at = |version| Some(of("here", &cluster(version)));
            ("aws_eks_cluster.c", at(from), at(to))
        });
        let new = [("aws_eks_node_group.g", None, Some(group("g", "1.33")))];
        let addresses = [addresses(&raised), addresses(&new)];
        for (region, expected) in [("here", 1), ("there", 0)] {
            let other = of(region, &group("other", "1.34"));
            let standing = |by| Standing {
                resource_type: NodeGroups::NAME,
                object: other.clone(),
                address: Some(&addresses[1][0]),
                elsewhere: Some(Elsewhere(by)),
            };
            let found = |by| {
                find(&Preflight {
                    changes: intended(&addresses[0], &raised),
                    elsewhere: intended_elsewhere(&addresses[1], &new),
                    after: vec![vec![], vec![0], vec![]],
                    standing: vec![standing(by)],
                    ..Preflight::default()
                })
            };
            assert_eq!(found(0).len(), expected, "{region}: {:?}", found(0));
            // Of a connection that has nothing yet nobody knows.
            assert!(found(1).is_empty(), "{region}: {:?}", found(1));
        }
    }

    #[test]
    fn a_group_that_stays_is_judged_where_it_is_of_the_same_region() {
        let recorded = Address::parse("aws_eks_node_group.g").unwrap();
        for (region, expected) in [("here", 1), ("there", 0)] {
            let raised = [("1.33", "1.34"), ("1.34", "1.35")].map(|(from, to)| {
                let at = |version| Some(of("here", &cluster(version)));
                ("aws_eks_cluster.c", at(from), at(to))
            });
            let addresses = addresses(&raised);
            let found = find(&Preflight {
                changes: intended(&addresses, &raised),
                after: vec![vec![], vec![0]],
                standing: vec![Standing {
                    resource_type: NodeGroups::NAME,
                    object: of(region, &group("g", "1.33")),
                    address: Some(&recorded),
                    elsewhere: Some(Elsewhere(0)),
                }],
                ..Preflight::default()
            });
            assert_eq!(found.len(), expected, "{region}: {found:?}");
        }
    }
}
