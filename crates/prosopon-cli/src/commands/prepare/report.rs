//! How many of how many, class by class, and why not the others.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Counts, Outcome};
use crate::output::{About, count};

/// What `prosopon prepare` prints.
#[derive(Serialize)]
pub(super) struct Document {
    folder: String,
    out: String,
    classes: Vec<Class>,
    /// Pictures of which nothing was kept.
    left_out: Vec<LeftOut>,
    /// Pictures that an earlier run had done.
    done_before: usize,
    /// Faces of pictures that are no longer there.
    taken_away: usize,
    #[serde(flatten)]
    about: About,
}

/// A folder of pictures.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Class {
    name: String,
    pictures: usize,
    /// Pictures of which at least one face was kept.
    kept: usize,
    /// Faces that were kept.
    faces: usize,
    no_face: usize,
    too_few_eyes: usize,
    no_landmarks: usize,
    unreadable: usize,
    file_exists: usize,
}

/// A picture of which nothing was kept.
#[derive(Serialize)]
struct LeftOut {
    picture: String,
    reason: Outcome,
    /// Faces that the detector found on it.
    found: usize,
}

impl Class {
    fn count(&mut self, counts: Counts) {
        self.pictures += 1;
        self.faces += counts.kept;
        *match counts.outcome {
            Outcome::Kept => &mut self.kept,
            Outcome::NoFace => &mut self.no_face,
            Outcome::TooFewEyes => &mut self.too_few_eyes,
            Outcome::NoLandmarks => &mut self.no_landmarks,
            Outcome::Unreadable => &mut self.unreadable,
            Outcome::FileExists => &mut self.file_exists,
        } += 1;
    }

    fn describe(&self) -> String {
        let reasons = [
            (self.no_face, "without a face"),
            (self.too_few_eyes, "without a face with enough eyes"),
            (self.no_landmarks, "without a face that can be aligned"),
            (self.unreadable, "could not be used"),
            (self.file_exists, "would overwrite somebody else's file"),
        ];
        let mut text = format!("{} of {}", self.kept, self.pictures);
        if self.faces != self.kept {
            text += &format!(", {}", count(self.faces, "face", "faces"));
        }
        let reasons: Vec<String> = reasons
            .iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, reason)| format!("{n} {reason}"))
            .collect();
        if !reasons.is_empty() {
            text += &format!(" ({})", reasons.join(", "));
        }
        text
    }
}

impl Document {
    pub(super) fn new<'a>(
        [folder, out]: [String; 2],
        pictures: impl Iterator<Item = (&'a str, Counts)>,
        (done_before, taken_away): (usize, usize),
        about: About,
    ) -> Self {
        let mut classes: BTreeMap<&str, Class> = BTreeMap::new();
        let mut left_out = Vec::new();
        for (name, counts) in pictures {
            let class = name.rsplit_once('/').map_or(".", |(class, _)| class);
            classes.entry(class).or_default().count(counts);
            if counts.outcome != Outcome::Kept {
                left_out.push(LeftOut {
                    picture: name.to_owned(),
                    reason: counts.outcome,
                    found: counts.found,
                });
            }
        }
        let named = |(name, class): (&str, Class)| Class {
            name: name.to_owned(),
            ..class
        };
        Self {
            folder,
            out,
            classes: classes.into_iter().map(named).collect(),
            left_out,
            done_before,
            taken_away,
            about,
        }
    }

    /// Pictures that could not be read, or not written.
    pub(super) fn failed(&self) -> usize {
        let failed = |class: &Class| class.unreadable + class.file_exists;
        self.classes.iter().map(failed).sum()
    }

    /// A line for each class, one for each picture that was left out, one for all.
    pub(super) fn describe(&self) -> String {
        let width = self.classes.iter().map(|c| c.name.chars().count()).max();
        let width = width.unwrap_or_default();
        let mut text = String::new();
        for class in &self.classes {
            text += &format!("{:width$}  {}\n", class.name, class.describe());
        }
        if !self.left_out.is_empty() {
            text += "left out:\n";
        }
        for picture in &self.left_out {
            let found = count(picture.found, "face", "faces");
            let reason = match picture.reason {
                Outcome::Kept => continue,
                Outcome::NoFace => "no face".to_owned(),
                Outcome::TooFewEyes => format!("{found}, none with enough eyes"),
                Outcome::NoLandmarks => format!("{found}, none that can be aligned"),
                Outcome::Unreadable => "could not be used".to_owned(),
                Outcome::FileExists => "would overwrite somebody else's file".to_owned(),
            };
            text += &format!("  {}: {reason}\n", picture.picture);
        }
        let sum = |of: fn(&Class) -> usize| self.classes.iter().map(of).sum::<usize>();
        text += &format!(
            "{}: {} from {} of {}",
            self.out,
            count(sum(|c| c.faces), "face", "faces"),
            sum(|c| c.kept),
            count(sum(|c| c.pictures), "picture", "pictures"),
        );
        if self.done_before > 0 {
            text += &format!("; {} done before", self.done_before);
        }
        if self.taken_away > 0 {
            let faces = count(self.taken_away, "face", "faces");
            text += &format!("; {faces} of pictures that are gone taken away");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(name: &str, outcome: Outcome, found: usize, kept: usize) -> (&str, Counts) {
        let counts = Counts {
            outcome,
            found,
            kept,
        };
        (name, counts)
    }

    #[test]
    fn classes_are_counted_and_reasons_told() {
        let about = About {
            model: None,
            detector: "d".to_owned(),
            backend: "b".to_owned(),
        };
        let pictures = [
            counted("ann/1.jpg", Outcome::Kept, 2, 2),
            counted("ann/2.jpg", Outcome::TooFewEyes, 1, 0),
            counted("bob/1.jpg", Outcome::NoFace, 0, 0),
            counted("bob/2.jpg", Outcome::Unreadable, 0, 0),
            counted("loose.jpg", Outcome::Kept, 1, 1),
        ];
        let folders = ["photos", "faces"].map(str::to_owned);
        let document = Document::new(folders, pictures.into_iter(), (1, 2), about);
        assert_eq!(document.failed(), 1);
        assert_eq!(
            document.describe(),
            "\
.    1 of 1
ann  1 of 2, 2 faces (1 without a face with enough eyes)
bob  0 of 2 (1 without a face, 1 could not be used)
left out:
  ann/2.jpg: 1 face, none with enough eyes
  bob/1.jpg: no face
  bob/2.jpg: could not be used
faces: 3 faces from 2 of 5 pictures; 1 done before; 2 faces of pictures that are gone taken away"
        );
    }
}
