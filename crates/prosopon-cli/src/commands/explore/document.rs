//! What was found, with names and paths, as JSON and as text.

use prosopon::explore::{
    Collection, Exploration, FaceQuality, PlantedErrors, QualityDoubt, Summary,
};
use serde::Serialize;

use super::Args;
use crate::output::{About, count};

#[derive(Serialize)]
struct LabelJson {
    path: String,
    identity: String,
    similarity: f32,
    likely: Option<String>,
    likely_similarity: Option<f32>,
}

#[derive(Serialize)]
struct SamePersonJson {
    identities: [String; 2],
    similarity: f32,
}

#[derive(Serialize)]
struct RepeatedJson {
    paths: Vec<String>,
    across_people: bool,
}

#[derive(Serialize)]
struct QualityJson {
    path: String,
    doubts: Vec<QualityDoubt>,
    #[serde(flatten)]
    quality: FaceQuality,
}

#[derive(Serialize)]
struct PlaceJson {
    path: String,
    principal_components: [f32; 2],
    neighbourhood: Option<[f32; 2]>,
}

#[derive(Serialize)]
pub(super) struct Document {
    #[serde(flatten)]
    summary: Summary,
    without_face: Vec<String>,
    labels: Vec<LabelJson>,
    same_people: Vec<SamePersonJson>,
    repeated: Vec<RepeatedJson>,
    quality: Vec<QualityJson>,
    places: Vec<PlaceJson>,
    explained: [f64; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    planted: Option<Vec<PlantedErrors>>,
    pub(super) threshold: f32,
    pub(super) fmr: Option<f64>,
    report: String,
    pub(super) failed: Vec<String>,
    #[serde(flatten)]
    pub(super) about: About,
}

impl Document {
    pub(super) fn new(
        args: &Args,
        collection: &Collection,
        found: &Exploration,
        planted: Option<Vec<PlantedErrors>>,
        fmr: Option<f64>,
        about: About,
    ) -> Self {
        let path = |picture: usize| collection.pictures[picture].path.clone();
        let name = |identity: usize| collection.identities[identity].clone();
        let without_face = collection.pictures.iter().filter(|p| p.n_faces == 0);
        let places = &found.places;
        Self {
            summary: found.summary.clone(),
            without_face: without_face.map(|p| p.path.clone()).collect(),
            labels: found
                .labels
                .iter()
                .map(|doubt| LabelJson {
                    path: path(doubt.face),
                    identity: name(doubt.identity),
                    similarity: doubt.similarity,
                    likely: doubt.likely.map(name),
                    likely_similarity: doubt.likely_similarity,
                })
                .collect(),
            same_people: found
                .same_people
                .iter()
                .map(|pair| SamePersonJson {
                    identities: [pair.first, pair.second].map(name),
                    similarity: pair.similarity,
                })
                .collect(),
            repeated: found
                .repeated
                .iter()
                .map(|group| RepeatedJson {
                    paths: group.pictures.iter().copied().map(path).collect(),
                    across_people: group.across_people,
                })
                .collect(),
            quality: found
                .quality
                .iter()
                .map(|finding| QualityJson {
                    path: path(finding.picture),
                    doubts: finding.doubts.clone(),
                    quality: finding.quality,
                })
                .collect(),
            places: places
                .pictures
                .iter()
                .zip(&places.principal_components)
                .enumerate()
                .map(|(i, (&picture, &at))| PlaceJson {
                    path: path(picture),
                    principal_components: at,
                    neighbourhood: places.neighbourhoods.as_ref().map(|points| points[i]),
                })
                .collect(),
            explained: places.explained,
            planted,
            threshold: found.threshold,
            fmr,
            report: args.report.display().to_string(),
            failed: collection.failed.clone(),
            about,
        }
    }

    /// For people.
    pub(super) fn describe(&self) -> String {
        let summary = &self.summary;
        let mut text = format!(
            "{} of {}, a face in {:.1} %\n",
            count(summary.pictures, "picture", "pictures"),
            count(summary.identities.len(), "person", "people"),
            100.0 * summary.with_face as f64 / summary.pictures.max(1) as f64
        );
        for doubt in &self.labels {
            let looks = match (&doubt.likely, doubt.likely_similarity) {
                (Some(name), Some(similarity)) => format!("looks like {name} ({similarity:.2})"),
                _ => "looks like nobody here".to_owned(),
            };
            text += &format!(
                "label    {} ({:.2}) {looks}: {}\n",
                doubt.identity, doubt.similarity, doubt.path
            );
        }
        for pair in &self.same_people {
            let [first, second] = &pair.identities;
            text += &format!(
                "names    {first} and {second} match ({:.2})\n",
                pair.similarity
            );
        }
        for group in self.repeated.iter().filter(|group| group.across_people) {
            text += &format!("copies   {}\n", group.paths.join(" = "));
        }
        text += &format!(
            "{}, {}, {}, {}",
            count(self.labels.len(), "doubtful label", "doubtful labels"),
            count(self.same_people.len(), "pair of names", "pairs of names"),
            count(self.repeated.len(), "group of copies", "groups of copies"),
            count(self.quality.len(), "hard face", "hard faces"),
        );
        for planted in self.planted.iter().flatten() {
            text += &format!(
                "\nplanted  {} wrong labels (seed {}): {} found, {} others doubted, {} of them without planting too; recall {:.3}, precision {:.3} ({:.3})",
                planted.planted,
                planted.seed,
                planted.found,
                planted.others,
                planted.known,
                planted.recall,
                planted.precision,
                planted.precision_of_new,
            );
        }
        text + &format!("\nwrote {}", self.report)
    }
}
