//! Whether the engine in use answers as the one that is compiled in does.
//!
//! A fast engine brings kernels for each kind of processor, and some have been wrong: OpenVINO 2026.4.1 finds no face at all on
//! an ARM processor with SME as qemu 7.2 emulates it, and says nothing of it.

use prosopon::inference::{BackendChoice, InferenceOptions, Runtime};
use prosopon::{DecodeLimits, Detection, DetectorOptions, Image, align};
use prosopon_models::Store;
use prosopon_models::agreement::{
    DetectorAgreement, DetectorComparison, EmbedderAgreement, EmbedderComparison,
};
use serde::Serialize;

use crate::failure::Failure;
use crate::networks;
use crate::progress;

/// Faces whose embeddings are compared: the largest ones.
const MOST_FACES: usize = 8;

/// Least share of the faces of one engine that the other must find too. bf16 and f32 find the same 29 (`prosopon doctor`).
const LEAST_SHARED: f64 = 0.9;

/// Least similarity of the embeddings of one crop. It is above 0.999 for bf16 beside f32 (`prosopon doctor`), and 0.961 for
/// 8-bit integers (`scripts/measure-compression`), which no engine takes unasked.
const LEAST_SIMILARITY: f64 = 0.97;

/// How the engine in use compares with [rten](prosopon::inference), on the photograph of the default pack.
#[derive(Debug, Serialize)]
pub(super) struct Agreement {
    /// Engine, version and arithmetic of the one that is compiled in.
    reference: String,
    detector: DetectorAgreement,
    /// None without an embedder or faces.
    embedder: Option<EmbedderAgreement>,
}

/// Compares `runtime` with the engine that is compiled in. None if it is that one, or without the photograph.
pub(super) fn compare(
    store: &Store,
    runtime: &Runtime,
    options: &DetectorOptions,
) -> Result<Option<Agreement>, Failure> {
    let is_compiled_in = runtime.info().library.is_none();
    let picture = match store.solvay_picture() {
        Ok(picture) if !is_compiled_in => picture,
        _ => return Ok(None),
    };
    let inference = InferenceOptions {
        backend: BackendChoice::Rten,
        threads: runtime.info().threads,
        ..InferenceOptions::default()
    };
    let reference = Runtime::open(&inference)?;
    let image = Image::open(&picture, &DecodeLimits::default())
        .map_err(|error| Failure::from(error).at(picture.display()))?;
    let model = store.resolve_detector(None)?;
    let [first, second] =
        [&reference, runtime].map(|runtime| networks::load_detector(runtime, &model, None));
    let (first, second) = (first?, second?);
    let spinner = progress::spinner("comparing the engines");
    let mut comparison = DetectorComparison::new(&*first, &*second);
    comparison.show(&image, options)?;
    let faces = first.detect(&image, options)?;
    let embedder = embeddings(store, [&reference, runtime], &image, faces)?;
    spinner.finish_and_clear();
    Ok(Some(Agreement {
        reference: reference.info().to_string(),
        detector: comparison.agreement(),
        embedder,
    }))
}

/// Embeds the largest of `faces` by both engines. None without an embedder or faces.
fn embeddings(
    store: &Store,
    runtimes: [&Runtime; 2],
    image: &Image,
    mut faces: Vec<Detection>,
) -> Result<Option<EmbedderAgreement>, Failure> {
    let Ok(model) = store.resolve_embedder(None) else {
        return Ok(None);
    };
    let [first, second] = runtimes.map(|runtime| networks::load_embedder(runtime, &model));
    let (first, second) = (first?, second?);
    let mut comparison = EmbedderComparison::new(&first, &second);
    let area = |face: &Detection| face.bounding_box.area();
    faces.sort_by(|a, b| area(b).total_cmp(&area(a)));
    let spec = &model.spec;
    for landmarks in faces
        .iter()
        .filter_map(|face| face.landmarks)
        .take(MOST_FACES)
    {
        let crop = align(image, &landmarks, &spec.reference_points(), spec.crop_size)?;
        comparison.show(&crop)?;
    }
    let agreement = comparison.agreement();
    Ok((agreement.n_crops > 0).then_some(agreement))
}

impl Agreement {
    /// What is wrong, in one line. None if both answer alike.
    pub(super) fn problem(&self, used: &Runtime) -> Option<String> {
        let DetectorAgreement {
            n_faces,
            n_found_again,
            n_added,
            ..
        } = self.detector;
        let n_differ = n_faces - n_found_again + n_added;
        let may_differ = (n_faces + n_added) as f64 * (1.0 - LEAST_SHARED);
        let least = self
            .embedder
            .map_or(1.0, |embedder| embedder.least_similarity);
        let is_alike = n_differ as f64 <= may_differ && least >= LEAST_SIMILARITY;
        (!is_alike).then(|| format!("{} answers otherwise than {}", used.info(), self.reference))
    }
}

impl std::fmt::Display for Agreement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let detector = &self.detector;
        write!(
            f,
            "beside {}: {} of {} faces found again (mean overlap {:.2}), {} added",
            self.reference,
            detector.n_found_again,
            detector.n_faces,
            detector.mean_iou,
            detector.n_added
        )?;
        if let Some(embedder) = &self.embedder {
            write!(
                f,
                "; embeddings agree to {:.3} (least {:.3})",
                embedder.mean_similarity, embedder.least_similarity
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreement(n_found_again: usize, n_added: usize, least: f64) -> Agreement {
        Agreement {
            reference: "rten".to_owned(),
            detector: DetectorAgreement {
                n_pictures: 1,
                n_faces: 29,
                n_found_again,
                n_added,
                ..DetectorAgreement::default()
            },
            embedder: Some(EmbedderAgreement {
                n_crops: 8,
                mean_similarity: least,
                least_similarity: least,
                speed_ratio: 1.0,
            }),
        }
    }

    #[test]
    fn faces_or_embeddings_that_differ_are_a_problem() {
        let used = Runtime::open(&InferenceOptions {
            backend: BackendChoice::Rten,
            ..InferenceOptions::default()
        })
        .unwrap();
        let is_alike = |agreement: Agreement| agreement.problem(&used).is_none();
        assert!(is_alike(agreement(29, 0, 0.999)));
        assert!(is_alike(agreement(28, 1, 0.98)));
        assert!(!is_alike(agreement(0, 0, 1.0)), "no face is found");
        assert!(!is_alike(agreement(29, 8, 0.999)), "faces that are none");
        assert!(!is_alike(agreement(29, 0, 0.4)), "other embeddings");
    }
}
