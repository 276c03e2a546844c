//! Why frames do not come.

use std::io;
use std::time::Duration;

use prosopon::ImageError;

use crate::ffmpeg::FfmpegError;

use super::AddressError;

/// Why frames do not come.
///
/// Messages are one line and leave out the address: who knows it adds it last. No message holds a password.
/// [`code`](Self::code) is stable for programs, [`hint`](Self::hint) says what a person can do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The address is none.
    #[error(transparent)]
    Address(#[from] AddressError),

    /// FFmpeg is missing or does not run.
    #[error(transparent)]
    Ffmpeg(#[from] FfmpegError),

    /// There is nothing at that path.
    #[error("expected {expected}, found nothing")]
    NotFound {
        /// What should be there, with its article.
        expected: &'static str,
    },

    /// This user may not read it.
    #[error("may not read {what}: permission denied")]
    Permission {
        /// What it is, with its article.
        what: &'static str,
    },

    /// Another program has the camera.
    #[error("the camera is in use by another program")]
    Busy,

    /// There is something, and it is no camera.
    #[error("expected a camera, found {found}")]
    NotACamera {
        /// What it is, with its article.
        found: String,
    },

    /// A file without a byte.
    #[error("expected a video, found an empty file")]
    Empty,

    /// FFmpeg knows no format that begins like this, or the file is broken from its beginning.
    #[error("expected a video, found {found}")]
    NotAVideo {
        /// What there is, with its article, or what FFmpeg says about it.
        found: String,
    },

    /// Sound, subtitles or a cover, and no moving pictures.
    #[error("expected a video, found {found}")]
    NoPictures {
        /// What there is instead.
        found: String,
    },

    /// A list of other files or addresses, which is not followed.
    #[error("expected a video, found a playlist, which is not followed")]
    Playlist,

    /// Pictures of more pixels than the limit.
    #[error("expected at most {limit} pixels a frame, found {width} × {height}")]
    TooManyPixels {
        /// The limit.
        limit: u64,
        /// Width found.
        width: u32,
        /// Height found.
        height: u32,
    },

    /// Nobody answers there.
    #[error("could not reach the camera: {reason}")]
    Unreachable {
        /// What the network says.
        reason: String,
    },

    /// User and password are missing or wrong.
    #[error("the camera refused user and password")]
    Unauthorised,

    /// The server answers, and has no such stream, or does not give it.
    #[error("expected a stream, the server answered {status}")]
    Answer {
        /// Its status with its meaning.
        status: String,
    },

    /// The source is connected, or seems to be, and nothing comes.
    #[error("no frame came for {} s", within.as_secs_f64())]
    Silent {
        /// How long was waited.
        within: Duration,
    },

    /// A live stream ended by itself.
    #[error("the stream ended")]
    StreamEnded,

    /// FFmpeg gave up, in its words.
    #[error("FFmpeg stopped: {reason}")]
    Stopped {
        /// Its last message.
        reason: String,
    },

    /// A folder in which no file is a picture.
    #[error("expected pictures in the folder, found none")]
    NoFiles,

    /// The only picture cannot be used.
    #[error(transparent)]
    Picture(#[from] ImageError),

    /// Raw frames need to be told how large they are.
    #[error("expected the size of raw frames, found none")]
    NoSize,

    /// Standard input ended in the middle of a frame.
    #[error("expected frames of {expected} bytes, found {found} at the end")]
    PartOfAFrame {
        /// Bytes of a frame.
        expected: usize,
        /// Bytes that came.
        found: usize,
    },

    /// The system could not do its part.
    #[error("could not read: {source}")]
    Io {
        /// What it said.
        #[source]
        source: io::Error,
    },
}

impl SourceError {
    /// A stable name of this kind of error in `snake_case`, for JSON and HTTP.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address(_) => "bad_address",
            Self::Ffmpeg(error) => error.code(),
            Self::NotFound { .. } => "source_not_found",
            Self::Permission { .. } => "source_not_permitted",
            Self::Busy => "camera_busy",
            Self::NotACamera { .. } => "not_a_camera",
            Self::Empty => "empty_file",
            Self::NotAVideo { .. } => "not_a_video",
            Self::NoPictures { .. } => "no_video_stream",
            Self::Playlist => "playlist_refused",
            Self::TooManyPixels { .. } => "too_many_pixels",
            Self::Unreachable { .. } => "source_unreachable",
            Self::Unauthorised => "source_unauthorised",
            Self::Answer { .. } => "source_refused",
            Self::Silent { .. } => "source_silent",
            Self::StreamEnded => "source_ended",
            Self::Stopped { .. } => "source_failed",
            Self::NoFiles => "no_pictures",
            Self::Picture(error) => error.code(),
            Self::NoSize => "no_frame_size",
            Self::PartOfAFrame { .. } => "truncated_video",
            Self::Io { .. } => "unreadable_file",
        }
    }

    /// What a person can do about it, if anything.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Ffmpeg(error) => return error.hint(),
            Self::Picture(error) => error.hint()?,
            Self::Address(_) => {
                "name a file, a folder, `webcam:0`, `rtsp://…`, `http://…`, `test:`, or `-` for standard input"
            }
            Self::NotFound { expected } if expected.contains("camera") => {
                return Some(cameras_hint());
            }
            Self::NotFound { .. } => "check the path",
            Self::Permission { what } if what.contains("camera") => {
                "add the user to the group that owns the device: `sudo usermod -aG video USER`, then log in anew"
            }
            Self::Permission { .. } => "check who may read it",
            Self::Busy => "close the other program, or choose another camera",
            Self::NotACamera { .. } => {
                "choose another device; `v4l2-ctl --list-devices` lists them"
            }
            Self::Empty => "copy or download the file again",
            Self::NotAVideo { .. } => {
                "play it with `ffplay` to see whether FFmpeg can read it; a web page is no stream"
            }
            Self::NoPictures { .. } => "choose a file or stream with moving pictures",
            Self::Playlist => "name the video itself, or the stream's own address",
            Self::TooManyPixels { .. } => {
                "make the pictures smaller: `ffmpeg -i IN -vf scale=1920:-2 OUT`"
            }
            Self::Unreachable { .. } => {
                "check that the camera is on, its address and port, and the network between"
            }
            Self::Unauthorised => "write them into the address: rtsp://USER:PASSWORD@HOST/PATH",
            Self::Answer { .. } => "check the path in the address with the camera's manual",
            Self::Silent { .. } => {
                "check the camera; for RTSP try the other transport (`#udp` at the end of the address)"
            }
            Self::NoFiles => "JPEG, PNG, WebP, GIF, BMP, TIFF, PNM and ICO pictures are read",
            Self::NoSize => "say `--size WIDTHxHEIGHT`",
            Self::PartOfAFrame { .. } => "check that size and pixel format are those of the frames",
            Self::StreamEnded | Self::Stopped { .. } | Self::Io { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

/// Which cameras there are.
fn cameras_hint() -> String {
    let mut names: Vec<_> = std::fs::read_dir("/dev")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("video"))
        .collect();
    names.sort();
    if names.is_empty() {
        return "this machine shows no camera under /dev: plug one in, or pass it on to the container or virtual \
                machine"
            .to_owned();
    }
    format!("there is {}", names.join(", "))
}
