//! A cascade laid out for speed: flat arrays, and rectangles as offsets from a window's first corner.

use std::ops::Range;

use super::super::integral::{ColumnOrder, REACH, STRIDE};
use super::xml::{Description, Feature, MAX_RECTANGLES, MAX_WINDOW, Rectangle};

// The farthest corner of the largest window can be reached with 16 bits.
const _: () = assert!((MAX_WINDOW as usize) * STRIDE + STRIDE < REACH);

/// Most nodes of the first stage for which all combinations of their answers are kept.
const MAX_ANSWER_BITS: usize = 15;

/// The corners that a window can reach, from its first one on: offsets of 16 bits need no check.
pub(super) type Reach = [u32; REACH];

/// A cascade for windows in steps of one pixel or of two.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) order: ColumnOrder,
    pub(super) has_tilted: bool,
    pub(super) variance: Variance,
    /// The first stage, if it is small.
    pub(super) first: Option<FirstStage>,
    stages: Vec<Stage>,
    trees: Trees,
}

/// Of a window without its border of one pixel.
#[derive(Debug, Clone)]
pub(super) struct Variance {
    pub(super) corners: [u16; 4],
    /// In pixels.
    pub(super) area: f64,
}

/// A stage as a table: each node's answer is a bit, and all bits together say whether the stage is
/// passed. This way the nodes can be asked for many windows at once.
#[derive(Debug, Clone)]
pub(super) struct FirstStage {
    pub(super) nodes: Vec<Question>,
    pub(super) passes: Vec<bool>,
}

/// Whether a feature is below a threshold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    pub(super) corners: [[u16; 4]; MAX_RECTANGLES],
    pub(super) weights: [f32; MAX_RECTANGLES],
    pub(super) threshold: f32,
    pub(super) tilted: bool,
}

#[derive(Debug, Clone)]
struct Stage {
    threshold: f32,
    /// Its trees, in the order in which they are added up.
    trees: Range<usize>,
}

#[derive(Debug, Clone)]
enum Trees {
    /// Trees of one node, with its two leaves.
    Stumps(Vec<(Question, [f32; 2])>),
    /// Trees with any number of nodes.
    Any {
        /// Each tree's first node and first leaf.
        roots: Vec<(u32, u32)>,
        /// With the children for no and yes.
        nodes: Vec<(Question, [i32; 2])>,
        leaves: Vec<f32>,
    },
}

impl Table {
    pub(super) fn new(description: &Description, step: usize) -> Self {
        let order = if step == 1 {
            ColumnOrder::Plain
        } else {
            ColumnOrder::EvenOdd
        };
        let questions: Vec<Question> = {
            let features = description.features.iter();
            features.map(|f| Question::new(f, order)).collect()
        };
        let mut n_trees = 0;
        let stages = description.stages.iter().map(|stage| {
            let first = n_trees;
            n_trees += stage.trees.len();
            Stage {
                threshold: stage.threshold,
                trees: first..n_trees,
            }
        });
        let (width, height) = (description.width - 2, description.height - 2);
        Self {
            order,
            has_tilted: description.features.iter().any(|f| f.tilted),
            variance: Variance {
                corners: upright(1, 1, width, height, order),
                area: f64::from(width * height),
            },
            first: FirstStage::new(description, &questions),
            stages: stages.collect(),
            trees: Trees::new(description, &questions),
        }
    }

    pub(super) fn n_stages(&self) -> usize {
        self.stages.len()
    }

    /// What the last stage adds up to if the window passes all stages from `first` on; else the stage at
    /// which it fails. `sums` and `tilted` begin at the window's first corner.
    #[inline]
    pub(super) fn last_sum(
        &self,
        first: usize,
        sums: &Reach,
        tilted: &Reach,
        norm: f32,
    ) -> Result<f64, usize> {
        let mut sum = 0.0;
        for (place, stage) in self.stages.iter().enumerate().skip(first) {
            sum = self.trees.sum(stage.trees.clone(), sums, tilted, norm);
            if sum < f64::from(stage.threshold) {
                return Err(place);
            }
        }
        Ok(sum)
    }
}

impl Trees {
    fn new(description: &Description, questions: &[Question]) -> Self {
        let trees = || description.stages.iter().flat_map(|stage| &stage.trees);
        let question = |feature: usize, threshold: f32| Question {
            threshold,
            ..questions[feature]
        };
        if trees().all(|tree| tree.nodes.len() == 1) {
            let stump = |tree: &super::xml::Tree| {
                let node = tree.nodes[0];
                let leaf = |child: i32| tree.leaves[child.unsigned_abs() as usize];
                let leaves = [leaf(node.right), leaf(node.left)];
                (question(node.feature, node.threshold), leaves)
            };
            return Self::Stumps(trees().map(stump).collect());
        }
        let (mut roots, mut nodes, mut leaves) = (Vec::new(), Vec::new(), Vec::new());
        for tree in trees() {
            roots.push((nodes.len() as u32, leaves.len() as u32));
            leaves.extend(&tree.leaves);
            let tree_nodes = tree.nodes.iter();
            nodes.extend(tree_nodes.map(|node| {
                let question = question(node.feature, node.threshold);
                (question, [node.right, node.left])
            }));
        }
        Self::Any {
            roots,
            nodes,
            leaves,
        }
    }

