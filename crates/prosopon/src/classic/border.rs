//! What stands beyond the border of a picture.

/// The index inside `0..len` that position `i` mirrors, the outermost pixel not repeated
/// (`BORDER_REFLECT_101` of `OpenCV`).
pub(super) fn reflected(i: i64, len: usize) -> usize {
    let period = (2 * len as i64 - 2).max(1);
    let i = i.rem_euclid(period);
    i.min(period - i) as usize % len
}

/// The index inside `0..len` that position `i` mirrors, the outermost pixel repeated
/// (`symmetric` of `PyWavelets`, `BORDER_REFLECT` of `OpenCV`).
pub(super) fn mirrored(i: i64, len: usize) -> usize {
    let period = 2 * len as i64;
    let i = i.rem_euclid(period);
    i.min(period - 1 - i) as usize
}

/// The index inside `0..len` nearest to position `i` (`BORDER_REPLICATE` of `OpenCV`).
pub(super) fn clamped(i: i64, len: usize) -> usize {
    i.clamp(0, len as i64 - 1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_repeat_the_border_or_not() {
        let indices = |f: fn(i64, usize) -> usize| (-4..7).map(|i| f(i, 3)).collect::<Vec<_>>();
        assert_eq!(indices(mirrored), [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
        assert_eq!(indices(reflected), [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]);
        assert_eq!(indices(clamped), [0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2]);
    }

    #[test]
    fn one_pixel_is_its_own_border() {
        for i in -3..4 {
            assert_eq!((mirrored(i, 1), reflected(i, 1), clamped(i, 1)), (0, 0, 0));
        }
    }
}
