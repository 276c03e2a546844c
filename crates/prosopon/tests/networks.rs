//! The contract of every inference backend, run with the real networks.

mod common;
#[path = "common/models.rs"]
mod models;

use prosopon::Image;
use prosopon::image::ResizeFilter;
use prosopon::inference::onnx::{FreeAxes, free_input_shape};
use prosopon::inference::{
    BackendChoice, InferenceError, InferenceOptions, Network, Output, Precision, Runtime,
};

use models::{Models, cosine, is_bf16, largest_difference};

/// Largest difference between two backends in f32, in values of order one.
const F32_TOLERANCE: f32 = 1e-4;
/// Least cosine between outputs in bf16 and in f32.
const BF16_COSINE: f64 = 0.999;

/// A network under test, and the input that it is fed.
struct Subject {
    name: &'static str,
    onnx: Vec<u8>,
    shapes: &'static [[usize; 4]],
}

impl Subject {
    fn all(models: &Models) -> [Self; 2] {
        let free = |onnx: Vec<u8>, axes| free_input_shape(&onnx, axes).expect("an ONNX file");
        [
            Self {
                name: "scrfd",
                onnx: free(models.scrfd(), FreeAxes::BatchAndSize),
                shapes: &[
                    [1, 3, 640, 640],
                    [1, 3, 320, 320],
                    [1, 3, 192, 320],
                    [2, 3, 160, 160],
                ],
            },
            Self {
                name: "fr-feature",
                onnx: free(models.fr_feature(), FreeAxes::Batch),
                shapes: &[[1, 3, 112, 112], [3, 3, 112, 112], [8, 3, 112, 112]],
            },
        ]
    }

    fn load(&self, options: &InferenceOptions) -> Box<dyn Network> {
        let runtime = Runtime::open(options).expect("it opened before");
        runtime.load(self.onnx.clone()).expect(self.name)
    }
}

/// An input of `shape`: parts of a photograph full of faces, a different one for each place in the
/// batch.
fn input(picture: &Image, shape: [usize; 4]) -> Vec<f32> {
    let [batch, channels, rows, columns] = shape;
    let (width, height) = (columns as u32, rows as u32);
    let larger = picture
        .resized(2 * width, 2 * height, ResizeFilter::Area)
        .expect("a size");
    let mut values = Vec::with_capacity(shape.iter().product());
    for item in 0..batch {
        for channel in 0..channels {
            for y in 0..rows {
                for x in 0..columns {
                    let at = ((y + item * 7 % rows) * 2 * columns + x + item * 11 % columns) * 3;
                    let byte = larger.pixels()[at + channel % 3];
                    values.push((f32::from(byte) - 127.5) / 128.0);
                }
            }
        }
    }
    values
}

fn run(
    network: &dyn Network,
    shape: [usize; 4],
    input: &[f32],
) -> Result<Vec<Output>, InferenceError> {
    network.run(shape, &mut |values| values.copy_from_slice(input))
}

/// How far apart two runs of one network may be.
fn assert_close(found: &[Output], expected: &[Output], bf16: bool, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(found.shape, expected.shape, "{what}, output {i}");
        assert_eq!(
            found.shape.iter().product::<usize>(),
            found.values.len(),
            "{what}, output {i}"
        );
        if bf16 {
            let cosine = cosine(&found.values, &expected.values);
            assert!(cosine >= BF16_COSINE, "{what}, output {i}: cosine {cosine}");
        } else {
            let scale = expected.values.iter().fold(1.0f32, |m, v| m.max(v.abs()));
            let difference = largest_difference(&found.values, &expected.values) / scale;
            assert!(
                difference <= F32_TOLERANCE,
                "{what}, output {i}: {difference}"
            );
        }
    }
}

#[test]
fn backends_agree_on_every_shape() {
    let Some(models) = Models::find() else { return };
    let picture = models.solvay();
    let backends = models.backends();
    for subject in Subject::all(&models) {
        let reference = subject.load(&backends[0]);
        let networks: Vec<_> = backends[1..].iter().map(|b| subject.load(b)).collect();
        for &shape in subject.shapes {
            let input = input(&picture, shape);
            let expected = run(&*reference, shape, &input).expect(subject.name);
            for (options, network) in backends[1..].iter().zip(&networks) {
                assert_eq!(network.outputs(), reference.outputs(), "{}", subject.name);
                let found = run(&**network, shape, &input).expect(subject.name);
                let what = format!("{} {shape:?} {:?}", subject.name, options.precision);
                assert_close(&found, &expected, is_bf16(options), &what);
            }
        }
    }
}

