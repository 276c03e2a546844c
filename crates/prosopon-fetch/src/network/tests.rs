//! Fetches from servers on loopback: 127.0.0.1 stands for the open internet here, 127.0.0.2 for a
//! machine inside.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::*;
use crate::testing::{INSIDE, OUTSIDE, Web, is_outside, ok, redirect};

/// Resolves every name by `resolve`, fetches, and gives the outcome.
fn fetch_by(
    resolve: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    url: &str,
) -> Result<Vec<u8>, FetchError> {
    run(&Network::with(resolve, is_outside), url)
}

fn run(network: &Network, url: &str) -> Result<Vec<u8>, FetchError> {
    let request = Request {
        accept: "image/*",
        user_agent: "tests",
        max_bytes: 1 << 20,
        deadline: Deadline::after(Duration::from_millis(1500)),
        validators: None,
    };
    match network.fetch(Location::parse(url)?, &request)? {
        Answer::Body(body) => Ok(body.bytes),
        Answer::NotModified => panic!("nobody asked for that"),
    }
}

/// Names that end in `.inside` are inside, all others outside.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a resolver")]
fn by_name(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let address = if host.ends_with(".inside") {
        INSIDE
    } else {
        OUTSIDE
    };
    Ok(vec![(address, port).into()])
}

fn code(result: &Result<Vec<u8>, FetchError>) -> &str {
    result.as_ref().map_or_else(FetchError::code, |_| "ok")
}

