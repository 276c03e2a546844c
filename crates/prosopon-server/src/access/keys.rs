//! API keys: made once, shown once, kept as hashes.
//!
//! A key is a random UUID (122 bits), the shape that clients of `CompreFace` insist on. With so many
//! random bits a plain SHA-256 cannot be reversed by guessing; a slow password hash would only slow
//! down every request.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::database::{Database, DatabaseError};
use crate::telemetry::{hex, random};

/// How often the time of a key's last use is written down, in milliseconds.
const LAST_USED_STEP_MILLIS: i64 = 60_000;

/// Number of a key.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
pub struct KeyId(pub i64);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a key is for. `Admin` includes all others, `Enrol` includes `Identify`; whoever may ask about pictures of
/// their own may not look through the server's cameras for that.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Ask: detect, embed, verify, identify.
    Identify,
    /// See and change people.
    Enrol,
    /// Look through cameras, read their events, send them frames.
    Cameras,
    /// Galleries, keys, audit log.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Identify, Self::Enrol, Self::Cameras, Self::Admin];

    /// Name of the scope.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Enrol => "enrol",
            Self::Cameras => "cameras",
            Self::Admin => "admin",
        }
    }

    /// Whether who has this has `other` too.
    pub fn includes(self, other: Self) -> bool {
        self == other || self == Self::Admin || (self, other) == (Self::Enrol, Self::Identify)
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|scope| scope.as_str() == name);
        known.ok_or_else(|| format!("expected identify, enrol, cameras or admin, found `{name}`"))
    }
}

/// What is known of a key; not the key itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeyRecord {
    /// Number.
    pub id: KeyId,
    /// What it is called in log and audit.
    pub name: String,
    /// What it is for.
    pub scopes: Vec<Scope>,
    /// The only gallery that it is for; null for all.
    pub gallery: Option<String>,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub created_millis: i64,
    /// When it ends.
    pub expires_millis: Option<i64>,
    /// When it was last used, to the minute.
    pub last_used_millis: Option<i64>,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// A key to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// What to call it.
    pub name: String,
    /// What it is for.
    pub scopes: Vec<Scope>,
    /// The only gallery that it is for.
    pub gallery: Option<String>,
    /// When it ends, in milliseconds since 1970-01-01 UTC.
    pub expires_millis: Option<i64>,
    /// A key that clients have already, in the shape of a UUID; none for a new one.
    pub secret: Option<String>,
}

impl KeyRecord {
    fn is_valid(&self, now: i64) -> bool {
        !self.revoked && self.expires_millis.is_none_or(|end| now < end)
    }
}

/// All keys, in the server's database; changes by other processes are seen at once.
pub struct KeyStore {
    database: Arc<Database>,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    version: Option<i64>,
    keys: Vec<(KeyRecord, [u8; 32])>,
}

