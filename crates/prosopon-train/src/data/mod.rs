//! Data sets: labelled pictures, the values taken of them, and what could not be used.

mod builder;
mod features;
mod listing;
pub mod npy;
mod saved;
mod set;

pub use builder::{DataSetBuilder, Seen};
pub use features::Features;
pub use listing::{GroupBy, Listed, Listing, ListingError, PICTURE_ENDINGS, list_csv, list_folder};
pub use set::{DataSet, DataSetError, Sample, SkipReason, Skipped};

use serde::{Deserialize, Serialize};

/// On which side of the split a picture stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Wherever the split puts it.
    #[default]
    Any,
    /// It is learnt from.
    Training,
    /// It is only tried.
    HeldOut,
}
