//! Cutting a picture into a grid of parts: before and after side by side, sheets of portraits.

use crate::image::{Image, ImageError, Region};

/// Columns or rows at most: more parts are a mistake rather than a wish.
pub const MOST: u32 = 100;

/// In which order parts are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PartOrder {
    /// Along the first row, then the second, as one reads.
    #[default]
    ByRow,
    /// Down the first column, then the second.
    ByColumn,
}

/// How a picture is cut. Columns and rows are from 1 to [`MOST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Parts beside each other.
    pub columns: u32,
    /// Parts below each other.
    pub rows: u32,
    /// In which order they come.
    pub order: PartOrder,
    /// Whether all parts have one size. Pixels that are too many then belong to no part: the middle
    /// column of an odd width, if there are two columns. Otherwise every pixel belongs to a part, and
    /// some parts are a pixel larger: of two the right one.
    pub is_equal: bool,
}

impl Default for Grid {
    /// Left and right halves, every pixel in one of them.
    fn default() -> Self {
        Self {
            columns: 2,
            rows: 1,
            order: PartOrder::ByRow,
            is_equal: false,
        }
    }
}

impl Grid {
    /// How many parts there are.
    pub fn n_parts(&self) -> u32 {
        self.columns.saturating_mul(self.rows)
    }

    /// The parts of a picture of this size, in order.
    ///
    /// # Errors
    /// [`SplitError::Grid`] for a grid out of bounds, [`SplitError::TooSmall`] for a picture with fewer
    /// pixels along a side than parts.
    pub fn regions(&self, width: u32, height: u32) -> Result<Vec<Region>, SplitError> {
        let &Self { columns, rows, .. } = self;
        if !(1..=MOST).contains(&columns) || !(1..=MOST).contains(&rows) {
            return Err(SplitError::Grid { columns, rows });
        }
        if width < columns || height < rows {
            return Err(SplitError::TooSmall {
                columns,
                rows,
                width,
                height,
            });
        }
        let across = self.spans(width, columns);
        let down = self.spans(height, rows);
        let region = |(left, width): (u32, u32), (top, height): (u32, u32)| Region {
            left,
            top,
            width,
            height,
        };
        Ok(match self.order {
            PartOrder::ByRow => {
                let parts = down
                    .iter()
                    .flat_map(|d| across.iter().map(|a| region(*a, *d)));
                parts.collect()
            }
            PartOrder::ByColumn => {
                let parts = across
                    .iter()
                    .flat_map(|a| down.iter().map(|d| region(*a, *d)));
                parts.collect()
            }
        })
    }

    /// The parts of `image`, in order.
    ///
    /// # Errors
    /// As [`Self::regions`].
    ///
    /// # Examples
    /// ```
    /// use prosopon::Image;
    /// use prosopon::split::Grid;
    ///
    /// let parts = Grid::default().split(&Image::filled(5, 4, [9; 3]))?;
    /// let widths: Vec<u32> = parts.iter().map(Image::width).collect();
    /// assert_eq!(widths, [2, 3]);
    /// # Ok::<(), prosopon::split::SplitError>(())
    /// ```
    pub fn split(&self, image: &Image) -> Result<Vec<Image>, SplitError> {
        let regions = self.regions(image.width(), image.height())?;
        let parts = regions.into_iter().map(|region| image.cropped(region));
        Ok(parts.collect::<Result<_, _>>()?)
    }

    /// Columns and rows of pixels that belong to no part of a picture of this size.
    pub fn left_out(&self, width: u32, height: u32) -> (u32, u32) {
        let too_many = |side: u32, n: u32| if self.is_equal { side % n.max(1) } else { 0 };
        (too_many(width, self.columns), too_many(height, self.rows))
    }

    /// Start and length of each of `n` parts of a side.
    fn spans(&self, side: u32, n: u32) -> Vec<(u32, u32)> {
        let cut = |i: u32| (u64::from(side) * u64::from(i) / u64::from(n)) as u32;
        let span = |i: u32| {
            let (start, end) = (cut(i), cut(i + 1));
            // What is too many lies before the part, so that the outer borders stay.
            let len = if self.is_equal { side / n } else { end - start };
            (end - len, len)
        };
        (0..n).map(span).collect()
    }
}

