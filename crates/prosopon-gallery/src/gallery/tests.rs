use std::collections::BTreeMap;

use prosopon::{BoundingBox, Embedding, ModelId};

use super::*;
use crate::face::{Crop, FaceId, NewFace, PictureHash, Source};
use crate::subject::NewSubject;
use crate::synthetic::{self, Rng};

const DIM: usize = 32;

struct Fixture {
    folder: tempfile::TempDir,
    gallery: Gallery,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let gallery = open(&folder, "gallery");
    Fixture { folder, gallery }
}

fn open(folder: &tempfile::TempDir, name: &str) -> Gallery {
    Gallery::open(folder.path().join(name), GalleryOptions::default()).unwrap()
}

fn embedding(values: Vec<f32>) -> Embedding {
    Embedding::from_values(ModelId::new("tests@00000000"), values).unwrap()
}

fn face(seed: u64) -> NewFace {
    let mut face = NewFace::new(embedding(Rng::new(seed).unit_vector(DIM)));
    face.source = Some(Source {
        file_name: format!("{seed}.jpg"),
        sha256: PictureHash::of(&seed.to_le_bytes()),
    });
    face.crop = Some(Crop {
        media_type: "image/png".to_owned(),
        bytes: vec![seed as u8; 50],
    });
    face
}

fn box_at(left: f32) -> BoundingBox {
    BoundingBox {
        left,
        top: 0.0,
        right: left + 10.0,
        bottom: 10.0,
    }
}

fn error_of<T>(result: Result<T, GalleryError>) -> (String, String) {
    let Err(error) = result else {
        panic!("expected an error");
    };
    (error.to_string(), error.hint())
}

#[test]
fn the_same_picture_twice_is_noticed() {
    let Fixture { gallery, .. } = fixture();
    let first = gallery.enrol("anna", face(1)).unwrap();
    assert!(matches!(
        first,
        Enrolment::Added {
            is_new_subject: true,
            ..
        }
    ));
    let again = gallery.enrol("anna", face(1)).unwrap();
    let (face_id, subject) = (first.face(), first.subject());
    let duplicate = Enrolment::Duplicate {
        face: face_id,
        subject,
    };
    assert_eq!(again, duplicate);
    // Another person of the same picture, and another picture, are something else.
    let added = |outcome| matches!(outcome, Enrolment::Added { .. });
    assert!(added(gallery.enrol("bob", face(1)).unwrap()));
    assert!(added(gallery.enrol("anna", face(2)).unwrap()));
    // Two places of one picture as well.
    let at = |left| NewFace {
        bounding_box: Some(box_at(left)),
        ..face(3)
    };
    assert!(added(gallery.enrol("anna", at(0.0)).unwrap()));
    assert!(added(gallery.enrol("anna", at(30.0)).unwrap()));
    assert!(!added(gallery.enrol("anna", at(1.0)).unwrap()));
    assert!(!added(gallery.enrol("anna", face(3)).unwrap()));
    let picture = face(1).source.unwrap().sha256;
    assert_eq!(gallery.faces_of_picture(&picture).unwrap().len(), 2);
    let counts = gallery.counts().unwrap();
    assert_eq!((counts.subjects, counts.faces), (2, 5));
}

#[test]
fn a_batch_is_all_or_nothing() {
    let Fixture { gallery, .. } = fixture();
    let request = |name: &str, face| EnrolmentRequest {
        subject: name.to_owned(),
        face,
    };
    let batch = [
        request("a", face(1)),
        request("b", face(2)),
        request("a", face(1)),
    ];
    let outcomes = gallery.enrol_batch(&batch).unwrap();
    assert_eq!(outcomes[2].face(), outcomes[0].face());
    assert_eq!(gallery.counts().unwrap().faces, 2);
    let foreign = Embedding::from_values(ModelId::new("other"), vec![1.0; DIM]).unwrap();
    let batch = [request("c", face(3)), request("c", NewFace::new(foreign))];
    assert!(gallery.enrol_batch(&batch).is_err());
    assert_eq!(gallery.counts().unwrap().subjects, 2);
    assert_eq!(gallery.enrol_batch(&[]).unwrap(), []);
}

