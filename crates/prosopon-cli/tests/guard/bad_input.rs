//! Whatever is sent, the answer names the trouble and the server goes on.

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::time::{Duration, Instant};

use prosopon_gallery::synthetic::Rng;

use crate::client::{Answer, Request, connect, form, read_answer};
use crate::common::shared;
use crate::served::{Served, files, picture};

const MIB: usize = 1 << 20;

/// Statuses of bad input: the client's fault, in words.
fn named(answer: &Answer, what: &str) {
    assert!(
        (400..500).contains(&answer.status),
        "{what}: {}",
        answer.head
    );
    assert!(!answer.code().is_empty(), "{what}");
}

/// A normal request, which must be answered well and quickly.
fn is_well(server: &Served, picture: &[u8]) {
    let start = Instant::now();
    let found = server.detect(picture).expect(200).json();
    assert_eq!(found["faces"].as_array().expect("a list").len(), 1);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(5), "a detection takes {took:?}");
}

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

#[test]
fn bodies_that_make_no_sense_are_answered_in_words() {
    let Some(server) = Served::start(&[("threads", "1"), ("requests_per_minute", "0")]) else {
        return;
    };
    let good = picture();
    is_well(&server, &good);
    let (before, _) = server.memory_mib();
    let list_of_zeros = format!(r#"{{"images": [{}0]}}"#, "0,".repeat(15 * MIB));
    let nested = format!(
        r#"{{"image": {}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let deep = format!(r#"{{"image": {}{}}}"#, "[".repeat(1000), "]".repeat(1000));
    let metadata = format!(
        r#"{{"name": "a", "metadata": {{"a": [{}0]}}}}"#,
        "0,".repeat(5 * MIB)
    );
    let (form_type, form_bytes) = form(&[("image", "a.jpg", &good)]);
    let many: Vec<(&str, &str, &[u8])> = vec![("image", "a.jpg", b"x"); 2000];
    let long_name = "n".repeat(100_000);
    let cases: Vec<(&str, &str, &str, Vec<u8>, u16)> = vec![
        ("/v1/detect", "no picture", "", Vec::new(), 400),
        (
            "/v1/detect",
            "nothing as JPEG",
            "image/jpeg",
            Vec::new(),
            400,
        ),
        (
            "/v1/detect",
            "no picture at all",
            "image/jpeg",
            b"hello".to_vec(),
            422,
        ),
        (
            "/v1/detect",
            "half a picture",
            "image/jpeg",
            good[..100].to_vec(),
            422,
        ),
        (
            "/v1/detect",
            "a wrong type",
            "text/plain",
            good.clone(),
            415,
        ),
        (
            "/v1/detect",
            "XML",
            "application/xml",
            b"<a/>".to_vec(),
            415,
        ),
        (
            "/v1/detect",
            "a type of nonsense",
            "what is this",
            good.clone(),
            415,
        ),
        (
            "/v1/detect",
            "a wrong type of picture",
            "image/png",
            b"<svg/>".to_vec(),
            422,
        ),
        (
            "/v1/detect",
            "a form without a limit",
            "multipart/form-data",
            form_bytes.clone(),
            400,
        ),
        (
            "/v1/detect",
            "another limit",
            "multipart/form-data; boundary=other",
            form_bytes.clone(),
            400,
        ),
        (
            "/v1/detect",
            "half a form",
            &form_type,
            form_bytes[..form_bytes.len() / 2].to_vec(),
            400,
        ),
        (
            "/v1/detect",
            "an empty form",
            &form_type,
            b"--limit--\r\n".to_vec(),
            400,
        ),
        (
            "/v1/detect",
            "another part",
            &form_type,
            form(&[("photo", "a.jpg", &good)]).1,
            400,
        ),
        (
            "/v1/detect",
            "two pictures",
            &form_type,
            form(&[("image", "a", &good), ("image", "b", &good)]).1,
            400,
        ),
        ("/v1/detect", "2000 parts", &form_type, form(&many).1, 400),
        (
            "/v1/detect",
            "a part's long name",
            &form_type,
            form(&[(&long_name, "a", b"x")]).1,
            400,
        ),
        (
            "/v1/detect",
            "a part's head without end",
            &form_type,
            [b"--limit\r\n".as_slice(), &vec![b'a'; MIB]].concat(),
            400,
        ),
        (
            "/v1/detect",
            "JSON of nothing",
            "application/json",
            Vec::new(),
            400,
        ),
        (
            "/v1/detect",
            "half of JSON",
            "application/json",
            br#"{"image": "AA"#.to_vec(),
            400,
        ),
        (
            "/v1/detect",
            "a JSON list",
            "application/json",
            b"[]".to_vec(),
            400,
        ),
        (
            "/v1/detect",
            "a JSON number",
            "application/json",
            br#"{"image": 1}"#.to_vec(),
            400,
        ),
        (
            "/v1/detect",
            "base64 of nonsense",
            "application/json",
            br#"{"image": "*!*"}"#.to_vec(),
            400,
        ),
        (
            "/v1/detect",
            "a JSON picture that is none",
            "application/json",
            br#"{"image": "AAAA"}"#.to_vec(),
            422,
        ),
        (
            "/v1/detect",
            "no UTF-8",
            "application/json",
            b"{\"image\": \"\xff\xfe\"}".to_vec(),
            400,
        ),
        (
            "/v1/detect",
            "JSON of 15 million values",
            "application/json",
            list_of_zeros.into_bytes(),
            400,
        ),
        (
            "/v1/detect",
            "JSON 100,000 deep",
            "application/json",
            nested.into_bytes(),
            400,
        ),
        (
            "/v1/detect",
            "JSON 1000 deep",
            "application/json",
            deep.into_bytes(),
            400,
        ),
        (
            "/v1/detect",
            "an address where that is off",
            "application/json",
            br#"{"url": "http://127.0.0.1/"}"#.to_vec(),
            403,
        ),
        (
            "/v1/detect?min_confidence=2",
            "a parameter out of range",
            "image/jpeg",
            good.clone(),
            400,
        ),
        (
            "/v1/detect?min_confidence=NaN",
            "no number",
            "image/jpeg",
            good.clone(),
            400,
        ),
        (
            "/v1/detect?min_confidence=",
            "an empty parameter",
            "image/jpeg",
            good.clone(),
            400,
        ),
        (
            "/v1/detect?max_faces=-1",
            "a negative number",
            "image/jpeg",
            good.clone(),
            400,
        ),
        (
            "/v1/detect?max_faces=99999999999999999999",
            "a huge number",
            "image/jpeg",
            good.clone(),
            400,
        ),
        (
            "/v1/identify?fmr=0",
            "a rate of nothing",
            "image/jpeg",
            good.clone(),
            400,
        ),
        (
            "/v1/identify?fmr=0.1&threshold=0.1",
            "both",
            "image/jpeg",
            good.clone(),
            400,
        ),
        (
            "/v1/identify?gallery=../../etc",
            "a path",
            "image/jpeg",
            good.clone(),
            404,
        ),
        (
            "/v1/verify",
            "one of two",
            &form_type,
            form(&[("probe", "a", &good)]).1,
            400,
        ),
        (
            "/v1/verify",
            "a raw picture",
            "image/jpeg",
            good.clone(),
            400,
        ),
        (
            "/v1/galleries/default/enrol",
            "nobody",
            "image/jpeg",
            good.clone(),
            400,
        ),
        (
            "/v1/galleries/default/enrol?subject=",
            "an empty name",
            "image/jpeg",
            good.clone(),
            422,
        ),
        (
            "/v1/galleries/default/enrol?subject=a&face_at=x",
            "a point of nonsense",
            "image/jpeg",
            good.clone(),
            400,
        ),
        (
            "/v1/galleries/default/subjects/999/faces",
            "no such subject",
            "image/jpeg",
            good.clone(),
            404,
        ),
        (
            "/v1/galleries/default/subjects/abc/faces",
            "no number",
            "image/jpeg",
            good.clone(),
            400,
        ),
        (
            "/v1/galleries/default/subjects/99999999999999999999/faces",
            "no such number",
            "image/jpeg",
            good.clone(),
            400,
        ),
        (
            "/v1/galleries",
            "a name with a path",
            "application/json",
            br#"{"name": "../x"}"#.to_vec(),
            400,
        ),
        (
            "/v1/galleries",
            "an unknown member",
            "application/json",
            br#"{"name": "x", "y": 1}"#.to_vec(),
            400,
        ),
        (
            "/v1/galleries",
            "no JSON",
            "text/plain",
            br#"{"name": "x"}"#.to_vec(),
            415,
        ),
        (
            "/v1/galleries/default/subjects",
            "metadata without end",
            "application/json",
            metadata.into_bytes(),
            413,
        ),
        (
            "/v1/keys",
            "no scopes",
            "application/json",
            br#"{"name": "x", "scopes": []}"#.to_vec(),
            400,
        ),
        (
            "/v1/keys",
            "an unknown scope",
            "application/json",
            br#"{"name": "x", "scopes": ["root"]}"#.to_vec(),
            400,
        ),
        (
            "/%ff%fe",
            "an address of nonsense",
            "image/jpeg",
            good.clone(),
            404,
        ),
        (
            "/v1/galleries/%ff/enrol?subject=a",
            "a gallery that is no text",
            "image/jpeg",
            good.clone(),
            400,
        ),
        (
            "/../../etc/passwd",
            "a path upwards",
            "image/jpeg",
            good.clone(),
            404,
        ),
    ];
    for (path, what, content_type, body, status) in &cases {
        let mut request = Request::new("POST", *path);
        if content_type.is_empty() {
            request.body.clone_from(body);
        } else {
            request = request.body(content_type, body.clone());
        }
        let start = Instant::now();
        let answer = request.send(server.address);
        assert_eq!(
            answer.status,
            *status,
            "{what}: {}",
            String::from_utf8_lossy(&answer.body)
        );
        named(&answer, what);
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{what}: {:?}",
            start.elapsed()
        );
    }
    println!("{} bodies", cases.len());
    for (method, path) in [
        ("PUT", "/v1/detect"),
        ("GET", "/v1/detect"),
        ("BREW", "/v1/detect"),
        ("TRACE", "/health/live"),
    ] {
        let answer = Request::new(method, path).send(server.address).expect(405);
        assert_eq!(answer.code(), "method_not_allowed", "{method}");
    }
    is_well(&server, &good);
    let (after, most) = server.memory_mib();
    println!("memory: {before} MiB, then {after} MiB, at most {most} MiB");
    assert!(most < before + 700, "{before} MiB, at most {most} MiB");
}

#[test]
fn large_bodies_are_refused_to_clients_that_send_all_first() {
    let Some(server) = Served::start(&[("threads", "1"), ("require_keys", "always")]) else {
        return;
    };
    let key = server.place.key("test", "identify", &[]);
    let (before, _) = server.memory_mib();
    let block = vec![0; MIB];
    let head = |headers: &str| {
        format!(
            "POST /v1/detect HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\ncontent-type: image/jpeg\r\n{headers}\r\n\r\n"
        )
    };
    let start = Instant::now();
    let mut stream = connect(server.address, Ipv4Addr::LOCALHOST).expect("a connection");
    stream
        .write_all(head(&format!("content-length: {}", 100 * MIB)).as_bytes())
        .expect("sent");
    for _ in 0..100 {
        stream.write_all(&block).expect("the server reads on");
    }
    let answer = read_answer(&mut stream).expect("an answer").expect(413);
    assert_eq!(answer.code(), "body_too_large");
    println!("100 MiB with a length: {:?}", start.elapsed());

    let start = Instant::now();
    let mut stream = connect(server.address, Ipv4Addr::LOCALHOST).expect("a connection");
    stream
        .write_all(head("transfer-encoding: chunked").as_bytes())
        .expect("sent");
    for _ in 0..100 {
        stream
            .write_all(b"100000\r\n")
            .expect("the server reads on");
        stream.write_all(&block).expect("the server reads on");
        stream.write_all(b"\r\n").expect("the server reads on");
    }
    stream.write_all(b"0\r\n\r\n").expect("the server reads on");
    let answer = read_answer(&mut stream).expect("an answer").expect(413);
    assert_eq!(answer.code(), "body_too_large");
    println!("100 MiB in chunks: {:?}", start.elapsed());

    // Who asks before sending is told at once, and not told to go on.
    let start = Instant::now();
    let mut stream = connect(server.address, Ipv4Addr::LOCALHOST).expect("a connection");
    let asks = format!("content-length: {}\r\nexpect: 100-continue", 100 * MIB);
    stream.write_all(head(&asks).as_bytes()).expect("sent");
    let answer = read_answer(&mut stream).expect("an answer").expect(413);
    assert_eq!(answer.code(), "body_too_large");
    assert!(start.elapsed() < Duration::from_secs(2));
    // And who asks with something that is taken is told to.
    let good = picture();
    let mut stream = connect(server.address, Ipv4Addr::LOCALHOST).expect("a connection");
    let asks = format!("content-length: {}\r\nexpect: 100-continue", good.len());
    stream.write_all(head(&asks).as_bytes()).expect("sent");
    read_answer(&mut stream).expect("an answer").expect(100);
    stream.write_all(&good).expect("sent");
    read_answer(&mut stream).expect("an answer").expect(200);

    // Announcing costs nothing: 40 times 30 MiB that never come are more than there is memory for.
    let announced: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut stream = connect(server.address, Ipv4Addr::LOCALHOST).expect("a connection");
            stream
                .write_all(head(&format!("content-length: {}", 30 * MIB)).as_bytes())
                .expect("sent");
            stream
        })
        .collect();
    // Nor do strangers who do send take the place of callers with a key.
    let strangers: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut stream = connect(server.address, Ipv4Addr::LOCALHOST).expect("a connection");
            let head = format!(
                "POST /v1/detect HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
                30 * MIB
            );
            stream.write_all(head.as_bytes()).expect("sent");
            for _ in 0..20 {
                stream.write_all(&block).expect("the server reads on");
            }
            stream
        })
        .collect();
    let start = Instant::now();
    let large = Request::new("POST", "/v1/detect")
        .key(&key)
        .body("image/jpeg", vec![0; 15 * MIB]);
    large.send(server.address).expect(422);
    assert!(start.elapsed() < Duration::from_secs(5));
    drop((announced, strangers));
    let (after, most) = server.memory_mib();
    println!("memory: {before} MiB, then {after} MiB, at most {most} MiB");
    assert!(most < before + 500, "{before} MiB, at most {most} MiB");
}