#[test]
fn a_picture_is_fetched_without_telling_who_we_are() {
    let web = Web::at(OUTSIDE, 0, |_, stream| ok(stream, b"picture"));
    let url = format!("http://photos.example:{}/a.jpg?size=1", web.port());
    assert_eq!(&fetch_by(by_name, &url).unwrap()[..], b"picture");
    let request = web.requests()[0].to_lowercase();
    assert!(
        request.starts_with("get /a.jpg?size=1 http/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains(&format!("host: photos.example:{}\r\n", web.port())),
        "{request}"
    );
    for secret in ["cookie", "authorization", "referer", "x-api-key"] {
        assert!(!request.contains(secret), "{request}");
    }
}

#[test]
fn the_inside_is_neither_asked_nor_named() {
    let inside = Web::at(INSIDE, 0, |_, stream| ok(stream, b"secret"));
    let result = fetch_by(by_name, &format!("http://db.inside:{}/", inside.port()));
    assert_eq!(code(&result), "address_not_allowed");
    let message = format!("{:?}", result.unwrap_err());
    assert!(!message.contains("127.0.0"), "{message}");
    // A name that leads to both is as bad.
    let both = |_: &str, port| Ok(vec![(OUTSIDE, port).into(), (INSIDE, port).into()]);
    let result = fetch_by(both, &format!("http://both.example:{}/", inside.port()));
    assert_eq!(code(&result), "address_not_allowed");
    assert_eq!(inside.connections(), 0);
}

#[test]
fn redirects_are_checked_like_the_first_address() {
    let inside = Web::at(INSIDE, 0, |_, stream| ok(stream, b"secret"));
    let port = inside.port();
    let web = Web::at(OUTSIDE, 0, move |head, stream| match head.path() {
        "/twice" => redirect(stream, "/once"),
        "/once" => redirect(stream, "deep/picture"),
        "/deep/picture" => ok(stream, b"picture"),
        "/inside" => redirect(stream, &format!("http://db.inside:{port}/")),
        "/inside-relative" => redirect(stream, &format!("//db.inside:{port}/")),
        "/inside-later" => redirect(stream, "/inside"),
        "/number" => redirect(stream, &format!("http://127.0.0.2:{port}/")),
        "/file" => redirect(stream, "file:///etc/passwd"),
        "/user" => redirect(stream, "http://user:password@photos.example/"),
        "/mail" => redirect(stream, "http://photos.example:25/"),
        "/nowhere" => stream.write_all(b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n"),
        "/for-ever" => redirect(stream, "/for-ever"),
        _ => redirect(stream, "/three-and-more"),
    });
    // Numbers resolve to themselves, as with the system's resolver.
    let resolve = |host: &str, port| match host.parse::<IpAddr>() {
        Ok(address) => Ok(vec![(address, port).into()]),
        Err(_) => by_name(host, port),
    };
    for (path, expected) in [
        ("/twice", "ok"),
        ("/inside", "address_not_allowed"),
        ("/inside-relative", "address_not_allowed"),
        ("/inside-later", "address_not_allowed"),
        ("/number", "address_not_allowed"),
        ("/file", "invalid_address"),
        ("/user", "invalid_address"),
        ("/mail", "address_not_allowed"),
        ("/nowhere", "fetch_failed"),
        ("/for-ever", "fetch_failed"),
    ] {
        let url = format!("http://photos.example:{}{path}", web.port());
        assert_eq!(code(&fetch_by(resolve, &url)), expected, "{path}");
    }
    assert_eq!(web.asked("/for-ever"), 1 + MAX_REDIRECTS);
    assert_eq!(inside.connections(), 0);
}

#[test]
fn a_name_that_changes_its_mind_changes_nothing() {
    let web = Web::at(OUTSIDE, 0, |head, stream| match head.path() {
        "/" => ok(stream, b"picture"),
        _ => redirect(stream, "/"),
    });
    let port = web.port();
    let inside = Web::at(INSIDE, port, |_, stream| ok(stream, b"secret"));
    // The first answer is outside, all later ones are inside.
    let changing = || {
        let asked = AtomicUsize::new(0);
        move |_: &str, port| {
            let first = asked.fetch_add(1, Ordering::SeqCst) == 0;
            Ok(vec![(if first { OUTSIDE } else { INSIDE }, port).into()])
        }
    };
    let url = |path| format!("http://rebind.example:{port}{path}");
    // Checked and connected to is one and the same answer.
    assert_eq!(&fetch_by(changing(), &url("/")).unwrap()[..], b"picture");
    // A redirect asks anew, and the new answer is checked.
    assert_eq!(
        code(&fetch_by(changing(), &url("/again"))),
        "address_not_allowed"
    );
    assert_eq!((web.connections(), inside.connections()), (2, 0));
}

#[test]
fn size_time_and_nonsense_have_their_limits() {
    let web = Web::at(OUTSIDE, 0, |head, stream| {
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        match head.path() {
            "/large" => ok(stream, &vec![0; (1 << 20) + 1]),
            "/just" => ok(stream, &vec![0; 1 << 20]),
            "/endless" => {
                stream.write_all(chunked)?;
                loop {
                    stream.write_all(b"400\r\n")?;
                    stream.write_all(&[0; 0x400])?;
                    stream.write_all(b"\r\n")?;
                }
            }
            "/lie" => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort"),
            "/late" => {
                thread::sleep(Duration::from_secs(3));
                ok(stream, b"late")
            }
            "/drip" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")?;
                for _ in 0..100 {
                    stream.write_all(b"x")?;
                    thread::sleep(Duration::from_millis(50));
                }
                Ok(())
            }
            "/head" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
                loop {
                    stream
                        .write_all(b"x-a: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n")?;
                }
            }
            "/nonsense" => stream.write_all(b"\0\0\0 what is this\r\n\r\n"),
            "/empty" => ok(stream, b""),
            "/none" => Ok(()),
            _ => stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"),
        }
    });
    for (path, expected) in [
        ("/just", "ok"),
        // The decoder says what is wrong with it.
        ("/empty", "ok"),
        ("/large", "fetch_failed"),
        ("/endless", "fetch_failed"),
        ("/lie", "fetch_failed"),
        ("/late", "fetch_failed"),
        ("/drip", "fetch_failed"),
        ("/head", "fetch_failed"),
        ("/nonsense", "fetch_failed"),
        ("/none", "fetch_failed"),
        ("/missing", "fetch_failed"),
    ] {
        let start = Instant::now();
        let result = fetch_by(
            by_name,
            &format!("http://photos.example:{}{path}", web.port()),
        );
        assert_eq!(code(&result), expected, "{path}");
        let took = start.elapsed();
        assert!(took < Duration::from_secs(2), "{path}: {took:?}");
    }
    let plain = format!("https://photos.example:{}/", web.port());
    assert_eq!(code(&fetch_by(by_name, &plain)), "fetch_failed");
}

/// With the real resolver and the real table: however loopback is written, it is not reached.
#[test]
fn this_machine_is_not_reached_by_any_spelling() {
    let web = Web::at(OUTSIDE, 0, |_, stream| ok(stream, b"secret"));
    let network = Network::public();
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "0x7f.1",
        "0x7f000001",
        "0x7F.0x0.0x0.0x1",
        "0177.0.0.1",
        "00000177.0.0.1",
        "2130706433",
        "017700000001",
        "127.0.0.1.",
        "0",
        "0.0.0.0",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fe80::1%25lo]",
        "[fd00:ec2::254]",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "10.0.0.1",
        "192.168.0.1",
        "100.100.100.200",
        "①②⑦.0.0.1",
        "127。0。0。1",
        "127.0.0.1%00.example",
        "127.0.0.1%2f.example",
        "127.0.0.1#.example",
    ] {
        let url = format!("http://{host}:{}/", web.port());
        let result = run(&network, &url);
        assert_ne!(code(&result), "ok", "{host}");
        if host.parse::<IpAddr>().is_ok() {
            assert_eq!(code(&result), "address_not_allowed", "{host}");
        }
    }
    assert_eq!(web.connections(), 0);
}
