//! Parting samples into those that are trained on and those that are held out.
//!
//! Each class is parted in the same proportion, as far as whole samples allow; samples of one group
//! (near-duplicates, pictures of one person) never stand on both sides.

/// Places of samples, in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Those that are trained on.
    pub training: Vec<usize>,
    /// Those that are not.
    pub held_out: Vec<usize>,
}

/// Why samples could not be parted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// There are fewer than two classes.
    #[error("expected samples of at least 2 classes, found {n_classes} in {n_samples} samples")]
    Classes {
        /// Classes with samples.
        n_classes: usize,
        /// Samples.
        n_samples: usize,
    },
    /// There are not as many groups as samples.
    #[error("expected a group for each of {n_samples} samples, found {n_groups}")]
    Groups {
        /// Samples.
        n_samples: usize,
        /// Groups given.
        n_groups: usize,
    },
    /// The share that is held out leaves nothing on one side.
    #[error("expected a share above 0 and below 1 to hold out, found {found}")]
    Share {
        /// What was asked for.
        found: f64,
    },
    /// Fewer than two folds.
    #[error("expected at least 2 folds, found {found}")]
    Folds {
        /// What was asked for.
        found: usize,
    },
    /// A class cannot stand on both sides, or in each fold.
    #[error(
        "expected at least {needed} samples of class {class} that are not alike, found {found} among {n_samples}"
    )]
    TooFew {
        /// The class.
        class: usize,
        /// Groups that it should have.
        needed: usize,
        /// Groups that it has; a sample without a group is one of its own.
        found: usize,
        /// Samples that it has.
        n_samples: usize,
    },
}

/// Samples that must stand together.
struct Group {
    members: Vec<usize>,
    /// Classes that occur in it, in ascending order, and how often.
    classes: Vec<(usize, usize)>,
}

/// Groups in a random order, and what is known of each class.
struct Groups {
    all: Vec<Group>,
    /// Samples of each class.
    totals: Vec<usize>,
    /// Groups of each class.
    of_class: Vec<usize>,
}

impl Groups {
    fn new(labels: &[usize], groups: Option<&[usize]>, seed: u64) -> Result<Self, SplitError> {
        let n_samples = labels.len();
        if let Some(groups) = groups.filter(|groups| groups.len() != n_samples) {
            return Err(SplitError::Groups {
                n_samples,
                n_groups: groups.len(),
            });
        }
        let mut totals = vec![0; labels.iter().max().map_or(0, |most| most + 1)];
        for label in labels {
            totals[*label] += 1;
        }
        let n_classes = totals.iter().filter(|total| **total > 0).count();
        if n_classes < 2 {
            return Err(SplitError::Classes {
                n_classes,
                n_samples,
            });
        }
        // Samples by group, in the order of their first samples.
        let mut order: Vec<usize> = (0..n_samples).collect();
        let group_of = |i: &usize| groups.map_or(*i, |groups| groups[*i]);
        order.sort_by_key(group_of);
        let mut all: Vec<Group> = order
            .chunk_by(|a, b| group_of(a) == group_of(b))
            .map(|members| Group::new(members, labels))
            .collect();
        all.sort_by_key(|group| group.members[0]);
        let mut of_class = vec![0; totals.len()];
        for (class, _) in all.iter().flat_map(|group| &group.classes) {
            of_class[*class] += 1;
        }
        fastrand::Rng::with_seed(seed).shuffle(&mut all);
        Ok(Self {
            all,
            totals,
            of_class,
        })
    }

    /// Whether each class has so many groups.
    fn expect(&self, needed: usize) -> Result<(), SplitError> {
        let classes = self.totals.iter().zip(&self.of_class).enumerate();
        for (class, (total, found)) in classes.filter(|(_, (total, _))| **total > 0) {
            if *found < needed {
                return Err(SplitError::TooFew {
                    class,
                    needed,
                    found: *found,
                    n_samples: *total,
                });
            }
        }
        Ok(())
    }
}

