//! Requests as clients of the compatible APIs send them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use ureq::http::{HeaderMap, Method, Request};

/// What is sent.
#[derive(Clone)]
pub(crate) struct Body {
    content_type: String,
    bytes: Vec<u8>,
}

impl Body {
    pub(crate) fn json(value: &Value) -> Self {
        Self {
            content_type: "application/json".to_owned(),
            bytes: value.to_string().into_bytes(),
        }
    }

    /// A form of fields, as browsers send those without a file.
    pub(crate) fn fields(text: impl Into<Vec<u8>>) -> Self {
        Self {
            content_type: "application/x-www-form-urlencoded".to_owned(),
            bytes: text.into(),
        }
    }

    /// A form of parts: name, file name (empty for a field), bytes.
    pub(crate) fn parts(parts: &[(&str, &str, &[u8])]) -> Self {
        const BOUNDARY: &str = "prosopon-compat-tests";
        let mut body = Vec::new();
        for (name, file_name, bytes) in parts {
            body.extend(format!("--{BOUNDARY}\r\n").bytes());
            body.extend(format!("Content-Disposition: form-data; name=\"{name}\"").bytes());
            if !file_name.is_empty() {
                body.extend(format!("; filename=\"{file_name}\"").bytes());
            }
            body.extend(b"\r\n\r\n");
            body.extend(*bytes);
            body.extend(b"\r\n");
        }
        body.extend(format!("--{BOUNDARY}--\r\n").bytes());
        Self {
            content_type: format!("multipart/form-data; boundary={BOUNDARY}"),
            bytes: body,
        }
    }

    /// Pictures by name, in both ways that CompreFace takes them.
    pub(crate) fn both(pictures: &[(&str, &[u8])]) -> [Self; 2] {
        let parts: Vec<_> = pictures
            .iter()
            .map(|(name, bytes)| (*name, "picture.jpg", *bytes))
            .collect();
        let members: Map<String, Value> = pictures
            .iter()
            .map(|(name, bytes)| ((*name).to_owned(), STANDARD.encode(bytes).into()))
            .collect();
        [Self::parts(&parts), Self::json(&Value::Object(members))]
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.bytes)))
    }

    /// The document, if the status is the expected one.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(
            self.status,
            status,
            "{}",
            String::from_utf8_lossy(&self.bytes)
        );
        self.json()
    }

    /// The message, if this is CompreFace's error of that status and number.
    #[track_caller]
    pub(crate) fn error(&self, status: u16, code: u64) -> String {
        let value = self.expect(status);
        let members: Vec<&String> = value.as_object().expect("an object").keys().collect();
        assert_eq!(members, ["code", "message"], "{value}");
        assert_eq!(value["code"], code, "{value}");
        value["message"].as_str().expect("a message").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().expect("text"))
    }
}

/// Sends a request.
pub(crate) fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: Option<Body>,
) -> Answer {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .into();
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).expect("a method"))
        .uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = match body {
        None => agent.run(request.body(()).expect("a request")),
        Some(body) => {
            let request = request.header("content-type", body.content_type);
            agent.run(request.body(body.bytes).expect("a request"))
        }
    };
    let mut response = response.unwrap_or_else(|error| panic!("{method} {url}: {error}"));
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        bytes: response.body_mut().read_to_vec().expect("a body"),
    }
}
