//! Turning pictures upright, as their metadata asks.

use super::Image;

/// How the stored rows must be turned, as EXIF and TIFF number it (tag 0x0112).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Orientation {
    /// 1: as stored. Also every number that the standard does not define, such as 0.
    #[default]
    Upright = 1,
    /// 2: mirrored left to right.
    MirrorHorizontally = 2,
    /// 3: turned by 180°.
    Rotate180 = 3,
    /// 4: mirrored top to bottom.
    MirrorVertically = 4,
    /// 5: mirrored along the diagonal from the top-left corner.
    Transpose = 5,
    /// 6: to be turned by 90° clockwise.
    Rotate90 = 6,
    /// 7: mirrored along the diagonal from the top-right corner.
    Transverse = 7,
    /// 8: to be turned by 270° clockwise.
    Rotate270 = 8,
}

impl Orientation {
    const ALL: [Self; 8] = [
        Self::Upright,
        Self::MirrorHorizontally,
        Self::Rotate180,
        Self::MirrorVertically,
        Self::Transpose,
        Self::Rotate90,
        Self::Transverse,
        Self::Rotate270,
    ];

    /// The orientation of a number of the standard, 1 to 8.
    pub(super) fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|o| *o as u32 == number)
    }

    /// What EXIF asks, else what XMP asks, else upright.
    pub(super) fn of(exif: Option<&[u8]>, xmp: Option<&[u8]>) -> Self {
        exif.and_then(from_exif)
            .or_else(|| xmp.and_then(from_xmp))
            .unwrap_or_default()
    }
}

/// The orientation in an EXIF block, with or without the marker `Exif\0\0` that some writers of
/// PNG and WebP leave in front of it.
fn from_exif(block: &[u8]) -> Option<Orientation> {
    const TAG: u32 = 0x0112;
    const LONG: u32 = 4;
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let little = match block.get(..2)? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let number = |offset: usize, len: usize| -> Option<u32> {
        let bytes = block.get(offset..offset.checked_add(len)?)?;
        let push = |value: u32, byte: &u8| value << 8 | u32::from(*byte);
        Some(if little {
            bytes.iter().rev().fold(0, push)
        } else {
            bytes.iter().fold(0, push)
        })
    };
    let directory = number(4, 4)? as usize;
    let entries = number(directory, 2)? as usize;
    // Each entry: tag (2 bytes), type (2), count (4), value (4).
    (0..entries)
        .map_while(|i| directory.checked_add(2 + 12 * i))
        .map_while(|entry| Some((entry, number(entry, 2)?)))
        .find(|(_, tag)| *tag == TAG)
        .and_then(|(entry, _)| {
            let len = if number(entry + 2, 2)? == LONG { 4 } else { 2 };
            Orientation::from_number(number(entry + 8, len)?)
        })
}

/// The orientation in an XMP packet, written as an attribute or as an element.
fn from_xmp(packet: &[u8]) -> Option<Orientation> {
    let text = String::from_utf8_lossy(packet);
    let (_, rest) = text.split_once("tiff:Orientation")?;
    let digit = rest
        .trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '=' | '"' | '\'' | '>'))
        .chars()
        .next()?;
    Orientation::from_number(digit.to_digit(10)?)
}

