//! A camera of the network that can be cut and frozen.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The server of `rtsp.py`.
pub(crate) struct Camera {
    process: Child,
    pub(crate) port: String,
}

impl Camera {
    /// Serves `film` at `port`, to `user` with his password if given. Port 0 takes a free one.
    pub(crate) fn start(port: &str, film: &Path, user: Option<&str>) -> Self {
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../prosopon-video/tests/real/rtsp.py"
        );
        // The system's own Python, which has the packages of the system.
        let mut process = Command::new("/usr/bin/python3")
            .arg(script)
            .arg(port)
            .arg(film)
            .args(user)
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let port = line.trim().strip_prefix("ready ").expect("it listens");
        Self {
            process,
            port: port.to_owned(),
        }
    }

    /// Sends a signal, such as `-STOP`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .arg(name)
            .arg(self.process.id().to_string())
            .status()
            .expect("kill runs");
        assert!(status.success());
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
