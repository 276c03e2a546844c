//! The last words of a child, without passwords.

use std::collections::VecDeque;
use std::sync::Mutex;

use crate::source::Address;
use crate::sync::locked;

/// Lines that are kept: the reason is among the last few, and a damaged stream can write thousands a second.
const KEPT: usize = 40;

/// The last lines that a child wrote on standard error.
pub(crate) struct Log {
    lines: Mutex<VecDeque<String>>,
    secrets: Vec<String>,
    shown: String,
    hidden: String,
}

impl Log {
    /// For a child that is told `address`.
    pub(crate) fn of(address: &Address) -> Self {
        Self {
            lines: Mutex::default(),
            secrets: address.secrets(),
            shown: address.to_string(),
            hidden: address.url().to_owned(),
        }
    }

    /// For a child that is told no secret.
    pub(crate) fn plain() -> Self {
        Self {
            lines: Mutex::default(),
            secrets: Vec::new(),
            shown: String::new(),
            hidden: String::new(),
        }
    }

    /// Keeps a line; secrets are taken out before it is kept.
    pub(crate) fn push(&self, line: &str) {
        let line = self.redacted(line);
        tracing::debug!(target: "ffmpeg", "{line}");
        let mut lines = locked(&self.lines);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// What is kept, the oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        locked(&self.lines).iter().cloned().collect()
    }

    fn redacted(&self, line: &str) -> String {
        let mut line = line.to_owned();
        if !self.hidden.is_empty() && self.hidden != self.shown {
            line = line.replace(&self.hidden, &self.shown);
        }
        for secret in &self.secrets {
            line = line.replace(secret.as_str(), "***");
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out() {
        let address: Address = "rtsp://me:hunter22@cam/live#udp".parse().expect("one");
        let log = Log::of(&address);
        log.push("rtsp://me:hunter22@cam/live: Connection refused");
        log.push("tried me:hunter22 and hunter22");
        assert_eq!(
            log.lines(),
            [
                "rtsp://***@cam/live#udp: Connection refused",
                "tried *** and ***"
            ]
        );
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let log = Log::plain();
        for n in 0..100 {
            log.push(&n.to_string());
        }
        let lines = log.lines();
        assert_eq!((lines.len(), lines[0].as_str()), (KEPT, "60"));
    }
}
