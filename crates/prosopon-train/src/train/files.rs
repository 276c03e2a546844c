//! What is kept of a training, as files.

use std::io;

use super::Outcome;
use crate::data::DataSet;
use crate::registry::CLASSIFIER_FILE;

/// Numbers of the classes by name, as JSON.
pub const CLASS_DICTIONARY_FILE: &str = "class_dictionary.json";

impl Outcome {
    /// Names and contents of all files that belong to the classifier: itself, its classes, its report.
    ///
    /// # Errors
    /// What cannot be written.
    pub fn files(&self, _data: &DataSet) -> io::Result<Vec<(&'static str, Vec<u8>)>> {
        let mut dictionary = serde_json::to_vec_pretty(&self.classifier.class_dictionary())?;
        dictionary.push(b'\n');
        Ok(vec![
            (CLASSIFIER_FILE, self.classifier.to_bytes()?),
            (CLASS_DICTIONARY_FILE, dictionary),
        ])
    }
}
