//! Pictures from addresses, web pages and exports, kept in a folder with a manifest.
//!
//! A program that fetches what it is told to can be sent where the one who tells it cannot go: to the
//! machines around it, to itself, to the metadata of its cloud. So a host's name is resolved once,
//! every address that it has must be one of the open internet, and the connection goes to exactly
//! these addresses: an answer of DNS that changes afterwards changes nothing. Each redirect is a new
//! address and is treated as such. That is [`Network`]; the server fetches pictures for requests with
//! it.
//!
//! A [`Collector`] fetches many: few at a time, slowly at each host, patient with servers that ask for
//! patience. [`export`] reads what a downloader has left. Both keep what they find in a [`Folder`],
//! which never holds half a file, keeps equal pictures once, and writes down where everything came
//! from.

mod addresses;
mod collect;
mod date;
mod error;
pub mod export;
mod folder;
mod lines;
mod location;
mod manifest;
mod names;
mod network;
mod page;
mod picture;
pub mod testing;
mod workers;

pub use addresses::is_public;
pub use collect::{CollectOptions, Collector, Wanted};
pub use date::{DateError, Moment};
pub use error::{FetchError, FolderError};
pub use folder::Folder;
pub use lines::append_line;
pub use location::Location;
pub use manifest::{Entry, MANIFEST, Reason, Source, Status, Taken, TakenFrom};
pub use network::{Answer, Body, Deadline, MAX_REDIRECTS, Network, Request, Validators};
pub use page::pictures_of;
pub use picture::PictureLimits;
