//! Running a package client, with patience and with an eye on the file that it writes.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Fetch;
use crate::catalogue::Archive;
use crate::error::{ModelsError, Result};
use crate::progress::Bar;

/// How often a running client is looked at.
const POLL: Duration = Duration::from_millis(100);

/// Longest time for a client to say its version; `uv` may fetch `pip` for that.
const PROBE: Duration = Duration::from_mins(1);

/// Most bytes of a client's messages that are kept.
const TAIL: usize = 4000;

/// The commands to try for each kind of package, in order; each is a program and its first
/// arguments.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    pub(crate) npm: Vec<Vec<OsString>>,
    pub(crate) pip: Vec<Vec<OsString>>,
}

impl Default for Clients {
    fn default() -> Self {
        let command = |words: &[&str]| words.iter().map(OsString::from).collect();
        Self {
            npm: vec![command(&[if cfg!(windows) { "npm.cmd" } else { "npm" }])],
            pip: vec![
                command(&["pip"]),
                command(&["pip3"]),
                command(&["python3", "-m", "pip"]),
                command(&["python", "-m", "pip"]),
                // `uv pip` cannot download; this runs pip itself in an environment of its own.
                command(&["uv", "tool", "run", "pip"]),
            ],
        }
    }
}

/// Has the first of `clients` that works write `archive` into `directory`.
pub(super) fn fetch(
    fetch: &Fetch<'_>,
    clients: &[Vec<OsString>],
    wanted: &'static str,
    archive: &Archive,
    arguments: &[&str],
    directory: &Path,
) -> Result<()> {
    let what = format!("{} {}", archive.package, archive.version);
    let run = Run {
        home: fetch.workspace.home(),
        directory,
        scratch: &fetch.workspace.subdirectory("tmp")?,
    };
    let Some(client) = clients.iter().find(|client| run.works(client)) else {
        return Err(ModelsError::ClientMissing {
            what,
            wanted,
            tried: clients.iter().map(|client| shown(client)).collect(),
        });
    };
    let title = format!("{what} through {}", shown(client));
    let bar = Bar::begin(fetch.options.progress, &title, Some(archive.size));
    let mut seen = 0;
    let timeout = fetch.options.client_timeout;
    let ended = run.wait(client, arguments, timeout, || {
        let size = largest(directory, run.scratch, &archive.file_name).min(archive.size);
        bar.advance(size.saturating_sub(seen));
        seen = seen.max(size);
    });
    match ended {
        Ok(ended) => match ended.status {
            Some(status) if status.success() => Ok(()),
            Some(status) => {
                Err(run.failure(shown(client), what, ended.stderr, &status.to_string()))
            }
            None => Err(ModelsError::ClientTimeout {
                client: shown(client),
                what,
                seconds: timeout.as_secs(),
            }),
        },
        Err(error) => Err(run.failure(shown(client), what, error.to_string(), "")),
    }
}

/// Where a client runs: it writes into `directory`, and everything temporary into `scratch`, so that
/// nothing is left when the staging directory goes.
struct Run<'a> {
    home: &'a Path,
    directory: &'a Path,
    scratch: &'a Path,
}

/// How a client ended.
struct Ended {
    /// `None` if it had to be stopped.
    status: Option<ExitStatus>,
    /// The end of its messages.
    stderr: String,
}

