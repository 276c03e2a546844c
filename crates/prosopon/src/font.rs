//! The one font that the crate carries, and the room that text in it takes.

use ab_glyph::{Font, FontRef, PxScale, ScaleFont};

/// The font as a file.
///
/// It covers Latin, Greek and Cyrillic; the other fonts of that crate are left out by the linker.
pub(crate) const BYTES: &[u8] = epaint_default_fonts::UBUNTU_LIGHT;

/// The font; none only if its file were broken.
pub(crate) fn font() -> Option<FontRef<'static>> {
    FontRef::try_from_slice(BYTES).ok()
}

/// Width in pixels of a line of `text` with letters `size` pixels high, as CSS counts.
pub(crate) fn text_width(text: &str, size: f32) -> f32 {
    let Some(font) = font() else { return 0.0 };
    // CSS measures the em square, the font library from the highest to the lowest letter.
    let units = font.units_per_em().unwrap_or(1000.0);
    let scale = PxScale::from(size * font.height_unscaled() / units);
    let font = font.as_scaled(scale);
    text.chars()
        .map(|letter| font.h_advance(font.glyph_id(letter)))
        .sum()
}
