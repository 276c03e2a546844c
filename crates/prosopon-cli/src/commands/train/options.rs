//! What is typed, as a plan.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use prosopon::InputSize;
use prosopon::prepare::Crop;
use prosopon_train::data::GroupBy;
use prosopon_train::grid::default_grid;
use prosopon_train::input::{EMBEDDING, FaceSearch, Faces, Input, Values};
use prosopon_train::learn::Learner;
use prosopon_train::metric::MetricLoss;
use prosopon_train::nn::{Architecture, Augmentation, FitOptions, Loss, Optimiser};
use prosopon_train::pipeline::Pipeline;
use prosopon_train::train::{NetworkPlan, Plan};

use crate::args::{DetectArgs, ModelArgs};
use crate::commands::prepare::options::FaceArgs;
use crate::failure::{Exit, Failure};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FacesArg {
    /// They are searched, and the largest one of each picture is taken
    Find,
    /// Each picture is a face
    AsIs,
}

/// What is seen of a picture.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "What is seen")]
pub(super) struct InputArgs {
    /// Values of a face: `embedding`, `pixels`, `gray`, `wavelet`, `haralick`, `haralick-directions`, `lbp`,
    /// `hog`, or several with `+` between them [default: embedding]
    #[arg(long, value_name = "NAMES", conflicts_with = "cnn")]
    feature: Option<String>,
    /// Where the faces are
    #[arg(long, value_enum, default_value_t = FacesArg::Find)]
    faces: FacesArg,
}

/// What learns.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "What learns")]
pub(super) struct LearnerArgs {
    /// Learner and the steps before it: `svc`, `logistic`, `forest`, `knn`, `centroid`, as in
    /// `scale+pca:0.95+svc:C=10,kernel=linear` [default: logistic:C=100 of embeddings, else scale+svc]
    #[arg(long, value_name = "STEPS", conflicts_with_all = ["grid", "cnn"])]
    learner: Option<Pipeline>,
    /// Try support vector machines, forests and logistic regressions by cross-validation and keep the best
    #[arg(long, visible_alias = "try-all")]
    pub(super) grid: bool,
    /// Candidates of `--grid` instead of the usual ones; can be given several times
    #[arg(long, value_name = "STEPS", requires = "grid")]
    candidate: Vec<Pipeline>,
    /// A network of your own: `hobbit`, `fer`, or a file of layers (.toml)
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "grid")]
    cnn: Option<PathBuf>,
    /// Not a classifier but a head: a small network behind the embedder that tells your own people apart
    /// better. Written to `--out DIR` as head.prosopon, for `--head` of other commands
    #[arg(long, value_enum, value_name = "LOSS", num_args = 0..=1, default_missing_value = "triplet", requires = "out", conflicts_with_all = ["learner", "grid", "cnn"])]
    pub(super) head: Option<HeadArg>,
    /// With `--cnn embedder` or a file of layers that ends in `l2_normalise`: an embedding network of your own instead of a
    /// classifier, on upright faces. Written to `--out DIR`, for `prosopon models add` and `--embedder`
    #[arg(long, value_enum, value_name = "LOSS", num_args = 0..=1, default_missing_value = "triplet", requires_all = ["cnn", "out"])]
    pub(super) metric: Option<HeadArg>,
    #[command(flatten)]
    network: NetworkArgs,
}

/// By which loss faces of one person are brought together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum HeadArg {
    /// Three faces at a time, the third one semi-hard
    Triplet,
    /// Two faces at a time
    Contrastive,
}

/// How a network is trained.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Network")]
struct NetworkArgs {
    /// Try so many variations of filters, units and learning rate, and train the best
    #[arg(long, value_name = "N", default_value_t = 0, requires = "cnn", value_parser = clap::value_parser!(u16).range(0..=1000))]
    trials: u16,
    /// Do not train once more in the end with the pictures that stopped the network: half the time
    #[arg(long, requires = "cnn")]
    spare_validation: bool,
    /// Passes over the pictures, at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    epochs: u32,
    /// Pictures of a step
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    batch_size: u32,
    /// Epochs without a better validation loss until it stops; the best weights are kept
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    patience: u32,
    /// How weights are changed
    #[arg(long, value_enum, default_value_t = OptimiserArg::Adam)]
    optimizer: OptimiserArg,
    /// Size of the changes [default: that of the optimiser]
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f32>,
    /// What is made small
    #[arg(long, value_enum, default_value_t = LossArg::Sparse)]
    loss: LossArg,
    /// Change pictures at random as they are seen: turn, mirror, cut, light, noise
    #[arg(long)]
    augment: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OptimiserArg {
    /// Stochastic gradient descent
    Sgd,
    /// Stochastic gradient descent with momentum 0.9
    Momentum,
    /// Steps by the sum of squared gradients
    Adagrad,
    /// Steps by running means
    Adam,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LossArg {
    /// Sparse categorical cross-entropy
    Sparse,
    /// Categorical cross-entropy
    Categorical,
    /// Binary cross-entropy, each class by itself
    Binary,
}

/// Where groups come from that stay together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum GroupArg {
    /// Near-duplicates only
    Nothing,
    /// The folder inside of the class's folder, for instance a person's
    Folder,
}

impl From<GroupArg> for GroupBy {
    fn from(group: GroupArg) -> Self {
        match group {
            GroupArg::Nothing => Self::Nothing,
            GroupArg::Folder => Self::Folder,
        }
    }
}

impl InputArgs {
    fn default_learner(&self) -> &'static str {
        Pipeline::usual(self.feature.as_deref().unwrap_or(EMBEDDING))
    }

