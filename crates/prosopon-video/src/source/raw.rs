//! Raw frames from a pipe: every frame, then the end.

use std::io::{ErrorKind, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use prosopon::Image;

use crate::Frame;
use crate::sync::locked;

use super::stop::OnStop;
use super::{
    OnState, PixelFormat, Source, SourceError, SourceFacts, SourceOptions, SourceState, Stop,
};

/// Frames a second unless another rate is told.
const RATE: f64 = 25.0;

/// Raw frames of one size and layout.
pub(crate) struct RawFrames {
    size: (u32, u32),
    rate: f64,
    frames: Receiver<Result<Image, SourceError>>,
    stop: Stop,
    on_state: OnState,
    next: u64,
    problems: Vec<String>,
    is_over: bool,
    _on_stop: OnStop,
}

type Give = Arc<Mutex<Option<SyncSender<Result<Image, SourceError>>>>>;

impl RawFrames {
    /// Begins to read; the size must be known.
    pub(crate) fn open(
        pipe: impl Read + Send + 'static,
        options: &SourceOptions,
        stop: &Stop,
        on_state: OnState,
    ) -> Result<Self, SourceError> {
        let size = options.size.ok_or(SourceError::NoSize)?;
        let (width, height) = size;
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 {
            return Err(SourceError::NoSize);
        }
        if pixels > options.max_pixels {
            return Err(SourceError::TooManyPixels {
                limit: options.max_pixels,
                width,
                height,
            });
        }
        on_state(SourceState::Connecting);
        let (give, frames) = sync_channel(1);
        // Taken away by `stop`, which ends a reader of the channel; the thread ends with its pipe.
        let give: Give = Arc::new(Mutex::new(Some(give)));
        let on_stop = stop.on_stop({
            let give = give.clone();
            move || drop(locked(&give).take())
        });
        let format = options.format;
        thread::spawn(move || read_all(pipe, size, format, &give));
        Ok(Self {
            size,
            rate: options
                .frames_per_second
                .filter(|rate| rate.is_finite() && *rate > 0.0)
                .unwrap_or(RATE),
            frames,
            stop: stop.clone(),
            on_state,
            next: 0,
            problems: Vec::new(),
            is_over: false,
            _on_stop: on_stop,
        })
    }
}

fn read_all(mut pipe: impl Read, size: (u32, u32), format: PixelFormat, give: &Give) {
    loop {
        let result = read_one(&mut pipe, size, format).transpose();
        let Some(result) = result else {
            break;
        };
        let is_last = result.is_err();
        // Not while it is locked: sending waits for the reader.
        let Some(sender) = locked(give).clone() else {
            return;
        };
        if sender.send(result).is_err() || is_last {
            break;
        }
    }
    locked(give).take();
}

/// The next frame; `None` at the end between frames.
fn read_one(
    pipe: &mut impl Read,
    (width, height): (u32, u32),
    format: PixelFormat,
) -> Result<Option<Image>, SourceError> {
    let expected = width as usize * height as usize * format.channels();
    let mut bytes = vec![0; expected];
    let mut found = 0;
    while found < expected {
        match pipe.read(&mut bytes[found..]) {
            Ok(0) if found == 0 => return Ok(None),
            Ok(0) => return Err(SourceError::PartOfAFrame { expected, found }),
            Ok(n) => found += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(source) => return Err(SourceError::Io { source }),
        }
    }
    Ok(Some(Image::from_rgb(width, height, to_rgb(bytes, format))?))
}

fn to_rgb(mut bytes: Vec<u8>, format: PixelFormat) -> Vec<u8> {
    match format {
        PixelFormat::Rgb24 => bytes,
        PixelFormat::Bgr24 => {
            for pixel in bytes.chunks_exact_mut(3) {
                pixel.swap(0, 2);
            }
            bytes
        }
        PixelFormat::Gray => bytes.into_iter().flat_map(|level| [level; 3]).collect(),
    }
}

impl Source for RawFrames {
    fn next(&mut self) -> Result<Option<Frame>, SourceError> {
        if self.is_over {
            return Ok(None);
        }
        let read = if self.stop.is_stopped() {
            None
        } else {
            self.frames.recv().ok()
        };
        let image = match read {
            Some(Ok(image)) => image,
            Some(Err(error)) => {
                self.is_over = true;
                (self.on_state)(SourceState::Ended);
                if self.next == 0 {
                    return Err(error);
                }
                self.problems
                    .push(format!("ends early after {} frames: {error}", self.next));
                return Ok(None);
            }
            None => {
                self.is_over = true;
                (self.on_state)(SourceState::Ended);
                if self.next == 0 && !self.stop.is_stopped() {
                    return Err(SourceError::Empty);
                }
                return Ok(None);
            }
        };
        if self.next == 0 {
            (self.on_state)(SourceState::Running {
                size: self.size,
                frames_per_second: Some(self.rate),
            });
        }
        let position =
            Duration::try_from_secs_f64(self.next as f64 / self.rate).unwrap_or(Duration::MAX);
        let frame = Frame {
            image,
            index: self.next,
            position,
            at: Timestamp::now(),
        };
        self.next += 1;
        Ok(Some(frame))
    }

    fn facts(&self) -> SourceFacts {
        SourceFacts {
            name: "-".to_owned(),
            is_live: false,
            size: Some(self.size),
            frames_per_second: Some(self.rate),
            ..SourceFacts::default()
        }
    }

    fn problems(&self) -> Vec<String> {
        self.problems.clone()
    }
}

/// How many frames of this size `pipe` holds; none if it ends within one.
#[cfg(fuzzing)]
pub(crate) fn fuzzed_frames(
    mut pipe: &[u8],
    size: (u32, u32),
    format: PixelFormat,
) -> Option<usize> {
    let mut n_frames = 0;
    while read_one(&mut pipe, size, format).ok()?.is_some() {
        n_frames += 1;
    }
    Some(n_frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(bytes: &'static [u8], format: PixelFormat) -> RawFrames {
        let options = SourceOptions {
            size: Some((2, 1)),
            frames_per_second: Some(10.0),
            format,
            ..SourceOptions::default()
        };
        RawFrames::open(bytes, &options, &Stop::new(), Box::new(|_| {})).expect("a source")
    }

    #[test]
    fn frames_are_divided_and_their_channels_put_in_order() {
        let mut rgb = source(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], PixelFormat::Rgb24);
        let first = rgb.next().expect("no error").expect("a frame");
        let second = rgb.next().expect("no error").expect("a frame");
        assert_eq!(first.image.pixels(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(second.position, Duration::from_millis(100));
        assert!(rgb.next().expect("no error").is_none());

        let mut bgr = source(&[1, 2, 3, 4, 5, 6], PixelFormat::Bgr24);
        let frame = bgr.next().expect("no error").expect("a frame");
        assert_eq!(frame.image.pixels(), [3, 2, 1, 6, 5, 4]);

        let mut gray = source(&[1, 2], PixelFormat::Gray);
        let frame = gray.next().expect("no error").expect("a frame");
        assert_eq!(frame.image.pixels(), [1, 1, 1, 2, 2, 2]);
    }

    #[test]
    fn an_end_within_a_frame_is_said_and_one_without_frames_is_an_error() {
        let mut cut = source(&[1, 2, 3, 4, 5, 6, 7], PixelFormat::Rgb24);
        assert!(cut.next().expect("no error").is_some());
        assert!(cut.next().expect("no error").is_none());
        assert_eq!(
            cut.problems(),
            ["ends early after 1 frames: expected frames of 6 bytes, found 1 at the end"]
        );
        let error = source(&[1], PixelFormat::Rgb24).next().expect_err("cut");
        assert_eq!(error.code(), "truncated_video");
        let error = source(&[], PixelFormat::Rgb24).next().expect_err("empty");
        assert_eq!(error.code(), "empty_file");
    }

    #[test]
    fn stop_ends_a_reader_that_waits() {
        let stop = Stop::new();
        let options = SourceOptions {
            size: Some((2, 1)),
            ..SourceOptions::default()
        };
        let (ours, theirs) = std::io::pipe().expect("a pipe");
        let mut source =
            RawFrames::open(ours, &options, &stop, Box::new(|_| {})).expect("a source");
        let stopper = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            stop.stop();
        });
        assert!(source.next().expect("no error").is_none());
        stopper.join().expect("no panic");
        drop(theirs);
    }
}
