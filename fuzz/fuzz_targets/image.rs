//! Whatever a picture's bytes are, decoding ends in an error or in a picture within the limits.
#![no_main]

use std::io::Cursor;

use image::{DynamicImage, ImageFormat};
use libfuzzer_sys::fuzz_target;
use prosopon::{DecodeLimits, Image};
use prosopon_fuzz::{begin, decoders_may_panic, toys};

const LIMITS: DecodeLimits = DecodeLimits {
    file_bytes: 1 << 20,
    pixels: 1 << 20,
    memory_bytes: 32 << 20,
};

/// One of each format and of the usual kinds of samples.
fn seeds() -> Vec<Vec<u8>> {
    use ImageFormat::{Bmp, Gif, Ico, Jpeg, Png, Pnm, Tiff, WebP};
    let toy = toys::picture();
    let rgb = image::RgbImage::from_raw(12, 9, toy.into_pixels()).expect("a picture");
    let rgb = DynamicImage::ImageRgb8(rgb);
    let kinds = [
        DynamicImage::ImageLuma8(rgb.to_luma8()),
        DynamicImage::ImageRgba8(rgb.to_rgba8()),
        DynamicImage::ImageRgb16(rgb.to_rgb16()),
        DynamicImage::ImageRgb32F(rgb.to_rgb32f()),
        rgb,
    ];
    let formats = [Jpeg, Png, Gif, WebP, Bmp, Tiff, Pnm, Ico];
    let pairs = formats
        .iter()
        .flat_map(|format| kinds.iter().map(move |kind| (format, kind)));
    let written = pairs.filter_map(|(format, kind)| {
        let mut bytes = Cursor::new(Vec::new());
        // Not every format has every kind of samples.
        kind.write_to(&mut bytes, *format).ok()?;
        Some(bytes.into_inner())
    });
    written
        .chain([b"P2 2 1 255 0 255\n".to_vec(), b"P1 2 2 0 1 1 0\n".to_vec()])
        .collect()
}

fuzz_target!(init: { decoders_may_panic(); begin(seeds) }, |bytes: &[u8]| {
    if let Ok(picture) = Image::decode(bytes, &LIMITS) {
        let (width, height) = (u64::from(picture.width()), u64::from(picture.height()));
        assert!(width * height <= LIMITS.pixels, "{width} × {height}");
        assert_eq!(picture.pixels().len() as u64, width * height * 3);
    }
});