#[test]
fn a_thousand_malformed_requests_leave_no_trace() {
    let Some(server) = Served::start(&[
        ("threads", "1"),
        ("requests_per_minute", "0"),
        ("body_timeout_secs", "2"),
    ]) else {
        return;
    };
    let good = picture();
    is_well(&server, &good);
    let (before, _) = server.memory_mib();
    let host = server.address.to_string();
    let (form_type, form_bytes) = form(&[("image", "a.jpg", &good[..2000])]);
    let seeds = [
        Request::new("POST", "/v1/detect?min_confidence=0.5")
            .body(&form_type, form_bytes)
            .bytes(&host),
        Request::new("POST", "/v1/detect")
            .json(r#"{"image": "AAAA", "x": [1, 2, {"a": null}]}"#)
            .bytes(&host),
        Request::new("PATCH", "/v1/galleries/default/subjects/1")
            .json(r#"{"name": "a"}"#)
            .bytes(&host),
        Request::new("GET", "/v1/galleries/default/subjects?search=a&limit=3").bytes(&host),
        Request::new("POST", "/v1/detect")
            .header("transfer-encoding", "chunked")
            .body("image/jpeg", b"5\r\nhello\r\n0\r\n\r\n".as_slice())
            .bytes(&host),
    ];
    let mut rng = Rng::new(20_261_122);
    let (mut answered, mut closed) = ([0; 6], 0);
    for round in 0..1000 {
        let mut bytes = seeds[rng.below(seeds.len())].clone();
        for _ in 0..=rng.below(4) {
            mangle(&mut bytes, &mut rng);
        }
        let mut stream = connect(server.address, Ipv4Addr::LOCALHOST).expect("a connection");
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .expect("a time");
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        // A server that has had enough may close before all was sent.
        match stream.read_to_end(&mut answer) {
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => {
                panic!(
                    "round {round}: {error}: {}",
                    String::from_utf8_lossy(&bytes)
                )
            }
            _ => {}
        }
        let text = String::from_utf8_lossy(&answer);
        match text
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse::<usize>().ok())
        {
            None => closed += 1,
            Some(status) => {
                let sent = String::from_utf8_lossy(&bytes);
                assert!(
                    (100..500).contains(&status),
                    "round {round}: {text}\n\n{sent}"
                );
                answered[status / 100] += 1;
            }
        }
    }
    println!("1000 malformed requests: {answered:?} by hundreds, {closed} without an answer");
    // The seeds are well formed, so some of their kind are; most must not be.
    assert!(answered[4] > 500, "{answered:?}");
    is_well(&server, &good);
    let (after, _) = server.memory_mib();
    assert!(after < before + 200, "{before} MiB grew to {after} MiB");
}

/// One random change to a request.
fn mangle(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let head_end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap_or(0);
    let at = rng.below(bytes.len().max(1));
    let in_head = rng.below(head_end.max(1));
    let lines = [
        "content-length: 5",
        "content-length: -1",
        "content-length: 99999999999999999999",
        "content-length: 5, 6",
        "transfer-encoding: chunked",
        "transfer-encoding: gzip, chunked",
        "transfer-encoding: identity",
        "host: a\r\nhost: b",
        "expect: 100-continue",
        "expect: x",
        "content-type: multipart/form-data; boundary=\"",
        "content-type: \u{1}",
        "cookie: ;;==;",
        "x-api-key: \u{e4}",
        "authorization: Bearer",
        "origin: \u{0}",
        "connection: upgrade\r\nupgrade: h2c",
        "x-request-id: ../../a\u{7f}",
        "accept: ,,,",
        ": nothing",
        " folded",
        "content-encoding: gzip",
        "range: bytes=0-18446744073709551615",
        "content-length : 3",
    ];
    match rng.below(9) {
        0 => bytes[at.min(head_end)] = rng.below(256) as u8,
        1 => bytes.truncate(at),
        2 => {
            let end = (in_head + rng.below(30)).min(bytes.len());
            bytes.drain(in_head..end);
        }
        3 => {
            let noise: Vec<u8> = (0..rng.below(50)).map(|_| rng.below(256) as u8).collect();
            bytes.splice(in_head..in_head, noise);
        }
        4 | 5 => {
            let line_end = bytes.windows(2).position(|two| two == b"\r\n").unwrap_or(0);
            let line = format!("\r\n{}", lines[rng.below(lines.len())]);
            bytes.splice(line_end..line_end, line.into_bytes());
        }
        6 => {
            if let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
                bytes.splice(end..end + 2, *b"\n");
            }
        }
        7 => {
            let last = bytes.len().saturating_sub(1);
            bytes[at.max(head_end).min(last)] ^= 1 << rng.below(8);
        }
        _ => {
            let space = bytes.iter().position(|byte| *byte == b' ').unwrap_or(0);
            let long = "/%2e%2e;a=b&&&&".repeat(rng.below(20));
            bytes.splice(space..=space, format!(" {long}").into_bytes());
        }
    }
    if bytes.is_empty() {
        bytes.push(b'\r');
    }
}

