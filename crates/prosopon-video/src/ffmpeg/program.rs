//! Which programs of FFmpeg there are, and what they can do.

use std::env;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::{Child, FfmpegError};

/// A program that only says what it can do answers within milliseconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// The programs of FFmpeg on this machine.
#[derive(Debug, Clone)]
pub struct Ffmpeg {
    program: PathBuf,
    version: Version,
    version_text: String,
    demuxers: Vec<String>,
}

/// Version of FFmpeg: major and minor number.
///
/// Those of development builds have none that can be compared; they count as newer than all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

/// Versions that are known to work, by major number.
const KNOWN: std::ops::RangeInclusive<u32> = 5..=9;

/// Readers that open other files or addresses, run scripts or take pictures off the screen: a file must not bring
/// us to use them. All others read nothing but the file.
const FAR_READERS: [&str; 20] = [
    "hls",
    "applehttp",
    "concat",
    "concatf",
    "dash",
    "imf",
    "image2",
    "sdp",
    "rtsp",
    "rtp",
    "sap",
    "avisynth",
    "vapoursynth",
    "lavfi",
    "vobsub",
    "webm_dash_manifest",
    "ffmetadata",
    "tty",
    "x11grab",
    "fbdev",
];

impl Version {
    /// Reads the first line of `ffmpeg -version`.
    fn read(line: &str) -> Option<(Self, &str)> {
        let text = line.strip_prefix("ffmpeg version ")?;
        let text = text.split_whitespace().next()?;
        // Some builds write their tag, which is `n6.1`.
        let mut numbers = text
            .strip_prefix('n')
            .unwrap_or(text)
            .split(['.', '-', '+']);
        let major = numbers.next().and_then(|n| n.parse().ok());
        let minor = numbers.next().and_then(|n| n.parse().ok()).unwrap_or(0);
        Some((Self(major.unwrap_or(u32::MAX), minor), text))
    }
}

impl Ffmpeg {
    /// Finds `ffmpeg`: at `setting` (the program or its folder), else where the environment's `PROSOPON_FFMPEG`
    /// says, else on the path.
    ///
    /// # Errors
    /// If it is missing, or does not say its version.
    pub fn find(setting: Option<&Path>) -> Result<Self, FfmpegError> {
        let from_environment = env::var_os("PROSOPON_FFMPEG").map(PathBuf::from);
        let setting = setting.map(Path::to_owned).or(from_environment);
        let ffmpeg = locate("ffmpeg", setting.as_deref()).ok_or(FfmpegError::Missing {
            program: "ffmpeg",
            setting,
        })?;
        let said = output(Command::new(&ffmpeg).args(["-hide_banner", "-version"]))
            .map_err(|source| start(&ffmpeg, source))?;
        let line = said.text.lines().next().unwrap_or_default();
        let Some((version, text)) = Version::read(line) else {
            let found = if line.is_empty() {
                "nothing".to_owned()
            } else {
                format!("`{}`", line.chars().take(80).collect::<String>())
            };
            return Err(FfmpegError::Strange {
                program: ffmpeg,
                found,
            });
        };
        let demuxers = output(Command::new(&ffmpeg).args(["-hide_banner", "-demuxers"]))
            .map_err(|source| start(&ffmpeg, source))?;
        let demuxers = read_demuxers(&demuxers.text);
        if demuxers.is_empty() {
            return Err(FfmpegError::Strange {
                program: ffmpeg,
                found: "no list of what it reads".to_owned(),
            });
        }
        let found = Self {
            version,
            version_text: text.to_owned(),
            demuxers,
            program: ffmpeg,
        };
        if let Some(warning) = found.warning() {
            tracing::warn!("{warning}");
        }
        Ok(found)
    }

