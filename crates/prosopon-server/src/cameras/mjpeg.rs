//! Pictures that come one after the other in one body: parts of `multipart/x-mixed-replace`, or JPEG after JPEG.

use super::arrived::Arrived;
use crate::error::{ApiError, ApiResult};

/// Longest head of a part.
const MAX_HEAD_BYTES: usize = 8 << 10;

/// Takes a body apart as it arrives.
pub(crate) struct Pictures {
    kind: Kind,
    waiting: Arrived,
    max_bytes: usize,
}

enum Kind {
    /// The delimiter, dashes included, and what is expected next.
    Parts { delimiter: Vec<u8>, part: Part },
    /// JPEG files; whether one begins with what is there.
    Jpegs { has_begun: bool },
}

#[derive(Clone, Copy)]
enum Part {
    /// A delimiter, whatever stands before it.
    Delimiter,
    /// The rest of a head, unless the delimiter was the last.
    Head,
    /// So many bytes, or all up to the next delimiter.
    Body(Option<usize>),
    /// Nothing: the last delimiter has come, and what follows it is no part.
    End,
}

impl Pictures {
    /// For a body of this content type, with pictures of at most `max_bytes`.
    ///
    /// # Errors
    /// `unsupported_content_type`.
    pub(crate) fn of(content_type: &str, max_bytes: usize) -> ApiResult<Self> {
        let mut parts = content_type.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or("").to_ascii_lowercase();
        let kind = match media_type.as_str() {
            "multipart/x-mixed-replace" => {
                let boundary = parts.find_map(|parameter| {
                    let (name, value) = parameter.split_once('=')?;
                    name.trim()
                        .eq_ignore_ascii_case("boundary")
                        .then(|| value.trim().trim_matches('"'))
                });
                let boundary = boundary.filter(|boundary| (1..=100).contains(&boundary.len()));
                let boundary = boundary.ok_or_else(|| {
                    ApiError::new(
                        "invalid_request",
                        "expected a boundary in the content type multipart/x-mixed-replace",
                    )
                })?;
                // Some senders have the dashes in the parameter too.
                let boundary = boundary.strip_prefix("--").unwrap_or(boundary);
                Kind::Parts {
                    delimiter: format!("--{boundary}").into_bytes(),
                    part: Part::Delimiter,
                }
            }
            "image/jpeg"
            | "video/x-motion-jpeg"
            | "video/mjpeg"
            | "application/octet-stream"
            | "" => Kind::Jpegs { has_begun: false },
            other => {
                let message = format!("expected pictures, found content of type `{other}`");
                return Err(
                    ApiError::new("unsupported_content_type", message).with_hint(
                        "send multipart/x-mixed-replace or image/jpeg, or messages of a WebSocket",
                    ),
                );
            }
        };
        Ok(Self {
            kind,
            waiting: Arrived::default(),
            max_bytes,
        })
    }

    /// Takes what has arrived.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.waiting.push(bytes);
    }

    /// The next picture that is there as a whole.
    ///
    /// # Errors
    /// `body_too_large`, `invalid_request`: the rest of the body makes no sense any more.
    pub(crate) fn next(&mut self) -> ApiResult<Option<Vec<u8>>> {
        match &mut self.kind {
            Kind::Jpegs { has_begun } => {
                if !*has_begun {
                    let Some((start, _)) = self.waiting.find(&[&[0xff, 0xd8]]) else {
                        // What stands between two pictures is not ours.
                        self.waiting.skip_searched();
                        return Ok(None);
                    };
                    self.waiting.skip(start);
                    *has_begun = true;
                }
                let end = self.waiting.search(jpeg_end);
                *has_begun = end.is_none();
                self.cut(end)
            }
            Kind::Parts { delimiter, part } => match *part {
                Part::Delimiter => {
                    let Some((at, len)) = self.waiting.find(&[delimiter.as_slice()]) else {
                        self.waiting.skip_searched();
                        return Ok(None);
                    };
                    self.waiting.skip(at + len);
                    *part = Part::Head;
                    self.next()
                }
                Part::Head if self.waiting.bytes().starts_with(b"--") => {
                    *part = Part::End;
                    self.next()
                }
                Part::Head => {
                    // The first that comes: the other may stand in the picture.
                    let Some((end, blank)) = self.waiting.find(&[b"\r\n\r\n", b"\n\n"]) else {
                        return if self.waiting.len() > MAX_HEAD_BYTES {
                            let message =
                                format!("expected a part's head of at most {MAX_HEAD_BYTES} bytes");
                            Err(ApiError::new("invalid_request", message))
                        } else {
                            Ok(None)
                        };
                    };
                    *part = Part::Body(content_length(&self.waiting.bytes()[..end]));
                    self.waiting.skip(end + blank);
                    self.next()
                }
                Part::End => {
                    self.waiting.skip(self.waiting.len());
                    Ok(None)
                }
                Part::Body(Some(length)) if length > self.max_bytes => Err(self.too_large()),
                Part::Body(length) => {
                    let end = if let Some(length) = length {
                        (self.waiting.len() >= length).then_some(length)
                    } else {
                        let found = self.waiting.find(&[delimiter.as_slice()]);
                        found.map(|(at, _)| at)
                    };
                    if end.is_some() {
                        *part = Part::Delimiter;
                    }
                    self.cut(end)
                }
            },
        }
    }

    /// The first `end` bytes; an error if they will be too many.
    fn cut(&mut self, end: Option<usize>) -> ApiResult<Option<Vec<u8>>> {
        if end.unwrap_or(self.waiting.len()) > self.max_bytes {
            return Err(self.too_large());
        }
        let picture = end.map(|end| self.waiting.take(end));
        Ok(picture)
    }

    fn too_large(&self) -> ApiError {
        let message = format!(
            "expected a picture of at most {} bytes, found more",
            self.max_bytes
        );
        ApiError::new("body_too_large", message).with_hint("send smaller pictures")
    }
}

