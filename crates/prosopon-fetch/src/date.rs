//! Moments, as manifests, side-cars and names of files say them. Days are days in UTC.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Years that a date in a file's name may have; other numbers are taken for something else.
const YEARS: std::ops::RangeInclusive<i16> = 1990..=2099;

/// A moment in time, said as RFC 3339 in UTC: `2024-05-01T12:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Timestamp);

/// A text that is no date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a day such as 2024-05-01, or a moment such as 2024-05-01T12:00:00Z")]
pub struct DateError;

impl Moment {
    /// Now, in whole seconds: as it is written down.
    pub fn now() -> Self {
        let now = Timestamp::now();
        Self(Timestamp::from_second(now.as_second()).unwrap_or(now))
    }

    /// A moment, or the first one of a day.
    ///
    /// # Errors
    /// [`DateError`] for anything else.
    pub fn start_of(text: &str) -> Result<Self, DateError> {
        Self::at_time(text, Time::midnight())
    }

    /// A moment, or the last one of a day.
    ///
    /// # Errors
    /// [`DateError`] for anything else.
    pub fn end_of(text: &str) -> Result<Self, DateError> {
        Self::at_time(text, Time::MAX)
    }

    fn at_time(text: &str, time: Time) -> Result<Self, DateError> {
        if let Ok(moment) = text.parse() {
            return Ok(moment);
        }
        let date: Date = text.parse().map_err(|_| DateError)?;
        Self::in_utc(date.to_datetime(time)).ok_or(DateError)
    }

    /// The moment in a JSON value: seconds (or milli- or microseconds) since 1970, also as a text, or
    /// a date as RFC 3339, RFC 2822, Exif and the tools that download write it. Without a time zone
    /// it is in UTC.
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Self::from_number(number.as_f64()?),
            Value::String(text) => Self::from_text(text.trim()),
            _ => None,
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        if text.len() == 8
            && let Some(day) = from_name(text)
        {
            return Some(day);
        }
        if let Ok(number) = text.parse() {
            return Self::from_number(number);
        }
        if let Ok(moment) = text.parse() {
            return Some(moment);
        }
        if let Ok(date_time) = text.parse::<DateTime>() {
            return Self::in_utc(date_time);
        }
        if let Some(moment) = Self::from_http_date(text) {
            return Some(moment);
        }
        // Exif: `2024:05:01 12:00:00`.
        let (date, time) = text.split_once(' ')?;
        let date_time = format!("{}T{time}", date.replace(':', "-"));
        Self::in_utc(date_time.parse().ok()?)
    }

    fn from_number(number: f64) -> Option<Self> {
        // Seconds until the year 5138; what is more has a finer unit.
        let millis = match number.abs() {
            0.0..1e11 => number * 1e3,
            1e11..1e14 => number,
            1e14..1e17 => number / 1e3,
            _ => return None,
        };
        Timestamp::from_millisecond(millis as i64).ok().map(Self)
    }

    /// The date of a header of HTTP, or of a mail.
    pub(crate) fn from_http_date(text: &str) -> Option<Self> {
        let parser = rfc2822::DateTimeParser::new();
        parser.parse_timestamp(text).ok().map(Self)
    }

    fn in_utc(date_time: DateTime) -> Option<Self> {
        let zoned = date_time.to_zoned(TimeZone::UTC).ok()?;
        Some(Self(zoned.timestamp()))
    }

    /// How long it is until then; nothing if it is over.
    pub(crate) fn time_left(self) -> Duration {
        let left = self.0.duration_since(Timestamp::now());
        Duration::try_from(left).unwrap_or_default()
    }
}

impl From<SystemTime> for Moment {
    fn from(time: SystemTime) -> Self {
        // File systems know no year that does not fit.
        Self(Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH))
    }
}

