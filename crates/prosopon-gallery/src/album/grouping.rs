//! Grouping all faces, and matching new groups to old ones.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use prosopon::cluster::{Clustering, Constraints};
use prosopon::{Embedding, Threshold};
use rusqlite::params;
use serde::Serialize;

use super::types::{AlbumFaceId, GroupId, PictureId};
use super::{Album, AlbumError, Session, from_bytes};
use crate::store::StoreError;

/// What grouping starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// The groups that there are: new faces join them, and groups may be joined; none is parted.
    #[default]
    Groups,
    /// What the user has confirmed, and nothing else.
    Decisions,
}

/// How to group.
#[derive(Clone, Copy)]
pub struct GroupingOptions<'a> {
    /// Groups are joined whose mean similarity reaches this.
    pub threshold: &'a Threshold,
    /// What to start from.
    pub start: Start,
    /// Whether a person may be in one picture twice: mirrors, collages, pictures of pictures.
    pub allows_twice_in_picture: bool,
    /// Is told how far the comparison is, from 0 to 1, from any thread.
    pub progress: &'a (dyn Fn(f64) + Sync),
}

impl std::fmt::Debug for GroupingOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GroupingOptions")
            .field("threshold", self.threshold)
            .field("start", &self.start)
            .field("allows_twice_in_picture", &self.allows_twice_in_picture)
            .finish_non_exhaustive()
    }
}

/// What grouping changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct GroupingReport {
    /// Faces that were grouped.
    pub faces: usize,
    /// Groups that there are now.
    pub groups: usize,
    /// Of those that were in a group, faces that are in another one now.
    pub moved_faces: usize,
}

/// How often to start again if the album is changed while its faces are compared.
const ATTEMPTS: usize = 3;

impl Album {
    /// Groups all faces. Nothing that the user decided is changed: see the module.
    ///
    /// A group keeps its number as long as most of its faces stay together: of the new groups, the one
    /// that has more of its faces than any other gets its number, larger shares first.
    ///
    /// # Errors
    /// [`AlbumError::Cluster`] if the threshold is of another model, [`AlbumError::Store`].
    pub fn regroup(&self, options: &GroupingOptions) -> Result<GroupingReport, AlbumError> {
        for _ in 0..ATTEMPTS {
            #[expect(
                clippy::redundant_closure_for_method_calls,
                reason = "the method itself would fix the lifetime of the session"
            )]
            let moment = self.read(|session| session.moment())?;
            let clusters = moment.clusters(options)?;
            let group_of = moment.matched(&clusters);
            // The comparison may take a minute, in which others may use the album.
            let report = self.write(|session| {
                if session.revision()? == moment.revision {
                    session
                        .put_into(&moment, &clusters, group_of.clone())
                        .map(Some)
                } else {
                    Ok(None)
                }
            })?;
            if let Some(report) = report {
                return Ok(report);
            }
        }
        Err(StoreError::Busy {
            file: self.place.format.kind,
            path: self.place.path.clone(),
        }
        .into())
    }
}

/// All that grouping needs to know, of one moment.
struct Moment {
    revision: i64,
    faces: Vec<FaceRecord>,
    embeddings: Vec<Embedding>,
}

struct FaceRecord {
    id: AlbumFaceId,
    picture: PictureId,
    /// None before it was ever grouped.
    group: Option<GroupId>,
    is_confirmed: bool,
}

impl Moment {
    /// The cluster of each face.
    fn clusters(&self, options: &GroupingOptions) -> Result<Vec<usize>, AlbumError> {
        let number = |id: i64| usize::try_from(id).unwrap_or_default();
        let group_of = |face: &FaceRecord| face.group.map(|group| number(group.0));
        let constraints = Constraints {
            known: self
                .faces
                .iter()
                .map(|face| group_of(face).filter(|_| face.is_confirmed))
                .collect(),
            pictures: if options.allows_twice_in_picture {
                Vec::new()
            } else {
                self.faces.iter().map(|f| number(f.picture.0)).collect()
            },
            ..Constraints::default()
        };
        let mut clustering = Clustering::new(options.threshold)
            .constraints(&constraints)
            .progress(options.progress);
        // Numbers of groups come first; a face without one is alone.
        let alone = self.faces.iter().filter_map(group_of).max().unwrap_or(0) + 1;
        let start: Vec<usize> = (alone..)
            .zip(&self.faces)
            .map(|(alone, face)| group_of(face).unwrap_or(alone))
            .collect();
        if options.start == Start::Groups {
            clustering = clustering.start(&start);
        }
        Ok(clustering.run(&self.embeddings)?)
    }

