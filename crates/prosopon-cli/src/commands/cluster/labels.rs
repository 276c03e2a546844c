//! What groups are called in file names.

use std::collections::{BTreeMap, BTreeSet};

use prosopon_gallery::album::{Group, GroupId};

use crate::albums::unnamed;

/// Longest label, in bytes: with a number and an ending it still fits into a file name.
const MOST_BYTES: usize = 100;

/// A label for each group, different from all others in any case: its name, or `person-007`.
pub(crate) struct Labels {
    of: BTreeMap<GroupId, String>,
}

impl Labels {
    pub(crate) fn new(groups: &[Group]) -> Self {
        let mut taken = BTreeSet::new();
        let of = groups
            .iter()
            .map(|group| {
                let id = group.id;
                let mut label = match &group.name {
                    Some(name) => safe(name),
                    None => unnamed(id),
                };
                if !taken.insert(label.to_lowercase()) {
                    label = format!("{label} ({id})");
                    taken.insert(label.to_lowercase());
                }
                (id, label)
            })
            .collect();
        Self { of }
    }

    pub(crate) fn of(&self, group: GroupId) -> &str {
        self.of.get(&group).map_or("person", String::as_str)
    }
}

/// A name as part of a path that every system takes.
fn safe(name: &str) -> String {
    let allowed = |c: char| !c.is_control() && !r#"/\:*?"<>|"#.contains(c);
    let replaced: String = name
        .chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .collect();
    let end = replaced.floor_char_boundary(MOST_BYTES);
    // Hidden names, the folder itself and its parent begin with a dot; Windows drops those at the end.
    let trimmed = replaced[..end].trim_matches(|c: char| c == '.' || c.is_whitespace());
    let device = ["con", "prn", "aux", "nul"].contains(&trimmed.to_lowercase().as_str());
    if trimmed.is_empty() || device {
        format!("_{trimmed}")
    } else {
        trimmed.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use prosopon_gallery::album::AlbumFaceId;

    use super::*;

    fn group(id: i64, name: Option<&str>) -> Group {
        Group {
            id: GroupId(id),
            name: name.map(str::to_owned),
            n_faces: 1,
            n_pictures: 1,
            n_confirmed: 0,
            cover: AlbumFaceId(id),
        }
    }

    #[test]
    fn labels_are_safe_and_different() {
        let groups = [
            group(1, Some("Anna")),
            group(2, Some("anna")),
            group(3, None),
            group(4, Some("../up")),
            group(5, Some("a/b")),
            group(6, Some("..")),
            group(7, Some("NUL")),
        ];
        let labels = Labels::new(&groups);
        let all: Vec<&str> = groups.iter().map(|g| labels.of(g.id)).collect();
        assert_eq!(
            all,
            ["Anna", "anna (2)", "person-003", "_up", "a_b", "_", "_NUL"]
        );
    }
}
