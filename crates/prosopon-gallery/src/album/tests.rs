use std::collections::{BTreeMap, BTreeSet};

use prosopon::{BoundingBox, Embedding, Landmarks, ModelId, Point, Threshold};

use super::*;
use crate::face::{Crop, PictureHash};
use crate::synthetic::{self, Rng};

const DIM: usize = 32;

struct Fixture {
    folder: tempfile::TempDir,
    album: Album,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let album = open(&folder);
    Fixture { folder, album }
}

fn open(folder: &tempfile::TempDir) -> Album {
    Album::open(folder.path().join("album.db"), &AlbumOptions::default()).unwrap()
}

fn model() -> ModelId {
    ModelId::new("tests@00000000")
}

fn face(values: &[f32]) -> NewAlbumFace {
    NewAlbumFace {
        bounding_box: BoundingBox {
            left: 1.0,
            top: 2.0,
            right: 31.0,
            bottom: 42.0,
        },
        landmarks: Some(Landmarks::from_array([Point { x: 5.0, y: 6.5 }; 5])),
        confidence: 0.9,
        embedding: Embedding::from_values(model(), values.to_vec()).unwrap(),
        crop: Crop {
            media_type: "image/jpeg".to_owned(),
            bytes: vec![7; 40],
        },
    }
}

fn picture(number: usize, faces: Vec<NewAlbumFace>) -> NewPicture {
    NewPicture {
        path: format!("photos/{number}.jpg"),
        sha256: PictureHash::of(&number.to_le_bytes()),
        width: 640,
        height: 480,
        faces,
    }
}

/// Pictures of people, each with `faces_each` faces; person `i / faces_each` is on picture `i`.
fn people(seed: u64, n_people: usize, faces_each: usize) -> Vec<NewPicture> {
    let rows = synthetic::clustered(seed, n_people * faces_each, faces_each, DIM, 0.7);
    let faces = rows.chunks(DIM).enumerate();
    let number = |i| seed as usize * 1_000 + i;
    faces
        .map(|(i, row)| picture(number(i), vec![face(row)]))
        .collect()
}

fn regroup(album: &Album, start: Start) -> GroupingReport {
    let threshold = Threshold::from_similarity(model(), 0.45, None);
    let options = GroupingOptions {
        threshold: &threshold,
        start,
        allows_twice_in_picture: false,
        progress: &|_| {},
    };
    album.regroup(&options).unwrap()
}

/// All that undo has to restore: where each face is, whether that is confirmed, names.
type State = (
    BTreeMap<AlbumFaceId, (Option<GroupId>, bool)>,
    BTreeMap<GroupId, Option<String>>,
);

fn state(album: &Album) -> State {
    let faces = album.faces().unwrap();
    let groups = album.groups().unwrap();
    (
        faces
            .iter()
            .map(|f| (f.id, (f.group, f.is_confirmed)))
            .collect(),
        groups.into_iter().map(|g| (g.id, g.name)).collect(),
    )
}

fn sizes(album: &Album) -> Vec<u64> {
    album.groups().unwrap().iter().map(|g| g.n_faces).collect()
}

#[test]
fn pictures_are_grouped_by_person() {
    let Fixture { folder, album } = fixture();
    album.add(&people(1, 3, 4)).unwrap();
    assert!(sizes(&album).is_empty(), "not grouped yet");
    let report = regroup(&album, Start::Groups);
    assert_eq!((report.faces, report.groups), (12, 3));
    assert_eq!(sizes(&album), [4, 4, 4]);
    let ids: Vec<i64> = album.groups().unwrap().iter().map(|g| g.id.0).collect();
    assert_eq!(ids, [1, 2, 3]);
    let counts = album.counts().unwrap();
    assert_eq!((counts.pictures, counts.faces, counts.groups), (12, 12, 3));

    let before = state(&album);
    drop(album);
    let album = open(&folder);
    assert_eq!(state(&album), before);
    let first = &album.faces().unwrap()[0];
    assert_eq!(first.picture_name, "photos/1000.jpg");
    assert_eq!(first.landmarks.unwrap().nose.y, 6.5);
    assert_eq!(first.bounding_box.bottom, 42.0);
    assert_eq!(album.crop(first.id).unwrap().bytes, [7; 40]);
    let enrolled = album.faces_to_enrol(first.group.unwrap()).unwrap();
    assert_eq!(enrolled.len(), 4);
    assert_eq!(
        enrolled[0].source.as_ref().unwrap().file_name,
        "photos/1000.jpg"
    );
}

