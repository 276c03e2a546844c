//! Exported networks give the same numbers in other engines: rten, and ONNX Runtime's wheel.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use ndarray::{Array2, ArrayView2};
use prosopon::inference::{BackendChoice, InferenceOptions, Runtime};
use prosopon_train::nn::{Architecture, FitOptions, Loss, Network, fit};
use prosopon_train::onnx;

/// Every kind of layer between the two that follow.
const LAYERS: [&str; 3] = [
    r#"{ kind = "conv2d", filters = 5, kernel = 3, stride = 2, padding = "same", activation = "relu" },
       { kind = "lrn", alpha = 0.2 },
       { kind = "max_pool2d", size = 3, stride = 2, padding = "same" },
       { kind = "batch_norm", momentum = 0.5 }"#,
    r#"{ kind = "conv2d", filters = 4, kernel = 2, bias = false },
       { kind = "frn" }, { kind = "tlu" },
       { kind = "average_pool2d", size = 3, stride = 2, padding = "same" },
       { kind = "sigmoid" }"#,
    r#"{ kind = "flatten" },
       { kind = "dense", units = 6 }, { kind = "batch_norm" }, { kind = "frn" }, { kind = "tlu" },
       { kind = "lrn" }, { kind = "dropout", rate = 0.3 }, { kind = "softmax" },
       { kind = "dense", units = 5, bias = false }, { kind = "l2_normalise" }"#,
];

const ENDS: &[(&str, usize, Loss)] = &[
    (
        r#"units = "classes", activation = "softmax""#,
        3,
        Loss::SparseCategoricalCrossEntropy,
    ),
    (
        r#"units = "classes", activation = "sigmoid""#,
        4,
        Loss::BinaryCrossEntropy,
    ),
    (
        r#"units = 1, activation = "sigmoid""#,
        2,
        Loss::BinaryCrossEntropy,
    ),
];

/// Samples of 9 × 8 in two colours.
fn samples() -> Array2<f32> {
    let mut rng = fastrand::Rng::with_seed(3);
    Array2::from_shape_simple_fn((24, 144), || 255.0 * rng.f32())
}

/// A network of all `layers`, trained for an epoch so that no number is what it starts from.
fn trained(layers: &str, (end, n_classes, loss): (&str, usize, Loss)) -> Network {
    let text = format!(
        "name = \"all\"\ninput = {{ width = 8, height = 9, channels = 2 }}\nlayers = [{layers}, {{ kind = \"flatten\" }}, {{ kind = \"dense\", {end} }}]"
    );
    let samples = samples();
    let labels: Vec<usize> = (0..samples.nrows()).map(|i| i % n_classes).collect();
    let options = FitOptions {
        epochs: 1,
        batch_size: 6,
        patience: None,
        loss,
        ..FitOptions::default()
    };
    let empty = ArrayView2::from_shape((0, 1), &[]).expect("no samples");
    fit(
        &Architecture::parse(&text).expect("an architecture"),
        (&samples.view(), &labels),
        (&empty, &[]),
        &options,
        &mut |_| (),
        &AtomicBool::new(false),
    )
    .expect("a network")
    .0
}

/// Networks of all layers with each end, and of some with the first.
fn networks(parts: &[String]) -> Vec<Network> {
    let all = parts.join(", ");
    let ends = ENDS.iter().map(|end| trained(&all, *end));
    let parts = parts.iter().map(|part| trained(part, ENDS[0]));
    ends.chain(parts).collect()
}

fn classes(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("class {i}")).collect()
}

#[test]
fn rten_gives_the_same_probabilities() {
    let options = InferenceOptions {
        backend: BackendChoice::Rten,
        ..InferenceOptions::default()
    };
    let runtime = Runtime::open(&options).unwrap();
    let samples = samples();
    // rten has no operator LRN.
    let parts = LAYERS.map(|part| {
        let part = part.replace(r#"{ kind = "lrn", alpha = 0.2 },"#, "");
        part.replace(r#"{ kind = "lrn" },"#, "")
    });
    for network in networks(&parts) {
        let file = onnx::network(&network, &classes(network.n_classes()));
        let engine = runtime.load(file).unwrap();
        let values = samples.as_slice().unwrap();
        let outputs = engine
            .run([24, 9, 8, 2], &mut |input| input.copy_from_slice(values))
            .unwrap();
        assert_eq!(outputs[0].shape, [24, network.n_classes()]);
        for (row, found) in samples
            .rows()
            .into_iter()
            .zip(outputs[0].values.chunks(network.n_classes()))
        {
            let expected = network.probabilities(row.as_slice().unwrap());
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    (f64::from(*found) - expected).abs() < 1e-5,
                    "{found} {expected}"
                );
            }
        }
    }
}

