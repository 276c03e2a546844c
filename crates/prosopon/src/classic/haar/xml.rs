//! Reading cascades in the format that `opencv_traincascade` writes, which is also that of the files
//! that come with `OpenCV` since version 3.
//!
//! A cascade comes from outside, so nothing in it is believed: its size, its numbers of stages, trees
//! and features are limited, rectangles must lie in the window, and the nodes of a tree must form one.
//! Documents that define entities are refused. Nothing here recurses.

use std::borrow::Cow;

use roxmltree::{Document, Node, ParsingOptions};

use super::error::{CascadeError, Position};

/// Longest text. The largest file that comes with `OpenCV` 4.14 (`frontalface_alt_tree`) has 2.7 MB.
const MAX_BYTES: usize = 16 << 20;
/// Most XML nodes: the same file has 190,000, with the texts between the elements.
const MAX_XML_NODES: u32 = 2_000_000;
/// Longest side of the window; those of the files that come with `OpenCV` have at most 64 pixels.
pub(super) const MAX_WINDOW: u32 = 128;
/// Most stages: the same file has 47.
const MAX_STAGES: usize = 1_000;
/// Most nodes of one tree; trees are trained with a few.
const MAX_TREE_NODES: usize = 255;
/// Most nodes of all trees, and most features: the same file has 8,468.
const MAX_NODES: usize = 200_000;
/// Most rectangles of one feature, as in `OpenCV`.
pub(super) const MAX_RECTANGLES: usize = 3;
/// `OpenCV` lowers the thresholds of stages by this, so that rounding refuses no window.
const STAGE_EPSILON: f32 = 1e-5;

/// A cascade as it was trained.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Description {
    /// Width of the window, in pixels.
    pub(super) width: u32,
    /// Height of the window, in pixels.
    pub(super) height: u32,
    pub(super) stages: Vec<Stage>,
    pub(super) features: Vec<Feature>,
}

/// A stage refuses windows whose trees add up to less than its threshold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stage {
    pub(super) threshold: f32,
    pub(super) trees: Vec<Tree>,
}

/// A decision tree; the first node is the root.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tree {
    pub(super) nodes: Vec<TreeNode>,
    /// One more than nodes.
    pub(super) leaves: Vec<f32>,
}

/// Goes left if its feature is below the threshold. A positive child is the node of that number, others
/// are leaves, with their sign turned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TreeNode {
    pub(super) left: i32,
    pub(super) right: i32,
    pub(super) feature: usize,
    pub(super) threshold: f32,
}

/// Weighted sums of rectangles, upright or turned by 45 degrees.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Feature {
    pub(super) tilted: bool,
    pub(super) rectangles: Vec<Rectangle>,
}

/// A rectangle in pixels of the window. A tilted one begins at its uppermost corner; its width runs down
/// to the right and its height down to the left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rectangle {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) weight: f32,
}

/// Reads and checks a cascade.
pub(super) fn read(text: &str) -> Result<Description, CascadeError> {
    if text.len() > MAX_BYTES {
        return Err(CascadeError::TooLarge {
            bytes: text.len(),
            limit: MAX_BYTES,
        });
    }
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MAX_XML_NODES,
        ..ParsingOptions::default()
    };
    let text = without_comments(text);
    let document = Document::parse_with_options(&text, options)?;
    let root = document.root_element();
    let cascade = Element(root).elements().next().unwrap_or(Element(root));
    cascade.check_kind(root)?;

    let (width, height) = (cascade.side("width")?, cascade.side("height")?);
    let features = cascade.child("features")?.features(width, height)?;
    let stages = cascade.child("stages")?.stages(features.len())?;
    Ok(Description {
        width,
        height,
        stages,
        features,
    })
}

/// The text with spaces for what comments say, so that places stay where they are. XML forbids two
/// hyphens in comments, but `haarcascade_smile.xml` had them in older versions of `OpenCV`.
fn without_comments(text: &str) -> Cow<'_, str> {
    const BEGIN: &str = "<!--";
    const END: &str = "-->";
    let mut blanked = String::new();
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once(BEGIN) {
        let Some((comment, after)) = comment.split_once(END) else {
            break;
        };
        blanked.push_str(before);
        blanked.push_str(BEGIN);
        let blank = |c: char| if c == '\n' { c } else { ' ' };
        blanked.extend(comment.chars().map(blank));
        blanked.push_str(END);
        rest = after;
    }
    if blanked.is_empty() {
        return Cow::Borrowed(text);
    }
    blanked.push_str(rest);
    Cow::Owned(blanked)
}

/// An element, with what is asked of it.
#[derive(Clone, Copy)]
struct Element<'a, 'input>(Node<'a, 'input>);

