//! Search and opening at 200,000 faces of 512 values.
//!
//! `cargo bench -p prosopon-gallery` measures all; `-- exact` only what has that in its name. A
//! plain f32 scan stands beside each search, in the same run. The gallery file for `open` is built
//! once, which takes a while.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};

use divan::{Bencher, black_box};
use prosopon::{Embedding, ModelId};
use prosopon_gallery::index::{ExactIndex, Grouping, Index};
use prosopon_gallery::synthetic::{self, Rng};
use prosopon_gallery::{
    EnrolmentRequest, FaceId, Gallery, GalleryOptions, IdentifyOptions, NewFace, SubjectId,
    TemplateKind,
};
use rayon::prelude::*;
use simsimd::SpatialSimilarity;
use tempfile::TempDir;

const N_FACES: usize = 200_000;
const DIM: usize = 512;
const FACES_PER_SUBJECT: usize = 4;
const K: usize = 10;

fn main() {
    divan::main();
    print_recall(&CLUSTERED);
    // What a static holds is not dropped, and this is half a gigabyte.
    drop(FOLDER.lock().map(|mut folder| folder.take()));
}

/// How many of the rows that a plain f32 search finds the index finds, too.
fn print_recall(data: &Data) {
    let mut n_found = 0;
    for probe in &data.probes {
        let hits = data.index.search(probe, K, Grouping::Faces);
        n_found += plain_f32(data, probe)
            .iter()
            .filter(|(_, row)| hits.iter().any(|hit| hit.face.0 == *row as i64))
            .count();
    }
    let n_probes = data.probes.len();
    let recall = n_found as f64 / (n_probes * K) as f64;
    println!("recall of the top {K} against plain f32: {recall:.4} ({n_probes} probes)");
}

struct Data {
    index: ExactIndex,
    values: Vec<f32>,
    probes: Vec<Vec<f32>>,
}

/// Rows in parts, each from its own seed, so that all threads make them.
fn rows(clustered: bool) -> Vec<f32> {
    const PART: usize = 2_000;
    (0..(N_FACES / PART) as u64)
        .into_par_iter()
        .flat_map_iter(|part| {
            if clustered {
                synthetic::clustered(part, PART, FACES_PER_SUBJECT, DIM, 1.0)
            } else {
                synthetic::random(part, PART, DIM)
            }
        })
        .collect()
}

fn data(clustered: bool) -> Data {
    let values = rows(clustered);
    let mut rng = Rng::new(99);
    let probes = (0..64)
        .map(|i| {
            if i % 2 == 0 {
                let row = rng.below(N_FACES);
                rng.near(&values[row * DIM..(row + 1) * DIM], 1.0)
            } else {
                rng.unit_vector(DIM)
            }
        })
        .collect();
    let faces = (0..N_FACES as i64).map(FaceId).collect();
    let subjects = (0..N_FACES)
        .map(|i| SubjectId((i / FACES_PER_SUBJECT) as i64))
        .collect();
    Data {
        index: ExactIndex::from_rows(DIM, faces, subjects, values.clone()),
        values,
        probes,
    }
}

static CLUSTERED: LazyLock<Data> = LazyLock::new(|| data(true));
static RANDOM: LazyLock<Data> = LazyLock::new(|| data(false));

fn pool(n_threads: usize) -> Arc<rayon::ThreadPool> {
    let builder = rayon::ThreadPoolBuilder::new().num_threads(n_threads);
    Arc::new(builder.build().expect("threads can be started"))
}

/// Every row in f32, the best `K` kept per thread.
fn plain_f32(data: &Data, probe: &[f32]) -> Vec<(f32, usize)> {
    let best = |mut top: Vec<(f32, usize)>, (similarity, row): (f32, usize)| {
        if top.len() < K || similarity > top[K - 1].0 {
            let place = top.partition_point(|(s, _)| *s >= similarity);
            top.insert(place, (similarity, row));
            top.truncate(K);
        }
        top
    };
    data.values
        .par_chunks(DIM)
        .enumerate()
        .with_min_len(4096)
        .map(|(row, values)| (f32::dot(probe, values).unwrap_or_default() as f32, row))
        .fold(Vec::new, best)
        .reduce(Vec::new, |a, b| b.into_iter().fold(a, best))
}

