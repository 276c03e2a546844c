//! How the time to group faces grows with their number: `cargo bench -p prosopon --bench cluster`.
//!
//! Half of the made-up people have one face, the others 2 to 40; genuine similarities are about 0.5,
//! as the default embedder has on photographs. `-- 20000` measures one size only.

use divan::Bencher;
use divan::counter::ItemsCount;
use prosopon::cluster::Clustering;
use prosopon::evaluate::clusters::ClusterReport;
use prosopon::{Embedding, ModelId, Threshold};
use rayon::prelude::*;

const DIM: usize = 512;

/// That of a false match rate of 1e-5 with the default embedder; which similarities strangers have
/// here is another matter.
const THRESHOLD: f32 = 0.479;

fn main() {
    divan::main();
}

/// A small, seeded generator (`SplitMix64`, Steele et al. 2014).
struct Rng(u64);

impl Rng {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Sum of four uniform numbers: near enough to a normal one.
    fn noise(&mut self) -> f32 {
        let mut uniform = || (self.bits() >> 40) as f32 / (1 << 24) as f32 - 0.5;
        uniform() + uniform() + uniform() + uniform()
    }
}

fn model() -> ModelId {
    ModelId::new("synthetic@00000000")
}

/// Faces, and whose they are.
fn people(n_faces: usize) -> (Vec<Embedding>, Vec<usize>) {
    let mut truth = Vec::with_capacity(n_faces);
    for person in 0.. {
        let size = if person % 2 == 0 { 1 } else { 2 + person % 39 };
        truth.extend(std::iter::repeat_n(person, size));
        if truth.len() >= n_faces {
            break;
        }
    }
    truth.truncate(n_faces);
    let faces = truth
        .par_iter()
        .enumerate()
        .map(|(face, &person)| {
            let mut center = Rng(person as u64);
            let mut noise = Rng(u64::MAX / 2 + face as u64);
            let values = (0..DIM).map(|_| center.noise() + 0.9 * noise.noise());
            Embedding::from_values(model(), values.collect()).expect("a direction")
        })
        .collect();
    (faces, truth)
}

#[divan::bench(args = [5_000, 20_000, 50_000, 100_000], sample_count = 1, sample_size = 1)]
fn faces(bencher: Bencher, n_faces: usize) {
    let (faces, truth) = people(n_faces);
    let threshold = Threshold::from_similarity(model(), THRESHOLD, None);
    bencher.counter(ItemsCount::new(n_faces)).bench_local(|| {
        let found = Clustering::new(&threshold).run(&faces).expect("groups");
        let f = ClusterReport::new(&truth, &found).b_cubed.f;
        assert!(f > 0.99, "B-cubed F {f}");
    });
}
