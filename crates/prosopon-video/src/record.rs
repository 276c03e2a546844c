//! Pictures as a video file: H.264 in MP4, made by FFmpeg, with the sound of the file that they came from.

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use prosopon::Image;
use tempfile::TempPath;

use crate::ffmpeg::{Child, Ffmpeg, FfmpegError, Log, What, last_words, probe, read_lines};
use crate::fit::fitted;
use crate::matroska;
use crate::source::{file_options, file_url};

/// How long FFmpeg may take to write the end of a film: it moves the index to the front, which copies the file.
const FINISH_WITHIN: Duration = Duration::from_mins(10);

/// Encoders of H.264 that builds of FFmpeg have, the best first, with what each needs to be told for good pictures
/// in little time.
const ENCODERS: [(&str, &[&str]); 4] = [
    // Quality 20 of 51: lines and letters drawn into the picture stay sharp.
    ("libx264", &["-preset", "veryfast", "-crf", "20"]),
    ("h264_videotoolbox", &["-q:v", "65"]),
    ("h264_mf", &["-b:v", "6M"]),
    ("libopenh264", &["-b:v", "6M"]),
];

/// Sound that fits into MP4 as it is; other is encoded anew.
const SOUND_OF_MP4: [&str; 4] = ["aac", "mp3", "ac3", "eac3"];

/// How a recording is made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RecordOptions {
    /// The program `ffmpeg`, or the folder that it is in; looked for on the path by default.
    pub ffmpeg: Option<PathBuf>,
    /// The video file whose sound is kept. Positions of frames must be those of that file.
    pub sound_from: Option<PathBuf>,
}

