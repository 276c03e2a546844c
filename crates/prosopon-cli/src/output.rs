//! Printing: text for people, JSON for programs. The field names are documented in `docs/cli.md`.

use std::io::{self, Write};
use std::path::Path;

use prosopon::image::write_whole;
use prosopon::{Attributes, BoundingBox, Detection, Landmarks, Quality};
use serde::Serialize;

use crate::failure::Failure;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    JsonLines,
}

impl Format {
    pub(crate) fn is_text(self) -> bool {
        self == Self::Text
    }
}

/// One picture and what was found in it.
#[derive(Debug, Serialize)]
pub(crate) struct PictureJson {
    pub(crate) path: String,
    pub(crate) width: Option<u32>,
    pub(crate) height: Option<u32>,
    pub(crate) faces: Vec<FaceJson>,
    pub(crate) error: Option<Failure>,
}

/// One face.
#[derive(Debug, Serialize)]
pub(crate) struct FaceJson {
    pub(crate) bounding_box: BoundingBox,
    pub(crate) landmarks: Option<Landmarks>,
    pub(crate) confidence: f32,
    /// How good it is, if that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quality: Option<Quality>,
    /// What networks say of it, if any were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attributes: Option<Attributes>,
    /// Where eyes are, if they were required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) eyes: Option<Vec<BoundingBox>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) embedding: Option<Vec<f32>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) identification: Option<IdentificationJson>,
}

impl From<&Detection> for FaceJson {
    fn from(detection: &Detection) -> Self {
        Self {
            bounding_box: detection.bounding_box,
            landmarks: detection.landmarks,
            confidence: detection.confidence,
            quality: None,
            attributes: None,
            eyes: None,
            embedding: None,
            identification: None,
        }
    }
}

/// Whether a face is somebody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IdentificationOutcome {
    /// The best candidate's.
    Known,
    /// Perhaps the best candidate's.
    Uncertain,
    /// Nobody's.
    Unknown,
}

/// Who a face is.
#[derive(Debug, Serialize)]
pub(crate) struct IdentificationJson {
    pub(crate) outcome: IdentificationOutcome,
    /// Null unless it is known who it is.
    pub(crate) subject: Option<String>,
    /// The best candidate, where it is uncertain who it is.
    pub(crate) perhaps: Option<String>,
    /// Of the best candidate; null in an empty gallery.
    pub(crate) similarity: Option<f32>,
    pub(crate) threshold: f32,
    pub(crate) fmr: Option<f64>,
    pub(crate) uncertain_threshold: Option<f32>,
    pub(crate) uncertain_fmr: Option<f64>,
    pub(crate) candidates: Vec<CandidateJson>,
}

/// Somebody a face may be.
#[derive(Debug, Serialize)]
pub(crate) struct CandidateJson {
    pub(crate) subject: String,
    pub(crate) similarity: f32,
}

/// What a document says about all pictures.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct About {
    /// Id of the embedder; null if none was used.
    pub(crate) model: Option<String>,
    /// Id of the detector.
    pub(crate) detector: String,
    /// Engine, version and arithmetic.
    pub(crate) backend: String,
}

/// Prints pictures as they come, in the chosen format.
pub(crate) struct PicturePrinter {
    format: Format,
    about: About,
    pictures: Vec<PictureJson>,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    picture: &'a PictureJson,
    #[serde(flatten)]
    about: &'a About,
}

#[derive(Serialize)]
struct Document<'a, T: Serialize> {
    pictures: &'a [PictureJson],
    #[serde(flatten)]
    about: &'a About,
    #[serde(flatten)]
    summary: T,
}

impl PicturePrinter {
    pub(crate) fn new(format: Format, about: About) -> Self {
        Self {
            format,
            about,
            pictures: Vec::new(),
        }
    }

    /// Prints a picture, or keeps it for the document; `text` is its form for people.
    pub(crate) fn print(
        &mut self,
        picture: PictureJson,
        text: impl FnOnce(&PictureJson) -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Text => print_line(&text(&picture)),
            Format::JsonLines => print_json_line(&Line {
                picture: &picture,
                about: &self.about,
            }),
            Format::Json => {
                self.pictures.push(picture);
                Ok(())
            }
        }
    }

    /// Prints the document, or for people the `text` that sums up.
    pub(crate) fn finish(
        self,
        summary: impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Text => print_line(&text()),
            Format::JsonLines => Ok(()),
            Format::Json => print_json(&Document {
                pictures: &self.pictures,
                about: &self.about,
                summary,
            }),
        }
    }
}

/// Prints `text` and ends the line; nothing if it is empty.
pub(crate) fn print_line(text: &str) -> Result<(), Failure> {
    if text.is_empty() {
        return Ok(());
    }
    write_stdout(|out| writeln!(out, "{text}"))
}

/// Prints a JSON document for programs that people can read too.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    write_stdout(|out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        writeln!(out)
    })
}

/// Prints a JSON object on one line.
pub(crate) fn print_json_line(value: &impl Serialize) -> Result<(), Failure> {
    write_stdout(|out| {
        serde_json::to_writer(&mut *out, value)?;
        writeln!(out)
    })
}

fn write_stdout(
    write: impl FnOnce(&mut io::BufWriter<io::StdoutLock>) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    write(&mut out)
        .and_then(|()| out.flush())
        .map_err(|error| Failure::stdout(&error))
}

/// Prints a value as JSON where JSON was asked for, else the text.
pub(crate) fn print_value(
    format: Format,
    value: &impl Serialize,
    text: impl FnOnce() -> String,
) -> Result<(), Failure> {
    match format {
        Format::Text => print_line(&text()),
        Format::Json => print_json(value),
        Format::JsonLines => print_json_line(value),
    }
}

#[derive(Serialize)]
struct FailureDocument<'a> {
    error: &'a Failure,
}

/// Prints the error that ends the program: always for people, and as JSON where that was asked for.
pub(crate) fn print_failure(failure: &Failure, format: Format) {
    print_failure_document(failure, format);
    eprint(&failure.to_string());
}

/// Prints the error that ends the program for other programs, if JSON was asked for.
pub(crate) fn print_failure_document(failure: &Failure, format: Format) {
    let document = FailureDocument { error: failure };
    // Nobody is left to tell if this fails too.
    let _ = match format {
        Format::Text => Ok(()),
        Format::Json => print_json(&document),
        Format::JsonLines => print_json_line(&document),
    };
}

/// Writes a file whole or not at all.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_whole(path, bytes).map_err(|error| Failure::write(path.display(), &error))
}

/// Writes a JSON document that people can read too, whole or not at all.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Failure> {
    let json = serde_json::to_vec_pretty(value)
        .map_err(|error| Failure::write(path.display(), &error.into()))?;
    write_file(path, &json)
}

/// Prints a remark on standard error.
pub(crate) fn eprint(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// `1 face`, `2 faces`.
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// A field after RFC 4180. Text that a spreadsheet would run as a formula gets an apostrophe before it; numbers
/// stay what they are.
pub(crate) fn csv_field(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t']) && text.parse::<f64>().is_err();
    let text = if is_formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_no_formula_is_left() {
        for (text, field) in [
            ("Anna", "Anna"),
            ("A, \"B\"", "\"A, \"\"B\"\"\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("-0.5", "-0.5"),
            ("-x", "'-x"),
            ("a\nb", "\"a\nb\""),
        ] {
            assert_eq!(csv_field(text), field);
        }
    }
}
