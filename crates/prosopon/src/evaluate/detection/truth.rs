//! Lists of labelled faces in the formats that data sets come in.

use serde::Serialize;

use super::{dlib, wider};
use crate::evaluate::table;
use crate::geometry::BoundingBox;

/// A labelled face.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LabelledBox {
    /// Where, in pixels of the picture.
    pub bounding_box: BoundingBox,
    /// Whether it counts neither as a face to be found nor, if it is found, as an error.
    pub ignored: bool,
}

/// A picture and its labelled faces.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledPicture {
    /// As the list names it, usually relative to a folder.
    pub path: String,
    /// All its faces; may be none.
    pub faces: Vec<LabelledBox>,
}

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TruthFormat {
    /// XML of dlib's tools: `<image file='…'>` with `<box top='…' left='…' width='…' height='…'>`,
    /// where `ignore='1'` ignores a box.
    Dlib,
    /// Text of WIDER FACE: a path, the number of faces, and a line for each with left, top, width,
    /// height, blur, expression, illumination, invalid, occlusion, pose; invalid and empty ones are
    /// ignored.
    Wider,
    /// A table `path,left,top,right,bottom` with an optional sixth column that ignores a box by 1; a
    /// line with only a path is a picture without faces. A first line of names is passed over.
    Csv,
}

/// A list that is not usable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TruthError {
    /// A line that does not fit.
    #[error("line {line} of the list of labelled faces: expected {expected}")]
    Line {
        /// From 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// It is not XML, or not without danger.
    #[error("list of labelled faces: {0}")]
    Xml(#[from] roxmltree::Error),
    /// It names no picture.
    #[error("list of labelled faces: expected pictures, found none")]
    Empty,
}

impl TruthFormat {
    /// The format that the text itself shows: XML begins with `<`, a table has commas in its first line.
    pub fn of(text: &str) -> Self {
        let start = text.trim_start_matches('\u{feff}').trim_start();
        if start.starts_with('<') {
            Self::Dlib
        } else if table::lines(text)
            .next()
            .is_some_and(|(_, line)| line.contains(','))
        {
            Self::Csv
        } else {
            Self::Wider
        }
    }
}

/// Reads a list of labelled faces, in the order of the file.
///
/// # Errors
/// [`TruthError`] with the first line that does not fit.
pub fn parse(text: &str, format: TruthFormat) -> Result<Vec<LabelledPicture>, TruthError> {
    let pictures = match format {
        TruthFormat::Dlib => dlib::parse(text)?,
        TruthFormat::Wider => wider::parse(text)?,
        TruthFormat::Csv => parse_csv(text)?,
    };
    if pictures.is_empty() {
        return Err(TruthError::Empty);
    }
    Ok(pictures)
}

fn parse_csv(text: &str) -> Result<Vec<LabelledPicture>, TruthError> {
    let mut pictures: Vec<LabelledPicture> = Vec::new();
    let mut place_of = std::collections::BTreeMap::new();
    for (i, (line, content)) in table::lines(text).enumerate() {
        let fields = table::fields(content);
        if i == 0 && fields.iter().any(|f| f.eq_ignore_ascii_case("left")) {
            continue;
        }
        let wrong = |expected| TruthError::Line { line, expected };
        let path = &fields[0];
        if path.is_empty() {
            return Err(wrong("the path of a picture first"));
        }
        let place = *place_of.entry(path.clone()).or_insert(pictures.len());
        if place == pictures.len() {
            pictures.push(LabelledPicture {
                path: path.clone(),
                faces: Vec::new(),
            });
        }
        let edges = &fields[1..];
        if edges.iter().all(String::is_empty) {
            continue;
        }
        let (edges, ignored) = match edges {
            [edges @ .., ignored] if edges.len() == 4 => (edges, ignored == "1"),
            edges if edges.len() == 4 => (edges, false),
            _ => {
                return Err(wrong(
                    "path,left,top,right,bottom and perhaps 1 to ignore it",
                ));
            }
        };
        let edges: Vec<f32> = edges
            .iter()
            .map(|edge| number(edge).ok_or_else(|| wrong("four edges in pixels")))
            .collect::<Result<_, _>>()?;
        if edges[2] < edges[0] || edges[3] < edges[1] {
            return Err(wrong("right and bottom edges behind the left and top ones"));
        }
        pictures[place].faces.push(LabelledBox {
            bounding_box: BoundingBox {
                left: edges[0],
                top: edges[1],
                right: edges[2],
                bottom: edges[3],
            },
            ignored,
        });
    }
    Ok(pictures)
}

/// A finite number.
pub(super) fn number(text: &str) -> Option<f32> {
    text.trim().parse().ok().filter(|n: &f32| n.is_finite())
}

/// A box by its corner and its sides.
pub(super) fn sized_box(left: f32, top: f32, width: f32, height: f32) -> BoundingBox {
    BoundingBox {
        left,
        top,
        right: left + width,
        bottom: top + height,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_list_a_face_a_line() {
        let text = "path,left,top,right,bottom\na.jpg,1,2,11,22\n\"b, c.jpg\",0,0,5,5,1\na.jpg,3.5,4,8,9\nempty.jpg\nnone.jpg,,,,\n";
        assert_eq!(TruthFormat::of(text), TruthFormat::Csv);
        let pictures = parse(text, TruthFormat::Csv).unwrap();
        let paths: Vec<_> = pictures.iter().map(|p| p.path.as_str()).collect();
        assert_eq!(paths, ["a.jpg", "b, c.jpg", "empty.jpg", "none.jpg"]);
        assert_eq!(pictures[0].faces.len(), 2);
        assert_eq!(pictures[0].faces[0].bounding_box.width(), 10.0);
        assert!(pictures[1].faces[0].ignored);
        assert!(pictures[2].faces.is_empty() && pictures[3].faces.is_empty());
    }

    #[test]
    fn tables_that_do_not_fit_name_the_line() {
        let line = |text: &str| match parse(text, TruthFormat::Csv) {
            Err(TruthError::Line { line, .. }) => line,
            other => panic!("{other:?}"),
        };
        assert_eq!(line("a.jpg,1,2,3"), 1);
        assert_eq!(line("a.jpg,1,2,3,4\nb.jpg,1,2,x,4"), 2);
        assert_eq!(line("a.jpg,1,2,inf,4"), 1);
        assert_eq!(line("a.jpg,9,2,3,4"), 1);
        assert_eq!(line(",1,2,3,4"), 1);
        assert!(matches!(
            parse("", TruthFormat::Csv),
            Err(TruthError::Empty)
        ));
    }
}
