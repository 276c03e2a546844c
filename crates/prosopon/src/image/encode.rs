//! Pictures into files: JPEG for photographs, PNG where every pixel counts.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use image::ImageEncoder;
use image::codecs::{bmp, jpeg, tiff, webp};

use super::{Image, ImageError};

/// Quality of JPEG files that [`Image::save`] writes: no visible loss, a tenth of a PNG.
pub const JPEG_QUALITY: u8 = 92;

/// An encoder's error, kept as the cause.
type Cause = Box<dyn std::error::Error + Send + Sync>;

impl Image {
    /// The picture as a JPEG file; `quality` from 1 to 100, values outside are clamped.
    ///
    /// # Errors
    /// [`ImageError::Encode`] if a side is over 65,535 pixels, which JPEG cannot say.
    pub fn encode_jpeg(&self, quality: u8) -> Result<Vec<u8>, ImageError> {
        self.encode("JPEG", |bytes| {
            if self.width.max(self.height) > u32::from(u16::MAX) {
                return Err("a side is over 65,535 pixels".into());
            }
            let encoder = jpeg::JpegEncoder::new_with_quality(bytes, quality.clamp(1, 100));
            self.write_with(encoder)
        })
    }

    /// The picture as a PNG file, which loses nothing.
    ///
    /// # Errors
    /// [`ImageError::Encode`] if the encoder fails.
    pub fn encode_png(&self) -> Result<Vec<u8>, ImageError> {
        self.encode("PNG", |bytes| {
            let mut encoder = png::Encoder::new(bytes, self.width, self.height);
            encoder.set_color(png::ColorType::Rgb);
            encoder.set_compression(png::Compression::Fast);
            let mut writer = encoder.write_header()?;
            writer.write_image_data(&self.pixels)?;
            Ok(writer.finish()?)
        })
    }

    /// Writes the picture to `path`, in the format that the name's ending says: `.jpg`, `.jpeg`
    /// (at [`JPEG_QUALITY`]), `.png`, `.webp` (without loss), `.bmp`, `.tif` or `.tiff`.
    ///
    /// The file appears whole or not at all; an older one of that name is replaced.
    ///
    /// # Errors
    /// [`ImageError::UnknownExtension`] for other endings, [`ImageError::Encode`] if the format
    /// cannot hold the picture, [`ImageError::Write`] as the operating system says.
    pub fn save(&self, path: &Path) -> Result<(), ImageError> {
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        let bytes = match extension.to_ascii_lowercase().as_str() {
            "jpg" | "jpeg" => self.encode_jpeg(JPEG_QUALITY)?,
            "png" => self.encode_png()?,
            "webp" => self.encode("WebP", |bytes| {
                self.write_with(webp::WebPEncoder::new_lossless(bytes))
            })?,
            "bmp" => self.encode("BMP", |bytes| self.write_with(bmp::BmpEncoder::new(bytes)))?,
            "tif" | "tiff" => self.encode("TIFF", |bytes| {
                self.write_with(tiff::TiffEncoder::new(io::Cursor::new(bytes)))
            })?,
            _ => {
                return Err(ImageError::UnknownExtension {
                    name: path
                        .file_name()
                        .unwrap_or_default()
                        .to_string_lossy()
                        .into(),
                });
            }
        };
        write_whole(path, &bytes).map_err(|source| ImageError::Write { source })
    }

    fn encode(
        &self,
        format: &'static str,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), Cause>,
    ) -> Result<Vec<u8>, ImageError> {
        let mut bytes = Vec::new();
        encode(&mut bytes).map_err(|source| ImageError::Encode {
            format,
            width: self.width,
            height: self.height,
            source,
        })?;
        Ok(bytes)
    }

    fn write_with(&self, encoder: impl ImageEncoder) -> Result<(), Cause> {
        let color = image::ExtendedColorType::Rgb8;
        Ok(encoder.write_image(&self.pixels, self.width, self.height, color)?)
    }
}

/// Writes a temporary file beside `path`, makes it durable, then gives it its name: the file appears
/// whole or not at all.
///
/// # Errors
/// What the operating system reports.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".prosopon-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What any program's new file gets; the user's umask still applies.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The new name is durable only when its folder is; not every system can open folders.
    if let Ok(folder) = File::open(folder) {
        folder.sync_all().ok();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::DecodeLimits;
    use super::*;

    fn picture() -> Image {
        let pixels = (0..40 * 30)
            .flat_map(|i| [(i % 40 * 6) as u8, (i / 40 * 8) as u8, 90])
            .collect();
        Image::from_rgb(40, 30, pixels).unwrap()
    }

    #[test]
    fn formats_without_loss_come_back_equal() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.png", "b.webp", "c.BMP", "d.tif", "e.tiff"] {
            let path = folder.path().join(name);
            picture().save(&path).unwrap();
            let read = Image::open(&path, &DecodeLimits::default()).unwrap();
            assert!(read == picture(), "{name}");
        }
    }

    #[test]
    fn jpeg_comes_back_close() {
        for (quality, tolerance) in [(92, 2.0), (50, 6.0), (0, 40.0)] {
            let bytes = picture().encode_jpeg(quality).unwrap();
            let read = Image::decode(&bytes, &DecodeLimits::default()).unwrap();
            let pairs = read.pixels().iter().zip(picture().into_pixels());
            let difference: f64 =
                pairs.map(|(a, b)| f64::from(a.abs_diff(b))).sum::<f64>() / 3600.0;
            assert!(difference < tolerance, "quality {quality}: {difference}");
        }
        let wide = Image::filled(65536, 1, [0; 3]);
        assert_eq!(wide.encode_jpeg(90).unwrap_err().code(), "encoding_failed");
    }

    #[test]
    fn saving_replaces_whole_files_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("face.jpg");
        for color in [[255; 3], [0; 3]] {
            Image::filled(8, 8, color).save(&path).unwrap();
            let read = Image::open(&path, &DecodeLimits::default()).unwrap();
            assert!(read == Image::filled(8, 8, color));
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);

        let nowhere = folder.path().join("missing").join("face.jpg");
        let error = picture().save(&nowhere).unwrap_err();
        assert_eq!(
            (error.code(), error.hint()),
            ("unwritable_file", Some("make the folder first"))
        );
        let error = picture().save(&folder.path().join("face.xyz")).unwrap_err();
        assert_eq!(error.code(), "unknown_extension");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }
}