#[test]
fn a_batch_equals_one_by_one() {
    let Some(models) = Models::find() else { return };
    let picture = models.solvay();
    for options in models.backends() {
        for subject in Subject::all(&models) {
            let network = subject.load(&options);
            let shape = *subject.shapes.last().expect("a shape");
            let [batch, rest @ ..] = shape;
            let input = input(&picture, shape);
            let together = run(&*network, shape, &input).expect(subject.name);
            let one = rest.iter().product::<usize>();
            for (i, input) in input.chunks_exact(one).enumerate() {
                let [channels, rows, columns] = rest;
                let alone =
                    run(&*network, [1, channels, rows, columns], input).expect("a batch of one");
                for (together, alone) in together.iter().zip(&alone) {
                    let n = alone.values.len();
                    assert_eq!(together.values.len(), batch * n, "{}", subject.name);
                    let found = &together.values[i * n..(i + 1) * n];
                    let what = format!("{} {:?}, {i} of {batch}", subject.name, options.backend);
                    if is_bf16(&options) {
                        let cosine = cosine(found, &alone.values);
                        assert!(cosine >= BF16_COSINE, "{what}: cosine {cosine}");
                    } else {
                        let difference = largest_difference(found, &alone.values);
                        assert!(difference <= F32_TOLERANCE, "{what}: {difference}");
                    }
                }
            }
        }
    }
}

#[test]
fn threads_and_streams_change_nothing() {
    let Some(models) = Models::find() else { return };
    let picture = models.solvay();
    for options in models.backends() {
        for subject in Subject::all(&models) {
            let shape = subject.shapes[1];
            let input = input(&picture, shape);
            let mut expected = None;
            for (threads, streams) in [(1, 1), (2, 1), (2, 2)] {
                let options = InferenceOptions {
                    threads,
                    streams,
                    ..options.clone()
                };
                let network = subject.load(&options);
                let found = run(&*network, shape, &input).expect(subject.name);
                let expected = expected.get_or_insert_with(|| found.clone());
                let what = format!(
                    "{} {:?}, {threads} threads, {streams} streams",
                    subject.name, options.backend
                );
                assert_close(&found, expected, is_bf16(&options), &what);
            }
        }
    }
}

/// More callers than streams, of several shapes at once: each gets the answer to its own input.
#[test]
fn callers_at_the_same_time_get_their_own_answers() {
    let Some(models) = Models::find() else { return };
    let picture = models.solvay();
    for options in models.backends() {
        let options = InferenceOptions {
            threads: 2,
            streams: 2,
            ..options
        };
        for subject in Subject::all(&models) {
            let network = subject.load(&options);
            let cases: Vec<_> = subject.shapes[1..]
                .iter()
                .map(|&shape| {
                    let input = input(&picture, shape);
                    let expected = run(&*network, shape, &input).expect(subject.name);
                    (shape, input, expected)
                })
                .collect();
            std::thread::scope(|scope| {
                for caller in 0..4 {
                    let (network, cases, options) = (&*network, &cases, &options);
                    let name = subject.name;
                    scope.spawn(move || {
                        for turn in 0..4 {
                            let (shape, input, expected) = &cases[(caller + turn) % cases.len()];
                            let found = run(network, *shape, input).expect(name);
                            let what = format!("{name} {shape:?}, caller {caller}");
                            assert_close(&found, expected, is_bf16(options), &what);
                        }
                    });
                }
            });
        }
    }
}

