use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::*;
use crate::face::{Crop, NewFace};
use crate::store::{Binding, contract};
use crate::subject::NewSubject;
use prosopon::{Embedding, ModelId};

fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, &SqliteOptions::default())
}

fn code(path: &Path) -> &'static str {
    open(path).map_or_else(|error| error.code(), |_| "opened")
}

#[test]
fn keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract::run(&|name| Box::new(open(&folder.path().join(name)).unwrap()));
}

#[test]
fn files_that_are_no_galleries_are_told_apart_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("text"), "just a few words, but more than sixteen bytes").unwrap();
    fs::write(at("short"), "x").unwrap();
    let other = Connection::open(at("other")).unwrap();
    other.execute_batch("CREATE TABLE notes (text)").unwrap();
    drop(other);
    fs::write(
        at("magic"),
        [b"SQLite format 3\0".as_slice(), &[0xa5; 4096]].concat(),
    )
    .unwrap();
    for (name, expected) in [
        ("text", "not_a_gallery"),
        ("short", "not_a_gallery"),
        ("other", "not_a_gallery"),
        ("magic", "not_a_gallery"),
        ("", "not_a_gallery"),
        ("none/file", "gallery_folder_missing"),
    ] {
        let before = fs::read(at(name)).ok();
        assert_eq!(code(&at(name)), expected, "{name}");
        assert_eq!(fs::read(at(name)).ok(), before, "{name} was changed");
    }
    let options = SqliteOptions {
        create: false,
        ..SqliteOptions::default()
    };
    let missing = SqliteStore::open(at("missing"), &options).unwrap_err();
    assert_eq!(missing.code(), "gallery_missing");
    assert!(!at("missing").exists());
}

#[test]
fn a_creation_that_was_cut_short_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty");
    fs::write(&path, "").unwrap();
    assert_eq!(code(&path), "opened");
    let path = folder.path().join("no tables");
    let connection = Connection::open(&path).unwrap();
    connection
        .query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
        .unwrap();
    drop(connection);
    assert_eq!(code(&path), "opened");
    assert_eq!(code(&path), "opened");
}

#[test]
fn a_newer_gallery_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    drop(open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    connection
        .pragma_update(None, "user_version", schema::FORMAT.version() + 1)
        .unwrap();
    drop(connection);
    let error = open(&path).unwrap_err();
    assert_eq!(error.code(), "gallery_newer");
    assert!(
        error
            .to_string()
            .starts_with("expected a gallery of format 2 or older, found format 3: ")
    );
}

/// A gallery as the first release wrote it, with one face of anna's.
fn version_1(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(schema::VERSION_1).unwrap();
    connection
        .execute_batch(
            "INSERT INTO binding VALUES (1, 'm', 2);
             INSERT INTO subjects VALUES (1, 'anna', 'anna', NULL, '{}', 5);
             INSERT INTO faces (id, subject_id, model, measures, created_millis)
                 VALUES (1, 1, 'm', '{}', 6);
             INSERT INTO embeddings VALUES (1, x'0000803f00000000');",
        )
        .unwrap();
    let set = |name: &str, value: i64| connection.pragma_update(None, name, value).unwrap();
    set("application_id", schema::FORMAT.application_id);
    set("user_version", 1);
}

#[test]
fn an_older_gallery_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    version_1(&path);
    for _ in 0..2 {
        let store = open(&path).unwrap();
        store
            .read(&mut |reader| {
                assert_eq!(reader.calibration()?, None);
                assert_eq!(reader.subject_named("anna")?.unwrap().created_millis, 5);
                let face = reader.faces(None, 0, 9)?[0].id;
                assert_eq!(reader.embedding(face)?.unwrap(), [1.0, 0.0]);
                Ok(())
            })
            .unwrap();
    }
    let connection = Connection::open(&path).unwrap();
    let version = connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    assert_eq!(version.unwrap(), schema::FORMAT.version());
}

#[test]
fn a_calibration_that_makes_no_sense_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    let store = open(&path).unwrap();
    let stored = contract::calibration();
    store
        .write(&mut |writer| {
            writer.set_calibration(Some(&stored))?;
            Ok(true)
        })
        .unwrap();
    let connection = Connection::open(&path).unwrap();
    for points in [
        "{}",
        "not JSON",
        r#"{"source":"","comparisons":1,"points":[]}"#,
    ] {
        connection
            .execute("UPDATE calibration SET points = ?1", [points])
            .unwrap();
        let error = store.read(&mut |reader| reader.calibration().map(drop));
        assert_eq!(error.unwrap_err().code(), "gallery_damaged", "{points}");
    }
}

/// A gallery with some hundred faces, as bytes.
fn filled(path: &Path) -> Vec<u8> {
    let store = open(path).unwrap();
    let mut rng = crate::synthetic::Rng::new(4);
    let model = ModelId::new("m");
    store
        .write(&mut |writer| {
            writer.bind(&Binding {
                model: model.clone(),
                dimension: 128,
            })?;
            let subject = writer.add_subject(&NewSubject::named("anna"), 0)?;
            for _ in 0..200 {
                let values = rng.unit_vector(128);
                let mut face = NewFace::new(Embedding::from_values(model.clone(), values).unwrap());
                face.crop = Some(Crop {
                    media_type: "image/png".to_owned(),
                    bytes: vec![7; 900],
                });
                writer.add_face(subject, &face, 0)?;
            }
            Ok(true)
        })
        .unwrap();
    drop(store);
    fs::read(path).unwrap()
}

