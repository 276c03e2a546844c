//! What of a picture a classifier sees: the same for training and for use, so it is part of the
//! classifier.

use prosopon::classic::GrayImage;
use prosopon::classic::feature::{Feature, FeatureError, feature};
use prosopon::detect::{EyeRule, InputSize};
use prosopon::image::ResizeFilter;
use prosopon::prepare::{Crop, PrepareError, PrepareOptions, prepare};
use prosopon::{
    AlignError, AlignedCrop, BoundingBox, DetectError, Detection, Detector, DetectorOptions,
    EmbedError, Embedder, Image, ImageError, SimilarityTransform, align,
};
use serde::{Deserialize, Serialize};

/// Name of the feature that is the embedding of a face.
pub const EMBEDDING: &str = "embedding";

/// Largest side of the pictures that a network of one's own takes, in pixels.
pub const MOST_SIDE: u32 = 1024;

/// From a picture to the numbers that a classifier gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Where the faces are.
    pub faces: Faces,
    /// What is done to a face before its values are taken. Embeddings do not heed it: they have a frame
    /// of their own.
    pub prepare: PrepareOptions,
    /// Which numbers.
    pub values: Values,
}

impl Input {
    /// Whether faces are turned upright.
    pub fn needs_landmarks(&self) -> bool {
        self.prepare.crop == Crop::Aligned || self.values.needs_embedder()
    }
}

/// Where the faces of a picture are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Faces {
    /// The picture is a face.
    AsIs,
    /// They are searched.
    Found(FaceSearch),
}

/// How faces are searched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaceSearch {
    /// The detector, by the name under which `prosopon` finds it: `scrfd`, `haar:frontalface_default`.
    pub detector: String,
    /// Id of the detector's model; another one may find other boxes.
    pub model: String,
    /// Least confidence, in [0, 1].
    pub min_confidence: f32,
    /// Two boxes that overlap more than this (intersection over union) are one face.
    pub nms_iou: f32,
    /// Narrower faces are left out, in pixels of the picture.
    pub min_face_px: f32,
    /// Longer side of the detector's input, in pixels; none for as many scales as the picture needs.
    pub input_side: Option<u32>,
    /// Of a cascade: from one size to the next; none for its default.
    pub scale_factor: Option<f64>,
    /// Of a cascade: more windows than this must lie on each other; none for its default.
    pub min_neighbors: Option<u32>,
    /// Least number of eyes that a cascade finds in a face, if any are required.
    pub require_eyes: Option<u8>,
}

impl FaceSearch {
    /// The same for a [`Detector`].
    pub fn options(&self) -> DetectorOptions {
        DetectorOptions {
            min_confidence: self.min_confidence,
            nms_iou: self.nms_iou,
            min_face_px: self.min_face_px,
            largest_only: false,
            input: self.input_side.map_or(InputSize::Auto, InputSize::Fixed),
        }
    }
}

/// Which numbers are taken of a face.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Values {
    /// Features after each other.
    Features {
        /// [`EMBEDDING`] or a name of [`mod@prosopon::classic::feature`], several with `+` between them.
        names: String,
        /// Id of the embedding network, if it is among them.
        embedder: Option<String>,
    },
    /// Levels of pixels from 0 to 255, row by row: R, G, B of each, or one grey level.
    Levels {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
        /// Whether there is one level for a pixel instead of three.
        gray: bool,
    },
    /// Numbers that were made elsewhere: such a classifier sees no pictures.
    Given {
        /// How many.
        length: usize,
    },
}

impl Values {
    /// Whether a network for embeddings is needed.
    pub fn needs_embedder(&self) -> bool {
        matches!(self, Self::Features { names, .. } if names.split('+').any(|name| name == EMBEDDING))
    }

    /// How it is called: `embedding`, `pixels+wavelet`, `64x64 colour`.
    pub fn describe(&self) -> String {
        match self {
            Self::Features { names, .. } => names.clone(),
            Self::Levels {
                width,
                height,
                gray,
            } => format!("{width}x{height} {}", if *gray { "grey" } else { "colour" }),
            Self::Given { length } => format!("{length} given values"),
        }
    }
}

/// What an [`Extractor`] works with, as far as its input needs it.
#[derive(Clone, Copy, Default)]
pub struct Tools<'a> {
    /// Finds faces.
    pub detector: Option<&'a dyn Detector>,
    /// Keeps those with enough eyes.
    pub eyes: Option<&'a EyeRule>,
    /// Embeds them.
    pub embedder: Option<&'a dyn Embedder>,
}

/// A face and the numbers of it.
#[derive(Debug, Clone)]
pub struct FaceValues {
    /// Where it is; none if the whole picture is the face.
    pub detection: Option<Detection>,
    /// The face as it was prepared, to be shown to people.
    pub crop: Image,
    /// As many of each face, for one input.
    pub values: Vec<f32>,
}

