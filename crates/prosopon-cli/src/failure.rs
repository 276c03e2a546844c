//! What went wrong, as the user sees it: one line, a hint, a code, an exit status.

use std::error::Error;
use std::fmt::{self, Display};
use std::io::ErrorKind;
use std::process::ExitCode;

use prosopon::inference::InferenceError;
use prosopon::{
    AlignError, AttributeError, CompareError, DetectError, EmbedError, EngineError, ImageError,
};
use prosopon_gallery::{AlbumError, GalleryError};
use prosopon_models::ModelsError;
use prosopon_video::StoreError as EventsError;
use serde::Serialize;

/// Exit status of the program; documented in `docs/cli.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All went well; the answer, where there is one, is yes.
    Success = 0,
    /// The answer is no: not the same person, a model file has changed.
    No = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// A picture could not be used.
    BadInput = 3,
    /// A model or an engine is missing or broken.
    Setup = 4,
    /// The gallery, or a file to be written, cannot be used.
    Storage = 5,
    /// The answer is neither yes nor no: the faces may be one person's.
    Uncertain = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The status of a batch in which `failed` pictures could not be used.
pub(crate) fn exit_of(failed: usize) -> Exit {
    if failed > 0 {
        Exit::BadInput
    } else {
        Exit::Success
    }
}

/// An error on its way to the user.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Failure {
    /// Stable name of the kind of error.
    pub(crate) code: &'static str,
    /// What went wrong, in one line.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// How the program ends if this ends it.
    #[serde(skip)]
    pub(crate) exit: Exit,
}

impl Failure {
    /// An error without a hint.
    pub(crate) fn new(exit: Exit, code: &'static str, message: impl Display) -> Self {
        Self {
            code,
            message: message.to_string(),
            hint: None,
            exit,
        }
    }

    /// The same with a hint.
    pub(crate) fn with_hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// The same with what it is about at the end of the message.
    pub(crate) fn at(mut self, place: impl Display) -> Self {
        self.message = format!("{}: {place}", self.message);
        self
    }

    /// A file or stream that could not be written.
    pub(crate) fn write(place: impl Display, error: &std::io::Error) -> Self {
        Self::new(
            Exit::Storage,
            "unwritable_file",
            format!("could not write: {error}"),
        )
        .at(place)
        .with_hint(match error.kind() {
            ErrorKind::NotFound => "make the folder first",
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                "free some space, or choose another disk"
            }
            _ => "choose a place that you may write to",
        })
    }

    /// Whether the reader of standard output went away, which is no error.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        self.code == CLOSED_PIPE
    }

    /// An error of writing to standard output.
    pub(crate) fn stdout(error: &std::io::Error) -> Self {
        if error.kind() == ErrorKind::BrokenPipe {
            return Self::new(Exit::Success, CLOSED_PIPE, "standard output was closed");
        }
        Self::write("standard output", error)
    }
}

const CLOSED_PIPE: &str = "closed_pipe";

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

/// The error and its causes on one line: each adds what the ones before do not say already.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let message = cause.to_string();
        let line = message.lines().next().unwrap_or_default();
        if !text.contains(line) {
            text += ": ";
            text += line;
        }
        source = cause.source();
    }
    text
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        let mut failure = Self::new(Exit::BadInput, error.code(), with_causes(&error));
        failure.hint = error.hint().map(str::to_owned);
        failure
    }
}

impl From<ModelsError> for Failure {
    fn from(error: ModelsError) -> Self {
        let mut failure = Self::new(Exit::Setup, models_code(&error), with_causes(&error));
        failure.hint = error.hint();
        failure
    }
}

