//! What to do about an error.

use crate::error::ModelsError;
use crate::own;

/// How to install without the network.
const BY_HAND: &str =
    "install from a file with `prosopon models add FILE`, or from a mirror with `--mirror URL`";

impl ModelsError {
    /// What to do about it, in one sentence or a short example; `None` where the message says all.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoDataDirectory => "set PROSOPON_HOME to a directory".to_owned(),
            Self::UnknownPack { .. } => "see `prosopon models list`".to_owned(),
            Self::UnknownModel { .. } | Self::WrongRole { .. } => {
                "see `prosopon models list`; add a network of your own with `prosopon models add FILE.onnx`".to_owned()
            }
            Self::NotInstalled { pack, .. } => {
                format!("run `prosopon models pull {pack}`, or {BY_HAND}")
            }
            Self::Offline { .. } => format!("pull without `--offline`, or {BY_HAND}"),
            Self::NotCommercial { .. } => {
                "read the licences in `prosopon models list`; add a network of your own with `prosopon models add FILE.onnx`".to_owned()
            }
            Self::HashMismatch { .. } | Self::SizeMismatch { .. } => {
                "nothing was installed; the source or something on the way changed the file, try another source".to_owned()
            }
            Self::ClientMissing { wanted: "npm", .. } => {
                format!("install Node.js, which brings npm, and Python with pip for the inference engine; or {BY_HAND}")
            }
            Self::ClientMissing { .. } => format!("install Python with pip, or uv; or {BY_HAND}"),
            Self::ClientFailed { .. } | Self::ClientTimeout { .. } | Self::Http { .. } => {
                format!("check the network and the client's settings; or {BY_HAND}")
            }
            Self::SourcesFailed { attempts, .. } => return attempts.last()?.error.hint(),
            Self::Archive { .. } | Self::MemberMissing { .. } => {
                "fetch the archive again; it may be cut short".to_owned()
            }
            Self::NotRecognised { .. } => {
                "files are known by SHA-256, so a changed copy is not recognised; see `prosopon models list`".to_owned()
            }
            Self::DescriptionMissing { path } => {
                format!("write {} with, for example:\n{}", path.display(), own::EXAMPLE)
            }
            Self::DescriptionSyntax { .. } | Self::DescriptionField { .. } => {
                format!("a complete description is, for example:\n{}", own::EXAMPLE)
            }
            Self::Cascade { .. } => {
                "cascades are those of OpenCV in its format since version 2, with Haar features".to_owned()
            }
            Self::NameTaken { path, .. } if crate::cascades::is_xml(path) => {
                "give the file another name".to_owned()
            }
            Self::NameTaken { .. } => "change `name` in the description".to_owned(),
            Self::Calibration { .. } => {
                "measure again with `prosopon calibrate DIR --for model`, or remove it with `prosopon calibrate clear --for model`".to_owned()
            }
            Self::Quantizer { .. } => {
                "quantising needs Python 3.11 or newer with its modules venv and pip, and network access the first time".to_owned()
            }
            Self::DiskFull { .. } => {
                "free some space, or set PROSOPON_HOME to a directory on another disk".to_owned()
            }
            Self::PermissionDenied { .. } | Self::ReadOnly { .. } => {
                "set PROSOPON_HOME to a directory that you may write to".to_owned()
            }
            Self::Catalogue { .. } | Self::NotHttps { .. } | Self::Io { .. } => return None,
        };
        Some(hint)
    }
}
