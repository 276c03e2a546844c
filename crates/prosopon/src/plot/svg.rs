//! A drawing as SVG text, and as pixels.

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use resvg::usvg::fontdb;
use resvg::{tiny_skia, usvg};

use super::PlotError;
use super::color::{Color, INK, PAPER};
use crate::font;
use crate::image::{Image, write_whole};

/// Quality of the pictures in a drawing.
const JPEG_QUALITY: u8 = 88;

/// Pixels of a drawing at most: as many as a picture may have that is read.
const MAX_PIXELS: f32 = 100e6;

/// The font's own name, and what browsers take where it is not installed.
const FAMILIES: &str = "Ubuntu, system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

/// A point in pixels of the drawing, x to the right and y down.
pub type Place = (f32, f32);

/// A rectangle in pixels of the drawing: left, top, width, height.
pub type Area = (f32, f32, f32, f32);

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// Its colour.
    pub color: Color,
    /// Its width in pixels.
    pub width: f32,
    /// Dashes instead of a whole line.
    pub dashed: bool,
}

impl Stroke {
    /// A whole line.
    pub const fn new(color: Color, width: f32) -> Self {
        Self {
            color,
            width,
            dashed: false,
        }
    }

    /// The same with dashes.
    #[must_use]
    pub const fn dashed(self) -> Self {
        Self {
            dashed: true,
            ..self
        }
    }

    fn attributes(self) -> String {
        let mut text = format!(
            "fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"",
            self.color,
            number(self.width)
        );
        if self.dashed {
            text += &format!(
                " stroke-dasharray=\"{} {}\"",
                number(self.width * 3.0),
                number(self.width * 2.5)
            );
        }
        text
    }
}

/// Which point of a line of text lies at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Anchor {
    /// Its beginning.
    #[default]
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// How text looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TextStyle {
    /// Height of the letters in pixels, as CSS counts.
    pub size: f32,
    /// Which point of the line lies at the given place, on the baseline.
    pub anchor: Anchor,
    /// Its colour.
    pub color: Color,
    /// Width in pixels of an outline in the same colour, half of which lies outside of the letters.
    pub outline: f32,
    /// Turned clockwise around its place by this angle.
    pub turn_deg: f32,
}

impl TextStyle {
    /// Letters of this size that begin at their place.
    pub const fn new(size: f32) -> Self {
        Self {
            size,
            anchor: Anchor::Start,
            color: INK,
            outline: 0.0,
            turn_deg: 0.0,
        }
    }

    /// The same at another anchor.
    #[must_use]
    pub const fn anchored(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    /// The same in another colour.
    #[must_use]
    pub const fn colored(self, color: Color) -> Self {
        Self { color, ..self }
    }

    /// The same, heavier: the font has one weight, and a thin outline makes it heavier everywhere alike.
    #[must_use]
    pub const fn bold(self) -> Self {
        self.outlined(self.size * 0.035)
    }

    /// The same with an outline, as the ground of text that lies across lines.
    #[must_use]
    pub const fn outlined(self, outline: f32) -> Self {
        Self { outline, ..self }
    }

    /// The same, turned clockwise.
    #[must_use]
    pub const fn turned(self, turn_deg: f32) -> Self {
        Self { turn_deg, ..self }
    }
}

/// Width in pixels that a line of text takes, with room for browsers' wider fonts.
pub fn text_width(text: &str, size: f32) -> f32 {
    font::text_width(text, size) * 1.08
}

/// `text`, or its two ends with an ellipsis between them, so that it is not wider than `room` pixels:
/// names of pictures differ at their end.
pub fn shortened(text: &str, size: f32, room: f32) -> Cow<'_, str> {
    if text_width(text, size) <= room {
        return Cow::Borrowed(text);
    }
    let width = |letter: char| text_width(letter.encode_utf8(&mut [0; 4]), size);
    let mut left = room - width('…');
    let mut letters = text.chars();
    let (mut head, mut tail) = (String::new(), Vec::new());
    // Three letters of the end for each two of the beginning.
    for at_end in [true, false, true, false, true].into_iter().cycle() {
        let next = if at_end {
            letters.next_back()
        } else {
            letters.next()
        };
        let Some(letter) = next else { break };
        left -= width(letter);
        if left < 0.0 {
            break;
        }
        if at_end {
            tail.push(letter);
        } else {
            head.push(letter);
        }
    }
    let tail: String = tail.into_iter().rev().collect();
    Cow::Owned(head + "…" + &tail)
}

