//! One line of text, set in the one font that the crate carries.

use ab_glyph::{Font, Glyph, PxScale, ScaleFont, point};

use crate::font::font;

/// Letters below this height cannot be read.
const SMALLEST: f32 = 8.0;

/// A line of text, ready to draw.
pub(super) struct Text {
    glyphs: Vec<Glyph>,
    /// Width in pixels.
    pub(super) width: i32,
    /// Height of the line in pixels.
    pub(super) height: i32,
    /// From the top of the line to the baseline, in pixels.
    pub(super) ascent: f32,
}

/// `label` with letters `height` pixels high, made smaller and then shorter until `room` is enough.
pub(super) fn fitting(label: &str, height: f32, room: f32) -> Text {
    let whole = Text::set(label, height);
    if whole.width as f32 <= room {
        return whole;
    }
    let smaller = (height * room / whole.width as f32).max(SMALLEST);
    let mut kept: Vec<char> = label.chars().collect();
    let mut text = Text::set(label, smaller);
    while text.width as f32 > room && !kept.is_empty() {
        // At first in large steps, since labels may be anything.
        let over = (text.width as f32 - room) / text.width as f32;
        let drop = (over * kept.len() as f32 * 0.9) as usize;
        kept.truncate(kept.len().saturating_sub(drop.max(1)));
        let short: String = kept.iter().chain(&['…']).collect();
        text = Text::set(&short, smaller);
    }
    text
}

impl Text {
    fn set(label: &str, height: f32) -> Self {
        let mut text = Self {
            glyphs: Vec::new(),
            width: 0,
            height: height.ceil() as i32,
            ascent: height,
        };
        let Some(font) = font() else { return text };
        let font = font.as_scaled(PxScale::from(height));
        let mut x = 0.0;
        for letter in label.chars() {
            let letter = if letter.is_whitespace() { ' ' } else { letter };
            if letter.is_control() {
                continue;
            }
            let mut glyph = font.scaled_glyph(letter);
            if let Some(previous) = text.glyphs.last() {
                x += font.kern(previous.id, glyph.id);
            }
            glyph.position = point(x, 0.0);
            x += font.h_advance(glyph.id);
            text.glyphs.push(glyph);
        }
        text.width = x.ceil() as i32;
        text.height = font.height().ceil() as i32;
        text.ascent = font.ascent();
        text
    }

    /// Calls `blend` with each pixel and its coverage; the line starts at (`x`, `baseline`).
    pub(super) fn draw(self, x: f32, baseline: f32, mut blend: impl FnMut(i32, i32, f32)) {
        let Some(font) = font() else { return };
        for mut glyph in self.glyphs {
            glyph.position = point(x + glyph.position.x, baseline.round());
            if let Some(outline) = font.outline_glyph(glyph) {
                let corner = outline.px_bounds().min;
                outline.draw(|x, y, coverage| {
                    blend(
                        corner.x as i32 + x as i32,
                        corner.y as i32 + y as i32,
                        coverage,
                    );
                });
            }
        }
    }
}
