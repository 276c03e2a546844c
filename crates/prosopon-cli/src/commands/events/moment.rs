//! Moments as people write them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _, Zoned};

/// `2h` ago, `yesterday`, `2026-11-22 14:30` by the clock of this machine, or a whole timestamp.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    read(text.trim(), &Zoned::now()).ok_or_else(|| {
        "expected `2h` (ago), `today`, `yesterday`, `2026-11-22`, `2026-11-22 14:30` or \
         `2026-11-22T14:30:00Z`"
            .to_owned()
    })
}

/// A length of time such as `90s`, `15m`, `2h`, `3d` or `1w`.
pub(crate) fn length(text: &str) -> Result<SignedDuration, String> {
    read_length(text.trim()).ok_or_else(|| {
        "expected a number with `s`, `m`, `h`, `d` or `w`, such as `2h` or `30d`".to_owned()
    })
}

fn read(text: &str, now: &Zoned) -> Option<Timestamp> {
    if let Some(length) = read_length(text) {
        return now.timestamp().checked_sub(length).ok();
    }
    let midnight = |date: Date| -> Option<Timestamp> {
        let zoned = date.to_zoned(now.time_zone().clone()).ok()?;
        Some(zoned.timestamp())
    };
    match text {
        "now" => return Some(now.timestamp()),
        "today" => return midnight(now.date()),
        "yesterday" => return midnight(now.date().checked_sub(1.day()).ok()?),
        _ => {}
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp);
    }
    if text.len() > "2026-11-22".len() {
        let local: DateTime = text.parse().ok()?;
        let zoned = local.to_zoned(now.time_zone().clone()).ok()?;
        return Some(zoned.timestamp());
    }
    midnight(text.parse().ok()?)
}

fn read_length(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().last()?;
    let secs: u32 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    let n: f64 = text.strip_suffix(unit)?.trim().parse().ok()?;
    // A thousand years are enough, and fit.
    let secs = n * f64::from(secs);
    (0.0..=3.2e10)
        .contains(&secs)
        .then(|| SignedDuration::from_secs_f64(secs))
}

/// By the clock of this machine, to the second.
pub(crate) fn local(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system())
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read() {
        let now: Zoned = "2026-11-22T14:30:00+02:00[+02:00]".parse().expect("a time");
        for (text, expected) in [
            ("90s", "2026-11-22T12:28:30Z"),
            ("1.5h", "2026-11-22T11:00:00Z"),
            ("3d", "2026-11-19T12:30:00Z"),
            ("1w", "2026-11-15T12:30:00Z"),
            ("today", "2026-11-21T22:00:00Z"),
            ("yesterday", "2026-11-20T22:00:00Z"),
            ("2026-11-01", "2026-10-31T22:00:00Z"),
            ("2026-11-01 08:15", "2026-11-01T06:15:00Z"),
            ("2026-11-01T08:15:30", "2026-11-01T06:15:30Z"),
            ("2026-11-01T08:15:30Z", "2026-11-01T08:15:30Z"),
            ("2026-11-01T08:15:30+01:00", "2026-11-01T07:15:30Z"),
        ] {
            let expected: Timestamp = expected.parse().expect("a time");
            assert_eq!(read(text, &now), Some(expected), "{text}");
        }
        for text in [
            "",
            "h",
            "-2h",
            "NaNh",
            "2y",
            "tomorrow",
            "2026-13-01",
            "9e99d",
            "é",
            "1é",
        ] {
            assert_eq!(read(text, &now), None, "{text}");
        }
    }
}
