//! New pictures into the album.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use prosopon_gallery::PictureHash;
use prosopon_gallery::album::{Album, NewAlbumFace, NewPicture};
use serde::Serialize;

use crate::analysis::{StageTimes, analyze_all, size_of};
use crate::args::EngineArgs;
use crate::failure::{Exit, Failure};
use crate::output::eprint;
use crate::pictures::{self, Input};
use crate::progress;
use crate::session::EngineSession;

/// Pictures of one transaction: an interrupted run loses no more than these.
const BATCH: usize = 32;

/// A picture that could not be used.
#[derive(Debug, Serialize)]
pub(super) struct Failed {
    path: String,
    error: Failure,
}

/// What a run added.
pub(super) struct News {
    pub(super) added: usize,
    /// Files of this run that are copies of others, byte for byte.
    pub(super) copies: usize,
    pub(super) failed: Vec<Failed>,
}

/// The pictures that `paths` name.
pub(super) fn inputs(paths: &[PathBuf]) -> Result<Vec<Input>, Failure> {
    if paths.iter().any(|path| path == Path::new("-")) {
        let message = "expected files and folders, found standard input";
        return Err(Failure::new(Exit::Usage, "usage", message)
            .with_hint("an album remembers where its pictures are; save the picture first"));
    }
    pictures::collect(paths)
}

/// Adds the pictures that the album does not know, and notes new places of those that it knows.
pub(super) fn add_new(
    album: &Album,
    inputs: &[Input],
    session: &EngineSession,
    args: &EngineArgs,
) -> Result<News, Failure> {
    let limits = args.detect.limits();
    let mut new = Vec::new();
    let mut hashes = BTreeSet::new();
    let mut copies = 0;
    let bar = progress::bar(inputs.len(), "pictures looked up");
    for input in inputs {
        // What cannot be read is reported when it is analysed.
        let is_known = match input.read(&limits) {
            Ok(bytes) => {
                let hash = PictureHash::of(&bytes);
                copies += usize::from(!hashes.insert(hash));
                album.knows(&hash, &place(input))?
            }
            Err(_) => false,
        };
        if !is_known {
            new.push(input.clone());
        }
        bar.inc(1);
    }
    bar.finish_and_clear();

    let mut news = News {
        added: 0,
        copies,
        failed: Vec::new(),
    };
    let mut added = BTreeSet::new();
    let mut batch = Vec::with_capacity(BATCH);
    analyze_all(
        &new,
        &session.engine,
        &limits,
        args.inference.options(0).thread_count(),
        &StageTimes::default(),
        |picture, _| (size_of(&picture), PictureHash::of(&picture.bytes)),
        |input, analysed| {
            let ((size, sha256), faces) = match analysed {
                Ok(analysed) => analysed,
                Err(failure) if failure.exit == Exit::BadInput => {
                    eprint(&failure.to_string());
                    news.failed.push(Failed {
                        path: input.to_string(),
                        error: failure,
                    });
                    return Ok(());
                }
                Err(failure) => return Err(failure),
            };
            news.added += usize::from(added.insert(sha256));
            let faces = faces.iter().map(NewAlbumFace::of);
            batch.push(NewPicture {
                path: place(input),
                sha256,
                width: size.0,
                height: size.1,
                faces: faces.collect::<Result<_, _>>()?,
            });
            if batch.len() >= BATCH {
                album.add(&batch)?;
                batch.clear();
            }
            Ok(())
        },
    )?;
    album.add(&batch)?;
    Ok(news)
}

/// Where a picture is, wherever the next run is started.
fn place(input: &Input) -> String {
    match input.path() {
        Some(path) => {
            let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
            whole.to_string_lossy().into_owned()
        }
        None => input.to_string(),
    }
}