    /// Path of `ffmpeg`.
    pub fn path(&self) -> &Path {
        &self.program
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Its version as it writes it.
    pub fn version_text(&self) -> &str {
        &self.version_text
    }

    /// What to say about a version that nobody has tried.
    pub fn warning(&self) -> Option<String> {
        (!KNOWN.contains(&self.version.0)).then(|| {
            format!(
                "FFmpeg {} to {} are known to work, found {}",
                KNOWN.start(),
                KNOWN.end(),
                self.version_text
            )
        })
    }

    /// Path of the program beside `ffmpeg` that is called so, else of the one on the path.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn beside(&self, program: &'static str) -> Result<PathBuf, FfmpegError> {
        locate(program, self.program.parent())
            .or_else(|| locate(program, None))
            .ok_or(FfmpegError::Missing {
                program,
                setting: None,
            })
    }

    /// Whether the way of frames to their times is chosen by `-fps_mode`; it was `-vsync` before 5.1.
    pub(crate) fn has_fps_mode(&self) -> bool {
        self.version >= Version(5, 1)
    }

    /// A command that runs `ffmpeg`.
    pub(crate) fn command(&self) -> Command {
        quiet(&self.program)
    }

    /// Names of the readers that a file may be read with, separated by commas.
    pub(crate) fn near_readers(&self) -> String {
        let near = |names: &&String| !names.split(',').any(|name| FAR_READERS.contains(&name));
        let names: Vec<_> = self.demuxers.iter().filter(near).cloned().collect();
        names.join(",")
    }

    /// Whether this build has an encoder of this name.
    pub(crate) fn has_encoder(&self, name: &str) -> Result<bool, FfmpegError> {
        let said = output(Command::new(&self.program).args(["-hide_banner", "-encoders"]))
            .map_err(|source| start(&self.program, source))?;
        Ok(said
            .text
            .lines()
            .any(|line| line.split_whitespace().nth(1) == Some(name)))
    }
}

fn start(program: &Path, source: std::io::Error) -> FfmpegError {
    FfmpegError::Start {
        program: program.to_owned(),
        source,
    }
}

/// Runs a program of FFmpeg free of settings that would change what it writes.
pub(crate) fn quiet(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_remove("AV_LOG_FORCE_COLOR")
        .env_remove("FFREPORT")
        .env("AV_LOG_FORCE_NOCOLOR", "1");
    command
}

/// Names of readers in the list that `ffmpeg -demuxers` prints: ` D  mov,mp4  Text`, and ` D d` for devices.
fn read_demuxers(list: &str) -> Vec<String> {
    let mut lines = list
        .lines()
        .skip_while(|line| !line.trim().starts_with("--"));
    lines.next();
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let flags = words.next()?;
            let name = words.next()?;
            let is_device = name == "d" || flags.contains('d');
            (flags.starts_with('D') && !is_device).then(|| name.to_owned())
        })
        .collect()
}

/// Looks for a program at `setting` (itself or its folder), or on the path.
fn locate(program: &str, setting: Option<&Path>) -> Option<PathBuf> {
    let file = format!("{program}{}", env::consts::EXE_SUFFIX);
    let is_program = |path: &Path| path.is_file();
    if let Some(setting) = setting {
        // A folder, or one of the programs by its path.
        let inside = setting.join(&file);
        if is_program(&inside) {
            return Some(inside);
        }
        let named = setting.file_stem().is_some_and(|stem| {
            let stem = stem.to_string_lossy();
            stem == program || program == "ffmpeg"
        });
        return (named && is_program(setting)).then(|| setting.to_owned());
    }
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(&file))
        .find(|path| is_program(path))
}

/// What a short run wrote.
pub(crate) struct Said {
    /// Standard output.
    pub(crate) text: String,
    /// Standard error.
    pub(crate) errors: String,
}

/// Runs a command that answers quickly, and gives what it writes, no more than a megabyte of each.
///
/// # Errors
/// If it cannot be started, or has not answered within [`ANSWER_WITHIN`]: half an answer is none.
pub(crate) fn output(command: &mut Command) -> std::io::Result<Said> {
    output_within(command, ANSWER_WITHIN)
}