/// Why there are no numbers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// A feature has no such name.
    #[error(
        "expected features with `+` between them, of `{EMBEDDING}` and {}; found `{name}`",
        known_features()
    )]
    UnknownFeature {
        /// What was asked for.
        name: String,
    },
    /// A side is out of range.
    #[error("expected pictures of 1 to {MOST_SIDE} pixels a side, found {width} × {height}")]
    Size {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// Something to work with is missing.
    #[error("this classifier needs {0}, which is missing")]
    Missing(&'static str),
    /// The embeddings are those of another network.
    #[error("expected embeddings of `{expected}`, found the network `{found}`")]
    OtherEmbedder {
        /// Id of the network that the classifier was trained with.
        expected: String,
        /// Id of the one that is there.
        found: String,
    },
    /// The classifier was trained on numbers.
    #[error(
        "this classifier was trained on numbers that were made elsewhere, and sees no pictures"
    )]
    NoPictures,
    /// Faces could not be searched.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// A face could not be prepared.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A face could not be aligned.
    #[error(transparent)]
    Align(#[from] AlignError),
    /// A face could not be embedded.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// A feature could not be computed.
    #[error(transparent)]
    Feature(#[from] FeatureError),
    /// A picture could not be resized.
    #[error(transparent)]
    Image(#[from] ImageError),
}

fn known_features() -> String {
    let names = prosopon::classic::feature::FEATURES.map(|known| format!("`{}`", known.name()));
    names.join(", ")
}

/// Takes the numbers of faces, as an [`Input`] says.
pub struct Extractor<'a> {
    input: Input,
    tools: Tools<'a>,
    parts: Vec<Part>,
}

/// One of the features.
enum Part {
    Embedding,
    Classic(Box<dyn Feature>),
}

impl<'a> Extractor<'a> {
    /// Takes what `input` says with `tools`.
    ///
    /// # Errors
    /// [`InputError::UnknownFeature`], [`InputError::Size`], [`InputError::Missing`] for a tool that is
    /// not there, [`InputError::OtherEmbedder`] and [`InputError::NoPictures`].
    pub fn new(input: Input, tools: Tools<'a>) -> Result<Self, InputError> {
        if let Faces::Found(search) = &input.faces {
            if tools.detector.is_none() {
                return Err(InputError::Missing("a face detector"));
            }
            if search.require_eyes.is_some() && tools.eyes.is_none() {
                return Err(InputError::Missing("an eye cascade"));
            }
        }
        let parts = match &input.values {
            Values::Features { names, embedder } => {
                let parts = names
                    .split('+')
                    .map(Part::named)
                    .collect::<Result<_, _>>()?;
                check_embedder(&input.values, embedder.as_deref(), tools)?;
                parts
            }
            Values::Levels { width, height, .. } => {
                if ![width, height]
                    .into_iter()
                    .all(|side| (1..=MOST_SIDE).contains(side))
                {
                    let (width, height) = (*width, *height);
                    return Err(InputError::Size { width, height });
                }
                Vec::new()
            }
            Values::Given { .. } => return Err(InputError::NoPictures),
        };
        Ok(Self {
            input,
            tools,
            parts,
        })
    }

    /// What it takes.
    pub fn input(&self) -> &Input {
        &self.input
    }

    /// The numbers of all faces of `image`, from left to right; an empty vector if it has none that is
    /// wanted.
    ///
    /// # Errors
    /// [`InputError`] of whatever fails.
    pub fn faces(&self, image: &Image) -> Result<Vec<FaceValues>, InputError> {
        match &self.input.faces {
            Faces::AsIs => Ok(vec![self.whole(image)?]),
            Faces::Found(search) => {
                let mut found = self.search(image, search)?;
                found.sort_by(|a, b| a.bounding_box.left.total_cmp(&b.bounding_box.left));
                self.values(image, &found)
            }
        }
    }

    /// The numbers of the largest face of `image`; none if it has no face that is wanted. Of several people the
    /// one in front counts: weighing the place too, as for 1:1 comparisons, chose the wrong face in 5 of 250
    /// pictures of a folder that the size alone got right.
    ///
    /// # Errors
    /// [`InputError`] of whatever fails.
    pub fn largest_face(&self, image: &Image) -> Result<Option<FaceValues>, InputError> {
        let Faces::Found(search) = &self.input.faces else {
            return Ok(Some(self.whole(image)?));
        };
        let found = self.search(image, search)?;
        let area = |face: &&Detection| face.bounding_box.area();
        let largest = found.iter().max_by(|a, b| area(a).total_cmp(&area(b)));
        match largest {
            Some(face) => Ok(self.values(image, std::slice::from_ref(face))?.pop()),
            None => Ok(None),
        }
    }

    fn search(&self, image: &Image, search: &FaceSearch) -> Result<Vec<Detection>, InputError> {
        let detector = self
            .tools
            .detector
            .ok_or(InputError::Missing("a face detector"))?;
        let mut found = detector.detect(image, &search.options())?;
        let (width, height) = (image.width() as f32, image.height() as f32);
        found.retain(|face| {
            let b = face.bounding_box;
            b.right > 0.5 && b.bottom > 0.5 && b.left < width - 0.5 && b.top < height - 0.5
        });
        if let Some(rule) = self.tools.eyes.filter(|_| search.require_eyes.is_some()) {
            let gray = GrayImage::with_opencv_luma(image);
            found = rule
                .keep(&gray, found)
                .into_iter()
                .map(|(face, _)| face)
                .collect();
        }
        // What cannot be turned upright is not seen.
        if self.input.needs_landmarks() {
            found.retain(|face| face.landmarks.is_some());
        }
        Ok(found)
    }

    /// The whole picture as a face.
    fn whole(&self, image: &Image) -> Result<FaceValues, InputError> {
        let everything = Detection {
            bounding_box: BoundingBox {
                left: 0.0,
                top: 0.0,
                right: image.width() as f32,
                bottom: image.height() as f32,
            },
            landmarks: None,
            confidence: 1.0,
        };
        let mut values = self.values(image, &[everything])?;
        let mut face = values.pop().ok_or(InputError::Missing("a face"))?;
        face.detection = None;
        Ok(face)
    }

    fn values(&self, image: &Image, found: &[Detection]) -> Result<Vec<FaceValues>, InputError> {
        let crops: Vec<Image> = found
            .iter()
            .map(|face| prepare(image, face, &self.input.prepare))
            .collect::<Result<_, _>>()?;
        let mut embeddings = if self.input.values.needs_embedder() {
            self.embed(image, found)?.into_iter().map(Some).collect()
        } else {
            vec![None; found.len()]
        };
        let faces = found.iter().zip(crops).zip(&mut embeddings);
        faces
            .map(|((detection, crop), embedded)| {
                let (aligned, embedding) = embedded.take().unzip();
                let values = self.values_of(&crop, embedding.as_deref())?;
                Ok(FaceValues {
                    detection: Some(*detection),
                    // People see what the network saw.
                    crop: aligned.unwrap_or(crop),
                    values,
                })
            })
            .collect()
    }

    /// The values of a prepared face.
    fn values_of(&self, crop: &Image, embedding: Option<&[f32]>) -> Result<Vec<f32>, InputError> {
        if let Values::Levels {
            width,
            height,
            gray,
        } = self.input.values
        {
            return levels(crop, (width, height), gray);
        }
        let mut values = Vec::new();
        for part in &self.parts {
            match part {
                Part::Embedding => values.extend(embedding.unwrap_or_default()),
                Part::Classic(feature) => {
                    values.extend(feature.extract(crop)?.into_iter().map(|value| value as f32));
                }
            }
        }
        Ok(values)
    }

    /// Aligned faces and their embeddings.
    fn embed(
        &self,
        image: &Image,
        found: &[Detection],
    ) -> Result<Vec<(Image, Vec<f32>)>, InputError> {
        let embedder = self
            .tools
            .embedder
            .ok_or(InputError::Missing("an embedding network"))?;
        let side = embedder.crop_size();
        let crops: Vec<AlignedCrop> = found
            .iter()
            .map(|face| match &face.landmarks {
                Some(points) => Ok(align(image, points, &embedder.reference_points(), side)?),
                None => stretched(image, side),
            })
            .collect::<Result<_, InputError>>()?;
        let embeddings = embedder.embed(&crops)?;
        let pairs = crops.into_iter().zip(embeddings);
        Ok(pairs
            .map(|(crop, embedding)| (crop.image, embedding.values().to_vec()))
            .collect())
    }
}

impl Part {
    fn named(name: &str) -> Result<Self, InputError> {
        if name == EMBEDDING {
            return Ok(Self::Embedding);
        }
        feature(name)
            .map(Self::Classic)
            .map_err(|_| InputError::UnknownFeature {
                name: name.to_owned(),
            })
    }
}

/// Whether the embedder is there and the one that is expected, if one is needed.
fn check_embedder(
    values: &Values,
    expected: Option<&str>,
    tools: Tools<'_>,
) -> Result<(), InputError> {
    if !values.needs_embedder() {
        return Ok(());
    }
    let embedder = tools
        .embedder
        .ok_or(InputError::Missing("an embedding network"))?;
    let found = embedder.model().as_str();
    match expected {
        Some(expected) if expected != found => Err(InputError::OtherEmbedder {
            expected: expected.to_owned(),
            found: found.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The whole picture as a crop: for pictures that are faces, cut as the embedder wants them.
fn stretched(image: &Image, side: u32) -> Result<AlignedCrop, InputError> {
    let scale = side as f32 / image.width().max(image.height()) as f32;
    Ok(AlignedCrop {
        image: image.resized(side, side, ResizeFilter::Area)?,
        crop_from_image: SimilarityTransform {
            a: scale,
            ..SimilarityTransform::IDENTITY
        },
    })
}

fn levels(crop: &Image, (width, height): (u32, u32), gray: bool) -> Result<Vec<f32>, InputError> {
    let resized;
    let face = if (crop.width(), crop.height()) == (width, height) {
        crop
    } else {
        resized = crop.resized(width, height, ResizeFilter::Area)?;
        &resized
    };
    let bytes = if gray {
        GrayImage::from(face).pixels().to_vec()
    } else {
        face.pixels().to_vec()
    };
    Ok(bytes.into_iter().map(f32::from).collect())
}
