//! An MQTT 3.1.1 broker: events, retained states, Home Assistant. `docs/events.md` lists the topics.
//!
//! Everything goes out at `QoS` 1, one message at a time: an event counts as delivered when the broker has confirmed it
//! (PUBACK). States go before the event that changed them, so that whoever acts on the event finds them. After any
//! error the connection is made anew. The broker tells `offline` if this process ends without a word.

mod connection;
mod home_assistant;
mod presence;
mod topics;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use self::connection::Connection;
use self::presence::Presence;
use self::topics::Topics;
use super::courier::{Courier, Undelivered, json as event_json};
use super::target::{Mqtt, digest};
use crate::store::{Signal, StoredEvent};
use crate::{Event, EventKind};

/// Longest state that Home Assistant takes.
const MAX_STATE_CHARS: usize = 255;

/// Publishes events to one broker.
pub(super) struct Publisher {
    options: Mqtt,
    topics: Topics,
    installation: String,
    connection: Option<Connection>,
    /// Cameras whose states and discovery the broker has from this connection.
    announced: BTreeSet<String>,
    presence: Presence,
}

impl Publisher {
    pub(super) fn new(options: Mqtt, installation: &str) -> Self {
        Self {
            topics: Topics::new(&options.prefix),
            installation: installation.to_owned(),
            connection: None,
            announced: BTreeSet::new(),
            presence: Presence::new(Timestamp::now()),
            options,
        }
    }

    /// The name by which the broker knows us: the same after a restart, so that the broker ends what is left of the
    /// last connection, and its last will does not come after our `online`. At most 23 letters and digits, which
    /// every broker takes (MQTT 3.1.1, §3.1.3.1).
    fn client_id(&self) -> String {
        let text = format!("{}/{}", self.installation, self.options.prefix);
        format!("prosopon{}", &digest(&text)[..15])
    }

    fn connected(&mut self) -> Result<&mut Connection, Undelivered> {
        if self.connection.is_none() {
            let status = self.topics.status();
            let mut connection = Connection::open(&self.options, &self.client_id(), &status)?;
            connection.publish(&status, b"online".to_vec(), true)?;
            self.announced.clear();
            self.connection = Some(connection);
        }
        self.connection
            .as_mut()
            .ok_or_else(|| Undelivered::again("no connection"))
    }

    fn publish(&mut self, topic: &str, payload: Vec<u8>, retain: bool) -> Result<(), Undelivered> {
        let result = self.connected()?.publish(topic, payload, retain);
        if result.is_err() {
            self.connection = None;
        }
        result
    }

    /// Tells of a camera, once for each connection.
    fn announce(&mut self, camera: &str) -> Result<(), Undelivered> {
        self.connected()?;
        if self.announced.contains(camera) {
            return Ok(());
        }
        if let Some(discovery) = self.options.home_assistant.clone() {
            let messages = home_assistant::messages(
                &discovery,
                &self.topics,
                &self.installation,
                camera,
                self.options.with_crop,
            );
            for (topic, message) in messages {
                self.publish(&topic, message.to_string().into_bytes(), true)?;
            }
        }
        self.publish_occupancy(camera)?;
        self.announced.insert(camera.to_owned());
        Ok(())
    }

    fn publish_occupancy(&mut self, camera: &str) -> Result<(), Undelivered> {
        let state = if self.presence.is_anybody(camera) {
            "ON"
        } else {
            "OFF"
        };
        let topic = self.topics.of(camera, "occupancy");
        self.publish(&topic, state.into(), true)
    }
}

impl Courier for Publisher {
    fn wants_crop(&self) -> bool {
        self.options.with_crop
    }

    fn prepare(&mut self) -> Result<(), Undelivered> {
        self.connected().map(|_| ())
    }