impl Group {
    fn new(members: &[usize], labels: &[usize]) -> Self {
        let mut of_members: Vec<usize> = members.iter().map(|i| labels[*i]).collect();
        of_members.sort_unstable();
        let counts = of_members.chunk_by(|a, b| a == b);
        Self {
            classes: counts.map(|same| (same[0], same.len())).collect(),
            members: members.to_vec(),
        }
    }
}

/// Holds out a share of the samples of each class, at least one of each; `groups` says which samples must stand
/// together.
///
/// # Errors
/// [`SplitError`]: each class needs two samples (or groups) at least.
///
/// # Examples
/// ```
/// use prosopon_train::split::stratified_split;
///
/// let split = stratified_split(&[0, 0, 0, 0, 1, 1, 1, 1], None, 0.25, 7)?;
/// assert_eq!((split.training.len(), split.held_out.len()), (6, 2));
/// # Ok::<(), prosopon_train::split::SplitError>(())
/// ```
pub fn stratified_split(
    labels: &[usize],
    groups: Option<&[usize]>,
    held_out: f64,
    seed: u64,
) -> Result<Split, SplitError> {
    if !(held_out > 0.0 && held_out < 1.0) {
        return Err(SplitError::Share { found: held_out });
    }
    let groups = Groups::new(labels, groups, seed)?;
    groups.expect(2)?;
    let targets = targets(&groups.totals, held_out);
    let mut taken = vec![0usize; targets.len()];
    let mut groups_left = groups.of_class.clone();
    let mut is_held_out = vec![false; labels.len()];
    let mut left = Vec::new();
    let mut take = |group: &Group, taken: &mut [usize], groups_left: &mut [usize]| {
        for (class, count) in &group.classes {
            taken[*class] += count;
            groups_left[*class] -= 1;
        }
        group.members.iter().for_each(|i| is_held_out[*i] = true);
    };
    for group in &groups.all {
        let mut nearer = 0i64;
        for (class, count) in &group.classes {
            let distance = |taken: usize| targets[*class].abs_diff(taken) as i64;
            nearer += distance(taken[*class]) - distance(taken[*class] + count);
        }
        // Something of each class must be left to train on.
        let leaves_some = group
            .classes
            .iter()
            .all(|(class, _)| groups_left[*class] > 1);
        if nearer > 0 && leaves_some {
            take(group, &mut taken, &mut groups_left);
        } else {
            left.push(group);
        }
    }
    // A class whose groups are all larger than its target has none yet: the smallest will do.
    left.sort_by_key(|group| group.members.len());
    for (class, total) in groups.totals.iter().enumerate() {
        if *total == 0 || taken[class] > 0 {
            continue;
        }
        let fits = |group: &&&Group| {
            let classes = &group.classes;
            classes.iter().any(|(of, _)| *of == class)
                && classes.iter().all(|(of, _)| groups_left[*of] > 1)
        };
        let Some(group) = left.iter().find(fits).copied() else {
            return Err(SplitError::TooFew {
                class,
                needed: 2,
                found: groups.of_class[class],
                n_samples: *total,
            });
        };
        take(group, &mut taken, &mut groups_left);
    }
    Ok(Split::new(|i| is_held_out[i], labels.len()))
}

/// How many samples of each class to hold out: its share, at least one, and in all the nearest whole number of
/// samples that is not smaller than the share of all, as scikit-learn has it.
fn targets(totals: &[usize], share: f64) -> Vec<usize> {
    let all: usize = totals.iter().sum();
    let wanted = (all as f64 * share).ceil() as usize;
    let exact = |total: usize| total as f64 * share;
    let mut targets: Vec<usize> = totals
        .iter()
        .map(|total| match *total {
            0 => 0,
            total => (exact(total) as usize).clamp(1, (total - 1).max(1)),
        })
        .collect();
    // What is left goes to the classes that miss most, once each.
    let mut order: Vec<usize> = (0..totals.len()).collect();
    let missing = |class: &usize| targets[*class] as f64 - exact(totals[*class]);
    order.sort_by(|a, b| missing(a).total_cmp(&missing(b)));
    let mut left = wanted.saturating_sub(targets.iter().sum());
    for class in order {
        if left > 0 && targets[class] + 1 < totals[class] {
            targets[class] += 1;
            left -= 1;
        }
    }
    targets
}

