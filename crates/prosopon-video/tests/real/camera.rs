//! A camera of the network that can be cut and frozen.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::processes::{Ends, signal};

/// The server of `rtsp.py`.
pub(crate) struct Camera {
    process: Ends,
    pub(crate) port: String,
}

impl Camera {
    /// Serves `film` at `port`, to `user` with his password if given. Port 0 takes a free one.
    pub(crate) fn start(port: &str, film: &Path, user: Option<&str>) -> Self {
        // Tests of this package and of the command line use it; both run in the folder of their package.
        let script = "../prosopon-video/tests/real/rtsp.py";
        // The system's own Python, which has the packages of the system.
        let mut python = Command::new("/usr/bin/python3");
        python.arg(script).arg(port).arg(film).args(user);
        let mut process = Ends::start(python.stdout(Stdio::piped()));
        let mut line = String::new();
        let stdout = process.0.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let port = line.trim().strip_prefix("ready ").expect("it listens");
        Self {
            process,
            port: port.to_owned(),
        }
    }

    /// Sends a signal, such as `-STOP`.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.process.0, name);
    }
}