/// A drawing: what was added later lies on top. Coordinates are pixels, origin top-left.
#[derive(Clone)]
pub struct Svg {
    width: f32,
    height: f32,
    body: String,
}

impl Svg {
    /// An empty drawing.
    pub fn new(width: f32, height: f32) -> Self {
        Self {
            width,
            height,
            body: String::new(),
        }
    }

    /// Width in pixels.
    pub fn width(&self) -> f32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> f32 {
        self.height
    }

    /// Adds a straight line.
    pub fn line(&mut self, from: Place, to: Place, stroke: Stroke) {
        self.polyline(&[from, to], stroke);
    }

    /// Adds a line through all points.
    pub fn polyline(&mut self, points: &[Place], stroke: Stroke) {
        self.body += &format!(
            "<polyline points=\"{}\" {} stroke-linejoin=\"round\"/>\n",
            list(points),
            stroke.attributes()
        );
    }

    /// Adds a filled area; `opacity` from 0 to 1.
    pub fn polygon(&mut self, points: &[Place], fill: Color, opacity: f32) {
        self.body += &format!(
            "<polygon points=\"{}\" fill=\"{fill}\" fill-opacity=\"{}\"/>\n",
            list(points),
            number(opacity)
        );
    }

    /// Adds a filled rectangle.
    pub fn rect(&mut self, area: Area, fill: Color) {
        self.body += &format!("<rect {} fill=\"{fill}\"/>\n", area_attributes(area));
    }

    /// Adds the outline of a rectangle.
    pub fn frame(&mut self, area: Area, stroke: Stroke) {
        self.body += &format!(
            "<rect {} {}/>\n",
            area_attributes(area),
            stroke.attributes()
        );
    }

