//! What every store must do. A new one runs [`run`] in its tests.

use prosopon::{
    BoundingBox, Calibration, CalibrationPoint, Embedding, ModelId, Rates, StoredCalibration,
};

use super::{
    Binding, Change, Changes, Counts, FileKind, ListQuery, Reader, Revision, Store, StoreError,
    Writer,
};
use crate::face::{Crop, FaceId, NewFace, PictureHash, Source};
use crate::subject::{NewSubject, SubjectId};
use crate::synthetic::Rng;

const DIM: usize = 16;

type Open<'a> = &'a dyn Fn(&str) -> Box<dyn Store>;

/// Runs the whole suite; `open` opens, or opens again, the store of a name.
pub(super) fn run(open: Open) {
    a_new_store_is_empty(open("new").as_ref());
    records_come_back_as_they_were(open("records").as_ref());
    a_calibration_is_kept_replaced_and_removed(open("calibration").as_ref());
    work_that_is_not_kept_leaves_nothing(open("undone").as_ref());
    lists_are_in_order_and_in_pages(open("lists").as_ref());
    changes_are_told(open("changes").as_ref());
    others_see_what_was_written(open("shared").as_ref(), open("shared").as_ref());
    everything_is_there_after_opening_again(open);
}

fn read<T>(store: &dyn Store, work: impl Fn(&dyn Reader) -> Result<T, StoreError>) -> T {
    let mut result = None;
    store
        .read(&mut |reader| {
            result = Some(work(reader)?);
            Ok(())
        })
        .unwrap();
    result.unwrap()
}

fn write<T>(
    store: &dyn Store,
    mut work: impl FnMut(&mut dyn Writer) -> Result<T, StoreError>,
) -> T {
    let mut result = None;
    store
        .write(&mut |writer| {
            result = Some(work(writer)?);
            Ok(true)
        })
        .unwrap();
    result.unwrap()
}

fn binding() -> Binding {
    Binding {
        model: ModelId::new("contract@00000000"),
        dimension: DIM,
    }
}

fn face(seed: u64) -> NewFace {
    let values = Rng::new(seed).unit_vector(DIM);
    let mut face = NewFace::new(Embedding::from_values(binding().model, values).unwrap());
    face.quality.confidence = Some(0.75);
    face.quality.measures.insert("sharpness".to_owned(), 12.5);
    face.bounding_box = Some(BoundingBox {
        left: -1.5,
        top: 2.0,
        right: 30.25,
        bottom: 40.0,
    });
    face.source = Some(Source {
        file_name: format!("{seed}.jpg"),
        sha256: PictureHash::of(&seed.to_le_bytes()),
    });
    face.crop = Some(Crop {
        media_type: "image/png".to_owned(),
        bytes: vec![seed as u8; 300],
    });
    face
}

fn a_new_store_is_empty(store: &dyn Store) {
    read(store, |reader| {
        assert_eq!(reader.binding()?, None);
        assert_eq!(reader.calibration()?, None);
        assert_eq!(reader.counts()?, Counts::default());
        assert_eq!(reader.subject(SubjectId(1))?, None);
        assert_eq!(reader.subject_named("anna")?, None);
        assert_eq!(reader.face(FaceId(1))?, None);
        assert_eq!(reader.embedding(FaceId(1))?, None);
        assert_eq!(reader.crop(FaceId(1))?, None);
        let revision = reader.revision()?;
        assert_eq!(reader.changes_since(revision)?, Changes::Known(vec![]));
        reader.each_template(&mut |_, _, _| unreachable!("there is no face"))
    });
}

/// A table with all that a table may have.
pub(crate) fn calibration() -> StoredCalibration {
    StoredCalibration {
        model: binding().model,
        created_millis: 17,
        rates: Rates {
            fmr: Some(1e-4),
            uncertain_fmr: Some(1e-2),
        },
        calibration: Calibration {
            source: "our people".to_owned(),
            comparisons: 1000,
            points: vec![
                CalibrationPoint {
                    false_matches: Some(100),
                    fmr_interval: Some([0.08, 0.12]),
                    ..CalibrationPoint::new(1e-1, 0.2)
                },
                CalibrationPoint::new(1e-2, 0.31),
            ],
        },
    }
}

