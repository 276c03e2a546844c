//! One run of FFmpeg that turns a source into raw frames.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use prosopon::Image;

use crate::source::SourceError;
use crate::sync::locked;

use super::frame_info::FrameInfo;
use super::{Child, Ffmpeg, FfmpegError, Log};

/// Longest line of standard error that is read; longer ones are cut.
const LONGEST_LINE: u64 = 4096;

/// How long a child that closed its output may take to end, and its last words to arrive.
const END_WITHIN: Duration = Duration::from_secs(2);

/// What FFmpeg is to read.
pub(crate) struct Input {
    /// Everything up to and without `-i`.
    pub(crate) options: Vec<String>,
    /// What follows `-i`.
    pub(crate) url: OsString,
    /// Which of its streams.
    pub(crate) stream: String,
    /// Width times height of the largest frame.
    pub(crate) max_pixels: u64,
}

/// A frame of one run.
pub(crate) struct Raw {
    /// Its pixels, upright.
    pub(crate) image: Image,
    /// Its place in the run, if the stream says.
    pub(crate) position: Option<Duration>,
}

/// What happened next.
pub(crate) enum Step {
    /// A frame.
    Frame(Raw),
    /// Nothing within the time.
    Nothing,
    /// The run is over.
    End,
}

/// How a run ended.
pub(crate) struct End {
    /// Whether FFmpeg says that all went well.
    pub(crate) is_clean: bool,
    /// A frame that is too large.
    pub(crate) error: Option<SourceError>,
}

/// One run of FFmpeg; dropping it kills the child.
pub(crate) struct Decoder {
    child: Arc<Child>,
    frames: Receiver<Raw>,
    shared: Arc<Shared>,
    messages: Option<JoinHandle<()>>,
}

struct Shared {
    log: Log,
    is_open: AtomicBool,
    n_decode_errors: AtomicU32,
    rate: Mutex<Option<f64>>,
    error: Mutex<Option<SourceError>>,
}

impl Shared {
    fn new(log: Log) -> Self {
        Self {
            log,
            is_open: AtomicBool::new(false),
            n_decode_errors: AtomicU32::new(0),
            rate: Mutex::new(None),
            error: Mutex::new(None),
        }
    }
}

impl Decoder {
    /// Starts FFmpeg on `input`; its messages go to `log`.
    pub(crate) fn start(ffmpeg: &Ffmpeg, input: &Input, log: Log) -> Result<Self, FfmpegError> {
        let mut command = ffmpeg.command();
        command
            .args(["-nostdin", "-hide_banner", "-nostats"])
            .args(["-loglevel", "level+info"])
            .args(["-max_pixels", &input.max_pixels.to_string()])
            .args(&input.options)
            .arg("-i")
            .arg(&input.url)
            .args(["-map", &input.stream, "-an", "-sn", "-dn"])
            // Frames keep the size that they have, also when it changes; FFmpeg would scale all to the first.
            .arg("-noautoscale")
            .args(["-vf", "format=rgb24,showinfo=checksum=0"])
            // What the file says of itself is listed before the frames, not among them; see `begins_decoding`.
            .args(["-map_metadata", "-1", "-map_chapters", "-1"])
            // Every frame once and with its own time.
            .args(if ffmpeg.has_fps_mode() {
                ["-fps_mode", "passthrough"]
            } else {
                ["-vsync", "passthrough"]
            })
            .args(["-f", "rawvideo", "-flush_packets", "1", "pipe:1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (child, pipes) = Child::spawn(&mut command).map_err(|source| FfmpegError::Start {
            program: ffmpeg.path().to_owned(),
            source,
        })?;
        let shared = Arc::new(Shared::new(log));
        let (infos, coming) = channel();
        let (give, frames) = sync_channel(1);
        let messages = pipes.stderr.map(|stderr| {
            let shared = shared.clone();
            thread::spawn(move || read_messages(stderr, &shared, &infos))
        });
        if let Some(stdout) = pipes.stdout {
            let (shared, limit) = (shared.clone(), input.max_pixels);
            thread::spawn(move || {
                if let Err(error) = read_frames(stdout, limit, &coming, &give) {
                    *locked(&shared.error) = Some(error);
                }
            });
        }
        Ok(Self {
            child,
            frames,
            shared,
            messages,
        })
    }

    /// The child, to kill it from another thread.
    pub(crate) fn child(&self) -> &Arc<Child> {
        &self.child
    }

