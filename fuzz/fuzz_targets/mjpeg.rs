//! Whatever is pushed to a camera, its pictures do not depend on the pieces in which it arrives.
//!
//! The first byte is the length of the pieces; the first line is the content type, the rest the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prosopon_fuzz::{begin, toys};
use prosopon_server::fuzzing::pushed_pictures;

const MAX_BYTES: usize = 1 << 12;

fn seeds() -> Vec<Vec<u8>> {
    let jpeg = toys::picture().encode_jpeg(50).expect("a picture");
    let mut with_length = b"\x07multipart/x-mixed-replace; boundary=\"--x\"\n".to_vec();
    let mut without = b"\x40multipart/x-mixed-replace;boundary=x\n".to_vec();
    for _ in 0..2 {
        with_length.extend(format!("--x\r\nContent-Length: {}\r\n\r\n", jpeg.len()).as_bytes());
        with_length.extend(&jpeg);
        without.extend(b"--x\nContent-Type: image/jpeg\n\n");
        without.extend(&jpeg);
    }
    with_length.extend(b"\r\n--x--");
    let bare = [b"\x03image/jpeg\n", &jpeg[..], b"between", &jpeg].concat();
    vec![with_length, without, bare]
}

fuzz_target!(init: begin(seeds), |input: &[u8]| {
    let Some((step, input)) = input.split_first() else { return };
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else { return };
    let kind = String::from_utf8_lossy(&input[..end]);
    let body = &input[end + 1..];
    let whole = pushed_pictures(&kind, body, body.len(), MAX_BYTES);
    let pieces = pushed_pictures(&kind, body, usize::from(*step), MAX_BYTES);
    // What is refused is refused sooner or later.
    if let (Some(whole), Some(pieces)) = (whole, pieces) {
        assert_eq!(whole, pieces);
    }
});
