//! Pictures in a window: `ffplay` of FFmpeg as a supervised child.

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use prosopon::Image;

use crate::ffmpeg::{Child, Ffmpeg, FfmpegError, Log, last_words, quiet, read_lines};
use crate::fit::fitted;

/// Frames a second that the window can show: it shows each as it comes, and waits for none.
const RATE: u32 = 60;

/// A window; it closes when this is dropped, when `q` or Escape is pressed in it, or when its button is.
pub struct Window {
    child: Arc<Child>,
    pipe: ChildStdin,
    log: Arc<Log>,
    size: (u32, u32),
    n_shown: u64,
}

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShowError {
    /// This session has no screen.
    #[error("there is no display to open a window on: neither DISPLAY nor WAYLAND_DISPLAY is set")]
    NoDisplay,
    /// `ffplay` is missing or does not run.
    #[error(transparent)]
    Ffmpeg(#[from] FfmpegError),
    /// `ffplay` opened no window, in its words.
    #[error("could not open a window: {reason}")]
    Failed {
        /// Its last message.
        reason: String,
    },
}

impl ShowError {
    /// A stable name of this kind of error in `snake_case`, for JSON and HTTP.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoDisplay => "no_display",
            Self::Ffmpeg(error) => error.code(),
            Self::Failed { .. } => "no_window",
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Ffmpeg(error) => error.hint(),
            Self::NoDisplay | Self::Failed { .. } => Some(
                "run it in a graphical session (`ssh -X` for a distant one), or record: `--record OUT.mp4`"
                    .to_owned(),
            ),
        }
    }
}

impl Window {
    /// Opens a window for pictures of `size`; `ffmpeg` is the program, or the folder that it is in.
    ///
    /// # Errors
    /// If there is no display, or `ffplay` is missing.
    pub fn open(
        title: &str,
        size: (u32, u32),
        ffmpeg: Option<&PathBuf>,
    ) -> Result<Self, ShowError> {
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let needs_one = cfg!(all(unix, not(target_os = "macos")));
        if needs_one && !is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY") {
            return Err(ShowError::NoDisplay);
        }
        let program = Ffmpeg::find(ffmpeg.map(PathBuf::as_path))?.beside("ffplay")?;
        let mut command = quiet(&program);
        command
            .args(["-hide_banner", "-nostats", "-loglevel", "level+error"])
            .args(["-window_title", title, "-an", "-autoexit", "-framedrop"])
            .args(["-protocol_whitelist", "pipe", "-f", "rawvideo"])
            .args(["-pixel_format", "rgb24"])
            .args(["-video_size", &format!("{}x{}", size.0, size.1)])
            .args(["-framerate", &RATE.to_string()])
            .args(["-fflags", "nobuffer", "-probesize", "32"])
            .args(["-i", "pipe:0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let start = |source| FfmpegError::Start {
            program: program.clone(),
            source,
        };
        let (child, pipes) = Child::spawn(&mut command).map_err(start)?;
        let log = Arc::new(Log::plain());
        if let Some(stderr) = pipes.stderr {
            let log = log.clone();
            thread::spawn(move || read_lines(stderr, |line| log.push(line)));
        }
        let pipe = pipes
            .stdin
            .ok_or_else(|| start(io::ErrorKind::BrokenPipe.into()))?;
        Ok(Self {
            child,
            pipe,
            log,
            size,
            n_shown: 0,
        })
    }

    /// Shows a picture, made to fit if it has another size; gives whether the window is still open.
    ///
    /// # Errors
    /// If the window never opened.
    pub fn show(&mut self, image: &Image) -> Result<bool, ShowError> {
        let result = if (image.width(), image.height()) == self.size {
            self.pipe.write_all(image.pixels())
        } else {
            self.pipe.write_all(fitted(image, self.size).pixels())
        };
        if result.is_ok() {
            self.n_shown += 1;
            return Ok(true);
        }
        // Somebody closed it, or it never opened: how the child ended says which.
        let status = self.child.wait_within(Duration::from_secs(1));
        if status.is_some_and(|status| status.success()) {
            return Ok(false);
        }
        let reason = last_words(&self.log.lines());
        Err(ShowError::Failed {
            reason: reason.unwrap_or_else(|| "ffplay did not say why".to_owned()),
        })
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.child.kill();
    }
}