impl<'a, 'input> Element<'a, 'input> {
    fn name(self) -> &'a str {
        self.0.tag_name().name()
    }

    fn at(self) -> Position {
        let position = self.0.document().text_pos_at(self.0.range().start);
        Position {
            line: position.row,
            column: position.col,
        }
    }

    fn elements(self) -> impl Iterator<Item = Element<'a, 'input>> {
        self.0.children().filter(Node::is_element).map(Element)
    }

    fn find(self, name: &str) -> Option<Self> {
        self.elements().find(|e| e.name() == name)
    }

    fn child(self, name: &'static str) -> Result<Self, CascadeError> {
        self.find(name).ok_or_else(|| CascadeError::Missing {
            element: name,
            parent: self.name().to_owned(),
            at: self.at(),
        })
    }

    fn text(self) -> &'a str {
        self.0.text().unwrap_or_default().trim()
    }

    fn words(self) -> impl Iterator<Item = &'a str> {
        self.text().split_ascii_whitespace()
    }

    /// The elements of a list, of which there must be one at least and `most` at most.
    fn list(self, what: &str, most: usize) -> Result<Vec<Self>, CascadeError> {
        let found = self.elements().count();
        if found == 0 || found > most {
            return Err(self.count(format!("1 to {most} {what}"), found));
        }
        Ok(self.elements().collect())
    }

    fn count(self, expected: String, found: usize) -> CascadeError {
        CascadeError::Count {
            expected,
            element: self.name().to_owned(),
            found,
            at: self.at(),
        }
    }

    fn number(self, expected: &'static str, found: &str) -> CascadeError {
        CascadeError::Number {
            expected,
            element: self.name().to_owned(),
            found: shortened(found),
            at: self.at(),
        }
    }

    /// A finite number, read in double precision and rounded after that, as `OpenCV` does.
    fn real(self, word: &str) -> Result<f32, CascadeError> {
        let value = word.parse::<f64>().map(|v| v as f32);
        match value {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(self.number("a finite number", word)),
        }
    }

    fn whole(self, word: &str) -> Result<i32, CascadeError> {
        word.parse()
            .map_err(|_| self.number("a whole number of 32 bits", word))
    }

    fn unsupported(self, expected: &'static str) -> CascadeError {
        CascadeError::Unsupported {
            expected,
            found: shortened(self.text()),
            at: self.at(),
        }
    }

    /// That this is a boosted cascade of Haar features in the new format.
    fn check_kind(self, root: Node<'_, '_>) -> Result<(), CascadeError> {
        let type_id = self.0.attribute("type_id").unwrap_or_default();
        // Old files have a size in one text where new ones have width and height.
        if type_id == "opencv-haar-classifier"
            || (self.find("size").is_some() && self.find("stageType").is_none())
        {
            return Err(CascadeError::OldFormat { at: self.at() });
        }
        let is_cascade = root.has_tag_name("opencv_storage") && self.find("stageType").is_some();
        if !is_cascade {
            return Err(CascadeError::NotACascade {
                found: shortened(self.name()),
                at: self.at(),
            });
        }
        let stage_type = self.child("stageType")?;
        if stage_type.text() != "BOOST" {
            return Err(stage_type.unsupported("stages of type BOOST"));
        }
        let feature_type = self.child("featureType")?;
        if feature_type.text() != "HAAR" {
            return Err(feature_type.unsupported("features of type HAAR"));
        }
        // Categories belong to LBP features; with them, nodes are read differently.
        let categories = self.child("featureParams")?.child("maxCatCount")?;
        if categories.text() != "0" {
            return Err(categories.unsupported("no categories"));
        }
        Ok(())
    }

    fn side(self, name: &'static str) -> Result<u32, CascadeError> {
        // Variances are taken inside of a border of one pixel.
        const EXPECTED: &str = "a side of 3 to 128 pixels";
        let element = self.child(name)?;
        let side = element.text().parse::<u32>().ok();
        side.filter(|side| (3..=MAX_WINDOW).contains(side))
            .ok_or_else(|| element.number(EXPECTED, element.text()))
    }

    fn features(self, width: u32, height: u32) -> Result<Vec<Feature>, CascadeError> {
        let features = self.list("features", MAX_NODES)?;
        let features = features.into_iter().map(|f| f.feature(width, height));
        features.collect()
    }

    fn feature(self, width: u32, height: u32) -> Result<Feature, CascadeError> {
        let tilted = match self.find("tilted") {
            Some(element) => element.whole(element.text())? != 0,
            None => false,
        };
        let rectangles = self.child("rects")?.list("rectangles", MAX_RECTANGLES)?;
        let rectangles = rectangles.into_iter();
        Ok(Feature {
            tilted,
            rectangles: rectangles
                .map(|r| r.rectangle(tilted, width, height))
                .collect::<Result<_, _>>()?,
        })
    }

    fn rectangle(self, tilted: bool, width: u32, height: u32) -> Result<Rectangle, CascadeError> {
        let words: Vec<&str> = self.words().take(6).collect();
        let [x, y, w, h, weight] = words[..] else {
            let found = self.words().count();
            return Err(self.count("5 numbers".to_owned(), found));
        };
        // OpenCV also writes these as "3." and "-1.".
        let side = |word: &str| -> Result<i64, CascadeError> {
            let value = self.real(word)?;
            if value.fract() == 0.0 && value.abs() <= 1e6 {
                Ok(value as i64)
            } else {
                Err(self.number("a whole number of pixels", word))
            }
        };
        let (x, y, w, h) = (side(x)?, side(y)?, side(w)?, side(h)?);
        let weight = self.real(weight)?;
        let (left, right, bottom) = if tilted {
            (x - h, x + w, y + w + h)
        } else {
            (x, x + w, y + h)
        };
        let is_inside = left >= 0
            && y >= 0
            && w > 0
            && h > 0
            && right <= i64::from(width)
            && bottom <= i64::from(height);
        if !is_inside {
            return Err(CascadeError::Rectangle {
                window_width: width,
                window_height: height,
                found: shortened(self.text()),
                at: self.at(),
            });
        }
        Ok(Rectangle {
            left: x as u32,
            top: y as u32,
            width: w as u32,
            height: h as u32,
            weight,
        })
    }

    fn stages(self, n_features: usize) -> Result<Vec<Stage>, CascadeError> {
        let mut n_nodes = 0;
        let mut stages = Vec::new();
        for stage in self.list("stages", MAX_STAGES)? {
            let threshold = stage.child("stageThreshold")?;
            let threshold = threshold.real(threshold.text())? - STAGE_EPSILON;
            let classifiers = stage.child("weakClassifiers")?;
            let mut trees = Vec::new();
            for tree in classifiers.list("trees", MAX_NODES)? {
                let tree = tree.tree(n_features)?;
                n_nodes += tree.nodes.len();
                if n_nodes > MAX_NODES {
                    return Err(self.count(format!("at most {MAX_NODES} nodes"), n_nodes));
                }
                trees.push(tree);
            }
            stages.push(Stage { threshold, trees });
        }
        Ok(stages)
    }

    fn tree(self, n_features: usize) -> Result<Tree, CascadeError> {
        let element = self.child("internalNodes")?;
        let n_words = element.words().take(4 * MAX_TREE_NODES + 1).count();
        if n_words == 0 || !n_words.is_multiple_of(4) || n_words > 4 * MAX_TREE_NODES {
            let expected = format!("4 numbers for each of 1 to {MAX_TREE_NODES} nodes");
            return Err(element.count(expected, element.words().count()));
        }
        let mut nodes = Vec::with_capacity(n_words / 4);
        let mut words = element.words();
        while let (Some(left), Some(right), Some(feature), Some(threshold)) =
            (words.next(), words.next(), words.next(), words.next())
        {
            let index = element.whole(feature)?;
            let feature = usize::try_from(index).ok().filter(|i| *i < n_features);
            nodes.push(TreeNode {
                left: element.whole(left)?,
                right: element.whole(right)?,
                feature: feature.ok_or_else(|| {
                    element.reference(nodes.len(), "feature", index, "which is not there")
                })?,
                threshold: element.real(threshold)?,
            });
        }
        let values = self.child("leafValues")?;
        let n_leaves = values.words().count();
        if n_leaves != nodes.len() + 1 {
            let expected = format!("{} leaves", nodes.len() + 1);
            return Err(values.count(expected, n_leaves));
        }
        let leaves = values.words().map(|word| values.real(word));
        let tree = Tree {
            leaves: leaves.collect::<Result<_, _>>()?,
            nodes,
        };
        element.check_tree(&tree)?;
        Ok(tree)
    }

    /// That following the children from the root ends at a leaf, whatever way is taken: no node is
    /// reached twice.
    fn check_tree(self, tree: &Tree) -> Result<(), CascadeError> {
        let mut reached = vec![false; tree.nodes.len()];
        let mut to_visit = vec![0];
        reached[0] = true;
        while let Some(place) = to_visit.pop() {
            for child in [tree.nodes[place].left, tree.nodes[place].right] {
                let index = child.unsigned_abs() as usize;
                let (what, why) = if child <= 0 {
                    if index < tree.leaves.len() {
                        continue;
                    }
                    ("leaf", "which is not there")
                } else if index >= tree.nodes.len() {
                    ("node", "which is not there")
                } else if reached[index] {
                    ("node", "which was reached before")
                } else {
                    reached[index] = true;
                    to_visit.push(index);
                    continue;
                };
                return Err(self.reference(place, what, child, why));
            }
        }
        Ok(())
    }

    fn reference(
        self,
        node: usize,
        what: &'static str,
        index: i32,
        why: &'static str,
    ) -> CascadeError {
        CascadeError::Reference {
            node,
            what,
            index: i64::from(index),
            why,
            at: self.at(),
        }
    }
}

/// The beginning of a text from a file, for a message.
fn shortened(text: &str) -> String {
    const MAX_CHARS: usize = 40;
    let mut start: String = text.chars().take(MAX_CHARS).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}