const CHECK: &str = "
import sys, numpy, onnxruntime
folder = sys.argv[1]
x = numpy.load(folder + '/x.npy')
worst, n = 0.0, int(sys.argv[2])
for i in range(n):
    session = onnxruntime.InferenceSession(f'{folder}/{i}.onnx', providers=['CPUExecutionProvider'])
    (given,) = session.get_inputs()
    found = session.run(['probabilities'], {given.name: x.reshape([-1] + given.shape[1:])})[0]
    expected = numpy.load(f'{folder}/{i}.npy')
    assert found.shape == expected.shape, (found.shape, expected.shape)
    worst = max(worst, float(abs(found - expected).max()))
    names = session.get_modelmeta().custom_metadata_map['classes'].split('\\n')
    assert names == [f'class {k}' for k in range(expected.shape[1])], names
print(worst)
";

/// `PROSOPON_TEST_PYTHON` names a Python with `onnxruntime` and `numpy`.
#[test]
#[ignore = "scripts/test-onnx runs it, with ONNX Runtime's wheel"]
fn onnx_runtime_gives_the_same_probabilities() {
    let python = std::env::var("PROSOPON_TEST_PYTHON").expect("scripts/test-onnx sets it");
    let folder = tempfile::tempdir().unwrap();
    let path = |name: String| folder.path().join(name);
    let samples = samples();
    ndarray_npy::write_npy(path("x.npy".to_owned()), &samples).unwrap();
    let mut n = 0;
    let mut put = |file: Vec<u8>, probabilities: Vec<Vec<f64>>| {
        let width = probabilities[0].len();
        let flat = probabilities.concat();
        let expected = Array2::from_shape_vec((samples.nrows(), width), flat).unwrap();
        std::fs::write(path(format!("{n}.onnx")), file).unwrap();
        ndarray_npy::write_npy(path(format!("{n}.npy")), &expected).unwrap();
        n += 1;
    };
    let rows: Vec<Vec<f32>> = samples.rows().into_iter().map(|row| row.to_vec()).collect();
    for network in networks(&LAYERS.map(str::to_owned)) {
        let file = onnx::network(&network, &classes(network.n_classes()));
        put(file, network.probabilities_batch(&rows));
    }
    let (linear, probabilities) = linear_head(&rows);
    put(
        onnx::linear(&linear, "head", &classes(3)).unwrap(),
        probabilities,
    );
    let worst = run(&python, folder.path(), n);
    println!("largest difference from ONNX Runtime: {worst:.1e}");
    assert!(worst < 1e-5, "{worst}");
}

/// A linear classifier and what it says by its definition.
fn linear_head(rows: &[Vec<f32>]) -> (onnx::Linear, Vec<Vec<f64>>) {
    let mut rng = fastrand::Rng::with_seed(4);
    let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| rng.f64() - 0.5).collect() };
    let (weights, intercepts) = (draw(3 * 144), draw(3));
    let (mean, scale) = ([127.0; 144], [73.0; 144]);
    let says = |row: &Vec<f32>| {
        let logit = |class: usize| {
            let terms = row.iter().zip(&weights[144 * class..]);
            let sum: f64 = terms.map(|(x, w)| (f64::from(*x) - 127.0) / 73.0 * w).sum();
            (intercepts[class] + sum).exp()
        };
        let powers = [logit(0), logit(1), logit(2)];
        powers.map(|p| p / powers.iter().sum::<f64>()).to_vec()
    };
    let probabilities = rows.iter().map(says).collect();
    let plain = onnx::Linear {
        n_features: 144,
        weights,
        intercepts,
    };
    (plain.behind_scaling(&mean, &scale), probabilities)
}

fn run(python: &str, folder: &Path, n: usize) -> f64 {
    let output = Command::new(python)
        .arg("-c")
        .arg(CHECK)
        .arg(folder)
        .arg(n.to_string())
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said.trim().parse().expect("a number")
}
