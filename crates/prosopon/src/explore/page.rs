//! What was found, as a page for people.

use super::scatter::{ScatterPoint, scatter};
use super::{Collection, Exploration, LabelledPicture};
use crate::image::{Image, ResizeFilter};
use crate::plot::color::CATEGORIES;
use crate::plot::{Axis, Cell, Chart, Series, SeriesKind};
use crate::report::Page;

/// Pictures of one kind that a page shows at most; all are in the JSON.
const SHOWN: usize = 60;
/// Rows of the table of people at most.
const ROWS: usize = 200;
/// Side of a face in a scatter plot's data: twice what is drawn.
const FACE_SIDE: u32 = 56;

/// The page; `facts` say what it was made of and by.
pub fn page(
    title: &str,
    collection: &Collection,
    found: &Exploration,
    facts: &[(&str, String)],
) -> Page {
    let mut page = Page::new(title);
    page.lead(&lead(collection, found));
    page.facts(facts);
    counts(&mut page, collection, found);
    labels(&mut page, collection, found);
    same_people(&mut page, collection, found);
    repeated(&mut page, collection, found);
    quality(&mut page, collection, found);
    places(&mut page, collection, found);
    if !collection.failed.is_empty() {
        page.heading("Files that could not be read");
        let rows: Vec<Vec<String>> = collection.failed.iter().map(|p| vec![p.clone()]).collect();
        page.table(&["file"], &rows);
    }
    page
}

fn lead(collection: &Collection, found: &Exploration) -> String {
    let across = found.repeated.iter().filter(|r| r.across_people).count();
    format!(
        "{} of {}: {} without a face, {} likely wrong, {} that are likely one person, {} that lie with several people, {} hard to recognise.",
        count(found.summary.pictures, "picture", "pictures"),
        count(collection.identities.len(), "person", "people"),
        found.summary.pictures - found.summary.with_face,
        count(found.labels.len(), "label", "labels"),
        count(found.same_people.len(), "pair of names", "pairs of names"),
        count(across, "picture", "pictures"),
        count(found.quality.len(), "face", "faces"),
    )
}

fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

fn percent(part: usize, whole: usize) -> String {
    let share = 100.0 * part as f64 / whole.max(1) as f64;
    format!("{share:.1} %")
}

