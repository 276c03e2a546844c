//! What the user decides about groups, and how it is taken back.
//!
//! A decision puts faces into groups and confirms them there, and gives groups names. Its record says
//! the same of the time before. The faces of a decision are confirmed, so grouping leaves them alone;
//! so what the record says stays true until the decision is undone, whatever was grouped in between.

use std::collections::BTreeSet;

use rusqlite::params;

use super::types::{AlbumFaceId, Decision, DecisionKind, Group, GroupId};
use super::{Album, AlbumError, Session};
use crate::gallery::now_millis;
use crate::subject::check_name;

/// A face and where it belongs.
type Belonging = (AlbumFaceId, GroupId);

/// A group and what it is called.
type Naming = (GroupId, Option<String>);

impl Album {
    /// Names a group, or takes its name away; its faces are confirmed.
    ///
    /// # Errors
    /// [`AlbumError::UnknownGroup`], [`AlbumError::InvalidName`], [`AlbumError::NameTaken`],
    /// [`AlbumError::Store`].
    pub fn name(&self, group: GroupId, name: Option<&str>) -> Result<Decision, AlbumError> {
        if let Some(name) = name {
            check_name(name).map_err(|expected| AlbumError::InvalidName {
                name: name.to_owned(),
                expected,
            })?;
        }
        self.write(|session| {
            let before = session.group(group)?;
            if let Some(name) = name
                && let Some(other) = session.group_named(name)?
                && other != group
            {
                return Err(AlbumError::NameTaken {
                    name: name.to_owned(),
                    group: other,
                });
            }
            let summary = match name {
                Some(name) => format!("{} is `{name}`", called(&before)),
                None => format!("{} has no name any more", called(&before)),
            };
            let places = session.places_in(&[group], group)?;
            let names = vec![(group, name.map(str::to_owned))];
            session.decide(DecisionKind::Name, &summary, &places, &names)
        })
    }

    /// Puts the faces of the groups `from` into `into`: they are one person, and all confirmed. The
    /// name of `into` stays; if it has none, it gets the first one that the others have.
    ///
    /// # Errors
    /// [`AlbumError::UnknownGroup`], [`AlbumError::SameGroup`] if `into` is also in `from` or `from` is
    /// empty, [`AlbumError::Store`].
    pub fn merge(&self, into: GroupId, from: &[GroupId]) -> Result<Decision, AlbumError> {
        if from.is_empty() || from.contains(&into) {
            return Err(AlbumError::SameGroup { group: into });
        }
        let from = &distinct(from);
        self.write(|session| {
            let target = session.group(into)?;
            let sources = from.iter().map(|&id| session.group(id));
            let sources = sources.collect::<Result<Vec<_>, _>>()?;
            let all: Vec<GroupId> = from.iter().copied().chain([into]).collect();
            let mut names: Vec<Naming> = from.iter().map(|&id| (id, None)).collect();
            let given = || sources.iter().find_map(|group| group.name.clone());
            names.push((into, target.name.clone().or_else(given)));
            let merged: Vec<String> = sources.iter().map(called).collect();
            let summary = format!("{} is {}", merged.join(", "), called(&target));
            let places = session.places_in(&all, into)?;
            session.decide(DecisionKind::Merge, &summary, &places, &names)
        })
    }

    /// Takes `faces` out of their group into a new one: they are another person than those that stay.
    /// All are confirmed.
    ///
    /// # Errors
    /// [`AlbumError::UnknownFace`], [`AlbumError::NoFaces`], [`AlbumError::SeveralGroups`] if they are
    /// not of one group, [`AlbumError::WholeGroup`] if nobody would stay, [`AlbumError::Store`].
    pub fn split(&self, faces: &[AlbumFaceId]) -> Result<(Decision, GroupId), AlbumError> {
        let faces = &distinct(faces);
        self.write(|session| {
            let mut groups = faces.iter().map(|&face| session.group_of(face));
            let a = groups.next().ok_or(AlbumError::NoFaces)??;
            for b in groups {
                let b = b?;
                if a != b {
                    return Err(AlbumError::SeveralGroups { a, b });
                }
            }
            let mut places = session.places_in(&[a], a)?;
            if places.iter().all(|(face, _)| faces.contains(face)) {
                return Err(AlbumError::WholeGroup { group: a });
            }
            let summary = format!(
                "{} of {} are somebody else",
                faces.len(),
                called(&session.group(a)?)
            );
            let new = GroupId(session.insert("INSERT INTO groups (name) VALUES (NULL)", [])?);
            for (face, group) in &mut places {
                if faces.contains(face) {
                    *group = new;
                }
            }
            let decision = session.decide(DecisionKind::Split, &summary, &places, &[])?;
            Ok((decision, new))
        })
    }

