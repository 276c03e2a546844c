//! A network as a table: layers, shapes, parameters.

use std::fmt;

use serde::Serialize;

use super::architecture::{Architecture, ArchitectureError};

/// The table that Keras prints as `model.summary()`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The network's name.
    pub name: String,
    /// One row for each layer.
    pub rows: Vec<SummaryRow>,
    /// Numbers that are learnt.
    pub n_trainable: usize,
    /// Running means and variances.
    pub n_other: usize,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SummaryRow {
    /// Kind and number: `conv2d_1`.
    pub name: String,
    /// Keras's name of the kind.
    pub kind: String,
    /// Shape of the output, the batch as `None`.
    pub output: String,
    /// Numbers that it has.
    pub n_parameters: usize,
}

impl Summary {
    pub(super) fn new(
        architecture: &Architecture,
        n_classes: usize,
    ) -> Result<Self, ArchitectureError> {
        let plan = architecture.plan(n_classes)?;
        let mut rows: Vec<SummaryRow> = Vec::new();
        let mut start = 0;
        for (spec, end) in architecture.layers.iter().zip(&plan.ends) {
            let before = rows
                .iter()
                .filter(|row| row.kind == keras_name(spec.kind()));
            let name = match before.count() {
                0 => spec.kind().to_owned(),
                n => format!("{}_{n}", spec.kind()),
            };
            let layers = start..*end;
            rows.push(SummaryRow {
                name,
                kind: keras_name(spec.kind()).to_owned(),
                output: plan.layers[*end - 1].output().to_string(),
                n_parameters: layers
                    .map(|i| plan.layers[i].n_parameters() + plan.n_statistics_of(i))
                    .sum(),
            });
            start = *end;
        }
        Ok(Self {
            name: architecture.name.clone(),
            rows,
            n_trainable: plan.n_parameters(),
            n_other: plan.n_statistics(),
        })
    }

    /// All numbers.
    pub fn n_parameters(&self) -> usize {
        self.n_trainable + self.n_other
    }
}

fn keras_name(kind: &str) -> &str {
    match kind {
        "conv2d" => "Conv2D",
        "max_pool2d" => "MaxPooling2D",
        "average_pool2d" => "AveragePooling2D",
        "flatten" => "Flatten",
        "dense" => "Dense",
        "dropout" => "Dropout",
        "relu" => "ReLU",
        "sigmoid" => "Sigmoid",
        "softmax" => "Softmax",
        "batch_norm" => "BatchNormalization",
        "frn" => "FilterResponseNorm",
        "tlu" => "TLU",
        "lrn" => "LocalResponseNorm",
        "l2_normalise" => "UnitNormalization",
        other => other,
    }
}

/// `1234567` as `1,234,567`.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes of f32 numbers in the unit that reads best.
fn size_of(n: usize) -> String {
    let bytes = 4.0 * n as f64;
    match bytes {
        b if b < 1024.0 => format!("{b:.2} B"),
        b if b < 1024.0 * 1024.0 => format!("{:.2} KB", b / 1024.0),
        b => format!("{:.2} MB", b / 1024.0 / 1024.0),
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["Layer (type)", "Output Shape", "Param #"].map(str::to_owned);
        let cells: Vec<[String; 3]> = self
            .rows
            .iter()
            .map(|row| {
                let name = format!("{} ({})", row.name, row.kind);
                [name, row.output.clone(), grouped(row.n_parameters)]
            })
            .collect();
        let width = |column: usize| {
            let all = cells.iter().chain([&head]);
            all.map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths = [width(0), width(1), width(2)];
        let border = |f: &mut fmt::Formatter<'_>, [left, middle, right]: [char; 3]| {
            let parts = widths.map(|width| "─".repeat(width + 2));
            writeln!(f, "{left}{}{right}", parts.join(&middle.to_string()))
        };
        let [a, b, c] = widths;
        writeln!(f, "Model: \"{}\"", self.name)?;
        border(f, ['┌', '┬', '┐'])?;
        writeln!(f, "│ {:a$} │ {:b$} │ {:>c$} │", head[0], head[1], head[2])?;
        for [name, shape, n] in &cells {
            border(f, ['├', '┼', '┤'])?;
            writeln!(f, "│ {name:a$} │ {shape:b$} │ {n:>c$} │")?;
        }
        border(f, ['└', '┴', '┘'])?;
        let line = |n: usize| format!("{} ({})", grouped(n), size_of(n));
        writeln!(f, "Total params: {}", line(self.n_parameters()))?;
        writeln!(f, "Trainable params: {}", line(self.n_trainable))?;
        write!(f, "Non-trainable params: {}", line(self.n_other))
    }
}
