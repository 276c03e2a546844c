//! Addresses of cameras, webhooks and brokers: what is understood never tells its password.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use prosopon_fetch::{Location, Moment};
use prosopon_fuzz::begin;
use prosopon_video::Address;
use prosopon_video::deliver::{Mqtt, Webhook};

/// What no text may show.
const PASSWORD: &str = "Xq7secret9Z";

#[derive(Arbitrary, Debug)]
struct Written<'a> {
    scheme: Scheme,
    user: &'a str,
    host: &'a str,
    rest: &'a str,
    /// As it is, or with user and password in front of the host.
    is_whole: bool,
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Scheme {
    None,
    Rtsp,
    Http,
    Https,
    Mqtt,
    Udp,
    Test,
    Loop,
    Webcam,
}

impl Written<'_> {
    /// The address; none if the password stands elsewhere than in its place.
    fn text(&self) -> Option<String> {
        let scheme = match self.scheme {
            Scheme::None => "",
            Scheme::Rtsp => "rtsp://",
            Scheme::Http => "http://",
            Scheme::Https => "https://",
            Scheme::Mqtt => "mqtt://",
            Scheme::Udp => "udp://",
            Scheme::Test => "test:",
            Scheme::Loop => "loop:",
            Scheme::Webcam => "webcam:",
        };
        let Self { host, rest, .. } = self;
        if self.is_whole || !scheme.ends_with("//") {
            let text = format!("{scheme}{host}{rest}");
            return (!text.contains(PASSWORD)).then_some(text);
        }
        // What ends the part of an address that holds a password would make it something else.
        let user: String = self
            .user
            .chars()
            .filter(|c| !"/?#@\\".contains(*c))
            .collect();
        let host: String = host.chars().filter(|c| !"/?#@\\".contains(*c)).collect();
        let text = format!("{scheme}{user}:{PASSWORD}@{host}/{rest}");
        (text.matches(PASSWORD).count() == 1).then_some(text)
    }
}

fn tells(shown: &str) {
    assert!(!shown.contains(PASSWORD), "{shown}");
}

fuzz_target!(init: begin(Vec::<Vec<u8>>::new), |written: Written| {
    let Some(text) = written.text() else { return };
    if let Ok(address) = text.parse::<Address>() {
        tells(&format!("{address}"));
        tells(&format!("{address:?}"));
    }
    if let Ok(webhook) = Webhook::parse(&text) {
        tells(&format!("{webhook} {webhook:?}"));
        tells(&webhook.url());
    }
    if let Ok(broker) = Mqtt::parse(&text) {
        tells(&format!("{broker} {broker:?}"));
    }
    if let Ok(location) = Location::parse(&text) {
        let _ = location.joined(written.rest);
        tells(&location.to_string());
    }
    let _ = written.rest.parse::<Moment>();
});
