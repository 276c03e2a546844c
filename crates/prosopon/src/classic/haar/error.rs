//! Why a file is no cascade that can be used.

use std::fmt;

/// A place in a file; both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a text is no cascade that can be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CascadeError {
    /// The text is longer than any cascade.
    #[error("expected a cascade of at most {limit} bytes, found {bytes}")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// What is accepted.
        limit: usize,
    },
    /// The text is no XML, is cut short, declares entities or has too many nodes.
    #[error("not a readable XML file: {0}")]
    Xml(#[from] roxmltree::Error),
    /// XML of something else.
    #[error("expected a cascade below <opencv_storage>, found <{found}> ({at})")]
    NotACascade {
        /// The element in its place.
        found: String,
        /// Where.
        at: Position,
    },
    /// A cascade in the format that `OpenCV` wrote before version 2.
    #[error("the cascade is in the old format of haartraining ({at})")]
    OldFormat {
        /// Where.
        at: Position,
    },
    /// A cascade of another kind.
    #[error("expected {expected}, found `{found}` ({at})")]
    Unsupported {
        /// What can be used.
        expected: &'static str,
        /// What the file says.
        found: String,
        /// Where.
        at: Position,
    },
    /// Something is not there.
    #[error("<{element}> is missing in <{parent}> ({at})")]
    Missing {
        /// What.
        element: &'static str,
        /// Where it should be.
        parent: String,
        /// Where that begins.
        at: Position,
    },
    /// A text that should be a number.
    #[error("expected {expected} in <{element}>, found `{found}` ({at})")]
    Number {
        /// Which numbers are meaningful there.
        expected: &'static str,
        /// The element around it.
        element: String,
        /// The text, shortened.
        found: String,
        /// Where the element begins.
        at: Position,
    },
    /// Too few or too many of something.
    #[error("expected {expected} in <{element}>, found {found} ({at})")]
    Count {
        /// How many of what.
        expected: String,
        /// Where they are.
        element: String,
        /// How many there are.
        found: usize,
        /// Where the element begins.
        at: Position,
    },
    /// A rectangle that is empty or not inside of the window.
    #[error(
        "expected a rectangle inside of the window of {window_width} × {window_height}, found `{found}` ({at})"
    )]
    Rectangle {
        /// Width of the cascade's window.
        window_width: u32,
        /// Height of the cascade's window.
        window_height: u32,
        /// The rectangle as the file has it.
        found: String,
        /// Where.
        at: Position,
    },
    /// A node that refers to a feature, a node or a leaf that is not there, or to one that was
    /// reached before.
    #[error("node {node} of a tree refers to {what} {index}, {why} ({at})")]
    Reference {
        /// The node's place in its tree, from 0.
        node: usize,
        /// Feature, node or leaf.
        what: &'static str,
        /// The one it refers to.
        index: i64,
        /// What is wrong with it.
        why: &'static str,
        /// Where the tree's nodes begin.
        at: Position,
    },
}
