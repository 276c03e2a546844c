//! Frames from everywhere: files, cameras, streams, folders, standard input, other threads.
//!
//! [`open`] gives a [`Source`] for an [`Address`]. Sources that end (files, folders, standard input) give every
//! frame and wait for who looks at it; live ones give the newest frame and count those that nobody looked at.

mod address;
mod error;
mod live;
mod newest;
mod pictures;
mod push;
mod raw;
mod stop;
mod video;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::Frame;
use crate::ffmpeg::Ffmpeg;

pub use address::{Address, AddressError, AddressKind};
pub use error::SourceError;
pub use push::{PushSource, Pusher};
#[cfg(fuzzing)]
pub(crate) use raw::fuzzed_frames;
pub use stop::Stop;
pub(crate) use video::{file_options, file_url};

/// Something that gives frames.
pub trait Source: Send {
    /// Waits for the next frame; `None` at the end, or after [`Stop::stop`].
    ///
    /// # Errors
    /// If no frame can come any more, and none came: what begins well and breaks later ends, and
    /// [`problems`](Self::problems) says so. A live source with [`SourceOptions::retry_first`] never fails.
    fn next(&mut self) -> Result<Option<Frame>, SourceError>;

    /// What is known about it; more once the first frame came.
    fn facts(&self) -> SourceFacts;

    /// Frames that came and were replaced by newer ones before anybody took them.
    fn dropped(&self) -> u64 {
        0
    }

    /// What was wrong on the way, a line each, without the address: a file that ends too early, pictures of a
    /// folder that cannot be read. Final once [`next`](Self::next) gave `None`.
    fn problems(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What is known about a source.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SourceFacts {
    /// Its address as it may be shown.
    pub name: String,
    /// Whether it goes on whether anybody looks or not.
    pub is_live: bool,
    /// Width and height of its frames in pixels, upright.
    pub size: Option<(u32, u32)>,
    /// Frames a second on average.
    pub frames_per_second: Option<f64>,
    /// Number of frames, which may be an estimate.
    pub n_frames: Option<u64>,
    /// How long it plays.
    pub duration: Option<Duration>,
    /// Whether there is sound beside the pictures.
    pub has_sound: bool,
}

/// How a source is doing.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceState {
    /// It is being opened, for the first time or again.
    Connecting,
    /// Frames come. Told again when their size changes.
    Running {
        /// Width and height of the frames in pixels.
        size: (u32, u32),
        /// Frames a second, if the source says.
        frames_per_second: Option<f64>,
    },
    /// Frames do not come; it is opened again after a while.
    Lost {
        /// Why, in one line without password.
        reason: String,
        /// How long is waited.
        retry_in: Duration,
    },
    /// No more frames come.
    Ended,
}

/// Called at each change of state, from the source's own thread.
pub type OnState = Box<dyn Fn(SourceState) + Send + Sync>;

/// How RTSP brings the pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// Inside the connection: nothing is lost, and it works through every router.
    #[default]
    Tcp,
    /// As packets of their own: what is lost is not sent again.
    Udp,
}

/// How the pixels of raw frames are laid out: rows top-down without padding, 8 bits a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PixelFormat {
    /// Red, green, blue.
    #[default]
    Rgb24,
    /// Blue, green, red, as `OpenCV` has it.
    Bgr24,
    /// One channel.
    Gray,
}

impl PixelFormat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rgb24, Self::Bgr24, Self::Gray];

    /// As FFmpeg and the command line write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rgb24 => "rgb24",
            Self::Bgr24 => "bgr24",
            Self::Gray => "gray",
        }
    }

    /// The format of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Bytes of a pixel.
    pub fn channels(self) -> usize {
        match self {
            Self::Rgb24 | Self::Bgr24 => 3,
            Self::Gray => 1,
        }
    }
}

/// How a source is opened and watched.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceOptions {
    /// The program `ffmpeg`, or the folder that it is in; looked for on the path by default.
    pub ffmpeg: Option<PathBuf>,
    /// A live source that gives no frame for so long is opened again; 5 s by default.
    pub stall: Duration,
    /// How long the first answer of a live source may take; 10 s by default.
    pub connect: Duration,
    /// Whether a live source that cannot be opened the first time is tried again for ever, as a server wants it,
    /// or is an error, as a person at the keyboard wants it.
    pub retry_first: bool,
    /// How RTSP brings the pictures, unless the address ends in `#udp` or `#tcp`.
    pub transport: Transport,
    /// Width times height of the largest frame; 50 megapixels by default.
    pub max_pixels: u64,
    /// Width and height: of raw frames, and what a webcam is asked for.
    pub size: Option<(u32, u32)>,
    /// Rate: of a folder of pictures (1 by default) and of raw frames (25), and what a webcam is asked for.
    pub frames_per_second: Option<f64>,
    /// Layout of raw frames.
    pub format: PixelFormat,
    /// Gives a file's frames at the speed at which they were taken, as a player does.
    pub in_real_time: bool,
    /// Whether a stream on HTTP may be a playlist (HLS, DASH), which leads to other addresses; yes by default.
    pub follow_playlists: bool,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            ffmpeg: None,
            stall: Duration::from_secs(5),
            connect: Duration::from_secs(10),
            retry_first: false,
            transport: Transport::default(),
            max_pixels: 50_000_000,
            size: None,
            frames_per_second: None,
            format: PixelFormat::default(),
            in_real_time: false,
            follow_playlists: true,
        }
    }
}

/// Opens what is at `address`. Frames come until its end, or until `stop` is set; `on_state` is told how it is
/// doing.
///
/// A live source is connected to in a thread of its own: that it cannot be reached is told by
/// [`Source::next`].
///
/// # Errors
/// What can be said at once: FFmpeg is missing, there is no such file or camera, a file is no video.
pub fn open(
    address: &Address,
    options: &SourceOptions,
    stop: &Stop,
    on_state: OnState,
) -> Result<Box<dyn Source>, SourceError> {
    let find = || Ffmpeg::find(options.ffmpeg.as_deref()).map(Arc::new);
    Ok(match address.kind() {
        AddressKind::Path(path) if pictures::are_at(path)? => {
            Box::new(pictures::Pictures::open(path, options, stop, on_state)?)
        }
        AddressKind::Path(_) | AddressKind::RemoteFile => Box::new(video::Video::open(
            address,
            options,
            &find()?,
            stop,
            on_state,
        )?),
        AddressKind::StandardInput => Box::new(raw::RawFrames::open(
            std::io::stdin(),
            options,
            stop,
            on_state,
        )?),
        AddressKind::Loop(_)
        | AddressKind::Webcam(_)
        | AddressKind::Stream
        | AddressKind::Test { .. } => {
            Box::new(live::Live::open(address, options, find()?, stop, on_state)?)
        }
    })
}
