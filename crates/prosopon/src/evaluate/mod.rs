//! Measuring accuracy, so that every figure in the documentation has a command that prints it.
//!
//! [`scores`] is the heart: genuine and impostor similarities, error rates and their intervals.
//! [`verification`] and [`identification`] say what is reported of them (1:1 and 1:N), [`detection`]
//! judges boxes, [`gate`] turns a figure into pass or fail, [`report`] writes pages.

pub mod all_pairs;
mod bootstrap;
pub mod calibrate;
pub mod clusters;
pub mod detection;
pub mod folder;
pub mod gate;
pub mod grouping;
pub mod groups;
pub mod identification;
pub mod liveness;
pub mod pairs;
pub mod quality;
pub mod rate;
pub mod report;
pub mod scores;
mod table;
mod tally;
pub mod verification;

/// A small, seeded generator (`SplitMix64`, Steele et al. 2014) for resampling: the same seed gives
/// the same interval everywhere.
pub(crate) struct Resampler(pub(crate) u64);

impl Resampler {
    /// The next number of the sequence.
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.number()) * bound as u128) >> 64) as usize
    }
}