#[test]
fn faces_are_added_to_those_who_are_there_only() {
    let Fixture { gallery, .. } = fixture();
    let anna = gallery.enrol("anna", face(1)).unwrap().subject();
    gallery.rename(anna, "Anne").unwrap();
    let outcomes = gallery.add_faces(anna, &[face(1), face(2)]).unwrap();
    assert!(matches!(outcomes[0], Enrolment::Duplicate { .. }));
    assert!(matches!(
        outcomes[1],
        Enrolment::Added {
            is_new_subject: false,
            ..
        }
    ));
    gallery.delete_subject(anna).unwrap();
    let error = gallery.add_faces(anna, &[face(3)]).unwrap_err();
    assert_eq!(error.code(), "unknown_subject");
    assert_eq!(gallery.counts().unwrap().subjects, 0);
}

#[test]
fn other_models_are_refused() {
    let Fixture { gallery, folder } = fixture();
    let foreign = Embedding::from_values(ModelId::new("other"), vec![1.0; DIM]).unwrap();
    let options = IdentifyOptions::default();
    assert_eq!(gallery.identify(&foreign, options).unwrap(), []);
    gallery.enrol("anna", face(1)).unwrap();
    let expected = "expected embeddings of model `tests@00000000`, found model `other`";
    let (message, hint) = error_of(gallery.identify(&foreign, options));
    assert_eq!(message, expected);
    assert!(hint.starts_with("use the gallery's model"));
    let (message, _) = error_of(gallery.enrol("anna", NewFace::new(foreign)));
    assert_eq!(message, expected);
    let (message, _) = error_of(gallery.enrol("anna", NewFace::new(embedding(vec![1.0]))));
    assert_eq!(message, "expected embeddings of 32 values, found 1");
    let binding = Some(Binding {
        model: ModelId::new("other"),
        dimension: DIM,
    });
    let options = GalleryOptions {
        binding,
        ..GalleryOptions::default()
    };
    let path = folder.path().join("gallery");
    assert_eq!(error_of(Gallery::open(path, options.clone())).0, expected);
    let new = Gallery::open(folder.path().join("new"), options.clone()).unwrap();
    assert_eq!(new.binding().unwrap(), options.binding);
}

#[test]
fn unknown_names_come_with_the_closest() {
    let Fixture { gallery, .. } = fixture();
    gallery.add_subject(&NewSubject::named("Gandalf")).unwrap();
    let (message, hint) = error_of(gallery.show("gandlaf"));
    assert_eq!(message, "unknown subject `gandlaf`");
    assert_eq!(hint, "did you mean `Gandalf`?");
    let (_, hint) = error_of(gallery.delete_subject("Smaug"));
    assert_eq!(hint, "`prosopon people list` shows all names");
    assert_eq!(error_of(gallery.face(FaceId(7))).0, "unknown face 7");
    assert_eq!(error_of(gallery.crop(FaceId(7))).0, "unknown face 7");
    assert_eq!(error_of(gallery.delete_face(FaceId(7))).0, "unknown face 7");
}

#[test]
fn names_are_unique_and_checked() {
    let Fixture { gallery, .. } = fixture();
    for name in ["a", "b"] {
        gallery.add_subject(&NewSubject::named(name)).unwrap();
    }
    let taken = "the name `b` is taken";
    assert_eq!(error_of(gallery.rename("a", "b")).0, taken);
    assert_eq!(
        error_of(gallery.add_subject(&NewSubject::named("b"))).0,
        taken
    );
    gallery.rename("a", "a").unwrap();
    for result in [
        gallery.rename("a", " c").map(|_| ()),
        gallery.enrol("", face(1)).map(|_| ()),
    ] {
        assert!(error_of(result).0.starts_with("expected a name "));
    }
}

#[test]
fn lists_end() {
    let Fixture { gallery, .. } = fixture();
    for i in 0..7 {
        gallery.enrol(&format!("s{i}"), face(i)).unwrap();
    }
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let page = gallery
            .list(&ListOptions {
                limit: 3,
                after,
                ..ListOptions::default()
            })
            .unwrap();
        assert!(page.subjects.iter().all(|s| s.n_faces == 1));
        names.extend(page.subjects.into_iter().map(|s| s.subject.name));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(names, ["s0", "s1", "s2", "s3", "s4", "s5", "s6"]);
}

