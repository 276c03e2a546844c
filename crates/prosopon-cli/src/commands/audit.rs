//! `prosopon audit`: who did what.

use prosopon_server::{AuditEntry, AuditLog};
use serde_json::json;

use super::keys::ServerDbArgs;
use crate::args::OutputArgs;
use crate::failure::{Exit, Failure};
use crate::output::{Format, print_json_line, print_line, print_value};

/// Read the server's audit log: who did what, when, about whom
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon audit                                   the newest 50 entries
  prosopon audit --limit 1000 --jsonl > audit.jsonl
  prosopon audit --before 5123                     what came before entry 5123

No picture and no embedding is ever in it.")]
pub(crate) struct Args {
    /// At most so many entries, newest first
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Only entries older than this one
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
    #[command(flatten)]
    database: ServerDbArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let log = AuditLog::open(&args.database.path()?)?;
    let entries = log.entries(args.before, args.limit)?;
    match args.output.format() {
        Format::JsonLines => entries.iter().try_for_each(print_json_line)?,
        Format::Json => print_value(Format::Json, &json!({ "entries": entries }), String::new)?,
        Format::Text => entries
            .iter()
            .try_for_each(|entry| print_line(&describe(entry)))?,
    }
    Ok(Exit::Success)
}

fn describe(entry: &AuditEntry) -> String {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    format!(
        "{}  {}  {} from {}  {}  gallery {}  {}  {}",
        entry.id,
        utc(entry.at_millis),
        or_dash(&entry.key),
        entry.address,
        entry.action,
        or_dash(&entry.gallery),
        or_dash(&entry.subject),
        entry.outcome,
    )
}

/// `2026-11-22T06:12:46Z`. Days to dates after Howard Hinnant, "chrono-compatible low-level date
/// algorithms" (2013).
pub(crate) fn utc(millis: i64) -> String {
    let secs = millis.div_euclid(1000);
    let (days, second) = (secs.div_euclid(86_400), secs.rem_euclid(86_400));
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(utc(1_795_328_745_999), "2026-11-22T06:25:45Z");
    }
}