    /// Waits until `until` for a frame.
    pub(crate) fn step(&self, until: Instant) -> Step {
        match self
            .frames
            .recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            Ok(raw) => Step::Frame(raw),
            Err(RecvTimeoutError::Timeout) => Step::Nothing,
            Err(RecvTimeoutError::Disconnected) => Step::End,
        }
    }

    /// Waits for a frame, however long it takes; `None` at the end.
    pub(crate) fn wait(&self) -> Option<Raw> {
        self.frames.recv().ok()
    }

    /// Whether FFmpeg has opened the source: it answers, and what comes is understood.
    pub(crate) fn is_open(&self) -> bool {
        self.shared.is_open.load(Ordering::Relaxed)
    }

    /// Frames a second that the stream claims.
    pub(crate) fn rate(&self) -> Option<f64> {
        *locked(&self.shared.rate)
    }

    /// Messages about damaged data.
    pub(crate) fn n_decode_errors(&self) -> u32 {
        self.shared.n_decode_errors.load(Ordering::Relaxed)
    }

    /// The last messages.
    pub(crate) fn messages(&self) -> Vec<String> {
        self.shared.log.lines()
    }

    /// Waits for the end of a run whose frames are all taken, and for its last words; kills it if it does not end.
    pub(crate) fn finish(&mut self) -> End {
        let status = self.child.wait_within(END_WITHIN);
        self.child.kill();
        if let Some(messages) = self.messages.take() {
            let until = Instant::now() + END_WITHIN;
            while !messages.is_finished() && Instant::now() < until {
                thread::sleep(Duration::from_millis(2));
            }
        }
        End {
            is_clean: status.is_some_and(|status| status.success()),
            error: locked(&self.shared.error).take(),
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        self.child.kill();
    }
}

/// Gives each line of a child's standard error to `each`, until it is closed.
pub(crate) fn read_lines(stderr: impl Read, mut each: impl FnMut(&str)) {
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
        {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if !text.is_empty() {
            each(text);
        }
    }
}

/// Divides what FFmpeg writes on standard error: frames, facts, messages.
fn read_messages(stderr: impl Read, shared: &Shared, infos: &Sender<FrameInfo>) {
    let mut is_decoding = false;
    read_lines(stderr, |text| {
        is_decoding = is_decoding || begins_decoding(text);
        let info = is_decoding.then(|| FrameInfo::read(text)).flatten();
        if let Some(info) = info {
            // Nobody waits for it when the frames are no longer read; messages are still of interest.
            infos.send(info).ok();
        } else if text.contains("showinfo") {
            // Side data and colours of the frame before.
        } else if text.contains("[info]") {
            read_fact(text, shared);
        } else {
            if is_about_damage(text) {
                shared.n_decode_errors.fetch_add(1, Ordering::Relaxed);
            }
            shared.log.push(text);
        }
    });
}

/// Whether frames may follow. Before, FFmpeg lists titles and comments of the file, which may look like anything; they stand
/// behind their names, never at the beginning of a line.
fn begins_decoding(line: &str) -> bool {
    line == "[info] Stream mapping:" || line.starts_with("[Parsed_showinfo_")
}

/// What FFmpeg says about the source before its first frame.
fn read_fact(line: &str, shared: &Shared) {
    if line.contains("Input #0") {
        shared.is_open.store(true, Ordering::Relaxed);
    } else if line
        .trim_start_matches("[info]")
        .trim_start()
        .starts_with("Stream #0")
        && line.contains("Video:")
    {
        let mut rate = locked(&shared.rate);
        if rate.is_none() {
            *rate = rate_in(line);
        }
    }
}

/// The number before `fps` in `…, 640x360, 29.97 fps, 29.97 tbr`.
fn rate_in(line: &str) -> Option<f64> {
    let part = line
        .split(", ")
        .find_map(|part| part.strip_suffix(" fps"))?;
    part.parse().ok().filter(|rate: &f64| *rate > 0.0)
}

/// Messages that a decoder or reader writes when bytes are missing or wrong.
fn is_about_damage(line: &str) -> bool {
    const SIGNS: [&str; 9] = [
        "error while decoding",
        "Error while decoding",
        "Invalid NAL",
        "missing picture",
        "partial file",
        "Packet corrupt",
        "corrupt decoded frame",
        "Truncat",
        "File ended prematurely",
    ];
    SIGNS.iter().any(|sign| line.contains(sign))
}