    /// Says that two groups are not the same person; the faces of both are confirmed.
    ///
    /// # Errors
    /// [`AlbumError::UnknownGroup`], [`AlbumError::SameGroup`], [`AlbumError::Store`].
    pub fn apart(&self, a: GroupId, b: GroupId) -> Result<Decision, AlbumError> {
        if a == b {
            return Err(AlbumError::SameGroup { group: a });
        }
        self.write(|session| {
            let (group_a, group_b) = (session.group(a)?, session.group(b)?);
            let summary = format!("{} is not {}", called(&group_a), called(&group_b));
            let mut places = session.places_in(&[a], a)?;
            places.extend(session.places_in(&[b], b)?);
            session.decide(DecisionKind::Apart, &summary, &places, &[])
        })
    }

    /// Puts `faces` into the group `to`; the faces of all groups concerned are confirmed.
    ///
    /// # Errors
    /// [`AlbumError::UnknownFace`], [`AlbumError::NoFaces`], [`AlbumError::UnknownGroup`],
    /// [`AlbumError::SameGroup`] if all are there already, [`AlbumError::Store`].
    pub fn move_faces(&self, faces: &[AlbumFaceId], to: GroupId) -> Result<Decision, AlbumError> {
        let faces = &distinct(faces);
        self.write(|session| {
            let target = session.group(to)?;
            let groups = faces.iter().map(|&face| session.group_of(face));
            let mut groups = groups.collect::<Result<Vec<_>, _>>()?;
            groups.sort_unstable();
            groups.dedup();
            if groups.is_empty() {
                return Err(AlbumError::NoFaces);
            }
            if groups == [to] {
                return Err(AlbumError::SameGroup { group: to });
            }
            let mut places = session.places_in(&[to], to)?;
            let mut names: Vec<Naming> = Vec::new();
            for &group in groups.iter().filter(|&&group| group != to) {
                let mut of_group = session.places_in(&[group], group)?;
                for (face, place) in &mut of_group {
                    if faces.contains(face) {
                        *place = to;
                    }
                }
                if of_group.iter().all(|&(_, place)| place == to) {
                    names.push((group, None));
                }
                places.extend(of_group);
            }
            let summary = format!("{} moved to {}", faces.len(), called(&target));
            session.decide(DecisionKind::Move, &summary, &places, &names)
        })
    }

    /// Takes back the last decision that is not taken back yet.
    ///
    /// # Errors
    /// [`AlbumError::NothingToUndo`], [`AlbumError::Store`].
    pub fn undo(&self) -> Result<Decision, AlbumError> {
        self.write(|session| {
            let sql = "SELECT max(id) FROM decisions WHERE NOT is_undone";
            let id = session.one(sql, [], |row| row.get::<_, Option<i64>>(0))?;
            let id = id.flatten().ok_or(AlbumError::NothingToUndo)?;
            let faces = session.all(
                "SELECT face_id, group_before, was_confirmed FROM decision_faces \
                 WHERE decision_id = ?1",
                [id],
                |row| Ok((AlbumFaceId(row.get(0)?), GroupId(row.get(1)?), row.get(2)?)),
            )?;
            let names = session.all(
                "SELECT group_id, name_before FROM decision_groups WHERE decision_id = ?1",
                [id],
                |row| Ok((GroupId(row.get(0)?), row.get(1)?)),
            )?;
            session.put(&faces, &names)?;
            session.execute("UPDATE decisions SET is_undone = 1 WHERE id = ?1", [id])?;
            session.decision(id)
        })
    }

    /// Makes the decision again that was taken back last.
    ///
    /// # Errors
    /// [`AlbumError::NothingToRedo`] if there is none, or if something else was decided since;
    /// [`AlbumError::Store`].
    pub fn redo(&self) -> Result<Decision, AlbumError> {
        self.write(|session| {
            let sql = "SELECT min(id) FROM decisions WHERE is_undone";
            let id = session.one(sql, [], |row| row.get::<_, Option<i64>>(0))?;
            let id = id.flatten().ok_or(AlbumError::NothingToRedo)?;
            let places = session.all(
                "SELECT face_id, group_after FROM decision_faces WHERE decision_id = ?1",
                [id],
                |row| Ok((AlbumFaceId(row.get(0)?), GroupId(row.get(1)?))),
            )?;
            let names = session.all(
                "SELECT group_id, name_after FROM decision_groups WHERE decision_id = ?1",
                [id],
                |row| Ok((GroupId(row.get(0)?), row.get(1)?)),
            )?;
            // Faces may have been grouped anew meanwhile; undoing it again leads back to now.
            session.execute("DELETE FROM decision_faces WHERE decision_id = ?1", [id])?;
            session.execute("DELETE FROM decision_groups WHERE decision_id = ?1", [id])?;
            session.carry_out(id, &places, &names)?;
            session.execute("UPDATE decisions SET is_undone = 0 WHERE id = ?1", [id])?;
            session.decision(id)
        })
    }

    /// All decisions, oldest first; those that were taken back are at the end.
    ///
    /// # Errors
    /// [`AlbumError::Store`].
    pub fn history(&self) -> Result<Vec<Decision>, AlbumError> {
        self.read(|session| {
            let ids = session.all("SELECT id FROM decisions ORDER BY id", [], |row| row.get(0))?;
            ids.into_iter().map(|id| session.decision(id)).collect()
        })
    }
}

