//! The name that somebody probably meant.

/// The name closest to `wanted` in spelling, ignoring case; `None` if none is close.
///
/// Close means: at most a third of the letters differ (one in a short name), or one of the two
/// contains the other. Ties go to the name that comes first.
pub fn closest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = folded(wanted);
    let limit = (wanted.len() / 3).max(1);
    names
        .into_iter()
        .filter_map(|name| {
            let letters = folded(name);
            let distance = if contains(&letters, &wanted) || contains(&wanted, &letters) {
                limit
            } else if letters.len().abs_diff(wanted.len()) > limit {
                return None;
            } else {
                edit_distance(&wanted, &letters)
            };
            (distance <= limit).then_some((distance, name))
        })
        .min()
        .map(|(_, name)| name)
}

fn folded(name: &str) -> Vec<char> {
    name.chars().flat_map(char::to_lowercase).collect()
}

/// Whether `part`, of at least three letters, stands within `whole`.
fn contains(whole: &[char], part: &[char]) -> bool {
    part.len() >= 3 && whole.windows(part.len()).any(|window| window == part)
}

/// Levenshtein distance, with a swap of neighbours counted as one change.
fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut before_previous = vec![0; b.len() + 1];
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let substitution = previous[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = substitution.min(previous[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_previous[j - 2] + 1);
            }
        }
        before_previous = std::mem::replace(&mut previous, row);
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let names = ["Anna", "Bilbo Baggins", "Gandalf", "Thorin"];
        for (wanted, expected) in [
            ("anna", Some("Anna")),
            ("Ana", Some("Anna")),
            ("Gadnalf", Some("Gandalf")),
            ("bilbo", Some("Bilbo Baggins")),
            ("Smaug", None),
            ("", None),
        ] {
            assert_eq!(closest(wanted, names), expected, "{wanted}");
        }
        assert_eq!(closest("anna", []), None);
    }
}
