//! What is kept of a training, as files.

use std::io;

use super::Outcome;
use crate::data::DataSet;
use crate::registry::CLASSIFIER_FILE;
use crate::report::{confusion_matrix, html};

/// Of the picture of the confusion matrix.
const PIXELS_PER_UNIT: f32 = 2.0;
/// The report, to be looked at.
pub const REPORT_FILE: &str = "report.html";
/// The report, to be read by programs.
pub const REPORT_JSON_FILE: &str = "report.json";
/// Numbers of the classes by name, as JSON.
pub const CLASS_DICTIONARY_FILE: &str = "class_dictionary.json";

impl Outcome {
    /// Names and contents of all files that belong to the classifier: itself, its classes, its report.
    ///
    /// # Errors
    /// What cannot be written.
    pub fn files(&self, data: &DataSet) -> io::Result<Vec<(&'static str, Vec<u8>)>> {
        let mut dictionary = serde_json::to_vec_pretty(&self.classifier.class_dictionary())?;
        dictionary.push(b'\n');
        let report = self.report(data);
        let page = html(&report, &|sample| {
            data.thumbnail(sample).map(<[u8]>::to_vec)
        });
        let mut files = vec![
            (CLASSIFIER_FILE, self.classifier.to_bytes()?),
            (CLASS_DICTIONARY_FILE, dictionary),
            (REPORT_FILE, page.into_bytes()),
            (REPORT_JSON_FILE, serde_json::to_vec_pretty(&report)?),
        ];
        if let Some(first) = report.evaluations.first() {
            let confusion = &first.report.confusion;
            let figure = confusion_matrix(confusion);
            let csv = confusion.to_csv().map_err(io::Error::other)?;
            let png = figure.to_image(PIXELS_PER_UNIT).map_err(io::Error::other)?;
            let png = png.encode_png().map_err(io::Error::other)?;
            files.push(("confusion.svg", figure.to_svg().into_bytes()));
            files.push(("confusion.png", png));
            files.push(("confusion.csv", csv.into_bytes()));
        }
        Ok(files)
    }
}
