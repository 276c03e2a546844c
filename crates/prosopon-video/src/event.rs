//! What is told: somebody appeared, was recognised, left.

use std::fmt;

use jiff::Timestamp;
use prosopon::{BoundingBox, ModelId};
use prosopon_gallery::{Metadata, SubjectId};
use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A face has been there for long enough to be no mistake of the detector. Who it is may not be known yet.
    Appeared,
    /// The evidence of several frames says who it is.
    Recognised,
    /// The evidence of several frames says that it is nobody who is enrolled.
    Unknown,
    /// The track ended.
    Left,
    /// The face looks like a printed or replayed one.
    SpoofSuspected,
}

/// Name of an event, the same for ever and everywhere: receivers that were told twice know it by this.
///
/// 128 random bits as 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(String);

/// Somebody who was recognised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventSubject {
    /// Number within the gallery.
    pub id: SubjectId,
    /// Name at that moment.
    pub name: String,
    /// What the gallery keeps about the person, so that a receiver can act on it.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
}

/// One event of one camera.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its name.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// Name of the camera or file.
    pub camera: String,
    /// Number of the track, from 1, within one run of the camera.
    pub track: u64,
    /// When it happened; see [`Frame::at`](crate::Frame::at).
    pub at: Timestamp,
    /// Seconds from the start of the source.
    pub position: f64,
    /// When the track began.
    pub since: Timestamp,
    /// Who it is, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<EventSubject>,
    /// How close the track's mean embedding is to the best candidate; higher is closer. None before there is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f32>,
    /// The similarity that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
    /// The rate at which a stranger's comparison reaches the threshold, if it was chosen by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fmr: Option<f64>,
    /// The model whose embeddings were compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelId>,
    /// How live the face looks over the track, in [0, 1]; none if it was not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liveness: Option<f32>,
    /// Quality of the best crop, in [0, 1].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<f32>,
    /// Attributes that were asked for, by name.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub attributes: serde_json::Map<String, serde_json::Value>,
    /// Where the face is, in pixels of the frame.
    pub bounding_box: BoundingBox,
    /// Width and height of the frame.
    pub frame_size: (u32, u32),
    /// The best crop of the track so far as a JPEG. It is stored and shown, and no part of the JSON.
    #[serde(skip)]
    pub crop: Option<Vec<u8>>,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Appeared,
        Self::Recognised,
        Self::Unknown,
        Self::Left,
        Self::SpoofSuspected,
    ];

    /// As it is written in JSON, on topics and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Appeared => "appeared",
            Self::Recognised => "recognised",
            Self::Unknown => "unknown",
            Self::Left => "left",
            Self::SpoofSuspected => "spoof_suspected",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl EventId {
    /// A new one.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub fn random() -> std::io::Result<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Self(hexadecimal(&bytes)))
    }

    /// Its 32 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id with these 32 hexadecimal digits.
    pub fn from_hex(digits: &str) -> Option<Self> {
        let is_hex = digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        is_hex.then(|| Self(digits.to_ascii_lowercase()))
    }
}

/// Two digits for each byte.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        digits.push_str(&format!("{byte:02x}"));
        digits
    })
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_names_that_json_has() {
        for kind in EventKind::ALL {
            let json = serde_json::to_value(kind).expect("a string");
            assert_eq!(json, kind.name());
            assert_eq!(EventKind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(EventKind::from_name("arrived"), None);
    }

    #[test]
    fn ids_differ_and_are_read_back() {
        let (a, b) = (
            EventId::random().expect("random"),
            EventId::random().expect("random"),
        );
        assert_ne!(a, b);
        assert_eq!(EventId::from_hex(a.as_str()), Some(a));
        assert_eq!(EventId::from_hex("12"), None);
    }
}
