//! Everything that was acknowledged is there after `kill -9`.
#![cfg(unix)]

#[path = "../../prosopon/tests/common/processes.rs"]
mod processes;

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use processes::{Acknowledged, Ends, as_process};
use prosopon::{Embedding, ModelId};
use prosopon_gallery::synthetic::Rng;
use prosopon_gallery::{Crop, EnrolmentRequest, FaceId, Gallery, GalleryOptions, NewFace};

const ROUNDS: u64 = 50;
const DIM: usize = 128;
const CHILD_FILE: &str = "PROSOPON_KILL_TEST_FILE";
const CHILD_SEED: &str = "PROSOPON_KILL_TEST_SEED";

fn embedding(seed: u64) -> Embedding {
    let values = Rng::new(seed).unit_vector(DIM);
    Embedding::from_values(ModelId::new("kill@00000000"), values).expect("a direction")
}

/// The process that is killed: enrols without end, by turns one face and three at once, and
/// says which are in. It is this test binary again, so that no extra program is built.
#[test]
fn child_enrols_until_it_is_killed() {
    let (Ok(path), Ok(seed)) = (std::env::var(CHILD_FILE), std::env::var(CHILD_SEED)) else {
        return;
    };
    let gallery = Gallery::open(path, GalleryOptions::default()).expect("a gallery");
    let first: u64 = seed.parse().expect("a number");
    let mut seeds = first..;
    let mut out = std::io::stdout().lock();
    for turn in 0.. {
        let batch: Vec<u64> = seeds
            .by_ref()
            .take(if turn % 2 == 0 { 1 } else { 3 })
            .collect();
        let requests: Vec<EnrolmentRequest> = batch
            .iter()
            .map(|seed| {
                let mut face = NewFace::new(embedding(*seed));
                face.crop = Some(Crop {
                    media_type: "image/png".to_owned(),
                    bytes: vec![*seed as u8; 3000],
                });
                EnrolmentRequest {
                    subject: format!("subject {}", seed % 7),
                    face,
                }
            })
            .collect();
        let outcomes = gallery.enrol_batch(&requests).expect("room on disk");
        for (outcome, seed) in outcomes.iter().zip(&batch) {
            writeln!(out, "enrolled {} {seed}", outcome.face()).expect("a parent");
        }
        out.flush().expect("a parent");
        if turn % 5 == 4 {
            // Deleting empties the log, which a kill may interrupt as well.
            let gone = gallery.enrol("gone", NewFace::new(embedding(u64::MAX - first)));
            gallery
                .delete_face(gone.expect("enrolled").face())
                .expect("deleted");
        }
    }
}

/// Runs a child, kills it, and gives back the faces that it said are in, with their seeds.
fn killed_child(path: &Path, round: u64, rng: &mut Rng) -> Vec<(FaceId, u64)> {
    let mut child = as_process("child_enrols_until_it_is_killed");
    child
        .env(CHILD_FILE, path)
        .env(CHILD_SEED, (round * 1_000_000).to_string());
    let mut child = Ends::start(child.stderr(Stdio::null()));
    // A line without its end was not acknowledged; the pipe keeps short lines whole.
    let enrolled = Acknowledged::by(&mut child.0, |line| {
        let (_, numbers) = line.split_once("enrolled ")?;
        let (face, seed) = numbers.split_once(' ')?;
        Some((FaceId(face.parse().ok()?), seed.parse().ok()?))
    });
    // Every fifth is killed while it opens the file, the others once they are at work.
    if !round.is_multiple_of(5) {
        assert!(
            enrolled.comes_within(Duration::from_secs(30)),
            "the child enrols nobody"
        );
    }
    std::thread::sleep(Duration::from_micros(rng.below(80_000) as u64));
    child.kill();
    enrolled.all()
}

#[test]
fn acknowledged_faces_survive_50_kills() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gallery");
    let mut rng = Rng::new(std::process::id().into());
    let mut enrolled = Vec::new();
    for round in 0..ROUNDS {
        enrolled.extend(killed_child(&path, round, &mut rng));
        let gallery = Gallery::open(&path, GalleryOptions::default()).expect("the file is whole");
        for (face, seed) in &enrolled {
            let stored = gallery.embedding(*face).expect("an acknowledged face");
            assert!(
                stored == embedding(*seed),
                "face {face} changed in round {round}"
            );
            let crop = gallery.crop(*face).expect("the face").expect("its crop");
            assert_eq!(crop.bytes, vec![*seed as u8; 3000]);
        }
        drop(gallery);
        let connection = rusqlite::Connection::open(&path).expect("a database");
        let verdict: String = connection
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .expect("a verdict");
        assert_eq!(verdict, "ok", "round {round}");
        let orphans = connection
            .prepare("PRAGMA foreign_key_check")
            .and_then(|mut check| check.exists([]))
            .expect("a verdict");
        assert!(!orphans, "round {round}");
    }
    assert!(
        enrolled.len() > 200,
        "only {} faces: too slow a child",
        enrolled.len()
    );
    println!("{} acknowledged faces, none lost", enrolled.len());
}
