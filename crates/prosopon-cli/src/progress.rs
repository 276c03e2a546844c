//! Progress on standard error: bars when that is a terminal, a line for each download otherwise.

use std::io::{self, IsTerminal};
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use prosopon_models::Progress;

/// A bar that counts `total` of something.
pub(crate) fn bar(total: usize, unit: &str) -> ProgressBar {
    // A bar on a pipe or file draws nothing.
    let bar = ProgressBar::new(total as u64);
    let template = format!("{{bar:32}} {{pos}}/{{len}} {unit}, {{per_sec}}, {{eta}} left");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar
}

/// Says what is being worked on where nothing can be counted.
pub(crate) fn spinner(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Shows what is being fetched.
#[derive(Default)]
pub(crate) struct Downloads {
    current: Mutex<Option<ProgressBar>>,
    /// What to say before the first of them.
    announcement: Mutex<Option<String>>,
}

impl Downloads {
    /// Says `announcement` once something is really fetched.
    pub(crate) fn announced(announcement: String) -> Self {
        Self {
            announcement: Mutex::new(Some(announcement)),
            ..Self::default()
        }
    }

    fn with(&self, act: impl FnOnce(&mut Option<ProgressBar>)) {
        if let Ok(mut current) = self.current.lock() {
            act(&mut current);
        }
    }
}

impl Progress for Downloads {
    fn begin(&self, what: &str, total: Option<u64>) {
        let announcement = self.announcement.lock().ok().and_then(|mut a| a.take());
        if let Some(announcement) = announcement {
            crate::output::eprint(&announcement);
        }
        if !io::stderr().is_terminal() {
            // No bar can be seen there, and minutes without a word look like a program that hangs.
            let size = total.map(|bytes| format!(" ({:.1} MB)", bytes as f64 / 1e6));
            crate::output::eprint(&format!("fetching {what}{}", size.unwrap_or_default()));
        }
        let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let template = match total {
            Some(_) => "{msg} {bar:32} {bytes}/{total_bytes}, {eta} left",
            None => "{spinner} {msg} {bytes}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        self.with(|current| *current = Some(bar));
    }

    fn advance(&self, bytes: u64) {
        self.with(|current| {
            if let Some(bar) = current {
                bar.inc(bytes);
            }
        });
    }

    fn done(&self) {
        self.with(|current| {
            if let Some(bar) = current.take() {
                bar.finish_and_clear();
            }
        });
    }

    fn note(&self, message: &str) {
        self.with(|current| match current {
            Some(bar) => bar.suspend(|| crate::output::eprint(message)),
            None => crate::output::eprint(message),
        });
    }
}
