//! At which sizes a picture is searched.

use super::MultiScale;

/// However small the factor, a search ends.
const MAX_SCALES: usize = 2_000;

/// One size of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    /// Pixels of the picture for one of the scaled one.
    pub(super) factor: f32,
    /// Width of the scaled picture.
    pub(super) width: u32,
    /// Height of the scaled picture.
    pub(super) height: u32,
    /// Pixels of the scaled picture from one window to the next.
    pub(super) step: usize,
    /// Columns at which a window can begin: 0 to this, exclusive.
    pub(super) columns: usize,
    /// The same for rows.
    pub(super) rows: usize,
}

/// The scales for a picture and a window, small ones first. None if the picture is smaller than the window.
///
/// As in `OpenCV`, if no scale has windows between the smallest and the largest size, the one that comes
/// nearest to the smallest is taken.
pub(super) fn scales(
    (width, height): (u32, u32),
    window: (u32, u32),
    options: &MultiScale,
) -> Vec<Scale> {
    if width < window.0 || height < window.1 {
        return Vec::new();
    }
    let side = |side: u32, factor: f64| (f64::from(side) * factor).round_ties_even();
    let mut factors = Vec::new();
    let mut factor = 1.0_f64;
    while side(window.0, factor) <= f64::from(width)
        && side(window.1, factor) <= f64::from(height)
        && factors.len() < MAX_SCALES
    {
        factors.push(factor as f32);
        let next = factor * options.scale_factor;
        if next.is_nan() || next <= factor {
            break;
        }
        factor = next;
    }

    let window_at = |factor: f32| {
        let side = |side: u32| (side as f32 * factor).round_ties_even() as u32;
        (side(window.0), side(window.1))
    };
    let smallest = options.min_size.unwrap_or((0, 0));
    let largest = match options.max_size {
        None | Some((0, _) | (_, 0)) => (width, height),
        Some(size) => size,
    };
    let is_wanted = |factor: &f32| {
        let (w, h) = window_at(*factor);
        w <= largest.0 && h <= largest.1 && w >= smallest.0 && h >= smallest.1
    };
    let mut wanted: Vec<f32> = factors.iter().copied().filter(is_wanted).collect();
    if wanted.is_empty() {
        let distance = |factor: &f32| {
            let (w, h) = window_at(*factor);
            let square = |a: u32, b: u32| u64::from(a.abs_diff(b)).pow(2);
            square(smallest.0, w).saturating_add(square(smallest.1, h))
        };
        wanted.extend(factors.iter().copied().min_by_key(distance));
    }
    with_sizes(&wanted, (width, height), window)
}

fn with_sizes(factors: &[f32], (width, height): (u32, u32), window: (u32, u32)) -> Vec<Scale> {
    let scaled = |side: u32, factor: f32| (side as f32 / factor).round_ties_even() as u32;
    // A window may begin at one column more than fits with its right border inside: corners, of which
    // there is one more than pixels, are what is counted.
    let places = |side: u32, window: u32| (side + 1).saturating_sub(window) as usize;
    let Some(first) = factors.first() else {
        return Vec::new();
    };
    // OpenCV divides rows into stripes for its threads, so many that the first scale's are about 32
    // wide, and drops what is left over.
    let n_stripes = places(scaled(width, *first), window.0).div_ceil(32).max(1);
    let scale = |factor: &f32| {
        let (w, h) = (scaled(width, *factor), scaled(height, *factor));
        let step = if *factor >= 2.0 { 1 } else { 2 };
        let rows = places(h, window.1);
        let stripe = (rows / step).div_ceil(n_stripes).max(1) * step;
        Scale {
            factor: *factor,
            width: w,
            height: h,
            step,
            columns: places(w, window.0),
            rows: rows.min(stripe * n_stripes),
        }
    };
    factors.iter().map(scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(size: (u32, u32), options: &MultiScale) -> Vec<f32> {
        let scales = scales(size, (24, 24), options);
        scales.iter().map(|scale| scale.factor).collect()
    }

    #[test]
    fn scales_grow_until_the_window_no_longer_fits() {
        let options = MultiScale {
            scale_factor: 2.0,
            ..MultiScale::default()
        };
        assert_eq!(factors((100, 97), &options), [1.0, 2.0, 4.0]);
        assert_eq!(factors((100, 95), &options), [1.0, 2.0]);
        assert!(factors((23, 100), &options).is_empty());
    }

    #[test]
    fn sizes_are_kept_within_bounds() {
        let options = MultiScale {
            scale_factor: 2.0,
            min_size: Some((48, 48)),
            max_size: Some((96, 96)),
            ..MultiScale::default()
        };
        assert_eq!(factors((400, 400), &options), [2.0, 4.0]);
        let between = MultiScale {
            min_size: Some((80, 80)),
            max_size: Some((80, 80)),
            ..options
        };
        assert_eq!(factors((400, 400), &between), [4.0], "the nearest");
    }

    #[test]
    fn a_factor_that_does_not_grow_is_one_scale() {
        for scale_factor in [1.0, 0.5, -3.0, f64::NAN] {
            let options = MultiScale {
                scale_factor,
                ..MultiScale::default()
            };
            assert_eq!(factors((400, 400), &options), [1.0], "{scale_factor}");
        }
        let tiny = MultiScale {
            scale_factor: 1.0 + 1e-12,
            ..MultiScale::default()
        };
        assert_eq!(factors((400, 400), &tiny).len(), MAX_SCALES);
    }

    #[test]
    fn rows_that_fill_no_stripe_are_left_out() {
        // 31 rows of windows in steps of 2 are 15, in one stripe: the row at 30 is dropped.
        let scales = scales((54, 54), (24, 24), &MultiScale::default());
        assert_eq!((scales[0].rows, scales[0].columns), (30, 31));
    }
}
