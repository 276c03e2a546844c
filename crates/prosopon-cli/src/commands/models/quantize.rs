//! `prosopon models quantize`: a network of 8-bit integers, made for the user's own kind of pictures.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use prosopon::detect::{self, central};
use prosopon::inference::{InputObserver, Runtime};
use prosopon::model::EmbedderSpec;
use prosopon::{
    AlignedCrop, Detector, DetectorOptions, Embedder, Image, ModelId, NetworkEmbedder, align,
};
use prosopon_models::agreement::{
    DetectorAgreement, DetectorComparison, EmbedderAgreement, EmbedderComparison,
};
use prosopon_models::quantize::{CalibrationInputs, Quantized, QuantizedSpec, Quantizer};
use prosopon_models::{DetectorModel, ModelsError, Store};
use serde::Serialize;

use crate::args::{InferenceArgs, PictureArgs, SourceArgs};
use crate::failure::{Exit, Failure, exit_of};
use crate::networks;
use crate::output::{Format, count, eprint, print_value};
use crate::pictures::{self, Input};
use crate::progress::{self, Downloads};
use crate::session::{self, Load};

/// Fewer pictures say too little about the values that layers take.
const LEAST_PICTURES: usize = 20;
/// One picture of so many is kept for the comparison.
const HELD_OUT: usize = 5;

/// Make a network of 8-bit integers, calibrated on your pictures
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The detector or embedder to start from
    name: String,
    /// Pictures of the kind that it will see, at least 20: files, folders, patterns
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// What to call the new one; NAME-int8 without it
    #[arg(long = "as", value_name = "NAME")]
    new_name: Option<String>,
    /// Pictures at most, taken evenly from those there are
    #[arg(long, value_name = "N", default_value_t = 200)]
    limit: usize,
    #[command(flatten)]
    pictures: PictureArgs,
    #[command(flatten)]
    inference: InferenceArgs,
    #[command(flatten)]
    source: SourceArgs,
}

/// The network to start from.
struct Original {
    onnx: Vec<u8>,
    spec: QuantizedSpec,
    id: ModelId,
}

/// What the command prints.
#[derive(Serialize)]
struct Answer {
    name: String,
    from: String,
    bytes: usize,
    bytes_before: usize,
    n_inputs: usize,
    backend: String,
    #[serde(flatten)]
    agreement: Agreement,
    failed: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Agreement {
    Detector(DetectorAgreement),
    Embedder(EmbedderAgreement),
}

pub(super) fn run(args: &Args, store: &Store, format: Format) -> Result<Exit, Failure> {
    let mut work = Work {
        store,
        args,
        failed: Vec::new(),
    };
    let name = args
        .new_name
        .clone()
        .unwrap_or_else(|| format!("{}-int8", args.name));
    let inputs = chosen(pictures::collect(&args.paths)?, args.limit)?;
    let original = work.original()?;
    let tool = Quantizer::open(store, args.source.offline, &Downloads::default())?;

    let (held_out, shown) = split(inputs);
    let calibration = work.calibration(&original, &shown)?;
    let spinner = progress::spinner("quantising");
    let names = (args.name.as_str(), name.as_str());
    let quantized = tool.quantize(&original.onnx, &original.spec, names, &calibration)?;
    spinner.finish_and_clear();

    let (agreement, backend) = work.agreement(&original, &quantized, &held_out)?;
    quantized.add_to(store, &Downloads::default())?;
    let answer = Answer {
        name,
        from: original.id.to_string(),
        bytes: quantized.onnx.len(),
        bytes_before: original.onnx.len(),
        n_inputs: calibration.len(),
        backend,
        agreement,
        failed: work.failed,
    };
    print_value(format, &answer, || describe(&answer))?;
    Ok(exit_of(answer.failed.len()))
}

/// At most `limit` of the pictures, evenly spread.
fn chosen(inputs: Vec<Input>, limit: usize) -> Result<Vec<Input>, Failure> {
    let n = inputs.len();
    let limit = limit.min(n);
    if limit < LEAST_PICTURES {
        return Err(Failure::new(
            Exit::BadInput,
            "too_few_pictures",
            format!("expected at least {LEAST_PICTURES} pictures, found {limit}"),
        )
        .with_hint(
            "take pictures of the kind that the network will see: its integers are fitted to them",
        ));
    }
    let mut place = 0;
    let spread = inputs.into_iter().filter(|_| {
        place += 1;
        // Whether a step of n/limit ends here.
        place * limit / n > (place - 1) * limit / n
    });
    Ok(spread.collect())
}

/// Every fifth for the comparison, the others for the calibration.
fn split(inputs: Vec<Input>) -> (Vec<Input>, Vec<Input>) {
    let (mut held_out, mut shown) = (Vec::new(), Vec::new());
    for (i, input) in inputs.into_iter().enumerate() {
        let part = if i % HELD_OUT == 0 {
            &mut held_out
        } else {
            &mut shown
        };
        part.push(input);
    }
    (held_out, shown)
}

struct Work<'a> {
    store: &'a Store,
    args: &'a Args,
    failed: Vec<String>,
}

