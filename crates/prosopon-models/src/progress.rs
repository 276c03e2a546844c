//! Telling a person what is being fetched.

/// Receives what a long operation does; every method has an empty default.
///
/// Calls come in the order `begin`, `advance` any number of times, `done`; `note` may come anywhere.
pub trait Progress: Sync {
    /// Something of `total` bytes begins; `None` if the size is not known.
    fn begin(&self, what: &str, total: Option<u64>) {
        let _ = (what, total);
    }

    /// `bytes` more have arrived.
    fn advance(&self, bytes: u64) {
        let _ = bytes;
    }

    /// What `begin` announced is over, well or badly.
    fn done(&self) {}

    /// A remark for the person, one line.
    fn note(&self, message: &str) {
        let _ = message;
    }
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}

/// Calls `done` when it goes out of scope, also on the way out of an error.
pub(crate) struct Bar<'a>(&'a dyn Progress);

impl<'a> Bar<'a> {
    pub(crate) fn begin(progress: &'a dyn Progress, what: &str, total: Option<u64>) -> Self {
        progress.begin(what, total);
        Self(progress)
    }

    pub(crate) fn advance(&self, bytes: u64) {
        self.0.advance(bytes);
    }
}

impl Drop for Bar<'_> {
    fn drop(&mut self) {
        self.0.done();
    }
}
