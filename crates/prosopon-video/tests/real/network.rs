//! A camera that speaks HTTP as cameras do.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

/// Listens on a free port of loopback, and gives each connection after its request to `answer`.
pub(crate) fn serve(answer: impl Fn(TcpStream, &str) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = listener.local_addr().expect("one").to_string();
    let answer = std::sync::Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || {
                let mut request = String::new();
                let mut reader = BufReader::new(stream.try_clone().expect("a clone"));
                while reader.read_line(&mut request).is_ok_and(|n| n > 2) {}
                answer(stream, &request);
            });
        }
    });
    host
}

/// An answer with a status and a page.
pub(crate) fn page(mut stream: TcpStream, status: &str, text: &str) {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n",
        text.len()
    );
    let asks = if status.starts_with("401") {
        "WWW-Authenticate: Basic realm=\"camera\"\r\n"
    } else {
        ""
    };
    write!(stream, "{head}{asks}\r\n{text}").ok();
}

/// Motion JPEG: each picture at twenty frames a second, round and round, `n` in all.
pub(crate) fn motion_jpeg(mut stream: TcpStream, pictures: &[Vec<u8>], n: usize) {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=part\r\n\r\n";
    stream.write_all(head.as_bytes()).ok();
    for i in 0..n {
        // Sizes change after a second.
        let picture = &pictures[i / 20 % pictures.len()];
        let part = format!(
            "--part\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
            picture.len()
        );
        let sent = stream
            .write_all(part.as_bytes())
            .and_then(|()| stream.write_all(picture))
            .and_then(|()| stream.write_all(b"\r\n"));
        if sent.is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("a file")
}