    /// What the trees add up to, in double precision as in `OpenCV`.
    #[inline]
    fn sum(&self, trees: Range<usize>, sums: &Reach, tilted: &Reach, norm: f32) -> f64 {
        match self {
            Self::Stumps(stumps) => {
                let mut sum = 0.0;
                for (question, leaves) in &stumps[trees] {
                    let yes = question.ask(sums, tilted, norm);
                    sum += f64::from(leaves[usize::from(yes)]);
                }
                sum
            }
            Self::Any {
                roots,
                nodes,
                leaves,
            } => {
                let mut sum = 0.0;
                for (first_node, first_leaf) in &roots[trees] {
                    let mut place = 0;
                    loop {
                        let (question, children) = &nodes[*first_node as usize + place];
                        let child = children[usize::from(question.ask(sums, tilted, norm))];
                        place = child.unsigned_abs() as usize;
                        if child <= 0 {
                            break;
                        }
                    }
                    sum += f64::from(leaves[*first_leaf as usize + place]);
                }
                sum
            }
        }
    }
}

impl Question {
    fn new(feature: &Feature, order: ColumnOrder) -> Self {
        let mut question = Self {
            corners: [[0; 4]; MAX_RECTANGLES],
            weights: [0.0; MAX_RECTANGLES],
            threshold: 0.0,
            tilted: feature.tilted,
        };
        for (i, rectangle) in feature.rectangles.iter().enumerate() {
            let Rectangle {
                left,
                top,
                width,
                height,
                weight,
            } = *rectangle;
            question.corners[i] = if feature.tilted {
                [
                    (left, top),
                    (left - height, top + height),
                    (left + width, top + width),
                    (left + width - height, top + width + height),
                ]
                .map(|(x, y)| offset(x, y, order))
            } else {
                upright(left, top, width, height, order)
            };
            question.weights[i] = weight;
        }
        question
    }

    /// Whether the feature, divided by the window's deviation, is below the threshold. Single precision
    /// and the order of the sum are those of `OpenCV`.
    #[inline]
    fn ask(&self, sums: &Reach, tilted: &Reach, norm: f32) -> bool {
        let corners = if self.tilted { tilted } else { sums };
        let sum = |i: usize| self.weights[i] * rectangle_sum(corners, self.corners[i]) as f32;
        let mut value = sum(0) + sum(1);
        if self.weights[2] != 0.0 {
            value += sum(2);
        }
        value * norm < self.threshold
    }
}

/// The sum of the pixels between four corners.
#[inline]
fn rectangle_sum(from: &Reach, corners: [u16; 4]) -> i32 {
    let [a, b, c, d] = corners.map(|offset| from[usize::from(offset)]);
    a.wrapping_sub(b).wrapping_sub(c).wrapping_add(d) as i32
}

fn upright(left: u32, top: u32, width: u32, height: u32, order: ColumnOrder) -> [u16; 4] {
    let (right, bottom) = (left + width, top + height);
    [(left, top), (right, top), (left, bottom), (right, bottom)].map(|(x, y)| offset(x, y, order))
}

fn offset(x: u32, y: u32, order: ColumnOrder) -> u16 {
    (y as usize * STRIDE + order.place(x as usize)) as u16
}

impl FirstStage {
    /// None if the first stage has too many nodes.
    fn new(description: &Description, questions: &[Question]) -> Option<Self> {
        let stage = description.stages.first()?;
        let nodes: Vec<Question> = {
            let nodes = stage.trees.iter().flat_map(|tree| &tree.nodes);
            let question = |node: &super::xml::TreeNode| Question {
                threshold: node.threshold,
                ..questions[node.feature]
            };
            nodes.map(question).collect()
        };
        if nodes.len() > MAX_ANSWER_BITS {
            return None;
        }
        let passes = |answers: usize| {
            let mut first_node = 0;
            let mut sum = 0.0;
            for tree in &stage.trees {
                let mut place = 0;
                loop {
                    let node = tree.nodes[place];
                    let yes = answers >> (first_node + place) & 1 == 1;
                    let child = if yes { node.left } else { node.right };
                    place = child.unsigned_abs() as usize;
                    if child <= 0 {
                        break;
                    }
                }
                sum += f64::from(tree.leaves[place]);
                first_node += tree.nodes.len();
            }
            sum >= f64::from(stage.threshold)
        };
        Some(Self {
            passes: (0..1 << nodes.len()).map(passes).collect(),
            nodes,
        })
    }
}
