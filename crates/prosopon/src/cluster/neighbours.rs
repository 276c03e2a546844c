//! All pairs of vectors at or above a similarity, without a matrix of all pairs.
//!
//! Rows are multiplied block by block. The products of a block are looked at while they are in the
//! cache; what is below the limit is forgotten at once.

use std::cmp::Ordering;
use std::sync::atomic::{AtomicUsize, Ordering as Memory};
use std::sync::{Mutex, PoisonError};

use nalgebra::{DMatrix, DMatrixView};
use rayon::prelude::*;

use super::units::{Rows, dot};

/// Rows in a block. Two blocks of 512 values and their products take 1.3 MB, so that a core's
/// second-level cache holds most of it; smaller ones spend more time on packing.
const BLOCK: usize = 256;

/// Blocks with as few rows or values are multiplied plainly: for such small ones the library leaves its
/// blocked product for one that reads past the end of rows that do not lie side by side.
const SMALL: usize = 5;

/// Two vectors and their dot product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    pub(super) similarity: f32,
    /// Row of the one, smaller than `b`.
    pub(super) a: u32,
    /// Row of the other.
    pub(super) b: u32,
}

/// What was found.
pub(super) struct Neighbours {
    /// Each pair once, in order of `a` and `b`.
    pub(super) pairs: Vec<Pair>,
    /// Rows that had more neighbours than were to be kept.
    pub(super) crowded: Vec<usize>,
}

/// The pairs of `rows` whose dot product is at least `least` and of which one is among the first
/// `n_fresh`; of each row the `most` best, with those pairs that are among the best of the other row.
///
/// `tell` is called with the share that is done, from 0 to 1.
pub(super) fn neighbours(
    rows: &Rows,
    n_fresh: usize,
    (least, most): (f32, usize),
    tell: &(dyn Fn(f64) + Sync),
) -> Neighbours {
    let n = rows.len();
    let best: Vec<Mutex<Best>> = (0..n).map(|_| Mutex::default()).collect();
    let n_blocks = n.div_ceil(BLOCK);
    let tiles: Vec<(usize, usize)> = (0..n_fresh.div_ceil(BLOCK))
        .flat_map(|a| (a..n_blocks).map(move |b| (a, b)))
        .collect();
    let keep = |row: usize, similarity: f32, other: usize| {
        let mut best = best[row].lock().unwrap_or_else(PoisonError::into_inner);
        best.push(similarity, other as u32, most);
    };
    let n_done = AtomicUsize::new(0);
    tiles
        .par_iter()
        .for_each_init(Vec::new, |products, &(a, b)| {
            let (a, b) = (a * BLOCK, b * BLOCK);
            multiply(rows, a, b, products);
            let height = BLOCK.min(n - a);
            for (column, products) in products.chunks_exact(height).enumerate() {
                let other = b + column;
                for (i, &similarity) in products.iter().enumerate() {
                    if similarity >= least && a + i < other && a + i < n_fresh {
                        keep(a + i, similarity, other);
                        keep(other, similarity, a + i);
                    }
                }
            }
            let done = n_done.fetch_add(1, Memory::Relaxed) + 1;
            tell(done as f64 / tiles.len() as f64);
        });

    let mut pairs = Vec::new();
    let mut crowded = Vec::new();
    for (row, best) in best.into_iter().enumerate() {
        let mut best = best.into_inner().unwrap_or_else(PoisonError::into_inner);
        if best.n_seen > most {
            crowded.push(row);
        }
        best.cut(most);
        let row = row as u32;
        pairs.extend(best.kept.iter().map(|&(similarity, other)| Pair {
            similarity,
            a: row.min(other),
            b: row.max(other),
        }));
    }
    pairs.par_sort_unstable_by_key(|pair| (pair.a, pair.b));
    pairs.dedup_by_key(|pair| (pair.a, pair.b));
    Neighbours { pairs, crowded }
}

/// The products of the block of rows from `a` with the one from `b`: a column for each row of the
/// second block.
fn multiply(rows: &Rows, a: usize, b: usize, products: &mut Vec<f32>) {
    let dim = rows.dim;
    let block = |first: usize| {
        let last = (first + BLOCK).min(rows.len());
        (last - first, &rows.values[first * dim..last * dim])
    };
    let ((height, rows_a), (width, rows_b)) = (block(a), block(b));
    products.clear();
    if height.min(width).min(dim) <= SMALL {
        for other in rows_b.chunks_exact(dim) {
            products.extend(rows_a.chunks_exact(dim).map(|row| dot(row, other)));
        }
        return;
    }
    // Rows one after another: read by columns they are the columns of a matrix, with the two steps
    // exchanged the rows of one.
    let left = DMatrixView::from_slice_with_strides(rows_a, height, dim, dim, 1);
    let right = DMatrixView::from_slice(rows_b, dim, width);
    let mut buffer = std::mem::take(products);
    buffer.resize(height * width, 0.0);
    let mut out = DMatrix::from_vec(height, width, buffer);
    out.gemm(1.0, &left, &right, 0.0);
    *products = out.data.into();
}

/// The best neighbours of a row so far.
#[derive(Default)]
struct Best {
    /// At most twice as many as are to be kept.
    kept: Vec<(f32, u32)>,
    n_seen: usize,
    /// Nothing below can be among the best.
    floor: Option<f32>,
}

impl Best {
    fn push(&mut self, similarity: f32, row: u32, most: usize) {
        self.n_seen += 1;
        if self.floor.is_some_and(|floor| similarity < floor) {
            return;
        }
        self.kept.push((similarity, row));
        if self.kept.len() >= 2 * most {
            self.cut(most);
            self.floor = self.kept.iter().map(|&(s, _)| s).reduce(f32::min);
        }
    }

    /// Leaves the `most` best; of equal ones those that come first, so that the order in which
    /// threads find them does not matter.
    fn cut(&mut self, most: usize) {
        if self.kept.len() > most {
            self.kept
                .select_nth_unstable_by(most, |a, b| by_rank(*a, *b));
            self.kept.truncate(most);
        }
    }
}

fn by_rank(a: (f32, u32), b: (f32, u32)) -> Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}
