//! Which events are wanted.

use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;
use jiff::Timestamp;
use prosopon_video::{EventKind, Filter};

use super::moment::moment;
use crate::failure::{Exit, Failure};

/// Which events are wanted.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Which events")]
pub(crate) struct FilterArgs {
    /// Only of this camera
    #[arg(long, value_name = "NAME")]
    pub(crate) camera: Option<String>,
    /// Only of these kinds
    #[arg(long = "kind", value_name = "KIND", value_delimiter = ',', value_parser = kinds())]
    kinds: Vec<EventKind>,
    /// Only of this person; upper and lower case are the same
    #[arg(long, value_name = "NAME")]
    pub(crate) subject: Option<String>,
    /// Only since then
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only before then
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Timestamp>,
}

fn kinds() -> impl clap::builder::TypedValueParser<Value = EventKind> {
    PossibleValuesParser::new(EventKind::ALL.map(EventKind::name)).try_map(|name| {
        EventKind::from_name(&name).ok_or_else(|| "expected a kind of event".to_owned())
    })
}

impl FilterArgs {
    /// The filter, without a limit.
    pub(crate) fn filter(&self) -> Result<Filter, Failure> {
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since >= until
        {
            return Err(Failure::new(
                Exit::Usage,
                "usage",
                format!("expected `--since` before `--until`, found {since} and {until}"),
            )
            .with_hint("swap the two"));
        }
        Ok(Filter {
            camera: self.camera.clone(),
            kinds: self.kinds.clone(),
            subject: self.subject.clone(),
            since: self.since,
            until: self.until,
            ..Filter::default()
        })
    }
}
