//! Searching a picture at given sizes.
//!
//! The picture at one size is cut into strips of rows, which threads take one by one, and strips into
//! tiles, whose integral images stay in the cache. A row of windows is asked all questions of the first
//! stage at once; the few windows that pass go on alone.

use rayon::prelude::*;

use super::super::gray::GrayImage;
use super::super::integral::{IntegralTile, MAX_TILE_WIDTH, STRIDE};
use super::super::linear_exact::Scaled;
use super::scale::Scale;
use super::table::{FirstStage, Question, Reach, Table};
use super::{Cascade, CascadeHit};

/// Rows of pixels at which a strip's windows begin.
const STRIP_ROWS: usize = 128;

/// Windows whose pixels deviate less than this are flat, and refused. In levels, as in `OpenCV`.
const LEAST_DEVIATION: f64 = 10.0;

/// Windows of a strip, and the size that it is at.
struct Strip<'a> {
    scale: &'a Scale,
    scaled: &'a Scaled<'a>,
    /// Rows at which its windows begin; every `step`-th of them.
    top: usize,
    bottom: usize,
}

/// What a thread needs again and again.
#[derive(Default)]
struct Room {
    pixels: Vec<u8>,
    mixed: Vec<u16>,
    tile: IntegralTile,
    row: Row,
}

/// The windows of one row of a tile.
#[derive(Default)]
struct Row {
    /// One over deviation and area; negative if the window is refused.
    norms: Vec<f32>,
    /// Answers to the questions of the first stage, a bit each.
    answers: Vec<u32>,
}

/// The windows that pass all stages: by scale, then row, then column.
pub(super) fn scan(cascade: &Cascade, image: &GrayImage, scales: &[Scale]) -> Vec<CascadeHit> {
    let scaled: Vec<Scaled<'_>> = scales
        .iter()
        .map(|scale| Scaled::new(image, scale.width.max(1), scale.height.max(1)))
        .collect();
    let strips: Vec<Strip<'_>> = scales
        .iter()
        .zip(&scaled)
        .flat_map(|(scale, scaled)| {
            let tops = (0..scale.rows).step_by(STRIP_ROWS);
            tops.map(move |top| Strip {
                scale,
                scaled,
                top,
                bottom: (top + STRIP_ROWS).min(scale.rows),
            })
        })
        .filter(|strip| strip.scale.columns > 0)
        .collect();
    let hits = strips
        .par_iter()
        .with_max_len(1)
        .map_init(Room::default, |room, strip| strip.scan(cascade, room));
    hits.collect::<Vec<_>>().into_iter().flatten().collect()
}

impl Strip<'_> {
    fn scan(&self, cascade: &Cascade, room: &mut Room) -> Vec<CascadeHit> {
        let table = cascade.table(self.scale.step);
        let step = self.scale.step;
        let (window_width, window_height) = (cascade.window.0 as usize, cascade.window.1 as usize);
        let width = self.scaled.width() as usize;
        let n_rows = (self.bottom - self.top).div_ceil(step);
        let pixel_rows = (n_rows - 1) * step + window_height;
        room.pixels.resize(pixel_rows * width, 0);
        self.scaled
            .fill(self.top as u32, &mut room.pixels, &mut room.mixed);

        // Where in each row the next window is: a window that fails at once takes the next one with it,
        // also across the border of tiles.
        let mut starts = vec![0; n_rows];
        let mut windows: Vec<(usize, usize, f64)> = Vec::new();
        let tile_windows = (MAX_TILE_WIDTH - window_width) / step + 1;
        let n_columns = self.scale.columns.div_ceil(step);
        for first in (0..n_columns).step_by(tile_windows) {
            let n = tile_windows.min(n_columns - first);
            let columns = (n - 1) * step + window_width;
            room.tile.fill(
                &room.pixels,
                width,
                (first * step, columns),
                table.order,
                table.has_tilted,
            );
            for (y, start) in starts.iter_mut().enumerate() {
                let top = y * step * STRIDE;
                room.row.measure(table, &room.tile, top, n);
                if let Some(stage) = &table.first {
                    room.row.ask(stage, &room.tile, top, n);
                }
                *start = room.row.walk(table, &room.tile, top, *start, n, |x, sum| {
                    windows.push((y, first + x, sum));
                });
            }
        }
        windows.sort_by_key(|(y, x, _)| (*y, *x));
        let hit =
            |(y, x, level_weight)| self.hit(cascade, (x * step, self.top + y * step), level_weight);
        windows.into_iter().map(hit).collect()
    }

    fn hit(&self, cascade: &Cascade, (x, y): (usize, usize), level_weight: f64) -> CascadeHit {
        let factor = self.scale.factor;
        let scaled = |v: f32| (v * factor).round_ties_even() as u32;
        CascadeHit {
            left: scaled(x as f32),
            top: scaled(y as f32),
            width: scaled(cascade.window.0 as f32),
            height: scaled(cascade.window.1 as f32),
            neighbors: 1,
            reject_level: cascade.n_stages() as u32,
            level_weight,
        }
    }
}

