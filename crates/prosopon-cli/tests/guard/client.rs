//! A client that sends exactly what it is told to, and reads what comes back.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use socket2::{Domain, Socket, Type};

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A header's value; `name` in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(crate) fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("no JSON: {}{text}", self.head))
    }

    /// The code of an error, after a look at its shape.
    pub(crate) fn code(&self) -> String {
        let document = self.json();
        let text = |pointer: &str| {
            let text = document.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_else(|| panic!("no {pointer} in {document}"))
                .to_owned()
        };
        assert!(!text("/error/message").is_empty());
        assert_eq!(
            Some(text("/request_id").as_str()),
            self.header("x-request-id")
        );
        text("/error/code")
    }

    /// The same, if it has this status.
    pub(crate) fn expect(self, status: u16) -> Self {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{}{text}", self.head);
        self
    }
}

/// A request in the making.
#[derive(Clone)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The address that it comes from.
    from: Ipv4Addr,
}

impl<'a> Request<'a> {
    pub(crate) fn new(method: &'a str, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
            from: Ipv4Addr::LOCALHOST,
        }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("x-api-key", key)
    }

    pub(crate) fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    pub(crate) fn json(self, text: impl Into<String>) -> Self {
        self.body("application/json", text.into())
    }

    pub(crate) fn from(mut self, address: Ipv4Addr) -> Self {
        self.from = address;
        self
    }

    pub(crate) fn bytes(&self, host: &str) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        let has = |name: &str| self.headers.iter().any(|(known, _)| known == name);
        if !has("host") {
            text += &format!("host: {host}\r\n");
        }
        if !has("content-length") && !has("transfer-encoding") {
            text += &format!("content-length: {}\r\n", self.body.len());
        }
        if !has("connection") {
            text += "connection: close\r\n";
        }
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        let mut bytes = (text + "\r\n").into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    pub(crate) fn try_send(&self, to: SocketAddr) -> io::Result<Answer> {
        let mut stream = connect(to, self.from)?;
        stream.write_all(&self.bytes(&to.to_string()))?;
        read_answer(&mut stream)
    }

    pub(crate) fn send(&self, to: SocketAddr) -> Answer {
        let sent = self.try_send(to);
        sent.unwrap_or_else(|error| panic!("{} {}: {error}", self.method, self.path))
    }
}

/// A connection from one of this machine's own addresses.
pub(crate) fn connect(to: SocketAddr, from: Ipv4Addr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if from != Ipv4Addr::LOCALHOST {
        socket.bind(&SocketAddr::from((IpAddr::V4(from), 0)).into())?;
    }
    socket.connect(&to.into())?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    stream.set_write_timeout(Some(Duration::from_mins(1)))?;
    Ok(stream)
}

/// Reads one answer, in any of the ways in which its end is told.
pub(crate) fn read_answer(stream: &mut TcpStream) -> io::Result<Answer> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!(
                    "the connection ends in the head: {}",
                    String::from_utf8_lossy(&head)
                ),
            ));
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no status: {head}")))?;
    let mut answer = Answer {
        status,
        head,
        body: Vec::new(),
    };
    let length = answer.header("content-length").map(str::parse);
    match length {
        Some(Ok(length)) => {
            answer.body = vec![0; length];
            stream.read_exact(&mut answer.body)?;
        }
        _ if answer.header("transfer-encoding").is_some() => {
            let mut raw = Vec::new();
            stream.read_to_end(&mut raw)?;
            answer.body = unchunked(&raw);
        }
        _ if matches!(status, 100..200 | 204 | 304) => {}
        _ => {
            stream.read_to_end(&mut answer.body)?;
        }
    }
    Ok(answer)
}

fn unchunked(mut raw: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = raw.windows(2).position(|two| two == b"\r\n") {
        let size = String::from_utf8_lossy(&raw[..end]).into_owned();
        let size = usize::from_str_radix(size.trim(), 16).expect("a size");
        if size == 0 {
            break;
        }
        body.extend_from_slice(&raw[end + 2..end + 2 + size]);
        raw = &raw[end + 4 + size..];
    }
    body
}

/// The type of what [`form`] makes.
pub(crate) const FORM: &str = "multipart/form-data; boundary=limit";

/// `multipart/form-data` with these parts: name, file name, bytes.
pub(crate) fn form(parts: &[(&str, &str, &[u8])]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (name, file_name, bytes) in parts {
        body.extend_from_slice(
            format!(
                "--limit\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\n\
                 content-type: application/octet-stream\r\n\r\n"
            )
            .as_bytes(),
        );
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--limit--\r\n");
    (FORM.to_owned(), body)
}
