//! UUIDs that stand for enrolled faces: made from what the gallery has, so that no table is needed.
//!
//! A UUID of version 8 (RFC 9562): 60 bits of a hash, then the face's number. The hash covers
//! gallery, number and time of enrolment, so the UUID of another gallery, or of one that was
//! deleted and made again under the same name, is refused. It is no secret: it says which face, not
//! that the caller may see it.

use prosopon_gallery::{Face, FaceId, Gallery, GalleryError};
use sha2::{Digest, Sha256};

use super::errors::{no_image, unreadable};
use crate::access::keys::{is_uuid, uuid};
use crate::error::ApiResult;

/// Keeps our hashes apart from others of the same values.
const NAMESPACE: &str = "prosopon image id 1";

/// Numbers of faces are below this; the variant of the UUID is above it.
const NUMBERS: u64 = 1 << 62;

/// The UUID of a face of the gallery called `gallery`.
pub(super) fn of(gallery: &str, face: &Face) -> String {
    let id = face.id.0 as u64;
    let mut hash = Sha256::new();
    hash.update(NAMESPACE);
    hash.update((gallery.len() as u64).to_le_bytes());
    hash.update(gallery);
    hash.update(id.to_le_bytes());
    hash.update(face.created_millis.to_le_bytes());
    let hash: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&hash[..8]);
    // Version 8, variant 0b10.
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8..].copy_from_slice(&((id % NUMBERS) | (1 << 63)).to_be_bytes());
    uuid(bytes)
}

/// The face that a UUID stands for.
///
/// # Errors
/// `unreadable_parameter` if it is no UUID, `unknown_face` if there is no such face.
pub(super) fn find(gallery_name: &str, gallery: &Gallery, uuid: &str) -> ApiResult<Face> {
    let id = number(uuid)?;
    match gallery.face(FaceId(id)) {
        Ok(face) if of(gallery_name, &face).eq_ignore_ascii_case(uuid) => Ok(face),
        Ok(_) | Err(GalleryError::UnknownFace { .. }) => Err(no_image(uuid)),
        Err(error) => Err(error.into()),
    }
}

/// The number in a UUID; it may be anybody's.
fn number(uuid: &str) -> ApiResult<i64> {
    if !is_uuid(uuid) {
        return Err(unreadable("image_id", "a UUID", uuid));
    }
    let digits: String = uuid[19..].chars().filter(|c| *c != '-').collect();
    let bits = u64::from_str_radix(&digits, 16).unwrap_or(0);
    Ok((bits % NUMBERS) as i64)
}

#[cfg(test)]
mod tests {
    use prosopon::{Embedding, ModelId};
    use prosopon_gallery::{GalleryOptions, NewFace};

    use super::*;

    fn enrolled(folder: &tempfile::TempDir, name: &str, n_faces: usize) -> (Gallery, Vec<Face>) {
        let gallery = Gallery::open(folder.path().join(name), GalleryOptions::default()).unwrap();
        let face = |i: usize| {
            let values = vec![1.0, i as f32];
            let embedding = Embedding::from_values(ModelId::new("m"), values).unwrap();
            let enrolment = gallery.enrol("anna", NewFace::new(embedding)).unwrap();
            gallery.face(enrolment.face()).unwrap()
        };
        let faces = (0..n_faces).map(face).collect();
        (gallery, faces)
    }

    #[test]
    fn ids_lead_back_to_their_faces() {
        let folder = tempfile::tempdir().unwrap();
        let (gallery, faces) = enrolled(&folder, "a", 3);
        for face in &faces {
            let uuid = of("default", face);
            assert!(is_uuid(&uuid) && uuid.as_bytes()[14] == b'8', "{uuid}");
            assert!("89ab".contains(&uuid[19..20]), "{uuid}");
            for uuid in [uuid.clone(), uuid.to_uppercase()] {
                assert_eq!(find("default", &gallery, &uuid).unwrap().id, face.id);
            }
        }
        let large = Face {
            id: FaceId(NUMBERS as i64 - 1),
            ..faces[0].clone()
        };
        assert_eq!(number(&of("default", &large)).unwrap(), large.id.0);
    }

    #[test]
    fn foreign_ids_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (gallery, faces) = enrolled(&folder, "a", 1);
        let again = Face {
            created_millis: faces[0].created_millis + 1,
            ..faces[0].clone()
        };
        let gone = Face {
            id: FaceId(77),
            ..faces[0].clone()
        };
        for uuid in [
            of("other", &faces[0]),
            of("default", &again),
            of("default", &gone),
            "00000000-0000-0000-0000-000000000001".to_owned(),
            "ffffffff-ffff-ffff-ffff-ffffffffffff".to_owned(),
        ] {
            let error = find("default", &gallery, &uuid).unwrap_err();
            assert_eq!(error.code, "unknown_face");
            assert_eq!(error.message, format!("Image {uuid} not found"));
        }
        let error = find("default", &gallery, "1").unwrap_err();
        assert_eq!(error.code, "unreadable_parameter");
    }
}
