//! What can go wrong with an album.

use prosopon::cluster::ClusterError;

use super::types::{AlbumFaceId, GroupId};
use crate::store::StoreError;

/// Why an album could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AlbumError {
    /// The file where the records are.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The faces could not be grouped.
    #[error("could not group the faces")]
    Cluster(#[from] ClusterError),
    /// No group has this name or number.
    #[error("unknown group `{group}`")]
    UnknownGroup {
        /// What was given.
        group: String,
        /// The name that was probably meant.
        closest: Option<String>,
    },
    /// No face has this number.
    #[error("unknown face {id}")]
    UnknownFace {
        /// The number.
        id: AlbumFaceId,
    },
    /// Another group has this name.
    #[error("the name `{name}` is taken by group {group}")]
    NameTaken {
        /// The name.
        name: String,
        /// The group that has it.
        group: GroupId,
    },
    /// This cannot be a name.
    #[error("expected a name {expected}, found {name:?}")]
    InvalidName {
        /// What was given.
        name: String,
        /// What a name must be.
        expected: &'static str,
    },
    /// One group was given where two are needed.
    #[error("expected two groups, found group {group} twice")]
    SameGroup {
        /// The group.
        group: GroupId,
    },
    /// Faces of several groups were given where one group is split.
    #[error("expected faces of one group, found faces of groups {a} and {b}")]
    SeveralGroups {
        /// One group.
        a: GroupId,
        /// Another.
        b: GroupId,
    },
    /// A split that leaves nothing behind.
    #[error("expected some of the faces of group {group}, found all of them")]
    WholeGroup {
        /// The group.
        group: GroupId,
    },
    /// No face was given.
    #[error("expected at least one face, found none")]
    NoFaces,
    /// No decision is left to take back.
    #[error("there is no decision to undo")]
    NothingToUndo,
    /// No decision was taken back last.
    #[error("there is no decision to redo")]
    NothingToRedo,
}

impl AlbumError {
    /// What the user can do about it; one line.
    pub fn hint(&self) -> String {
        match self {
            Self::Store(error) => error.hint().to_owned(),
            Self::Cluster(_) => "check that all faces come from one model".to_owned(),
            Self::UnknownGroup {
                closest: Some(name),
                ..
            } => format!("did you mean `{name}`?"),
            Self::UnknownGroup { .. } => "`prosopon album list` shows all groups".to_owned(),
            Self::UnknownFace { .. } => "`prosopon album show GROUP` shows its faces".to_owned(),
            Self::NameTaken { .. } => "choose another name, or merge the two groups".to_owned(),
            Self::InvalidName { .. } => "choose another name".to_owned(),
            Self::SameGroup { .. } => "to take faces out of a group, split it".to_owned(),
            Self::SeveralGroups { .. } => "split one group at a time, or move the faces".to_owned(),
            Self::WholeGroup { .. } => "name the faces that are somebody else".to_owned(),
            Self::NoFaces => "name the faces by their numbers".to_owned(),
            Self::NothingToUndo | Self::NothingToRedo => {
                "`prosopon album history` shows all decisions".to_owned()
            }
        }
    }

    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Cluster(_) => "not_groupable",
            Self::UnknownGroup { .. } => "unknown_group",
            Self::UnknownFace { .. } => "unknown_face",
            Self::NameTaken { .. } => "name_taken",
            Self::InvalidName { .. } => "invalid_name",
            Self::SameGroup { .. } => "same_group",
            Self::SeveralGroups { .. } => "several_groups",
            Self::WholeGroup { .. } => "whole_group",
            Self::NoFaces => "no_faces",
            Self::NothingToUndo => "nothing_to_undo",
            Self::NothingToRedo => "nothing_to_redo",
        }
    }
}