/// Reads the pixels of each frame that was announced, until there are no more, or nobody wants them.
fn read_frames(
    mut stdout: impl Read,
    max_pixels: u64,
    coming: &Receiver<FrameInfo>,
    give: &SyncSender<Raw>,
) -> Result<(), SourceError> {
    while let Ok(info) = coming.recv() {
        let (width, height) = info.size;
        if u64::from(width) * u64::from(height) > max_pixels {
            return Err(SourceError::TooManyPixels {
                limit: max_pixels,
                width,
                height,
            });
        }
        let mut pixels = vec![0; width as usize * height as usize * 3];
        if stdout.read_exact(&mut pixels).is_err() {
            // The child ended in the middle of a frame; how it ended says why.
            return Ok(());
        }
        let image = Image::from_rgb(width, height, pixels)?;
        let position = info.position;
        if give.send(Raw { image, position }).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// A run of a child that writes these bytes: how many frames, and its last messages.
#[cfg(fuzzing)]
pub(crate) fn fuzzed_run(
    address: &crate::Address,
    stderr: &[u8],
    stdout: &[u8],
    max_pixels: u64,
) -> (usize, Vec<String>) {
    let shared = Shared::new(Log::of(address));
    let (infos, coming) = channel();
    read_messages(stderr, &shared, &infos);
    drop(infos);
    let (give, frames) = sync_channel(1);
    let n_frames = thread::scope(|scope| {
        scope.spawn(move || read_frames(stdout, max_pixels, &coming, &give));
        frames.iter().count()
    });
    let lines = shared.log.lines();
    super::explain(&lines, super::What::Network);
    super::last_words(&lines);
    (n_frames, lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        let line = "[info]   Stream #0:0[0x1](und): Video: h264 (avc1 / 0x3163), yuv420p(tv), 640x360 [SAR 1:1 DAR \
                    16:9], 422 kb/s, 29.97 fps, 29.97 tbr, 11988 tbn (default)";
        assert_eq!(rate_in(line), Some(29.97));
        assert_eq!(rate_in("Stream #0:0: Video: mjpeg, 25 tbr"), None);
    }

    #[test]
    fn what_a_file_says_of_itself_is_no_frame() {
        let messages = "\
[info] Input #0, mov, from 'clip.mp4':
[info]   Metadata:
[info]     title           : n: 0 pts_time:0 s:1x1 Stream #0:0: Video: h264, 9 fps, y
                    : [info] Stream mapping:
                    : [Parsed_showinfo_1 @ 0x1] [info] n: 0 pts_time:0 s:1x1 y
[info]   Stream #0:0: Video: h264, 4x2, 25 fps, 25 tbr
[info] Stream mapping:
[info]   Stream #0:0 -> #0:0 (h264 (native) -> rawvideo (native))
[info] Output #0, rawvideo, to 'pipe:1':
[info]   Stream #0:0n:   0 pts: 1 pts_time:0.5 fmt:rgb24 s:4x2 i:P
[Parsed_showinfo_1 @ 0x1] [info] n:   1 pts: 2 pts_time:1 fmt:rgb24 s:4x2 i:P
";
        let shared = Shared::new(Log::plain());
        let (infos, coming) = channel();
        read_messages(messages.as_bytes(), &shared, &infos);
        drop(infos);
        let frames: Vec<_> = coming
            .iter()
            .map(|info| (info.position, info.size))
            .collect();
        let at = |seconds| (Some(Duration::from_secs_f64(seconds)), (4, 2));
        assert_eq!(frames, [at(0.5), at(1.0)]);
        assert_eq!(*locked(&shared.rate), Some(25.0));
    }

    #[test]
    fn frames_are_divided_as_announced() {
        let (infos, coming) = channel();
        let (give, frames) = sync_channel(4);
        for size in [(2, 1), (1, 3), (9, 9)] {
            let position = None;
            infos.send(FrameInfo { position, size }).expect("a reader");
        }
        drop(infos);
        let bytes: Vec<u8> = (0..20).collect();
        // The third is cut off: it is left out, and is no error here.
        read_frames(&bytes[..], 100, &coming, &give).expect("no error");
        drop(give);
        let images: Vec<_> = frames.iter().map(|raw| raw.image).collect();
        assert_eq!(images.len(), 2);
        assert_eq!(images[0].pixels(), [0, 1, 2, 3, 4, 5]);
        assert_eq!((images[1].width(), images[1].height()), (1, 3));
    }

    #[test]
    fn huge_frames_are_refused_before_they_are_read() {
        let (infos, coming) = channel();
        let (give, _frames) = sync_channel(1);
        let size = (u32::MAX, u32::MAX);
        infos
            .send(FrameInfo {
                position: None,
                size,
            })
            .expect("a reader");
        let error = read_frames(std::io::empty(), 50, &coming, &give).expect_err("too large");
        assert!(matches!(error, SourceError::TooManyPixels { .. }));
    }
}
