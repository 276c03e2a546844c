//! Secrets that are kept out of logs.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Fewest bytes of a secret that signs: with fewer it could be guessed from one signed message. RFC 2104 §3 asks
/// for as many as the hash has, 32; 16 random ones are out of reach too.
const MIN_BYTES: usize = 16;

/// Something that is shown to nobody. `Debug` prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// It could be guessed.
    #[error("expected a secret of at least {MIN_BYTES} bytes, found {found} in {place}")]
    TooShort {
        /// Its bytes.
        found: usize,
        /// Where it came from.
        place: String,
    },
    /// There is no such environment variable.
    #[error("the environment variable with the secret is not set: {name}")]
    NotSet {
        /// Its name.
        name: String,
    },
    /// The file cannot be read.
    #[error("could not read the secret: {}", path.display())]
    File {
        /// The path.
        path: PathBuf,
        /// The report.
        source: io::Error,
    },
}

impl SecretError {
    /// What the user can do about it; one line.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "make one with `openssl rand -hex 32`",
            Self::NotSet { .. } => "set it, or write the secret to a file",
            Self::File { .. } => "check the path, and who may read the file",
        }
    }
}

impl Secret {
    /// The secret itself; `place` is where it came from, for errors.
    ///
    /// # Errors
    /// [`SecretError::TooShort`] if it could be guessed.
    pub fn new(text: &str, place: &str) -> Result<Self, SecretError> {
        let text = text.trim();
        if text.len() < MIN_BYTES {
            return Err(SecretError::TooShort {
                found: text.len(),
                place: place.to_owned(),
            });
        }
        Ok(Self(text.to_owned()))
    }

    /// The content of an environment variable.
    ///
    /// # Errors
    /// If it is not set, or could be guessed.
    pub fn from_environment(name: &str) -> Result<Self, SecretError> {
        let text = std::env::var(name).map_err(|_| SecretError::NotSet {
            name: name.to_owned(),
        })?;
        Self::new(&text, &format!("the environment variable {name}"))
    }

    /// The content of a file, without white space around it.
    ///
    /// # Errors
    /// If it cannot be read, or could be guessed.
    pub fn from_file(path: &Path) -> Result<Self, SecretError> {
        let text = read(path)?;
        Self::new(&text, &path.display().to_string())
    }

    /// A password that somebody else chose: of any length.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn password_from_file(path: &Path) -> Result<Self, SecretError> {
        read(path).map(|text| Self(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    /// A password or token that somebody else chose: of any length.
    pub fn unchecked(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// What is secret. Keep it out of logs, errors and argument lists.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

fn read(path: &Path) -> Result<String, SecretError> {
    fs::read_to_string(path).map_err(|source| SecretError::File {
        path: path.to_path_buf(),
        source,
    })
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_secrets_are_refused_and_none_is_shown() {
        let error = Secret::new(" 123456789012345 ", "a test").unwrap_err();
        assert!(matches!(error, SecretError::TooShort { found: 15, .. }));
        assert!(!error.to_string().contains("12345"));
        let secret = Secret::new("1234567890123456\n", "a test").unwrap();
        assert_eq!(secret.reveal(), "1234567890123456");
        assert_eq!(format!("{secret:?}"), "***");
    }

    #[test]
    fn secrets_come_from_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        assert!(matches!(
            Secret::from_file(&path),
            Err(SecretError::File { .. })
        ));
        fs::write(&path, "0123456789abcdef\n").unwrap();
        assert_eq!(
            Secret::from_file(&path).unwrap().reveal(),
            "0123456789abcdef"
        );
        fs::write(&path, "short \n").unwrap();
        assert_eq!(
            Secret::password_from_file(&path).unwrap().reveal(),
            "short "
        );
        assert!(Secret::from_environment("PROSOPON_NO_SUCH_VARIABLE").is_err());
    }
}
