//! The order of the leaves of a tree of clusters.

use super::SimilarityMatrix;

/// Merges the two clusters of highest mean similarity again and again (average linkage), by chains of
/// nearest neighbours (Murtagh 1983), which gives the same tree in n² steps. Each merge joins the
/// ends that are most alike.
pub(super) fn by_average_linkage(matrix: &SimilarityMatrix) -> Vec<usize> {
    let n = matrix.n_faces();
    let mut similarity = matrix.values().to_vec();
    let mut clusters: Vec<Option<Vec<usize>>> = (0..n).map(|i| Some(vec![i])).collect();
    let mut chain: Vec<usize> = Vec::new();
    for _ in 1..n {
        if chain.is_empty() {
            chain.extend(clusters.iter().position(Option::is_some));
        }
        let (a, b) = loop {
            let Some(&last) = chain.last() else {
                return flattened(clusters);
            };
            let before = chain.len().checked_sub(2).map(|i| chain[i]);
            let others = (0..n).filter(|&i| i != last && clusters[i].is_some());
            // On a tie the one before wins, or the chain would never end.
            let nearest = others.fold(before, |best, i| match best {
                Some(best) if similarity[last * n + best] >= similarity[last * n + i] => Some(best),
                _ => Some(i),
            });
            match nearest {
                Some(nearest) if Some(nearest) != before => chain.push(nearest),
                Some(nearest) => break (last, nearest),
                None => return flattened(clusters),
            }
        };
        chain.truncate(chain.len().saturating_sub(2));
        let (Some(first), Some(second)) = (clusters[a].take(), clusters[b].take()) else {
            return flattened(clusters);
        };
        let (size_a, size_b) = (first.len() as f32, second.len() as f32);
        for i in 0..n {
            let mean = (similarity[a * n + i] * size_a + similarity[b * n + i] * size_b)
                / (size_a + size_b);
            similarity[a * n + i] = mean;
            similarity[i * n + a] = mean;
        }
        clusters[a] = Some(joined(matrix, first, second));
    }
    flattened(clusters)
}

/// Both clusters in a row, each turned so that the ends that meet are most alike.
fn joined(matrix: &SimilarityMatrix, mut a: Vec<usize>, mut b: Vec<usize>) -> Vec<usize> {
    let ends = |cluster: &[usize]| (cluster[0], cluster[cluster.len() - 1]);
    let ((a_first, a_last), (b_first, b_last)) = (ends(&a), ends(&b));
    let ways = [
        (matrix.get(a_last, b_first), false, false),
        (matrix.get(a_last, b_last), false, true),
        (matrix.get(a_first, b_first), true, false),
        (matrix.get(a_first, b_last), true, true),
    ];
    let best = ways.into_iter().max_by(|x, y| x.0.total_cmp(&y.0));
    let (_, turn_a, turn_b) = best.unwrap_or((0.0, false, false));
    if turn_a {
        a.reverse();
    }
    if turn_b {
        b.reverse();
    }
    a.extend(b);
    a
}

fn flattened(clusters: Vec<Option<Vec<usize>>>) -> Vec<usize> {
    clusters.into_iter().flatten().flatten().collect()
}