#[test]
fn heads_have_limits_and_pipelines_are_answered_in_order() {
    let Some(server) = Served::start(&[("threads", "1"), ("requests_per_minute", "0")]) else {
        return;
    };
    let many = (0..500).fold(String::new(), |mut all, i| {
        let _ = write!(all, "x-{i}: a\r\n");
        all
    });
    let long = format!("x-long: {}\r\n", "a".repeat(2 * MIB));
    let path = format!("/{}", "a".repeat(200_000));
    for (what, request) in [
        (
            "500 headers",
            format!("GET /v1/galleries HTTP/1.1\r\nhost: localhost\r\n{many}\r\n"),
        ),
        (
            "a header of 2 MiB",
            format!("GET /v1/galleries HTTP/1.1\r\nhost: localhost\r\n{long}\r\n"),
        ),
        (
            "a long address",
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"),
        ),
        (
            "HTTP/2 without asking",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        ),
        ("HTTP/9", "GET / HTTP/9.9\r\n\r\n".to_owned()),
        (
            "TLS",
            "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}".to_owned(),
        ),
    ] {
        let mut stream = connect(server.address, Ipv4Addr::LOCALHOST).expect("a connection");
        let _ = stream.write_all(request.as_bytes());
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer);
        let is_refused = text.is_empty() || text.starts_with("HTTP/1.1 4");
        assert!(is_refused, "{what}: {text}");
    }

    let mut stream = connect(server.address, Ipv4Addr::LOCALHOST).expect("a connection");
    let requests = (0..20).fold(String::new(), |mut all, i| {
        let _ = write!(
            all,
            "GET /health/live HTTP/1.1\r\nhost: localhost\r\nx-request-id: n{i}\r\n\r\n"
        );
        all
    });
    stream.write_all(requests.as_bytes()).expect("sent");
    for i in 0..20 {
        let answer = read_answer(&mut stream).expect("an answer").expect(200);
        assert_eq!(
            answer.header("x-request-id"),
            Some(format!("n{i}").as_str())
        );
    }
    // A request smuggled into another one's body stays a body.
    let smuggled = "POST /v1/detect HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/keys HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut stream = connect(server.address, Ipv4Addr::LOCALHOST).expect("a connection");
    stream.write_all(smuggled.as_bytes()).expect("sent");
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer);
    assert!(text.starts_with("HTTP/1.1 400"), "{text}");
}
