//! From class scores to shares that add up to one.

/// Shares of `scores`, which are logarithms of odds.
pub(super) fn softmax<const N: usize>(scores: [f32; N]) -> [f32; N] {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers = scores.map(|score| (score - most).exp());
    let sum: f32 = powers.iter().sum();
    powers.map(|power| power / sum)
}

#[cfg(test)]
mod tests {
    use super::softmax;

    #[test]
    fn shares_add_up_to_one_and_keep_the_order() {
        let shares = softmax([1000.0, 1001.0, 999.0]);
        assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((shares[0] - 0.244_728_5).abs() < 1e-5);
        assert!(shares[1] > shares[0] && shares[0] > shares[2]);
    }
}
