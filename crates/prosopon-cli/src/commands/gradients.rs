//! `prosopon gradients`: pictures as classic methods see them.

use std::path::{Path, PathBuf};

use prosopon::Image;
use prosopon::classic::{GradientOperator, GradientSummary, Gradients, GrayImage, View};
use prosopon::image::ResizeFilter;
use prosopon::plot::{Cell, contact_sheet};
use serde::Serialize;

use crate::analysis::{Picture, read_all};
use crate::args::{OutputArgs, PictureArgs};
use crate::failure::{Exit, Failure, exit_of};
use crate::output::{count, print_value, write_file};
use crate::pictures::{self, pass_over};
use crate::results::{OutputNames, make_folder, refuse_among};
use crate::tiles;

/// Longer side of a picture in a sheet's data: twice what is drawn.
const SHEET_SIDE: u32 = 256;
/// Pictures in a row of a sheet.
const COLUMNS: usize = 6;
/// Pictures on a sheet at most.
const MOST_ON_SHEET: usize = 300;

/// Draw the gradients of pictures, and what else classic methods see in them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon gradients photo.jpg --out gradients/
  prosopon gradients faces/ --out gradients/ --json          and their means
  prosopon gradients photo.jpg --out views/ --view all
  prosopon gradients photo.jpg --out views/ --view clahe,otsu,contours --operator scharr

For each picture and view a file `NAME-VIEW.png`, for each view a sheet of all pictures, `sheet-VIEW.png`. \
Along x and y the middle grey is no change; the hue of the orientation is its direction (red to the right, cyan to \
the left), its brightness the magnitude. Gradients and their means are of grey levels, with the operator's weights.")]
pub(crate) struct Args {
    /// Pictures, folders, patterns; `-` for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Folder to write into
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What to draw: `gradient_x`, `gradient_y`, magnitude, orientation (all of these by default), gray, equalised,
    /// clahe, gaussian, median, otsu, contours and others, or `all`
    #[arg(long = "view", value_name = "VIEW", value_delimiter = ',', value_parser = views)]
    views: Vec<Views>,
    /// How changes are measured
    #[arg(long, value_enum, default_value_t = Operator::Sobel)]
    operator: Operator,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pictures: PictureArgs,
}

#[derive(Debug, Clone, Copy)]
enum Views {
    All,
    One(View),
}

