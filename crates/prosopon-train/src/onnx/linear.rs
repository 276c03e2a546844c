//! Classifiers that are one matrix: standard scaling, projections and logistic regression put together.

use super::graph::{Attribute, Graph};

/// `softmax(W x + b)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// Values of a sample.
    pub n_features: usize,
    /// W, a row of `n_features` for each class.
    pub weights: Vec<f64>,
    /// b, one for each class.
    pub intercepts: Vec<f64>,
}

impl Linear {
    /// The same classifier for samples that are not scaled yet: `(x − mean) / scale` goes into the matrix.
    ///
    /// `mean` and `scale` have a value for each feature.
    #[must_use]
    pub fn behind_scaling(mut self, mean: &[f64], scale: &[f64]) -> Self {
        for (row, intercept) in self
            .weights
            .chunks_exact_mut(self.n_features.max(1))
            .zip(&mut self.intercepts)
        {
            for ((weight, mean), scale) in row.iter_mut().zip(mean).zip(scale) {
                *weight /= scale;
                *intercept -= *weight * mean;
            }
        }
        self
    }
}

/// The ONNX file of a linear classifier; `None` if numbers are missing.
///
/// `input` is `[batch, features]`.
pub fn linear(linear: &Linear, name: &str, classes: &[String]) -> Option<Vec<u8>> {
    let n_classes = linear.intercepts.len();
    if linear.weights.len() != n_classes * linear.n_features || n_classes == 0 {
        return None;
    }
    let mut graph = Graph::default();
    let weights: Vec<f32> = linear.weights.iter().map(|w| *w as f32).collect();
    let intercepts: Vec<f32> = linear.intercepts.iter().map(|b| *b as f32).collect();
    let weights = graph.floats(&[n_classes, linear.n_features], &weights);
    let intercepts = graph.floats(&[n_classes], &intercepts);
    let input = "input".to_owned();
    let transposed = [("transB", Attribute::Int(1))];
    let logits = graph.node("Gemm", &[&input, &weights, &intercepts], &transposed);
    let last = graph.node("Softmax", &[&logits], &[("axis", Attribute::Int(1))]);
    Some(graph.into_bytes(
        name,
        ("input", &[linear.n_features]),
        ("probabilities", &[n_classes]),
        &last,
        &[("classes", &classes.join("\n"))],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_goes_into_the_matrix() {
        let plain = Linear {
            n_features: 2,
            weights: vec![1.0, -2.0, 0.5, 3.0],
            intercepts: vec![0.1, -0.2],
        };
        let (mean, scale) = ([3.0, -1.0], [2.0, 0.5]);
        let whole = plain.clone().behind_scaling(&mean, &scale);
        let x = [0.7, 4.0];
        for class in 0..2 {
            let (mut expected, mut found) = (plain.intercepts[class], whole.intercepts[class]);
            for i in 0..2 {
                expected += plain.weights[2 * class + i] * (x[i] - mean[i]) / scale[i];
                found += whole.weights[2 * class + i] * x[i];
            }
            assert!((expected - found).abs() < 1e-12);
        }
    }

    #[test]
    fn missing_numbers_give_no_file() {
        let linear_head = Linear {
            n_features: 3,
            weights: vec![0.0; 5],
            intercepts: vec![0.0; 2],
        };
        assert_eq!(linear(&linear_head, "x", &[]), None);
    }
}