fn counts(page: &mut Page, collection: &Collection, found: &Exploration) {
    let summary = &found.summary;
    page.heading("Pictures");
    let spread = |spread: &super::Spread| {
        format!(
            "{:.0} to {:.0} pixels, median {:.0}",
            spread.least, spread.most, spread.median
        )
    };
    let faces = |(n, pictures): (&usize, &usize)| format!("{n}: {pictures}");
    let by_faces: Vec<String> = summary.pictures_by_faces.iter().map(faces).collect();
    page.facts(&[
        (
            "faces found",
            format!(
                "in {} of {} pictures ({})",
                summary.with_face,
                summary.pictures,
                percent(summary.with_face, summary.pictures)
            ),
        ),
        ("faces a picture", by_faces.join(", ")),
        ("shorter side", spread(&summary.shorter_side_px)),
        ("width of the face", spread(&summary.face_width_px)),
    ]);
    page.figure(
        &widths(collection).draw(900.0, 320.0),
        "Widths of the faces that the pictures are of. Below 30 pixels recognition suffers.",
    );
    let mut identities: Vec<_> = summary.identities.iter().collect();
    identities.sort_by_key(|counts| std::cmp::Reverse(counts.pictures));
    let row = |counts: &&super::IdentityCounts| {
        vec![
            counts.name.clone(),
            counts.pictures.to_string(),
            counts.without_face.to_string(),
            counts.with_several_faces.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = identities.iter().take(ROWS).map(row).collect();
    let heads = ["person", "pictures", "without a face", "with several faces"];
    page.table(&heads, &rows);
    if identities.len() > ROWS {
        page.paragraph(&format!("The {ROWS} people with most pictures are shown."));
    }
}

/// How wide faces are, in steps of a third of an octave.
fn widths(collection: &Collection) -> Chart {
    let faces = collection.pictures.iter().filter_map(|p| p.face.as_ref());
    let widths: Vec<f64> = faces
        .map(|face| f64::from(face.detection.bounding_box.width()))
        .collect();
    let most = widths.iter().fold(60.0f64, |most, width| most.max(*width));
    let step = (most / 30.0 / 5.0).ceil() * 5.0;
    let n_bars = (most / step).ceil() as usize;
    let bars: Vec<(f64, f64)> = (0..n_bars)
        .map(|i| {
            let low = i as f64 * step;
            let inside = widths.iter().filter(|w| (low..low + step).contains(*w));
            (low + step / 2.0, inside.count() as f64)
        })
        .collect();
    let highest = bars.iter().fold(1.0f64, |highest, bar| highest.max(bar.1));
    Chart {
        title: "Faces by width".to_owned(),
        x: Axis::linear("width in pixels", (0.0, step * n_bars as f64)),
        y: Axis::linear("pictures", (0.0, highest * 1.05)),
        series: vec![Series {
            name: String::new(),
            points: bars,
            kind: SeriesKind::Bars,
            color: CATEGORIES[0],
        }],
        marks: Vec::new(),
    }
}

/// The face of a picture with a caption.
fn face_cell(picture: &LabelledPicture, caption: String) -> Option<Cell> {
    let face = picture.face.as_ref()?;
    Some(Cell::new(face.crop.image.clone(), caption))
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Shows the cells, and says so if they are not all.
fn show(page: &mut Page, cells: impl Iterator<Item = Cell>, all: usize) {
    let cells: Vec<Cell> = cells.take(SHOWN).collect();
    page.pictures(&cells);
    if all > SHOWN {
        page.paragraph(&format!("{SHOWN} of {all} are shown."));
    }
}

fn labels(page: &mut Page, collection: &Collection, found: &Exploration) {
    page.heading("Labels that are likely wrong");
    if found.labels.is_empty() {
        page.paragraph("None: every face is most like the other faces of its person.");
        return;
    }
    page.paragraph(&format!(
        "These faces are more like another person than like their own (both similarities are told), or like nobody in the folder. Two faces match from {:.3} on.",
        found.threshold
    ));
    let cells = found.labels.iter().filter_map(|doubt| {
        let picture = &collection.pictures[doubt.face];
        let name = &collection.identities[doubt.identity];
        let caption = match (doubt.likely, doubt.likely_similarity) {
            (Some(likely), Some(similarity)) => format!(
                "{name} ({:.2}), looks like {} ({similarity:.2}): {}",
                doubt.similarity,
                collection.identities[likely],
                file_name(&picture.path)
            ),
            _ => format!(
                "{name} ({:.2}), looks like nobody here: {}",
                doubt.similarity,
                file_name(&picture.path)
            ),
        };
        face_cell(picture, caption)
    });
    show(page, cells, found.labels.len());
}

fn same_people(page: &mut Page, collection: &Collection, found: &Exploration) {
    page.heading("Names that are likely one person");
    if found.same_people.is_empty() {
        page.paragraph("None.");
        return;
    }
    let rows: Vec<Vec<String>> = found
        .same_people
        .iter()
        .map(|pair| {
            vec![
                collection.identities[pair.first].clone(),
                collection.identities[pair.second].clone(),
                format!("{:.2}", pair.similarity),
            ]
        })
        .collect();
    page.table(&["name", "other name", "mean similarity"], &rows);
}

fn repeated(page: &mut Page, collection: &Collection, found: &Exploration) {
    page.heading("Pictures that are there more than once");
    if found.repeated.is_empty() {
        page.paragraph("None.");
        return;
    }
    let rows: Vec<Vec<String>> = found
        .repeated
        .iter()
        .take(ROWS)
        .map(|group| {
            let name = |i: &usize| collection.pictures[*i].path.clone();
            let names: Vec<String> = group.pictures.iter().map(name).collect();
            let whose = if group.across_people {
                "several people"
            } else {
                "one person"
            };
            vec![whose.to_owned(), names.join("  =  ")]
        })
        .collect();
    page.table(&["with", "pictures, the best copy first"], &rows);
}

fn quality(page: &mut Page, collection: &Collection, found: &Exploration) {
    page.heading("Faces that are hard to recognise");
    if found.quality.is_empty() {
        page.paragraph("None.");
        return;
    }
    page.paragraph("Small: narrower than 30 pixels. Unsure: the detector's confidence is below 0.6. Blurred: much less sharp than the others. Turned: seen from the side.");
    let cells = found.quality.iter().filter_map(|finding| {
        let picture = &collection.pictures[finding.picture];
        let doubts: Vec<&str> = finding.doubts.iter().map(|doubt| doubt.name()).collect();
        let caption = format!("{}: {}", doubts.join(", "), file_name(&picture.path));
        face_cell(picture, caption)
    });
    show(page, cells, found.quality.len());
}

fn places(page: &mut Page, collection: &Collection, found: &Exploration) {
    let places = &found.places;
    if places.pictures.len() < 2 {
        return;
    }
    page.heading("Where the faces lie");
    let blank = Image::filled(1, 1, [128; 3]);
    let images: Vec<Image> = places
        .pictures
        .iter()
        .map(|&i| {
            let face = collection.pictures[i].face.as_ref();
            face.and_then(|face| {
                let crop = &face.crop.image;
                crop.resized(FACE_SIDE, FACE_SIDE, ResizeFilter::Area).ok()
            })
            .unwrap_or_else(|| blank.clone())
        })
        .collect();
    let doubted: Vec<usize> = found.labels.iter().map(|doubt| doubt.face).collect();
    let points = |at: &[[f32; 2]]| -> Vec<ScatterPoint<'_>> {
        places
            .pictures
            .iter()
            .zip(at)
            .zip(&images)
            .map(|((&picture, &at), image)| ScatterPoint {
                at,
                image,
                identity: collection.pictures[picture].identity,
                doubtful: doubted.contains(&picture),
            })
            .collect()
    };
    let names = &collection.identities;
    let frames = "The frame's colour says whose label a face has; a second, dark frame marks labels that are likely wrong.";
    if let Some(at) = &places.neighbourhoods {
        let svg = scatter(
            "Neighbourhoods",
            "t-SNE: neighbours are alike; distances between groups mean little",
            names,
            &points(at),
        );
        page.figure(&svg, &format!("Embeddings by t-SNE. {frames}"));
    }
    let [first, second] = places.explained.map(|share| share * 100.0);
    let note = format!(
        "Principal components: the first explains {first:.1} % of the variance, the second {second:.1} %"
    );
    let svg = scatter(
        "Principal components",
        &note,
        names,
        &points(&places.principal_components),
    );
    page.figure(
        &svg,
        &format!("Embeddings by their first two principal components. {frames}"),
    );
}
