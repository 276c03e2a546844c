//! A door that opens for enrolled people with a live face: a receiver of webhooks. `docs/access-control.md` says how to
//! use it, and what it cannot do.
//!
//! ```sh
//! openssl rand -hex 32 > door.secret
//! cargo run -p prosopon-video --example door -- 127.0.0.1:8765 door.secret audit.jsonl
//! prosopon watch door=rtsp://… --fmr 1e-5 --require-live --webhook http://127.0.0.1:8765/ --webhook-secret door.secret
//! ```

use std::collections::BTreeSet;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use prosopon_video::deliver::Secret;
use prosopon_video::deliver::sign::{SIGNATURE_HEADER, TIMESTAMP_HEADER, verify};
use prosopon_video::{EventKind, StoredEvent};
use serde_json::json;

/// A message is believed for so long after it was sent.
const MESSAGE_SECS: u32 = 30;

/// Somebody who was recognised earlier than this may have gone away: an event that was late opens nothing.
const EVENT_SECS: i64 = 10;

/// A comparison with a stranger may succeed at this rate at most. The camera says which rate it was set to.
const MAX_FMR: f64 = 1e-4;

/// The liveness that is asked for, in [0, 1]; measure your own with `prosopon evaluate liveness`.
const MIN_LIVENESS: f32 = 0.6;

/// The largest message that is read.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Why the door stays shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The id was there before.
    Replayed,
    /// Nobody was recognised.
    NotRecognised,
    /// It happened too long ago, or in the future.
    Late,
    /// The camera does not say at which FMR it decides, or it is too high.
    Rate,
    /// The similarity does not reach the threshold.
    Dissimilar,
    /// The face was not looked at for liveness, or does not look live.
    NotLive,
    /// The person has no `door: true` in the metadata.
    NotAllowed,
}

/// Whether the door opens for this event, and for whom.
///
/// # Errors
/// The first reason why it does not.
pub(crate) fn decide(
    stored: &StoredEvent,
    is_known: bool,
    now: Timestamp,
) -> Result<&str, Refusal> {
    let event = &stored.event;
    if is_known {
        return Err(Refusal::Replayed);
    }
    let Some(subject) = event
        .subject
        .as_ref()
        .filter(|_| event.kind == EventKind::Recognised)
    else {
        return Err(Refusal::NotRecognised);
    };
    if now.duration_since(event.at).as_secs().abs() > EVENT_SECS {
        return Err(Refusal::Late);
    }
    if event.fmr.is_none_or(|fmr| fmr > MAX_FMR) {
        return Err(Refusal::Rate);
    }
    match (event.similarity, event.threshold) {
        (Some(similarity), Some(threshold)) if similarity >= threshold => {}
        _ => return Err(Refusal::Dissimilar),
    }
    if event
        .liveness
        .is_none_or(|liveness| liveness < MIN_LIVENESS)
    {
        return Err(Refusal::NotLive);
    }
    if subject.metadata.get("door") != Some(&true.into()) {
        return Err(Refusal::NotAllowed);
    }
    Ok(&subject.name)
}

/// What happened at the door: a line for each message that was believed, on the disk before anything moves.
struct Audit {
    file: File,
    known: BTreeSet<String>,
}

impl Audit {
    /// Opens the trail, and remembers the ids in it, so that a restart forgets no message.
    fn open(path: &Path) -> io::Result<Self> {
        let before = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let known = before
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter_map(|entry| entry["event"].as_str().map(str::to_owned))
            .collect();
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self { file, known })
    }

    fn knows(&self, stored: &StoredEvent) -> bool {
        self.known.contains(stored.event.id.as_str())
    }

    fn write(&mut self, stored: &StoredEvent, verdict: Result<&str, Refusal>) -> io::Result<()> {
        let event = &stored.event;
        let entry = json!({
            "at": Timestamp::now(),
            "event": event.id,
            "seen": event.at,
            "camera": event.camera,
            "subject": event.subject.as_ref().map(|subject| &subject.name),
            "similarity": event.similarity,
            "threshold": event.threshold,
            "fmr": event.fmr,
            "liveness": event.liveness,
            "opened": verdict.is_ok(),
            "refusal": verdict.err().map(|refusal| format!("{refusal:?}")),
        });
        let line = format!("{entry}\n");
        let whole = self.file.metadata()?.len();
        let written = self.file.write_all(line.as_bytes());
        if let Err(error) = written.and_then(|()| self.file.sync_data()) {
            // Nothing has moved, and half a line would spoil the next one, by which a message is known again.
            let _ = self.file.set_len(whole);
            return Err(error);
        }
        self.known.insert(event.id.as_str().to_owned());
        Ok(())
    }
}

/// Reads one request, decides, and gives the status to answer with.
fn handle(stream: &TcpStream, secret: &Secret, audit: &mut Audit) -> io::Result<u16> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream.take(MAX_BODY_BYTES as u64 + 16_384));
    let mut length: Option<usize> = None;
    let (mut timestamp, mut signature) = (String::new(), String::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(400);
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok(),
            TIMESTAMP_HEADER => value.clone_into(&mut timestamp),
            SIGNATURE_HEADER => value.clone_into(&mut signature),
            _ => {}
        }
    }
    let Some(length) = length.filter(|&length| length <= MAX_BODY_BYTES) else {
        return Ok(413);
    };
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let now = Timestamp::now();
    // Checked before anything of it is read.
    if let Err(error) = verify(secret, &timestamp, &signature, &body, now, MESSAGE_SECS) {
        eprintln!("not believed: {error}");
        return Ok(401);
    }
    let Ok(stored) = serde_json::from_slice::<StoredEvent>(&body) else {
        return Ok(422);
    };
    let is_known = audit.knows(&stored);
    let verdict = decide(&stored, is_known, now);
    // Before the door opens: what is not written down does not happen.
    audit.write(&stored, verdict)?;
    match verdict {
        Ok(name) => println!("door opens for {name}"),
        Err(refusal) => println!("door stays shut: {refusal:?}"),
    }
    // Refused or not, the message has arrived.
    Ok(204)
}

/// Waits for messages until it is ended.
///
/// # Errors
/// If the address, the secret or the trail cannot be used.
pub(crate) fn run(address: &str, secret: &Path, trail: &Path) -> Result<(), Box<dyn Error>> {
    let secret = Secret::from_file(secret)?;
    let mut audit = Audit::open(trail)?;
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let outcome = stream.and_then(|mut stream| {
            let status = handle(&stream, &secret, &mut audit)?;
            write!(
                stream,
                "HTTP/1.1 {status} \r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
        });
        if let Err(error) = outcome {
            // Nothing was answered, so it is sent again.
            eprintln!("request failed: {error}");
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, address, secret, trail] = &args[..] else {
        return Err("usage: door ADDRESS:PORT SECRET_FILE AUDIT_FILE".into());
    };
    run(address, Path::new(secret), Path::new(trail))
}
