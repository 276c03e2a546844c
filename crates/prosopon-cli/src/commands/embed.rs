//! `prosopon embed`: faces as vectors, for programs of one's own.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use ndarray::Array2;
use ndarray_npy::NpzWriter;
use prosopon::Face;
use serde::Serialize;

use super::detect::{failed_picture, header};
use crate::analysis::{StageSeconds, StageTimes, analyze_all, size_of};
use crate::args::{EngineArgs, OutputArgs};
use crate::failure::{Exit, Failure, exit_of};
use crate::output::{About, FaceJson, PictureJson, PicturePrinter, count};
use crate::pictures;
use crate::session::{self, Load};

/// Turn faces into embeddings: unit vectors, close together for one person
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon embed photos/ --out faces.npz           arrays for NumPy
  prosopon embed photos/ --out faces.jsonl         one line a picture
  prosopon embed photo.jpg --json                  to standard output

faces.npz holds, a row for each face: embedding (n × 512), box (left, top, right, bottom), confidence, \
landmarks (n × 10, x and y of each point) and picture, an index into the list of paths, which is \
bytes(npz[\"paths\"]).decode().split(\"\\n\").")]
pub(crate) struct Args {
    /// Pictures, folders, patterns; `-` for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// File to write: .npz or .jsonl
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Serialize)]
struct Summary {
    faces: usize,
    failed: usize,
    seconds: f64,
    pictures_per_second: f64,
    stage_seconds: StageSeconds,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let mut writer = args.out.as_deref().map(Writer::create).transpose()?;
    let inputs = pictures::collect(&args.paths)?;
    let session = session::open_engine(&args.engine, Load::of(inputs.len()))?;
    let mut printer = PicturePrinter::new(args.output.format(), session.about.clone());
    let (mut n_faces, mut failed) = (0, 0);
    let times = StageTimes::default();
    let start = std::time::Instant::now();
    analyze_all(
        &inputs,
        &session.engine,
        &args.engine.detect.limits(),
        args.engine.inference.options(0).thread_count(),
        &times,
        |picture, _| size_of(&picture),
        |input, analysed| {
            let picture = match analysed {
                Ok(((width, height), faces)) => {
                    n_faces += faces.len();
                    // Vectors go to the file if there is one, else to standard output as JSON.
                    let with_embedding = |face: &Face| FaceJson {
                        embedding: Some(face.embedding.values().to_vec()),
                        ..FaceJson::from(&face.detection)
                    };
                    let mut json = PictureJson {
                        path: input.to_string(),
                        width: Some(width),
                        height: Some(height),
                        faces: faces.iter().map(with_embedding).collect(),
                        error: None,
                    };
                    if let Some(writer) = &mut writer {
                        writer.push(&json, &session.about)?;
                        json.faces.iter_mut().for_each(|face| face.embedding = None);
                    }
                    json
                }
                Err(failure) => {
                    failed += 1;
                    failed_picture(input, failure)?
                }
            };
            printer.print(picture, |picture| match &picture.error {
                Some(failure) => failure.to_string(),
                None => header(picture),
            })
        },
    )?;
    let seconds = start.elapsed().as_secs_f64();
    if let Some(writer) = writer {
        writer.finish()?;
    }
    let summary = Summary {
        faces: n_faces,
        failed,
        seconds,
        pictures_per_second: inputs.len() as f64 / seconds,
        stage_seconds: times.seconds(),
    };
    printer.finish(&summary, || {
        let mut text = format!(
            "{} in {}, {:.1} pictures a second ({})",
            count(n_faces, "face", "faces"),
            count(inputs.len() - failed, "picture", "pictures"),
            summary.pictures_per_second,
            summary.stage_seconds.shares()
        );
        if let Some(out) = &args.out {
            text += &format!("\nwrote {}", out.display());
        }
        text
    })?;
    Ok(exit_of(failed))
}

/// Where embeddings go. The file appears whole when all is done.
struct Writer {
    path: PathBuf,
    file: tempfile::NamedTempFile,
    kind: Kind,
}

