//! Films made for a test, and sources that tell how they are doing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use prosopon_video::source::{self, Address, Source, SourceOptions, SourceState, Stop};
use prosopon_video::{Frame, SourceError};

/// A folder of films.
pub(crate) struct Films {
    folder: tempfile::TempDir,
}

impl Films {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs FFmpeg with these arguments, and the path of a file of this name at the end.
    pub(crate) fn make(&self, name: &str, arguments: &str) -> PathBuf {
        let path = self.path(name);
        let status = Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "error", "-y"])
            .args(arguments.split_whitespace())
            .arg(&path)
            .current_dir(self.folder.path())
            .status()
            .expect("ffmpeg runs");
        assert!(status.success(), "{arguments}");
        path
    }

    /// A film of a moving test picture at ten frames a second, a tenth of which stand for themselves.
    pub(crate) fn film(&self, name: &str, size: &str, seconds: u32) -> PathBuf {
        self.make(
            name,
            &format!(
                "-f lavfi -i testsrc2=size={size}:rate=10:duration={seconds} -c:v libx264 -preset ultrafast -g 10 \
                 -pix_fmt yuv420p"
            ),
        )
    }
}

/// What a source told about itself, with the time since its opening.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Vec<(Instant, SourceState)>>>);

impl Told {
    pub(crate) fn all(&self) -> Vec<SourceState> {
        let told = self.0.lock().expect("no panic");
        told.iter().map(|(_, state)| state.clone()).collect()
    }

    pub(crate) fn is_any(&self, is_it: impl Fn(&SourceState) -> bool) -> bool {
        self.all().iter().any(is_it)
    }
}

pub(crate) fn open_with(
    address: &str,
    options: &SourceOptions,
    stop: &Stop,
) -> Result<(Box<dyn Source>, Told), SourceError> {
    let told = Told::default();
    let keep = told.clone();
    let address: Address = address.parse()?;
    let source = source::open(
        &address,
        options,
        stop,
        Box::new(move |state| {
            let mut told = keep.0.lock().expect("no panic");
            told.push((Instant::now(), state));
        }),
    )?;
    Ok((source, told))
}

pub(crate) fn open(address: impl AsRef<Path>) -> Result<(Box<dyn Source>, Told), SourceError> {
    let address = address.as_ref().display().to_string();
    open_with(&address, &SourceOptions::default(), &Stop::new())
}

/// The error that a source ends with before it gave a frame.
pub(crate) fn error_of(address: impl AsRef<Path>) -> SourceError {
    match open(&address) {
        Err(error) => error,
        Ok((mut source, _)) => match source.next() {
            Err(error) => error,
            Ok(frame) => panic!("{}: {frame:?}", address.as_ref().display()),
        },
    }
}

/// All frames until the end.
pub(crate) fn all(source: &mut dyn Source) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    while let Some(frame) = source.next().expect("no error") {
        if let Some(last) = frames.last() {
            assert!(frame.position >= last.position, "time goes back");
            assert!(frame.index > last.index, "numbers go back");
        }
        frames.push(frame);
    }
    frames
}

/// Takes frames of a live source until one is as wanted; how long it took. Time never goes back meanwhile.
pub(crate) fn until(
    source: &mut dyn Source,
    last: &mut Option<Frame>,
    mut is_wanted: impl FnMut(&Frame) -> bool,
) -> Duration {
    let begun = Instant::now();
    loop {
        let frame = source.next().expect("no error").expect("it goes on");
        if let Some(last) = last {
            assert!(frame.position >= last.position, "time goes back");
            assert!(frame.at >= last.at, "the clock goes back");
            assert!(frame.index > last.index, "numbers go back");
        }
        let is_it = is_wanted(&frame);
        *last = Some(frame);
        if is_it {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "no such frame");
    }
}

/// Numbers of the processes that have this text among their arguments.
pub(crate) fn processes_with(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let is_ffmpeg = arguments
            .split(|b| *b == 0)
            .next()
            .is_some_and(|program| program.ends_with(b"ffmpeg") || program.ends_with(b"ffplay"));
        let arguments = String::from_utf8_lossy(&arguments);
        if is_ffmpeg && arguments.contains(text) {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found
}
