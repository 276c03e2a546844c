//! Files to which lines are added: each is there whole, or not at all.

use std::fs::File;
use std::io::{self, Write as _};

/// Adds `line` and its end to a file that is open for appending.
///
/// Written in one call, so that a kill leaves the whole line or the start of one. A full disk takes the start, too; that is
/// taken back, for the next line would be appended to it.
///
/// # Errors
/// As the operating system says; the file is then as it was.
pub fn append_line(file: &mut File, line: &str) -> io::Result<()> {
    let whole = file.metadata()?.len();
    let written = file.write_all(format!("{line}\n").as_bytes());
    if written.is_err() {
        // If it cannot be taken back either, readers pass over the start of a line at the end.
        let _ = file.set_len(whole);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        let open = || File::options().append(true).create(true).open(&path);
        append_line(&mut open().unwrap(), "one").unwrap();
        append_line(&mut open().unwrap(), "two").unwrap();
        let mut cannot_be_written = File::open(&path).unwrap();
        assert!(append_line(&mut cannot_be_written, "three").is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }
}