fn models_code(error: &ModelsError) -> &'static str {
    match error {
        ModelsError::UnknownPack { .. } => "unknown_pack",
        ModelsError::UnknownModel { .. } => "unknown_model",
        ModelsError::WrongRole { .. } => "wrong_role",
        ModelsError::NotInstalled { .. } => "model_not_installed",
        ModelsError::Offline { .. } => "offline",
        ModelsError::NotCommercial { .. } => "not_commercial",
        ModelsError::HashMismatch { .. } | ModelsError::SizeMismatch { .. } => "hash_mismatch",
        ModelsError::ClientMissing { .. } => "client_missing",
        ModelsError::Quantizer { .. } => "quantizer",
        ModelsError::DiskFull { .. } => "disk_full",
        ModelsError::PermissionDenied { .. } | ModelsError::ReadOnly { .. } => "permission_denied",
        ModelsError::SourcesFailed { attempts, .. } => attempts
            .last()
            .map_or("sources_failed", |attempt| models_code(&attempt.error)),
        ModelsError::DescriptionMissing { .. }
        | ModelsError::DescriptionSyntax { .. }
        | ModelsError::DescriptionField { .. } => "invalid_description",
        ModelsError::Cascade { .. } => "unusable_model",
        ModelsError::NotRecognised { .. } => "not_recognised",
        ModelsError::Calibration { .. } => "invalid_calibration",
        _ => "models",
    }
}

impl From<GalleryError> for Failure {
    fn from(error: GalleryError) -> Self {
        Self::new(Exit::Storage, error.code(), with_causes(&error)).with_hint(error.hint())
    }
}

impl From<AlbumError> for Failure {
    fn from(error: AlbumError) -> Self {
        Self::new(Exit::Storage, error.code(), with_causes(&error)).with_hint(error.hint())
    }
}

impl From<EventsError> for Failure {
    fn from(error: EventsError) -> Self {
        Self::new(Exit::Storage, error.code(), with_causes(&error)).with_hint(error.hint())
    }
}

impl From<InferenceError> for Failure {
    fn from(error: InferenceError) -> Self {
        let code = match error {
            InferenceError::BackendUnavailable { .. } => "backend_unavailable",
            InferenceError::NotOnnx
            | InferenceError::Load { .. }
            | InferenceError::Outputs { .. } => "unusable_model",
            _ => "inference_failed",
        };
        let failure = Self::new(Exit::Setup, code, &error);
        match code {
            "backend_unavailable" => failure
                .with_hint("`prosopon doctor` shows what was found; `--backend rten` always works"),
            "unusable_model" => {
                failure.with_hint("`prosopon models verify` checks all model files")
            }
            _ => failure,
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Detect(DetectError::Inference(error))
            | EngineError::Embed(EmbedError::Inference(error)) => error.into(),
            EngineError::NoLandmarks => Self::new(Exit::Usage, "no_landmarks", &error)
                .with_hint("choose a detector with landmarks: `--detector scrfd`"),
            EngineError::Align(error) => error.into(),
            EngineError::Detect(DetectError::Image(error)) => error.into(),
            EngineError::Detect(error @ DetectError::Cascade(_)) => {
                Self::new(Exit::Setup, "unusable_model", &error)
            }
            error => Self::new(Exit::Setup, "inference_failed", &error),
        }
    }
}

impl From<AttributeError> for Failure {
    fn from(error: AttributeError) -> Self {
        match error {
            AttributeError::Inference(error) => error.into(),
            AttributeError::Image(error) => error.into(),
            error => Self::new(Exit::Setup, "inference_failed", &error),
        }
    }
}

impl From<DetectError> for Failure {
    fn from(error: DetectError) -> Self {
        EngineError::from(error).into()
    }
}

impl From<EmbedError> for Failure {
    fn from(error: EmbedError) -> Self {
        EngineError::from(error).into()
    }
}

impl From<AlignError> for Failure {
    fn from(error: AlignError) -> Self {
        Self::new(Exit::BadInput, "unusable_landmarks", &error)
    }
}

impl From<CompareError> for Failure {
    fn from(error: CompareError) -> Self {
        match error {
            CompareError::NotCalibrated { .. } => Self::new(Exit::Usage, "not_calibrated", &error)
                .with_hint(
                    "pass `--threshold SIM`, or measure rates with `prosopon calibrate DIR --for model`",
                ),
            CompareError::UncertainRate { .. } | CompareError::Rate { .. } => {
                Self::new(Exit::Usage, "invalid_rates", &error)
                    .with_hint("for example `--fmr 1e-4 --uncertain-fmr 1e-2`")
            }
            _ => Self::new(Exit::Setup, "not_comparable", &error),
        }
    }
}
