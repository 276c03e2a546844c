//! Every layer: gradients by differences, and the values of PyTorch.

use super::Architecture;
use super::engine::{Engine, Statistics};
use super::plan::Plan;

/// Layers behind a 1 × 1 convolution (a dense layer, for vectors) with as many outputs as inputs, whose gradient
/// is right only if the one by their input is.
struct Case {
    layers: &'static str,
    /// Height, width, channels.
    input: (usize, usize, usize),
    n_parameters: usize,
    /// `Σ sin(0.11 i + 0.2) · output i`, of which the gradients are.
    loss: f64,
    /// Six of the outputs, evenly spread from the first to the last.
    outputs: [f64; 6],
    /// Six of the gradients by the parameters, likewise.
    gradients: [f64; 6],
}

/// More than a shard.
const N: usize = 10;

/// What PyTorch 2.15 gives in double precision for parameter i `sin(0.37 i + 0.5)` and value i of the batch
/// `cos(0.23 i + 0.1)`, both in our order: `conv2d`, `max_pool2d`, `avg_pool2d` (divided by its values for
/// ones, so that padding does not count), `batch_norm(training=True, eps=1e-3)`, `local_response_norm(size=3,
/// alpha=0.9, k=1.5)` (its alpha is divided by the size), `relu`, `sigmoid`, `softmax`, `normalize`; FRN and TLU as
/// the formulas of the paper, with autograd.
#[allow(clippy::unreadable_literal)] // As PyTorch prints them.
const CASES: &[Case] = &[
    Case {
        layers: r#"{ kind = "conv2d", filters = 3, kernel = 3 }"#,
        input: (5, 4, 2),
        n_parameters: 61,
        loss: -10.8028,
        outputs: [0.721642, 0.251299, -0.262794, -0.836331, -1.18212, -1.42236],
        gradients: [-4.92438, -2.18966, 4.69436, 5.3396, -0.788596, 1.85807],
    },
    Case {
        layers: r#"{ kind = "conv2d", filters = 3, kernel = 3, stride = 2, padding = "same", bias = false }"#,
        input: (6, 5, 2),
        n_parameters: 58,
        loss: 1.48923,
        outputs: [-0.370704, 0.881794, -1.00687, -2.03743, 1.01309, 0.454735],
        gradients: [0.792569, 3.26782, -2.30646, -1.03333, -1.07368, -1.09324],
    },
    Case {
        layers: r#"{ kind = "max_pool2d" }"#,
        input: (5, 4, 2),
        n_parameters: 4,
        loss: 15.8313,
        outputs: [1.37178, 1.38946, 1.39228, 1.47991, 1.74048, 1.73828],
        gradients: [5.25383, 5.28279, 5.28279, 4.74743, 4.74743, 4.78837],
    },
    Case {
        layers: r#"{ kind = "max_pool2d", size = 3, stride = 2, padding = "same" }"#,
        input: (5, 6, 2),
        n_parameters: 4,
        loss: 6.02439,
        outputs: [1.37178, 1.40714, 1.39495, 1.59336, 1.73588, 1.57023],
        gradients: [1.83938, 2.10002, 2.10002, 1.68596, 1.68596, 1.94438],
    },
    Case {
        layers: r#"{ kind = "average_pool2d", size = 3, stride = 2, padding = "same" }"#,
        input: (5, 6, 2),
        n_parameters: 4,
        loss: -2.26317,
        outputs: [
            -0.124682, -0.0379504, 0.18397, 0.243008, -0.0564676, -0.154792,
        ],
        gradients: [
            -0.782498, -0.894414, -0.894414, -0.553604, -0.553604, -0.68133,
        ],
    },
    Case {
        layers: r#"{ kind = "flatten" }, { kind = "dense", units = 4 }"#,
        input: (2, 3, 2),
        n_parameters: 56,
        loss: 9.0902,
        outputs: [2.15324, 1.46655, 0.397541, 0.795598, 0.344831, 0.207084],
        gradients: [
            -0.736191, -0.647214, -0.566136, -0.433022, 0.345143, 2.18743,
        ],
    },
    Case {
        layers: r#"{ kind = "batch_norm" }"#,
        input: (3, 3, 2),
        n_parameters: 8,
        loss: -6.22321,
        outputs: [1.67625, -0.382747, -0.152399, 0.93152, 0.160751, -0.882008],
        gradients: [0.250108, 0.175316, -0.136112, -4.5265, 2.2323, 2.60518],
    },
    Case {
        layers: r#"{ kind = "batch_norm" }"#,
        input: (1, 1, 5),
        n_parameters: 35,
        loss: -2.49356,
        outputs: [-1.25037, -0.41111, -1.06892, -1.02325, 1.30069, 0.564169],
        gradients: [
            0.00567084,
            -0.025892,
            0.0193021,
            -0.00634786,
            0.489267,
            0.0373717,
        ],
    },
    Case {
        layers: r#"{ kind = "frn" }"#,
        input: (3, 3, 2),
        n_parameters: 8,
        loss: -3.65847,
        outputs: [1.60384, -0.379329, -0.240229, 0.9247, 0.156958, -0.814286],
        gradients: [0.404083, 0.26672, -0.204018, -2.86642, 2.2323, 2.60518],
    },
    Case {
        layers: r#"{ kind = "frn" }, { kind = "tlu" }"#,
        input: (3, 3, 2),
        n_parameters: 10,
        loss: -3.60219,
        outputs: [1.60384, -0.313054, -0.240229, 0.9247, 0.156958, -0.635308],
        gradients: [
            -0.0416644, 0.0211209, -0.764896, -2.46872, 1.81597, 0.789213,
        ],
    },
    Case {
        layers: r#"{ kind = "lrn", size = 3, alpha = 0.3, bias = 1.5 }"#,
        input: (2, 2, 5),
        n_parameters: 25,
        loss: -1.27652,
        outputs: [
            0.474505, -0.510943, 0.528541, -0.113345, 0.0166081, 0.0819856,
        ],
        gradients: [
            -0.163276, -0.162351, -0.152875, -0.422628, -0.401997, -0.360194,
        ],
    },
    Case {
        layers: r#"{ kind = "relu" }"#,
        input: (2, 2, 3),
        n_parameters: 9,
        loss: -0.195162,
        outputs: [1.76905, 1.68554, 0.66701, 0.0, 0.0, 0.0],
        gradients: [
            -0.024108, 0.268842, -0.257483, -0.0710264, -0.477298, -0.407154,
        ],
    },
    Case {
        layers: r#"{ kind = "sigmoid" }"#,
        input: (2, 2, 3),
        n_parameters: 9,
        loss: 0.897826,
        outputs: [0.85434, 0.843636, 0.660833, 0.213218, 0.231089, 0.393689],
        gradients: [
            -0.0324558, 0.0185294, -0.103887, -0.0867298, -0.169847, -0.187421,
        ],
    },
    Case {
        layers: r#"{ kind = "softmax" }"#,
        input: (1, 1, 6),
        n_parameters: 36,
        loss: 0.140501,
        outputs: [0.16218, 0.190583, 0.131084, 0.111535, 0.214257, 0.1501],
        gradients: [
            -0.0437596, -0.0266182, -0.006758, 0.00971511, 0.0176336, 0.0161078,
        ],
    },
    Case {
        layers: r#"{ kind = "l2_normalise" }"#,
        input: (1, 1, 6),
        n_parameters: 36,
        loss: 0.415718,
        outputs: [
            0.371687, -0.184386, -0.272185, 0.041699, -0.141068, 0.276192,
        ],
        gradients: [-0.267554, 0.511514, 1.23934, 1.68266, 1.69451, 1.26453],
    },
];

