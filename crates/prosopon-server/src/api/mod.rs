//! The native API under `/v1`: one file for each group of endpoints; handlers only translate.

pub(crate) mod album_groups;
pub(crate) mod albums;
pub(crate) mod annotate;
pub(crate) mod cameras;
pub(crate) mod classic;
pub(crate) mod classifiers;
mod collecting;
pub(crate) mod detect;
pub(crate) mod embed;
pub(crate) mod enrol;
pub(crate) mod evaluations;
pub(crate) mod events;
pub(crate) mod extract;
pub(crate) mod faces;
pub(crate) mod galleries;
pub(crate) mod health;
pub(crate) mod identify;
pub(crate) mod keys;
pub(crate) mod live;
pub(crate) mod models;
pub(crate) mod parameters;
pub(crate) mod previews;
pub(crate) mod pushed;
pub(crate) mod session;
pub(crate) mod subjects;
pub(crate) mod trainings;
pub(crate) mod types;
pub(crate) mod verify;

#[cfg(test)]
mod tests;