fn output_within(command: &mut Command, time: Duration) -> std::io::Result<Said> {
    let (child, pipes) = Child::spawn(
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    )?;
    let errors = thread::spawn({
        let stderr = pipes.stderr;
        move || stderr.map(text_of).unwrap_or_default()
    });
    // Nobody else would end a run that hangs: reading its output ends when it is killed.
    let watch = Watch::start(&child, time);
    let text = pipes.stdout.map(text_of).unwrap_or_default();
    let errors = errors.join().unwrap_or_default();
    child.wait_within(Duration::from_secs(2));
    if watch.has_killed.load(Ordering::Relaxed) {
        let message = format!("no answer within {time:?}; is the machine too busy?");
        return Err(std::io::Error::new(ErrorKind::TimedOut, message));
    }
    Ok(Said { text, errors })
}

fn text_of(pipe: impl Read) -> String {
    let mut bytes = Vec::new();
    pipe.take(1 << 20).read_to_end(&mut bytes).ok();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Kills a child that takes too long; ends when it is dropped.
struct Watch {
    has_killed: Arc<AtomicBool>,
    _done: std::sync::mpsc::Sender<()>,
}

impl Watch {
    fn start(child: &Arc<Child>, time: Duration) -> Self {
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let child = Arc::downgrade(child);
        let has_killed = Arc::new(AtomicBool::new(false));
        let killed = Arc::clone(&has_killed);
        thread::spawn(move || {
            if wait.recv_timeout(time) == Err(std::sync::mpsc::RecvTimeoutError::Timeout)
                && let Some(child) = child.upgrade()
            {
                killed.store(true, Ordering::Relaxed);
                child.kill();
            }
        });
        Self {
            has_killed,
            _done: done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        for (text, version) in [
            ("5.1.9-0+deb12u1", Version(5, 1)),
            ("n6.0", Version(6, 0)),
            ("7.1-full_build-www.gyan.dev", Version(7, 1)),
            ("8.0", Version(8, 0)),
            ("4.4.2-0ubuntu0.22.04.1", Version(4, 4)),
        ] {
            let line = format!("ffmpeg version {text} Copyright (c)");
            assert_eq!(Version::read(&line), Some((version, text)));
        }
        let nightly = Version::read("ffmpeg version N-109542-g8bad486dc2 Copyright");
        assert!(nightly.is_some_and(|(version, _)| version > Version(8, 9)));
        assert_eq!(Version::read("avconv 12"), None);
    }

    #[test]
    fn readers_are_listed_without_devices() {
        let list = "File formats:\n D. = Demuxing supported\n .E = Muxing supported\n --\n D  aac             ADTS\n \
                    D  mov,mp4,m4a     QuickTime\n D d x11grab        screen\n D  hls             Apple\n";
        assert_eq!(read_demuxers(list), ["aac", "mov,mp4,m4a", "hls"]);
    }

    #[cfg(unix)]
    #[test]
    fn half_an_answer_is_none() {
        let answer = |script: &str, within| {
            output_within(Command::new("sh").args(["-c", script]), within).map(|said| said.text)
        };
        let (soon, late) = (Duration::from_millis(100), Duration::from_secs(20));
        let error = answer("echo half; sleep 60", soon).expect_err("too late");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(answer("echo whole", late).expect("an answer"), "whole\n");
    }

    #[test]
    fn what_is_missing_is_said_with_the_way_to_get_it() {
        let error = Ffmpeg::find(Some(Path::new("/nowhere/at/all"))).expect_err("nothing there");
        assert_eq!(error.code(), "ffmpeg_missing");
        assert_eq!(
            error.to_string(),
            "`ffmpeg` of FFmpeg is missing: looked in /nowhere/at/all"
        );
        let missing = FfmpegError::Missing {
            program: "ffmpeg",
            setting: None,
        };
        assert!(missing.hint().is_some_and(|hint| hint.contains("install")));
    }
}
