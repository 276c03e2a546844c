//! Figures for people: charts, sheets of faces, and what they are drawn with.
//!
//! Everything is drawn as SVG text, which browsers and reports show, and turned into pixels where a
//! picture is wanted. Colours can be told apart by colour-blind readers.

mod chart;
pub mod color;
mod probit;
mod sheet;
mod svg;

pub use chart::{Axis, Chart, Mark, MarkLine, Scale, Series, SeriesKind};
pub use color::Color;
pub use probit::probit;
pub use sheet::{Cell, contact_sheet};
pub use svg::{Anchor, Area, Place, Stroke, Svg, TextStyle, shortened, text_width};
pub(crate) use svg::{data_url, escaped};

use crate::image::ImageError;

/// Why a figure could not be drawn or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// As pixels it would be larger than any picture that is read.
    #[error("the figure is too large for a picture: {width} × {height} pixels; write it as .svg")]
    TooLarge {
        /// In pixels.
        width: u64,
        /// In pixels.
        height: u64,
    },
    /// It could not be turned into pixels.
    #[error("could not draw the figure: {reason}")]
    Draw {
        /// What is wrong.
        reason: String,
    },
    /// The picture could not be made or written.
    #[error(transparent)]
    Image(ImageError),
    /// The file could not be written.
    #[error("could not write the figure: {source}")]
    Write {
        /// The report.
        source: std::io::Error,
    },
}