enum Kind {
    JsonLines(BufWriter<File>),
    Npz(Rows),
}

/// Columns of the arrays, a row for each face.
#[derive(Default)]
struct Rows {
    pictures: Vec<String>,
    picture: Vec<u64>,
    embedding: Vec<f32>,
    bounding_box: Vec<f32>,
    landmarks: Vec<f32>,
    confidence: Vec<f32>,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    picture: &'a PictureJson,
    #[serde(flatten)]
    about: &'a About,
}

impl Writer {
    fn create(path: &Path) -> Result<Self, Failure> {
        let error = |error: &std::io::Error| Failure::write(path.display(), error);
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        let file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
            .map_err(|e| error(&e))?;
        let kind = match path.extension().and_then(|e| e.to_str()) {
            Some("jsonl") => Kind::JsonLines(BufWriter::new(file.reopen().map_err(|e| error(&e))?)),
            Some("npz") => Kind::Npz(Rows::default()),
            _ => {
                return Err(Failure::new(
                    Exit::Usage,
                    "unknown_extension",
                    "expected a file that ends in .npz or .jsonl",
                )
                .at(path.display())
                .with_hint("name it, for example, faces.npz"));
            }
        };
        Ok(Self {
            path: path.to_owned(),
            file,
            kind,
        })
    }

    fn push(&mut self, picture: &PictureJson, about: &About) -> Result<(), Failure> {
        match &mut self.kind {
            Kind::JsonLines(out) => serde_json::to_writer(&mut *out, &Line { picture, about })
                .map_err(std::io::Error::from)
                .and_then(|()| writeln!(out))
                .map_err(|error| Failure::write(self.path.display(), &error)),
            Kind::Npz(rows) => {
                rows.push(picture);
                Ok(())
            }
        }
    }

    fn finish(self) -> Result<(), Failure> {
        let path = self.path;
        let error = |error: std::io::Error| Failure::write(path.display(), &error);
        match self.kind {
            Kind::JsonLines(mut out) => out.flush().map_err(error)?,
            Kind::Npz(rows) => {
                rows.write(self.file.as_file())
                    .map_err(|e| error(std::io::Error::other(e)))?;
            }
        }
        self.file.as_file().sync_all().map_err(error)?;
        self.file.persist(&path).map_err(|e| error(e.error))?;
        Ok(())
    }
}

impl Rows {
    fn push(&mut self, picture: &PictureJson) {
        let row = self.pictures.len() as u64;
        self.pictures.push(picture.path.clone());
        for face in &picture.faces {
            let b = face.bounding_box;
            self.picture.push(row);
            self.embedding.extend(face.embedding.iter().flatten());
            self.bounding_box.extend([b.left, b.top, b.right, b.bottom]);
            let points = face.landmarks.map(|l| l.to_array().map(|p| [p.x, p.y]));
            self.landmarks
                .extend(points.unwrap_or([[f32::NAN; 2]; 5]).as_flattened());
            self.confidence.push(face.confidence);
        }
    }

    fn write(self, file: &File) -> Result<(), ndarray_npy::WriteNpzError> {
        let n = self.picture.len();
        let dim = self.embedding.len().checked_div(n).unwrap_or(0);
        let rows = |values: Vec<f32>, columns| {
            Array2::from_shape_vec((n, columns), values).expect("each face adds a whole row")
        };
        let mut npz = NpzWriter::new(BufWriter::new(file));
        npz.add_array("embedding", &rows(self.embedding, dim))?;
        npz.add_array("box", &rows(self.bounding_box, 4))?;
        npz.add_array("landmarks", &rows(self.landmarks, 10))?;
        npz.add_array("confidence", &ndarray::Array1::from(self.confidence))?;
        npz.add_array("picture", &ndarray::Array1::from(self.picture))?;
        // Text arrays are not in the writer's reach; bytes are.
        let paths = self.pictures.join("\n").into_bytes();
        npz.add_array("paths", &ndarray::Array1::from(paths))?;
        npz.finish()?;
        Ok(())
    }
}
