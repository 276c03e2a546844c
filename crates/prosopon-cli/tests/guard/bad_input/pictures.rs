//! Pictures that are damaged, and small files that want to be large.

use std::io::Write as _;
use std::time::{Duration, Instant};

use super::{MIB, is_well, named};
use crate::client::Request;
use crate::common::shared;
use crate::served::{Served, files, picture};

#[test]
fn hard_pictures_and_bombs_are_answered_in_words() {
    let (Some(hard), Some(server)) = (
        shared("data/hard"),
        Served::start(&[("threads", "1"), ("requests_per_minute", "0")]),
    ) else {
        return;
    };
    let good = picture();
    is_well(&server, &good);
    let (before, _) = server.memory_mib();
    let (mut taken, mut refused) = (0, 0);
    for path in files(&hard) {
        let bytes = std::fs::read(&path).expect("a file");
        let start = Instant::now();
        let answer = server.detect(&bytes);
        let what = path.display().to_string();
        if answer.status == 200 {
            taken += 1;
        } else {
            named(&answer, &what);
            refused += 1;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
    }
    println!("{taken} hard pictures taken, {refused} refused");
    for (what, bytes) in bombs() {
        let start = Instant::now();
        let answer = server.detect(&bytes);
        println!(
            "{what}: {} bytes: {} in {:?}",
            bytes.len(),
            answer.status,
            start.elapsed()
        );
        if answer.status != 200 {
            named(&answer, what);
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{what}");
    }
    // Asking for every doubtful face must not hold a thread for minutes.
    let group = shared("data/groups/solvay_conference_1927.jpg").expect("a picture");
    let group = std::fs::read(group).expect("a picture");
    let start = Instant::now();
    let found = Request::new("POST", "/v1/identify?min_confidence=0")
        .body("image/jpeg", group)
        .send(server.address)
        .expect(200)
        .json();
    let n_faces = found["faces"].as_array().expect("a list").len();
    println!(
        "{n_faces} doubtful faces identified in {:?}",
        start.elapsed()
    );
    assert!((100..=1000).contains(&n_faces) && start.elapsed() < Duration::from_mins(1));
    is_well(&server, &good);
    let (after, most) = server.memory_mib();
    // The engine keeps what it has prepared for each shape of picture, and pictures here have many.
    for path in files(&hard).iter().take(50) {
        server.detect(&std::fs::read(path).expect("a file"));
    }
    let (again, _) = server.memory_mib();
    println!("memory: {before} MiB, then {after} MiB, at most {most} MiB; seen again: {again} MiB");
    assert!(most < before + 1500, "{before} MiB, at most {most} MiB");
    assert!(again < after + 50, "{after} MiB grew to {again} MiB");
}

/// Small files that want to be large.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let zeros = deflated(300 * MIB);
    let mut profile = b"icc\0\0".to_vec();
    profile.extend_from_slice(&zeros);
    vec![
        (
            "a PNG of 2500 megapixels",
            png(50_000, 50_000, &[], &deflated(1000)),
        ),
        (
            "a PNG of 49 megapixels of nothing",
            png(7000, 7000, &[], &deflated(7001 * 7000)),
        ),
        (
            "a PNG with more pixels than it says",
            png(10, 10, &[], &zeros),
        ),
        (
            "a PNG with a huge profile",
            png(10, 10, &[(b"iCCP", &profile)], &deflated(110)),
        ),
        (
            "a PNG of the largest side",
            png(u32::MAX >> 1, 1, &[], &deflated(10)),
        ),
        ("a GIF of 65535 × 65535", {
            let mut gif = b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff".to_vec();
            gif.extend_from_slice(b",\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x4c\x01\0;");
            gif
        }),
        ("a BMP of negative height", {
            let mut bmp =
                b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\xff\xff\xff\x7f\0\0\0\x80\x01\0\x18\0"
                    .to_vec();
            bmp.resize(200, 0);
            bmp
        }),
        (
            "a PPM of a trillion pixels",
            b"P6 1000000 1000000 255\n".to_vec(),
        ),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03".repeat(100)),
        (
            "SVG with entities",
            b"<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"&b;&b;\">]><svg>&a;</svg>".to_vec(),
        ),
    ]
}

fn deflated(zeros: usize) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let block = vec![0; MIB];
    let mut left = zeros;
    while left > 0 {
        let n = left.min(MIB);
        writer.write_all(&block[..n]).expect("memory");
        left -= n;
    }
    writer.finish().expect("memory")
}

/// A grey PNG with these extra chunks and this data.
fn png(width: u32, height: u32, extra: &[(&[u8; 4], &[u8])], data: &[u8]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |name: &[u8], data: &[u8]| {
        file.extend_from_slice(&(data.len() as u32).to_be_bytes());
        let mut sum = flate2::Crc::new();
        sum.update(name);
        sum.update(data);
        file.extend_from_slice(name);
        file.extend_from_slice(data);
        file.extend_from_slice(&sum.sum().to_be_bytes());
    };
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend_from_slice(&[8, 0, 0, 0, 0]);
    chunk(b"IHDR", &header);
    for (name, data) in extra {
        chunk(*name, data);
    }
    chunk(b"IDAT", data);
    chunk(b"IEND", b"");
    file
}
