//! A sheet of faces for each person.

use std::path::Path;

use prosopon::plot::{Cell, contact_sheet};
use prosopon::{DecodeLimits, Image};
use prosopon_gallery::album::{Album, AlbumFace};

use super::{Contents, file_name};
use crate::failure::{Exit, Failure};
use crate::output::count;
use crate::progress;
use crate::results::make_folder;

/// Faces on a sheet; a person with more gets several.
const FACES: usize = 120;
const COLUMNS: usize = 8;

/// Writes sheets for all people with more than one face, and for those with one common ones.
pub(super) fn write(album: &Album, contents: &Contents, folder: &Path) -> Result<(), Failure> {
    make_folder(folder)?;
    let mut sheets: Vec<(String, String, Vec<&AlbumFace>)> = Vec::new();
    let mut once = Vec::new();
    for (group, faces) in &contents.groups {
        if faces.len() == 1 && group.name.is_none() {
            once.extend(faces);
            continue;
        }
        let label = contents.labels.of(group.id);
        let title = group.name.as_deref().unwrap_or(label);
        let title = format!("{title}: {}", count(faces.len(), "face", "faces"));
        sheets.push((label.to_owned(), title, faces.iter().collect()));
    }
    if !once.is_empty() {
        let title = format!("Seen once: {}", count(once.len(), "person", "people"));
        sheets.push(("on one picture only".to_owned(), title, once));
    }
    let bar = progress::bar(sheets.len(), "sheets");
    for (label, title, faces) in sheets {
        for (i, faces) in faces.chunks(FACES).enumerate() {
            let cells = faces.iter().map(|face| cell(album, face));
            let cells = cells.collect::<Result<Vec<_>, _>>()?;
            let name = match i {
                0 => format!("{label}.jpg"),
                i => format!("{label} {}.jpg", i + 1),
            };
            let path = folder.join(name);
            contact_sheet(&title, COLUMNS, &cells)
                .save(&path)
                .map_err(|error| {
                    Failure::new(Exit::Storage, "unwritable_file", error).at(path.display())
                })?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// The face, with its number and the name of its picture.
fn cell(album: &Album, face: &AlbumFace) -> Result<Cell, Failure> {
    let crop = album.crop(face.id)?;
    let image = Image::decode(&crop.bytes, &DecodeLimits::default())?;
    let caption = format!("{}: {}", face.id, file_name(&face.picture_name));
    Ok(Cell::new(image, caption))
}
