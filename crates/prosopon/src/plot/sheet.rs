//! Sheets of faces with captions.

use super::color::{Color, GREY};
use super::svg::{Anchor, Stroke, Svg, TextStyle, shortened};
use crate::image::Image;

/// A picture on a sheet or in a report.
#[derive(Debug, Clone)]
pub struct Cell {
    /// The picture, of any proportions.
    pub image: Image,
    /// A line below it.
    pub caption: String,
    /// The colour of its frame, if it has one.
    pub frame: Option<Color>,
}

impl Cell {
    /// A picture with a line below it.
    pub fn new(image: Image, caption: impl Into<String>) -> Self {
        Self {
            image,
            caption: caption.into(),
            frame: None,
        }
    }

    /// The same in a frame.
    #[must_use]
    pub fn framed(self, color: Color) -> Self {
        Self {
            frame: Some(color),
            ..self
        }
    }
}

/// Side of the square that a picture fits into, in pixels.
const SIDE: f32 = 128.0;
/// Between pictures.
const GAP: f32 = 14.0;
/// Around all.
const MARGIN: f32 = 20.0;
const CAPTION_SIZE: f32 = 12.0;
const TITLE_SIZE: f32 = 20.0;

/// Pictures in rows of `columns`, each with its caption, below a title.
pub fn contact_sheet(title: &str, columns: usize, cells: &[Cell]) -> Svg {
    let columns = columns.clamp(1, cells.len().max(1));
    let rows = cells.len().div_ceil(columns);
    let row_height = SIDE + CAPTION_SIZE + 10.0 + GAP;
    let top = MARGIN + TITLE_SIZE + 12.0;
    // A title needs some room even above a single picture.
    let width = (MARGIN * 2.0 + columns as f32 * (SIDE + GAP) - GAP).max(320.0);
    let mut sheet = Svg::new(width, top + rows as f32 * row_height - GAP + MARGIN);
    let title_style = TextStyle::new(TITLE_SIZE).bold();
    let title = shortened(title, TITLE_SIZE, width - 2.0 * MARGIN);
    sheet.text((MARGIN, MARGIN + TITLE_SIZE * 0.8), &title, &title_style);
    for (i, cell) in cells.iter().enumerate() {
        let x = MARGIN + (i % columns) as f32 * (SIDE + GAP);
        let y = top + (i / columns) as f32 * row_height;
        let (image_width, image_height) = (cell.image.width() as f32, cell.image.height() as f32);
        let scale = SIDE / image_width.max(image_height);
        let (w, h) = (image_width * scale, image_height * scale);
        let area = (x + (SIDE - w) / 2.0, y + (SIDE - h) / 2.0, w, h);
        sheet.picture(&cell.image, area);
        if let Some(color) = cell.frame {
            sheet.frame(area, Stroke::new(color, 4.0));
        }
        let style = TextStyle::new(CAPTION_SIZE)
            .anchored(Anchor::Middle)
            .colored(GREY);
        let caption = shortened(&cell.caption, CAPTION_SIZE, SIDE + GAP / 2.0);
        sheet.text(
            (x + SIDE / 2.0, y + SIDE + CAPTION_SIZE + 4.0),
            &caption,
            &style,
        );
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_grow_with_their_pictures() {
        let cell = Cell::new(
            Image::filled(30, 60, [9, 9, 9]),
            "a_name_that_is_far_too_long.jpg",
        );
        let one = contact_sheet("One", 6, std::slice::from_ref(&cell));
        let many = contact_sheet("Many", 6, &vec![cell; 13]);
        assert!(many.width() > one.width() && many.height() > 2.0 * one.height());
        assert!(contact_sheet("None", 3, &[]).to_image(1.0).is_ok());
        assert!(many.to_image(1.0).is_ok());
    }
}