/// Why a recording failed. Messages leave out the path of the recording.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// FFmpeg is missing or does not run.
    #[error(transparent)]
    Ffmpeg(#[from] FfmpegError),
    /// A name that does not say MP4.
    #[error("expected a file name that ends in .mp4, found `{name}`")]
    Extension {
        /// The file's name.
        name: String,
    },
    /// FFmpeg was built without all encoders.
    #[error("this FFmpeg has no encoder for H.264")]
    NoEncoder,
    /// Not a single frame was written.
    #[error("there is no frame to record")]
    NoFrames,
    /// The system could not write.
    #[error("could not write the recording: {source}")]
    Write {
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// FFmpeg gave up, in its words.
    #[error("FFmpeg could not write the recording: {reason}")]
    Failed {
        /// Its last message.
        reason: String,
    },
}

impl RecordError {
    /// A stable name of this kind of error in `snake_case`, for JSON and HTTP.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ffmpeg(error) => error.code(),
            Self::Extension { .. } => "unknown_extension",
            Self::NoEncoder => "no_encoder",
            Self::NoFrames => "no_frames",
            Self::Write { .. } => "unwritable_file",
            Self::Failed { .. } => "recording_failed",
        }
    }

    /// What a person can do about it, if anything.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Ffmpeg(error) => return error.hint(),
            Self::Extension { .. } => "end the name in .mp4",
            Self::NoEncoder => "install an FFmpeg with libx264",
            Self::Write { source } => match source.kind() {
                io::ErrorKind::NotFound => "make the folder first",
                io::ErrorKind::StorageFull => "free some space, or choose another disk",
                _ => "choose a place that you may write to",
            },
            Self::NoFrames | Self::Failed { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

/// A video file that is being made; it appears under its name when it is whole, and not at all otherwise.
pub struct Recorder {
    path: PathBuf,
    size: (u32, u32),
    rate: f64,
    ffmpeg: Ffmpeg,
    encoder: (&'static str, &'static [&'static str]),
    sound: Option<Sound>,
    unfinished: TempPath,
    run: Option<Run>,
    last: Option<Duration>,
}

/// Where the sound comes from, and whether it is copied.
struct Sound {
    path: PathBuf,
    is_copied: bool,
}

/// FFmpeg at work.
struct Run {
    child: Arc<Child>,
    pipe: BufWriter<ChildStdin>,
    log: Arc<Log>,
    messages: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Prepares a recording at `path` of frames of `size` at about `frames_per_second`.
    ///
    /// # Errors
    /// If FFmpeg is missing or cannot write H.264, the name does not end in `.mp4`, or there can be no file.
    pub fn create(
        path: &Path,
        size: (u32, u32),
        frames_per_second: Option<f64>,
        options: &RecordOptions,
    ) -> Result<Self, RecordError> {
        let is_mp4 = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("mp4"));
        if !is_mp4 {
            return Err(RecordError::Extension {
                name: path.file_name().unwrap_or_default().display().to_string(),
            });
        }
        let ffmpeg = Ffmpeg::find(options.ffmpeg.as_deref())?;
        let mut encoder = None;
        for candidate in ENCODERS {
            if ffmpeg.has_encoder(candidate.0)? {
                encoder = Some(candidate);
                break;
            }
        }
        let sound = options
            .sound_from
            .as_deref()
            .and_then(|path| sound_of(&ffmpeg, path));
        Ok(Self {
            path: path.to_owned(),
            size,
            rate: frames_per_second.filter(|r| *r > 0.0).unwrap_or(25.0),
            ffmpeg,
            encoder: encoder.ok_or(RecordError::NoEncoder)?,
            sound,
            unfinished: unfinished_beside(path).map_err(|source| RecordError::Write { source })?,
            run: None,
            last: None,
        })
    }

    /// Adds a frame that is seen from `position` on. A picture of another size is made to fit, with black beside
    /// it; one whose position is not after the last one's is left out.
    ///
    /// # Errors
    /// If FFmpeg has given up.
    pub fn write(&mut self, image: &Image, position: Duration) -> Result<(), RecordError> {
        // A file's clock counts in ticks of a tenth of a millisecond.
        if self
            .last
            .is_some_and(|last| matroska::ticks(position) <= matroska::ticks(last))
        {
            return Ok(());
        }
        self.last = Some(position);
        let mut run = match self.run.take() {
            Some(run) => run,
            None => self.start(position)?,
        };
        let result = if (image.width(), image.height()) == self.size {
            matroska::write_frame(&mut run.pipe, image.pixels(), position)
        } else {
            let image = fitted(image, self.size);
            matroska::write_frame(&mut run.pipe, image.pixels(), position)
        };
        if result.is_err() {
            return Err(run.failure());
        }
        self.run = Some(run);
        Ok(())
    }

    /// Writes the end, and gives the file its name.
    ///
    /// # Errors
    /// If no frame was written, or FFmpeg or the system fails; there is no file then.
    pub fn finish(mut self) -> Result<(), RecordError> {
        let Some(mut run) = self.run.take() else {
            return Err(RecordError::NoFrames);
        };
        if run.pipe.flush().is_err() {
            return Err(run.failure());
        }
        let Run {
            child,
            pipe,
            log,
            messages,
        } = run;
        drop(pipe);
        let status = child.wait_within(FINISH_WITHIN);
        child.kill();
        if let Some(messages) = messages {
            messages.join().ok();
        }
        if !status.is_some_and(|status| status.success()) {
            return Err(failure(&log));
        }
        let write = |source| RecordError::Write { source };
        std::fs::File::open(&self.unfinished)
            .and_then(|file| file.sync_all())
            .map_err(write)?;
        self.unfinished
            .persist(&self.path)
            .map_err(|error| write(error.error))
    }

    /// Starts FFmpeg; the first frame is at `first`.
    fn start(&self, first: Duration) -> Result<Run, RecordError> {
        let mut command = self.ffmpeg.command();
        // FFmpeg moves the beginning of each input to zero; the pictures of a file may begin after its sound.
        let offset = format!("{:.4}", first.as_secs_f64());
        command
            .args(["-hide_banner", "-nostats", "-loglevel", "level+warning"])
            .args(["-itsoffset", &offset])
            .args(["-protocol_whitelist", "pipe", "-f", "matroska"])
            .args(["-i", "pipe:0"]);
        if let Some(sound) = &self.sound {
            command
                .args(file_options(&self.ffmpeg))
                .arg("-i")
                .arg(file_url(&sound.path))
                .args(["-map", "0:v", "-map", "1:a:0", "-shortest", "-c:a"])
                .arg(if sound.is_copied { "copy" } else { "aac" });
        }
        command
            .args(["-c:v", self.encoder.0])
            .args(self.encoder.1)
            // What every player shows, which needs even sides.
            .args(["-pix_fmt", "yuv420p"])
            .args(["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2"])
            // Frames keep their own times.
            .args(if self.ffmpeg.has_fps_mode() {
                ["-fps_mode", "vfr"]
            } else {
                ["-vsync", "vfr"]
            })
            .args([
                "-enc_time_base",
                "1:10000",
                "-video_track_timescale",
                "10000",
            ])
            .args(["-movflags", "+faststart", "-f", "mp4", "-y"])
            .arg(file_url(&self.unfinished))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let (child, pipes) = Child::spawn(&mut command).map_err(|source| FfmpegError::Start {
            program: self.ffmpeg.path().to_owned(),
            source,
        })?;
        let log = Arc::new(Log::plain());
        let messages = pipes.stderr.map(|stderr| {
            let log = log.clone();
            thread::spawn(move || read_lines(stderr, |line| log.push(line)))
        });
        let stdin = pipes.stdin.ok_or_else(|| RecordError::Write {
            source: io::ErrorKind::BrokenPipe.into(),
        })?;
        let mut run = Run {
            child,
            pipe: BufWriter::new(stdin),
            log,
            messages,
        };
        if matroska::write_header(&mut run.pipe, self.size, self.rate).is_err() {
            return Err(run.failure());
        }
        Ok(run)
    }
}

impl Run {
    /// Why FFmpeg no longer takes frames.
    fn failure(self) -> RecordError {
        self.child.wait_within(Duration::from_secs(2));
        self.child.kill();
        if let Some(messages) = self.messages {
            messages.join().ok();
        }
        failure(&self.log)
    }
}

fn failure(log: &Log) -> RecordError {
    let lines = log.lines();
    if lines.iter().any(|line| line.contains("No space left")) {
        return RecordError::Write {
            source: io::ErrorKind::StorageFull.into(),
        };
    }
    RecordError::Failed {
        reason: last_words(&lines).unwrap_or_else(|| "it did not say why".to_owned()),
    }
}

/// The sound of a file, if it has any.
fn sound_of(ffmpeg: &Ffmpeg, path: &Path) -> Option<Sound> {
    let url: OsString = file_url(path);
    let facts = probe(
        ffmpeg,
        &file_options(ffmpeg),
        &url,
        u64::MAX,
        &Log::plain(),
        What::File,
    );
    let codec = facts.ok()?.sound?;
    Some(Sound {
        path: path.to_owned(),
        is_copied: SOUND_OF_MP4.contains(&codec.as_str()),
    })
}

/// An empty file in the folder of `path`, which is removed unless it gets its name.
fn unfinished_beside(path: &Path) -> io::Result<TempPath> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".prosopon-").suffix(".mp4");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What any program's new file gets; the user's umask still applies.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    Ok(builder.tempfile_in(folder)?.into_temp_path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_names_are_refused_before_anything_is_made() {
        let error = Recorder::create(
            Path::new("out.avi"),
            (64, 48),
            None,
            &RecordOptions::default(),
        )
        .err()
        .expect("refused");
        assert_eq!(
            error.to_string(),
            "expected a file name that ends in .mp4, found `out.avi`"
        );
        assert!(error.hint().is_some());
    }
}
