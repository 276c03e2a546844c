//! `prosopon matrix`: how alike are all these faces?

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2};
use ndarray_npy::NpzWriter;
use prosopon::matrix::{SimilarityMatrix, heat_map};
use serde::Serialize;

use crate::args::{EngineArgs, OutputArgs, ThresholdArgs};
use crate::failure::{Exit, Failure, exit_of};
use crate::output::{About, count, csv_field, print_value, write_file, write_json};
use crate::tiles::{self, PICTURES, TileJson, Tiles};

/// Faces at most: their matrix takes 100 MB.
const MOST_FACES: usize = 5000;
/// Faces whose numbers are printed as text.
const PRINTED: usize = 12;

/// Compare all faces of pictures with each other: numbers, heat map
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon matrix family.jpg --out family.png       heat map with the faces along both axes
  prosopon matrix photos/ --out faces.csv --out faces.npz --out faces.svg
  prosopon matrix a.jpg b.jpg c.jpg                 a small table
  prosopon matrix photos/ --largest-face --order input --json

Faces of one person stand together, in the order of a tree of clusters (average linkage). faces.npz \
holds similarity (n × n) and labels, which are bytes(npz[\"labels\"]).decode().split(\"\\n\").")]
pub(crate) struct Args {
    /// Pictures, folders, patterns; `-` for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// File to write: .png, .svg or another picture, .csv, .npz, .json; may be given several times
    #[arg(long, value_name = "FILE")]
    out: Vec<PathBuf>,
    /// Order of the faces
    #[arg(long, value_enum, default_value_t = Order::Cluster)]
    order: Order,
    #[command(flatten)]
    threshold: ThresholdArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Order {
    /// Faces of one person together
    Cluster,
    /// As the pictures were named
    Input,
}

#[derive(Serialize)]
struct Document {
    faces: Vec<TileJson>,
    similarity: Vec<Vec<f32>>,
    threshold: Option<f32>,
    fmr: Option<f64>,
    failed: Vec<String>,
    #[serde(flatten)]
    about: About,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let data = ["png", "svg", "csv", "npz", "json"];
    let known = [&data[..], &PICTURES].concat();
    tiles::check_endings(&args.out, &known, ".png, .svg, .jpg, .csv, .npz or .json")?;
    let (tiles, session) = Tiles::gather(&args.paths, &args.engine, MOST_FACES)?;
    let threshold = tiles::shown_threshold(&args.threshold, &session)?;
    let matrix = SimilarityMatrix::new(&tiles.embeddings)?;
    let order = match args.order {
        Order::Cluster => matrix.cluster_order(),
        Order::Input => (0..matrix.n_faces()).collect(),
    };
    let (matrix, tiles) = (matrix.reordered(&order), tiles.reordered(&order));
    let document = Document {
        similarity: matrix.rows().map(<[f32]>::to_vec).collect(),
        threshold: threshold.as_ref().map(|t| t.similarity),
        fmr: threshold.and_then(|t| t.fmr),
        faces: tiles.faces,
        failed: tiles.failed,
        about: session.about,
    };
    for out in &args.out {
        match tiles::ending(out).as_str() {
            "csv" => write_file(out, csv(&document).as_bytes())?,
            "json" => write_json(out, &document)?,
            "npz" => write_file(out, &npz(&document, &matrix, out)?)?,
            _ => {
                let title = tiles::title_of("Similarity of faces", &args.paths);
                let svg = heat_map(&title, &matrix, &tiles.cells, document.threshold);
                tiles::save_figure(&svg, out)?;
            }
        }
    }
    print_value(args.output.format(), &document, || {
        describe(&document, &args.out)
    })?;
    Ok(exit_of(document.failed.len()))
}

/// A row and a column for each face, labels in the first of each.
fn csv(document: &Document) -> String {
    let labels: Vec<String> = document.faces.iter().map(|f| csv_field(&f.label)).collect();
    let mut text = format!(",{}\n", labels.join(","));
    for (label, row) in labels.iter().zip(&document.similarity) {
        let values: Vec<String> = row.iter().map(|v| format!("{v:.6}")).collect();
        text += &format!("{label},{}\n", values.join(","));
    }
    text
}

fn npz(document: &Document, matrix: &SimilarityMatrix, path: &Path) -> Result<Vec<u8>, Failure> {
    let n = matrix.n_faces();
    let labels: Vec<&str> = document.faces.iter().map(|f| f.label.as_str()).collect();
    let write = || -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let mut npz = NpzWriter::new(BufWriter::new(&mut bytes));
        let values = Array2::from_shape_vec((n, n), matrix.values().to_vec())?;
        npz.add_array("similarity", &values)?;
        npz.add_array("labels", &Array1::from(labels.join("\n").into_bytes()))?;
        npz.finish()?;
        Ok(bytes.into_inner())
    };
    write().map_err(|error| {
        let error = std::io::Error::other(error.to_string());
        Failure::write(path.display(), &error)
    })
}

fn describe(document: &Document, out: &[PathBuf]) -> String {
    let n = document.faces.len();
    let mut text = String::new();
    if n <= PRINTED {
        let labels = document.faces.iter().map(|f| f.label.chars().count());
        let widest = labels.max().unwrap_or(0).min(40);
        for (i, (face, row)) in document.faces.iter().zip(&document.similarity).enumerate() {
            let label: String = face.label.chars().take(40).collect();
            text += &format!("{:>3}  {label:widest$}", i + 1);
            for value in row {
                text += &format!(" {:>4.0}", value * 100.0);
            }
            text += "\n";
        }
        text += "in per cent";
        if let Some(threshold) = document.threshold {
            text += &format!("; one person from {:.0} on", threshold * 100.0);
        }
        text += "\n";
    }
    let pairs = n * (n - 1) / 2;
    text += &format!(
        "{}, {}",
        count(n, "face", "faces"),
        count(pairs, "pair", "pairs")
    );
    if let Some(threshold) = document.threshold {
        let rows = document.similarity.iter().enumerate();
        let matches: usize = rows
            .map(|(i, row)| row[i + 1..].iter().filter(|v| **v >= threshold).count())
            .sum();
        text += &format!(", {matches} at or above the threshold {threshold:.3}");
    }
    for file in out {
        text += &format!("\nwrote {}", file.display());
    }
    if out.is_empty() && n > PRINTED {
        text += "\n`--out faces.png` draws the heat map, `--out faces.csv` writes the numbers";
    }
    text
}
