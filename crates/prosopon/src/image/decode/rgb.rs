//! Samples of any layout into RGB bytes.
//!
//! Alpha is blended over white: what lies under transparent pixels is often noise that nobody has
//! seen, and white is what most viewers show. Colour profiles are not applied, as in most
//! face-recognition pipelines that the networks were trained with.

/// How many samples a pixel has, and what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channels {
    Gray,
    GrayAlpha,
    Rgb,
    Rgba,
    /// Colours already multiplied by the opacity that follows.
    RgbaPremultiplied,
    /// Luminance and two colour differences, full range (JFIF).
    YCbCr,
    /// Ink: 0 leaves the paper white.
    Cmyk,
}

impl Channels {
    pub(super) fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::GrayAlpha => 2,
            Self::Rgb | Self::YCbCr => 3,
            Self::Rgba | Self::RgbaPremultiplied | Self::Cmyk => 4,
        }
    }
}

/// RGB from 8-bit samples.
pub(super) fn rgb_from_u8(samples: Vec<u8>, channels: Channels) -> Vec<u8> {
    match channels {
        Channels::Rgb => samples,
        Channels::Gray => samples.iter().flat_map(|v| [*v; 3]).collect(),
        Channels::GrayAlpha => pixels(&samples, |[v, a]: [u8; 2]| [over_white(v, a); 3]),
        Channels::Rgba => pixels(&samples, |[r, g, b, a]: [u8; 4]| {
            if a == u8::MAX {
                [r, g, b]
            } else {
                [r, g, b].map(|v| over_white(v, a))
            }
        }),
        Channels::RgbaPremultiplied => pixels(&samples, |[r, g, b, a]: [u8; 4]| {
            [r, g, b].map(|v| v.saturating_add(u8::MAX - a))
        }),
        Channels::YCbCr => pixels(&samples, rgb_from_ycbcr),
        Channels::Cmyk => pixels(&samples, |[c, m, y, k]: [u8; 4]| {
            [c, m, y].map(|ink| product(u8::MAX - ink, u8::MAX - k))
        }),
    }
}

/// RGB from samples of any type; `to_unit` maps them to 0 ..= 1, values outside are clamped.
pub(super) fn rgb_from<T: Copy>(
    samples: &[T],
    channels: Channels,
    to_unit: impl Fn(T) -> f32,
) -> Vec<u8> {
    let bytes = samples
        .iter()
        // `as` saturates and turns NaN into 0.
        .map(|v| (to_unit(*v) * 255.0).round() as u8)
        .collect();
    rgb_from_u8(bytes, channels)
}

fn pixels<const N: usize>(samples: &[u8], rgb: impl Fn([u8; N]) -> [u8; 3]) -> Vec<u8> {
    let (pixels, _) = samples.as_chunks::<N>();
    pixels.iter().flat_map(|pixel| rgb(*pixel)).collect()
}

/// ITU-R BT.601 with full range, as JFIF defines it.
fn rgb_from_ycbcr([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    // `as` saturates.
    [
        y + 1.402 * cr,
        y - 0.344_136 * cb - 0.714_136 * cr,
        y + 1.772 * cb,
    ]
    .map(|v| v.round() as u8)
}

/// `value` with opacity `alpha` on white.
fn over_white(value: u8, alpha: u8) -> u8 {
    u8::MAX - product(u8::MAX - value, alpha)
}

/// `a · b / 255`, rounded.
fn product(a: u8, b: u8) -> u8 {
    ((u32::from(a) * u32::from(b) + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_becomes_rgb() {
        for (channels, samples, expected) in [
            (Channels::Gray, vec![7], [7; 3]),
            (Channels::GrayAlpha, vec![0, 255], [0; 3]),
            (Channels::GrayAlpha, vec![0, 51], [204; 3]),
            (Channels::Rgb, vec![1, 2, 3], [1, 2, 3]),
            (Channels::Rgba, vec![1, 2, 3, 255], [1, 2, 3]),
            (Channels::Rgba, vec![1, 2, 3, 0], [255; 3]),
            (
                Channels::RgbaPremultiplied,
                vec![100, 0, 50, 100],
                [255, 155, 205],
            ),
            (Channels::YCbCr, vec![200, 128, 128], [200; 3]),
            (Channels::YCbCr, vec![76, 85, 255], [254, 0, 0]),
            (Channels::Cmyk, vec![0, 0, 0, 0], [255; 3]),
            (Channels::Cmyk, vec![255, 0, 0, 0], [0, 255, 255]),
            (Channels::Cmyk, vec![0, 0, 0, 204], [51; 3]),
        ] {
            assert_eq!(samples.len(), channels.count());
            assert_eq!(rgb_from_u8(samples, channels), expected, "{channels:?}");
        }
    }

    #[test]
    fn samples_are_scaled_not_cut() {
        let unit = |v: u16| f32::from(v) / 65535.0;
        assert_eq!(
            rgb_from(&[0, 32768, 65535], Channels::Rgb, unit),
            [0, 128, 255]
        );
        let floats = [f32::NAN, -1.0, 2.0];
        assert_eq!(rgb_from(&floats, Channels::Rgb, |v| v), [0, 0, 255]);
    }
}
