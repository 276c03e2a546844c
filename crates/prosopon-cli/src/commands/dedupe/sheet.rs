//! The contact sheet of groups of copies.

use std::path::Path;

use prosopon::Image;
use prosopon::image::{DecodeLimits, ResizeFilter};
use prosopon::plot::color::{CATEGORIES, GREY};
use prosopon::plot::{Cell, Svg, TextStyle, contact_sheet};

use super::document::{CopyJson, GroupJson, likeness_text};

/// Groups that a sheet shows at most.
const GROUPS: usize = 100;
/// Pictures of a group in a row.
const COLUMNS: usize = 8;
/// Pictures of a group that are shown at most.
const PICTURES: usize = 24;
/// Longer side of a picture in the sheet's data: twice what is drawn.
const SIDE: u32 = 256;
/// Height of the note at the end.
const NOTE: f32 = 34.0;

/// Draws the groups one below the other, the best copy of each first and framed.
pub(super) fn draw(groups: &[GroupJson], limits: &DecodeLimits) -> Svg {
    let sheets: Vec<Svg> = groups
        .iter()
        .take(GROUPS)
        .enumerate()
        .map(|(i, group)| {
            let shown = group.pictures.iter().take(PICTURES);
            let cells: Vec<Cell> = shown.filter_map(|copy| cell(copy, limits)).collect();
            let title = format!("Group {}: {} pictures", i + 1, group.pictures.len());
            contact_sheet(&title, COLUMNS, &cells)
        })
        .collect();
    let width = sheets.iter().map(Svg::width).fold(640.0, f32::max);
    let height: f32 = sheets.iter().map(Svg::height).sum();
    let mut svg = Svg::new(width, height + NOTE);
    let mut y = 0.0;
    for sheet in &sheets {
        svg.append(sheet, (0.0, y));
        y += sheet.height();
    }
    let mut note = "The framed picture of each group is the best copy.".to_owned();
    if groups.len() > GROUPS {
        note += &format!(" {GROUPS} of {} groups are shown.", groups.len());
    }
    if groups.is_empty() {
        "No copies were found.".clone_into(&mut note);
    }
    svg.text((20.0, y + 14.0), &note, &TextStyle::new(13.0).colored(GREY));
    svg
}

/// None if the picture has gone away meanwhile.
fn cell(copy: &CopyJson, limits: &DecodeLimits) -> Option<Cell> {
    let image = Image::open(Path::new(&copy.picture.path), limits).ok()?;
    let (width, height) = (image.width(), image.height());
    let scale = (f64::from(SIDE) / f64::from(width.max(height))).min(1.0);
    let side = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    let small = image
        .resized(side(width), side(height), ResizeFilter::Area)
        .ok()?;
    let caption = format!("{} · {width} × {height}", likeness_text(copy));
    let cell = Cell::new(small, caption);
    Some(if copy.likeness == "best" {
        cell.framed(CATEGORIES[2])
    } else {
        cell
    })
}
