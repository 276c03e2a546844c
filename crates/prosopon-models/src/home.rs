//! Where installed files live.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::error::{ModelsError, Result};

/// The data directory: `$PROSOPON_HOME`, else the platform's.
///
/// That is `$XDG_DATA_HOME/prosopon` or `~/.local/share/prosopon` on Linux and other Unix systems,
/// `~/Library/Application Support/prosopon` on macOS, `%LOCALAPPDATA%\prosopon` on Windows. It need
/// not exist.
///
/// # Errors
/// [`ModelsError::NoDataDirectory`] if no variable says where that is.
pub fn data_directory() -> Result<PathBuf> {
    choose(env::consts::OS, |name| env::var_os(name)).ok_or(ModelsError::NoDataDirectory)
}

fn choose(os: &str, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let path = |name| {
        variable(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    // The XDG specification has relative paths ignored.
    let absolute = |name| path(name).filter(|path| path.is_absolute());
    if let Some(home) = path("PROSOPON_HOME") {
        return Some(std::path::absolute(&home).unwrap_or(home));
    }
    match os {
        "windows" => path("LOCALAPPDATA").map(|dir| dir.join("prosopon")),
        "macos" => path("HOME").map(|home| home.join("Library/Application Support/prosopon")),
        _ => absolute("XDG_DATA_HOME")
            .or_else(|| path("HOME").map(|home| home.join(".local/share")))
            .map(|dir| dir.join("prosopon")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_platform() {
        struct Case {
            os: &'static str,
            variables: &'static [(&'static str, &'static str)],
            expected: Option<&'static str>,
        }
        let cases = [
            Case {
                os: "linux",
                variables: &[("HOME", "/h"), ("PROSOPON_HOME", "/p")],
                expected: Some("/p"),
            },
            Case {
                os: "linux",
                variables: &[("HOME", "/h"), ("XDG_DATA_HOME", "/x")],
                expected: Some("/x/prosopon"),
            },
            Case {
                os: "linux",
                variables: &[("HOME", "/h"), ("XDG_DATA_HOME", "not/absolute")],
                expected: Some("/h/.local/share/prosopon"),
            },
            Case {
                os: "macos",
                variables: &[("HOME", "/h")],
                expected: Some("/h/Library/Application Support/prosopon"),
            },
            Case {
                os: "windows",
                variables: &[("LOCALAPPDATA", "/l")],
                expected: Some("/l/prosopon"),
            },
            Case {
                os: "linux",
                variables: &[("PROSOPON_HOME", "")],
                expected: None,
            },
        ];
        for case in cases {
            let found = choose(case.os, |name| {
                let pair = case.variables.iter().find(|(key, _)| *key == name);
                pair.map(|(_, value)| OsString::from(value))
            });
            assert_eq!(
                found,
                case.expected.map(PathBuf::from),
                "{:?}",
                case.variables
            );
        }
    }
}
