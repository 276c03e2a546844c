//! Haar cascades (Viola and Jones 2001; tilted features by Lienhart and Maydt 2002): objects such as
//! faces or eyes found by sums of rectangles, without a network.
//!
//! Hits equal those of `CascadeClassifier.detectMultiScale`, `detectMultiScale2` and `detectMultiScale3`
//! of `OpenCV` 4.14 on the same grey pixels, one for one and in the same order as on one thread
//! there: `cargo test -p prosopon --test haar -- --nocapture` prints the counts. That holds
//! for every width of window that `OpenCV` ships; LBP and HOG cascades and files in the format before
//! `OpenCV` 2 are refused.

mod error;
mod group;
mod scale;
mod scan;
mod table;
mod xml;

use super::gray::GrayImage;

pub use error::{CascadeError, Position};

/// A trained cascade, ready to search pictures; shared by all threads.
///
/// # Examples
/// ```no_run
/// use prosopon::classic::GrayImage;
/// use prosopon::classic::haar::{Cascade, MultiScale};
///
/// let xml = std::fs::read_to_string("haarcascade_frontalface_default.xml")?;
/// let cascade = Cascade::from_xml(&xml)?;
/// let picture = GrayImage::new(640, 480, vec![0; 640 * 480]).expect("640 × 480 pixels");
/// for hit in cascade.detect_multi_scale(&picture, &MultiScale::default()) {
///     println!("{} × {} at {}, {}", hit.width, hit.height, hit.left, hit.top);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Cascade {
    window: (u32, u32),
    /// For steps of one pixel and of two.
    tables: [table::Table; 2],
}

/// At which sizes to search, and what counts as a hit. The defaults are those of `OpenCV`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MultiScale {
    /// From one size to the next, over 1; with any other number only the smallest size is searched.
    pub scale_factor: f64,
    /// How many windows on each other make a hit: more than this. With 0 every window is a hit.
    pub min_neighbors: u32,
    /// Smallest width and height of a hit, in pixels; the cascade's window if none.
    pub min_size: Option<(u32, u32)>,
    /// Largest width and height of a hit, in pixels; the picture if none.
    pub max_size: Option<(u32, u32)>,
}

impl Default for MultiScale {
    fn default() -> Self {
        Self {
            scale_factor: 1.1,
            min_neighbors: 3,
            min_size: None,
            max_size: None,
        }
    }
}

/// Where a cascade found something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CascadeHit {
    /// Left edge in pixels of the picture.
    pub left: u32,
    /// Upper edge in pixels of the picture.
    pub top: u32,
    /// Width in pixels of the picture.
    pub width: u32,
    /// Height in pixels of the picture.
    pub height: u32,
    /// How many windows it was put together from.
    pub neighbors: u32,
    /// How many stages the best window passed: all, as only those are hits. `OpenCV`'s
    /// `rejectLevels`.
    pub reject_level: u32,
    /// What the trees of the last stage add up to in the best window; higher is surer. Its range
    /// is the cascade's own. `OpenCV`'s `levelWeights`.
    pub level_weight: f64,
}

impl Cascade {
    /// Reads a cascade in the format of `OpenCV` since version 2.
    ///
    /// # Errors
    /// A [`CascadeError`] that says what is wrong, and where, if this is no such file or one that
    /// cannot be used. What lies beyond the limits of any real cascade is refused too: 16 MB, windows of
    /// 128 pixels, 200,000 nodes.
    pub fn from_xml(text: &str) -> Result<Self, CascadeError> {
        let description = xml::read(text)?;
        Ok(Self {
            window: (description.width, description.height),
            tables: [1, 2].map(|step| table::Table::new(&description, step)),
        })
    }

    /// Width and height of the window that it was trained on: the smallest hits, in pixels.
    pub fn window(&self) -> (u32, u32) {
        self.window
    }

    /// How many stages a window has to pass.
    pub fn n_stages(&self) -> usize {
        self.tables[0].n_stages()
    }

    /// Finds the objects in `image`, at all sizes that `options` allow.
    ///
    /// Small sizes come first and, among groups of windows, those whose first window was found first.
    /// Nothing is an empty vector. Runs on rayon's threads; the answer does not depend on how many.
    pub fn detect_multi_scale(&self, image: &GrayImage, options: &MultiScale) -> Vec<CascadeHit> {
        let size = (image.width(), image.height());
        let scales = scale::scales(size, self.window, options);
        let windows = scan::scan(self, image, &scales);
        group::clip(group::group(windows, options.min_neighbors), size)
    }

    fn table(&self, step: usize) -> &table::Table {
        &self.tables[usize::from(step > 1)]
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
