//! The contract of every embedder, and the whole pipeline against a reference implementation.

mod common;
#[path = "common/models.rs"]
mod models;

use prosopon::embed::embed_with_flip;
use prosopon::model::ARCFACE_POINTS;
use prosopon::{
    AlignedCrop, DetectorOptions, EmbedError, Embedder, Embedding, EngineOptions, Face, FaceEngine,
    Image, InputSize, Landmarks, Point, SimilarityTransform, align, similarity,
};

use common::shared;
use models::{Models, open};

fn engine(models: &Models) -> FaceEngine {
    let runtime = models.runtime();
    let options = EngineOptions {
        detector: DetectorOptions {
            input: InputSize::Fixed(640),
            ..DetectorOptions::default()
        },
        ..EngineOptions::default()
    };
    FaceEngine::new(
        models.load_scrfd(&runtime),
        Box::new(models.load_fr_feature(&runtime)),
        options,
    )
}

/// The most confident face of the Solvay photograph and eight others.
fn faces(engine: &FaceEngine, models: &Models) -> Vec<Face> {
    let mut faces = engine.analyze(&models.solvay()).expect("faces");
    faces.truncate(9);
    assert_eq!(faces.len(), 9);
    faces
}

fn crops(faces: &[Face]) -> Vec<AlignedCrop> {
    faces.iter().map(|face| face.crop.clone()).collect()
}

fn value(a: &Embedding, b: &Embedding) -> f32 {
    similarity(a, b).expect("one model").value()
}

#[test]
fn embeddings_are_of_unit_length_and_tagged() {
    let Some(models) = Models::find() else { return };
    let engine = engine(&models);
    for face in faces(&engine, &models) {
        let squares = face
            .embedding
            .values()
            .iter()
            .map(|v| f64::from(*v).powi(2));
        let length = squares.sum::<f64>().sqrt();
        assert!((length - 1.0).abs() < 1e-5, "{length}");
        assert_eq!(face.embedding.dim(), 512);
        assert_eq!(face.embedding.model(), engine.embedder().model());
        assert!((value(&face.embedding, &face.embedding) - 1.0).abs() < 1e-6);
    }
}

#[test]
fn a_batch_of_any_size_equals_one_by_one() {
    let Some(models) = Models::find() else { return };
    let engine = engine(&models);
    let crops = crops(&faces(&engine, &models));
    let alone: Vec<Embedding> = crops
        .iter()
        .flat_map(|crop| engine.embed(std::slice::from_ref(crop)).expect("a face"))
        .collect();
    for n in 0..=crops.len() {
        let together = engine.embed(&crops[..n]).expect("faces");
        assert_eq!(together.len(), n);
        for (i, (together, alone)) in together.iter().zip(&alone).enumerate() {
            let similarity = value(together, alone);
            assert!(similarity > 0.999_99, "{i} of {n}: {similarity}");
        }
    }
}

#[test]
fn several_threads_get_their_own_embeddings() {
    let Some(models) = Models::find() else { return };
    let engine = engine(&models);
    let faces = faces(&engine, &models);
    let engine = &engine;
    std::thread::scope(|scope| {
        for faces in faces.chunks(3) {
            scope.spawn(move || {
                let again = engine.embed(&crops(faces)).expect("faces");
                for (again, face) in again.iter().zip(faces) {
                    assert!(value(again, &face.embedding) > 0.999_99);
                }
            });
        }
    });
}

#[test]
fn flip_averaging_is_the_same_for_the_mirrored_crop() {
    let Some(models) = Models::find() else { return };
    let engine = engine(&models);
    let crops = crops(&faces(&engine, &models)[..2]);
    let mirrored: Vec<AlignedCrop> = crops.iter().map(mirrored).collect();
    let flip = |crops| embed_with_flip(engine.embedder(), crops).expect("faces");
    let plain = engine.embed(&crops).expect("faces");
    for ((a, b), plain) in flip(&crops).iter().zip(&flip(&mirrored)).zip(&plain) {
        assert!(value(a, b) > 0.999_99);
        assert!(value(a, plain) > 0.9, "{}", value(a, plain));
    }
}

fn mirrored(crop: &AlignedCrop) -> AlignedCrop {
    let mut crop = crop.clone();
    let row = crop.image.width() as usize * 3;
    for row in crop.image.pixels_mut().chunks_exact_mut(row) {
        row.as_chunks_mut::<3>().0.reverse();
    }
    crop
}

