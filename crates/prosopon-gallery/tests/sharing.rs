//! Several users of one gallery file: threads with handles of their own, as processes have.

use std::sync::Barrier;

use prosopon::{Embedding, ModelId};
use prosopon_gallery::synthetic::Rng;
use prosopon_gallery::{Gallery, GalleryOptions, IdentifyOptions, NewFace, TemplateKind};

const DIM: usize = 64;

fn embedding(seed: u64) -> Embedding {
    let values = Rng::new(seed).unit_vector(DIM);
    Embedding::from_values(ModelId::new("shared@00000000"), values).expect("a direction")
}

fn open(path: &std::path::Path) -> Gallery {
    Gallery::open(path, GalleryOptions::default()).expect("a gallery")
}

/// A subject has several faces here; the probe is one of them.
const BY_BEST_FACE: IdentifyOptions = IdentifyOptions {
    max_candidates: 5,
    template: TemplateKind::Best,
};

#[test]
fn writers_at_once_lose_nothing_and_see_each_other() {
    const EACH: u64 = 40;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gallery");
    let knows = |gallery: &Gallery, seed: u64| {
        let found = gallery.identify(&embedding(seed), BY_BEST_FACE);
        let found = found.expect("an answer");
        assert_eq!(*found[0].name, format!("subject {}", seed % 10));
        assert!(found[0].similarity.value() > 0.999);
    };
    // All create the file at the same moment, too.
    let start = Barrier::new(3);
    let enrol = |user: u64| {
        start.wait();
        let gallery = open(&path);
        for seed in (0..EACH).map(|i| user * 1000 + i) {
            let face = NewFace::new(embedding(seed));
            let name = format!("subject {}", seed % 10);
            gallery.enrol(&name, face).expect("enrolled");
            knows(&gallery, seed);
        }
        gallery
    };
    let galleries: Vec<Gallery> = std::thread::scope(|scope| {
        let users = [0, 1, 2].map(|user| scope.spawn(move || enrol(user)));
        let join = |user: std::thread::ScopedJoinHandle<'_, _>| user.join().expect("no panic");
        users.into_iter().map(join).collect()
    });
    for gallery in &galleries {
        assert_eq!(gallery.counts().expect("counts").faces, 3 * EACH);
        for seed in (0..3).flat_map(|user| (0..EACH).map(move |i| user * 1000 + i)) {
            knows(gallery, seed);
        }
    }
}

#[test]
fn a_gallery_can_be_created_by_many_at_once() {
    // A moment of a few microseconds in the middle of creation; 100 tries meet it.
    for _ in 0..100 {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("gallery");
        let start = Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    open(&path)
                });
            }
        });
    }
}

#[test]
fn an_open_gallery_follows_every_kind_of_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gallery");
    let (writer, watcher) = (open(&path), open(&path));
    let best = |seed: u64, template| {
        let options = IdentifyOptions {
            max_candidates: 1,
            template,
        };
        let found = watcher.identify(&embedding(seed), options);
        let found = found.expect("an answer");
        found
            .first()
            .filter(|candidate| candidate.similarity.value() > 0.65)
            .map(|candidate| candidate.name.to_string())
    };
    let both = |seed, expected: Option<&str>| {
        for template in [TemplateKind::Best, TemplateKind::Mean] {
            assert_eq!(best(seed, template).as_deref(), expected, "{template:?}");
        }
    };
    both(1, None);
    let enrol = |name: &str, seed| {
        let face = NewFace::new(embedding(seed));
        writer.enrol(name, face).expect("enrolled").face()
    };
    let first = enrol("anna", 1);
    both(1, Some("anna"));
    enrol("bob", 2);
    both(2, Some("bob"));
    writer.rename("anna", "Anna").expect("renamed");
    both(1, Some("Anna"));
    writer.merge("Anna", "bob").expect("merged");
    both(1, Some("bob"));
    both(2, Some("bob"));
    writer.delete_face(first).expect("deleted");
    both(1, None);
    both(2, Some("bob"));
    writer.delete_subject("bob").expect("deleted");
    both(2, None);
    assert_eq!(watcher.counts().expect("counts").faces, 0);
}
