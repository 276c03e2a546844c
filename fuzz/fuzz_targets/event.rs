//! Events as receivers and the store have them: what is understood is written so that it is understood again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prosopon_fuzz::begin;
use prosopon_video::Event;

const EVENT: &str = r#"{"id":"00112233445566778899aabbccddeeff","kind":"recognised","camera":"door","track":3,
"at":"2026-01-02T03:04:05.678Z","position":1.5,"since":"2026-01-02T03:04:04Z","subject":{"id":1,"name":"Anna","metadata":{"team":"blue"}},
"similarity":0.61,"threshold":0.4,"fmr":0.0001,"model":"m@0a1b2c3d","liveness":0.9,"quality":0.8,"attributes":{"age":31},
"bounding_box":{"left":1.0,"top":2.0,"right":3.0,"bottom":4.0},"frame_size":[640,480]}"#;

fuzz_target!(init: begin(|| vec![EVENT]), |json: &[u8]| {
    if let Ok(event) = serde_json::from_slice::<Event>(json) {
        let written = serde_json::to_vec(&event).expect("JSON");
        let again: Event = serde_json::from_slice(&written).expect("an event of our own");
        assert_eq!(again.id, event.id);
        assert_eq!(again.at, event.at);
    }

});