/// What is named, each once, in order.
fn distinct<T: Copy + Ord>(named: &[T]) -> Vec<T> {
    let mut seen = BTreeSet::new();
    named
        .iter()
        .copied()
        .filter(|one| seen.insert(*one))
        .collect()
}

/// `Anna`, or `group 7`.
fn called(group: &Group) -> String {
    match &group.name {
        Some(name) => format!("`{name}`"),
        None => format!("group {}", group.id),
    }
}

impl Session<'_> {
    fn group_of(&self, face: AlbumFaceId) -> Result<GroupId, AlbumError> {
        let sql = "SELECT group_id FROM faces WHERE id = ?1";
        let group = self.one(sql, [face.0], |row| row.get::<_, Option<i64>>(0))?;
        let group = group.flatten().map(GroupId);
        group.ok_or(AlbumError::UnknownFace { id: face })
    }

    /// The faces of `groups`, all to be put into `into`.
    fn places_in(&self, groups: &[GroupId], into: GroupId) -> Result<Vec<Belonging>, AlbumError> {
        let mut places = Vec::new();
        for group in groups {
            let sql = "SELECT id FROM faces WHERE group_id = ?1 ORDER BY id";
            let faces = self.all(sql, [group.0], |row| row.get(0).map(AlbumFaceId))?;
            places.extend(faces.into_iter().map(|face| (face, into)));
        }
        Ok(places)
    }

    /// Records a decision and carries it out. What was undone before can no longer be redone.
    fn decide(
        &self,
        kind: DecisionKind,
        summary: &str,
        places: &[Belonging],
        names: &[Naming],
    ) -> Result<Decision, AlbumError> {
        self.execute("DELETE FROM decisions WHERE is_undone", [])?;
        let id = self.insert(
            "INSERT INTO decisions (kind, summary, is_undone, decided_millis) VALUES (?1, ?2, 0, ?3)",
            params![kind.as_str(), summary, now_millis()],
        )?;
        self.carry_out(id, places, names)?;
        self.decision(id)
    }

    fn carry_out(&self, id: i64, places: &[Belonging], names: &[Naming]) -> Result<(), AlbumError> {
        for (face, group) in places {
            self.execute(
                "INSERT INTO decision_faces \
                 (decision_id, face_id, group_before, was_confirmed, group_after) \
                 SELECT ?1, id, group_id, is_confirmed, ?3 FROM faces WHERE id = ?2",
                params![id, face.0, group.0],
            )?;
        }
        for (group, name) in names {
            self.execute(
                "INSERT INTO decision_groups (decision_id, group_id, name_before, name_after) \
                 VALUES (?1, ?2, (SELECT name FROM groups WHERE id = ?2), ?3)",
                params![id, group.0, name],
            )?;
        }
        let confirmed: Vec<_> = places.iter().map(|&(face, to)| (face, to, true)).collect();
        self.put(&confirmed, names)
    }

    /// Puts faces into groups, which come back if they are gone, and names groups; forgets groups
    /// that have no faces any more.
    fn put(
        &self,
        faces: &[(AlbumFaceId, GroupId, bool)],
        names: &[Naming],
    ) -> Result<(), AlbumError> {
        for &(face, group, is_confirmed) in faces {
            self.execute(
                "INSERT OR IGNORE INTO groups (id, name) VALUES (?1, NULL)",
                [group.0],
            )?;
            self.execute(
                "UPDATE faces SET group_id = ?2, is_confirmed = ?3 WHERE id = ?1",
                params![face.0, group.0, is_confirmed],
            )?;
        }
        self.forget_empty_groups()?;
        // A name may go from one to another.
        for (group, _) in names {
            self.execute("UPDATE groups SET name = NULL WHERE id = ?1", [group.0])?;
        }
        for (group, name) in names {
            self.execute(
                "UPDATE groups SET name = ?2 WHERE id = ?1",
                params![group.0, name],
            )?;
        }
        Ok(())
    }

    fn decision(&self, id: i64) -> Result<Decision, AlbumError> {
        let decision = self.one(
            "SELECT kind, summary, is_undone, decided_millis FROM decisions WHERE id = ?1",
            [id],
            |row| {
                let kind = DecisionKind::parse(row.get_ref(0)?.as_str()?);
                Ok(kind.map(|kind| (kind, row.get(1), row.get(2), row.get(3))))
            },
        )?;
        let (kind, summary, is_undone, decided_millis) = decision
            .flatten()
            .ok_or_else(|| self.damaged("a decision of no known kind"))?;
        let failed = |error| self.place.error("read", error);
        Ok(Decision {
            id,
            kind,
            summary: summary.map_err(failed)?,
            is_undone: is_undone.map_err(failed)?,
            decided_millis: decided_millis.map_err(failed)?,
        })
    }
}
