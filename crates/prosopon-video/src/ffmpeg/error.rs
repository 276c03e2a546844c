//! FFmpeg is missing, or is not what it should be.

use std::io;
use std::path::PathBuf;

/// Why FFmpeg cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FfmpegError {
    /// The program is not there.
    #[error("`{program}` of FFmpeg is missing: {}", where_looked(setting.as_ref()))]
    Missing {
        /// Name of the program.
        program: &'static str,
        /// Where it was said to be.
        setting: Option<PathBuf>,
    },

    /// The program is there and cannot be started.
    #[error("could not start `{program}` of FFmpeg: {source}")]
    Start {
        /// Path of the program.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// The program runs, and is something else, or fails.
    #[error("expected FFmpeg to say what it is and reads, found {found}: {program}")]
    Strange {
        /// Path of the program.
        program: PathBuf,
        /// What it did.
        found: String,
    },
}

fn where_looked(setting: Option<&PathBuf>) -> String {
    setting.map_or_else(
        || "looked in the folders of PATH".to_owned(),
        |path| format!("looked in {}", path.display()),
    )
}

/// How FFmpeg is installed here.
pub(super) fn install_hint() -> &'static str {
    if cfg!(target_os = "macos") {
        "install it: `brew install ffmpeg`"
    } else if cfg!(target_os = "windows") {
        "install it: `winget install Gyan.FFmpeg`, then open a new window"
    } else {
        "install it: `sudo apt-get install ffmpeg` (Debian, Ubuntu), `sudo dnf install ffmpeg` (Fedora), `sudo \
         apk add ffmpeg` (Alpine)"
    }
}

impl FfmpegError {
    /// A stable name of this kind of error in `snake_case`, for JSON and HTTP.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "ffmpeg_missing",
            Self::Start { .. } | Self::Strange { .. } => "ffmpeg_unusable",
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Missing { setting: None, .. } => install_hint().to_owned(),
            Self::Missing { .. } => {
                "name the program `ffmpeg` or the folder that it is in".to_owned()
            }
            Self::Start { .. } | Self::Strange { .. } => {
                format!("check the program, or {}", install_hint())
            }
        })
    }
}
