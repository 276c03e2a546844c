//! How fast photographs become pixels: `cargo bench -p prosopon --bench decode`.
//!
//! Runs over the first 40 JPEG files of the shared `data/hobbit/dataset`, found through
//! `$PROSOPON_SHARED`, else `shared` beside the repository.

use std::path::{Path, PathBuf};

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use prosopon::image::{DecodeLimits, Image, ResizeFilter};

const PICTURES: usize = 40;

fn main() {
    if photographs().is_empty() {
        eprintln!("no photographs found: set PROSOPON_SHARED to the folder with data/hobbit");
        return;
    }
    divan::main();
}

fn photographs() -> Vec<Vec<u8>> {
    let root = std::env::var_os("PROSOPON_SHARED").map_or_else(
        // Benchmarks run in the folder of their package.
        || PathBuf::from("../../../shared"),
        PathBuf::from,
    );
    let files = |folder: &Path| -> Vec<PathBuf> {
        let entries = folder.read_dir().into_iter().flatten().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    files(&root.join("data/hobbit/dataset"))
        .iter()
        .flat_map(|actor| files(actor).into_iter().take(PICTURES / 5))
        .filter_map(|path| std::fs::read(path).ok())
        .filter(|bytes| bytes.starts_with(b"\xff\xd8"))
        .collect()
}

/// Runs `decode` on all photographs, one thread.
fn decode_all(bencher: Bencher, decode: impl Fn(&[u8]) + Sync) {
    let photographs = photographs();
    bencher
        .counter(ItemsCount::new(photographs.len()))
        .bench(|| {
            for bytes in &photographs {
                decode(black_box(bytes));
            }
        });
}

/// What the library does.
#[divan::bench]
fn prosopon(bencher: Bencher) {
    decode_all(bencher, |bytes| {
        black_box(Image::decode(bytes, &DecodeLimits::default()).ok());
    });
}

/// The same decoder through the `image` crate.
#[divan::bench]
fn image_crate(bencher: Bencher) {
    decode_all(bencher, |bytes| {
        let format = image::ImageFormat::Jpeg;
        let decoded = image::load_from_memory_with_format(bytes, format);
        black_box(decoded.map(image::DynamicImage::into_rgb8).ok());
    });
}

/// Shrinking each photograph to a detector's input.
#[divan::bench(args = [ResizeFilter::Area, ResizeFilter::Triangle, ResizeFilter::Linear])]
fn shrink_to_640(bencher: Bencher, filter: ResizeFilter) {
    let pictures: Vec<Image> = photographs()
        .iter()
        .filter_map(|bytes| Image::decode(bytes, &DecodeLimits::default()).ok())
        .filter(|picture| picture.width() > 640)
        .collect();
    let bytes: usize = pictures.iter().map(|picture| picture.pixels().len()).sum();
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        for picture in &pictures {
            let height = (picture.height() * 640).div_ceil(picture.width());
            black_box(picture.resized(640, height, filter).ok());
        }
    });
}