    /// What is seen, for `plan`; upright faces for an embedding network. Ids of models are left open.
    pub(super) fn input(
        &self,
        plan: &Plan,
        face: &FaceArgs,
        (models, detect): (&ModelArgs, &DetectArgs),
        is_metric: bool,
    ) -> Input {
        let mut prepare = face.options();
        if is_metric {
            prepare.crop = Crop::Aligned;
        }
        let values = match plan {
            Plan::Network(plan) => {
                let input = plan.architecture.input;
                Values::Levels {
                    width: input.width as u32,
                    height: input.height as u32,
                    gray: input.channels == 1,
                }
            }
            _ => Values::Features {
                names: self.feature.clone().unwrap_or_else(|| EMBEDDING.to_owned()),
                embedder: models.embedder.clone(),
            },
        };
        Input {
            faces: match self.faces {
                FacesArg::AsIs => Faces::AsIs,
                FacesArg::Find => Faces::Found(search(models, detect)),
            },
            prepare,
            values,
        }
    }
}

fn search(models: &ModelArgs, detect: &DetectArgs) -> FaceSearch {
    let options = detect.options();
    let cascade = detect.search();
    FaceSearch {
        detector: models.detector.clone().unwrap_or_default(),
        model: String::new(),
        min_confidence: options.min_confidence,
        nms_iou: options.nms_iou,
        min_face_px: options.min_face_px,
        input_side: match options.input {
            InputSize::Auto => None,
            InputSize::Fixed(side) => Some(side),
        },
        scale_factor: cascade.map(|search| search.scale_factor),
        min_neighbors: cascade.map(|search| search.min_neighbors),
        require_eyes: detect.require_eyes,
    }
}

impl LearnerArgs {
    /// What learns.
    pub(super) fn plan(&self, input: &InputArgs, balanced: bool) -> Result<Plan, Failure> {
        if let Some(cnn) = &self.cnn {
            return Ok(Plan::Network(Box::new(self.network.plan(cnn, balanced)?)));
        }
        let weighted = |pipeline: &Pipeline| {
            if balanced {
                weighed(*pipeline)
            } else {
                *pipeline
            }
        };
        if self.grid {
            let candidates = if self.candidate.is_empty() {
                default_grid()
            } else {
                self.candidate.clone()
            };
            return Ok(Plan::Grid(candidates.iter().map(weighted).collect()));
        }
        let pipeline = match &self.learner {
            Some(learner) => *learner,
            None => input
                .default_learner()
                .parse()
                .map_err(|error| Failure::new(Exit::Usage, "usage", error))?,
        };
        Ok(Plan::Pipeline(weighted(&pipeline)))
    }
}

impl NetworkArgs {
    fn plan(&self, cnn: &Path, balanced: bool) -> Result<NetworkPlan, Failure> {
        let optimiser = match self.optimizer {
            OptimiserArg::Sgd => Optimiser::sgd(),
            OptimiserArg::Momentum => Optimiser::Sgd {
                learning_rate: Optimiser::sgd().learning_rate(),
                momentum: 0.9,
            },
            OptimiserArg::Adagrad => Optimiser::ada_grad(),
            OptimiserArg::Adam => Optimiser::adam(),
        };
        let loss = match self.loss {
            LossArg::Sparse => Loss::SparseCategoricalCrossEntropy,
            LossArg::Categorical => Loss::CategoricalCrossEntropy,
            LossArg::Binary => Loss::BinaryCrossEntropy,
        };
        Ok(NetworkPlan {
            architecture: architecture(cnn)?,
            fit: FitOptions {
                epochs: self.epochs as usize,
                batch_size: self.batch_size as usize,
                optimiser: match self.learning_rate {
                    Some(rate) => optimiser.with_learning_rate(rate),
                    None => optimiser,
                },
                loss,
                augmentation: self.augment.then(Augmentation::usual),
                patience: Some(self.patience as usize),
                ..FitOptions::default()
            },
            trials: usize::from(self.trials),
            learns_validation: !self.spare_validation,
            balanced,
        })
    }
}

/// The same with classes that weigh alike, where the learner has such an option.
fn weighed(mut pipeline: Pipeline) -> Pipeline {
    match &mut pipeline.learner {
        Learner::Svc(options) => options.balanced = true,
        Learner::Logistic(options) => options.balanced = true,
        Learner::Forest(options) => options.balanced = true,
        Learner::Neighbors(_) | Learner::NearestCentroid => {}
    }
    pipeline
}

impl HeadArg {
    pub(super) fn loss(self) -> MetricLoss {
        match self {
            Self::Triplet => MetricLoss::default(),
            // Half the largest distance of unit vectors.
            Self::Contrastive => MetricLoss::Contrastive { margin: 1.0 },
        }
    }
}

/// A built-in network, or one of a file.
fn architecture(place: &Path) -> Result<Architecture, Failure> {
    if let Some(Ok(built_in)) = place.to_str().map(Architecture::built_in) {
        return Ok(built_in);
    }
    let text = std::fs::read_to_string(place).map_err(|error| {
        let message = format!("expected `hobbit`, `fer` or a file of layers: {error}");
        Failure::new(Exit::Usage, "unknown_network", message).at(place.display())
    })?;
    Architecture::parse(&text).map_err(|error| {
        Failure::new(Exit::Usage, "invalid_network", error)
            .at(place.display())
            .with_hint("docs/networks.md lists all layers")
    })
}
