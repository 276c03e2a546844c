//! Which detection belongs to which track: the assignment of least total cost.
//!
//! Greedy choice, the closest pair first, is nearly as good until two people cross: then the closest pair may leave the
//! other two with nothing. The shortest augmenting path algorithm (Jonker and Volgenant 1987, in the form with dual
//! variables) is fifty lines and takes microseconds for as many faces as a frame holds.

/// The cost of a pair that must not be.
pub(crate) const FORBIDDEN: f64 = 1e6;

/// For each row the column that it gets, so that as many rows as possible get one that is not [`FORBIDDEN`], at the least
/// total cost. `cost` holds the rows one after another, each of `columns` costs in [0, 1000].
pub(crate) fn assign(cost: &[f64], columns: usize) -> Vec<Option<usize>> {
    if columns == 0 || cost.is_empty() {
        return Vec::new();
    }
    let rows = cost.len() / columns;
    // Each row may also stay alone, in a column of its own that costs as much as a forbidden pair.
    let width = columns + rows;
    let at = |row: usize, column: usize| {
        if column < columns {
            cost[row * columns + column].min(FORBIDDEN * 2.0)
        } else if column - columns == row {
            FORBIDDEN
        } else {
            FORBIDDEN * 4.0
        }
    };
    // Index 0 is no row and no column.
    let (mut row_dual, mut column_dual) = (vec![0.0; rows + 1], vec![0.0; width + 1]);
    let mut row_of = vec![0; width + 1];
    let mut before = vec![0; width + 1];
    for row in 1..=rows {
        row_of[0] = row;
        let mut column = 0;
        let mut least = vec![f64::INFINITY; width + 1];
        let mut used = vec![false; width + 1];
        while row_of[column] != 0 {
            used[column] = true;
            let (from, mut step, mut next) = (row_of[column], f64::INFINITY, 0);
            for j in 1..=width {
                if used[j] {
                    continue;
                }
                let reduced = at(from - 1, j - 1) - row_dual[from] - column_dual[j];
                if reduced < least[j] {
                    least[j] = reduced;
                    before[j] = column;
                }
                if least[j] < step {
                    step = least[j];
                    next = j;
                }
            }
            for j in 0..=width {
                if used[j] {
                    row_dual[row_of[j]] += step;
                    column_dual[j] -= step;
                } else {
                    least[j] -= step;
                }
            }
            column = next;
        }
        while column != 0 {
            let previous = before[column];
            row_of[column] = row_of[previous];
            column = previous;
        }
    }
    let mut answer = vec![None; rows];
    for (column, row) in row_of.iter().skip(1).enumerate() {
        if let Some(row) = row.checked_sub(1)
            && at(row, column) < FORBIDDEN
        {
            answer[row] = Some(column);
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every assignment tried: most pairs first, then least cost.
    fn by_trying(cost: &[f64], columns: usize) -> (usize, f64) {
        fn go(cost: &[f64], columns: usize, row: usize, used: &mut Vec<bool>) -> (usize, f64) {
            if row * columns == cost.len() {
                return (0, 0.0);
            }
            let mut best = go(cost, columns, row + 1, used);
            for column in 0..columns {
                let price = cost[row * columns + column];
                if used[column] || price >= FORBIDDEN {
                    continue;
                }
                used[column] = true;
                let (n, total) = go(cost, columns, row + 1, used);
                used[column] = false;
                let found = (n + 1, total + price);
                if found.0 > best.0 || (found.0 == best.0 && found.1 < best.1) {
                    best = found;
                }
            }
            best
        }
        go(cost, columns, 0, &mut vec![false; columns])
    }

    #[test]
    fn it_is_as_good_as_trying_all() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..500 {
            let (rows, columns) = (random.usize(1..6), random.usize(1..6));
            let cost: Vec<f64> = (0..rows * columns)
                .map(|_| {
                    if random.f64() < 0.3 {
                        FORBIDDEN
                    } else {
                        random.f64()
                    }
                })
                .collect();
            let answer = assign(&cost, columns);
            let pairs: Vec<_> = answer
                .iter()
                .enumerate()
                .filter_map(|(row, column)| Some((row, (*column)?)))
                .collect();
            let mut taken: Vec<_> = pairs.iter().map(|p| p.1).collect();
            taken.sort_unstable();
            taken.dedup();
            assert_eq!(taken.len(), pairs.len(), "a column was given twice");
            let total: f64 = pairs
                .iter()
                .map(|(row, column)| cost[row * columns + column])
                .sum();
            let (n, best) = by_trying(&cost, columns);
            assert_eq!(pairs.len(), n);
            assert!((total - best).abs() < 1e-6, "{total} {best}");
        }
    }

    #[test]
    fn nothing_is_assigned_to_nothing() {
        assert!(assign(&[], 0).is_empty());
        assert!(assign(&[], 3).is_empty());
        assert_eq!(assign(&[FORBIDDEN], 1), [None]);
    }

    #[test]
    fn the_closest_pair_does_not_leave_the_others_alone() {
        // Greedy would take (0, 0) for 0.1 and leave row 1 with nothing.
        assert_eq!(assign(&[0.1, 0.2, 0.3, FORBIDDEN], 2), [Some(1), Some(0)]);
    }
}