/// Parts the samples into `k` folds; each is held out once. `groups` says which samples must stand together.
///
/// # Errors
/// [`SplitError`]: each class needs `k` samples (or groups) at least.
pub fn stratified_folds(
    labels: &[usize],
    groups: Option<&[usize]>,
    k: usize,
    seed: u64,
) -> Result<Vec<Split>, SplitError> {
    if k < 2 {
        return Err(SplitError::Folds { found: k });
    }
    let mut groups = Groups::new(labels, groups, seed)?;
    groups.expect(k)?;
    // Large groups first, as long as there is room for them; those of one class together, so that their samples
    // go round the folds.
    groups
        .all
        .sort_by_key(|group| (usize::MAX - group.members.len(), group.classes[0].0));
    let mut taken = vec![vec![0usize; groups.totals.len()]; k];
    let mut sizes = vec![0usize; k];
    let mut fold_of = vec![0; labels.len()];
    for group in &groups.all {
        let cost = |fold: usize| -> f64 {
            let classes = group.classes.iter();
            classes
                .map(|(class, count)| {
                    (count * taken[fold][*class]) as f64 / groups.totals[*class] as f64
                })
                .sum()
        };
        let order = |a: &usize, b: &usize| {
            let by_size = || sizes[*a].cmp(&sizes[*b]);
            cost(*a).total_cmp(&cost(*b)).then_with(by_size)
        };
        let fold = (0..k).min_by(order).unwrap_or_default();
        for (class, count) in &group.classes {
            taken[fold][*class] += count;
        }
        sizes[fold] += group.members.len();
        group.members.iter().for_each(|i| fold_of[*i] = fold);
    }
    // Groups of several classes can leave a class to one fold alone.
    for (class, total) in groups.totals.iter().enumerate() {
        if *total > 0 && taken.iter().any(|taken| taken[class] == *total) {
            return Err(SplitError::TooFew {
                class,
                needed: k,
                found: 1,
                n_samples: *total,
            });
        }
    }
    Ok((0..k)
        .map(|fold| Split::new(|i| fold_of[i] == fold, labels.len()))
        .collect())
}

/// The most folds that [`stratified_folds`] can make: as many as the smallest class has samples (or groups).
pub fn most_folds(labels: &[usize], groups: Option<&[usize]>) -> usize {
    let Ok(groups) = Groups::new(labels, groups, 0) else {
        return 0;
    };
    let classes = groups.totals.iter().zip(&groups.of_class);
    let present = classes.filter(|(total, _)| **total > 0);
    present.map(|(_, n_groups)| *n_groups).min().unwrap_or(0)
}