#[test]
fn crops_of_another_size_are_refused() {
    let Some(models) = Models::find() else { return };
    let embedder = models.load_fr_feature(&models.runtime());
    let crop = |side| AlignedCrop {
        image: Image::filled(side, side, [90; 3]),
        crop_from_image: SimilarityTransform::IDENTITY,
    };
    assert!(embedder.embed(&[]).expect("nothing").is_empty());
    for crops in [vec![crop(96)], vec![crop(112), crop(224), crop(112)]] {
        let result = embedder.embed(&crops);
        assert!(
            matches!(result, Err(EmbedError::CropSize { expected: 112, .. })),
            "{result:?}"
        );
    }
}

/// Alignment undoes turning, scaling and moving.
#[test]
fn turning_and_scaling_the_picture_barely_moves_the_embedding() {
    let Some(models) = Models::find() else { return };
    let engine = engine(&models);
    let picture = models.solvay();
    for face in &faces(&engine, &models)[..3] {
        let landmarks = face.detection.landmarks.expect("landmarks");
        for (degrees, scale) in [(15.0f32, 1.0f32), (-15.0, 1.0), (0.0, 0.7), (10.0, 1.3)] {
            let (sin, cos) = degrees.to_radians().sin_cos();
            // The face in a picture of 300 × 300 of its own, turned and scaled around its nose.
            let around = landmarks.nose;
            let points = ARCFACE_POINTS.map(|p| {
                let face_scale = face.crop.crop_from_image.scale();
                let nose = face.crop.crop_from_image.apply(around);
                let (x, y) = ((p.x - nose.x) / face_scale, (p.y - nose.y) / face_scale);
                let turned = (cos * x - sin * y, sin * x + cos * y);
                Point::new(150.0 + turned.0 * scale, 150.0 + turned.1 * scale)
            });
            let turned = align(&picture, &landmarks, &points, 300).expect("a face");
            let found = engine.analyze(&turned.image).expect("a face");
            let best = found.iter().map(|f| value(&f.embedding, &face.embedding));
            let best = best.fold(-1.0, f32::max);
            assert!(best > 0.9, "{degrees}° × {scale}: {best}");
        }
    }
}

#[test]
fn one_person_is_closer_than_two() {
    let Some(models) = Models::find() else { return };
    let Some(lfw) = shared("data/lfw/images") else {
        return;
    };
    let engine = engine(&models);
    let mut people: Vec<_> = std::fs::read_dir(&lfw)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|person| std::fs::read_dir(person).is_ok_and(|pictures| pictures.count() >= 2))
        .collect();
    people.sort();
    let embeddings: Vec<Vec<Embedding>> = people
        .iter()
        .take(5)
        .map(|person| {
            let mut pictures: Vec<_> = std::fs::read_dir(person)
                .expect("a folder")
                .map(|entry| entry.expect("an entry").path())
                .collect();
            pictures.sort();
            pictures[..2]
                .iter()
                .map(|p| main_face(&engine, &open(p)).embedding)
                .collect()
        })
        .collect();
    for (i, person) in embeddings.iter().enumerate() {
        let genuine = value(&person[0], &person[1]);
        for other in &embeddings[..i] {
            for impostor in other
                .iter()
                .flat_map(|o| person.iter().map(move |p| value(o, p)))
            {
                assert!(genuine > impostor + 0.1, "{i}: {genuine} {impostor}");
            }
        }
    }
}

/// The largest face.
fn main_face(engine: &FaceEngine, picture: &Image) -> Face {
    let faces = engine.analyze(picture).expect("a face").into_iter();
    let area = |face: &Face| face.detection.bounding_box.area();
    faces
        .max_by(|a, b| area(a).total_cmp(&area(b)))
        .expect("a face")
}

/// What the reference implementation (Python, `OpenCV`, ONNX Runtime in f32, the detector's input at
/// 640 × 640) gives for the most confident face of a picture.
struct Reference {
    file: &'static str,
    confidence: f32,
    /// Left, top, right, bottom.
    bounding_box: [f32; 4],
    /// x and y of the five points.
    landmarks: [f32; 10],
    /// The first 32 of 512 values.
    embedding: [f32; 32],
}

