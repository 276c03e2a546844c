//! Colours that readers with any colour vision can tell apart.

use std::fmt;

/// A colour on the screen (sRGB); written as `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color {
    rgb: [u8; 3],
}

/// Text and axes.
pub const INK: Color = Color::rgb(0x22, 0x26, 0x2e);
/// Notes and lines that stand back.
pub const GREY: Color = Color::rgb(0x5c, 0x63, 0x6e);
/// Grids.
pub const PALE: Color = Color::rgb(0xe2, 0xe5, 0xea);
/// The ground of every figure.
pub const PAPER: Color = Color::rgb(0xff, 0xff, 0xff);

/// Colours for up to seven kinds of thing, then grey (Okabe and Ito 2008, "Color universal design";
/// the yellow comes last, since it is faint on paper).
pub const CATEGORIES: [Color; 8] = [
    Color::rgb(0x00, 0x72, 0xb2),
    Color::rgb(0xd5, 0x5e, 0x00),
    Color::rgb(0x00, 0x9e, 0x73),
    Color::rgb(0xcc, 0x79, 0xa7),
    Color::rgb(0x56, 0xb4, 0xe9),
    Color::rgb(0xe6, 0x9f, 0x00),
    Color::rgb(0xf0, 0xe4, 0x42),
    GREY,
];

/// The map "cividis", whose lightness rises evenly for normal and colour-blind eyes alike (Nuñez,
/// Anderton and Renslow 2018), at nine even steps.
const CIVIDIS: [Color; 9] = [
    Color::rgb(0x00, 0x22, 0x4e),
    Color::rgb(0x12, 0x35, 0x70),
    Color::rgb(0x3b, 0x49, 0x6c),
    Color::rgb(0x57, 0x5d, 0x6d),
    Color::rgb(0x70, 0x71, 0x73),
    Color::rgb(0x8a, 0x86, 0x78),
    Color::rgb(0xa5, 0x9c, 0x74),
    Color::rgb(0xc3, 0xb3, 0x69),
    Color::rgb(0xfe, 0xe8, 0x38),
];

impl Color {
    /// A colour from its red, green and blue.
    pub const fn rgb(red: u8, green: u8, blue: u8) -> Self {
        Self {
            rgb: [red, green, blue],
        }
    }

    /// The colour of kind `i`; after seven kinds they begin again.
    pub fn category(i: usize) -> Self {
        CATEGORIES[i % 7]
    }

    /// Lightness from 0 (black) to 1, as the eye weighs red, green and blue (ITU-R BT.709).
    pub fn lightness(self) -> f32 {
        let [r, g, b] = self.rgb.map(f32::from);
        (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255.0
    }

    /// [`INK`] or [`PAPER`], whichever can be read on this colour.
    #[must_use]
    pub fn text_on(self) -> Self {
        if self.lightness() > 0.45 { INK } else { PAPER }
    }
}

/// The colour of a quantity from 0 (dark blue) to 1 (yellow); values outside are clamped.
pub fn sequential(share: f32) -> Color {
    let at = share.clamp(0.0, 1.0) * (CIVIDIS.len() - 1) as f32;
    let low = (at as usize).min(CIVIDIS.len() - 2);
    let rest = at - low as f32;
    let (a, b) = (CIVIDIS[low].rgb, CIVIDIS[low + 1].rgb);
    let mix = |i: usize| (f32::from(a[i]) * (1.0 - rest) + f32::from(b[i]) * rest).round() as u8;
    Color::rgb(mix(0), mix(1), mix(2))
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.rgb;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_begins_and_ends_where_it_should_and_grows_lighter() {
        assert_eq!(sequential(0.0).to_string(), "#00224e");
        assert_eq!(sequential(1.0).to_string(), "#fee838");
        assert_eq!(sequential(f32::NAN.max(2.0)), sequential(1.0));
        let lightness: Vec<f32> = (0..=100)
            .map(|i| sequential(i as f32 / 100.0).lightness())
            .collect();
        assert!(lightness.windows(2).all(|w| w[0] <= w[1] + 1e-3));
    }

    #[test]
    fn text_contrasts_with_its_ground() {
        assert_eq!(PAPER.text_on(), INK);
        assert_eq!(sequential(0.0).text_on(), PAPER);
    }
}