    /// Adds a filled circle.
    pub fn circle(&mut self, (x, y): Place, radius: f32, fill: Color) {
        self.body += &format!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{fill}\"/>\n",
            number(x),
            number(y),
            number(radius)
        );
    }

    /// Adds a line of text; `(x, y)` lies on its baseline.
    pub fn text(&mut self, (x, y): Place, text: &str, style: &TextStyle) {
        let anchor = match style.anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let mut attributes = String::new();
        if style.turn_deg != 0.0 {
            attributes += &format!(
                " transform=\"rotate({} {} {})\"",
                number(style.turn_deg),
                number(x),
                number(y)
            );
        }
        if style.outline > 0.0 {
            attributes += &format!(
                " stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"",
                style.color,
                number(style.outline)
            );
        }
        self.body += &format!(
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\" text-anchor=\"{anchor}\" fill=\"{}\"{attributes}>{}</text>\n",
            number(x),
            number(y),
            number(style.size),
            style.color,
            escaped(text)
        );
    }

    /// Adds a picture, stretched over the area; it becomes part of the drawing as JPEG.
    ///
    /// A picture whose sides are beyond JPEG's is left out.
    pub fn picture(&mut self, image: &Image, area: Area) {
        if let Some(data) = data_url(image) {
            self.body += &format!(
                "<image {} preserveAspectRatio=\"none\" href=\"{data}\"/>\n",
                area_attributes(area)
            );
        }
    }

    /// Adds a drawing inside this one, with its corner at `(x, y)`; what lies beyond its own sides is cut
    /// off.
    pub fn append(&mut self, inner: &Self, (x, y): Place) {
        self.body += &format!(
            "<svg {}>\n{}</svg>\n",
            area_attributes((x, y, inner.width, inner.height)),
            inner.body
        );
    }

    /// The drawing as an SVG document, on white.
    pub fn to_svg(&self) -> String {
        let (width, height) = (number(self.width), number(self.height));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"{FAMILIES}\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"{PAPER}\"/>\n{}</svg>\n",
            self.body
        )
    }

    /// The drawing as pixels, `scale` pixels for each of its own.
    ///
    /// # Errors
    /// [`PlotError::TooLarge`] beyond 100 megapixels, [`PlotError::Draw`] if it cannot be drawn.
    pub fn to_image(&self, scale: f32) -> Result<Image, PlotError> {
        let (width, height) = ((self.width * scale).ceil(), (self.height * scale).ceil());
        if width * height > MAX_PIXELS {
            return Err(PlotError::TooLarge {
                width: width as u64,
                height: height as u64,
            });
        }
        let draw = |error: String| PlotError::Draw { reason: error };
        let mut options = usvg::Options {
            fontdb: fonts(),
            ..usvg::Options::default()
        };
        "Ubuntu".clone_into(&mut options.font_family);
        let tree = usvg::Tree::from_str(&self.to_svg(), &options)
            .map_err(|error| draw(error.to_string()))?;
        let mut pixels = tiny_skia::Pixmap::new(width as u32, height as u32)
            .ok_or_else(|| draw("it has no area".to_owned()))?;
        let transform = tiny_skia::Transform::from_scale(scale, scale);
        resvg::render(&tree, transform, &mut pixels.as_mut());
        // The ground is opaque, so colours are not scaled by their opacity.
        let rgb = pixels.data().as_chunks::<4>().0.iter();
        let rgb = rgb.flat_map(|&[r, g, b, _]| [r, g, b]).collect();
        Image::from_rgb(width as u32, height as u32, rgb).map_err(PlotError::Image)
    }

    /// Writes the drawing to `path`: as SVG if the name ends in `.svg`, else as pixels, two for each
    /// of its own, in the format that the ending says. The file appears whole or not at all.
    ///
    /// # Errors
    /// As [`Self::to_image`], and those of [`Image::save`].
    pub fn save(&self, path: &Path) -> Result<(), PlotError> {
        let is_svg = path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("svg"));
        if is_svg {
            write_whole(path, self.to_svg().as_bytes())
                .map_err(|source| PlotError::Write { source })
        } else {
            // Sharp on screens of any density; very large drawings keep to the limit.
            let scale = (MAX_PIXELS / (self.width * self.height))
                .sqrt()
                .clamp(0.1, 2.0);
            // A hundredth less, since sides are rounded up.
            let scale = if scale < 2.0 { scale * 0.99 } else { scale };
            self.to_image(scale)?.save(path).map_err(PlotError::Image)
        }
    }
}

/// `image` as a data URL; none if JPEG cannot hold it.
pub(crate) fn data_url(image: &Image) -> Option<String> {
    let jpeg = image.encode_jpeg(JPEG_QUALITY).ok()?;
    Some(format!("data:image/jpeg;base64,{}", BASE64.encode(jpeg)))
}

/// The one font that drawings use.
fn fonts() -> Arc<fontdb::Database> {
    static FONTS: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    let load = || {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_data(font::BYTES.to_vec());
        let family = fonts
            .faces()
            .next()
            .and_then(|face| face.families.first())
            .map(|(name, _)| name.clone());
        if let Some(family) = family {
            fonts.set_sans_serif_family(family);
        }
        Arc::new(fonts)
    };
    Arc::clone(FONTS.get_or_init(load))
}

fn area_attributes((x, y, width, height): Area) -> String {
    format!(
        "x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
        number(x),
        number(y),
        number(width.max(0.0)),
        number(height.max(0.0))
    )
}

