//! Metric learning: networks whose outputs lie close together for one person and far apart for two.
//!
//! [`fit_embedder`] trains any network that ends in `l2_normalise`, on pictures or on embeddings of another
//! network. [`Head`] is the second kind: a small network behind a frozen one, for one's own people.

mod embedder;
mod fit;
mod head;
mod loss;
mod own;

pub use embedder::WithHead;
pub use fit::{MetricEpoch, MetricHistory, MetricOptions, fit_embedder};
pub use head::{Head, HeadError, HeadOptions, HeadReport, Separation, fit_head};
pub use loss::MetricLoss;
pub use own::fit_own;
