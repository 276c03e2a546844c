//! Groups as a table.

use std::path::Path;

use super::Contents;
use crate::failure::Failure;
use crate::output::{csv_field, write_file};

const HEAD: &str = "path,group,name,face,left,top,right,bottom,confidence,confirmed";

/// Writes a line for each face and each place where its picture is; whole or not at all.
pub(super) fn write(contents: &Contents, path: &Path) -> Result<(), Failure> {
    let mut text = format!("{HEAD}\n");
    for (group, faces) in &contents.groups {
        let name = group.name.as_deref().unwrap_or_default();
        for face in faces {
            let b = face.bounding_box;
            for place in contents.paths_of(face) {
                text += &format!(
                    "{},{},{},{},{},{},{},{},{},{}\n",
                    csv_field(place),
                    group.id,
                    csv_field(name),
                    face.id,
                    b.left,
                    b.top,
                    b.right,
                    b.bottom,
                    face.confidence,
                    face.is_confirmed
                );
            }
        }
    }
    write_file(path, text.as_bytes())
}
