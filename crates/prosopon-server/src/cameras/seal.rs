//! Secrets of cameras as they lie on disk: encrypted with a key that is kept beside the database, not in it.
//!
//! A copy of the database alone, such as a backup, opens no camera. Whoever may read the server's files can read both.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::error::{ApiError, ApiResult};
use crate::telemetry::{hex, random};

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// What is sealed belongs to this program and to one camera: a row cannot be copied to another.
const PURPOSE: &str = "prosopon camera";

/// Encrypts and decrypts with the key of a file.
pub(crate) struct Sealer {
    path: PathBuf,
    key: OnceLock<LessSafeKey>,
}

impl Sealer {
    /// With the key in the file at `path`, which is made when it is first needed.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            key: OnceLock::new(),
        }
    }

    /// Encrypts `text` for the camera `id`: 12 random bytes, then the ciphertext with its tag (AES-256-GCM, NIST SP
    /// 800-38D; with random nonces good for 2^32 messages, section 8.3).
    ///
    /// # Errors
    /// `internal` if the key can be neither read nor made.
    pub(crate) fn seal(&self, id: i64, text: &str) -> ApiResult<Vec<u8>> {
        let key = self.key(true)?;
        let nonce = random::<NONCE_LEN>();
        let mut sealed = text.as_bytes().to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            context(id),
            &mut sealed,
        )
        .map_err(|_| ApiError::internal("an address could not be encrypted"))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// What was encrypted.
    ///
    /// # Errors
    /// `secret_unreadable` if the key is another one than it was, or missing.
    pub(crate) fn open(&self, id: i64, sealed: &[u8]) -> ApiResult<String> {
        let unreadable = |why: &str| {
            ApiError::new(
                "secret_unreadable",
                format!(
                    "the camera's address cannot be decrypted: {why}: {}",
                    self.path.display()
                ),
            )
            .with_hint("put the file with the key back, or enter address and password again")
        };
        let key = match self.key(false) {
            Ok(key) => key,
            Err(_) if !self.path.exists() => {
                return Err(unreadable("the file with the key is missing"));
            }
            Err(error) => return Err(error),
        };
        let (nonce, sealed) = sealed
            .split_first_chunk::<NONCE_LEN>()
            .ok_or_else(|| unreadable("the record is broken"))?;
        let mut sealed = sealed.to_vec();
        let text = key
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                context(id),
                &mut sealed,
            )
            .map_err(|_| unreadable("it was encrypted with another key"))?;
        String::from_utf8(text.to_vec()).map_err(ApiError::internal)
    }

    fn key(&self, may_make: bool) -> ApiResult<&LessSafeKey> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let bytes = read_or_make(&self.path, may_make).map_err(|error| {
            ApiError::internal(format!(
                "could not use the key: {error}: {}",
                self.path.display()
            ))
        })?;
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(ApiError::internal)?;
        Ok(self.key.get_or_init(|| LessSafeKey::new(key)))
    }
}

fn context(id: i64) -> Aad<String> {
    Aad::from(format!("{PURPOSE} {id}"))
}

/// The key in a file of 64 hexadecimal digits, for its owner's eyes only.
fn read_or_make(path: &Path, may_make: bool) -> io::Result<[u8; KEY_BYTES]> {
    match fs::read_to_string(path) {
        Ok(text) => of_hex(text.trim()).ok_or_else(|| {
            let message = format!("expected {} hexadecimal digits", 2 * KEY_BYTES);
            io::Error::new(io::ErrorKind::InvalidData, message)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound && may_make => {
            let key = random::<KEY_BYTES>();
            let mut options = fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = match options.open(path) {
                // Another process was faster; its key counts.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return read_or_make(path, false);
                }
                file => file?,
            };
            writeln!(file, "{}", hex(&key))?;
            file.sync_all()?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
}

fn of_hex(text: &str) -> Option<[u8; KEY_BYTES]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * KEY_BYTES {
        return None;
    }
    let mut bytes = [0; KEY_BYTES];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_opened_with_its_key_only() {
        let folder = tempfile::tempdir().unwrap();
        let sealer = Sealer::new(folder.path().join("server.key"));
        let secret = "rtsp://admin:hunter2@10.0.0.9/";
        let sealed = sealer.seal(7, secret).unwrap();
        assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
        assert_ne!(sealed, sealer.seal(7, secret).unwrap());
        assert_eq!(sealer.open(7, &sealed).unwrap(), secret);
        let again = Sealer::new(folder.path().join("server.key"));
        assert_eq!(again.open(7, &sealed).unwrap(), secret);
        // Another camera's row, another key, no key, a broken record.
        assert_eq!(
            sealer.open(8, &sealed).unwrap_err().code,
            "secret_unreadable"
        );
        assert_eq!(
            sealer.open(7, &sealed[..20]).unwrap_err().code,
            "secret_unreadable"
        );
        assert_eq!(sealer.open(7, &[1]).unwrap_err().code, "secret_unreadable");
        let other = Sealer::new(folder.path().join("other.key"));
        assert_eq!(
            other.open(7, &sealed).unwrap_err().code,
            "secret_unreadable"
        );
        other.seal(1, "x").unwrap();
        assert_eq!(
            other.open(7, &sealed).unwrap_err().code,
            "secret_unreadable"
        );
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_its_owners() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.key");
        Sealer::new(path.clone()).seal(1, "x").unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(&path, "short").unwrap();
        assert_eq!(Sealer::new(path).seal(1, "x").unwrap_err().code, "internal");
    }
}
