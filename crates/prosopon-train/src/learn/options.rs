//! Learners as text: `svc:C=10,kernel=linear`, read and written here and nowhere else.

use std::fmt;
use std::str::FromStr;

use super::{
    Criterion, ForestOptions, Gamma, Kernel, Learner, LogisticOptions, MaxFeatures,
    NeighborWeights, NeighborsOptions, SvcOptions,
};

/// What is wrong with a learner or pipeline as text, or with its options.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionError {
    /// Neither a learner nor a step before one.
    #[error("expected one of {expected}, found `{found}`")]
    Name {
        /// The names there are.
        expected: &'static str,
        /// What was written.
        found: String,
    },
    /// An option that the learner or step does not have.
    #[error("{step}: expected options {expected}, found `{found}`")]
    Unknown {
        /// The learner or step.
        step: String,
        /// The options it has.
        expected: &'static str,
        /// What was written.
        found: String,
    },
    /// A value that the option cannot have.
    #[error("{step}: expected {option} to be {expected}, found `{found}`")]
    Value {
        /// The learner or step.
        step: String,
        /// The option.
        option: &'static str,
        /// What it can be.
        expected: &'static str,
        /// What was written.
        found: String,
    },
    /// The learner is missing, or something stands after it.
    #[error(
        "expected steps joined by `+` and a learner at the end, as in `scale+svc:C=10`, found `{found}`"
    )]
    Order {
        /// What was written.
        found: String,
    },
}

/// The names of learners, for messages.
pub(crate) const LEARNERS: &str = "svc, logistic, forest, knn, centroid";

/// A name and options: `name:key=value,key=value`.
pub(crate) struct Written<'a> {
    pub(crate) name: &'a str,
    options: Vec<(&'a str, &'a str)>,
}

impl<'a> Written<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let (name, options) = text.split_once(':').unwrap_or((text, ""));
        let options = options.split(',').filter(|option| !option.is_empty());
        let pair = |option: &'a str| {
            let (key, value) = option.split_once('=').unwrap_or((option, ""));
            (key.trim(), value.trim())
        };
        Self {
            name: name.trim(),
            options: options.map(pair).collect(),
        }
    }

    /// The value of `option`, turned into what it means; none if it was not written. An option may be
    /// written once.
    pub(crate) fn take<T>(
        &mut self,
        option: &'static str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, OptionError> {
        let Some(place) = self.options.iter().position(|(key, _)| *key == option) else {
            return Ok(None);
        };
        let (_, value) = self.options.remove(place);
        let wrong = || OptionError::Value {
            step: self.name.to_owned(),
            option,
            expected,
            found: value.to_owned(),
        };
        parse(value).map(Some).ok_or_else(wrong)
    }

    /// A value written without a name, as in `pca:0.95`.
    pub(crate) fn take_bare(&mut self) -> Option<&'a str> {
        let place = self
            .options
            .iter()
            .position(|(_, value)| value.is_empty())?;
        Some(self.options.remove(place).0)
    }

    /// Whether all options were taken; `expected` names those there are.
    pub(crate) fn finish(self, expected: &'static str) -> Result<(), OptionError> {
        match self.options.first() {
            None => Ok(()),
            Some((key, _)) => Err(OptionError::Unknown {
                step: self.name.to_owned(),
                expected,
                found: (*key).to_owned(),
            }),
        }
    }
}

/// A finite number.
pub(crate) fn real(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

const POSITIVE: &str = "a number above 0";
const AT_LEAST_ONE: &str = "a whole number from 1 on";
const CLASS_WEIGHT: &str = "`none` or `balanced`";
const MAX_FEATURES: &str = "`sqrt`, `log2`, `all`, a number from 1 on, or a share such as 0.5";

fn positive(text: &str) -> Option<f64> {
    real(text).filter(|value| *value > 0.0)
}

fn at_least_one(text: &str) -> Option<usize> {
    text.parse().ok().filter(|value| *value > 0)
}

fn is_balanced(text: &str) -> Option<bool> {
    match text {
        "balanced" => Some(true),
        "none" => Some(false),
        _ => None,
    }
}

fn max_features(text: &str) -> Option<MaxFeatures> {
    match text {
        "sqrt" => Some(MaxFeatures::Sqrt),
        "log2" => Some(MaxFeatures::Log2),
        "all" => Some(MaxFeatures::All),
        _ if text.contains('.') => positive(text)
            .filter(|share| *share <= 1.0)
            .map(MaxFeatures::Share),
        _ => at_least_one(text).map(MaxFeatures::Count),
    }
}

impl FromStr for Learner {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let mut written = Written::new(text);
        match written.name {
            "svc" => svc(written).map(Self::Svc),
            "logistic" => logistic(written).map(Self::Logistic),
            "forest" => forest(written).map(Self::Forest),
            "knn" => {
                let default = NeighborsOptions::default();
                let weights =
                    written.take("weights", "`uniform` or `distance`", |text| match text {
                        "uniform" => Some(NeighborWeights::Uniform),
                        "distance" => Some(NeighborWeights::Distance),
                        _ => None,
                    })?;
                let options = NeighborsOptions {
                    n_neighbors: written
                        .take("n_neighbors", AT_LEAST_ONE, at_least_one)?
                        .unwrap_or(default.n_neighbors),
                    weights: weights.unwrap_or(default.weights),
                };
                written.finish("n_neighbors, weights")?;
                Ok(Self::Neighbors(options))
            }
            "centroid" => {
                written.finish("none")?;
                Ok(Self::NearestCentroid)
            }
            name => Err(OptionError::Name {
                expected: LEARNERS,
                found: name.to_owned(),
            }),
        }
    }
}