fn content_length(head: &[u8]) -> Option<usize> {
    let head = String::from_utf8_lossy(head);
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.trim().eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse().ok()).flatten()
    })
}

/// Where the JPEG file ends that `bytes` begin with; if that is not there yet, where to go on looking. Segments are
/// skipped by their lengths (ITU-T T.81, section B.1.1), since thumbnails in them have ends of their own.
fn jpeg_end(bytes: &[u8], from: usize) -> Result<usize, usize> {
    // The file's own beginning is two bytes.
    let mut at = from.max(2);
    loop {
        at += match bytes.get(at..).unwrap_or_default() {
            [0xff, 0xd9, ..] => return Ok(at + 2),
            // Stuffing, restarts, and what has no length.
            [0xff, 0x00 | 0x01 | 0xd0..=0xd8, ..] => 2,
            // Fill bytes.
            [0xff, 0xff, ..] => 1,
            [0xff, _, high, low, ..] => 2 + usize::from(u16::from_be_bytes([*high, *low])).max(2),
            [] | [0xff, ..] => return Err(at),
            coded => {
                let next = coded.iter().position(|byte| *byte == 0xff);
                next.unwrap_or(coded.len())
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use prosopon::Image;

    use super::*;

    fn jpeg(gray: u8) -> Vec<u8> {
        Image::filled(32, 16, [gray; 3]).encode_jpeg(80).unwrap()
    }

    /// All pictures of a body that arrives in pieces of `step` bytes.
    fn pictures(content_type: &str, body: &[u8], step: usize) -> Vec<Vec<u8>> {
        pictures_and_looks(content_type, body, step).0
    }

    /// [`pictures`], and how many bytes were looked at, each time anew.
    fn pictures_and_looks(content_type: &str, body: &[u8], step: usize) -> (Vec<Vec<u8>>, usize) {
        let mut pictures = Pictures::of(content_type, 1 << 20).unwrap();
        let mut found = Vec::new();
        for piece in body.chunks(step) {
            pictures.push(piece);
            while let Some(picture) = pictures.next().unwrap() {
                found.push(picture);
            }
        }
        (found, pictures.waiting.n_examined)
    }

    #[test]
    fn pictures_are_found_however_they_arrive() {
        let all = [jpeg(0), jpeg(100), jpeg(200)];
        let with_length: Vec<u8> = all
            .iter()
            .flat_map(|jpeg| {
                let head = format!(
                    "--ffmpeg\r\nContent-type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
                    jpeg.len()
                );
                [head.as_bytes(), jpeg, b"\r\n"].concat()
            })
            .collect();
        let without: Vec<u8> = all
            .iter()
            .flat_map(|jpeg| [b"--ffmpeg\nContent-Type: image/jpeg\n\n", &jpeg[..]].concat())
            .chain(*b"--ffmpeg--")
            .collect();
        let multipart = "multipart/x-mixed-replace;boundary=ffmpeg";
        for step in [1, 7, 100, 10_000] {
            assert_eq!(pictures(multipart, &with_length, step), all, "{step}");
            assert_eq!(
                pictures(
                    "multipart/x-mixed-replace; boundary=\"--ffmpeg\"",
                    &without,
                    step
                ),
                all,
                "{step}"
            );
            assert_eq!(pictures("image/jpeg", &all.concat(), step), all, "{step}");
            let noise = [
                b"\r\n".to_vec(),
                all[0].clone(),
                vec![0, 1, 0xff],
                all[1].clone(),
            ]
            .concat();
            assert_eq!(
                pictures("video/x-motion-jpeg", &noise, step),
                all[..2],
                "{step}"
            );
        }
    }

    #[test]
    fn a_head_ends_at_its_first_blank_line_and_the_last_delimiter_ends_all() {
        let body = b"--b\nContent-Type: image/jpeg\n\n1\r\n\r\n2--b--\n--b\n\n3--b";
        for step in [1, 5, 1000] {
            let found = pictures("multipart/x-mixed-replace;boundary=b", body, step);
            assert_eq!(found, [b"1\r\n\r\n2"], "{step}");
        }
    }

    #[test]
    fn tiny_pieces_of_a_large_picture_are_looked_through_once() {
        const LEN: usize = 100_000;
        let coded = vec![0x55_u8; LEN];
        let jpeg =
            |segment: &[u8]| [&b"\xff\xd8"[..], segment, &coded, b"\xff\x00\xff\xd9"].concat();
        let long_segment = [&b"\xff\xe1\xff\xff"[..], &vec![0xff; 0xffff - 2]].concat();
        let (plain, long) = (jpeg(&[]), jpeg(&long_segment));
        let padding = format!("X-Padding: {}", "x".repeat(MAX_HEAD_BYTES / 2));
        let head = format!("--b\r\n{padding}\r\n\r\n");
        let parts =
            |before: &[u8], picture: &[u8]| [before, head.as_bytes(), picture, b"--b--"].concat();
        // All but a delimiter, again and again.
        let dashes = vec![b'-'; LEN];
        let noise = vec![0_u8; LEN];
        let multipart = "multipart/x-mixed-replace;boundary=b";
        for (content_type, body, picture) in [
            (multipart, parts(b"", &plain), &plain),
            (multipart, parts(b"", &dashes), &dashes),
            (multipart, parts(&noise, &plain), &plain),
            ("image/jpeg", plain.clone(), &plain),
            ("image/jpeg", [&noise[..], &long].concat(), &long),
        ] {
            for step in [1, 2, 7, 1000, body.len()] {
                let (found, n_examined) = pictures_and_looks(content_type, &body, step);
                assert!(found == [picture.clone()], "{content_type} by {step}");
                // A byte is looked at anew only where something may have begun just before it, and for the next thing
                // that is looked for. Beginning at the front each time would be `body.len() / step` times as much.
                assert!(
                    n_examined <= 4 * body.len(),
                    "{content_type} by {step}: {n_examined} of {}",
                    body.len()
                );
            }
        }
    }

    #[test]
    fn many_tiny_pictures_in_one_piece_are_not_moved_for_each() {
        const N: usize = 10_000;
        let part = b"--b\ncontent-length: 4\n\n\xff\xd8\xff\xd9";
        for (content_type, picture) in [
            ("image/jpeg", &part[part.len() - 4..]),
            ("multipart/x-mixed-replace;boundary=b", &part[..]),
        ] {
            let body = picture.repeat(N);
            for step in [5, 1000, body.len()] {
                let mut pictures = Pictures::of(content_type, 1000).unwrap();
                let mut n_found = 0;
                for piece in body.chunks(step) {
                    pictures.push(piece);
                    while let Some(picture) = pictures.next().unwrap() {
                        assert_eq!(picture, b"\xff\xd8\xff\xd9");
                        n_found += 1;
                    }
                }
                assert_eq!(n_found, N, "{content_type} by {step}");
                // Only what is not a whole picture yet is moved, once for each piece.
                let n_moved = pictures.waiting.n_moved;
                assert!(
                    n_moved <= 3 * body.len(),
                    "{content_type} by {step}: {n_moved}"
                );
            }
        }
    }

    #[test]
    fn a_thumbnail_is_no_picture_of_its_own() {
        let inner = jpeg(5);
        let outer = jpeg(90);
        let length = u16::try_from(inner.len() + 2).unwrap().to_be_bytes();
        let whole = [&outer[..2], &[0xff, 0xe1], &length, &inner, &outer[2..]].concat();
        assert_eq!(
            pictures("image/jpeg", &[whole.clone(), outer.clone()].concat(), 50),
            [whole, outer]
        );
    }

    #[test]
    fn nothing_grows_without_end() {
        let mut endless = Pictures::of("image/jpeg", 1000).unwrap();
        endless.push(&[0xff, 0xd8]);
        endless.push(&[0; 2000]);
        assert_eq!(endless.next().unwrap_err().code, "body_too_large");
        let mut noise = Pictures::of("image/jpeg", 1000).unwrap();
        noise.push(&vec![0; 100_000]);
        assert!(noise.next().unwrap().is_none() && noise.waiting.len() < 2);
        let multipart = "multipart/x-mixed-replace;boundary=b";
        let mut long = Pictures::of(multipart, 1000).unwrap();
        long.push(b"--b\r\nContent-Length: 99999999\r\n\r\n");
        assert_eq!(long.next().unwrap_err().code, "body_too_large");
        let mut head = Pictures::of(multipart, 1000).unwrap();
        head.push(b"--b\r\n");
        head.push(&[b'x'; 10_000]);
        assert_eq!(head.next().unwrap_err().code, "invalid_request");
        for (wrong, code) in [
            ("text/plain", "unsupported_content_type"),
            ("multipart/x-mixed-replace", "invalid_request"),
        ] {
            assert_eq!(Pictures::of(wrong, 1).err().unwrap().code, code);
        }
    }
}