#[test]
fn the_pipeline_gives_what_the_reference_gives() {
    let Some(models) = Models::find() else { return };
    let Some(folder) = shared("data/hobbit/test_images") else {
        return;
    };
    let engine = engine(&models);
    for reference in references() {
        let Reference { file, .. } = reference;
        let picture = open(&folder.join(file));
        let faces = engine.analyze(&picture).expect("a face");
        let face = &faces[0];
        // The two resize and decode in their own ways, which moves edges by a fraction of an input
        // pixel.
        let pixel = (picture.width().max(picture.height()) as f32 / 640.0).max(0.5);
        let b = face.detection.bounding_box;
        for (found, expected) in [b.left, b.top, b.right, b.bottom]
            .into_iter()
            .zip(reference.bounding_box)
        {
            assert!(
                (found - expected).abs() <= pixel,
                "{file}: {found} {expected}"
            );
        }
        let landmarks = face.detection.landmarks.map(Landmarks::to_array);
        let found = landmarks.expect("landmarks").map(|p| [p.x, p.y]);
        for (found, expected) in found.as_flattened().iter().zip(reference.landmarks) {
            assert!(
                (found - expected).abs() <= pixel,
                "{file}: {found} {expected}"
            );
        }
        let confidence = face.detection.confidence;
        assert!(
            (confidence - reference.confidence).abs() < 0.02,
            "{file}: {confidence}"
        );
        let found = &face.embedding.values()[..32];
        let cosine = models::cosine(found, &reference.embedding);
        assert!(cosine > 0.99, "{file}: {cosine}");
        let difference = models::largest_difference(found, &reference.embedding);
        assert!(difference < 0.015, "{file}: {difference}");
    }
}

#[rustfmt::skip]
fn references() -> [Reference; 4] {
    [
        Reference {
            file: "billy_boyd.jpg",
            confidence: 0.7525,
            bounding_box: [95.94, 24.28, 162.88, 117.26],
            landmarks: [107.65, 59.83, 137.6, 61.92, 116.86, 82.21, 111.15, 95.78, 133.01, 97.44],
            embedding: [0.00251, 0.08625, 0.01386, 0.00051, -0.03758, -0.04529, -0.00402, 0.02206, 0.06172, 0.04824, 0.05294, 0.0637, -0.01096, -0.01085, 0.01634, -0.0109, -0.03191, 0.08654, -0.09351, 0.01121, -0.02623, 0.02385, 0.04319, -0.02998, -0.01423, -0.01106, -0.10691, -0.01949, -0.00201, 0.01946, 0.04267, -0.02912],
        },
        Reference {
            file: "elijah_wood.jpg",
            confidence: 0.8861,
            bounding_box: [238.0, 310.63, 807.7, 1063.4],
            landmarks: [427.62, 626.05, 680.45, 627.51, 571.97, 795.53, 430.07, 865.65, 664.12, 865.38],
            embedding: [-0.06903, 0.01196, 0.01982, 0.01867, -0.03748, 0.00464, 0.01787, 0.00545, -0.03302, -0.0302, -0.04342, -0.04086, -0.02098, 0.05837, 0.00089, 0.00534, -0.11628, -0.07066, 0.01797, 0.05438, -0.01918, -0.04441, -0.02315, 0.02032, 0.04363, -0.01062, 0.0398, -0.10376, -0.01487, -0.03286, 0.04452, 0.13905],
        },
        Reference {
            file: "martin_freeman.jpg",
            confidence: 0.7391,
            bounding_box: [103.49, 26.56, 166.45, 112.16],
            landmarks: [129.18, 59.59, 155.63, 59.92, 146.99, 78.25, 131.03, 92.69, 151.07, 92.84],
            embedding: [-0.01015, 0.01322, 0.03873, -0.03913, 0.04017, 0.01241, -0.03308, 0.01252, 0.05332, 0.02696, -0.01043, 0.01584, -0.04001, 0.01523, -0.02421, 0.04891, -0.04383, 0.06876, -0.0797, 0.02174, -0.16651, 0.03534, 0.00629, 0.03991, -0.02551, -0.0327, -0.00668, 0.06694, 0.00497, -0.03636, -0.08948, -0.06083],
        },
        Reference {
            file: "sean_astin.jpeg",
            confidence: 0.8041,
            bounding_box: [102.26, 30.55, 178.62, 128.71],
            landmarks: [128.98, 62.52, 163.08, 66.18, 148.65, 81.72, 130.65, 101.4, 156.49, 104.45],
            embedding: [-0.04702, 0.00179, -0.08684, -0.02996, -0.01456, -0.04913, -0.00254, 0.05775, 0.02501, -0.00849, 0.01002, -0.02541, -0.02179, -0.06118, -0.02448, 0.01365, -0.01012, 0.04547, -0.06914, 0.01428, 0.00874, 0.02184, 0.02624, -0.02046, -0.04907, -0.0291, -0.07411, 0.00754, -0.06368, -0.00169, 0.02389, -0.03885],
        },
    ]
}
