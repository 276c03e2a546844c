//! Sources that go on by themselves: cameras and streams. Watched, and opened again when they stall.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::Frame;
use crate::ffmpeg::{Decoder, Ffmpeg, Input, Log, Raw, Step, What, explain};
use crate::sync::locked;

use super::newest::Newest;
use super::stop::OnStop;
use super::video::{check_file, file_options, file_url};
use super::{
    Address, AddressKind, OnState, Source, SourceError, SourceFacts, SourceOptions, SourceState,
    Stop, Transport,
};

/// First wait before a source is opened again; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Longest wait. An attempt that began just before the camera came back may take five seconds more, and frames
/// are to come again within ten.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// How long a camera that answers may take to its first picture: the next one that stands for itself comes, by
/// the camera's setting, every one to ten seconds.
const FIRST_PICTURE: Duration = Duration::from_secs(12);

/// A live source.
pub(crate) struct Live {
    name: String,
    newest: Newest,
    known: Arc<Known>,
    thread: Option<JoinHandle<()>>,
    /// Ends the thread when the source is dropped while the caller's own `Stop` is not set.
    end: Stop,
    _on_stop: OnStop,
}

/// What the thread finds out.
#[derive(Default)]
struct Known {
    size: Mutex<Option<(u32, u32)>>,
    rate: Mutex<Option<f64>>,
    n_frames: AtomicU64,
}

/// The thread that opens the source again and again.
struct Worker {
    address: Address,
    what: What,
    ffmpeg: Arc<Ffmpeg>,
    input: Input,
    options: SourceOptions,
    newest: Newest,
    known: Arc<Known>,
    end: Stop,
    on_state: OnState,
    begun: Option<Instant>,
    /// Why there are no frames, as far as the log says so.
    lost: Option<String>,
}

impl Live {
    /// Begins to connect.
    pub(crate) fn open(
        address: &Address,
        options: &SourceOptions,
        ffmpeg: Arc<Ffmpeg>,
        stop: &Stop,
        on_state: OnState,
    ) -> Result<Self, SourceError> {
        let (what, input) = input_of(address, options, &ffmpeg)?;
        let newest = Newest::default();
        let known = Arc::new(Known::default());
        let end = Stop::new();
        let on_stop = stop.on_stop({
            let end = end.clone();
            move || end.stop()
        });
        let mut worker = Worker {
            address: address.clone(),
            what,
            ffmpeg,
            input,
            options: options.clone(),
            newest: newest.clone(),
            known: known.clone(),
            end: end.clone(),
            on_state,
            begun: None,
            lost: None,
        };
        let thread = thread::spawn(move || {
            worker.run();
            (worker.on_state)(SourceState::Ended);
            worker.newest.close();
        });
        Ok(Self {
            name: address.to_string(),
            newest,
            known,
            thread: Some(thread),
            end,
            _on_stop: on_stop,
        })
    }
}

impl Source for Live {
    fn next(&mut self) -> Result<Option<Frame>, SourceError> {
        self.newest.take()
    }

    fn facts(&self) -> SourceFacts {
        SourceFacts {
            name: self.name.clone(),
            is_live: true,
            size: *locked(&self.known.size),
            frames_per_second: *locked(&self.known.rate),
            ..SourceFacts::default()
        }
    }

