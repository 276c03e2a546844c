//! A web server on loopback for tests: real sockets, any answer, and a memory of what was asked.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Stands for the open internet in tests.
pub const OUTSIDE: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Stands for a machine inside.
pub const INSIDE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Whether an address is the one that stands for the open internet.
pub fn is_outside(address: IpAddr) -> bool {
    address == IpAddr::V4(OUTSIDE)
}

/// A server that answers each path in its own way, and counts connections.
#[derive(Debug, Clone)]
pub struct Web {
    port: u16,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Web {
    /// A server at `address`, port `port` (0 for any that is free). `answer` gets the head of a request
    /// and writes what it wants; the connection ends with it.
    ///
    /// # Panics
    /// If the port is not free.
    pub fn at(
        address: Ipv4Addr,
        port: u16,
        answer: impl Fn(&Head, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((address, port)).expect("a free port");
        let port = listener.local_addr().expect("a bound socket").port();
        let web = Self {
            port,
            connections: Arc::default(),
            requests: Arc::default(),
        };
        let (served, answer) = (web.clone(), Arc::new(answer));
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                served.connections.fetch_add(1, Ordering::SeqCst);
                let (served, answer) = (served.clone(), Arc::clone(&answer));
                thread::spawn(move || {
                    // A client that leaves early is part of many a test.
                    let _ = served.serve(&mut stream, &*answer);
                });
            }
        });
        web
    }

    fn serve(
        &self,
        stream: &mut TcpStream,
        answer: &(dyn Fn(&Head, &mut TcpStream) -> io::Result<()> + Sync),
    ) -> io::Result<()> {
        let mut head = String::new();
        let mut reader = BufReader::new(stream.try_clone()?);
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.push(head.clone());
        drop(requests);
        answer(&Head(head), stream)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `http://127.0.0.1:PORT` and `path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{OUTSIDE}:{}{path}", self.port)
    }

    /// How many connections there have been.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The heads of all requests, in order.
    pub fn requests(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.clone()
    }

    /// How often `path` was asked for.
    pub fn asked(&self, path: &str) -> usize {
        let start = format!("GET {path} ");
        let requests = self.requests();
        requests.iter().filter(|r| r.starts_with(&start)).count()
    }
}

/// The head of a request.
#[derive(Debug)]
pub struct Head(String);

impl Head {
    /// Path and query.
    pub fn path(&self) -> &str {
        self.0.split(' ').nth(1).unwrap_or("")
    }

    /// The value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Status 200 with a body.
///
/// # Errors
/// If the client has left.
pub fn ok(stream: &mut TcpStream, body: &[u8]) -> io::Result<()> {
    ok_with(stream, "", body)
}

/// Status 200 with a body and more headers, each ended by `\r\n`.
///
/// # Errors
/// If the client has left.
pub fn ok_with(stream: &mut TcpStream, headers: &str, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\n{headers}content-length: {length}\r\n\r\n"
    )?;
    stream.write_all(body)
}

/// A status without a body, and headers, each ended by `\r\n`.
///
/// # Errors
/// If the client has left.
pub fn status(stream: &mut TcpStream, status: &str, headers: &str) -> io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{headers}content-length: 0\r\n\r\n"
    )
}

/// Status 302 to another address.
///
/// # Errors
/// If the client has left.
pub fn redirect(stream: &mut TcpStream, to: &str) -> io::Result<()> {
    status(stream, "302 Found", &format!("location: {to}\r\n"))
}