fn a_calibration_is_kept_replaced_and_removed(store: &dyn Store) {
    let set = |stored: Option<&StoredCalibration>| {
        let before = store.watermark().unwrap();
        write(store, |writer| writer.set_calibration(stored));
        assert_ne!(store.watermark().unwrap(), before);
        read(store, |reader| reader.calibration())
    };
    let first = calibration();
    assert_eq!(set(Some(&first)), Some(first.clone()));
    let second = StoredCalibration {
        created_millis: 18,
        rates: Rates::default(),
        ..first
    };
    assert_eq!(set(Some(&second)), Some(second));
    assert_eq!(set(None), None);
}

fn records_come_back_as_they_were(store: &dyn Store) {
    let mut new = NewSubject::named("Zoë");
    new.external_id = Some("x-1".to_owned());
    new.metadata.insert("age".to_owned(), 31.into());
    let (subject, full, bare) = write(store, |writer| {
        writer.bind(&binding())?;
        let subject = writer.add_subject(&new, 17)?;
        let bare = NewFace::new(face(2).embedding);
        let full = writer.add_face(subject, &face(1), 18)?;
        Ok((subject, full, writer.add_face(subject, &bare, 19)?))
    });
    read(store, |reader| {
        assert_eq!(reader.binding()?, Some(binding()));
        let stored = reader.subject_named("Zoë")?.unwrap();
        assert_eq!((stored.id, stored.created_millis), (subject, 17));
        assert_eq!(stored.external_id, new.external_id);
        assert_eq!(stored.metadata, new.metadata);
        assert_eq!(reader.subject(subject)?, Some(stored));

        let (expected, stored) = (face(1), reader.face(full)?.unwrap());
        assert_eq!(stored.quality, expected.quality);
        assert_eq!(stored.bounding_box, expected.bounding_box);
        assert_eq!(stored.source, expected.source);
        assert_eq!(stored.model, binding().model);
        assert_eq!(reader.crop(full)?, expected.crop);
        let values = reader.embedding(full)?.unwrap();
        assert_eq!(values, expected.embedding.values());

        let bare = reader.face(bare)?.unwrap();
        assert_eq!((&bare.bounding_box, &bare.source), (&None, &None));
        assert_eq!(reader.crop(bare.id)?, None);
        let picture = expected.source.unwrap().sha256;
        assert_eq!(
            reader.faces_of_picture(&picture)?,
            std::slice::from_ref(&stored)
        );
        assert_eq!(reader.faces_of(subject)?, [stored, bare]);

        let mut ids = Vec::new();
        reader.each_template(&mut |face, of, values| {
            ids.push((face, of, values.count()));
            Ok(())
        })?;
        assert_eq!(ids[0], (full, subject, DIM));
        assert_eq!(ids.len(), 2);
        Ok(())
    });
}

fn work_that_is_not_kept_leaves_nothing(store: &dyn Store) {
    for keep in [Ok(false), Err(())] {
        let result = store.write(&mut |writer| {
            writer.bind(&binding())?;
            let subject = writer.add_subject(&NewSubject::named("gone"), 0)?;
            writer.add_face(subject, &face(1), 0)?;
            keep.map_err(|()| StoreError::Busy {
                file: FileKind::Gallery,
                path: "for the test".into(),
            })
        });
        assert_eq!(result.is_ok(), keep.is_ok());
    }
    read(store, |reader| {
        assert_eq!(reader.counts()?, Counts::default());
        assert_eq!(reader.binding()?, None);
        Ok(())
    });
}

