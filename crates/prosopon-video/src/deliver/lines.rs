//! JSON lines on standard output.

use std::io::{self, Write as _};

use super::courier::{Courier, Undelivered, json};
use crate::store::StoredEvent;

/// Prints an event a line.
#[derive(Debug)]
pub(super) struct Printer;

impl Courier for Printer {
    fn wants_crop(&self) -> bool {
        false
    }

    fn deliver(&mut self, stored: &StoredEvent, _crop: Option<&[u8]>) -> Result<(), Undelivered> {
        let mut line = json(stored, None)?;
        line.push(b'\n');
        let mut out = io::stdout().lock();
        out.write_all(&line)
            .and_then(|()| out.flush())
            .map_err(|error| match error.kind() {
                io::ErrorKind::BrokenPipe => Undelivered::OutputClosed,
                _ => Undelivered::again(format!("could not write: {error}")),
            })
    }
}