impl FromStr for Moment {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        text.parse().map(Self).map_err(|_| DateError)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0}", self.0)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The day in a file's name: `2024-05-01`, `2024_05_01`, `2024.05.01` or `20240501`, not inside of a
/// longer number. The first one counts; the moment is its midnight.
pub(crate) fn from_name(name: &str) -> Option<Moment> {
    let bytes = name.as_bytes();
    let number = |from: usize, to: usize| -> Option<i16> {
        let digits = bytes.get(from..to)?;
        let all = digits.iter().all(u8::is_ascii_digit);
        all.then(|| digits.iter().fold(0, |n, d| n * 10 + i16::from(d - b'0')))
    };
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let day_at = |start: usize| -> Option<Moment> {
        let year = number(start, start + 4).filter(|year| YEARS.contains(year))?;
        let gap = match bytes.get(start + 4)? {
            separator @ (b'-' | b'_' | b'.') if bytes.get(start + 7) == Some(separator) => 1,
            _ => 0,
        };
        let month = start + 4 + gap;
        let day = month + 2 + gap;
        if is_digit(day + 2) {
            return None;
        }
        let (month, day) = (number(month, month + 2)?, number(day, day + 2)?);
        let date = Date::new(year, month as i8, day as i8).ok()?;
        Moment::in_utc(date.to_datetime(Time::midnight()))
    };
    let starts = (0..bytes.len()).filter(|&at| is_digit(at) && (at == 0 || !is_digit(at - 1)));
    starts.into_iter().find_map(day_at)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn days_have_a_first_and_a_last_moment() {
        let said = |moment: Result<Moment, DateError>| moment.map(|m| m.to_string());
        assert_eq!(
            said(Moment::start_of("2024-05-01")).unwrap(),
            "2024-05-01T00:00:00Z"
        );
        let (end, next) = (
            Moment::end_of("2024-05-01").unwrap(),
            Moment::start_of("2024-05-02").unwrap(),
        );
        assert!(Moment::start_of("2024-05-01T23:59:59Z").unwrap() < end && end < next);
        let moment = said(Moment::end_of("2024-05-01T12:00:00+02:00")).unwrap();
        assert_eq!(moment, "2024-05-01T10:00:00Z");
        for text in ["", "yesterday", "2024-13-01", "2024-02-30", "1/5/2024"] {
            assert_eq!(said(Moment::start_of(text)), Err(DateError), "{text}");
        }
    }

    #[test]
    fn json_says_moments_in_many_ways() {
        for value in [
            json!(1_714_564_800),
            json!(1_714_564_800_000_u64),
            json!(1_714_564_800_000_000_u64),
            json!("1714564800"),
            json!(1_714_564_800.25),
            json!("2024-05-01T12:00:00Z"),
            json!("2024-05-01T14:00:00+02:00"),
            json!("2024-05-01T12:00:00.000+00:00"),
            json!("2024-05-01 12:00:00"),
            json!(" 2024-05-01T12:00:00 "),
            json!("2024:05:01 12:00:00"),
            json!("Wed, 01 May 2024 12:00:00 GMT"),
            json!("Wed, 1 May 2024 12:00:00 +0000"),
        ] {
            let moment = Moment::from_json(&value).map(|m| m.to_string());
            assert_eq!(moment.as_deref(), Some("2024-05-01T12:00:00Z"), "{value}");
        }
        for value in [json!("20240501"), json!("2024-05-01")] {
            let moment = Moment::from_json(&value).map(|m| m.to_string());
            assert_eq!(moment.as_deref(), Some("2024-05-01T00:00:00Z"), "{value}");
        }
        for value in [
            json!(null),
            json!("soon"),
            json!([1]),
            json!(1e300),
            json!(""),
        ] {
            assert_eq!(Moment::from_json(&value), None, "{value}");
        }
    }

    #[test]
    fn days_are_found_in_names() {
        for (name, expected) in [
            ("2024-05-01_12-00-00_UTC_1", Some("2024-05-01")),
            ("2024-05-01", Some("2024-05-01")),
            ("someone_20240501_123456", Some("2024-05-01")),
            ("IMG_2024_05_01", Some("2024-05-01")),
            ("photo 2024.05.01 (3)", Some("2024-05-01")),
            ("3141592 2024-05-01", Some("2024-05-01")),
            // A date that is none, and the one after it.
            ("2024-13-01 2024-05-01", Some("2024-05-01")),
            ("120240501", None),
            ("202405011", None),
            ("18990501", None),
            ("2024-02-30", None),
            ("2024-0501", None),
            ("2024", None),
            ("photo", None),
            ("фото-2024-05-01", Some("2024-05-01")),
        ] {
            let day = from_name(name).map(|moment| moment.to_string());
            let expected = expected.map(|day| format!("{day}T00:00:00Z"));
            assert_eq!(day, expected, "{name}");
        }
    }
}