fn views(text: &str) -> Result<Views, String> {
    if text == "all" {
        return Ok(Views::All);
    }
    text.parse().map(Views::One).map_err(|_| {
        let names: Vec<&str> = View::ALL.iter().map(|view| view.name()).collect();
        format!("expected `all` or one of {}", names.join(", "))
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Operator {
    /// Three rows with weights 1, 2, 1
    Sobel,
    /// Three rows with weights 3, 10, 3
    Scharr,
    /// Half the difference of both neighbours, as numpy.gradient
    Central,
    /// The next pixel minus this one, as `TensorFlow` has it
    Forward,
}

impl From<Operator> for GradientOperator {
    fn from(operator: Operator) -> Self {
        match operator {
            Operator::Sobel => Self::Sobel,
            Operator::Scharr => Self::Scharr,
            Operator::Central => Self::Central,
            Operator::Forward => Self::Forward,
        }
    }
}

#[derive(Serialize)]
struct Document {
    pictures: Vec<PictureJson>,
    operator: &'static str,
    views: Vec<&'static str>,
    /// One sheet for each view.
    sheets: Vec<String>,
    failed: Vec<String>,
}

#[derive(Serialize)]
struct PictureJson {
    path: String,
    width: u32,
    height: u32,
    #[serde(flatten)]
    summary: GradientSummary,
    /// Files, in the order of the views.
    files: Vec<String>,
}

/// What is made of a picture while others are read.
struct Drawn {
    size: (u32, u32),
    summary: GradientSummary,
    /// The whole picture as a PNG, and a small one for the sheet, for each view.
    views: Vec<Result<(Vec<u8>, Image), Failure>>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let inputs = pictures::collect(&args.paths)?;
    let views = args.chosen();
    if let Some(out) = &args.out {
        refuse_among(&args.paths, &inputs, out)?;
        make_folder(out)?;
    }
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut document = Document {
        pictures: Vec::new(),
        operator: GradientOperator::from(args.operator).name(),
        views: views.iter().map(|view| view.name()).collect(),
        sheets: Vec::new(),
        failed: Vec::new(),
    };
    let mut names = OutputNames::default();
    let mut cells: Vec<Vec<Cell>> = vec![Vec::new(); views.len()];
    let draw = |picture: Picture| args.draw(&views, &picture.image);
    let limits = args.pictures.limits();
    read_all(&inputs, &limits, threads, draw, |input, drawn| {
        let drawn = match drawn {
            Ok(drawn) => drawn,
            Err(failure) => return pass_over(input, failure, &mut document.failed),
        };
        let mut files = Vec::new();
        if let Some(out) = &args.out {
            let name = names.name(input);
            for ((view, drawn), cells) in views.iter().zip(drawn.views).zip(&mut cells) {
                let (png, small) = drawn?;
                let path = out.join(format!("{name}-{view}.png"));
                write_file(&path, &png)?;
                files.push(path.display().to_string());
                if cells.len() < MOST_ON_SHEET {
                    cells.push(Cell::new(small, input.stem()));
                }
            }
        }
        document.pictures.push(PictureJson {
            path: input.to_string(),
            width: drawn.size.0,
            height: drawn.size.1,
            summary: drawn.summary,
            files,
        });
        Ok(())
    })?;
    if let Some(out) = &args.out {
        for (view, cells) in views.iter().zip(&cells) {
            let path = out.join(format!("sheet-{view}.png"));
            tiles::save_figure(&contact_sheet(view.title(), COLUMNS, cells), &path)?;
            document.sheets.push(path.display().to_string());
        }
    }
    print_value(args.output.format(), &document, || {
        describe(&document, args.out.as_deref())
    })?;
    Ok(exit_of(document.failed.len()))
}

impl Args {
    /// Each view once, in the order in which views are shown.
    fn chosen(&self) -> Vec<View> {
        if self.views.is_empty() {
            return View::GRADIENTS.to_vec();
        }
        let is_chosen = |view: &View| {
            let mut chosen = self.views.iter();
            chosen.any(|choice| match choice {
                Views::All => true,
                Views::One(one) => one == view,
            })
        };
        View::ALL.into_iter().filter(is_chosen).collect()
    }

    fn draw(&self, views: &[View], image: &Image) -> Drawn {
        let operator = self.operator.into();
        let summary = GradientSummary::of(&Gradients::of(&GrayImage::from(image), operator));
        let draw = |view: &View| {
            let drawn = view.draw_with(image, operator);
            Ok((drawn.encode_png()?, small(&drawn)?))
        };
        Drawn {
            size: (image.width(), image.height()),
            summary,
            views: if self.out.is_some() {
                views.iter().map(draw).collect()
            } else {
                Vec::new()
            },
        }
    }
}

fn small(image: &Image) -> Result<Image, Failure> {
    let (width, height) = (image.width(), image.height());
    let scale = (f64::from(SHEET_SIDE) / f64::from(width.max(height))).min(1.0);
    let side = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    Ok(image.resized(side(width), side(height), ResizeFilter::Area)?)
}

fn describe(document: &Document, out: Option<&Path>) -> String {
    let mut text = String::from("mean x    mean y    magnitude  axis     coherence");
    for picture in &document.pictures {
        let s = &picture.summary;
        text += &format!(
            "\n{:<9.3} {:<9.3} {:<10.3} {:<7} {:<10.3} {}",
            s.mean_x,
            s.mean_y,
            s.mean_magnitude,
            format!("{:.0}°", s.axis_degrees),
            s.coherence,
            picture.path
        );
    }
    match out {
        Some(out) => {
            let n = document.pictures.len() * document.views.len();
            text += &format!(
                "\nwrote {} and {} in {}",
                count(n, "picture", "pictures"),
                count(document.sheets.len(), "sheet", "sheets"),
                out.display()
            );
        }
        None => text += "\n`--out DIR` draws them",
    }
    text
}
