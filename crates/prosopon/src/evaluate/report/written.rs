//! How figures read in text.

use super::super::rate::{Interval, Rate};

/// `2,687,149`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share in per cent, with at least two digits that say something: `98.91 %`, `0.0012 %`.
pub fn percent(share: f64) -> String {
    format!("{} %", in_hundreds(share))
}

/// `97.4 to 100`, in per cent without the sign.
pub fn percent_interval([low, high]: Interval) -> String {
    format!("{} to {}", in_hundreds(low), in_hundreds(high))
}

/// `0.22 % (95 %: 0.1 to 0.4; 6 of 2,700)`.
pub fn rate(rate: &Rate) -> String {
    if rate.trials == 0 {
        return "no trials".to_owned();
    }
    format!(
        "{} (95 %: {}; {} of {})",
        percent(rate.rate),
        percent_interval(rate.interval),
        grouped(rate.events),
        grouped(rate.trials)
    )
}

/// A row of a table by rates of false acceptance: that rate, how many genuine ones are lost at it, the
/// threshold, and whether `unit` (`false matches` …) were too few to trust it.
pub(super) fn operating_point(
    accepted: f64,
    lost: &Rate,
    threshold: f32,
    supported: bool,
    unit: &str,
) -> Vec<String> {
    let remark = if supported {
        String::new()
    } else {
        format!("fewer than 30 {unit}")
    };
    vec![
        percent(accepted),
        rate(lost),
        format!("{threshold:.4}"),
        remark,
    ]
}

fn in_hundreds(share: f64) -> String {
    let value = share * 100.0;
    // How far from the nearer end: 99.99 says as much as 0.01.
    let distance = value.abs().min((100.0 - value).abs());
    // Nearer than the last decimal that is ever printed is rounding, or says nothing.
    let decimals = if distance < 5e-9 {
        0
    } else {
        // The margin keeps 0.001 at its place in spite of rounding.
        (1.0 - (distance * 1.000_001).log10().floor()).clamp(2.0, 8.0) as usize
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_the_digits_that_say_something() {
        assert_eq!(grouped(2_687_149), "2,687,149");
        assert_eq!(
            (grouped(0), grouped(999), grouped(1000)),
            ("0".into(), "999".into(), "1,000".into())
        );
        assert_eq!(percent(0.9891), "98.91 %");
        assert_eq!(percent(0.000_012), "0.0012 %");
        assert_eq!(percent(0.999_99), "99.9990 %");
        assert_eq!((percent(0.0), percent(1.0)), ("0 %".into(), "100 %".into()));
        assert_eq!(percent_interval([0.974, 1.0]), "97.40 to 100");
        assert_eq!(percent_interval([1e-17, 1.0 - 1e-16]), "0 to 100");
        let found = Rate {
            rate: 0.25,
            interval: [0.125, 0.5],
            events: 1,
            trials: 4,
        };
        assert_eq!(rate(&found), "25.00 % (95 %: 12.50 to 50.00; 1 of 4)");
        let none = Rate { trials: 0, ..found };
        assert_eq!(rate(&none), "no trials");
    }
}