impl Work<'_> {
    fn original(&self) -> Result<Original, Failure> {
        let (name, source) = (self.args.name.as_str(), &self.args.source);
        let embedder = session::installed(self.store, source, |s| s.resolve_embedder(Some(name)));
        let (path, spec, id) = match embedder {
            Ok(model) => (model.path, QuantizedSpec::Embedder(model.spec), model.id),
            // No embedder has this name: it may be a detector's.
            Err(failure) if ["wrong_role", "unknown_model"].contains(&failure.code) => {
                let model =
                    session::installed(self.store, source, |s| s.resolve_detector(Some(name)))?;
                let DetectorModel::Network(spec) = model.spec else {
                    return Err(Failure::new(
                        Exit::Usage,
                        "no_network",
                        format!("expected a network, found the cascade `{name}`"),
                    )
                    .with_hint("cascades compute in integers already"));
                };
                (model.path, QuantizedSpec::Detector(spec), model.id)
            }
            Err(failure) => return Err(failure),
        };
        Ok(Original {
            onnx: networks::read_network(&path, Some(&id))?,
            spec,
            id,
        })
    }

    fn runtime(&self) -> Result<Runtime, Failure> {
        let options = self.args.inference.options(Load::Single.streams());
        networks::open_runtime(self.store, options)
    }

    /// The inputs that the network gets for these pictures.
    fn calibration(
        &mut self,
        original: &Original,
        shown: &[Input],
    ) -> Result<Arc<CalibrationInputs>, Failure> {
        let inputs = Arc::new(CalibrationInputs::create()?);
        let failure = Arc::new(Mutex::new(None));
        let observer: InputObserver = {
            let (inputs, failure) = (Arc::clone(&inputs), Arc::clone(&failure));
            Arc::new(move |shape, values| {
                if let Err(error) = inputs.push(shape, values) {
                    *lock(&failure) = Some(error);
                }
            })
        };
        let runtime = self.runtime()?.observed(observer);
        match &original.spec {
            QuantizedSpec::Detector(spec) => {
                let detector = detect::load(&runtime, &original.onnx, spec)?;
                self.each_picture(shown, |image| {
                    detector.detect(image, &DetectorOptions::default())?;
                    Ok(())
                })?;
            }
            QuantizedSpec::Embedder(spec) => {
                let (onnx, id) = (&original.onnx, original.id.clone());
                let embedder = NetworkEmbedder::load(&runtime, onnx, spec.clone(), id)?;
                self.each_face(shown, spec, |crop| {
                    embedder.embed(std::slice::from_ref(crop))?;
                    Ok(())
                })?;
            }
        }
        if let Some(error) = lock(&failure).take() {
            return Err(error.into());
        }
        if inputs.is_empty() {
            return Err(Failure::new(
                Exit::BadInput,
                "no_faces",
                "expected faces on the pictures, found none",
            ));
        }
        Ok(inputs)
    }

    /// Both networks on the pictures that were held out.
    fn agreement(
        &mut self,
        original: &Original,
        quantized: &Quantized,
        held_out: &[Input],
    ) -> Result<(Agreement, String), Failure> {
        let runtime = self.runtime()?;
        let backend = runtime.info().to_string();
        let agreement = match &original.spec {
            QuantizedSpec::Detector(spec) => {
                let [floats, integers] = [&original.onnx, &quantized.onnx]
                    .map(|onnx| detect::load(&runtime, onnx, spec));
                let (floats, integers) = (floats?, integers?);
                let mut comparison = DetectorComparison::new(&*floats, &*integers);
                let options = DetectorOptions::default();
                self.each_picture(held_out, |image| Ok(comparison.show(image, &options)?))?;
                Agreement::Detector(comparison.agreement())
            }
            QuantizedSpec::Embedder(spec) => {
                let [floats, integers] = [&original.onnx, &quantized.onnx].map(|onnx| {
                    NetworkEmbedder::load(&runtime, onnx, spec.clone(), original.id.clone())
                });
                let (floats, integers) = (floats?, integers?);
                let mut comparison = EmbedderComparison::new(&floats, &integers);
                self.each_face(held_out, spec, |crop| Ok(comparison.show(crop)?))?;
                Agreement::Embedder(comparison.agreement())
            }
        };
        Ok((agreement, backend))
    }

    fn each_picture(
        &mut self,
        inputs: &[Input],
        mut act: impl FnMut(&Image) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let limits = self.args.pictures.limits();
        let bar = progress::bar(inputs.len(), "pictures");
        for input in inputs {
            let read = input
                .read(&limits)
                .and_then(|bytes| Ok(Image::decode(&bytes, &limits)?));
            match read {
                Ok(image) => act(&image)?,
                Err(failure) => {
                    let failure = failure.at(input);
                    bar.suspend(|| eprint(&failure.to_string()));
                    self.failed.push(input.to_string());
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Calls `act` with the central face of each picture, as the embedder wants it.
    fn each_face(
        &mut self,
        inputs: &[Input],
        spec: &EmbedderSpec,
        mut act: impl FnMut(&AlignedCrop) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let detector = self.default_detector()?;
        self.each_picture(inputs, |image| {
            let found = detector.detect(image, &DetectorOptions::default())?;
            let face = central((image.width(), image.height()), &found).map(|i| &found[i]);
            match face.and_then(|face| face.landmarks) {
                Some(landmarks) => act(&align(
                    image,
                    &landmarks,
                    &spec.reference_points(),
                    spec.crop_size,
                )?),
                None => Ok(()),
            }
        })
    }

    fn default_detector(&self) -> Result<Box<dyn Detector>, Failure> {
        let model =
            session::installed(self.store, &self.args.source, |s| s.resolve_detector(None))?;
        networks::load_detector(&self.runtime()?, &model, None)
    }
}

fn lock(error: &Mutex<Option<ModelsError>>) -> std::sync::MutexGuard<'_, Option<ModelsError>> {
    error.lock().unwrap_or_else(PoisonError::into_inner)
}

fn describe(answer: &Answer) -> String {
    let mut text = format!(
        "added {}: {} in 8-bit integers, fitted to {}; {:.1} MB instead of {:.1} MB\n",
        answer.name,
        answer.from,
        count(answer.n_inputs, "input", "inputs"),
        answer.bytes as f64 / 1e6,
        answer.bytes_before as f64 / 1e6,
    );
    let next = match &answer.agreement {
        Agreement::Detector(a) => {
            text += &format!(
                "on {} that were held out: {} of {} found again (mean overlap {:.2}), {} added; {:.2} times as fast with {}\n",
                count(a.n_pictures, "picture", "pictures"),
                a.n_found_again,
                count(a.n_faces, "face", "faces"),
                a.mean_iou,
                a.n_added,
                a.speed_ratio,
                answer.backend
            );
            format!(
                "it is used only where it is named: `--detector {0}`; `prosopon evaluate pairs … --detector {0}` shows what it costs",
                answer.name
            )
        }
        Agreement::Embedder(a) => {
            text += &format!(
                "on {} that were held out: embeddings agree to {:.3} (least {:.3}); {:.2} times as fast with {}\n",
                count(a.n_crops, "face", "faces"),
                a.mean_similarity,
                a.least_similarity,
                a.speed_ratio,
                answer.backend
            );
            format!(
                "it is used only where it is named: `--embedder {0}`. It has no thresholds yet: `prosopon calibrate DIR --embedder {0} --for model` measures them, \
                 `prosopon evaluate pairs … --embedder {0}` what it costs",
                answer.name
            )
        }
    };
    text + &next
}
