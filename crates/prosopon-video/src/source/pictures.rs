//! A folder of pictures, or a single one, as a film.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use prosopon::image::{Format, Image};
use prosopon::{DecodeLimits, ImageError};

use crate::Frame;

use super::video::after;
use super::{OnState, Source, SourceError, SourceFacts, SourceOptions, SourceState, Stop};

/// Pictures a second unless another rate is asked for.
const RATE: f64 = 1.0;

/// Problems that are kept; a folder may hold a million files.
const KEPT_PROBLEMS: usize = 100;

/// Pictures in the order of their names.
pub(crate) struct Pictures {
    name: String,
    paths: Vec<PathBuf>,
    limits: DecodeLimits,
    rate: f64,
    start: Timestamp,
    stop: Stop,
    on_state: OnState,
    size: Option<(u32, u32)>,
    tried: usize,
    given: u64,
    problems: Vec<String>,
    n_problems: usize,
    is_over: bool,
}

/// Whether at `path` there is a folder, or a file that is a picture.
pub(crate) fn are_at(path: &Path) -> Result<bool, SourceError> {
    let metadata = path.metadata().map_err(|source| match source.kind() {
        ErrorKind::NotFound => SourceError::NotFound {
            expected: "a video or a folder of pictures",
        },
        ErrorKind::PermissionDenied => SourceError::Permission { what: "the file" },
        _ => SourceError::Io { source },
    })?;
    if metadata.is_dir() {
        return Ok(true);
    }
    // The video source says what is wrong with a file that cannot be read. A GIF is more often a film.
    let mut first = Vec::new();
    if metadata.is_file()
        && let Ok(file) = fs::File::open(path)
    {
        file.take(1024).read_to_end(&mut first).ok();
    }
    Ok(Format::of(&first).is_ok_and(|format| format != Format::Gif))
}

impl Pictures {
    /// Lists the folder; nothing is decoded yet.
    pub(crate) fn open(
        path: &Path,
        options: &SourceOptions,
        stop: &Stop,
        on_state: OnState,
    ) -> Result<Self, SourceError> {
        on_state(SourceState::Connecting);
        let paths = if path.is_dir() {
            files_in(path)?
        } else {
            vec![path.to_owned()]
        };
        if paths.is_empty() {
            return Err(SourceError::NoFiles);
        }
        Ok(Self {
            name: path.display().to_string(),
            paths,
            limits: DecodeLimits {
                pixels: options.max_pixels,
                ..DecodeLimits::default()
            },
            rate: options
                .frames_per_second
                .filter(|rate| rate.is_finite() && *rate > 0.0)
                .unwrap_or(RATE),
            start: Timestamp::now(),
            stop: stop.clone(),
            on_state,
            size: None,
            tried: 0,
            given: 0,
            problems: Vec::new(),
            n_problems: 0,
            is_over: false,
        })
    }

    fn note(&mut self, path: &Path, error: &ImageError) {
        self.n_problems += 1;
        if self.problems.len() < KEPT_PROBLEMS {
            self.problems.push(format!("{error}: {}", path.display()));
        }
    }
}