/// Why a picture could not be split.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// The grid is out of bounds.
    #[error("expected from 1 to {MOST} columns and rows, found {columns} × {rows}")]
    Grid {
        /// Parts beside each other.
        columns: u32,
        /// Parts below each other.
        rows: u32,
    },
    /// There are more parts than pixels.
    #[error("expected at least {columns} × {rows} pixels, found {width} × {height}")]
    TooSmall {
        /// Parts beside each other.
        columns: u32,
        /// Parts below each other.
        rows: u32,
        /// Width of the picture.
        width: u32,
        /// Height of the picture.
        height: u32,
    },
    /// A part could not be cut out.
    #[error(transparent)]
    Image(#[from] ImageError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(width: u32, height: u32) -> Image {
        let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, 0]));
        Image::from_rgb(width, height, pixels.collect()).unwrap()
    }

    fn grid(columns: u32, rows: u32) -> Grid {
        Grid {
            columns,
            rows,
            ..Grid::default()
        }
    }

    #[test]
    fn every_pixel_is_in_exactly_one_part() {
        for (width, height) in [(7, 5), (100, 60), (13, 13), (6, 3)] {
            for (columns, rows) in [(1, 1), (2, 1), (3, 2), (5, 3)] {
                for order in [PartOrder::ByRow, PartOrder::ByColumn] {
                    let grid = Grid {
                        order,
                        ..grid(columns, rows)
                    };
                    let mut seen = vec![0; (width * height) as usize];
                    let regions = grid.regions(width, height).unwrap();
                    assert_eq!(regions.len() as u32, grid.n_parts());
                    for part in regions {
                        for y in part.top..part.top + part.height {
                            for x in part.left..part.left + part.width {
                                seen[(y * width + x) as usize] += 1;
                            }
                        }
                    }
                    assert!(seen.iter().all(|n| *n == 1), "{grid:?} {width} × {height}");
                    assert_eq!(grid.left_out(width, height), (0, 0));
                }
            }
        }
    }

    #[test]
    fn equal_parts_leave_out_the_middle_column() {
        let equal = Grid {
            is_equal: true,
            ..Grid::default()
        };
        let parts = equal.split(&numbered(5, 2)).unwrap();
        let columns = |part: &Image| -> Vec<u8> {
            let row = &part.pixels()[..part.width() as usize * 3];
            row.as_chunks::<3>().0.iter().map(|p| p[0]).collect()
        };
        assert_eq!(columns(&parts[0]), [0, 1]);
        assert_eq!(columns(&parts[1]), [3, 4]);
        assert_eq!(equal.left_out(5, 2), (1, 0));
        // Without, it belongs to the right half.
        let parts = Grid::default().split(&numbered(5, 2)).unwrap();
        assert_eq!(columns(&parts[0]), [0, 1]);
        assert_eq!(columns(&parts[1]), [2, 3, 4]);
    }

    #[test]
    fn parts_come_by_row_or_by_column() {
        let corners = |order| -> Vec<(u32, u32)> {
            let grid = Grid {
                order,
                ..grid(2, 2)
            };
            let regions = grid.regions(4, 4).unwrap();
            regions.iter().map(|r| (r.left, r.top)).collect()
        };
        assert_eq!(corners(PartOrder::ByRow), [(0, 0), (2, 0), (0, 2), (2, 2)]);
        assert_eq!(
            corners(PartOrder::ByColumn),
            [(0, 0), (0, 2), (2, 0), (2, 2)]
        );
    }

    #[test]
    fn what_cannot_be_split_is_an_error() {
        assert!(matches!(
            grid(0, 1).regions(9, 9),
            Err(SplitError::Grid { .. })
        ));
        assert!(matches!(
            grid(101, 1).regions(900, 9),
            Err(SplitError::Grid { .. })
        ));
        let error = grid(3, 1).regions(2, 9).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected at least 3 × 1 pixels, found 2 × 9"
        );
    }
}
