//! Which pictures, or halves of pictures, belong together.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use prosopon::split::Grid;

use crate::failure::{Exit, Failure};
use crate::pictures::{self, Input};

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Layout {
    /// Left and right half of each picture
    SideBySide,
    /// Upper and lower half of each picture
    Stacked,
    /// Two pictures whose names end in -1 and -2
    Numbered,
}

/// Before and after, and what they are called together.
pub(super) struct Pair {
    pub(super) name: String,
    /// Where the picture before is; both are in one file if it is cut in halves.
    pub(super) before: String,
    pub(super) after: String,
}

pub(super) struct Pairing {
    pub(super) pairs: Vec<Pair>,
    /// How each input is cut; without, each pair has two inputs, one after the other.
    pub(super) grid: Option<Grid>,
    /// In the order of the pairs.
    pub(super) inputs: Vec<Input>,
    /// Pictures that belong to no other.
    pub(super) unpaired: Vec<String>,
}

impl Pairing {
    pub(super) fn of(first: &Path, second: Option<&Path>, layout: Layout) -> Result<Self, Failure> {
        let before = pictures::collect(&[first.to_owned()])?;
        let named = |input: &Input, root: &Path| {
            let path = input.path().unwrap_or(Path::new(""));
            let below = path.strip_prefix(root).unwrap_or(path);
            let name = if below.as_os_str().is_empty() {
                path
            } else {
                below
            };
            name.with_extension("").display().to_string()
        };
        if let Some(second) = second {
            let after = pictures::collect(&[second.to_owned()])?;
            // Two files are a pair, whatever they are called.
            if let ([a], [b], true) = (&before[..], &after[..], first.is_file() && second.is_file())
            {
                return Self::of_two(vec![(named(a, first), a.clone(), b.clone())], Vec::new());
            }
            let before = before.into_iter().map(|i| (named(&i, first), i));
            let after = after.into_iter().map(|i| (named(&i, second), i));
            return Self::matched(before, after);
        }
        if layout == Layout::Numbered {
            let (mut first_ones, mut second_ones, mut others) =
                (Vec::new(), Vec::new(), Vec::new());
            for input in before {
                let name = named(&input, first);
                match (name.strip_suffix("-1"), name.strip_suffix("-2")) {
                    (Some(stem), _) => first_ones.push((stem.to_owned(), input)),
                    (_, Some(stem)) => second_ones.push((stem.to_owned(), input)),
                    _ => others.push(input.to_string()),
                }
            }
            let mut pairing = Self::matched(first_ones, second_ones)?;
            pairing.unpaired.extend(others);
            return Ok(pairing);
        }
        let (columns, rows) = if layout == Layout::Stacked {
            (1, 2)
        } else {
            (2, 1)
        };
        let pair = |input: &Input| Pair {
            name: named(input, first),
            before: input.to_string(),
            after: input.to_string(),
        };
        Ok(Self {
            pairs: before.iter().map(pair).collect(),
            grid: Some(Grid {
                columns,
                rows,
                ..Grid::default()
            }),
            inputs: before,
            unpaired: Vec::new(),
        })
    }

    /// Pairs of equal names.
    fn matched(
        before: impl IntoIterator<Item = (String, Input)>,
        after: impl IntoIterator<Item = (String, Input)>,
    ) -> Result<Self, Failure> {
        let mut unpaired = Vec::new();
        let mut by_name = |named: &mut dyn Iterator<Item = (String, Input)>| {
            let mut all = BTreeMap::new();
            for (name, input) in named {
                // Of `a.jpg` and `a.png` in one folder the first is taken.
                match all.entry(name) {
                    Entry::Vacant(place) => {
                        place.insert(input);
                    }
                    Entry::Occupied(_) => unpaired.push(input.to_string()),
                }
            }
            all
        };
        let before = by_name(&mut before.into_iter());
        let mut after = by_name(&mut after.into_iter());
        let mut pairs = Vec::new();
        for (name, input) in before {
            match after.remove(&name) {
                Some(other) => pairs.push((name, input, other)),
                None => unpaired.push(input.to_string()),
            }
        }
        unpaired.extend(after.into_values().map(|input| input.to_string()));
        Self::of_two(pairs, unpaired)
    }

    fn of_two(pairs: Vec<(String, Input, Input)>, unpaired: Vec<String>) -> Result<Self, Failure> {
        if pairs.is_empty() {
            let message = "expected pictures in pairs, found none";
            return Err(Failure::new(Exit::BadInput, "no_pairs", message).with_hint(
                "files of both folders pair by their names without ending; numbered ones end in -1 and -2",
            ));
        }
        let (mut inputs, mut named) = (Vec::new(), Vec::new());
        for (name, before, after) in pairs {
            named.push(Pair {
                name,
                before: before.to_string(),
                after: after.to_string(),
            });
            inputs.extend([before, after]);
        }
        Ok(Self {
            pairs: named,
            grid: None,
            inputs,
            unpaired,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        folder
    }

    fn names(pairing: &Pairing) -> Vec<&str> {
        pairing
            .pairs
            .iter()
            .map(|pair| pair.name.as_str())
            .collect()
    }

    #[test]
    fn folders_pair_by_names_without_ending() {
        let folder = folder(&[
            "1/a.jpg",
            "1/x/b.png",
            "1/c.png",
            "2/a.png",
            "2/x/b.png",
            "2/d.png",
        ]);
        let (first, second) = (folder.path().join("1"), folder.path().join("2"));
        let pairing = Pairing::of(&first, Some(&second), Layout::SideBySide).unwrap();
        assert_eq!(names(&pairing), ["a", "x/b"]);
        assert_eq!((pairing.inputs.len(), pairing.unpaired.len()), (4, 2));
        assert!(pairing.pairs[0].after.ends_with("a.png"));
        let [a, d] = ["1/a.jpg", "2/d.png"].map(|name| folder.path().join(name));
        let pairing = Pairing::of(&a, Some(&d), Layout::SideBySide).unwrap();
        assert_eq!(pairing.pairs.len(), 1);
    }

    #[test]
    fn numbered_names_pair_and_the_rest_is_told() {
        let folder = folder(&["a-1.jpg", "a-2.jpg", "b-1.jpg", "notes.png"]);
        let pairing = Pairing::of(folder.path(), None, Layout::Numbered).unwrap();
        assert_eq!(names(&pairing), ["a"]);
        assert_eq!(pairing.unpaired.len(), 2);
        let halves = Pairing::of(folder.path(), None, Layout::Stacked).unwrap();
        assert_eq!(halves.pairs.len(), 4);
        assert_eq!(halves.grid.unwrap().rows, 2);
        let none = Pairing::of(&folder.path().join("b-1.jpg"), None, Layout::Numbered);
        assert_eq!(none.err().unwrap().code, "no_pairs");
    }
}
