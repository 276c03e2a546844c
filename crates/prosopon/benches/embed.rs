//! What batching gains: the time of embedding a face, alone and in batches, on one stream of one
//! thread, as the server works. `cargo bench -p prosopon --bench embed`.

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/common/models.rs"]
mod models;

use divan::Bencher;
use divan::counter::ItemsCount;
use prosopon::inference::{BackendChoice, Precision, Runtime};
use prosopon::{AlignedCrop, Embedder, Image, SimilarityTransform};

use models::Models;

fn main() {
    divan::main();
}

#[divan::bench(args = [1, 2, 4, 8])]
fn faces_in_a_batch(bencher: Bencher, batch: usize) {
    let Some(models) = Models::find() else { return };
    let mut options = models.options(BackendChoice::Auto, Precision::Auto);
    (options.threads, options.streams) = (1, 1);
    let runtime = Runtime::open(&options).expect("a runtime");
    let embedder = models.load_fr_feature(&runtime);
    let crop = AlignedCrop {
        image: Image::filled(112, 112, [90, 120, 150]),
        crop_from_image: SimilarityTransform::IDENTITY,
    };
    let crops = vec![crop; batch];
    bencher
        .counter(ItemsCount::new(batch))
        .bench(|| embedder.embed(&crops).expect("embeddings"));
}