    /// The group that each cluster is; those that are missing are new.
    fn matched(&self, clusters: &[usize]) -> BTreeMap<usize, GroupId> {
        let mut group_of = BTreeMap::new();
        let mut shared: BTreeMap<(GroupId, usize), usize> = BTreeMap::new();
        for (face, &cluster) in self.faces.iter().zip(clusters) {
            if let Some(group) = face.group {
                if face.is_confirmed {
                    group_of.insert(cluster, group);
                }
                *shared.entry((group, cluster)).or_default() += 1;
            }
        }
        let mut taken: BTreeSet<GroupId> = group_of.values().copied().collect();
        let mut by_share: Vec<_> = shared.into_iter().collect();
        by_share.sort_by_key(|&((group, cluster), faces)| (Reverse(faces), group, cluster));
        for ((group, cluster), _) in by_share {
            if !taken.contains(&group) && !group_of.contains_key(&cluster) {
                taken.insert(group);
                group_of.insert(cluster, group);
            }
        }
        group_of
    }
}

impl Session<'_> {
    fn revision(&self) -> Result<i64, AlbumError> {
        self.number("SELECT revision FROM state")
    }

    fn moment(&self) -> Result<Moment, AlbumError> {
        let faces = self.all(
            "SELECT id, picture_id, group_id, is_confirmed FROM faces ORDER BY id",
            [],
            |row| {
                Ok(FaceRecord {
                    id: AlbumFaceId(row.get(0)?),
                    picture: PictureId(row.get(1)?),
                    group: row.get::<_, Option<i64>>(2)?.map(GroupId),
                    is_confirmed: row.get(3)?,
                })
            },
        )?;
        let damaged = || self.damaged("faces and embeddings do not pair up");
        let rows = self.all(
            "SELECT face_id, f32_little_endian FROM embeddings ORDER BY face_id",
            [],
            |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    from_bytes(row.get_ref(1)?.as_blob()?),
                ))
            },
        )?;
        if rows.len() != faces.len() {
            return Err(damaged().into());
        }
        let mut embeddings = Vec::with_capacity(faces.len());
        if let Some(binding) = self.binding()? {
            for (face, (id, values)) in faces.iter().zip(rows) {
                let values = values.filter(|values| values.len() == binding.dimension);
                let values = values.filter(|_| face.id.0 == id).ok_or_else(damaged)?;
                let embedding = Embedding::from_values(binding.model.clone(), values);
                embeddings.push(embedding.map_err(|_| damaged())?);
            }
        }
        if embeddings.len() != faces.len() {
            return Err(damaged().into());
        }
        Ok(Moment {
            revision: self.revision()?,
            faces,
            embeddings,
        })
    }

    fn put_into(
        &self,
        moment: &Moment,
        clusters: &[usize],
        mut group_of: BTreeMap<usize, GroupId>,
    ) -> Result<GroupingReport, AlbumError> {
        // Clusters come by falling size: the largest new group gets the first number.
        for cluster in clusters.iter().copied().collect::<BTreeSet<_>>() {
            if let Entry::Vacant(place) = group_of.entry(cluster) {
                let id = self.insert("INSERT INTO groups (name) VALUES (NULL)", [])?;
                place.insert(GroupId(id));
            }
        }
        let mut moved_faces = 0;
        for (face, cluster) in moment.faces.iter().zip(clusters) {
            let group = group_of[cluster];
            if face.group != Some(group) {
                moved_faces += usize::from(face.group.is_some());
                self.execute(
                    "UPDATE faces SET group_id = ?2 WHERE id = ?1",
                    params![face.id.0, group.0],
                )?;
            }
        }
        self.forget_empty_groups()?;
        Ok(GroupingReport {
            faces: moment.faces.len(),
            groups: self.number("SELECT count(*) FROM groups")? as usize,
            moved_faces,
        })
    }

    pub(super) fn forget_empty_groups(&self) -> Result<(), AlbumError> {
        self.execute(
            "DELETE FROM groups WHERE NOT EXISTS (SELECT 1 FROM faces WHERE group_id = groups.id)",
            [],
        )
    }
}
