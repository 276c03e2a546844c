//! Photographs large enough to be looked at, side by side.

use crate::plot::color::GREY;
use crate::plot::{Cell, Svg, TextStyle, shortened};
use crate::report::Page;

const WIDTH: f32 = 470.0;
const HEIGHT: f32 = 350.0;
const MARGIN: f32 = 14.0;
const TEXT: f32 = 12.5;
const COLUMNS: usize = 2;

/// Adds a heading, a remark and the photographs; nothing without them.
pub fn add_photographs(page: &mut Page, heading: &str, remark: &str, photographs: &[Cell]) {
    if photographs.is_empty() {
        return;
    }
    page.heading(heading);
    page.paragraph(remark);
    let columns = COLUMNS.min(photographs.len());
    let rows = photographs.len().div_ceil(columns);
    let (cell_width, cell_height) = (WIDTH + MARGIN, HEIGHT + TEXT + 2.0 * MARGIN);
    let mut svg = Svg::new(
        MARGIN + columns as f32 * cell_width,
        MARGIN + rows as f32 * cell_height,
    );
    for (i, cell) in photographs.iter().enumerate() {
        let x = MARGIN + (i % columns) as f32 * cell_width;
        let y = MARGIN + (i / columns) as f32 * cell_height;
        let (width, height) = (cell.image.width() as f32, cell.image.height() as f32);
        let factor = (WIDTH / width).min(HEIGHT / height);
        let (width, height) = (width * factor, height * factor);
        let top = y + HEIGHT - height;
        svg.picture(&cell.image, (x, top, width, height));
        let caption = shortened(&cell.caption, TEXT, WIDTH);
        let style = TextStyle::new(TEXT).colored(GREY);
        svg.text((x, y + HEIGHT + TEXT + 4.0), &caption, &style);
    }
    page.figure(&svg, heading);
}