fn lists_are_in_order_and_in_pages(store: &dyn Store) {
    write(store, |writer| {
        for name in ["dora", "Émile", "anna", "ANNABEL", "bo_b", "b%"] {
            writer.add_subject(&NewSubject::named(name), 0)?;
        }
        Ok(())
    });
    let names = |part: Option<&str>, after: Option<&str>, limit| -> Vec<String> {
        let query = ListQuery {
            name_contains: part.map(str::to_owned),
            after: after.map(str::to_owned),
            limit,
        };
        let list = read(store, |reader| reader.list(&query));
        list.into_iter().map(|s| s.subject.name).collect()
    };
    let all = ["ANNABEL", "anna", "b%", "bo_b", "dora", "Émile"];
    assert_eq!(names(None, None, 99), all);
    assert_eq!(names(None, Some("b%"), 2), all[3..5]);
    assert_eq!(names(Some("Anna"), None, 99), ["ANNABEL", "anna"]);
    assert_eq!(names(Some("éM"), None, 99), ["Émile"]);
    assert_eq!(names(Some("%"), None, 99), ["b%"]);
    assert_eq!(names(Some("_"), None, 99), ["bo_b"]);
    assert_eq!(names(None, None, 0), [""; 0]);
}

fn changes_are_told(store: &dyn Store) {
    let (a, b, moved, deleted, with_b) = write(store, |writer| {
        writer.bind(&binding())?;
        let a = writer.add_subject(&NewSubject::named("a"), 0)?;
        let b = writer.add_subject(&NewSubject::named("b"), 0)?;
        let mut add = |subject, seed| writer.add_face(subject, &face(seed), 0);
        Ok((a, b, add(a, 1)?, add(a, 2)?, add(b, 3)?))
    });
    let start = read(store, |reader| reader.revision());
    let since = |revision: Revision| {
        let changes = read(store, |reader| reader.changes_since(revision));
        let Changes::Known(mut changes) = changes else {
            panic!("a few changes are remembered");
        };
        changes.sort();
        changes
    };
    assert_eq!(since(start), []);
    write(store, |writer| {
        writer.move_face(moved, b)?;
        writer.delete_face(deleted)?;
        writer.update_subject(a, "c", None, &serde_json::Map::new())
    });
    let expected = [
        Change::Subject(a),
        Change::Face(moved),
        Change::Face(deleted),
    ];
    assert_eq!(since(start), expected);
    let middle = read(store, |reader| reader.revision());
    assert!(middle > start);
    write(store, |writer| writer.delete_subject(b));
    let expected = [
        Change::Subject(b),
        Change::Face(moved),
        Change::Face(with_b),
    ];
    assert_eq!(since(middle), expected);
    let new = write(store, |writer| writer.add_face(a, &face(9), 0));
    assert!(new > with_b, "ids are never used again");
    let future = Revision(i64::MAX);
    let changes = read(store, |reader| reader.changes_since(future));
    assert_eq!(changes, Changes::Forgotten);
}

fn others_see_what_was_written(one: &dyn Store, other: &dyn Store) {
    let before = other.watermark().unwrap();
    assert_eq!(other.watermark().unwrap(), before);
    write(one, |writer| writer.add_subject(&NewSubject::named("a"), 0));
    assert_ne!(other.watermark().unwrap(), before);
    assert_eq!(read(other, |reader| reader.counts()).subjects, 1);
    let before = other.watermark().unwrap();
    write(other, |writer| {
        writer.add_subject(&NewSubject::named("b"), 0)
    });
    assert_ne!(other.watermark().unwrap(), before, "own changes count, too");
    assert_eq!(read(one, |reader| reader.counts()).subjects, 2);
}

fn everything_is_there_after_opening_again(open: Open) {
    let id = write(open("again").as_ref(), |writer| {
        writer.bind(&binding())?;
        let subject = writer.add_subject(&NewSubject::named("a"), 0)?;
        writer.add_face(subject, &face(5), 0)
    });
    let values = read(open("again").as_ref(), |reader| reader.embedding(id));
    assert_eq!(values.unwrap(), face(5).embedding.values());
}