#[test]
fn known_pictures_are_noticed_wherever_they_are() {
    let Fixture { album, .. } = fixture();
    let pictures = people(1, 2, 3);
    let ids = album.add(&pictures).unwrap();
    assert_eq!(album.add(&pictures).unwrap(), ids);
    assert_eq!(album.counts().unwrap().faces, 6);
    let sha256 = pictures[0].sha256;
    assert!(album.knows(&sha256, "copy/of it.jpg").unwrap());
    assert!(!album.knows(&PictureHash::of(b"new"), "new.jpg").unwrap());
    let paths: Vec<_> = album.paths().unwrap().into_iter().take(2).collect();
    assert_eq!(paths[0], (ids[0], "copy/of it.jpg".to_owned()));
    assert_eq!(paths[1], (ids[0], "photos/1000.jpg".to_owned()));
}

#[test]
fn pictures_without_faces_are_listed() {
    let Fixture { album, .. } = fixture();
    album.add(&[picture(1, Vec::new())]).unwrap();
    assert_eq!(album.counts().unwrap().pictures_without_faces, 1);
    assert_eq!(
        album.pictures_without_faces().unwrap()[0].name,
        "photos/1.jpg"
    );
    assert!(album.groups().unwrap().is_empty());
    regroup(&album, Start::Groups);
}

#[test]
fn new_pictures_join_groups_that_keep_their_number_and_name() {
    let Fixture { album, .. } = fixture();
    let pictures = people(1, 3, 6);
    let (first, later): (Vec<_>, Vec<_>) = pictures
        .into_iter()
        .enumerate()
        .partition(|(i, _)| i % 6 < 4);
    let only = |pictures: Vec<(usize, NewPicture)>| -> Vec<NewPicture> {
        pictures.into_iter().map(|(_, picture)| picture).collect()
    };
    album.add(&only(first)).unwrap();
    regroup(&album, Start::Groups);
    let groups: BTreeSet<GroupId> = album.groups().unwrap().iter().map(|g| g.id).collect();
    let anna = *groups.first().unwrap();
    album.name(anna, Some("Anna")).unwrap();
    album.add(&only(later)).unwrap();
    for start in [Start::Groups, Start::Decisions] {
        regroup(&album, start);
        let now = album.groups().unwrap();
        assert_eq!(now.iter().map(|g| g.id).collect::<BTreeSet<_>>(), groups);
        assert_eq!((now[0].id, now[0].name.as_deref()), (anna, Some("Anna")));
        assert_eq!((now[0].n_faces, now[0].n_confirmed), (6, 4));
    }
}

#[test]
fn decisions_are_kept_by_grouping() {
    let Fixture { album, .. } = fixture();
    album.add(&people(1, 3, 5)).unwrap();
    regroup(&album, Start::Groups);
    let groups: Vec<GroupId> = album.groups().unwrap().iter().map(|g| g.id).collect();
    // Two people are one; a face of the third is somebody else.
    album.merge(groups[0], &[groups[1]]).unwrap();
    let third = album.faces_of(groups[2]).unwrap();
    let (_, new) = album.split(&[third[0].id]).unwrap();
    for start in [Start::Groups, Start::Decisions] {
        regroup(&album, start);
        assert_eq!(album.group(groups[0]).unwrap().n_faces, 10);
        assert_eq!(album.group(groups[2]).unwrap().n_faces, 4);
        assert_eq!(album.faces_of(new).unwrap()[0].id, third[0].id);
    }
    album.undo().unwrap();
    assert_eq!(album.group(groups[2]).unwrap().n_faces, 5);
    assert!(album.group(new).is_err());
    album.undo().unwrap();
    assert_eq!(sizes(&album), [5, 5, 5]);
    album.redo().unwrap();
    assert_eq!(sizes(&album), [10, 5]);
    let history = album.history().unwrap();
    let undone: Vec<bool> = history.iter().map(|d| d.is_undone).collect();
    assert_eq!(undone, [false, true]);
    album.apart(groups[0], groups[2]).unwrap();
    assert_eq!(
        album.history().unwrap().len(),
        2,
        "what was undone is forgotten"
    );
    assert!(matches!(album.redo(), Err(AlbumError::NothingToRedo)));
}

