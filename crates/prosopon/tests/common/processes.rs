//! Processes that tests start, what they say, and ports for them.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A process that ends with the test.
pub(crate) struct Ends(pub(crate) Child);

impl Ends {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("it starts"))
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it has ended");
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a signal, such as `-STOP`.
pub(crate) fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let status = Command::new("kill").args([name, &pid]).status();
    assert!(status.expect("kill runs").success());
}

/// A program that finds nothing to read, and none of the settings of whoever runs the tests.
pub(crate) fn without_settings(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PROSOPON_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// This program again, as one of its tests alone, whose output is read; the test may be marked as ignored.
pub(crate) fn as_process(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .args(["--include-ignored", "--exact", test, "--nocapture"])
        .stdout(Stdio::piped());
    command
}

/// What a process says is done, a line each, until it ends.
pub(crate) struct Acknowledged<T> {
    some: Receiver<()>,
    reader: JoinHandle<Vec<T>>,
}

impl<T: Send + 'static> Acknowledged<T> {
    /// Reads what `child` prints. `parse` gives `None` for a line that says something else or lacks its end.
    pub(crate) fn by(
        child: &mut Child,
        parse: impl Fn(&str) -> Option<T> + Send + 'static,
    ) -> Self {
        let stdout = child.stdout.take().expect("its output");
        let (sender, some) = channel();
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(done) = parse(&line) {
                    let _ = sender.send(());
                    all.push(done);
                }
            }
            all
        });
        Self { some, reader }
    }

    /// Waits for the first; `false` if it does not come in time or at all.
    pub(crate) fn comes_within(&self, patience: Duration) -> bool {
        self.some.recv_timeout(patience).is_ok()
    }

    /// All of them, once the process has ended.
    pub(crate) fn all(self) -> Vec<T> {
        self.reader.join().expect("its lines")
    }
}

/// A port of loopback that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

/// A connection to a port of loopback, as soon as somebody listens there.
///
/// # Panics
/// If nobody does within `patience`.
pub(crate) fn connect(port: u16, patience: Duration) -> TcpStream {
    let start = Instant::now();
    loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            Ok(stream) => return stream,
            Err(error) => assert!(start.elapsed() < patience, "port {port}: {error}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
