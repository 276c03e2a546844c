//! One running server for all tests, with a gallery for each of them.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Value, json};

use crate::common::{link_all, model_home};
use crate::http::{Answer, Body, send};
use crate::processes::{Ends, without_settings};

/// The real binary, listening on a port of its own; stopped when the last test lets go of it.
pub(crate) struct Server {
    /// First, so that it ends before its folder goes.
    _child: Ends,
    address: String,
    /// With all scopes, for all galleries.
    pub(crate) admin: String,
    home: tempfile::TempDir,
}

/// The server that tests share while any of them runs.
static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());

impl Server {
    /// The shared one, which requires keys; `None` without installed models.
    fn shared() -> Option<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = Arc::new(Self::start(&[
            ("PROSOPON_REQUIRE_KEYS", "always"),
            ("PROSOPON_COMPREFACE_STATIC_IMAGES", "true"),
        ])?);
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    /// One with settings of its own; `None` without installed models.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Option<Self> {
        let installed = model_home()?;
        let home = tempfile::tempdir().expect("a folder");
        let names = ["models", "runtime", "pictures"];
        link_all(&names, &installed, home.path());
        let keys = command(&home)
            .args(["keys", "create", "tests", "--scope", "admin", "--json"])
            .output()
            .expect("it runs");
        let key: Value = serde_json::from_slice(&keys.stdout).expect("a key");
        let mut serve = command(&home);
        serve
            .args(["serve", "--listen", "127.0.0.1:0", "--offline"])
            .args(["--requests-per-minute", "0"])
            .envs(settings.iter().copied())
            .stderr(Stdio::piped());
        let mut child = Ends::start(&mut serve);
        let mut lines = BufReader::new(child.0.stderr.take().expect("a pipe")).lines();
        let mut said = String::new();
        let address = loop {
            let Some(Ok(line)) = lines.next() else {
                panic!("the server ended: {said}");
            };
            if let Some(rest) = line.strip_prefix("ready: ") {
                break rest.split(' ').next().expect("an address").to_owned();
            }
            said += &line;
            said.push('\n');
        };
        // Somebody must read on, or the server stops when the pipe is full.
        std::thread::spawn(move || lines.count());
        Some(Self {
            _child: child,
            address,
            admin: key["key"].as_str().expect("a key").to_owned(),
            home,
        })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// A request with a key; an empty one is not sent.
    pub(crate) fn send(&self, method: &str, path: &str, key: &str, body: Option<Body>) -> Answer {
        let with_key = [("x-api-key", key)];
        let headers = if key.is_empty() { &[][..] } else { &with_key };
        send(method, &self.url(path), headers, body)
    }

    /// Everything in the audit log, newest first.
    pub(crate) fn audit(&self) -> Vec<Value> {
        let answer = self.send("GET", "/v1/audit?limit=200", &self.admin, None);
        answer.expect(200)["entries"]
            .as_array()
            .expect("a list")
            .clone()
    }

    /// A key for a gallery.
    pub(crate) fn key(&self, gallery: &str, scope: &str) -> String {
        let body = json!({"name": "test", "scopes": [scope], "gallery": gallery});
        let answer = self.send("POST", "/v1/keys", &self.admin, Some(Body::json(&body)));
        answer.expect(201)["key"]
            .as_str()
            .expect("a key")
            .to_owned()
    }

    /// Says so if the server is gone.
    pub(crate) fn is_running(&self) -> bool {
        self.home.path().join("server.db").is_file()
            && send("GET", &self.url("/health/live"), &[], None).status == 200
    }
}

fn command(home: &tempfile::TempDir) -> Command {
    let mut command = without_settings(env!("CARGO_BIN_EXE_prosopon"));
    command
        .current_dir(home.path())
        .env("PROSOPON_HOME", home.path());
    command
}

/// A gallery of its own on the shared server, and a key for it: a “face collection”.
pub(crate) struct Collection {
    pub(crate) server: Arc<Server>,
    pub(crate) gallery: String,
    pub(crate) key: String,
}

impl Collection {
    /// An empty one; `None` without installed models.
    pub(crate) fn new() -> Option<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let server = Server::shared()?;
        let gallery = format!("collection-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let body = Body::json(&json!({"name": gallery}));
        let made = server.send("POST", "/v1/galleries", &server.admin, Some(body));
        made.expect(201);
        Some(Self {
            key: server.key(&gallery, "enrol"),
            server,
            gallery,
        })
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.server.send("GET", path, &self.key, None)
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.server.send("DELETE", path, &self.key, None)
    }

    pub(crate) fn post(&self, path: &str, body: Body) -> Answer {
        self.server.send("POST", path, &self.key, Some(body))
    }

    pub(crate) fn put(&self, path: &str, body: Body) -> Answer {
        self.server.send("PUT", path, &self.key, Some(body))
    }

    /// Enrols a face; gives back its id.
    #[track_caller]
    pub(crate) fn enrol(&self, subject: &str, picture: &[u8]) -> String {
        let path = format!("/api/v1/recognition/faces?subject={subject}");
        let [form, _] = Body::both(&[("file", picture)]);
        let added = self.post(&path, form).expect(201);
        added["image_id"].as_str().expect("an id").to_owned()
    }

    /// The names of all subjects.
    pub(crate) fn subjects(&self) -> Value {
        self.get("/api/v1/recognition/subjects").expect(200)["subjects"].clone()
    }
}
