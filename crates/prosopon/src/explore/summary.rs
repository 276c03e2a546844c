//! Counts and sizes.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Collection;

/// The pictures of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IdentityCounts {
    /// The person's name.
    pub name: String,
    /// All pictures that could be read.
    pub pictures: usize,
    /// Those that show no face.
    pub without_face: usize,
    /// Those that show several.
    pub with_several_faces: usize,
}

/// Smallest, middle and largest of some numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Default)]
pub struct Spread {
    /// The smallest.
    pub least: f64,
    /// The one in the middle.
    pub median: f64,
    /// The largest.
    pub most: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |i: usize| values.get(i).copied().unwrap_or(0.0);
        Self {
            least: at(0),
            median: at(values.len() / 2),
            most: at(values.len().saturating_sub(1)),
        }
    }
}

/// Counts and sizes of a collection.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Pictures that could be read.
    pub pictures: usize,
    /// Those of them that show a face.
    pub with_face: usize,
    /// Each person's pictures, in the order of the names.
    pub identities: Vec<IdentityCounts>,
    /// How many pictures show so many faces.
    pub pictures_by_faces: BTreeMap<usize, usize>,
    /// Shorter sides of pictures, in pixels.
    pub shorter_side_px: Spread,
    /// Widths of the faces that pictures are of, in pixels.
    pub face_width_px: Spread,
}

impl Summary {
    pub(super) fn of(collection: &Collection) -> Self {
        let pictures = &collection.pictures;
        let mut identities: Vec<IdentityCounts> = collection
            .identities
            .iter()
            .map(|name| IdentityCounts {
                name: name.clone(),
                pictures: 0,
                without_face: 0,
                with_several_faces: 0,
            })
            .collect();
        let mut pictures_by_faces = BTreeMap::new();
        for picture in pictures {
            *pictures_by_faces.entry(picture.n_faces).or_insert(0) += 1;
            if let Some(counts) = identities.get_mut(picture.identity) {
                counts.pictures += 1;
                counts.without_face += usize::from(picture.n_faces == 0);
                counts.with_several_faces += usize::from(picture.n_faces > 1);
            }
        }
        let sides = pictures.iter().map(|p| f64::from(p.size.0.min(p.size.1)));
        let faces = pictures.iter().filter_map(|p| p.face.as_ref());
        let widths = faces.map(|face| f64::from(face.detection.bounding_box.width()));
        Self {
            pictures: pictures.len(),
            with_face: pictures.iter().filter(|p| p.n_faces > 0).count(),
            identities,
            pictures_by_faces,
            shorter_side_px: Spread::of(sides.collect()),
            face_width_px: Spread::of(widths.collect()),
        }
    }
}