fn svc(mut written: Written) -> Result<SvcOptions, OptionError> {
    let default = SvcOptions::default();
    let kernel = written.take("kernel", "`rbf` or `linear`", |text| match text {
        "rbf" => Some(Kernel::Rbf),
        "linear" => Some(Kernel::Linear),
        _ => None,
    })?;
    let gamma = |text: &str| match text {
        "scale" => Some(Gamma::Scale),
        "auto" => Some(Gamma::Auto),
        _ => positive(text).map(Gamma::Value),
    };
    let options = SvcOptions {
        c: written.take("C", POSITIVE, positive)?.unwrap_or(default.c),
        kernel: kernel.unwrap_or(default.kernel),
        gamma: written
            .take("gamma", "`scale`, `auto` or a number above 0", gamma)?
            .unwrap_or(default.gamma),
        balanced: written
            .take("class_weight", CLASS_WEIGHT, is_balanced)?
            .unwrap_or(default.balanced),
        tolerance: written
            .take("tol", POSITIVE, positive)?
            .unwrap_or(default.tolerance),
    };
    written.finish("C, kernel, gamma, class_weight, tol")?;
    Ok(options)
}

fn logistic(mut written: Written) -> Result<LogisticOptions, OptionError> {
    let default = LogisticOptions::default();
    let options = LogisticOptions {
        c: written.take("C", POSITIVE, positive)?.unwrap_or(default.c),
        max_iter: written
            .take("max_iter", AT_LEAST_ONE, at_least_one)?
            .unwrap_or(default.max_iter),
        tolerance: written
            .take("tol", POSITIVE, positive)?
            .unwrap_or(default.tolerance),
        balanced: written
            .take("class_weight", CLASS_WEIGHT, is_balanced)?
            .unwrap_or(default.balanced),
    };
    written.finish("C, class_weight, max_iter, tol")?;
    Ok(options)
}

fn forest(mut written: Written) -> Result<ForestOptions, OptionError> {
    let default = ForestOptions::default();
    let criterion = written.take("criterion", "`gini` or `entropy`", |text| match text {
        "gini" => Some(Criterion::Gini),
        "entropy" => Some(Criterion::Entropy),
        _ => None,
    })?;
    let max_depth = |text: &str| match text {
        "none" => Some(None),
        _ => at_least_one(text).map(Some),
    };
    let options = ForestOptions {
        n_estimators: written
            .take("n_estimators", AT_LEAST_ONE, at_least_one)?
            .unwrap_or(default.n_estimators),
        criterion: criterion.unwrap_or(default.criterion),
        max_depth: written
            .take("max_depth", "`none` or a whole number from 1 on", max_depth)?
            .unwrap_or(default.max_depth),
        max_features: written
            .take("max_features", MAX_FEATURES, max_features)?
            .unwrap_or(default.max_features),
        min_samples_leaf: written
            .take("min_samples_leaf", AT_LEAST_ONE, at_least_one)?
            .unwrap_or(default.min_samples_leaf),
        balanced: written
            .take("class_weight", CLASS_WEIGHT, is_balanced)?
            .unwrap_or(default.balanced),
    };
    written.finish(
        "n_estimators, criterion, max_depth, max_features, min_samples_leaf, class_weight",
    )?;
    Ok(options)
}

impl Learner {
    /// Whether its options can be used; they need not have come from text.
    ///
    /// # Errors
    /// [`OptionError::Value`].
    pub fn check(&self) -> Result<(), OptionError> {
        // What can be written and read again is in its range; all options that matter are written.
        self.to_string().parse::<Self>().map(|_| ())
    }
}

