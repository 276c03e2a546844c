//! Joining pairs into groups.

use std::collections::BTreeMap;

use super::{CopyGroup, Likeness};

/// Which pictures belong together, and by what each was recognised.
pub(super) struct Groups {
    /// The picture that each was joined to, up to one that stands for the group: itself.
    parents: Vec<usize>,
    /// The best link of each picture.
    links: Vec<Option<Likeness>>,
}

impl Groups {
    pub(super) fn new(n: usize) -> Self {
        Self {
            parents: (0..n).collect(),
            links: vec![None; n],
        }
    }

    /// Joins pictures with equal keys; says of each picture whether one before it is equal.
    pub(super) fn join_equal<K: Ord>(&mut self, keys: impl Iterator<Item = K>) -> Vec<bool> {
        let mut first = BTreeMap::new();
        keys.enumerate()
            .map(|(i, key)| {
                let before = *first.entry(key).or_insert(i);
                if before != i {
                    self.join(before, i, Likeness::Exact);
                }
                before != i
            })
            .collect()
    }

    fn root(&self, mut i: usize) -> usize {
        while self.parents[i] != i {
            i = self.parents[i];
        }
        i
    }

    pub(super) fn together(&self, i: usize, j: usize) -> bool {
        self.root(i) == self.root(j)
    }

    pub(super) fn join(&mut self, i: usize, j: usize, link: Likeness) {
        for picture in [i, j] {
            let old = &mut self.links[picture];
            if old.is_none_or(|old| is_stronger(link, old)) {
                *old = Some(link);
            }
        }
        let (a, b) = (self.root(i), self.root(j));
        // The first picture stands for the group, and paths stay short.
        let (first, other) = (a.min(b), a.max(b));
        self.parents[other] = first;
        for picture in [i, j] {
            self.parents[picture] = first;
        }
        self.parents[first] = first;
    }

    /// The groups of more than one picture. `rank` orders copies, the highest is best; `is_exact` says
    /// whether a picture has the bytes of the best.
    pub(super) fn finish<R: Ord>(
        self,
        rank: impl Fn(usize) -> R,
        is_exact: impl Fn(usize, usize) -> bool,
    ) -> Vec<CopyGroup> {
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for i in 0..self.parents.len() {
            members.entry(self.root(i)).or_default().push(i);
        }
        let groups = members.into_values().filter(|group| group.len() > 1);
        groups
            .map(|group| {
                // Of equals the last is taken, so the order is turned around.
                let best = group.iter().rev().copied().max_by_key(|&i| rank(i));
                let best = best.unwrap_or(group[0]);
                let others = group.iter().copied().filter(|&i| i != best);
                let of = |i| {
                    if is_exact(best, i) {
                        (i, Likeness::Exact)
                    } else {
                        (i, self.likeness_in_group(i))
                    }
                };
                let members = std::iter::once((best, Likeness::Best)).chain(others.map(of));
                CopyGroup {
                    members: members.collect(),
                }
            })
            .collect()
    }

    /// What a picture was recognised by; an exact copy of a picture that is not the best was
    /// recognised by what that one was.
    fn likeness_in_group(&self, i: usize) -> Likeness {
        match self.links[i] {
            Some(Likeness::Exact) | None => {
                let root = self.root(i);
                let near = (0..self.parents.len())
                    .filter(|&j| self.root(j) == root)
                    .filter_map(|j| self.links[j])
                    .filter(|link| !matches!(link, Likeness::Exact | Likeness::Best));
                near.reduce(|a, b| if is_stronger(b, a) { b } else { a })
                    .unwrap_or(Likeness::Exact)
            }
            Some(link) => link,
        }
    }
}

fn is_stronger(new: Likeness, old: Likeness) -> bool {
    match (new, old) {
        (Likeness::Near(new), Likeness::Near(old)) => new > old,
        (Likeness::Hash(new), Likeness::Hash(old)) => new < old,
        // What was compared says more about a picture than that it has a twin.
        (Likeness::Near(_) | Likeness::Hash(_), Likeness::Exact) => true,
        _ => false,
    }
}
