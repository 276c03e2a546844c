//! Running neural networks: one small trait, and a file for each engine behind it.
//!
//! | Backend | What it is | When |
//! |---|---|---|
//! | [`openvino`] | Intel's runtime, loaded at run time from shared libraries | fastest on x86-64; bf16 where the processor has it |
//! | [`rten`] | pure Rust, always compiled in | everywhere else, and the reference in tests |
//!
//! [`Runtime::open`] chooses one, [`Runtime::load`] gives a [`Network`] that all threads share.

mod observe;
pub mod onnx;
pub mod openvino;
mod pool;
mod protobuf;
pub mod rten;

use std::fmt;
use std::path::PathBuf;

pub use observe::InputObserver;

/// A network with one input, ready to run; shared by all threads.
pub trait Network: Send + Sync {
    /// Names of the outputs, in the order of the file.
    fn outputs(&self) -> &[String];

    /// Runs the network once and gives its outputs in the order of [`outputs`](Self::outputs).
    ///
    /// `shape` is the input's; `fill` gets its values, row-major and zeroed or stale, and writes
    /// all of them. Blocks while all streams are busy.
    ///
    /// # Errors
    /// [`InferenceError::Shape`] if the network cannot take that shape, [`InferenceError::Run`] if
    /// the engine fails.
    fn run(
        &self,
        shape: [usize; 4],
        fill: &mut dyn FnMut(&mut [f32]),
    ) -> Result<Vec<Output>, InferenceError>;
}

/// One output of a network: row-major values and their shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Length along each axis.
    pub shape: Vec<usize>,
    /// All values.
    pub values: Vec<f32>,
}

/// Which engine to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackendChoice {
    /// The fastest that loads.
    #[default]
    Auto,
    /// `OpenVINO` or an error.
    OpenVino,
    /// rten.
    Rten,
}

/// How exact the arithmetic is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// bf16 where the processor computes in it, else f32.
    #[default]
    Auto,
    /// 32-bit floats.
    F32,
    /// bfloat16, or an error where backend or processor have none.
    Bf16,
}

/// How to run networks.
#[derive(Debug, Clone, Default)]
pub struct InferenceOptions {
    /// Which engine.
    pub backend: BackendChoice,
    /// How exact.
    pub precision: Precision,
    /// Threads for all networks together; 0 takes one for each core.
    pub threads: usize,
    /// Runs at the same time, which share the threads; 0 takes as many as there are threads.
    ///
    /// One stream answers a single picture soonest; as many as threads give the most pictures a
    /// second.
    pub streams: usize,
    /// Folder with the `OpenVINO` libraries, tried before the system's.
    pub openvino_dir: Option<PathBuf>,
}

impl InferenceOptions {
    /// `threads`, with 0 resolved.
    pub fn thread_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }

    /// `streams`, with 0 resolved; never more than threads.
    pub fn stream_count(&self) -> usize {
        match self.streams {
            0 => self.thread_count(),
            streams => streams.min(self.thread_count()),
        }
    }
}

/// An engine that was found and chosen.
pub struct Runtime {
    engine: Box<dyn Engine>,
    info: BackendInfo,
    skipped: Option<InferenceError>,
}

/// Facts about the engine in use.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BackendInfo {
    /// `openvino` or `rten`.
    pub name: &'static str,
    /// The engine's own version.
    pub version: String,
    /// `f32` or `bf16`.
    pub precision: &'static str,
    /// Where the engine was loaded from; none if compiled in.
    pub library: Option<PathBuf>,
    /// Threads for all networks together.
    pub threads: usize,
    /// Runs at the same time.
    pub streams: usize,
}

impl fmt::Display for BackendInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.name, self.version, self.precision)
    }
}

/// What [`Runtime`] needs of a backend.
trait Engine: Send + Sync {
    /// Prepares the network in `model`, the bytes of an ONNX file.
    fn load(&self, model: Vec<u8>) -> Result<Box<dyn Network>, InferenceError>;
}

impl Runtime {
    /// Loads the engine that `options` name, or the fastest that loads.
    ///
    /// # Errors
    /// [`InferenceError::BackendUnavailable`] if a named backend does not load, or has not the
    /// precision that was asked for. There is never a silent change to another one.
    pub fn open(options: &InferenceOptions) -> Result<Self, InferenceError> {
        let mut skipped = None;
        if options.backend != BackendChoice::Rten {
            match openvino::open(options) {
                Ok((engine, info)) => {
                    return Ok(Self {
                        engine: Box::new(engine),
                        info,
                        skipped,
                    });
                }
                Err(error) if options.backend == BackendChoice::OpenVino => return Err(error),
                Err(error) => skipped = Some(error),
            }
        }
        let (engine, info) = rten::open(options)?;
        Ok(Self {
            engine: Box::new(engine),
            info,
            skipped,
        })
    }

    /// Prepares the network in `model`, the bytes of an ONNX file.
    ///
    /// # Errors
    /// [`InferenceError::Load`] if the engine cannot read or run it.
    pub fn load(&self, model: Vec<u8>) -> Result<Box<dyn Network>, InferenceError> {
        self.engine.load(model)
    }

    /// The same engine, whose networks show `observer` every input before they run on it.
    #[must_use]
    pub fn observed(self, observer: InputObserver) -> Self {
        let engine = Box::new(observe::Observed {
            engine: self.engine,
            observer,
        });
        Self { engine, ..self }
    }

    /// Facts about the engine.
    pub fn info(&self) -> &BackendInfo {
        &self.info
    }

    /// Why [`BackendChoice::Auto`] passed over a faster engine, if it did.
    pub fn skipped(&self) -> Option<&InferenceError> {
        self.skipped.as_ref()
    }
}

/// Why a network could not be loaded or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// The engine is not on this machine, or lacks what was asked for.
    #[error("backend `{backend}` is not available: {reason}")]
    BackendUnavailable {
        /// The backend's name.
        backend: &'static str,
        /// What went wrong, in one line.
        reason: String,
    },
    /// The bytes are no ONNX model, or one with several inputs.
    #[error("expected an ONNX model with one input, found something else")]
    NotOnnx,
    /// The engine refused the model.
    #[error("backend `{backend}` cannot load the model: {reason}")]
    Load {
        /// The backend's name.
        backend: &'static str,
        /// The engine's words.
        reason: String,
    },
    /// The model cannot take this shape.
    #[error("backend `{backend}` cannot run the model on input {shape:?}: {reason}")]
    Shape {
        /// The backend's name.
        backend: &'static str,
        /// The shape that was asked for.
        shape: [usize; 4],
        /// The engine's words.
        reason: String,
    },
    /// The engine failed while running.
    #[error("backend `{backend}` failed: {reason}")]
    Run {
        /// The backend's name.
        backend: &'static str,
        /// The engine's words.
        reason: String,
    },
    /// The outputs are not those of the network's kind.
    #[error("expected {expected}, found {found}")]
    Outputs {
        /// What a network of this kind gives.
        expected: &'static str,
        /// What this one gave.
        found: String,
    },
}

/// The first line of `text`, for errors that must stay on one.
fn first_line(text: impl fmt::Display) -> String {
    let text = text.to_string();
    text.lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or("no reason given")
        .to_owned()
}