/// Opens the gallery and reads everything.
fn read_all(path: &Path) -> Result<u64, StoreError> {
    let store = open(path)?;
    let mut n_faces = 0;
    store.read(&mut |reader| {
        reader.each_template(&mut |_, _, values| {
            assert!(values.count() > 0);
            n_faces += 1;
            Ok(())
        })
    })?;
    Ok(n_faces)
}

#[test]
fn truncated_files_are_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    let bytes = filled(&path);
    assert_eq!(read_all(&path).unwrap(), 200);
    for n_bytes in [
        20,
        100,
        4096,
        16_384,
        50_000,
        bytes.len() / 2,
        bytes.len() - 16_384,
    ] {
        fs::write(&path, &bytes[..n_bytes]).unwrap();
        let error = read_all(&path).unwrap_err();
        assert!(
            ["gallery_damaged", "not_a_gallery"].contains(&error.code()),
            "{n_bytes}: {error}"
        );
    }
}

#[test]
fn overwritten_bytes_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    let bytes = filled(&path);
    let mut rng = crate::synthetic::Rng::new(8);
    for _ in 0..150 {
        let mut damaged = bytes.clone();
        let start = rng.below(damaged.len());
        let end = (start + 1 + rng.below(3000)).min(damaged.len());
        for byte in &mut damaged[start..end] {
            *byte = rng.bits() as u8;
        }
        fs::write(&path, &damaged).unwrap();
        let _ = fs::remove_file(folder.path().join("gallery-wal"));
        let _ = fs::remove_file(folder.path().join("gallery-shm"));
        if let Err(error) = read_all(&path) {
            assert!(!error.to_string().contains('\n') && !error.hint().is_empty());
        }
    }
}

#[test]
fn deleted_bytes_are_gone_from_file_and_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    let store = open(&path).unwrap();
    let needle = |seed: u8| -> Vec<u8> { (0..200).map(|i: u8| seed ^ i.wrapping_mul(7)).collect() };
    let add = |name: &str, seed: u8| {
        store
            .write(&mut |writer| {
                let subject = writer.add_subject(&NewSubject::named(name), 0)?;
                let values = vec![f32::from(seed), 1.0, 2.0];
                let embedding = Embedding::from_values(ModelId::new("m"), values).unwrap();
                let mut face = NewFace::new(embedding);
                face.crop = Some(Crop {
                    media_type: "image/png".to_owned(),
                    bytes: needle(seed).repeat(200),
                });
                writer.add_face(subject, &face, 0)?;
                Ok(true)
            })
            .unwrap();
    };
    let holds = |seed: u8| {
        let needle = needle(seed);
        fs::read_dir(folder.path()).unwrap().any(|entry| {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            bytes.windows(needle.len()).any(|window| window == needle)
        })
    };
    add("stays", 3);
    add("goes", 90);
    assert!(holds(3) && holds(90));
    store
        .write(&mut |writer| {
            let id = writer.subject_named("goes")?.unwrap().id;
            writer.delete_subject(id)?;
            Ok(true)
        })
        .unwrap();
    assert!(holds(3));
    assert!(!holds(90), "a deleted crop is still there");
}

#[test]
fn a_lock_that_is_not_given_back_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    drop(open(&path).unwrap());
    let options = SqliteOptions {
        busy_timeout: Duration::from_millis(50),
        ..SqliteOptions::default()
    };
    let store = SqliteStore::open(&path, &options).unwrap();
    let hog = Connection::open(&path).unwrap();
    hog.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.write(&mut |_| Ok(true)).unwrap_err();
    assert_eq!(error.code(), "gallery_busy");
    store.read(&mut |_| Ok(())).unwrap();
    let error = SqliteStore::open(&path, &options).unwrap_err();
    assert_eq!(error.code(), "gallery_busy");
}

#[test]
fn old_changes_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("gallery")).unwrap();
    let add = |n: i64, start: i64| {
        store
            .write(&mut |writer| {
                for i in start..start + n {
                    writer.add_subject(&NewSubject::named(i.to_string()), 0)?;
                }
                Ok(true)
            })
            .unwrap();
    };
    add(2, 0);
    add(20_000, 2);
    store
        .read(&mut |reader| {
            use crate::store::{Changes, Revision};
            assert_eq!(reader.revision()?, Revision(20_002));
            assert_eq!(reader.changes_since(Revision(1))?, Changes::Forgotten);
            let Changes::Known(changes) = reader.changes_since(Revision(2))? else {
                panic!("these are remembered");
            };
            assert_eq!(changes.len(), 20_000);
            Ok(())
        })
        .unwrap();
}

/// Bytes that are nobody's, in the middle of a file.
fn damage(path: &std::path::Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    for byte in bytes[middle..].iter_mut().step_by(3) {
        *byte ^= 0x5a;
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_check_finds_damage_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("g.db");
    assert!(matches!(
        SqliteStore::check(&path),
        Err(StoreError::Missing { .. })
    ));
    drop(SqliteStore::open(&path, &SqliteOptions::default()).unwrap());
    let before = fs::read(&path).unwrap();
    SqliteStore::check(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
    damage(&path);
    assert!(matches!(
        SqliteStore::check(&path),
        Err(StoreError::Damaged { .. })
    ));
}
