//! Models: what can be installed, where it comes from, under which licence, and where it lives.
//!
//! A [`Catalogue`] pins every file by SHA-256. A [`Store`] is a directory that holds installed
//! files; [`Store::pull`] fetches what a pack lacks, [`Store::add`] installs from local files (also
//! networks of one's own), [`Store::verify`] hashes everything again, and
//! [`Store::resolve_detector`] and [`Store::resolve_embedder`] give what the recogniser needs.
//!
//! ```no_run
//! use prosopon_models::{PullOptions, Store};
//!
//! let store = Store::open()?;
//! store.pull("default", &PullOptions::default())?;
//! let embedder = store.resolve_embedder(None)?;
//! println!("{} at {}", embedder.id, embedder.path.display());
//! # Ok::<(), prosopon_models::ModelsError>(())
//! ```

mod add;
pub mod agreement;
mod archive;
mod calibrations;
mod cascades;
pub mod catalogue;
mod digest;
mod error;
mod hint;
mod home;
mod install;
pub mod own;
mod progress;
mod pull;
pub mod quantize;
mod resolve;
mod source;
mod status;
mod store;
#[cfg(test)]
mod testing;

pub use add::Added;
pub use calibrations::ModelCalibrations;
pub use cascades::ResolvedCascade;
pub use catalogue::Catalogue;
pub use digest::Digest;
pub use error::{Attempt, ModelsError, Result};
pub use home::data_directory;
pub use progress::{Progress, Silent};
pub use pull::{PullOptions, PullReport};
pub use resolve::{DetectorModel, ResolvedModel};
pub use status::{FileState, FileStatus};
pub use store::Store;

/// Compiles the example on the front page, which needs models and the library.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct FrontPage;
