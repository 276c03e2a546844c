//! Names of classifiers, and what may be asked for.

use std::fmt;
use std::str::FromStr;

use super::RegistryError;

/// Characters of a name, at most: with four bytes each still a file name everywhere.
const MAX_CHARS: usize = 60;

/// Names that Windows keeps for devices.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com1", "lpt1"];

/// Whether `name` can be a classifier's: letters and digits of any script, `-`, `_` and `.`. It is the name of a
/// folder and part of addresses, so no path, no blanks, nothing that a shell or a reader would take for something else.
///
/// # Errors
/// [`RegistryError::InvalidName`] with what is expected.
pub fn check_name(name: &str) -> Result<(), RegistryError> {
    let expected = if name.is_empty() {
        "a name that is not empty"
    } else if name.chars().count() > MAX_CHARS {
        "a name of at most 60 characters"
    } else if name.starts_with(['.', '-']) || name.ends_with('.') {
        "a name that begins with a letter, a digit or `_` and does not end with `.`"
    } else if !name.chars().all(is_allowed) {
        "a name of letters, digits, `-`, `_` and `.`"
    } else if DEVICES.contains(&name.to_ascii_lowercase().as_str()) {
        "a name that no operating system keeps for itself"
    } else {
        return Ok(());
    };
    Err(RegistryError::InvalidName {
        expected,
        found: name.chars().take(2 * MAX_CHARS).collect(),
    })
}

/// Beyond ASCII everything that is seen counts as a letter, since scripts write with more than their letters
/// (virama, tone marks); what is not seen, or turns the direction of a line, does not.
fn is_allowed(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    }
    let is_unseen = matches!(
        c,
        '\u{ad}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{fffff}'
    );
    !c.is_control() && !c.is_whitespace() && !is_unseen
}

/// Which version of a classifier is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Which {
    /// The one labelled `stable`.
    #[default]
    Stable,
    /// The one labelled `candidate`.
    Candidate,
    /// The one with this number.
    Number(u32),
}

impl FromStr for Which {
    type Err = RegistryError;

    fn from_str(text: &str) -> Result<Self, RegistryError> {
        match text {
            "stable" => Ok(Self::Stable),
            "candidate" => Ok(Self::Candidate),
            number => match number.parse() {
                Ok(number) if number > 0 => Ok(Self::Number(number)),
                _ => Err(RegistryError::InvalidVersion {
                    found: number.chars().take(MAX_CHARS).collect(),
                }),
            },
        }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stable => f.write_str("stable"),
            Self::Candidate => f.write_str("candidate"),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// `NAME`, `NAME@3` or `NAME@candidate` in its parts; without `@` it is for the caller to say which is meant, usually
/// [`Which::Stable`].
///
/// # Errors
/// [`RegistryError::InvalidName`], [`RegistryError::InvalidVersion`].
pub fn parse_reference(text: &str) -> Result<(&str, Option<Which>), RegistryError> {
    let (name, which) = match text.split_once('@') {
        Some((name, which)) => (name, Some(which.parse()?)),
        None => (text, None),
    };
    check_name(name)?;
    Ok((name, which))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_script_are_taken_and_paths_are_not() {
        for good in [
            "a",
            "hobbit-5",
            "v1.2_x",
            "李小龍",
            "हिन्दी",
            "émotions",
            "Ελλάδα",
            "_x",
            &"ж".repeat(60),
        ] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            ".hidden",
            "a/b",
            "a\\b",
            "../up",
            "a b",
            "a@3",
            "-rf",
            "a\0",
            "a\n",
            "a:b",
            "a%2fb",
            "NUL",
            "end.",
            "a\u{202e}b",
            "a\u{200b}",
            "a\u{2028}b",
            &"x".repeat(61),
        ] {
            let error = check_name(bad).unwrap_err();
            assert_eq!(error.code(), "invalid_name", "{bad:?}");
        }
    }

    #[test]
    fn references_name_a_version() {
        let parsed = |text| parse_reference(text).map_err(|error| error.code());
        assert_eq!(parsed("hobbit"), Ok(("hobbit", None)));
        let some = |which| Ok(("hobbit", Some(which)));
        assert_eq!(parsed("hobbit@stable"), some(Which::Stable));
        assert_eq!(parsed("hobbit@candidate"), some(Which::Candidate));
        assert_eq!(parsed("hobbit@12"), some(Which::Number(12)));
        for bad in [
            "hobbit@",
            "hobbit@0",
            "hobbit@-1",
            "hobbit@latest",
            "hobbit@1@2",
            "hobbit@99999999999",
        ] {
            assert_eq!(parsed(bad), Err("invalid_version"), "{bad}");
        }
        assert_eq!(parsed("../x@1"), Err("invalid_name"));
    }
}
