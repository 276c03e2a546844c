//! Reading which pictures were put together: tables, and the JSON that the program prints.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::table;
use crate::geometry::BoundingBox;

/// Which groups each picture is in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Grouping {
    /// By path as it was written, the groups that its faces are in, with the area of the largest of
    /// them; 0 where it is not known.
    pub groups_of: BTreeMap<String, BTreeMap<String, f32>>,
}

/// Which group a picture is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership<'a> {
    /// The only one that a face of it is in.
    Only(&'a str),
    /// The one of its largest face; others are in other groups.
    OfLargest(&'a str),
    /// Several, and nothing says which face is meant.
    Several,
}

/// Which group a picture with faces in `groups` is in; none without groups.
pub fn membership(groups: &BTreeMap<String, f32>) -> Option<Membership<'_>> {
    let mut areas: Vec<(f32, &str)> = groups.iter().map(|(g, a)| (*a, g.as_str())).collect();
    areas.sort_by(|a, b| b.0.total_cmp(&a.0));
    Some(match areas[..] {
        [] => return None,
        [(_, only)] => Membership::Only(only),
        [(largest, group), (second, _), ..] if largest > second => Membership::OfLargest(group),
        _ => Membership::Several,
    })
}

/// Groups that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GroupingError {
    /// A line that does not fit.
    #[error("line {line} of the groups: expected {expected}")]
    Line {
        /// From 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// JSON of another shape.
    #[error("groups as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// There are none.
    #[error("expected pictures in groups, found none")]
    Empty,
}

/// What is read of the JSON of groups: more may be there.
#[derive(Deserialize)]
struct Document {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    faces: Vec<Face>,
}

#[derive(Deserialize)]
struct Face {
    path: String,
    bounding_box: Option<BoundingBox>,
}

impl Grouping {
    /// Reads lines `path,group`, of which the first may be a heading and further columns are passed
    /// over, or a JSON document with `groups`, each a list of `faces` with a `path`.
    ///
    /// # Errors
    /// [`GroupingError`] with what does not fit.
    pub fn parse(text: &str) -> Result<Self, GroupingError> {
        let start = text.trim_start_matches('\u{feff}').trim_start();
        let grouping = if start.starts_with('{') {
            Self::parse_json(start)?
        } else {
            Self::parse_table(text)?
        };
        if grouping.groups_of.is_empty() {
            return Err(GroupingError::Empty);
        }
        Ok(grouping)
    }

    fn parse_json(text: &str) -> Result<Self, GroupingError> {
        let document: Document = serde_json::from_str(text)?;
        let mut grouping = Self::default();
        for (i, group) in document.groups.into_iter().enumerate() {
            for face in group.faces {
                let area = face.bounding_box.map_or(0.0, |b| b.area());
                grouping.put(face.path, i.to_string(), area);
            }
        }
        Ok(grouping)
    }

    fn parse_table(text: &str) -> Result<Self, GroupingError> {
        let mut grouping = Self::default();
        // Where the two columns are: first and second unless a heading says otherwise.
        let (mut path_at, mut group_at) = (0, 1);
        for (i, (line, content)) in table::lines(text).enumerate() {
            let fields = table::fields(content);
            let column = |name: &str| fields.iter().position(|f| f.eq_ignore_ascii_case(name));
            if i == 0
                && let (Some(path), Some(group)) = (column("path"), column("group"))
            {
                (path_at, group_at) = (path, group);
                continue;
            }
            let field = |at: usize| fields.get(at).filter(|field| !field.is_empty());
            let (Some(path), Some(group)) = (field(path_at), field(group_at)) else {
                let expected = "a path and a group";
                return Err(GroupingError::Line { line, expected });
            };
            grouping.put(path.clone(), group.clone(), 0.0);
        }
        Ok(grouping)
    }

    fn put(&mut self, path: String, group: String, area: f32) {
        let largest = self
            .groups_of
            .entry(path)
            .or_default()
            .entry(group)
            .or_default();
        *largest = largest.max(area);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(grouping: &Grouping, path: &str) -> Vec<String> {
        grouping.groups_of[path].keys().cloned().collect()
    }

    #[test]
    fn tables_and_json_are_read() {
        let table = Grouping::parse("a.jpg,1\n\"b, c.jpg\",2\na.jpg,3\n").unwrap();
        assert_eq!(groups(&table, "a.jpg"), ["1", "3"]);
        assert_eq!(groups(&table, "b, c.jpg"), ["2"]);
        let headed = Grouping::parse("group,face,path\nx,0,a.jpg\n").unwrap();
        assert_eq!(groups(&headed, "a.jpg"), ["x"]);
        let json = r#"{"groups":[{"id":7,"faces":[{"path":"a.jpg","id":1},{"path":"b.jpg"}]}]}"#;
        let json = Grouping::parse(json).unwrap();
        assert_eq!(groups(&json, "a.jpg"), groups(&json, "b.jpg"));
    }

    #[test]
    fn a_picture_of_several_people_is_that_of_the_largest_face() {
        let face = |side: u32| {
            format!(
                r#"{{"path":"a.jpg","bounding_box":{{"left":0,"top":0,"right":{side},"bottom":{side}}}}}"#
            )
        };
        let of = |first: &str, second: &str| {
            let json = format!(r#"{{"groups":[{{"faces":[{first}]}},{{"faces":[{second}]}}]}}"#);
            Grouping::parse(&json).unwrap()
        };
        let unequal = of(&face(10), &face(20));
        let found = membership(&unequal.groups_of["a.jpg"]);
        assert_eq!(found, Some(Membership::OfLargest("1")));
        let equal = of(&face(10), &face(10));
        assert_eq!(
            membership(&equal.groups_of["a.jpg"]),
            Some(Membership::Several)
        );
        let table = Grouping::parse("a.jpg,x\nb.jpg,x\nb.jpg,y\n").unwrap();
        assert_eq!(
            membership(&table.groups_of["a.jpg"]),
            Some(Membership::Only("x"))
        );
        assert_eq!(
            membership(&table.groups_of["b.jpg"]),
            Some(Membership::Several)
        );
        assert_eq!(membership(&BTreeMap::new()), None);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert!(matches!(
            Grouping::parse("a.jpg\n"),
            Err(GroupingError::Line { line: 1, .. })
        ));
        assert!(matches!(
            Grouping::parse("{\"x\":1}"),
            Err(GroupingError::Json(_))
        ));
        assert!(matches!(
            Grouping::parse("{\"groups\":[]}"),
            Err(GroupingError::Empty)
        ));
        assert!(matches!(Grouping::parse(""), Err(GroupingError::Empty)));
    }
}
