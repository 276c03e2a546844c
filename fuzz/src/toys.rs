//! Small genuine things that seeds are made of.

use std::sync::atomic::AtomicBool;

use prosopon::{Embedding, Image, ModelId};
use prosopon_train::nn::{Architecture, FitOptions, Network, fit};
use prosopon_train::rows::Rows;

/// A picture of 12 × 9 pixels in which no two are equal.
pub fn picture() -> Image {
    let pixels = (0..12 * 9 * 3).map(|i: u32| (i * 37 % 251) as u8).collect();
    Image::from_rgb(12, 9, pixels).expect("12 × 9 pixels")
}

/// An embedding of four values.
pub fn embedding(first: f32) -> Embedding {
    Embedding::from_values(ModelId::new("toy@00000000"), vec![first, 0.5, -0.25, 0.75])
        .expect("numbers")
}

/// Eight samples of eight values, of two classes.
pub struct Samples;

/// Their classes.
pub const LABELS: [usize; 8] = [0, 1, 0, 1, 0, 1, 0, 1];

impl Rows for Samples {
    fn len(&self) -> usize {
        LABELS.len()
    }

    fn width(&self) -> usize {
        8
    }

    fn read(&self, index: usize, values: &mut [f32]) -> std::io::Result<()> {
        for (i, value) in values.iter_mut().enumerate() {
            *value = ((index * 31 + i * 17) % 251) as f32;
        }
        Ok(())
    }
}

/// A network that is trained in no time.
pub fn architecture() -> Architecture {
    Architecture::parse(ARCHITECTURE).expect("an architecture")
}

/// One layer of each kind that fits into so small a network.
pub const ARCHITECTURE: &str = r#"name = "toy"
scale = 0.00392156862745098
[input]
width = 4
height = 2
channels = 1
[[layers]]
kind = "conv2d"
filters = 2
kernel = 2
padding = "same"
activation = "relu"
[[layers]]
kind = "batch_norm"
[[layers]]
kind = "flatten"
[[layers]]
kind = "dense"
units = "classes"
[[layers]]
kind = "softmax"
"#;

/// One epoch, on one thread.
pub fn options() -> FitOptions {
    FitOptions {
        epochs: 1,
        batch_size: 4,
        patience: None,
        threads: 1,
        ..FitOptions::default()
    }
}

/// The network, trained.
///
/// # Panics
/// If the toy does not fit together.
pub fn network() -> Network {
    let set: (&dyn Rows, &[usize]) = (&Samples, &LABELS);
    fit(
        &architecture(),
        set,
        (&Nothing, &[]),
        &options(),
        &mut |_| (),
        &AtomicBool::new(false),
    )
    .expect("a network")
    .0
}

/// No samples.
pub struct Nothing;

impl Rows for Nothing {
    fn len(&self) -> usize {
        0
    }

    fn width(&self) -> usize {
        8
    }

    fn read(&self, _: usize, _: &mut [f32]) -> std::io::Result<()> {
        Ok(())
    }
}
