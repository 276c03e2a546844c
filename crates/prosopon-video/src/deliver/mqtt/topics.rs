//! Names of topics.

use crate::deliver::target::digest;

/// Names of topics under one prefix.
#[derive(Debug, Clone)]
pub(super) struct Topics {
    prefix: String,
}

impl Topics {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// Whether we are there: `online` or `offline`.
    pub(super) fn status(&self) -> String {
        format!("{}/status", self.prefix)
    }

    /// Something of a camera.
    pub(super) fn of(&self, camera: &str, what: &str) -> String {
        format!("{}/{}/{what}", self.prefix, slug(camera))
    }
}

/// A camera's name as a part of topics and of Home Assistant's ids, which have only letters, digits, `_` and `-`.
///
/// Letters become small, blanks become `_`. If more has to be changed, the name could meet another one, and gets a
/// part of its SHA-256.
pub(super) fn slug(camera: &str) -> String {
    let small = camera.to_ascii_lowercase().replace(' ', "_");
    let is_fine = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    // `status` is a topic beside those of cameras.
    if !small.is_empty() && small != "status" && small.chars().all(is_fine) {
        return small;
    }
    let plain: String = small
        .chars()
        .map(|c| if is_fine(c) { c } else { '_' })
        .collect();
    format!("{plain}_{}", &digest(camera)[..6])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_camera_has_a_topic_of_its_own() {
        assert_eq!(slug("Front door"), "front_door");
        assert_eq!(slug("cam-1"), "cam-1");
        let names = [
            "a/b", "a+b", "a#b", "a_b", "", "status", "Süd", "Sud", "日本",
        ];
        let mut slugs: Vec<String> = names.iter().map(|name| slug(name)).collect();
        for slug in &slugs {
            assert!(
                slug.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)),
                "{slug}"
            );
        }
        slugs.sort();
        slugs.dedup();
        assert_eq!(slugs.len(), names.len());
        assert!(!slugs.contains(&"status".to_owned()));
    }
}