    fn dropped(&self) -> u64 {
        self.newest.dropped()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.end.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Worker {
    fn run(&mut self) {
        let mut wait = FIRST_WAIT;
        while !self.end.is_stopped() {
            (self.on_state)(SourceState::Connecting);
            let before = self.known.n_frames.load(Ordering::Relaxed);
            let reason = self.connect_and_read();
            if self.end.is_stopped() {
                return;
            }
            let n_frames = self.known.n_frames.load(Ordering::Relaxed);
            if n_frames == 0 && !self.options.retry_first {
                self.newest.fail(reason);
                return;
            }
            if n_frames > before {
                wait = FIRST_WAIT;
            }
            // FFmpeg could begin anew by itself, and stands still with some formats. A film of few frames must not
            // start programs without end.
            let is_loop = matches!(self.address.kind(), AddressKind::Loop(_));
            if is_loop && matches!(reason, SourceError::StreamEnded) && n_frames > before + 10 {
                continue;
            }
            let reason = reason.to_string();
            // A camera that is off for a night is tried thousands of times, and not written of as often.
            if self.lost.as_ref() == Some(&reason) {
                tracing::debug!(source = %self.address, reason, "a source is still lost");
            } else {
                tracing::info!(source = %self.address, reason, "lost a source");
                self.lost = Some(reason.clone());
            }
            (self.on_state)(SourceState::Lost {
                reason,
                retry_in: wait,
            });
            self.end.wait(wait);
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Gives frames as long as they come, then the reason why they do not.
    fn connect_and_read(&mut self) -> SourceError {
        let log = Log::of(&self.address);
        let mut decoder = match Decoder::start(&self.ffmpeg, &self.input, log) {
            Ok(decoder) => decoder,
            Err(error) => return error.into(),
        };
        let _on_stop = self.end.on_stop({
            let child = decoder.child().clone();
            move || child.kill()
        });
        let began = Instant::now();
        // A camera that was there before answers quickly when it is back.
        let patience = if self.begun.is_some() {
            self.options.connect.min(self.options.stall)
        } else {
            self.options.connect
        };
        let mut last: Option<Instant> = None;
        let mut opened: Option<Instant> = None;
        let mut size = None;
        loop {
            if opened.is_none() && decoder.is_open() {
                opened = Some(Instant::now());
            }
            let (since, within) = match (last, opened) {
                (Some(last), _) => (last, self.options.stall),
                (None, Some(opened)) => (opened, FIRST_PICTURE.max(self.options.stall)),
                (None, None) => (began, patience),
            };
            let until = since + within;
            // Whether it is open by now is asked again soon.
            let soon = Instant::now() + Duration::from_millis(200);
            match decoder.step(if last.is_some() {
                until
            } else {
                until.min(soon)
            }) {
                Step::Frame(raw) => {
                    last = Some(Instant::now());
                    self.give(raw, &mut size, decoder.rate());
                }
                Step::Nothing if Instant::now() >= until => {
                    decoder.child().kill();
                    let lines = decoder.messages();
                    return match explain(&lines, self.what) {
                        // What FFmpeg says before it is killed is seldom the reason of silence.
                        error @ (SourceError::Unauthorised
                        | SourceError::Unreachable { .. }
                        | SourceError::Answer { .. })
                            if last.is_none() =>
                        {
                            error
                        }
                        _ => SourceError::Silent { within },
                    };
                }
                Step::Nothing => {}
                Step::End => {
                    let end = decoder.finish();
                    let lines = decoder.messages();
                    return match end.error {
                        Some(error) => error,
                        None if end.is_clean && last.is_some() => SourceError::StreamEnded,
                        None => explain(&lines, self.what),
                    };
                }
            }
        }
    }

    fn give(&mut self, raw: Raw, size: &mut Option<(u32, u32)>, rate: Option<f64>) {
        let now = Instant::now();
        // A film that begins anew is neither.
        if self.begun.is_none() || self.lost.take().is_some() {
            tracing::info!(source = %self.address, "a source gives pictures");
        }
        let begun = *self.begun.get_or_insert(now);
        let new = (raw.image.width(), raw.image.height());
        if size.replace(new) != Some(new) {
            *locked(&self.known.size) = Some(new);
            *locked(&self.known.rate) = rate;
            (self.on_state)(SourceState::Running {
                size: new,
                frames_per_second: rate,
            });
        }
        self.newest.put(Frame {
            image: raw.image,
            index: self.known.n_frames.fetch_add(1, Ordering::Relaxed),
            // The times of a stream begin anew with each connection, and some cameras' make no sense; the moment
            // at which a frame arrives never goes back.
            position: now.duration_since(begun),
            at: Timestamp::now(),
        });
    }
}

/// How FFmpeg reads a live source.
fn input_of(
    address: &Address,
    options: &SourceOptions,
    ffmpeg: &Ffmpeg,
) -> Result<(What, Input), SourceError> {
    // One thread: each further one holds a frame back, and a camera's pictures are decoded faster than they come.
    let mut given: Vec<String> = strings(&["-threads", "1"]);
    let (what, url) = match address.kind() {
        AddressKind::Loop(path) => {
            check_file(path)?;
            given.extend(file_options(ffmpeg));
            given.push("-re".to_owned());
            (What::File, file_url(path))
        }
        AddressKind::Test {
            size: (width, height),
            frames_per_second,
        } => {
            given.extend(strings(&["-re", "-f", "lavfi"]));
            let picture = format!("testsrc2=size={width}x{height}:rate={frames_per_second}");
            (What::File, picture.into())
        }
        AddressKind::Webcam(name) => {
            let (arguments, url) = webcam(name, options)?;
            given.extend(arguments);
            (What::Webcam, url.into())
        }
        _ => {
            given.extend(stream(address, options, ffmpeg));
            (What::Network, address.url().into())
        }
    };
    let input = Input {
        options: given,
        url,
        stream: "0:v:0".to_owned(),
        max_pixels: options.max_pixels,
    };
    Ok((what, input))
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn stream(address: &Address, options: &SourceOptions, ffmpeg: &Ffmpeg) -> Vec<String> {
    // FFmpeg gives up by itself if we are killed while nothing comes: nobody else would end it.
    let micros = (options.connect.max(FIRST_PICTURE) * 2)
        .as_micros()
        .to_string();
    // Frames are given as they come. To know its rate, 20 frames of a stream would be waited for, which takes
    // two seconds longer at ten frames a second; what else must be known comes with the first.
    let mut given = strings(&[
        "-fflags",
        "nobuffer",
        "-fpsprobesize",
        "0",
        "-analyzeduration",
        "2000000",
    ]);
    let scheme = address.scheme().unwrap_or_default();
    if scheme.starts_with("rtsp") {
        let transport = match address.fragment() {
            Some("udp") => Transport::Udp,
            Some("tcp") => Transport::Tcp,
            _ => options.transport,
        };
        let name = match transport {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
        };
        // The option had another name before version 5, where `-timeout` made FFmpeg a server.
        let timeout = if ffmpeg.version().0 < 5 {
            "-stimeout"
        } else {
            "-timeout"
        };
        given.extend(strings(&[
            "-protocol_whitelist",
            "rtsp,rtsps,rtp,udp,tcp,tls,crypto",
            "-rtsp_transport",
            name,
            "-allowed_media_types",
            "video",
            timeout,
            &micros,
        ]));
    } else if scheme.starts_with("http") {
        given.extend(strings(&["-rw_timeout", &micros]));
        if options.follow_playlists {
            given.extend(strings(&[
                "-protocol_whitelist",
                "http,https,tcp,tls,crypto,data",
            ]));
        } else {
            given.extend(strings(&["-protocol_whitelist", "http,https,tcp,tls"]));
            given.extend(["-format_whitelist".to_owned(), ffmpeg.near_readers()]);
        }
    } else {
        let own = format!("{scheme},tcp,tls,udp,http,https,crypto");
        given.extend(strings(&["-protocol_whitelist", &own]));
        given.extend(["-format_whitelist".to_owned(), ffmpeg.near_readers()]);
        if scheme.starts_with("rtmp") {
            given.extend(strings(&["-rw_timeout", &micros]));
        }
    }
    given
}

/// How the system's cameras are opened.
fn webcam(name: &str, options: &SourceOptions) -> Result<(Vec<String>, String), SourceError> {
    let mut given = Vec::new();
    if let Some((width, height)) = options.size {
        given.extend(["-video_size".to_owned(), format!("{width}x{height}")]);
    }
    let rate = options
        .frames_per_second
        .filter(|rate| rate.is_finite() && *rate > 0.0);
    if cfg!(target_os = "macos") {
        // This system's cameras refuse rates that they do not have, and 29.97, which is the default.
        given.extend(["-framerate".to_owned(), rate.unwrap_or(30.0).to_string()]);
        given.extend(strings(&["-f", "avfoundation"]));
        return Ok((given, format!("{name}:none")));
    }
    if let Some(rate) = rate {
        given.extend(["-framerate".to_owned(), rate.to_string()]);
    }
    if cfg!(target_os = "windows") {
        given.extend(strings(&["-f", "dshow"]));
        return Ok((given, format!("video={name}")));
    }
    given.extend(strings(&["-f", "v4l2"]));
    let device = if name.bytes().all(|b| b.is_ascii_digit()) {
        format!("/dev/video{name}")
    } else {
        name.to_owned()
    };
    check_device(Path::new(&device))?;
    Ok((given, device))
}

/// What can be said about a camera's device file before FFmpeg sees it.
fn check_device(device: &Path) -> Result<(), SourceError> {
    use std::io::ErrorKind;
    let failed = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => SourceError::NotFound {
            expected: "a camera",
        },
        ErrorKind::PermissionDenied => SourceError::Permission { what: "the camera" },
        ErrorKind::ResourceBusy => SourceError::Busy,
        _ => SourceError::Io { source },
    };
    let metadata = device.metadata().map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if !metadata.file_type().is_char_device() {
            let found = if metadata.is_dir() {
                "a folder"
            } else {
                "a file"
            };
            return Err(SourceError::NotACamera {
                found: found.to_owned(),
            });
        }
    }
    #[cfg(not(unix))]
    drop(metadata);
    std::fs::File::open(device).map_err(failed)?;
    Ok(())
}