fn wave(n: usize, step: f64, start: f64) -> Vec<f32> {
    (0..n)
        .map(|i| (step * i as f64 + start).sin() as f32)
        .collect()
}

impl Case {
    fn plan(&self) -> Plan {
        let (height, width, channels) = self.input;
        let first = if height * width > 1 {
            format!(r#"kind = "conv2d", kernel = 1, filters = {channels}, bias = false"#)
        } else {
            format!(r#"kind = "dense", units = {channels}, bias = false"#)
        };
        // Pictures are no end of a network: flatten them, which changes nothing here.
        let text = format!(
            "name = \"case\"\nscale = 1\ninput = {{ height = {height}, width = {width}, channels = {channels} }}\n\
             layers = [{{ {first} }}, {}, {{ kind = \"flatten\" }}]",
            self.layers
        );
        Architecture::parse(&text).unwrap().build(2).unwrap()
    }

    /// The loss, the outputs and the gradients.
    fn run(plan: &Plan, parameters: &[f32]) -> (f64, Vec<f32>, Vec<f64>) {
        let size = plan.input.size();
        let values = wave(N * size, 0.23, 0.1 + std::f64::consts::FRAC_PI_2);
        let n_out = plan.n_outputs();
        let weights = wave(N * n_out, 0.11, 0.2);
        let mut engine = Engine::new(plan, N, true);
        let mut statistics = vec![0.0; plan.n_statistics()];
        let load = |place: usize, sample: &mut [f32], _: &mut Vec<f32>| {
            sample.copy_from_slice(&values[place * size..(place + 1) * size]);
            Ok(())
        };
        engine
            .forward(parameters, Statistics::Follow(&mut statistics), N, 7, &load)
            .unwrap();
        let (mut loss, mut outputs) = (0.0, Vec::new());
        for place in 0..N {
            let weights = &weights[place * n_out..(place + 1) * n_out];
            let (output, gradient) = engine.gradient_at(place, plan.layers.len());
            gradient.copy_from_slice(weights);
            for (value, weight) in output.iter().zip(weights) {
                loss += f64::from(*value) * f64::from(*weight);
            }
            outputs.extend_from_slice(output);
        }
        engine.backward(parameters, plan.layers.len());
        let mut sum = vec![0.0; plan.n_parameters()];
        for gradient in engine.gradients() {
            for (sum, g) in sum.iter_mut().zip(gradient) {
                *sum += f64::from(*g);
            }
        }
        (loss, outputs, sum)
    }
}

/// Six values, evenly spread.
fn six<T: Copy>(values: &[T]) -> [T; 6] {
    let last = (values.len() - 1) as f64;
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0].map(|i| values[(last * i / 5.0).round_ties_even() as usize])
}

fn assert_near(what: &str, case: &Case, found: f64, expected: f64, tolerance: f64) {
    let difference = (found - expected).abs();
    assert!(
        difference <= tolerance * (1.0 + expected.abs()),
        "{what} of {}: {found}, expected {expected}",
        case.layers
    );
}

#[test]
fn layers_give_the_values_of_pytorch() {
    for case in CASES {
        let plan = case.plan();
        assert_eq!(plan.n_parameters(), case.n_parameters, "{}", case.layers);
        let parameters = wave(plan.n_parameters(), 0.37, 0.5);
        let (loss, outputs, gradients) = Case::run(&plan, &parameters);
        assert_near("loss", case, loss, case.loss, 2e-5);
        for (found, expected) in six(&outputs).into_iter().zip(case.outputs) {
            assert_near("output", case, f64::from(found), expected, 1e-5);
        }
        for (found, expected) in six(&gradients).into_iter().zip(case.gradients) {
            assert_near("gradient", case, found, expected, 1e-4);
        }
    }
}

#[test]
fn gradients_are_what_differences_say() {
    // Small enough that hardly a value crosses a kink (the largest of a window, a threshold), large enough that
    // what f32 rounds, about 1e-6 of the loss, does not matter.
    const STEP: f32 = 5e-4;
    let dropout = Case {
        layers: r#"{ kind = "dropout", rate = 0.4 }"#,
        ..CASES[0]
    };
    for case in CASES.iter().chain([&dropout]) {
        let plan = case.plan();
        let parameters = wave(plan.n_parameters(), 0.37, 0.5);
        let (_, _, gradients) = Case::run(&plan, &parameters);
        let largest = gradients.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        for i in 0..parameters.len() {
            let loss_at = |step: f32| {
                let mut parameters = parameters.clone();
                parameters[i] += step;
                Case::run(&plan, &parameters).0
            };
            let slope = (loss_at(STEP) - loss_at(-STEP)) / f64::from(2.0 * STEP);
            assert!(
                (slope - gradients[i]).abs() < 5e-3 * (1.0 + largest),
                "parameter {i} of {}: {}, by differences {slope}",
                case.layers,
                gradients[i]
            );
        }
    }
}

#[test]
fn dropout_keeps_the_mean_and_only_drops_in_training() {
    let text = r#"name = "d"
        scale = 1
        input = { height = 1, width = 1, channels = 2000 }
        layers = [{ kind = "dropout", rate = 0.25 }]"#;
    let plan = Architecture::parse(text).unwrap().build(2).unwrap();
    let run = |statistics: Statistics, seed| {
        let mut engine = Engine::new(&plan, 1, true);
        let load = |_: usize, sample: &mut [f32], _: &mut Vec<f32>| {
            sample.fill(3.0);
            Ok(())
        };
        engine.forward(&[], statistics, 1, seed, &load).unwrap();
        engine.output(0).to_vec()
    };
    assert!(run(Statistics::Use(&[]), 1).iter().all(|v| *v == 3.0));
    let dropped = run(Statistics::Follow(&mut []), 1);
    let n_zero = dropped.iter().filter(|v| **v == 0.0).count();
    assert!((440..560).contains(&n_zero), "{n_zero}");
    assert!(dropped.iter().all(|v| *v == 0.0 || *v == 4.0));
    assert_eq!(dropped, run(Statistics::Follow(&mut []), 1));
    assert_ne!(dropped, run(Statistics::Follow(&mut []), 2));
}
