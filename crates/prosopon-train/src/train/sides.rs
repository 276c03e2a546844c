//! What is learnt from and what is only tried.

use std::collections::BTreeSet;

use super::TrainOptions;
use crate::data::{DataSet, Side};
use crate::split::{SplitError, stratified_split};

/// The two sides of a data set, as places of samples.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sides {
    /// Learnt from.
    pub training: Vec<usize>,
    /// Only tried.
    pub held_out: Vec<usize>,
    /// Whether the data set's layout says so.
    pub are_given: bool,
}

impl Sides {
    /// Whether the data set says itself what is held out.
    pub fn are_given(data: &DataSet) -> bool {
        data.samples
            .iter()
            .any(|sample| sample.side == Side::HeldOut)
    }

    /// The data set's own, else a random share of each class; groups are kept together.
    pub(super) fn of(
        data: &DataSet,
        groups: &[usize],
        options: &TrainOptions,
    ) -> Result<Self, SplitError> {
        let all = 0..data.samples.len();
        if Self::are_given(data) {
            let (held_out, training) = all.partition(|i| data.samples[*i].side == Side::HeldOut);
            return Ok(Self {
                training,
                held_out,
                are_given: true,
            });
        }
        if options.held_out <= 0.0 {
            return Ok(Self {
                training: all.collect(),
                held_out: Vec::new(),
                are_given: false,
            });
        }
        let labels = data.labels();
        let split = stratified_split(&labels, Some(groups), options.held_out, options.seed)?;
        Ok(Self {
            training: split.training,
            held_out: split.held_out,
            are_given: false,
        })
    }

    /// What is to be said of samples that stand on both sides: of a data set with sides of its own these are not
    /// changed, but it should be known.
    pub(super) fn leaked(&self, groups: &[usize]) -> Vec<String> {
        let learnt: BTreeSet<usize> = self.training.iter().map(|i| groups[*i]).collect();
        let alike = self
            .held_out
            .iter()
            .filter(|i| learnt.contains(&groups[**i]));
        match alike.count() {
            0 => Vec::new(),
            n => vec![format!(
                "{n} of the {} held-out pictures are nearly the same as one that is learnt from, or of its group: \
                 the figures are better than they should be",
                self.held_out.len()
            )],
        }
    }
}