impl Image {
    /// The picture turned upright.
    pub(super) fn oriented(self, orientation: Orientation) -> Self {
        /// Blocks keep the lines of both pictures in the cache while rows become columns.
        const BLOCK: usize = 32;
        if orientation == Orientation::Upright {
            return self;
        }
        let (width, height) = (self.width as usize, self.height as usize);
        let (source, _) = self.pixels.as_chunks::<3>();
        let mut turned = vec![0; self.pixels.len()];
        let (target, _) = turned.as_chunks_mut::<3>();
        let (right, bottom) = (width - 1, height - 1);
        let swaps = orientation as u32 > 4;
        let (new_width, new_height) = if swaps {
            (height, width)
        } else {
            (width, height)
        };

        // Where the target's pixel (x, y) lies in the source.
        let index = |x: usize, y: usize| match orientation {
            Orientation::Upright => y * width + x,
            Orientation::MirrorHorizontally => y * width + right - x,
            Orientation::Rotate180 => (bottom - y) * width + right - x,
            Orientation::MirrorVertically => (bottom - y) * width + x,
            Orientation::Transpose => x * width + y,
            Orientation::Rotate90 => (bottom - x) * width + y,
            Orientation::Transverse => (bottom - x) * width + right - y,
            Orientation::Rotate270 => x * width + right - y,
        };
        for top in (0..new_height).step_by(BLOCK) {
            for left in (0..new_width).step_by(BLOCK) {
                for y in top..new_height.min(top + BLOCK) {
                    for x in left..new_width.min(left + BLOCK) {
                        target[y * new_width + x] = source[index(x, y)];
                    }
                }
            }
        }
        Self {
            width: new_width as u32,
            height: new_height as u32,
            pixels: turned,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rows of three pixels, named by their red value.
    fn letters(width: u32, rows: &str) -> Image {
        let pixels = rows.bytes().flat_map(|b| [b, 0, 0]).collect::<Vec<_>>();
        Image::from_rgb(width, (pixels.len() / 3) as u32 / width, pixels).unwrap()
    }

    #[test]
    fn all_eight_orientations_turn_upright() {
        for (number, width, expected) in [
            (1, 3, "abcdef"),
            (2, 3, "cbafed"),
            (3, 3, "fedcba"),
            (4, 3, "defabc"),
            (5, 2, "adbecf"),
            (6, 2, "daebfc"),
            (7, 2, "fcebda"),
            (8, 2, "cfbead"),
        ] {
            let orientation = Orientation::from_number(number).unwrap();
            let turned = letters(3, "abcdef").oriented(orientation);
            assert!(turned == letters(width, expected), "{number}");
        }
    }

    #[test]
    fn large_pictures_turn_back_to_what_they_were() {
        let pixels = (0..101 * 67 * 3).map(|i| (i * 7 % 251) as u8).collect();
        let picture = Image::from_rgb(101, 67, pixels).unwrap();
        for (there, back) in [(2, 2), (3, 3), (4, 4), (5, 5), (6, 8), (7, 7), (8, 6)] {
            let turned = [there, back]
                .iter()
                .fold(picture.clone(), |picture, number| {
                    picture.oriented(Orientation::from_number(*number).unwrap())
                });
            assert!(turned == picture, "{there} then {back}");
        }
    }

    fn exif(little: bool, kind: u16, value: u32) -> Vec<u8> {
        let two = |v: u16| {
            if little {
                v.to_le_bytes()
            } else {
                v.to_be_bytes()
            }
        };
        let four = |v: u32| {
            if little {
                v.to_le_bytes()
            } else {
                v.to_be_bytes()
            }
        };
        let mut block = if little {
            b"II".to_vec()
        } else {
            b"MM".to_vec()
        };
        block.extend(two(42));
        block.extend(four(8));
        block.extend(two(1));
        block.extend(two(0x0112));
        block.extend(two(kind));
        block.extend(four(1));
        if kind == 4 {
            block.extend(four(value));
        } else {
            block.extend(two(value as u16));
            block.extend(two(0));
        }
        block
    }

    #[test]
    fn exif_is_read_in_both_byte_orders() {
        for little in [true, false] {
            for kind in [3, 4] {
                let block = exif(little, kind, 6);
                assert_eq!(from_exif(&block), Some(Orientation::Rotate90));
                let marked = [b"Exif\0\0".as_slice(), &block].concat();
                assert_eq!(from_exif(&marked), Some(Orientation::Rotate90));
                assert_eq!(from_exif(&block[..block.len() - 4]), None);
            }
            for undefined in [0, 9, 255, 65535] {
                assert_eq!(from_exif(&exif(little, 3, undefined)), None);
            }
        }
        assert_eq!(from_exif(b""), None);
        assert_eq!(from_exif(b"II*\0\xff\xff\xff\xff"), None);
    }

    #[test]
    fn xmp_is_asked_when_exif_is_silent() {
        let attribute: &[u8] = b"<rdf:Description tiff:Orientation=\"3\"/>";
        let element: &[u8] = b"<tiff:Orientation>8</tiff:Orientation>";
        assert_eq!(
            Orientation::of(None, Some(attribute)),
            Orientation::Rotate180
        );
        assert_eq!(Orientation::of(None, Some(element)), Orientation::Rotate270);
        assert_eq!(
            Orientation::of(Some(&exif(true, 3, 6)), Some(attribute)),
            Orientation::Rotate90
        );
        assert_eq!(Orientation::of(None, None), Orientation::Upright);
    }
}