/// The corners from `start` on that a window reaches; none only if the tile were too small.
fn reach(corners: &[u32], start: usize) -> Option<&Reach> {
    corners.get(start..)?.first_chunk()
}

impl Row {
    /// The deviations of the first `n` windows of the row that begins at `top`.
    fn measure(&mut self, table: &Table, tile: &IntegralTile, top: usize, n: usize) {
        let variance = &table.variance;
        let [a, b, c, d] = variance.corners.map(|o| top + usize::from(o));
        self.norms.clear();
        let sums = [a, b, c, d].map(|o| &tile.sums[o..o + n]);
        let squares = [a, b, c, d].map(|o| &tile.squares[o..o + n]);
        let difference = |from: &[&[u32]; 4], i: usize| {
            from[0][i]
                .wrapping_sub(from[1][i])
                .wrapping_sub(from[2][i])
                .wrapping_add(from[3][i])
        };
        self.norms.extend((0..n).map(|i| {
            let sum = f64::from(difference(&sums, i) as i32);
            let square = f64::from(difference(&squares, i));
            let spread = variance.area * square - sum * sum;
            let norm = (1.0 / spread.sqrt()) as f32;
            let is_flat = spread <= 0.0 || variance.area * f64::from(norm) >= 1.0 / LEAST_DEVIATION;
            if is_flat { -1.0 } else { norm }
        }));
    }

    /// Asks the first `n` windows all questions of the first stage.
    fn ask(&mut self, stage: &FirstStage, tile: &IntegralTile, top: usize, n: usize) {
        self.answers.clear();
        self.answers.resize(n, 0);
        for (bit, question) in stage.nodes.iter().enumerate() {
            let corners = if question.tilted {
                &tile.tilted
            } else {
                &tile.sums
            };
            if question.weights[2] == 0.0 {
                ask_two(
                    question,
                    &corners[top..],
                    &self.norms,
                    &mut self.answers,
                    bit,
                );
            } else {
                ask_three(
                    question,
                    &corners[top..],
                    &self.norms,
                    &mut self.answers,
                    bit,
                );
            }
        }
    }

    /// Goes through the windows from `start` on and hands those that pass all stages to `found`. Gives the
    /// place of the next window, counted from the end of this row.
    fn walk(
        &self,
        table: &Table,
        tile: &IntegralTile,
        top: usize,
        start: usize,
        n: usize,
        mut found: impl FnMut(usize, f64),
    ) -> usize {
        let mut x = start;
        while x < n {
            let norm = self.norms[x];
            if norm < 0.0 {
                x += 1;
                continue;
            }
            let mut first = 0;
            if let Some(stage) = &table.first {
                if !stage.passes[self.answers[x] as usize] {
                    x += 2;
                    continue;
                }
                // The last stage is added up in any case.
                first = usize::from(table.n_stages() > 1);
            }
            let sums = reach(&tile.sums, top + x);
            let tilted = if table.has_tilted {
                reach(&tile.tilted, top + x)
            } else {
                sums
            };
            let (Some(sums), Some(tilted)) = (sums, tilted) else {
                x += 1;
                continue;
            };
            match table.last_sum(first, sums, tilted, norm) {
                Ok(sum) => found(x, sum),
                Err(0) => x += 1,
                Err(_) => {}
            }
            x += 1;
        }
        x - n
    }
}

/// Asks windows side by side a question about two rectangles, and sets a bit for yes. In the same
/// arithmetic as [`Question::ask`], so that the answers are the same.
fn ask_two(question: &Question, corners: &[u32], norms: &[f32], answers: &mut [u32], bit: usize) {
    let n = norms.len();
    let [a, b] = [0, 1].map(|i| question.corners[i].map(|o| &corners[usize::from(o)..][..n]));
    let [v, w, _] = question.weights;
    let answers = &mut answers[..n];
    for i in 0..n {
        let value = v * sum_at(a, i) + w * sum_at(b, i);
        answers[i] |= u32::from(value * norms[i] < question.threshold) << bit;
    }
}

/// The same for three rectangles.
fn ask_three(question: &Question, corners: &[u32], norms: &[f32], answers: &mut [u32], bit: usize) {
    let n = norms.len();
    let [a, b, c] = [0, 1, 2].map(|i| question.corners[i].map(|o| &corners[usize::from(o)..][..n]));
    let [u, v, w] = question.weights;
    let answers = &mut answers[..n];
    for i in 0..n {
        let value = u * sum_at(a, i) + v * sum_at(b, i) + w * sum_at(c, i);
        answers[i] |= u32::from(value * norms[i] < question.threshold) << bit;
    }
}

/// The sum between the four corners of the window at `i`.
#[inline]
fn sum_at(corners: [&[u32]; 4], i: usize) -> f32 {
    let [a, b, c, d] = corners.map(|row| row[i]);
    a.wrapping_sub(b).wrapping_sub(c).wrapping_add(d) as i32 as f32
}
