//! What is watched: sources with the names that events call them by.

use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

use prosopon_video::source::{
    self, Address, AddressKind, Source, SourceError, SourceFacts, SourceOptions, SourceState, Stop,
};

use super::worker::Message;
use crate::failure::{Exit, Failure};

/// A source that is open.
pub(super) struct Input {
    /// What events call it.
    pub(super) name: String,
    /// How it may be shown.
    pub(super) shown: String,
    /// The file, if it is one, for its sound.
    pub(super) path: Option<PathBuf>,
    pub(super) source: Box<dyn Source>,
    pub(super) facts: SourceFacts,
}

/// Names with their addresses: as they were given, else by the file's name or the address; all different.
pub(super) fn parse(arguments: &[String]) -> Result<Vec<(String, Address)>, Failure> {
    let mut inputs: Vec<(String, Address)> = Vec::new();
    for argument in arguments {
        let (name, written) = named(argument);
        let address: Address = written
            .parse()
            .map_err(|error| failure(&SourceError::Address(error)))?;
        let name = match (name, address.kind()) {
            (Some(name), _) => name.to_owned(),
            (None, AddressKind::Path(path) | AddressKind::Loop(path)) => {
                path.file_name().map_or_else(
                    || address.to_string(),
                    |name| name.to_string_lossy().into_owned(),
                )
            }
            (None, _) => address.to_string(),
        };
        let is_taken = |name: &str| inputs.iter().any(|(other, _)| other == name);
        let name = if is_taken(&name) {
            (2..=inputs.len() + 1)
                .map(|n| format!("{name} ({n})"))
                .find(|name| !is_taken(name))
                .unwrap_or(name)
        } else {
            name
        };
        inputs.push((name, address));
    }
    Ok(inputs)
}

/// The name before `=`, if there is one: letters, digits, `-`, `_`, `.` and blanks. A file whose own name has a `=` goes
/// before.
fn named(argument: &str) -> (Option<&str>, &str) {
    match argument.split_once('=') {
        Some((name, rest))
            if !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_alphanumeric() || "-_. ".contains(c))
                && !Path::new(argument).exists() =>
        {
            (Some(name.trim()), rest)
        }
        _ => (None, argument),
    }
}

/// Opens all; what happens to them later is told as messages.
pub(super) fn open(
    inputs: Vec<(String, Address)>,
    options: &SourceOptions,
    stop: &Stop,
    messages: &Sender<Message>,
) -> Result<Vec<Input>, Failure> {
    let open = |(number, (name, address)): (usize, (String, Address))| {
        let messages = messages.clone();
        let on_state = move |state: SourceState| {
            // Nobody listens any more at the end.
            let _ = messages.send(Message::State { number, state });
        };
        let source = source::open(&address, options, stop, Box::new(on_state))
            .map_err(|error| failure(&error).at(&address))?;
        Ok(Input {
            name,
            shown: address.to_string(),
            path: match address.kind() {
                AddressKind::Path(path) if path.is_file() => Some(path.clone()),
                _ => None,
            },
            facts: source.facts(),
            source,
        })
    };
    inputs.into_iter().enumerate().map(open).collect()
}

/// A source's error as the user sees it, without the address.
pub(super) fn failure(error: &SourceError) -> Failure {
    let exit = match error {
        SourceError::Address(_) | SourceError::NoSize => Exit::Usage,
        SourceError::Ffmpeg(_) => Exit::Setup,
        _ => Exit::BadInput,
    };
    let failure = Failure::new(exit, error.code(), error);
    match error.hint() {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_have_names_of_their_own() {
        let names = |arguments: &[&str]| -> Vec<String> {
            let arguments: Vec<String> = arguments.iter().map(|&a| a.to_owned()).collect();
            let parsed = parse(&arguments).expect("addresses");
            parsed.into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(
            names(&["a/clip.mp4", "b/clip.mp4", "door=rtsp://u:p@host/1?x=y"]),
            ["clip.mp4", "clip.mp4 (2)", "door"]
        );
        let shown = names(&["rtsp://anna:secret@host/1?user=x"]);
        assert!(!shown[0].contains("secret"), "{shown:?}");
    }
}