#[test]
fn moving_the_last_face_takes_the_group_away_until_undone() {
    let Fixture { album, .. } = fixture();
    album.add(&people(1, 2, 3)).unwrap();
    let mut pictures = people(2, 1, 1);
    album.add(&pictures.split_off(0)).unwrap();
    regroup(&album, Start::Groups);
    let groups = album.groups().unwrap();
    let lone = groups.iter().find(|g| g.n_faces == 1).unwrap();
    album.name(lone.id, Some("Bert")).unwrap();
    let before = state(&album);
    let target = groups.iter().find(|g| g.n_faces == 3).unwrap();
    album.move_faces(&[lone.cover], target.id).unwrap();
    assert_eq!(sizes(&album), [4, 3]);
    assert!(album.find("Bert").is_err());
    album.undo().unwrap();
    assert_eq!(state(&album), before);
    assert_eq!(
        album.find("bert").unwrap_err().hint(),
        "did you mean `Bert`?"
    );
    assert_eq!(album.find(&lone.id.to_string()).unwrap().id, lone.id);
    let label = format!("person-{:03}", lone.id.0);
    assert_eq!(album.find(&label).unwrap().id, lone.id);
}

#[test]
fn two_faces_of_a_picture_are_two_people_unless_told() {
    let Fixture { album, .. } = fixture();
    let rows = synthetic::clustered(1, 2, 2, DIM, 0.3);
    let faces = rows.chunks(DIM).map(face).collect();
    album.add(&[picture(1, faces)]).unwrap();
    regroup(&album, Start::Groups);
    assert_eq!(sizes(&album), [1, 1]);
    let groups = album.groups().unwrap();
    // Named twice by mistake, it is one group all the same.
    album.merge(groups[0].id, &[groups[1].id; 2]).unwrap();
    regroup(&album, Start::Decisions);
    assert_eq!(sizes(&album), [2]);
}

/// What the album promises, checked against our own record of what was decided.
fn check_decisions(album: &Album, confirmed: &BTreeMap<AlbumFaceId, GroupId>, names: &State) {
    for face in album.faces().unwrap() {
        let expected = confirmed.get(&face.id);
        assert_eq!(face.is_confirmed, expected.is_some(), "face {}", face.id);
        assert!(
            expected.is_none_or(|&group| face.group == Some(group)),
            "face {}",
            face.id
        );
    }
    let now: BTreeMap<_, _> = album
        .groups()
        .unwrap()
        .into_iter()
        .map(|g| (g.id, g.name))
        .collect();
    for (group, name) in names.1.iter().filter(|(_, name)| name.is_some()) {
        assert_eq!(now.get(group), Some(name), "group {group}");
    }
}

#[test]
fn random_decisions_are_never_broken_and_always_undone() {
    for seed in 0..4 {
        let Fixture { album, .. } = fixture();
        let mut rng = Rng::new(seed);
        album.add(&people(seed + 1, 5, 4)).unwrap();
        regroup(&album, Start::Groups);
        for step in 0..25 {
            if step % 6 == 5 {
                album.add(&people(100 + 30 * seed + step, 2, 2)).unwrap();
            }
            let before = state(&album);
            let confirmed_now = |album: &Album| -> BTreeMap<AlbumFaceId, GroupId> {
                let faces = album.faces().unwrap();
                let confirmed = faces.iter().filter(|f| f.is_confirmed);
                confirmed.map(|f| (f.id, f.group.unwrap())).collect()
            };
            if !decide_something(&album, &mut rng, step) {
                assert_eq!(state(&album), before, "a refused decision changes nothing");
                continue;
            }
            let after = state(&album);
            album.undo().unwrap();
            assert_eq!(state(&album), before, "seed {seed}, step {step}");
            album.redo().unwrap();
            assert_eq!(state(&album), after, "seed {seed}, step {step}");
            let confirmed = confirmed_now(&album);
            regroup(
                &album,
                if rng.below(2) == 0 {
                    Start::Groups
                } else {
                    Start::Decisions
                },
            );
            check_decisions(&album, &confirmed, &after);
            if rng.below(4) == 0 {
                album.undo().unwrap();
                let confirmed = confirmed_now(&album);
                let names = state(&album);
                regroup(&album, Start::Decisions);
                check_decisions(&album, &confirmed, &names);
            }
        }
        // All the way back: nothing is confirmed, nobody has a name.
        while album.undo().is_ok() {}
        let (faces, names) = state(&album);
        assert!(faces.values().all(|(_, is_confirmed)| !is_confirmed));
        assert!(names.values().all(Option::is_none));
    }
}