impl Split {
    fn new(is_held_out: impl Fn(usize) -> bool, n_samples: usize) -> Self {
        let (held_out, training) = (0..n_samples).partition(|i| is_held_out(*i));
        Self { training, held_out }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Classes of 50, 30 and 7 samples, mixed.
    fn labels() -> Vec<usize> {
        let mut labels = [vec![0; 50], vec![2; 30], vec![1; 7]].concat();
        fastrand::Rng::with_seed(3).shuffle(&mut labels);
        labels
    }

    fn counts(labels: &[usize], places: &[usize]) -> Vec<usize> {
        let mut counts = vec![0; 3];
        for i in places {
            counts[labels[*i]] += 1;
        }
        counts
    }

    fn is_whole(split: &Split, n: usize) -> bool {
        let mut all = [&split.training[..], &split.held_out].concat();
        all.sort_unstable();
        all == (0..n).collect::<Vec<_>>()
    }

    #[test]
    fn each_class_is_parted_in_proportion() {
        let labels = labels();
        let split = stratified_split(&labels, None, 0.25, 1).unwrap();
        assert!(is_whole(&split, 87));
        // 12.5, 1.75 and 7.5; 22 in all, as scikit-learn's test_size=0.25.
        assert_eq!(split.held_out.len(), 22);
        let counts = counts(&labels, &split.held_out);
        assert!(
            [12, 13].contains(&counts[0]) && counts[1] == 2,
            "{counts:?}"
        );
        assert_eq!(stratified_split(&labels, None, 0.25, 1).unwrap(), split);
        assert_ne!(stratified_split(&labels, None, 0.25, 2).unwrap(), split);
    }

    #[test]
    fn folds_are_alike_and_cover_all() {
        let labels = labels();
        let folds = stratified_folds(&labels, None, 5, 1).unwrap();
        let mut seen = vec![0; 87];
        for fold in &folds {
            assert!(is_whole(fold, 87));
            fold.held_out.iter().for_each(|i| seen[*i] += 1);
            let counts = counts(&labels, &fold.held_out);
            assert!(counts[0] == 10 && counts[2] == 6 && (1..=2).contains(&counts[1]));
        }
        assert_eq!(seen, [1; 87]);
    }

    #[test]
    fn groups_stay_together() {
        let labels = labels();
        // Pairs and triples, some of several classes.
        let groups: Vec<usize> = (0..87).map(|i| i * 2 / 5 + i % 2).collect();
        let is_apart = |split: &Split| {
            let held_out = |group| split.held_out.iter().any(|i| groups[*i] == group);
            split.training.iter().all(|i| !held_out(groups[*i]))
        };
        for seed in 0..20 {
            let split = stratified_split(&labels, Some(&groups), 0.25, seed).unwrap();
            assert!(is_whole(&split, 87) && is_apart(&split), "{seed}");
            assert!(
                (20..=25).contains(&split.held_out.len()),
                "{}",
                split.held_out.len()
            );
            assert!(
                counts(&labels, &split.held_out)
                    .iter()
                    .all(|count| *count > 0)
            );
            for fold in stratified_folds(&labels, Some(&groups), 3, seed).unwrap() {
                assert!(is_whole(&fold, 87) && is_apart(&fold), "{seed}");
                assert!(
                    (25..=33).contains(&fold.held_out.len()),
                    "{}",
                    fold.held_out.len()
                );
                assert!(
                    counts(&labels, &fold.training)
                        .iter()
                        .all(|count| *count > 0)
                );
            }
        }
    }

    #[test]
    fn large_groups_are_held_out_if_they_must() {
        // The second class is two groups, both larger than a quarter.
        let labels = [vec![0; 8], vec![1; 8]].concat();
        let groups: Vec<usize> = (0..16)
            .map(|i| if i < 8 { i } else { 100 + i / 13 })
            .collect();
        let split = stratified_split(&labels, Some(&groups), 0.1, 0).unwrap();
        assert_eq!(
            split.held_out.iter().filter(|i| labels[**i] == 1).count(),
            3
        );
    }

    #[test]
    fn what_cannot_be_parted_is_an_error() {
        let text = |result: Result<Split, SplitError>| result.unwrap_err().to_string();
        assert_eq!(
            text(stratified_split(&[0; 9], None, 0.2, 0)),
            "expected samples of at least 2 classes, found 1 in 9 samples"
        );
        assert_eq!(
            text(stratified_split(&[0, 0, 1], None, 0.2, 0)),
            "expected at least 2 samples of class 1 that are not alike, found 1 among 1"
        );
        assert_eq!(
            text(stratified_split(&[0, 0, 1, 1], Some(&[0, 1, 5, 5]), 0.2, 0)),
            "expected at least 2 samples of class 1 that are not alike, found 1 among 2"
        );
        assert_eq!(
            text(stratified_split(&[0, 0, 1, 1], Some(&[0]), 0.2, 0)),
            "expected a group for each of 4 samples, found 1"
        );
        assert!(text(stratified_split(&[0, 0, 1, 1], None, f64::NAN, 0)).contains("NaN"));
        let labels = [0, 0, 0, 2, 2];
        assert!(matches!(
            stratified_folds(&labels, None, 3, 0),
            Err(SplitError::TooFew {
                class: 2,
                needed: 3,
                found: 2,
                n_samples: 2
            })
        ));
        assert_eq!(most_folds(&labels, None), 2);
        assert_eq!(stratified_folds(&labels, None, 2, 0).unwrap().len(), 2);
    }
}