#[test]
fn a_merge_keeps_faces_and_facts() {
    let Fixture { gallery, .. } = fixture();
    for (name, seeds) in [("from", [1, 2]), ("into", [2, 3])] {
        for seed in seeds {
            gallery.enrol(name, face(seed)).unwrap();
        }
    }
    let facts = |pairs: &[(&str, i32)]| {
        let pairs = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).into()));
        pairs.collect::<crate::Metadata>()
    };
    let (a, b) = (facts(&[("x", 1), ("y", 1)]), facts(&[("y", 2), ("z", 2)]));
    let change = |external_id: Option<&str>, metadata| SubjectChange {
        name: None,
        external_id: Some(external_id.map(str::to_owned)),
        metadata: Some(metadata),
    };
    gallery.change("from", &change(Some("id-1"), a)).unwrap();
    gallery.change("into", &change(None, b)).unwrap();
    let report = gallery.merge("from", "into").unwrap();
    assert_eq!((report.moved, report.duplicates), (1, 1));
    let shown = gallery.show("into").unwrap();
    assert_eq!(shown.faces.len(), 3);
    assert_eq!(
        shown.subject.metadata,
        facts(&[("x", 1), ("y", 2), ("z", 2)])
    );
    assert_eq!(shown.subject.external_id.as_deref(), Some("id-1"));
    assert!(gallery.show("from").is_err());
    assert!(gallery.merge("into", "into").is_err());
}

/// Many subjects around their centers, and what a plain comparison says about each.
#[test]
fn candidates_equal_brute_force() {
    let Fixture { gallery, .. } = fixture();
    let rows = synthetic::clustered(3, 600, 4, DIM, 1.0);
    let requests: Vec<EnrolmentRequest> = rows
        .chunks(DIM)
        .enumerate()
        .map(|(i, row)| EnrolmentRequest {
            subject: format!("s{}", i / 4),
            face: NewFace::new(embedding(row.to_vec())),
        })
        .collect();
    gallery.enrol_batch(&requests).unwrap();
    let mut rng = Rng::new(5);
    let probes: Vec<Embedding> = (0..20).map(|_| embedding(rng.unit_vector(DIM))).collect();
    for template in [TemplateKind::Best, TemplateKind::Mean] {
        let options = IdentifyOptions {
            max_candidates: 9,
            template,
        };
        let together = gallery.identify_batch(&probes, options).unwrap();
        for (probe, found) in probes.iter().zip(together) {
            assert_eq!(found, gallery.identify(probe, options).unwrap());
            let mut by_subject: BTreeMap<&str, Vec<&Embedding>> = BTreeMap::new();
            for request in &requests {
                let faces = by_subject.entry(&request.subject).or_default();
                faces.push(&request.face.embedding);
            }
            let score = |faces: &[&Embedding]| match template {
                TemplateKind::Best => faces
                    .iter()
                    .map(|face| prosopon::similarity(probe, face).unwrap().value())
                    .fold(-1.0, f32::max),
                TemplateKind::Mean => {
                    let mean = (0..DIM).map(|i| faces.iter().map(|f| f.values()[i]).sum());
                    let mean = embedding(mean.collect());
                    prosopon::similarity(probe, &mean).unwrap().value()
                }
            };
            let mut expected: Vec<(&str, f32)> = by_subject
                .iter()
                .map(|(name, faces)| (*name, score(faces)))
                .collect();
            expected.sort_by(|a, b| b.1.total_cmp(&a.1));
            for (candidate, (name, similarity)) in found.iter().zip(&expected) {
                assert_eq!(&*candidate.name, *name);
                let difference = (candidate.similarity.value() - similarity).abs();
                match template {
                    TemplateKind::Best => assert_eq!(difference, 0.0),
                    TemplateKind::Mean => assert!(difference < 1e-5),
                }
                let closest = gallery.face(candidate.face).unwrap();
                assert_eq!(closest.subject, candidate.subject);
            }
            assert_eq!(found.len(), 9);
        }
    }
}

#[test]
fn export_and_import_keep_everything() {
    let Fixture { gallery, folder } = fixture();
    for (name, seed) in [("anna", 1), ("anna", 2), ("bob", 3)] {
        let mut face = face(seed);
        face.bounding_box = Some(box_at(seed as f32));
        face.quality.confidence = Some(0.9);
        gallery.enrol(name, face).unwrap();
    }
    gallery
        .enrol("bob", NewFace::new(face(4).embedding))
        .unwrap();
    gallery.add_subject(&NewSubject::named("nobody")).unwrap();
    let mut text = Vec::new();
    let written = gallery.export(&mut text).unwrap();
    assert_eq!((written.subjects, written.faces), (3, 4));

    let copy = open(&folder, "copy");
    let report = copy.import(&*text).unwrap();
    assert_eq!((report.subjects_added, report.faces_added), (3, 4));
    let mut again = Vec::new();
    copy.export(&mut again).unwrap();
    assert!(text == again, "an export of the copy is the same");
    assert_eq!(copy.binding().unwrap(), gallery.binding().unwrap());

    let report = copy.import(&*text).unwrap();
    assert_eq!((report.subjects_joined, report.faces_skipped), (3, 4));
    assert_eq!((report.subjects_added, report.faces_added), (0, 0));
}

