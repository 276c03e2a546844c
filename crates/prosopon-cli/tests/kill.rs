//! Whatever `prosopon enrol` reports as added is there after `kill -9`.
#![cfg(unix)]

#[path = "../../prosopon/tests/common/mod.rs"]
mod common;
#[path = "../../prosopon/tests/common/processes.rs"]
mod processes;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use processes::{Acknowledged, Ends, without_settings};
use prosopon_gallery::synthetic::Rng;
use prosopon_gallery::{FaceId, Gallery, GalleryOptions};

const ROUNDS: u64 = 50;
/// Enough for several transactions in a round.
const PICTURES: usize = 40;

/// A face that was reported as added: its number and the name of its picture.
type Added = (FaceId, String);

/// Enrols the pictures in `folder` as a new person, kills the process, and gives back what it
/// reported.
fn killed_enrolment(folder: &Path, round: u64, rng: &mut Rng) -> Vec<Added> {
    let mut enrol = without_settings(env!("CARGO_BIN_EXE_prosopon"));
    enrol
        .args([
            "enrol",
            "pictures",
            "--gallery",
            "g.db",
            "--jsonl",
            "--largest-face",
            "--offline",
        ])
        .args([
            "--subject",
            &format!("round {round}"),
            "--input-size",
            "160",
        ])
        .current_dir(folder)
        .env("PROSOPON_HOME", folder.join("home"));
    let mut child = Ends::start(enrol.stdout(Stdio::piped()));
    let added = Acknowledged::by(&mut child.0, |line| {
        // A line without its end was not acknowledged.
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        if line["outcome"] != "added" {
            return None;
        }
        let path = line["path"].as_str().expect("a path");
        let name = path.rsplit('/').next().expect("a name").to_owned();
        Some((FaceId(line["face"].as_i64().expect("a number")), name))
    });
    // Every fifth is killed at any moment, perhaps before the gallery is open; the others once
    // they have something to lose.
    let patience = if round.is_multiple_of(5) {
        Duration::from_millis(100 + rng.below(700) as u64)
    } else {
        Duration::from_mins(1)
    };
    let _ = added.comes_within(patience);
    std::thread::sleep(Duration::from_micros(rng.below(250_000) as u64));
    child.kill();
    added.all()
}

#[test]
fn reported_faces_survive_50_kills() {
    let (Some(installed), Some(lfw)) = (common::model_home(), common::shared("data/lfw/images"))
    else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("home");
    std::fs::create_dir(&home).expect("a folder");
    common::link_all(&["models", "runtime"], &installed, &home);
    std::fs::create_dir(folder.path().join("pictures")).expect("a folder");
    let mut people: Vec<_> = std::fs::read_dir(lfw)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    people.sort();
    for person in &people[..PICTURES] {
        let mut pictures = std::fs::read_dir(person).expect("a folder");
        let picture = pictures.next().expect("a picture").expect("an entry");
        let copy = folder.path().join("pictures").join(picture.file_name());
        std::fs::copy(picture.path(), copy).expect("a copy");
    }

    let gallery_path = folder.path().join("g.db");
    let mut rng = Rng::new(std::process::id().into());
    let mut reported = 0;
    let mut interrupted = 0;
    for round in 0..ROUNDS {
        let added = killed_enrolment(folder.path(), round, &mut rng);
        interrupted += usize::from(!added.is_empty() && added.len() < PICTURES - 1);
        reported += added.len();
        if !gallery_path.exists() {
            continue;
        }
        let gallery = Gallery::open(&gallery_path, GalleryOptions::default()).expect("whole");
        assert!(
            gallery.counts().expect("counts").faces >= reported as u64,
            "round {round}"
        );
        if !added.is_empty() {
            let details = gallery.show(&format!("round {round}")).expect("the person");
            for (id, name) in &added {
                let face = details.faces.iter().find(|face| face.id == *id);
                let face = face.unwrap_or_else(|| panic!("face {id} is lost in round {round}"));
                assert_eq!(&face.source.as_ref().expect("a source").file_name, name);
                assert_eq!(gallery.embedding(*id).expect("its embedding").dim(), 512);
                assert!(gallery.crop(*id).expect("the face").is_some());
            }
        }
        drop(gallery);
        let connection = rusqlite::Connection::open(&gallery_path).expect("a database");
        let verdict: String = connection
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .expect("a verdict");
        assert_eq!(verdict, "ok", "round {round}");
    }
    println!("{reported} faces reported, none lost; {interrupted} rounds cut in the middle");
    assert!(reported > 200, "only {reported} faces: too slow a machine");
    assert!(interrupted > 0, "no round was cut in the middle");
}
