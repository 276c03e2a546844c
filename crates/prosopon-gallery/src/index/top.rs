//! The best few of many, one per group.

use std::cmp::Ordering;

use crate::face::FaceId;

/// What a rank is decided by: higher similarity first, then lower face id.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rank {
    pub(super) similarity: f32,
    pub(super) face: FaceId,
}

impl Rank {
    /// [`Ordering::Less`] if `self` comes first in an answer.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        other
            .similarity
            .total_cmp(&self.similarity)
            .then(self.face.cmp(&other.face))
    }
}

/// The best `k` groups seen so far, each by its best member.
///
/// Kept unsorted, because most of what is offered is worse than all of them.
#[derive(Debug)]
pub(super) struct Top {
    k: usize,
    entries: Vec<(i64, Rank)>,
    /// Position of the last in rank, once there are `k`.
    worst: usize,
}

impl Top {
    pub(super) fn new(k: usize) -> Self {
        Self {
            k,
            entries: Vec::with_capacity(k),
            worst: 0,
        }
    }

    /// The similarity below which nothing can enter; minus infinity while there is room.
    #[inline]
    pub(super) fn floor(&self) -> f32 {
        if self.entries.len() < self.k {
            f32::NEG_INFINITY
        } else {
            self.entries
                .get(self.worst)
                .map_or(f32::INFINITY, |(_, rank)| rank.similarity)
        }
    }

    /// Takes `rank` for `group` if it is good enough.
    pub(super) fn offer(&mut self, group: i64, rank: Rank) {
        if rank.similarity < self.floor() {
            return;
        }
        let better = |old: &Rank| rank.order(old) == Ordering::Less;
        if let Some((_, old)) = self.entries.iter_mut().find(|(g, _)| *g == group) {
            if better(old) {
                *old = rank;
            }
        } else if self.entries.len() < self.k {
            self.entries.push((group, rank));
        } else if better(&self.entries[self.worst].1) {
            self.entries[self.worst] = (group, rank);
        } else {
            return;
        }
        let last = |a: &(usize, Rank), b: &(usize, Rank)| a.1.order(&b.1);
        self.worst = self
            .entries
            .iter()
            .map(|(_, rank)| *rank)
            .enumerate()
            .max_by(last)
            .map_or(0, |(position, _)| position);
    }

    /// The entries in order of rank.
    pub(super) fn into_sorted(mut self) -> Vec<(i64, Rank)> {
        self.entries.sort_by(|a, b| a.1.order(&b.1));
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top_of(k: usize, offers: &[(i64, f32, i64)]) -> Vec<(i64, i64)> {
        let mut top = Top::new(k);
        for &(group, similarity, face) in offers {
            let face = FaceId(face);
            top.offer(group, Rank { similarity, face });
        }
        let sorted = top.into_sorted();
        sorted.iter().map(|(g, r)| (*g, r.face.0)).collect()
    }

    #[test]
    fn keeps_the_best_of_each_group() {
        let offers = [(1, 0.2, 10), (2, 0.5, 11), (1, 0.9, 12), (3, 0.4, 13)];
        assert_eq!(top_of(2, &offers), [(1, 12), (2, 11)]);
        assert_eq!(top_of(9, &offers), [(1, 12), (2, 11), (3, 13)]);
        assert_eq!(top_of(0, &offers), []);
    }

    #[test]
    fn equal_ones_go_by_face() {
        let offers = [(5, 0.5, 9), (4, 0.5, 3), (3, 0.5, 7), (4, 0.5, 1)];
        assert_eq!(top_of(2, &offers), [(4, 1), (3, 7)]);
    }

    #[test]
    fn a_group_that_fell_out_can_come_back() {
        let offers = [(1, 0.1, 1), (2, 0.2, 2), (1, 0.3, 3)];
        assert_eq!(top_of(1, &offers), [(1, 3)]);
    }
}