fn list(points: &[Place]) -> String {
    let points: Vec<String> = points
        .iter()
        .map(|&(x, y)| format!("{},{}", number(x), number(y)))
        .collect();
    points.join(" ")
}

/// With two digits after the point, and without needless ones; what is no number becomes 0.
fn number(value: f32) -> String {
    let text = format!("{:.2}", if value.is_finite() { value } else { 0.0 });
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.to_owned()
}

/// `text` as the content of an element or attribute of XML or HTML; control characters, which XML
/// does not know, become spaces.
pub(crate) fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, letter| {
        match letter {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLUE: Color = Color::rgb(0, 0, 255);

    fn pixel(image: &Image, x: u32, y: u32) -> [u8; 3] {
        let at = ((y * image.width() + x) * 3) as usize;
        [0, 1, 2].map(|i| image.pixels()[at + i])
    }

    #[test]
    fn shapes_lie_where_they_were_put() {
        let mut svg = Svg::new(40.0, 20.0);
        svg.rect((10.0, 5.0, 10.0, 10.0), BLUE);
        let image = svg.to_image(2.0).unwrap();
        assert_eq!((image.width(), image.height()), (80, 40));
        assert_eq!(pixel(&image, 30, 20), [0, 0, 255]);
        assert_eq!(pixel(&image, 18, 20), [255; 3]);
        assert_eq!(pixel(&image, 41, 20), [255; 3]);
    }

    #[test]
    fn pictures_become_part_of_it() {
        let mut svg = Svg::new(20.0, 20.0);
        svg.picture(&Image::filled(4, 4, [200, 10, 10]), (0.0, 0.0, 10.0, 20.0));
        let image = svg.to_image(1.0).unwrap();
        let red = pixel(&image, 5, 10);
        assert!(red[0] > 190 && red[1] < 25, "{red:?}");
        assert_eq!(pixel(&image, 15, 10), [255; 3]);
    }

    #[test]
    fn text_takes_the_room_that_it_is_said_to() {
        let mut svg = Svg::new(300.0, 40.0);
        svg.text((10.0, 25.0), "Similarity 0.338", &TextStyle::new(20.0));
        let image = svg.to_image(1.0).unwrap();
        let inked = |x: u32| (0..40).any(|y| pixel(&image, x, y)[0] < 200);
        let right = (0..300).rev().find(|&x| inked(x)).unwrap() as f32;
        let width = font::text_width("Similarity 0.338", 20.0);
        assert!((right - 10.0 - width).abs() < 4.0, "{right} {width}");
    }

    #[test]
    fn text_is_escaped_and_shortened() {
        let mut svg = Svg::new(10.0, 10.0);
        svg.text((0.0, 0.0), "<a & b>\u{1}", &TextStyle::new(5.0));
        assert!(svg.to_svg().contains("&lt;a &amp; b&gt; "));
        assert!(svg.to_image(1.0).is_ok());
        assert_eq!(shortened("abc", 10.0, 100.0), "abc");
        let short = shortened("a_very_long_name_of_a_file.jpg", 10.0, 60.0);
        assert!(short.starts_with('a') && short.ends_with(".jpg"), "{short}");
        assert!(text_width(&short, 10.0) <= 60.0, "{short}");
    }

    #[test]
    fn inner_drawings_are_cut_off_at_their_sides() {
        let mut inner = Svg::new(10.0, 10.0);
        inner.rect((5.0, 0.0, 100.0, 10.0), BLUE);
        let mut svg = Svg::new(40.0, 20.0);
        svg.append(&inner, (10.0, 5.0));
        let image = svg.to_image(1.0).unwrap();
        assert_eq!(pixel(&image, 17, 10), [0, 0, 255]);
        assert_eq!(pixel(&image, 25, 10), [255; 3]);
    }

    #[test]
    fn what_is_too_large_is_refused() {
        assert!(matches!(
            Svg::new(1e6, 1e6).to_image(1.0),
            Err(PlotError::TooLarge { .. })
        ));
    }
}
