//! Embeddings in the plane: principal components, t-SNE.

use bhtsne::{Neighbor, tSNE};
use nalgebra::{DMatrix, SymmetricEigen};
use rayon::prelude::*;

use crate::embed::Embedding;

/// Fewer points have no neighbourhoods to keep.
const LEAST_POINTS: usize = 8;
/// Neighbours that count, as van der Maaten and Hinton (2008) advise; less for few points.
const PERPLEXITY: f32 = 30.0;
/// Accuracy of the forces between distant points (van der Maaten 2014).
const THETA: f32 = 0.5;
const EPOCHS: usize = 1000;
/// Spread of the starting points: so small that forces, not places, decide.
const START: f32 = 1e-4;

/// A point for each embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    /// In the order of the embeddings.
    pub points: Vec<[f32; 2]>,
}

/// The first two principal components, and the share of the variance that each explains.
///
/// The sign of each is such that its largest value is positive, so that every run gives the same.
/// Fewer than two embeddings lie at the origin.
pub fn principal_components(embeddings: &[Embedding]) -> (Projection, [f64; 2]) {
    let n = embeddings.len();
    let dim = embeddings.first().map_or(0, Embedding::dim);
    let origin = Projection {
        points: vec![[0.0; 2]; n],
    };
    if n < 2 || embeddings.iter().any(|e| e.dim() != dim) {
        return (origin, [0.0; 2]);
    }
    let values = embeddings.iter().flat_map(Embedding::values);
    let mut rows = DMatrix::from_row_iterator(n, dim, values.map(|v| f64::from(*v)));
    let mean = rows.row_mean();
    for mut row in rows.row_iter_mut() {
        row -= &mean;
    }
    // The smaller of both matrices has the same eigenvalues.
    let of_faces = n <= dim;
    let square = if of_faces {
        &rows * rows.transpose()
    } else {
        rows.transpose() * &rows
    };
    let total = square.trace();
    let eigen = SymmetricEigen::new(square);
    let mut order: Vec<usize> = (0..eigen.eigenvalues.len()).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let mut points = origin.points;
    let mut explained = [0.0; 2];
    for (axis, &k) in order.iter().take(2).enumerate() {
        let value = eigen.eigenvalues[k].max(0.0);
        let vector = eigen.eigenvectors.column(k);
        let places = if of_faces {
            vector * value.sqrt()
        } else {
            &rows * vector
        };
        let sign = if places.amax() == places.max() {
            1.0
        } else {
            -1.0
        };
        for (point, place) in points.iter_mut().zip(places.iter()) {
            point[axis] = (sign * place) as f32;
        }
        explained[axis] = if total > 0.0 { value / total } else { 0.0 };
    }
    (Projection { points }, explained)
}

/// Places in which neighbours stay neighbours: t-SNE by the Barnes–Hut algorithm, started from
/// `start`, so that every run gives the same. None for fewer than 8 embeddings.
///
/// Time grows with the square of the number of embeddings.
pub fn neighbourhoods(embeddings: &[Embedding], start: &Projection) -> Option<Projection> {
    let n = embeddings.len();
    if n < LEAST_POINTS || start.points.len() != n {
        return None;
    }
    let perplexity = PERPLEXITY.min((n - 1) as f32 / 3.0);
    let n_neighbours = ((3.0 * perplexity) as usize).min(n - 1);
    let neighbours: Vec<Vec<Neighbor<f32>>> = (0..n)
        .into_par_iter()
        .map(|i| nearest(embeddings, i, n_neighbours))
        .collect();
    let widest = start
        .points
        .iter()
        .flatten()
        .fold(0.0f32, |w, v| w.max(v.abs()));
    let scale = START / widest.max(f32::MIN_POSITIVE);
    let start: Vec<f32> = start.points.iter().flatten().map(|v| v * scale).collect();
    let places: Vec<usize> = (0..n).collect();
    let points = tSNE::<f32, usize, 2>::new(&places)
        .perplexity(perplexity)
        .epochs(EPOCHS)
        .initial_embedding(start)
        .barnes_hut_with_neighbors(THETA, &neighbours)
        .embedding();
    let (points, _) = points.as_chunks::<2>();
    let is_sound = points.len() == n && points.iter().flatten().all(|v| v.is_finite());
    is_sound.then(|| Projection {
        points: points.to_vec(),
    })
}

/// The `k` nearest others by Euclidean distance, nearest first.
fn nearest(embeddings: &[Embedding], i: usize, k: usize) -> Vec<Neighbor<f32>> {
    let distance = |j: usize| {
        let pairs = embeddings[i].values().iter().zip(embeddings[j].values());
        pairs.map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
    };
    let others = (0..embeddings.len()).filter(|&j| j != i);
    let mut all: Vec<Neighbor<f32>> = others
        .map(|index| Neighbor {
            index,
            distance: distance(index),
        })
        .collect();
    all.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    all.truncate(k);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::ModelId;

    /// Three groups of ten in eight dimensions.
    fn groups() -> Vec<Embedding> {
        (0..30)
            .map(|i| {
                let mut values = [0.0f32; 8];
                values[i % 3] = 1.0;
                values[3 + i % 5] = 0.05 + i as f32 * 0.003;
                Embedding::from_values(ModelId::new("m"), values.to_vec()).unwrap()
            })
            .collect()
    }

    /// Mean distance of points of one group, and of different groups.
    fn distances(projection: &Projection) -> (f32, f32) {
        let mut sums = [(0.0, 0.0f32); 2];
        for (i, a) in projection.points.iter().enumerate() {
            for (j, b) in projection.points[..i].iter().enumerate() {
                let sum = &mut sums[usize::from(i % 3 != j % 3)];
                sum.0 += (a[0] - b[0]).hypot(a[1] - b[1]);
                sum.1 += 1.0;
            }
        }
        let [within, between] = sums.map(|(sum, n)| sum / n);
        (within, between)
    }

    #[test]
    fn groups_stay_apart_in_both() {
        let embeddings = groups();
        let (plane, explained) = principal_components(&embeddings);
        let (within, between) = distances(&plane);
        assert!(between > 4.0 * within, "{within} {between}");
        assert!(explained[0] >= explained[1] && explained[0] + explained[1] > 0.8);
        let places = neighbourhoods(&embeddings, &plane).unwrap();
        let (within, between) = distances(&places);
        assert!(between > 2.0 * within, "{within} {between}");
        assert_eq!(neighbourhoods(&embeddings, &plane).unwrap(), places);
    }

    #[test]
    fn both_matrices_give_the_same_components() {
        let embeddings = groups();
        let (by_dim, _) = principal_components(&embeddings);
        let (by_faces, _) = principal_components(&embeddings[..8]);
        assert_eq!((by_dim.points.len(), by_faces.points.len()), (30, 8));
        // A line: all variance lies on the first axis.
        let line: Vec<Embedding> = (0..5)
            .map(|i| Embedding::from_values(ModelId::new("m"), vec![1.0, 0.01 * i as f32]).unwrap())
            .collect();
        let (points, explained) = principal_components(&line);
        assert!(explained[0] > 0.99);
        assert!(points.points.iter().all(|p| p[1].abs() < 1e-3));
    }

    #[test]
    fn few_embeddings_are_no_error() {
        let embeddings = groups();
        for n in 0..LEAST_POINTS {
            let (plane, _) = principal_components(&embeddings[..n]);
            assert_eq!(plane.points.len(), n);
            assert_eq!(neighbourhoods(&embeddings[..n], &plane), None);
        }
    }
}