    fn deliver(&mut self, stored: &StoredEvent, crop: Option<&[u8]>) -> Result<(), Undelivered> {
        let event = &stored.event;
        let camera = event.camera.as_str();
        self.announce(camera)?;
        if let Some(person) = person(event) {
            let topic = self.topics.of(camera, "person");
            self.publish(&topic, person.to_string().into_bytes(), true)?;
        }
        if let Some(crop) = crop {
            let topic = self.topics.of(camera, "crop");
            self.publish(&topic, crop.to_vec(), true)?;
        }
        if self.presence.see(event) {
            self.publish_occupancy(camera)?;
        }
        let topic = self.topics.of(camera, "event");
        self.publish(&topic, with_event_type(stored)?, false)
    }

    fn wait(&mut self, signal: &Signal, seen: u64, timeout: Duration) -> Result<(), Undelivered> {
        let Some(connection) = &mut self.connection else {
            signal.wait(seen, timeout);
            return Ok(());
        };
        let result = connection.wait(signal, seen, timeout);
        if result.is_err() {
            self.connection = None;
        }
        result
    }

    fn close(&mut self) {
        if self.connection.is_some() {
            let status = self.topics.status();
            // If that fails, the broker tells it for us.
            let _ = self.publish(&status, b"offline".to_vec(), true);
        }
        if let Some(connection) = self.connection.take() {
            connection.close();
        }
    }
}

/// The event's JSON with `event_type`, by which Home Assistant knows kinds of events.
fn with_event_type(stored: &StoredEvent) -> Result<Vec<u8>, Undelivered> {
    let mut bytes = event_json(stored, None)?;
    let kind = format!(",\"event_type\":\"{}\"}}", stored.event.kind.name());
    // An object with fields: it ends with the brace that the new end replaces.
    bytes.pop();
    bytes.extend_from_slice(kind.as_bytes());
    Ok(bytes)
}

/// What is known of the last person, if `event` says anything about that.
fn person(event: &Event) -> Option<Value> {
    let name = match (event.kind, &event.subject) {
        (EventKind::Recognised, Some(subject)) => {
            subject.name.chars().take(MAX_STATE_CHARS).collect()
        }
        (EventKind::Unknown, _) => "unknown".to_owned(),
        _ => return None,
    };
    Some(json!({
        "name": name,
        "subject": event.subject,
        "similarity": event.similarity,
        "liveness": event.liveness,
        "at": event.at,
        "event_id": event.id,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoredEvent;
    use crate::testing;

    #[test]
    fn the_event_has_its_type() {
        let stored = StoredEvent {
            sequence: 7,
            has_crop: false,
            event: testing::recognised("hall", 3, "Anna \"A\" }"),
        };
        let json: Value = serde_json::from_slice(&with_event_type(&stored).unwrap()).unwrap();
        assert_eq!(json["event_type"], "recognised");
        assert_eq!(json["sequence"], 7);
        assert_eq!(json["subject"]["name"], "Anna \"A\" }");
    }

    #[test]
    fn the_last_person_is_whom_somebody_recognised() {
        let anna = testing::recognised("hall", 3, &"Anna".repeat(100));
        let person_json = person(&anna).unwrap();
        assert_eq!(person_json["name"].as_str().map(str::len), Some(255));
        assert_eq!(person_json["subject"]["name"], "Anna".repeat(100));
        let event = |kind| testing::event("hall", 3, kind);
        assert_eq!(
            person(&event(EventKind::Unknown)).unwrap()["name"],
            "unknown"
        );
        assert_eq!(person(&event(EventKind::Left)), None);
        assert_eq!(person(&event(EventKind::Appeared)), None);
    }

    #[test]
    fn the_client_keeps_its_name() {
        let publisher = |prefix: &str| {
            Publisher::new(
                Mqtt::parse(&format!("mqtt://broker/{prefix}")).unwrap(),
                "0123456789abcdef",
            )
        };
        let id = publisher("a").client_id();
        assert_eq!(id, publisher("a").client_id());
        assert_ne!(id, publisher("b").client_id());
        assert!(id.len() == 23 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
