//! The worst errors, with the faces behind them: often it is the label that is wrong.

use crate::image::Image;
use crate::plot::color::GREY;
use crate::plot::{Svg, TextStyle, shortened};
use crate::report::Page;

/// Two faces that were taken wrongly for one person, or for two.
#[derive(Debug, Clone)]
pub struct ErrorPair {
    /// The one face; none if it could not be shown.
    pub probe: Option<Image>,
    /// The other.
    pub reference: Option<Image>,
    /// How similar they are.
    pub similarity: f32,
    /// Whose they are, or which pictures: two lines below the faces.
    pub captions: [String; 2],
}

const SIDE: f32 = 112.0;
const GAP: f32 = 6.0;
const BETWEEN: f32 = 26.0;
const TEXT: f32 = 12.5;
const COLUMNS: usize = 3;
const MARGIN: f32 = 16.0;

/// Adds a heading, a remark, and the pairs side by side; nothing without pairs.
pub fn add_worst(page: &mut Page, heading: &str, remark: &str, pairs: &[ErrorPair]) {
    if pairs.is_empty() {
        return;
    }
    page.heading(heading);
    page.paragraph(remark);
    page.figure(&sheet(pairs), heading);
}

/// A picture's name without its folder, where the name says that already: `Ann_0001.jpg` for
/// `Ann/Ann_0001.jpg`.
fn short_name(name: &str) -> &str {
    match name.rsplit_once('/') {
        Some((folder, file)) if file.starts_with(folder.rsplit('/').next().unwrap_or(folder)) => {
            file
        }
        _ => name,
    }
}

fn sheet(pairs: &[ErrorPair]) -> Svg {
    let columns = COLUMNS.min(pairs.len());
    let rows = pairs.len().div_ceil(columns);
    let (width, height) = (2.0 * SIDE + GAP, SIDE + 4.0 * TEXT + 22.0);
    let mut svg = Svg::new(
        2.0 * MARGIN + columns as f32 * (width + BETWEEN) - BETWEEN,
        2.0 * MARGIN + rows as f32 * height,
    );
    for (i, pair) in pairs.iter().enumerate() {
        let x = MARGIN + (i % columns) as f32 * (width + BETWEEN);
        let y = MARGIN + (i / columns) as f32 * height;
        for (image, x) in [(&pair.probe, x), (&pair.reference, x + SIDE + GAP)] {
            match image {
                Some(image) => svg.picture(image, (x, y, SIDE, SIDE)),
                None => svg.rect((x, y, SIDE, SIDE), crate::plot::color::PALE),
            }
        }
        let line = |i: usize| y + SIDE + (TEXT + 4.0) * (i as f32 + 1.0);
        let similarity = format!("similarity {:.3}", pair.similarity);
        svg.text((x, line(0)), &similarity, &TextStyle::new(TEXT).bold());
        for (i, caption) in pair.captions.iter().enumerate() {
            let caption = shortened(short_name(caption), TEXT, width);
            svg.text(
                (x, line(i + 1)),
                &caption,
                &TextStyle::new(TEXT).colored(GREY),
            );
        }
    }
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_where_they_repeat_themselves() {
        assert_eq!(short_name("Ann/Ann_0001.jpg"), "Ann_0001.jpg");
        assert_eq!(short_name("set/Ann/Ann_0001.jpg"), "Ann_0001.jpg");
        assert_eq!(short_name("Ann/1.jpg"), "Ann/1.jpg");
        assert_eq!(short_name("1.jpg"), "1.jpg");
    }
}
