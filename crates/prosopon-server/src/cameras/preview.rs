//! What a camera sees, with boxes and names, for whoever looks at the moment. Nothing is drawn for nobody.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use prosopon::Image;
use prosopon::image::ResizeFilter;
use tokio::sync::watch;

use crate::error::{ApiError, ApiResult};

/// Viewers of a camera at a time.
const MAX_VIEWERS: usize = 8;

/// Time between two pictures of a preview: ten a second are enough to see who comes and goes.
const STEP: Duration = Duration::from_millis(100);

/// Widest preview in pixels; wider frames are made smaller.
const MAX_WIDTH: u32 = 960;

/// Quality of the JPEG, 1 to 100: a preview is looked at once.
const QUALITY: u8 = 75;

/// The newest drawn frame of a camera.
pub(crate) struct Preview {
    newest: watch::Sender<Option<Bytes>>,
    drawn: Mutex<Option<Instant>>,
}

impl Default for Preview {
    fn default() -> Self {
        Self {
            newest: watch::Sender::new(None),
            drawn: Mutex::new(None),
        }
    }
}

impl Preview {
    /// The pictures from now on; whoever holds it is a viewer.
    ///
    /// # Errors
    /// `too_many_viewers`.
    pub(crate) fn subscribe(&self) -> ApiResult<watch::Receiver<Option<Bytes>>> {
        if self.newest.receiver_count() >= MAX_VIEWERS {
            let message = format!("{MAX_VIEWERS} viewers look at this camera already");
            return Err(ApiError::new("too_many_viewers", message)
                .with_hint("close a page that shows it")
                .retry_after(5));
        }
        let mut newest = self.newest.subscribe();
        // What was drawn for others earlier may be old.
        newest.mark_unchanged();
        Ok(newest)
    }

    /// Viewers at the moment.
    pub(crate) fn n_viewers(&self) -> usize {
        self.newest.receiver_count()
    }

    /// Whether somebody looks, and the last picture was long enough ago.
    pub(crate) fn is_due(&self) -> bool {
        let drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        self.n_viewers() > 0 && drawn.is_none_or(|at| at.elapsed() >= STEP)
    }

    /// Shows a drawn frame to the viewers.
    ///
    /// # Errors
    /// Those of encoding it.
    pub(crate) fn show(&self, image: &Image) -> Result<(), prosopon::image::ImageError> {
        *self.drawn.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        let smaller;
        let image = if image.width() > MAX_WIDTH {
            let height =
                u64::from(image.height()) * u64::from(MAX_WIDTH) / u64::from(image.width());
            let height = u32::try_from(height).unwrap_or(1).max(1);
            smaller = image.resized(MAX_WIDTH, height, ResizeFilter::Area)?;
            &smaller
        } else {
            image
        };
        let jpeg = Bytes::from(image.encode_jpeg(QUALITY)?);
        self.newest.send_replace(Some(jpeg));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_due_without_viewers_and_not_too_often() {
        let preview = Preview::default();
        assert!(!preview.is_due());
        let viewer = preview.subscribe().unwrap();
        assert!(preview.is_due());
        preview.show(&Image::filled(1200, 600, [9; 3])).unwrap();
        assert!(!preview.is_due());
        let jpeg = viewer.borrow().clone().unwrap();
        let seen = Image::decode(&jpeg, &prosopon::DecodeLimits::default()).unwrap();
        assert_eq!((seen.width(), seen.height()), (960, 480));
        std::thread::sleep(STEP);
        assert!(preview.is_due());
        drop(viewer);
        assert!(!preview.is_due());
    }

    #[test]
    fn viewers_are_counted() {
        let preview = Preview::default();
        let viewers: Vec<_> = (0..MAX_VIEWERS)
            .map(|_| preview.subscribe().unwrap())
            .collect();
        assert_eq!(preview.subscribe().unwrap_err().code, "too_many_viewers");
        drop(viewers);
        assert!(preview.subscribe().is_ok());
    }
}