impl Run<'_> {
    /// Whether this client is there and able to say its version.
    fn works(&self, client: &[OsString]) -> bool {
        let ended = self.wait(client, &["--version"], PROBE, || {});
        ended.is_ok_and(|ended| ended.status.is_some_and(|status| status.success()))
    }

    /// Runs a client to its end, or until it has taken too long.
    fn wait(
        &self,
        client: &[OsString],
        arguments: &[&str],
        timeout: Duration,
        mut look: impl FnMut(),
    ) -> io::Result<Ended> {
        let mut child = self.start(client, arguments)?;
        let messages = child.stderr.take().map(Messages::listen);
        let started = Instant::now();
        let status = loop {
            look();
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            if started.elapsed() > timeout {
                // It may have ended just now; either way nothing more is to be done about it.
                let _ = child.kill();
                let _ = child.wait();
                break None;
            }
            thread::sleep(POLL.min(timeout));
        };
        Ok(Ended {
            status,
            stderr: messages.map(Messages::tail).unwrap_or_default(),
        })
    }

    fn start(&self, client: &[OsString], arguments: &[&str]) -> io::Result<Child> {
        let Some((program, first)) = client.split_first() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        Command::new(program)
            .args(first)
            .args(arguments)
            .current_dir(self.directory)
            .env("TMPDIR", self.scratch)
            .env("TMP", self.scratch)
            .env("TEMP", self.scratch)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
    }

    fn failure(
        &self,
        client: String,
        what: String,
        stderr: String,
        otherwise: &str,
    ) -> ModelsError {
        let signs = ["ENOSPC", "No space left on device"];
        if signs.iter().any(|sign| stderr.contains(sign)) {
            return ModelsError::DiskFull {
                action: "fetch a package",
                path: self.home.to_owned(),
            };
        }
        ModelsError::ClientFailed {
            client,
            what,
            summary: summary(&stderr).unwrap_or(otherwise).to_owned(),
            stderr,
        }
    }
}

/// The messages of a client, gathered while it runs; in memory, since the disk may be full.
struct Messages {
    text: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Messages {
    fn listen(mut stderr: ChildStderr) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&text);
        let reader = thread::spawn(move || {
            let mut block = [0; 4096];
            while let Ok(n @ 1..) = stderr.read(&mut block) {
                let mut text = lock(&shared);
                text.extend_from_slice(&block[..n]);
                let surplus = text.len().saturating_sub(TAIL);
                text.drain(..surplus);
            }
        });
        Self { text, reader }
    }

    /// What came last. A grandchild that still runs may hold the pipe, so the wait is short.
    fn tail(self) -> String {
        let started = Instant::now();
        while !self.reader.is_finished() && started.elapsed() < POLL * 5 {
            thread::sleep(POLL / 20);
        }
        String::from_utf8_lossy(&lock(&self.text)).trim().to_owned()
    }
}

fn lock(text: &Mutex<Vec<u8>>) -> MutexGuard<'_, Vec<u8>> {
    text.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The line that names the cause: `npm`'s first one of more than a keyword and a code, the last one
/// that calls itself an error, or the last.
fn summary(messages: &str) -> Option<&str> {
    let lines = || messages.lines().map(str::trim).filter(|l| !l.is_empty());
    let npm = |line: &&str| line.starts_with("npm error") && line.split(' ').nth(4).is_some();
    let error = |line: &&str| line.to_lowercase().starts_with("error:");
    lines()
        .find(npm)
        .or_else(|| lines().rfind(error))
        .or_else(|| lines().next_back())
}

fn shown(client: &[OsString]) -> String {
    let words: Vec<_> = client.iter().map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// Size of the file that is being written: in its place, or one level down in the client's own
/// temporary directory.
fn largest(directory: &Path, scratch: &Path, name: &str) -> u64 {
    let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    let below = fs::read_dir(scratch).into_iter().flatten().flatten();
    below
        .map(|entry| size(&entry.path().join(name)))
        .fold(size(&directory.join(name)), u64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_says_most_is_found() {
        let npm = "npm error code E404\nnpm error 404 Not Found\nnpm error A complete log of this run can be found in: x\n";
        for (messages, expected) in [
            (npm, Some("npm error 404 Not Found")),
            (
                "npm error code ECONNREFUSED\nnpm error errno ECONNREFUSED\nnpm error FetchError: request failed, reason: refused\nnpm error     at x (y)\n",
                Some("npm error FetchError: request failed, reason: refused"),
            ),
            (
                "WARNING: old\nERROR: No matching distribution found for x\n\n[notice] new release\n",
                Some("ERROR: No matching distribution found for x"),
            ),
            ("something\nbroke\n", Some("broke")),
            ("", None),
        ] {
            assert_eq!(summary(messages), expected);
        }
    }
}
