//! Small files that ask for much: refused by their header, quickly and by name.

use std::io::Cursor;
use std::time::{Duration, Instant};

use prosopon::image::{DecodeLimits, Image, read, read_file};

/// A PNG header that claims `side × side` pixels, and nothing after it.
fn png_header(side: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(side.to_be_bytes());
    chunk.extend(side.to_be_bytes());
    chunk.extend([8, 2, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    let checksum = crc32(&chunk);
    bytes.extend(chunk);
    bytes.extend(checksum.to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

/// A GIF with a screen and one frame of `side × side` pixels in a few bytes.
fn gif_header(side: u16) -> Vec<u8> {
    let mut bytes = b"GIF89a".to_vec();
    bytes.extend(side.to_le_bytes());
    bytes.extend(side.to_le_bytes());
    bytes.extend([0x80, 0, 0, 0, 0, 0, 255, 255, 255, 0x2c, 0, 0, 0, 0]);
    bytes.extend(side.to_le_bytes());
    bytes.extend(side.to_le_bytes());
    bytes.extend([0, 2, 1, 0, 0, 0x3b]);
    bytes
}

/// A TIFF of `side × side` grey pixels in one strip that is not there.
fn tiff_header(side: u32) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0\x08\0".to_vec();
    for (tag, value) in [
        (256_u16, side),
        (257, side),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 200),
        (278, side),
        (279, side),
    ] {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(4_u16.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes
}

/// A BMP header that claims `side × side` pixels of 24 bits.
fn bmp_header(side: u32) -> Vec<u8> {
    let mut bytes = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    bytes.extend(side.to_le_bytes());
    bytes.extend(side.to_le_bytes());
    bytes.extend([1, 0, 24, 0]);
    bytes.extend([0; 24]);
    bytes
}

#[test]
fn bombs_are_refused_by_their_header() {
    let jpeg = {
        let mut bytes = Image::filled(8, 8, [9; 3]).encode_jpeg(90).unwrap();
        let frame = bytes
            .windows(2)
            .position(|pair| pair == b"\xff\xc0")
            .unwrap();
        bytes[frame + 5..frame + 9].fill(0xff);
        bytes
    };
    for (name, bytes) in [
        ("png", png_header(60_000)),
        ("png", png_header(u32::MAX >> 1)),
        ("gif", gif_header(60_000)),
        ("tiff", tiff_header(60_000)),
        ("bmp", bmp_header(30_000)),
        ("pnm", b"P6 60000 60000 255\n".to_vec()),
        ("jpeg", jpeg),
    ] {
        let started = Instant::now();
        let error = Image::decode(&bytes, &DecodeLimits::default()).unwrap_err();
        assert_eq!(error.code(), "too_many_pixels", "{name}: {error}");
        assert!(started.elapsed() < Duration::from_millis(500), "{name}");
    }
}

#[test]
fn headers_within_the_limits_but_without_pixels_are_errors() {
    for bytes in [
        png_header(5_000),
        gif_header(5_000),
        tiff_header(5_000),
        bmp_header(5_000),
        b"P6 5000 5000 255\n".to_vec(),
    ] {
        let started = Instant::now();
        let error = Image::decode(&bytes, &DecodeLimits::default()).unwrap_err();
        let code = error.code();
        assert!(
            matches!(code, "truncated_picture" | "corrupt_picture"),
            "{error}"
        );
        assert!(started.elapsed() < Duration::from_secs(2));
    }
}

#[test]
fn memory_is_limited_before_decoding() {
    let limits = DecodeLimits {
        memory_bytes: 1_000_000,
        ..DecodeLimits::default()
    };
    for bytes in [
        Image::filled(700, 700, [9; 3]).encode_jpeg(90).unwrap(),
        Image::filled(700, 700, [9; 3]).encode_png().unwrap(),
        gif_header(700),
    ] {
        let error = Image::decode(&bytes, &limits).unwrap_err();
        assert_eq!(error.code(), "too_much_memory");
    }
}

#[test]
fn files_are_limited_while_they_are_read() {
    let limits = DecodeLimits {
        file_bytes: 100,
        ..DecodeLimits::default()
    };
    assert_eq!(read(Cursor::new([7; 100]), &limits).unwrap().len(), 100);
    // A reader without an end is left after the limit.
    for error in [
        read(std::io::repeat(7), &limits).unwrap_err(),
        Image::decode(&[7; 101], &limits).unwrap_err(),
    ] {
        assert_eq!(error.code(), "file_too_large");
    }
    assert_eq!(
        read(std::io::empty(), &limits).unwrap_err().code(),
        "empty_file"
    );

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    std::fs::File::create(&path)
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    assert_eq!(
        read_file(&path, &limits).unwrap_err().code(),
        "file_too_large"
    );
    for path in [folder.path(), &folder.path().join("missing")] {
        assert_eq!(
            read_file(path, &limits).unwrap_err().code(),
            "unreadable_file"
        );
    }
}

#[test]
fn a_wrong_ending_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("really_a_png.jpg");
    let picture = Image::filled(5, 4, [10, 20, 30]);
    std::fs::write(&path, picture.encode_png().unwrap()).unwrap();
    assert!(Image::open(&path, &DecodeLimits::default()).unwrap() == picture);
}
