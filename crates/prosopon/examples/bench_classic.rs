//! The measuring part of `scripts/bench-classic`: classic methods on grey pictures, for a comparison with their libraries.
//!
//! ```text
//! bench_classic WIDTH HEIGHT FILE…    files of WIDTH × HEIGHT grey bytes
//! ```
//!
//! Prints the median milliseconds of each method on one thread, as JSON.

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use prosopon::classic::{
    Clahe, GrayImage, Haralick, Hog, Lbp, Plane, Wavelet, Window, median_blurred,
    structural_similarity, wavedec2,
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [width, height, files @ ..] = arguments.as_slice() else {
        return Err("expected WIDTH HEIGHT FILE…".into());
    };
    let (width, height): (u32, u32) = (width.parse()?, height.parse()?);
    let mut times: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut last: Option<GrayImage> = None;
    for file in files {
        let gray = GrayImage::new(width, height, std::fs::read(file)?).ok_or("size of the file")?;
        let values = gray.pixels().iter().copied().map(f64::from).collect();
        let plane =
            Plane::new(width as usize, height as usize, values).ok_or("values fill the sides")?;
        let mut time = |name, work: &dyn Fn() -> Result<(), Box<dyn Error>>| {
            let start = Instant::now();
            let done = work();
            let millis = start.elapsed().as_secs_f64() * 1e3;
            times.entry(name).or_default().push(millis);
            done
        };
        time("haralick", &|| {
            black_box(Haralick::default().features(&gray)?);
            Ok(())
        })?;
        time("hog", &|| {
            black_box(Hog::default().features(&gray)?);
            Ok(())
        })?;
        time("lbp", &|| {
            black_box(Lbp::default().codes(&gray)?);
            Ok(())
        })?;
        time("wavedec2", &|| {
            black_box(wavedec2(&plane, Wavelet::Haar, 5)?);
            Ok(())
        })?;
        time("clahe", &|| {
            black_box(Clahe::default().apply(&gray));
            Ok(())
        })?;
        time("median", &|| {
            black_box(median_blurred(&gray, 5)?);
            Ok(())
        })?;
        if let Some(last) = &last {
            time("ssim", &|| {
                black_box(structural_similarity(last, &gray, Window::Uniform)?);
                Ok(())
            })?;
        }
        last = Some(gray);
    }
    let medians: BTreeMap<&str, f64> = times
        .into_iter()
        .map(|(name, mut millis)| {
            millis.sort_by(f64::total_cmp);
            (name, millis[millis.len() / 2])
        })
        .collect();
    println!("{}", serde_json::to_string(&medians)?);
    Ok(())
}
