//! `prosopon serve` in a temporary folder, and the commands that go with it.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::{Answer, Request, connect};
use crate::common::{link_all, model_home, shared};
use crate::processes::{Ends, signal, without_settings};

/// A folder with everything that a server keeps.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// `None` without installed models or test pictures.
    pub(crate) fn new() -> Option<Arc<Self>> {
        let installed = model_home()?;
        shared("data/lfw/images")?;
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join("home");
        std::fs::create_dir(&home).expect("a folder");
        link_all(&["models", "runtime"], &installed, &home);
        Some(Arc::new(Self { folder }))
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// The binary, with settings in the environment and no others.
    pub(crate) fn command(&self, settings: &[(&str, &str)]) -> Command {
        let mut command = without_settings(env!("CARGO_BIN_EXE_prosopon"));
        command
            .current_dir(self.folder.path())
            .env("PROSOPON_HOME", self.path("home"));
        for (name, value) in settings {
            command.env(format!("PROSOPON_{}", name.to_uppercase()), value);
        }
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(&[]).args(args).output().expect("it starts")
    }

    /// Makes a key.
    pub(crate) fn key(&self, name: &str, scope: &str, more: &[&str]) -> String {
        let args = [&["keys", "create", name, "--scope", scope, "--json"], more].concat();
        let output = self.run(&args);
        assert!(output.status.success(), "{output:?}");
        let made: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        made["key"].as_str().expect("a key").to_owned()
    }
}

/// A server that answers; ended when it is dropped.
pub(crate) struct Served {
    /// First, so that it ends before its folder goes.
    child: Ends,
    pub(crate) place: Arc<Place>,
    pub(crate) address: SocketAddr,
    pub(crate) is_https: bool,
    log: Arc<Mutex<Vec<String>>>,
}

impl Served {
    /// Starts in a new folder; `None` without models or pictures.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Option<Self> {
        Some(Self::start_in(&Place::new()?, settings))
    }

    /// Starts and waits until it is ready.
    pub(crate) fn start_in(place: &Arc<Place>, settings: &[(&str, &str)]) -> Self {
        let mut serve = place.command(settings);
        serve
            .args(["serve", "--listen", "127.0.0.1:0", "--offline"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = Ends::start(&mut serve);
        let log = Arc::new(Mutex::new(Vec::new()));
        let (sender, ready) = mpsc::channel();
        let (lines, stderr) = (Arc::clone(&log), child.0.stderr.take().expect("a pipe"));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if let Some(rest) = line.strip_prefix("ready: ") {
                    let url = rest.split(' ').next().unwrap_or("").to_owned();
                    let _ = sender.send(url);
                }
                lines.lock().expect("the log").push(line);
            }
        });
        let url = ready.recv_timeout(Duration::from_mins(2));
        let url = url.unwrap_or_else(|_| panic!("it is not ready: {:?}", log.lock()));
        let (scheme, address) = url.split_once("://").expect("an address");
        Self {
            place: Arc::clone(place),
            address: address.parse().expect("an address"),
            is_https: scheme == "https",
            child,
            log,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.0.id()
    }

    /// All that was written to standard error.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("the log").join("\n")
    }

    /// The same, once it has `text`: answers may come before the lines about them. What there is after ten seconds
    /// without it.
    pub(crate) fn log_with(&self, text: &str) -> String {
        let start = Instant::now();
        loop {
            let log = self.log();
            if log.contains(text) || start.elapsed() > Duration::from_secs(10) {
                return log;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.address, Ipv4Addr::LOCALHOST).expect("a connection")
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        Request::new("GET", path).send(self.address)
    }

    /// Detects faces on `picture`.
    pub(crate) fn detect(&self, picture: &[u8]) -> Answer {
        Request::new("POST", "/v1/detect")
            .body("application/octet-stream", picture)
            .send(self.address)
    }

    /// Waiting and running.
    pub(crate) fn queue(&self) -> (u64, u64) {
        let system = self.get("/v1/system").expect(200).json();
        let number = |name: &str| system["queue"][name].as_u64().expect("a number");
        (number("waiting"), number("running"))
    }

    /// Waits until the queue is as `wanted`; `false` if it is not so for ten seconds.
    pub(crate) fn wait_for_queue(&self, wanted: impl Fn(u64, u64) -> bool) -> bool {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(10) {
            let (waiting, running) = self.queue();
            if wanted(waiting, running) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// Resident memory, now and at most, in MiB.
    pub(crate) fn memory_mib(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.unwrap_or_default();
        let kib = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
            number.unwrap_or(0)
        };
        (kib("VmRSS:") / 1024, kib("VmHWM:") / 1024)
    }

    /// Ends it at once.
    pub(crate) fn kill(mut self) {
        self.child.kill();
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        signal(&self.child.0, "-TERM");
    }

    /// How it ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.0.wait().expect("it ends")
    }
}

/// A picture with one face, of 250 × 250 pixels.
pub(crate) fn picture() -> Vec<u8> {
    pictures_of("Anna_Kournikova").remove(0)
}

/// All pictures of somebody.
pub(crate) fn pictures_of(name: &str) -> Vec<Vec<u8>> {
    let folder = shared("data/lfw/images").expect("pictures").join(name);
    files(&folder)
        .iter()
        .map(|path| std::fs::read(path).expect("a picture"))
        .collect()
}

/// The files of a folder, in order.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}
