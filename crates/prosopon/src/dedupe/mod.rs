//! Copies of one picture in a collection: byte for byte, resized, recompressed, slightly cropped.
//!
//! Three steps, each cheaper than the next: equal SHA-256; perceptual hashes of the picture and of
//! windows of it, which differ in few bits ([`Fingerprint`]); the window of one picture that shows the
//! other, found by moving it until both agree, and the structural similarity of the two
//! (`overlap.rs`).

mod fingerprint;
mod groups;
mod overlap;

use rayon::prelude::*;

use crate::classic::PerceptualHash;
use fingerprint::{Candidate, candidate};
pub use fingerprint::{Fingerprint, Sha256Digest};
use groups::Groups;

/// Bits of [`Fingerprint`]s that may differ before two pictures are no longer compared.
///
/// Random bits differ in 64 of 128 on average; copies that lie between two windows differ in more than others.
/// `tests/dedupe.rs` says what is found with it.
pub const MAX_DISTANCE: u32 = 24;

/// Least structural similarity of copies.
pub const MIN_SSIM: f64 = 0.75;

/// What counts as a copy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DedupeOptions {
    /// Bits of 128 that may differ before a pair is not looked at any more.
    pub max_distance: u32,
    /// Least structural similarity, in [−1, 1], of what two pictures share.
    pub min_ssim: f64,
}

impl Default for DedupeOptions {
    fn default() -> Self {
        Self {
            max_distance: MAX_DISTANCE,
            min_ssim: MIN_SSIM,
        }
    }
}

/// How a picture of a group was recognised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Likeness {
    /// It is the one to keep.
    Best,
    /// The same bytes as the best one.
    Exact,
    /// It shows the same; the structural similarity to the picture of the group that it is most
    /// like.
    Near(f64),
    /// Its hash differs in so many bits from the nearest one of the group.
    Hash(u32),
}

/// Pictures that are copies of each other.
#[derive(Debug, Clone, PartialEq)]
pub struct CopyGroup {
    /// Places in the list that was searched, the best copy first, then those in order.
    pub members: Vec<(usize, Likeness)>,
}

/// Groups of copies among `pictures`, in order of their first members; pictures without copies are
/// in none. `progress` is called once for each picture.
///
/// The best copy is the one with most pixels, of those the one with most bytes (the least
/// compressed), of those the first.
///
/// Time grows with the square of the number of pictures; memory does not.
pub fn find_copies(
    pictures: &[Fingerprint],
    options: &DedupeOptions,
    progress: impl Fn() + Sync,
) -> Vec<CopyGroup> {
    let mut groups = Groups::new(pictures.len());
    let exact = groups.join_equal(pictures.iter().map(|picture| picture.sha256));
    let firsts: Vec<usize> = (0..pictures.len()).filter(|&i| !exact[i]).collect();
    let skipped = pictures.len() - firsts.len();
    (0..skipped).for_each(|_| progress());
    // Groups grow between the blocks, which saves comparisons inside of large groups.
    for block in 0..firsts.len().div_ceil(BLOCK) {
        let rows = block * BLOCK..((block + 1) * BLOCK).min(firsts.len());
        let links: Vec<(usize, usize, f64)> = rows
            .into_par_iter()
            .flat_map_iter(|row| {
                let i = firsts[row];
                let later = firsts[row + 1..]
                    .iter()
                    .filter(|&&j| !groups.together(i, j));
                let found: Vec<_> = later
                    .filter_map(|&j| {
                        let near = candidate(&pictures[i], &pictures[j], options.max_distance)?;
                        let ssim = ssim_of(&pictures[i], &pictures[j], near, options.min_ssim)?;
                        Some((i, j, ssim))
                    })
                    .collect();
                progress();
                found
            })
            .collect();
        for (i, j, ssim) in links {
            groups.join(i, j, Likeness::Near(ssim));
        }
    }
    groups.finish(
        |i| (pictures[i].pixels(), pictures[i].bytes),
        |best, i| pictures[best].sha256 == pictures[i].sha256,
    )
}

/// Rows that are compared with all others before groups are joined.
const BLOCK: usize = 64;

/// The structural similarity of what two pictures share, if it is enough.
fn ssim_of(a: &Fingerprint, b: &Fingerprint, near: Candidate, min_ssim: f64) -> Option<f64> {
    let (outer, inner) = if near.swapped { (b, a) } else { (a, b) };
    let overlap = overlap::find(&outer.thumbnail, &inner.thumbnail, near.window);
    (overlap.is_plausible() && overlap.ssim >= min_ssim).then_some(overlap.ssim)
}

/// Groups of pictures whose hashes differ in at most `max_distance` bits, directly or from one to the
/// next; best copies and order as in [`find_copies`]. `size` gives pixels and bytes of a picture.
pub fn group_by_hash(
    hashes: &[PerceptualHash],
    max_distance: u32,
    size: impl Fn(usize) -> (u64, u64),
) -> Vec<CopyGroup> {
    let mut groups = Groups::new(hashes.len());
    let links: Vec<(usize, usize, u32)> = (0..hashes.len())
        .into_par_iter()
        .flat_map_iter(|i| {
            let later = i + 1..hashes.len();
            later.filter_map(move |j| {
                let distance = hashes[i].distance(&hashes[j])?;
                (distance <= max_distance).then_some((i, j, distance))
            })
        })
        .collect();
    for (i, j, distance) in links {
        groups.join(i, j, Likeness::Hash(distance));
    }
    groups.finish(size, |_, _| false)
}

#[cfg(test)]
mod tests;
