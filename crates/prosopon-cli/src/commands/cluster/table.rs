//! Groups as a table.

use std::io::Write;
use std::path::Path;

use super::Contents;
use crate::failure::Failure;

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
                    field(place),
                    group.id,
                    field(name),
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
    write_whole(path, text.as_bytes())
}

/// A field in quotes if it needs them (RFC 4180).
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// Writes a file that appears whole or not at all.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| Failure::write(path.display(), error);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|e| failed(&e))?;
    file.write_all(bytes).map_err(|e| failed(&e))?;
    file.as_file().sync_all().map_err(|e| failed(&e))?;
    file.persist(path).map_err(|e| failed(&e.error))?;
    Ok(())
}