#[test]
fn a_shape_that_does_not_fit_is_an_error_and_does_no_harm() {
    let Some(models) = Models::find() else { return };
    let picture = models.solvay();
    for options in models.backends() {
        let [_, embedder] = Subject::all(&models);
        let network = embedder.load(&options);
        let good = embedder.shapes[0];
        let input = input(&picture, good);
        let expected = run(&*network, good, &input).expect("a shape that fits");
        for shape in [
            [1, 4, 112, 112],
            [1, 3, 16, 16],
            [1, 1, 1, 1],
            [1, 3, 0, 0],
            [0, 3, 112, 112],
        ] {
            let result = network.run(shape, &mut |values| values.fill(0.0));
            let error = match result {
                Err(error) => error,
                // No pictures, no embeddings.
                Ok(outputs) if shape[0] == 0 && outputs[0].values.is_empty() => continue,
                Ok(outputs) => panic!("{:?} {shape:?}: {:?}", options.backend, outputs[0].shape),
            };
            assert!(
                matches!(
                    error,
                    InferenceError::Shape { .. } | InferenceError::Run { .. }
                ),
                "{error:?}"
            );
            assert!(!error.to_string().contains('\n'), "{error}");
        }
        let found = run(&*network, good, &input).expect("still a shape that fits");
        assert_close(&found, &expected, is_bf16(&options), "after the errors");
    }
}

/// A backend that was named is used or is an error; `auto` says what it passed over.
#[test]
fn there_is_no_silent_change_of_backend() {
    let nowhere = InferenceOptions {
        openvino_dir: Some("no/such/folder".into()),
        ..InferenceOptions::default()
    };
    let named = InferenceOptions {
        backend: BackendChoice::OpenVino,
        ..nowhere.clone()
    };
    let error = Runtime::open(&named).err().expect("no libraries");
    assert!(
        matches!(
            error,
            InferenceError::BackendUnavailable {
                backend: "openvino",
                ..
            }
        ),
        "{error}"
    );
    let runtime = Runtime::open(&nowhere).expect("the one that is always there");
    assert_eq!(runtime.info().name, "rten");
    assert!(runtime.skipped().is_some());
    let unable = InferenceOptions {
        backend: BackendChoice::Rten,
        precision: Precision::Bf16,
        ..InferenceOptions::default()
    };
    assert!(Runtime::open(&unable).is_err());
}

#[test]
fn what_is_no_network_is_refused() {
    let Some(models) = Models::find() else { return };
    let whole = models.scrfd();
    let cases: [(&str, &[u8]); 5] = [
        ("nothing", b""),
        ("text", b"this is not a network"),
        ("a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        ("zeros", &[0; 4096]),
        ("half a network", &whole[..whole.len() / 2]),
    ];
    for options in models.backends() {
        let runtime = Runtime::open(&options).expect("it opened before");
        for (what, bytes) in cases {
            match runtime.load(bytes.to_vec()) {
                Ok(_) => panic!("{:?} took {what} for a network", options.backend),
                Err(error) => assert!(
                    matches!(error, InferenceError::Load { .. } | InferenceError::NotOnnx)
                        && !error.to_string().contains('\n'),
                    "{what}: {error:?}"
                ),
            }
        }
    }
    for (what, bytes) in cases {
        let edited = free_input_shape(bytes, FreeAxes::Batch);
        assert!(matches!(edited, Err(InferenceError::NotOnnx)), "{what}");
    }
}

/// The file as it was exported and the one with its sizes freed are the same function.
#[test]
fn freeing_the_input_size_changes_no_result() {
    let Some(models) = Models::find() else { return };
    let picture = models.solvay();
    let originals = [models.scrfd(), models.fr_feature()];
    for options in models.backends() {
        if is_bf16(&options) {
            continue;
        }
        let runtime = Runtime::open(&options).expect("it opened before");
        for (subject, original) in Subject::all(&models).iter().zip(&originals) {
            let shape = subject.shapes[0];
            let input = input(&picture, shape);
            let original = runtime.load(original.clone()).expect(subject.name);
            let expected = run(&*original, shape, &input).expect(subject.name);
            let found = run(&*subject.load(&options), shape, &input).expect(subject.name);
            for (found, expected) in found.iter().zip(&expected) {
                let difference = largest_difference(&found.values, &expected.values);
                assert!(
                    difference <= 4e-6,
                    "{} {:?}: {difference}",
                    subject.name,
                    options.backend
                );
            }
        }
    }
}