/// The options that matter most are always written, the others where they are not the default.
impl fmt::Display for Learner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Svc(options) => {
                let default = SvcOptions::default();
                let is_rbf = options.kernel == Kernel::Rbf;
                write!(
                    f,
                    "svc:C={},kernel={}",
                    options.c,
                    if is_rbf { "rbf" } else { "linear" }
                )?;
                if is_rbf && options.gamma != default.gamma {
                    match options.gamma {
                        Gamma::Scale => f.write_str(",gamma=scale")?,
                        Gamma::Auto => f.write_str(",gamma=auto")?,
                        Gamma::Value(gamma) => write!(f, ",gamma={gamma}")?,
                    }
                }
                differing(f, "tol", &options.tolerance, &default.tolerance)?;
                class_weight(f, options.balanced)
            }
            Self::Logistic(options) => {
                let default = LogisticOptions::default();
                write!(f, "logistic:C={}", options.c)?;
                differing(f, "max_iter", &options.max_iter, &default.max_iter)?;
                differing(f, "tol", &options.tolerance, &default.tolerance)?;
                class_weight(f, options.balanced)
            }
            Self::Forest(options) => {
                let default = ForestOptions::default();
                write!(f, "forest:n_estimators={}", options.n_estimators)?;
                if options.criterion == Criterion::Entropy {
                    f.write_str(",criterion=entropy")?;
                }
                if let Some(depth) = options.max_depth {
                    write!(f, ",max_depth={depth}")?;
                }
                match options.max_features {
                    MaxFeatures::Sqrt => {}
                    MaxFeatures::Log2 => f.write_str(",max_features=log2")?,
                    MaxFeatures::All => f.write_str(",max_features=all")?,
                    MaxFeatures::Count(count) => write!(f, ",max_features={count}")?,
                    // `{:?}` keeps the point of 1.0, which tells a share from a number.
                    MaxFeatures::Share(share) => write!(f, ",max_features={share:?}")?,
                }
                differing(
                    f,
                    "min_samples_leaf",
                    &options.min_samples_leaf,
                    &default.min_samples_leaf,
                )?;
                class_weight(f, options.balanced)
            }
            Self::Neighbors(options) => {
                write!(f, "knn:n_neighbors={}", options.n_neighbors)?;
                if options.weights == NeighborWeights::Distance {
                    f.write_str(",weights=distance")?;
                }
                Ok(())
            }
            Self::NearestCentroid => f.write_str("centroid"),
        }
    }
}

fn differing<T: fmt::Display + PartialEq>(
    f: &mut fmt::Formatter<'_>,
    option: &str,
    value: &T,
    default: &T,
) -> fmt::Result {
    if value == default {
        Ok(())
    } else {
        write!(f, ",{option}={value}")
    }
}

fn class_weight(f: &mut fmt::Formatter<'_>, is_balanced: bool) -> fmt::Result {
    f.write_str(if is_balanced {
        ",class_weight=balanced"
    } else {
        ""
    })
}

impl TryFrom<String> for Learner {
    type Error = OptionError;

    fn try_from(text: String) -> Result<Self, OptionError> {
        text.parse()
    }
}

impl From<Learner> for String {
    fn from(learner: Learner) -> Self {
        learner.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for (text, canonical) in [
            ("svc", "svc:C=1,kernel=rbf"),
            ("svc:kernel=linear,C=0.5", "svc:C=0.5,kernel=linear"),
            ("svc:C=10,gamma=scale", "svc:C=10,kernel=rbf"),
            (
                "svc:gamma=auto,tol=0.01,class_weight=balanced",
                "svc:C=1,kernel=rbf,gamma=auto,tol=0.01,class_weight=balanced",
            ),
            ("logistic: max_iter = 50", "logistic:C=1,max_iter=50"),
            ("forest", "forest:n_estimators=100"),
            (
                "forest:max_depth=3,max_features=1.0,criterion=entropy,min_samples_leaf=2",
                "forest:n_estimators=100,criterion=entropy,max_depth=3,max_features=1.0,min_samples_leaf=2",
            ),
            (
                "forest:max_features=7",
                "forest:n_estimators=100,max_features=7",
            ),
            ("knn:weights=distance", "knn:n_neighbors=5,weights=distance"),
            ("centroid", "centroid"),
        ] {
            let learner: Learner = text.parse().unwrap();
            assert_eq!(learner.to_string(), canonical);
            assert_eq!(canonical.parse::<Learner>().unwrap(), learner);
            let json = serde_json::to_string(&learner).unwrap();
            assert_eq!(json, format!("{canonical:?}"));
            assert_eq!(serde_json::from_str::<Learner>(&json).unwrap(), learner);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, message) in [
            (
                "svm",
                "expected one of svc, logistic, forest, knn, centroid, found `svm`",
            ),
            (
                "svc:c=1",
                "svc: expected options C, kernel, gamma, class_weight, tol, found `c`",
            ),
            (
                "svc:C=0",
                "svc: expected C to be a number above 0, found `0`",
            ),
            (
                "svc:C=nan",
                "svc: expected C to be a number above 0, found `nan`",
            ),
            (
                "knn:n_neighbors=",
                "knn: expected n_neighbors to be a whole number from 1 on, found ``",
            ),
            ("centroid:x=1", "centroid: expected options none, found `x`"),
        ] {
            assert_eq!(text.parse::<Learner>().unwrap_err().to_string(), message);
        }
        let learner = Learner::Svc(SvcOptions {
            c: f64::INFINITY,
            ..SvcOptions::default()
        });
        assert!(learner.check().is_err());
    }
}