fn search_with(bencher: Bencher, data: &Data, n_threads: usize, work: impl Fn(&[f32]) + Sync) {
    let pool = pool(n_threads);
    let mut probes = data.probes.iter().cycle();
    bencher
        .with_inputs(|| probes.next().map(Vec::as_slice).unwrap_or_default())
        .bench_local_values(|probe| pool.install(|| work(probe)));
}

#[divan::bench(args = [1, 2], sample_count = 200)]
fn exact_faces_random(bencher: Bencher, n_threads: usize) {
    search_with(bencher, &RANDOM, n_threads, |probe| {
        black_box(RANDOM.index.search(probe, K, Grouping::Faces));
    });
}

#[divan::bench(args = [1, 2], sample_count = 200)]
fn exact_faces(bencher: Bencher, n_threads: usize) {
    search_with(bencher, &CLUSTERED, n_threads, |probe| {
        black_box(CLUSTERED.index.search(probe, K, Grouping::Faces));
    });
}

#[divan::bench(args = [1, 2], sample_count = 200)]
fn exact_subjects(bencher: Bencher, n_threads: usize) {
    search_with(bencher, &CLUSTERED, n_threads, |probe| {
        black_box(CLUSTERED.index.search(probe, K, Grouping::Subjects));
    });
}

#[divan::bench(args = [1, 2], sample_count = 100)]
fn plain_f32_faces(bencher: Bencher, n_threads: usize) {
    search_with(bencher, &CLUSTERED, n_threads, |probe| {
        black_box(plain_f32(&CLUSTERED, probe));
    });
}

/// Eight probes at once; divide by eight to compare.
#[divan::bench(args = [1, 2], sample_count = 50)]
fn exact_subjects_batch_of_8(bencher: Bencher, n_threads: usize) {
    let pool = pool(n_threads);
    let probes: Vec<&[f32]> = CLUSTERED.probes[..8].iter().map(Vec::as_slice).collect();
    bencher.bench_local(|| {
        pool.install(|| CLUSTERED.index.search_batch(&probes, K, Grouping::Subjects))
    });
}

static FOLDER: Mutex<Option<TempDir>> = Mutex::new(None);

/// A gallery file of all faces.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("large.gallery");
    let gallery = Gallery::open(&path, GalleryOptions::default()).expect("a new gallery");
    let model = ModelId::new("synthetic@00000000");
    let requests = |first: usize| {
        let rows = CLUSTERED.values.chunks(DIM).enumerate().skip(first);
        rows.take(10_000)
            .map(|(i, row)| EnrolmentRequest {
                subject: format!("subject {:06}", i / FACES_PER_SUBJECT),
                face: NewFace::new(
                    Embedding::from_values(model.clone(), row.to_vec()).expect("a direction"),
                ),
            })
            .collect::<Vec<_>>()
    };
    for first in (0..N_FACES).step_by(10_000) {
        gallery.enrol_batch(&requests(first)).expect("room on disk");
    }
    *FOLDER.lock().expect("nobody else is here") = Some(folder);
    path
});

#[divan::bench(args = [1, 2], sample_count = 5, sample_size = 1)]
fn open_file(bencher: Bencher, n_threads: usize) {
    let options = GalleryOptions {
        pool: Some(pool(n_threads)),
        ..GalleryOptions::default()
    };
    let path = &*FILE;
    bencher.bench_local(|| Gallery::open(path, options.clone()).expect("a whole gallery"));
}

/// Through the gallery, with the check for foreign changes and the names.
#[divan::bench(args = [TemplateKind::Best, TemplateKind::Mean], sample_count = 100)]
fn identify_2_threads(bencher: Bencher, template: TemplateKind) {
    let options = GalleryOptions {
        pool: Some(pool(2)),
        ..GalleryOptions::default()
    };
    let gallery = Gallery::open(&*FILE, options).expect("a whole gallery");
    let model = ModelId::new("synthetic@00000000");
    let options = IdentifyOptions {
        max_candidates: K,
        template,
    };
    let probes: Vec<Embedding> = CLUSTERED
        .probes
        .iter()
        .map(|p| Embedding::from_values(model.clone(), p.clone()).expect("a direction"))
        .collect();
    let mut probes = probes.iter().cycle();
    gallery
        .identify(probes.next().expect("a probe"), options)
        .expect("an answer");
    bencher
        .with_inputs(|| probes.next().expect("a probe"))
        .bench_local_values(|probe| gallery.identify(probe, options));
}
