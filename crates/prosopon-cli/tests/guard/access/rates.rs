//! How often somebody may ask.

use crate::client::{Answer, Request};
use crate::served::Served;

#[test]
fn too_many_requests_are_told_when_to_come_back() {
    let settings = [
        ("require_keys", "always"),
        ("requests_per_minute", "20"),
        ("threads", "1"),
    ];
    let Some(server) = Served::start(&settings) else {
        return;
    };
    let (a, b) = (
        server.place.key("a", "identify", &[]),
        server.place.key("b", "identify", &[]),
    );
    let ask = |key: &str| {
        Request::new("GET", "/v1/galleries")
            .key(key)
            .send(server.address)
    };
    let answers: Vec<Answer> = (0..25).map(|_| ask(&a)).collect();
    assert!(answers[..20].iter().all(|answer| answer.status == 200));
    let refused = answers[24].clone().expect(429);
    assert_eq!(refused.code(), "too_many_requests");
    let secs: u64 = refused
        .header("retry-after")
        .expect("a time")
        .parse()
        .expect("seconds");
    assert!((1..=60).contains(&secs), "{secs}");
    // One key's haste is not another's.
    ask(&b).expect(200);

    let wrong: Vec<u16> = (0..40).map(|i| ask(&format!("wrong {i}")).status).collect();
    assert_eq!(
        wrong.iter().filter(|status| **status == 401).count(),
        30,
        "{wrong:?}"
    );
    assert_eq!(
        wrong.iter().filter(|status| **status == 429).count(),
        10,
        "{wrong:?}"
    );
    let at_the_door = Request::new("POST", "/v1/session").json(r#"{"key": "wrong"}"#);
    assert_eq!(at_the_door.send(server.address).status, 429);
    ask(&b).expect(200);
    // A refused upload hears the answer although it sends all before it reads.
    let upload = Request::new("POST", "/v1/detect")
        .key(&a)
        .body("image/jpeg", vec![0; 4 << 20]);
    upload.send(server.address).expect(429);
}
