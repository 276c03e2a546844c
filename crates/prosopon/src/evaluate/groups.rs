//! Error rates for groups of people (by age, sex, origin, camera …) at one threshold for all, as NIST
//! reports demographic differences (Grother, Ngan and Hanaoka 2019, NISTIR 8280).

use std::collections::BTreeMap;

use serde::Serialize;

use super::rate::Rate;
use super::scores::{Genuine, Impostor, Scores};
use super::table;

/// Comparisons below which a rate of a group says little, and is marked.
pub const ENOUGH_COMPARISONS: u64 = 100;

/// Which group a person or a picture belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupList {
    group_of: BTreeMap<String, String>,
}

/// A table of groups that is not usable.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of the table of groups: expected {expected}")]
pub struct GroupListError {
    /// From 1.
    pub line: usize,
    /// What should stand there.
    pub expected: &'static str,
}

impl GroupList {
    /// Reads lines `IDENTITY,GROUP` or `PATH,GROUP`; a first line `identity,group` or `path,group` is a
    /// heading.
    ///
    /// # Errors
    /// [`GroupListError`] with the first line that does not fit, also if it contradicts one before.
    pub fn parse(text: &str) -> Result<Self, GroupListError> {
        let mut group_of = BTreeMap::new();
        let mut is_first = true;
        for (line, content) in table::lines(text) {
            let fields = table::fields(content);
            let [key, group] = &fields[..] else {
                let expected = "an identity or a path, and a group";
                return Err(GroupListError { line, expected });
            };
            let is_heading = is_first && group.eq_ignore_ascii_case("group");
            is_first = false;
            if is_heading {
                continue;
            }
            if key.is_empty() || group.is_empty() {
                let expected = "an identity or a path, and a group";
                return Err(GroupListError { line, expected });
            }
            match group_of.insert(key.clone(), group.clone()) {
                Some(before) if before != *group => {
                    let expected = "each identity in one group only";
                    return Err(GroupListError { line, expected });
                }
                _ => {}
            }
        }
        if group_of.is_empty() {
            let (line, expected) = (1, "at least one line");
            return Err(GroupListError { line, expected });
        }
        Ok(Self { group_of })
    }

    /// The group of a picture: by its path if that is listed, else by its identity.
    pub fn group(&self, identity: &str, path: &str) -> Option<&str> {
        let group = self
            .group_of
            .get(path)
            .or_else(|| self.group_of.get(identity));
        group.map(String::as_str)
    }
}

/// Error rates of one group at the common threshold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupRates {
    /// Name of the group.
    pub group: String,
    /// Share of impostor comparisons within the group that are accepted; none if there are none.
    pub fmr: Option<Rate>,
    /// Share of genuine comparisons within the group that are rejected; none if there are none.
    pub fnmr: Option<Rate>,
    /// Identities in the group's comparisons.
    pub identities: usize,
    /// Whether both rates rest on at least [`ENOUGH_COMPARISONS`].
    pub enough: bool,
}

/// Rates within each group at `threshold`, in order of name.
///
/// `genuine` and `impostor` are comparisons with the numbers of the groups of both samples, by place in
/// `names`; those between two groups, and of samples in none, count nowhere. Comparing within groups
/// is what shows the differences: impostors of one group are the likeliest to be taken for each
/// other.
pub fn group_rates(
    names: &[String],
    genuine: &[(Genuine, [Option<usize>; 2])],
    impostor: &[(Impostor, [Option<usize>; 2])],
    threshold: f32,
) -> Vec<GroupRates> {
    let within = |groups: [Option<usize>; 2], group: usize| groups == [Some(group); 2];
    let mut rates: Vec<GroupRates> = (0..names.len())
        .map(|group| {
            let genuine: Vec<Genuine> = genuine
                .iter()
                .filter(|(_, groups)| within(*groups, group))
                .map(|(score, _)| *score)
                .collect();
            let impostor: Vec<Impostor> = impostor
                .iter()
                .filter(|(_, groups)| within(*groups, group))
                .map(|(score, _)| *score)
                .collect();
            let mut identities: Vec<u32> = genuine.iter().map(|g| g.identity).collect();
            identities.extend(impostor.iter().flat_map(|i| i.identities));
            identities.sort_unstable();
            identities.dedup();
            let fnmr = fnmr(&genuine, threshold);
            let fmr = fmr(impostor, threshold);
            let is_enough =
                |rate: &Option<Rate>| rate.is_some_and(|r| r.trials >= ENOUGH_COMPARISONS);
            GroupRates {
                group: names[group].clone(),
                enough: is_enough(&fmr) && is_enough(&fnmr),
                fmr,
                fnmr,
                identities: identities.len(),
            }
        })
        .collect();
    rates.sort_by(|a, b| a.group.cmp(&b.group));
    rates
}

