//! What makes cameras appear in Home Assistant by themselves.
//!
//! Its MQTT integration listens to `<discovery prefix>/<component>/<node>/<object>/config`
//! (<https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery>). Each camera is a device with a sensor, a binary
//! sensor, an event entity and, if crops are published, an image.

use serde_json::{Value, json};

use super::topics::{Topics, slug};
use crate::EventKind;

/// Topics with what is to be published there, retained.
pub(super) fn messages(
    discovery: &str,
    topics: &Topics,
    installation: &str,
    camera: &str,
    with_crop: bool,
) -> Vec<(String, Value)> {
    let node = format!("prosopon_{installation}");
    let slug = slug(camera);
    let common = |what: &str, name: &str, icon: &str| {
        json!({
            "name": name,
            "unique_id": format!("{node}_{slug}_{what}"),
            "icon": icon,
            "availability_topic": topics.status(),
            "device": {
                "identifiers": [format!("{node}_{slug}")],
                "name": camera,
                "manufacturer": "Prosopon",
                "model": "Camera",
                "sw_version": env!("CARGO_PKG_VERSION"),
            },
            "origin": { "name": "Prosopon", "sw_version": env!("CARGO_PKG_VERSION") },
        })
    };
    let mut messages = Vec::new();
    let mut add = |component: &str, what: &str, mut message: Value, more: Value| {
        if let (Value::Object(message), Value::Object(more)) = (&mut message, more) {
            message.extend(more);
        }
        let topic = format!("{discovery}/{component}/{node}/{slug}_{what}/config");
        messages.push((topic, message));
    };
    add(
        "sensor",
        "person",
        common("person", "Last person", "mdi:face-recognition"),
        json!({
            "state_topic": topics.of(camera, "person"),
            "value_template": "{{ value_json.name }}",
            "json_attributes_topic": topics.of(camera, "person"),
        }),
    );
    add(
        "binary_sensor",
        "occupancy",
        common("occupancy", "Occupancy", "mdi:account-eye"),
        json!({
            "state_topic": topics.of(camera, "occupancy"),
            "device_class": "occupancy",
        }),
    );
    add(
        "event",
        "event",
        common("event", "Face", "mdi:face-recognition"),
        json!({
            "state_topic": topics.of(camera, "event"),
            "event_types": EventKind::ALL.map(EventKind::name),
        }),
    );
    if with_crop {
        add(
            "image",
            "crop",
            common("crop", "Last face", "mdi:face-man"),
            json!({
                "image_topic": topics.of(camera, "crop"),
                "content_type": "image/jpeg",
            }),
        );
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_is_one_device_with_entities_of_their_own() {
        let topics = Topics::new("prosopon");
        let messages = messages("homeassistant", &topics, "0123", "Front door", true);
        let topics: Vec<&str> = messages.iter().map(|(topic, _)| topic.as_str()).collect();
        assert_eq!(
            topics,
            [
                "homeassistant/sensor/prosopon_0123/front_door_person/config",
                "homeassistant/binary_sensor/prosopon_0123/front_door_occupancy/config",
                "homeassistant/event/prosopon_0123/front_door_event/config",
                "homeassistant/image/prosopon_0123/front_door_crop/config",
            ]
        );
        let mut ids: Vec<&str> = messages
            .iter()
            .filter_map(|(_, message)| message["unique_id"].as_str())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 4);
        assert!(messages.iter().all(|(_, message)| {
            message["device"] == messages[0].1["device"]
                && message["availability_topic"] == "prosopon/status"
        }));
        assert_eq!(messages[0].1["state_topic"], "prosopon/front_door/person");
    }
}