/// A random decision; `false` if it was refused.
fn decide_something(album: &Album, rng: &mut Rng, step: u64) -> bool {
    let groups = album.groups().unwrap();
    let a = groups[rng.below(groups.len())].id;
    let b = groups[rng.below(groups.len())].id;
    let faces = album.faces_of(a).unwrap();
    let some: Vec<AlbumFaceId> = faces
        .iter()
        .filter(|_| rng.below(2) == 0)
        .map(|face| face.id)
        .collect();
    match rng.below(6) {
        0 => album.name(a, Some(&format!("person {step}"))).is_ok(),
        1 => album.name(a, None).is_ok(),
        2 => album.merge(a, &[b]).is_ok(),
        3 => album.split(&some).is_ok(),
        4 => album.apart(a, b).is_ok(),
        _ => album.move_faces(&some, b).is_ok(),
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let Fixture { album, .. } = fixture();
    assert!(matches!(album.undo(), Err(AlbumError::NothingToUndo)));
    album.add(&people(1, 2, 3)).unwrap();
    regroup(&album, Start::Groups);
    let groups = album.groups().unwrap();
    let (a, b) = (groups[0].id, groups[1].id);
    let faces_a: Vec<_> = album.faces_of(a).unwrap().iter().map(|f| f.id).collect();
    let faces_b: Vec<_> = album.faces_of(b).unwrap().iter().map(|f| f.id).collect();
    album.name(a, Some("Anna")).unwrap();
    let code = |result: Result<Decision, AlbumError>| result.unwrap_err().code();
    assert_eq!(code(album.name(b, Some("Anna"))), "name_taken");
    assert_eq!(code(album.name(b, Some(" "))), "invalid_name");
    assert_eq!(code(album.name(GroupId(99), Some("x"))), "unknown_group");
    assert_eq!(code(album.merge(a, &[a])), "same_group");
    assert_eq!(code(album.merge(a, &[])), "same_group");
    assert_eq!(code(album.apart(a, a)), "same_group");
    let split = |faces: &[AlbumFaceId]| code(album.split(faces).map(|(decision, _)| decision));
    assert_eq!(split(&[]), "no_faces");
    assert_eq!(split(&faces_a), "whole_group");
    assert_eq!(split(&[faces_a[0], faces_b[0]]), "several_groups");
    assert_eq!(split(&[AlbumFaceId(99)]), "unknown_face");
    assert_eq!(code(album.move_faces(&faces_a, a)), "same_group");
    assert_eq!(code(album.move_faces(&[], a)), "no_faces");
}

#[test]
fn another_model_is_refused() {
    let Fixture { album, .. } = fixture();
    album.add(&people(1, 1, 1)).unwrap();
    let mut other = people(2, 1, 1);
    other[0].faces[0].embedding =
        Embedding::from_values(ModelId::new("other"), vec![1.0; DIM]).unwrap();
    assert_eq!(album.add(&other).unwrap_err().code(), "model_mismatch");
    assert_eq!(album.counts().unwrap().pictures, 1);
}

#[test]
fn what_is_cleared_is_gone_from_the_file() {
    let Fixture { folder, album } = fixture();
    let mut pictures = people(1, 2, 2);
    let mark = b"a mark that is easily found again".to_vec();
    pictures[0].faces[0].crop.bytes = mark.clone();
    album.add(&pictures).unwrap();
    regroup(&album, Start::Groups);
    let group = album.groups().unwrap()[0].id;
    album.name(group, Some("Anna")).unwrap();
    album.clear().unwrap();
    let counts = album.counts().unwrap();
    assert_eq!((counts.pictures, counts.faces, counts.groups), (0, 0, 0));
    assert!(album.history().unwrap().is_empty());
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(mark.len()).any(|window| window == mark));
    }
}

#[test]
fn galleries_and_albums_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.db");
    crate::Gallery::open(&path, crate::GalleryOptions::default()).unwrap();
    let error = Album::open(&path, &AlbumOptions::default()).unwrap_err();
    assert_eq!(error.code(), "not_an_album");
    assert!(
        error.to_string().starts_with("expected an album, found"),
        "{error}"
    );
    let missing = AlbumOptions {
        create: false,
        ..AlbumOptions::default()
    };
    let error = Album::open(folder.path().join("none.db"), &missing).unwrap_err();
    assert_eq!(error.code(), "album_missing");
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_an_album() {
    use std::os::unix::fs::PermissionsExt;
    let Fixture { folder, .. } = fixture();
    let metadata = std::fs::metadata(folder.path().join("album.db")).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
}