fn fnmr(genuine: &[Genuine], threshold: f32) -> Option<Rate> {
    let outcome = |g: &Genuine| (g.identity, g.similarity < threshold);
    let outcomes: Vec<_> = genuine.iter().map(outcome).collect();
    (!outcomes.is_empty()).then(|| Rate::of(&outcomes))
}

fn fmr(impostor: Vec<Impostor>, threshold: f32) -> Option<Rate> {
    if impostor.is_empty() {
        return None;
    }
    // Rates of impostors need both identities drawn, which is what scores do; the genuine
    // comparison that they insist on does not count.
    let stand_in = Genuine {
        similarity: 1.0,
        identity: impostor[0].identities[0],
    };
    let trials = impostor.len() as u64;
    let scores = Scores::new(vec![stand_in], impostor).ok()?;
    let interval = scores.rates(&[], &[threshold]).fmr_at_threshold[0].interval;
    let identities = scores.impostor_identities();
    Some(Rate::new(
        scores.accepted(threshold).1,
        trials,
        interval,
        identities,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_name_identities_or_paths() {
        let text = "identity,group\nAnn,women\n\"Lee, Bob\",men\nCem/2.jpg,masked\nCem,men\n";
        let list = GroupList::parse(text).unwrap();
        assert_eq!(list.group("Lee, Bob", "x.jpg"), Some("men"));
        assert_eq!(list.group("Cem", "Cem/2.jpg"), Some("masked"));
        assert_eq!(list.group("Cem", "Cem/1.jpg"), Some("men"));
        assert_eq!(list.group("Dora", "Dora/1.jpg"), None);
    }

    #[test]
    fn tables_that_do_not_fit_name_the_line() {
        let line = |text: &str| GroupList::parse(text).unwrap_err().line;
        assert_eq!(line(""), 1);
        assert_eq!(line("identity,group\n"), 1);
        assert_eq!(line("Ann,women\nBob\n"), 2);
        assert_eq!(line("Ann,women\nBob,\n"), 2);
        assert_eq!(line("Ann,women\n\nAnn,men\n"), 3);
    }

    #[test]
    fn each_group_is_judged_by_its_own_comparisons() {
        let genuine = |similarity, identity, groups| {
            let score = Genuine {
                similarity,
                identity,
            };
            (score, groups)
        };
        let impostor = |similarity, identities, groups| {
            let score = Impostor {
                similarity,
                identities,
            };
            (score, groups)
        };
        let (a, b) = (Some(0), Some(1));
        let rates = group_rates(
            &["old".to_owned(), "new".to_owned()],
            &[
                genuine(0.9, 0, [a, a]),
                genuine(0.2, 1, [a, a]),
                genuine(0.1, 2, [a, b]),
                genuine(0.1, 2, [None, None]),
            ],
            &[
                impostor(0.6, [0, 1], [a, a]),
                impostor(0.1, [0, 3], [a, a]),
                impostor(0.9, [4, 5], [b, b]),
                impostor(0.9, [0, 5], [a, b]),
            ],
            0.5,
        );
        let [new, old] = &rates[..] else {
            panic!("two groups: {rates:?}")
        };
        assert_eq!((new.group.as_str(), old.group.as_str()), ("new", "old"));
        assert_eq!(new.fnmr, None);
        assert_eq!(new.fmr.unwrap().rate, 1.0);
        let (fmr, fnmr) = (old.fmr.unwrap(), old.fnmr.unwrap());
        assert_eq!((fmr.events, fmr.trials), (1, 2));
        assert_eq!((fnmr.events, fnmr.trials), (1, 2));
        assert_eq!((old.identities, old.enough), (3, false));
    }
}
