//! Video files: every frame, then the end.

use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::Frame;
use crate::ffmpeg::{Decoder, Facts, Ffmpeg, Input, Log, What, explain, probe};

use super::stop::OnStop;
use super::{
    Address, AddressKind, OnState, Source, SourceError, SourceFacts, SourceOptions, SourceState,
    Stop,
};

/// A file whose last frame is this much before the end that its header promises was cut: sound often outlasts
/// the pictures by less.
const MISSING_END: Duration = Duration::from_secs(2);

/// A video file, of this machine or of a web server.
pub(crate) struct Video {
    name: String,
    what: What,
    facts: Facts,
    start: Timestamp,
    decoder: Decoder,
    stop: Stop,
    on_state: OnState,
    size: Option<(u32, u32)>,
    next: u64,
    position: Duration,
    is_over: bool,
    problems: Vec<String>,
    _on_stop: OnStop,
}

impl Video {
    /// Looks at what the file holds, and begins to decode it.
    pub(crate) fn open(
        address: &Address,
        options: &SourceOptions,
        ffmpeg: &Arc<Ffmpeg>,
        stop: &Stop,
        on_state: OnState,
    ) -> Result<Self, SourceError> {
        on_state(SourceState::Connecting);
        let (what, url, mut input) = match address.kind() {
            AddressKind::Path(path) => {
                check_file(path)?;
                (What::File, file_url(path), file_options(ffmpeg))
            }
            _ => (
                What::Network,
                address.url().into(),
                web_options(ffmpeg, options),
            ),
        };
        let facts = probe(
            ffmpeg,
            &input,
            &url,
            options.max_pixels,
            &Log::of(address),
            what,
        )?;
        if options.in_real_time {
            input.push("-re".to_owned());
        }
        let input = Input {
            options: input,
            url,
            stream: format!("0:{}", facts.stream),
            max_pixels: options.max_pixels,
        };
        let decoder = Decoder::start(ffmpeg, &input, Log::of(address))?;
        let on_stop = stop.on_stop({
            let child = decoder.child().clone();
            move || child.kill()
        });
        Ok(Self {
            name: address.to_string(),
            what,
            facts,
            start: Timestamp::now(),
            decoder,
            stop: stop.clone(),
            on_state,
            size: None,
            next: 0,
            position: Duration::ZERO,
            is_over: false,
            problems: Vec::new(),
            _on_stop: on_stop,
        })
    }

    /// All frames are taken: whether they are all that there should be.
    fn end(&mut self) -> Result<(), SourceError> {
        self.is_over = true;
        let end = self.decoder.finish();
        (self.on_state)(SourceState::Ended);
        if self.stop.is_stopped() {
            return Ok(());
        }
        let lines = self.decoder.messages();
        if self.next == 0 {
            return Err(end.error.unwrap_or_else(|| explain(&lines, self.what)));
        }
        if let Some(error) = end.error {
            self.problems.push(format!("ends early: {error}"));
            return Ok(());
        }
        let damaged = self.decoder.n_decode_errors();
        let missing = self
            .facts
            .duration
            .map(|promised| promised.saturating_sub(self.position))
            .filter(|missing| *missing > MISSING_END);
        if let Some(missing) = missing {
            self.problems.push(format!(
                "the file is cut: its header promises {:.1} s more than can be read, {} frames were used",
                missing.as_secs_f64(),
                self.next
            ));
        } else if !end.is_clean {
            let why = explain(&lines, self.what);
            self.problems
                .push(format!("ends early after {} frames: {why}", self.next));
        } else if damaged > 0 {
            self.problems.push(format!(
                "parts of the file are damaged: {} frames were used",
                self.next
            ));
        }
        Ok(())
    }
}

impl Source for Video {
    fn next(&mut self) -> Result<Option<Frame>, SourceError> {
        if self.is_over {
            return Ok(None);
        }
        let raw = if self.stop.is_stopped() {
            None
        } else {
            self.decoder.wait()
        };
        let Some(raw) = raw else {
            return self.end().map(|()| None);
        };
        let size = (raw.image.width(), raw.image.height());
        let rate = self.facts.frames_per_second;
        if self.size != Some(size) {
            self.size = Some(size);
            (self.on_state)(SourceState::Running {
                size,
                frames_per_second: rate,
            });
        }
        // A frame without a time follows the one before; a time that goes back stands still.
        let step = Duration::from_secs_f64(1.0 / rate.unwrap_or(25.0).clamp(0.01, 1000.0));
        let guess = if self.next == 0 {
            Duration::ZERO
        } else {
            self.position + step
        };
        self.position = raw.position.unwrap_or(guess).max(self.position);
        let frame = Frame {
            image: raw.image,
            index: self.next,
            position: self.position,
            at: after(self.start, self.position),
        };
        self.next += 1;
        Ok(Some(frame))
    }

    fn facts(&self) -> SourceFacts {
        SourceFacts {
            name: self.name.clone(),
            is_live: false,
            size: self.size.or(Some(self.facts.size)),
            frames_per_second: self.facts.frames_per_second,
            n_frames: self.facts.n_frames,
            duration: self.facts.duration,
            has_sound: self.facts.sound.is_some(),
        }
    }

    fn problems(&self) -> Vec<String> {
        self.problems.clone()
    }
}

/// The moment `position` after `start`; the last that can be told if there is none.
pub(super) fn after(start: Timestamp, position: Duration) -> Timestamp {
    SignedDuration::try_from(position)
        .ok()
        .and_then(|position| start.checked_add(position).ok())
        .unwrap_or(Timestamp::MAX)
}

/// What can be said about a file before FFmpeg sees it.
pub(super) fn check_file(path: &Path) -> Result<(), SourceError> {
    let failed = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => SourceError::NotFound {
            expected: "a video",
        },
        ErrorKind::PermissionDenied => SourceError::Permission { what: "the file" },
        _ => SourceError::Io { source },
    };
    let metadata = path.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(SourceError::NotAVideo {
            found: "a folder".to_owned(),
        });
    }
    if !metadata.is_file() {
        return Err(SourceError::NotAVideo {
            found: "something that is no file".to_owned(),
        });
    }
    let mut first = [0; 1];
    match File::open(path).and_then(|mut file| file.read(&mut first)) {
        Ok(0) => Err(SourceError::Empty),
        Ok(_) => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// A path that FFmpeg takes for a file whatever it looks like.
pub(crate) fn file_url(path: &Path) -> OsString {
    let mut url = OsString::from("file:");
    url.push(path);
    url
}

/// A file is read by readers that stay within it, and nothing else is opened for it.
pub(crate) fn file_options(ffmpeg: &Ffmpeg) -> Vec<String> {
    [
        "-protocol_whitelist",
        "file",
        "-format_whitelist",
        &ffmpeg.near_readers(),
    ]
    .map(str::to_owned)
    .to_vec()
}

fn web_options(ffmpeg: &Ffmpeg, options: &SourceOptions) -> Vec<String> {
    let micros = options.connect.as_micros().to_string();
    [
        "-protocol_whitelist",
        "http,https,tcp,tls",
        "-format_whitelist",
        &ffmpeg.near_readers(),
        "-rw_timeout",
        &micros,
    ]
    .map(str::to_owned)
    .to_vec()
}