/// All files of the folder that are not hidden, in the order of their names; folders inside are left out.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let failed = |source: std::io::Error| match source.kind() {
        ErrorKind::PermissionDenied => SourceError::Permission { what: "the folder" },
        _ => SourceError::Io { source },
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !is_hidden && entry.path().is_file() {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

impl Source for Pictures {
    fn next(&mut self) -> Result<Option<Frame>, SourceError> {
        while self.tried < self.paths.len() && !self.stop.is_stopped() {
            let path = self.paths[self.tried].clone();
            // Its place is that of its file: one that cannot be read leaves a gap.
            let index = self.tried as u64;
            self.tried += 1;
            let image = match Image::open(&path, &self.limits) {
                Ok(image) => image,
                // Notes and lists beside pictures are no problem.
                Err(ImageError::NotAPicture { .. }) if self.paths.len() > 1 => continue,
                Err(error) if self.paths.len() == 1 => {
                    self.is_over = true;
                    return Err(error.into());
                }
                Err(error) => {
                    self.note(&path, &error);
                    continue;
                }
            };
            let size = (image.width(), image.height());
            if self.size != Some(size) {
                self.size = Some(size);
                (self.on_state)(SourceState::Running {
                    size,
                    frames_per_second: Some(self.rate),
                });
            }
            self.given += 1;
            let position =
                Duration::try_from_secs_f64(index as f64 / self.rate).unwrap_or(Duration::MAX);
            return Ok(Some(Frame {
                image,
                index,
                position,
                at: after(self.start, position),
            }));
        }
        if self.is_over {
            return Ok(None);
        }
        self.is_over = true;
        (self.on_state)(SourceState::Ended);
        if self.given == 0 && !self.stop.is_stopped() {
            return Err(SourceError::NoFiles);
        }
        Ok(None)
    }

    fn facts(&self) -> SourceFacts {
        SourceFacts {
            name: self.name.clone(),
            is_live: false,
            size: self.size,
            frames_per_second: Some(self.rate),
            n_frames: Some(self.paths.len() as u64),
            duration: Duration::try_from_secs_f64(self.paths.len() as f64 / self.rate).ok(),
            has_sound: false,
        }
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = self.problems.clone();
        let others = self.n_problems - problems.len();
        if others > 0 {
            problems.push(format!("and {others} more pictures that cannot be used"));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(folder: &Path, name: &str, level: u8) {
        let mut bytes = b"P6 2 1 255 ".to_vec();
        bytes.extend([level; 6]);
        fs::write(folder.join(name), bytes).expect("a file");
    }

    fn open(folder: &Path, rate: Option<f64>) -> Result<Pictures, SourceError> {
        let options = SourceOptions {
            frames_per_second: rate,
            ..SourceOptions::default()
        };
        Pictures::open(folder, &options, &Stop::new(), Box::new(|_| {}))
    }

    #[test]
    fn pictures_come_in_the_order_of_their_names_and_bad_ones_are_listed() {
        let folder = tempfile::tempdir().expect("a folder");
        picture(folder.path(), "b.ppm", 2);
        picture(folder.path(), "a.ppm", 1);
        picture(folder.path(), "d.ppm", 4);
        picture(folder.path(), ".hidden.ppm", 9);
        fs::write(folder.path().join("c.ppm"), b"P6 2 1 255 \x00").expect("a file");
        fs::write(folder.path().join("notes.txt"), b"to do").expect("a file");
        let mut source = open(folder.path(), Some(4.0)).expect("a source");
        let mut seen = Vec::new();
        while let Some(frame) = source.next().expect("no error") {
            seen.push((frame.image.pixels()[0], frame.position.as_millis()));
        }
        assert_eq!(seen, [(1, 0), (2, 250), (4, 750)]);
        let problems = source.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].ends_with("c.ppm"));
        assert!(matches!(source.next(), Ok(None)));
    }

    #[test]
    fn a_single_picture_is_a_film_of_one_frame() {
        let folder = tempfile::tempdir().expect("a folder");
        picture(folder.path(), "a.ppm", 1);
        let path = folder.path().join("a.ppm");
        assert!(are_at(&path).expect("it is there"));
        let mut source = open(&path, None).expect("a source");
        assert!(source.next().expect("no error").is_some());
        assert!(source.next().expect("no error").is_none());
    }

    #[test]
    fn a_folder_without_pictures_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(
            open(folder.path(), None),
            Err(SourceError::NoFiles)
        ));
        fs::write(folder.path().join("notes.txt"), b"to do").expect("a file");
        fs::write(folder.path().join("more.txt"), b"to do").expect("a file");
        let mut source = open(folder.path(), None).expect("a source");
        assert!(matches!(source.next(), Err(SourceError::NoFiles)));
        let nothing = folder.path().join("nothing");
        assert_eq!(
            are_at(&nothing).expect_err("nothing").code(),
            "source_not_found"
        );
    }
}
