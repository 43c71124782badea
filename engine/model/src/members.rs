//! The members of maps and objects.

use std::sync::Arc;

use crate::value::Value;

/// Up to so many members are looked through one by one.
const FEW: usize = 8;

/// Values by name, in the order of the names.
///
/// A sorted list and not a tree: most objects have a handful of members, are made once and never change, and a plan
/// holds tens of thousands of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Members(Vec<(Arc<str>, Value)>);

impl Members {
    /// No members.
    pub fn new() -> Self {
        Self::default()
    }

    /// No members, with room for some.
    pub fn with_capacity(count: usize) -> Self {
        Members(Vec::with_capacity(count))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        if self.0.len() <= FEW {
            let found = self.0.iter().position(|(other, _)| **other == *name);
            if let Some(at) = found {
                return Ok(at);
            }
        }
        self.0.binary_search_by(|(other, _)| (**other).cmp(name))
    }

    /// The member of a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        if self.0.len() <= FEW {
            let found = self.0.iter().find(|(other, _)| **other == *name);
            return found.map(|(_, value)| value);
        }
        self.find(name).ok().map(|at| &self.0[at].1)
    }

    /// The member of a name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.find(name).ok().map(|at| &mut self.0[at].1)
    }

    /// Whether there is a member of a name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets a member; gives what was there before.
    pub fn insert(&mut self, name: Arc<str>, value: Value) -> Option<Value> {
        // Most are made in their order.
        if self.0.last().is_none_or(|(last, _)| **last < *name) {
            self.0.push((name, value));
            return None;
        }
        match self.find(&name) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (name, value));
                None
            }
        }
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.find(name).ok().map(|at| self.0.remove(at).1)
    }

    /// The names and values, in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.0.iter())
    }

    /// The names, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &Arc<str>> + ExactSizeIterator {
        self.0.iter().map(|(name, _)| name)
    }

    /// The values, in the order of their names.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Value> + ExactSizeIterator {
        self.0.iter().map(|(_, value)| value)
    }
}

/// Goes through names and values.
#[derive(Debug, Clone)]
pub struct Iter<'a>(std::slice::Iter<'a, (Arc<str>, Value)>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a Arc<str>, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, value)| (name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(name, value)| (name, value))
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> IntoIterator for &'a Members {
    type Item = (&'a Arc<str>, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl IntoIterator for Members {
    type Item = (Arc<str>, Value);
    type IntoIter = std::vec::IntoIter<(Arc<str>, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(Arc<str>, Value)> for Members {
    /// Of several values of one name the last one counts.
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Value)>>(members: I) -> Self {
        let mut members: Vec<(Arc<str>, Value)> = members.into_iter().collect();
        if !members.is_sorted_by(|left, right| left.0 < right.0) {
            members.sort_by(|left, right| left.0.cmp(&right.0));
            // `dedup_by` keeps the earlier one, so the later one is put in its place.
            members.dedup_by(|later, earlier| {
                let same = later.0 == earlier.0;
                if same {
                    std::mem::swap(&mut later.1, &mut earlier.1);
                }
                same
            });
        }
        members.shrink_to_fit();
        Members(members)
    }
}

impl Extend<(Arc<str>, Value)> for Members {
    fn extend<I: IntoIterator<Item = (Arc<str>, Value)>>(&mut self, members: I) {
        for (name, value) in members {
            self.insert(name, value);
        }
    }
}

impl From<std::collections::BTreeMap<Arc<str>, Value>> for Members {
    fn from(members: std::collections::BTreeMap<Arc<str>, Value>) -> Self {
        Members(members.into_iter().collect())
    }
}

impl<const N: usize> From<[(Arc<str>, Value); N]> for Members {
    fn from(members: [(Arc<str>, Value); N]) -> Self {
        members.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(names: &[(&str, i64)]) -> Members {
        let members = names
            .iter()
            .map(|(name, number)| (Arc::from(*name), Value::number(*number)));
        members.collect()
    }

    #[test]
    fn they_are_in_order_and_the_last_of_a_name_counts() {
        let made = members(&[("b", 1), ("a", 2), ("b", 3)]);
        let names: Vec<&str> = made.keys().map(AsRef::as_ref).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(made.get("b").and_then(Value::as_i64), Some(3));
        assert!(made == members(&[("a", 2), ("b", 3)]));
    }

    #[test]
    fn they_are_found_and_changed_few_or_many() {
        for count in [3_i64, 40] {
            let mut many = Members::new();
            for number in (0..count).rev() {
                assert!(
                    many.insert(format!("k{number:02}").into(), Value::number(number))
                        .is_none()
                );
            }
            assert_eq!(many.len(), usize::try_from(count).unwrap());
            assert!(many.keys().is_sorted());
            for number in 0..count {
                let found = many.get(&format!("k{number:02}"));
                assert_eq!(found.and_then(Value::as_i64), Some(number));
            }
            assert!(many.get("k").is_none() && !many.contains_key("x"));
            assert!(many.insert("k01".into(), Value::null()).is_some());
            assert!(many.get("k01").is_some_and(Value::is_null));
            assert!(many.remove("k01").is_some() && many.remove("k01").is_none());
            assert_eq!(many.iter().count() + 1, usize::try_from(count).unwrap());
        }
    }
}