impl KeyStore {
    /// The keys in the database at `path`, which is created if there is none.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        Ok(Self::on(Arc::new(Database::open(path)?)))
    }

    pub(crate) fn on(database: Arc<Database>) -> Self {
        Self {
            database,
            cache: Mutex::default(),
        }
    }

    /// Makes a key; gives back what is known of it and the key, which nobody can show again.
    ///
    /// # Errors
    /// [`DatabaseError`]; [`DatabaseError::Invalid`] for a name or a secret that cannot be.
    pub fn create(&self, new: &NewKey) -> Result<(KeyRecord, String), DatabaseError> {
        let invalid = |message: &str| {
            Err(DatabaseError::Invalid {
                message: message.to_owned(),
            })
        };
        if new.name.trim().is_empty()
            || new.name.len() > 100
            || new.name.chars().any(char::is_control)
        {
            return invalid("expected a name of 1 to 100 bytes without control characters");
        }
        if new.scopes.is_empty() {
            return invalid("expected at least one scope: identify, enrol, cameras or admin");
        }
        let secret = match &new.secret {
            None => new_secret(),
            Some(secret) if is_uuid(secret) => secret.to_ascii_lowercase(),
            Some(_) => {
                return invalid(
                    "expected a key in the shape of a UUID, such as 8-4-4-4-12 hexadecimal digits",
                );
            }
        };
        let mut record = KeyRecord {
            id: KeyId(0),
            name: new.name.clone(),
            scopes: new.scopes.clone(),
            gallery: new.gallery.clone(),
            created_millis: now_millis(),
            expires_millis: new.expires_millis,
            last_used_millis: None,
            revoked: false,
        };
        record.id = KeyId(self.database.add_key(&record, &hash(&secret))?);
        self.forget();
        Ok((record, secret))
    }

    /// All keys, revoked ones too, oldest first.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub fn list(&self) -> Result<Vec<KeyRecord>, DatabaseError> {
        let keys = self.database.keys()?;
        Ok(keys.into_iter().map(|(record, _)| record).collect())
    }

    /// Makes a key useless; `false` if there is no such key.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub fn revoke(&self, id: KeyId) -> Result<bool, DatabaseError> {
        let known = self.database.revoke_key(id.0)?;
        self.forget();
        Ok(known)
    }

    /// The valid key that `secret` is.
    pub(crate) fn find(&self, secret: &str) -> Option<KeyRecord> {
        let wanted = hash(&secret.to_ascii_lowercase());
        // Every key is looked at whole, so that time tells nothing.
        self.valid(|_, hash| {
            let difference = hash
                .iter()
                .zip(&wanted)
                .fold(0, |sum, (a, b)| sum | (a ^ b));
            difference == 0
        })
    }

    /// The valid key of this number.
    pub(crate) fn by_id(&self, id: KeyId) -> Option<KeyRecord> {
        self.valid(|record, _| record.id == id)
    }

    /// Whether there is any valid key.
    pub(crate) fn any(&self) -> bool {
        let mut cache = self.cached();
        valid_in(&mut cache, now_millis(), |_, _| true).is_some()
    }

    /// The valid key that this is about, whose use is noted.
    fn valid(&self, is_it: impl Fn(&KeyRecord, &[u8; 32]) -> bool) -> Option<KeyRecord> {
        let now = now_millis();
        let mut cache = self.cached();
        let record = valid_in(&mut cache, now, is_it)?;
        if record
            .last_used_millis
            .is_none_or(|last| now - last >= LAST_USED_STEP_MILLIS)
        {
            record.last_used_millis = Some(now);
            if let Err(error) = self.database.key_used(record.id.0, now) {
                tracing::warn!(cause = %error, "could not note the use of a key");
            }
        }
        Some(record.clone())
    }

    /// All keys, as the database has them now.
    fn cached(&self) -> std::sync::MutexGuard<'_, Cache> {
        let mut cache = self.lock();
        let version = self.database.version().ok();
        if version.is_none() || cache.version != version {
            cache.keys = match self.database.keys() {
                Ok(keys) => keys,
                Err(error) => {
                    tracing::error!(cause = %error, "could not read the keys");
                    Vec::new()
                }
            };
            cache.version = version;
        }
        cache
    }

    fn forget(&self) {
        self.lock().version = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last valid key that this is about; all are looked at.
fn valid_in(
    cache: &mut Cache,
    now: i64,
    is_it: impl Fn(&KeyRecord, &[u8; 32]) -> bool,
) -> Option<&mut KeyRecord> {
    let mut found = None;
    for (record, hash) in &mut cache.keys {
        if is_it(record, hash) && record.is_valid(now) {
            found = Some(record);
        }
    }
    found
}

/// A random UUID, version 4 (RFC 9562).
fn new_secret() -> String {
    let mut bytes = random::<16>();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    uuid(bytes)
}

/// The text of a UUID (RFC 9562).
pub(crate) fn uuid(bytes: [u8; 16]) -> String {
    let digits = hex(&bytes);
    [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ]
    .join("-")
}

/// Whether `text` has the shape of a UUID.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// Milliseconds since 1970-01-01 UTC.
pub(crate) fn now_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str) -> NewKey {
        NewKey {
            name: name.to_owned(),
            scopes: vec![Scope::Identify],
            gallery: None,
            expires_millis: None,
            secret: None,
        }
    }

    #[test]
    fn keys_are_made_found_and_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.db");
        let (ours, theirs) = (
            KeyStore::open(&path).unwrap(),
            KeyStore::open(&path).unwrap(),
        );
        let (a, secret) = ours.create(&new("a")).unwrap();
        let (b, other) = theirs.create(&new("b")).unwrap();
        assert!(is_uuid(&secret) && is_uuid(&other) && secret != other);
        // Whether there are keys is asked at each start, which is no use of one.
        assert!(ours.any());
        let unused = |key: &KeyRecord| key.last_used_millis.is_none();
        assert!(ours.list().unwrap().iter().all(unused));
        assert_eq!(ours.find(&secret).unwrap().id, a.id);
        assert_eq!(ours.find(&other.to_uppercase()).unwrap().name, "b");
        assert_eq!(ours.find("nothing"), None);
        assert!(ours.list().unwrap()[0].last_used_millis.is_some());
        assert!(theirs.revoke(b.id).unwrap());
        assert!(!theirs.revoke(KeyId(99)).unwrap());
        assert_eq!((ours.find(&other), ours.by_id(b.id)), (None, None));
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(36).any(|window| window == secret.as_bytes()));
    }

    #[test]
    fn keys_end_and_old_ones_can_be_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let store = KeyStore::open(&folder.path().join("server.db")).unwrap();
        let past = NewKey {
            expires_millis: Some(now_millis() - 1),
            ..new("past")
        };
        let (_, secret) = store.create(&past).unwrap();
        assert_eq!(store.find(&secret), None);
        let old = "00000000-0000-0000-0000-000000000002";
        let (_, secret) = store
            .create(&NewKey {
                secret: Some(old.to_owned()),
                ..new("old")
            })
            .unwrap();
        assert_eq!(secret, old);
        assert_eq!(store.find(old).unwrap().name, "old");
        assert!(
            store
                .create(&NewKey {
                    secret: Some("short".to_owned()),
                    ..new("x")
                })
                .is_err()
        );
        assert!(
            store
                .create(&NewKey {
                    scopes: vec![],
                    ..new("x")
                })
                .is_err()
        );
        assert!(store.create(&new("")).is_err());
    }

    #[test]
    fn wider_scopes_include_narrower_ones() {
        assert!(Scope::Admin.includes(Scope::Identify) && Scope::Enrol.includes(Scope::Identify));
        assert!(!Scope::Identify.includes(Scope::Enrol) && !Scope::Enrol.includes(Scope::Admin));
    }
}