#[test]
fn bad_imports_change_nothing() {
    let Fixture { gallery, folder } = fixture();
    gallery.enrol("anna", face(1)).unwrap();
    gallery.enrol("bob", face(2)).unwrap();
    let mut text = Vec::new();
    gallery.export(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let target = open(&folder, "target");
    let with_dimension = |other: &str| {
        let given = format!("\"dimension\":{DIM}");
        assert!(text.contains(&given), "{text}");
        text.replace(&given, &format!("\"dimension\":{other}"))
    };
    for (bad, expected) in [
        (
            String::new(),
            "cannot import line 1: expected the header of an export",
        ),
        (
            "{}".to_owned(),
            "cannot import line 1: no record of an export (column 2)",
        ),
        (
            lines[..4].join("\n"),
            "cannot import line 5: the export ends too early",
        ),
        (
            [lines[0], lines[1], lines[5]].join("\n"),
            "cannot import line 3: expected 2 subjects and 2 faces before it, found 1 and 0",
        ),
        (
            [lines[0], lines[2]].join("\n"),
            "cannot import line 2: a face of a subject that did not come before",
        ),
        (
            text.replace("\"version\":1", "\"version\":9"),
            "expected an export of format 2 or older, found format 9",
        ),
        // One more than the largest number that the store holds.
        (
            with_dimension("9223372036854775808"),
            "cannot import line 1: expected a dimension from 1 to 65536, found 9223372036854775808",
        ),
        (
            with_dimension("0"),
            "cannot import line 1: expected a dimension from 1 to 65536, found 0",
        ),
        (
            text.replace("\"embedding\":\"", "\"embedding\":\"?"),
            "cannot import line 3: the embedding is no base64",
        ),
        (
            format!("{text}{}", lines[1]),
            "cannot import line 7: something follows the end",
        ),
    ] {
        let (message, _) = error_of(target.import(bad.as_bytes()));
        assert_eq!(message, expected);
        assert_eq!(target.counts().unwrap(), GalleryCounts::default());
        assert_eq!(target.binding().unwrap(), None);
    }
    let foreign = text.replace("tests@00000000", "other");
    let (message, _) = error_of(gallery.import(foreign.as_bytes()));
    assert_eq!(
        message,
        "expected embeddings of model `tests@00000000`, found model `other`"
    );
}

fn calibration(model: &str) -> StoredCalibration {
    let mut stored = crate::store::calibration_for_tests();
    stored.model = ModelId::new(model);
    stored
}

#[test]
fn a_calibration_is_for_the_gallerys_model_only() {
    let Fixture { gallery, folder } = fixture();
    let (ours, other) = (calibration("tests@00000000"), calibration("other@00000000"));
    let elsewhere = open(&folder, "gallery");
    gallery.set_calibration(Some(&ours)).unwrap();
    assert_eq!(elsewhere.calibration().unwrap(), Some(ours.clone()));
    let active = |model| gallery.active_calibration(model).unwrap();
    assert_eq!(active(&ours.model).unwrap().rates, ours.rates);
    assert_eq!(active(&other.model), None);

    gallery.enrol("anna", face(1)).unwrap();
    let error = gallery.set_calibration(Some(&other)).unwrap_err();
    assert_eq!(error.code(), "model_mismatch");
    let mut senseless = ours.clone();
    senseless.calibration.points.clear();
    let error = gallery.set_calibration(Some(&senseless)).unwrap_err();
    assert_eq!(error.code(), "invalid_calibration");
    assert_eq!(gallery.calibration().unwrap(), Some(ours));
    gallery.set_calibration(None).unwrap();
    assert_eq!(elsewhere.calibration().unwrap(), None);
}

#[test]
fn a_calibration_goes_with_an_export_and_replaces_none() {
    let Fixture { gallery, folder } = fixture();
    gallery.enrol("anna", face(1)).unwrap();
    let exported = |gallery: &Gallery| {
        let mut text = Vec::new();
        gallery.export(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    };
    assert!(
        exported(&gallery).contains("\"version\":1"),
        "older releases read it"
    );
    let ours = calibration("tests@00000000");
    gallery.set_calibration(Some(&ours)).unwrap();
    let text = exported(&gallery);
    assert!(text.contains("\"version\":2"));

    let copy = open(&folder, "copy");
    assert!(copy.import(text.as_bytes()).unwrap().calibration_added);
    assert_eq!(copy.calibration().unwrap(), Some(ours.clone()));
    assert_eq!(exported(&copy), text);

    let mut theirs = ours;
    theirs.created_millis += 1;
    copy.set_calibration(Some(&theirs)).unwrap();
    assert!(!copy.import(text.as_bytes()).unwrap().calibration_added);
    assert_eq!(copy.calibration().unwrap(), Some(theirs));

    let bad = text.replace("\"comparisons\":1000", "\"comparisons\":0");
    let (message, _) = error_of(open(&folder, "third").import(bad.as_bytes()));
    assert!(message.contains("cannot import line 2"), "{message}");
}

#[test]
fn nothing_biometric_is_in_debug_output() {
    let Fixture { gallery, .. } = fixture();
    gallery.enrol("anna", face(1)).unwrap();
    assert_eq!(format!("{gallery:?}"), "Gallery { .. }");
    let text = format!("{:?}", face(1));
    assert!(!text.contains("0.") && text.contains("50 bytes"), "{text}");
}

#[test]
fn subjects_are_found_by_number_too() {
    let Fixture { gallery, .. } = fixture();
    let id = gallery.add_subject(&NewSubject::named("anna")).unwrap();
    let change = SubjectChange {
        name: Some("Anna".to_owned()),
        external_id: Some(Some("7".to_owned())),
        metadata: None,
    };
    assert_eq!(gallery.change(id, &change).unwrap().name, "Anna");
    assert_eq!(
        gallery.show(id).unwrap().subject,
        gallery.show("Anna").unwrap().subject
    );
    assert_eq!(gallery.delete_subject(id).unwrap(), 0);
    let (message, _) = error_of(gallery.show(id));
    assert_eq!(message, format!("unknown subject {id}"));
}

#[test]
fn several_are_deleted_together_or_not_at_all() {
    let Fixture { gallery, .. } = fixture();
    for name in ["a", "b", "c"] {
        gallery.add_subject(&NewSubject::named(name)).unwrap();
    }
    assert!(
        gallery
            .delete_subjects(&["a".into(), "nobody".into()])
            .is_err()
    );
    assert_eq!(gallery.counts().unwrap().subjects, 3);
    gallery.delete_subjects(&["a".into(), "b".into()]).unwrap();
    assert_eq!(gallery.counts().unwrap().subjects, 1);
    assert_eq!(gallery.clear().unwrap().subjects, 1);
    assert_eq!(gallery.counts().unwrap().subjects, 0);
}

#[test]
fn the_nearest_faces_are_rows_of_their_own() {
    let Fixture {
        folder: _f,
        gallery,
    } = fixture();
    let mut near = face(1).embedding.values().to_vec();
    near[0] += 0.05;
    let near = embedding(near);
    gallery.enrol("anna", face(1)).unwrap();
    gallery.enrol("anna", NewFace::new(near.clone())).unwrap();
    gallery.enrol("ben", face(2)).unwrap();
    let probes = [near, face(2).embedding];
    let found = gallery.nearest_faces(&probes, 2).unwrap();
    let ids = |candidates: &[Candidate]| -> Vec<i64> {
        candidates
            .iter()
            .map(|candidate| candidate.face.0)
            .collect()
    };
    assert_eq!(ids(&found[0]), [2, 1]);
    assert!(found[0].iter().all(|candidate| &*candidate.name == "anna"));
    assert!(found[0][0].similarity > found[0][1].similarity);
    assert_eq!(ids(&found[1])[0], 3);
    assert_eq!(&*found[1][0].name, "ben");
    let empty = fixture();
    assert_eq!(empty.gallery.nearest_faces(&probes, 2).unwrap(), [[], []]);
}

#[test]
fn several_faces_are_deleted_at_once_and_unknown_ones_passed_over() {
    let Fixture {
        folder: _f,
        gallery,
    } = fixture();
    for (name, seed) in [("anna", 1), ("anna", 2), ("ben", 3)] {
        gallery.enrol(name, face(seed)).unwrap();
    }
    let ids = [3, 99, 1, 3].map(FaceId);
    let deleted = gallery.delete_faces(&ids).unwrap();
    let rows: Vec<(i64, &str)> = deleted
        .iter()
        .map(|(face, name)| (face.id.0, name.as_str()))
        .collect();
    assert_eq!(rows, [(3, "ben"), (1, "anna")]);
    let counts = gallery.counts().unwrap();
    assert_eq!((counts.subjects, counts.faces), (2, 1));
    assert!(gallery.delete_faces(&[]).unwrap().is_empty());
}
