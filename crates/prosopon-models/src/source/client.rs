//! Running a package client, with patience and with an eye on the file that it writes.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::Fetch;
use crate::catalogue::Archive;
use crate::error::{ModelsError, Result};
use crate::progress::Bar;

/// How often a running client is looked at.
const POLL: Duration = Duration::from_millis(100);

/// Longest time for a client to say its version; `uv` may fetch `pip` for that.
const PROBE: Duration = Duration::from_mins(1);

/// Most characters of a client's messages that are kept.
const TAIL: usize = 2000;

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
        Ok(Some(status)) if status.success() => Ok(()),
        Ok(Some(status)) => Err(run.failure(shown(client), what, &status.to_string())),
        Ok(None) => Err(ModelsError::ClientTimeout {
            client: shown(client),
            what,
            seconds: timeout.as_secs(),
        }),
        Err(error) => Err(run.failure(shown(client), what, &error.to_string())),
    }
}

/// Where a client runs: it writes into `directory`, and everything temporary into `scratch`, so that
/// nothing is left when the staging directory goes.
struct Run<'a> {
    directory: &'a Path,
    scratch: &'a Path,
}

impl Run<'_> {
    /// Whether this client is there and able to say its version.
    fn works(&self, client: &[OsString]) -> bool {
        let ended = self.wait(client, &["--version"], PROBE, || {});
        matches!(ended, Ok(Some(status)) if status.success())
    }

    /// Runs a client to its end; `None` if it had to be stopped.
    fn wait(
        &self,
        client: &[OsString],
        arguments: &[&str],
        timeout: Duration,
        mut look: impl FnMut(),
    ) -> std::io::Result<Option<ExitStatus>> {
        let mut child = self.start(client, arguments)?;
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                look();
                return Ok(Some(status));
            }
            if started.elapsed() > timeout {
                // It may have ended just now; either way nothing more is to be done about it.
                let _ = child.kill();
                let _ = child.wait();
                return Ok(None);
            }
            look();
            thread::sleep(POLL.min(timeout));
        }
    }

    fn start(&self, client: &[OsString], arguments: &[&str]) -> std::io::Result<Child> {
        let Some((program, first)) = client.split_first() else {
            return Err(std::io::ErrorKind::NotFound.into());
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
            .stderr(File::create(self.directory.join("messages"))?)
            .spawn()
    }

    fn failure(&self, client: String, what: String, otherwise: &str) -> ModelsError {
        let messages = fs::read(self.directory.join("messages")).unwrap_or_default();
        let text = String::from_utf8_lossy(&messages);
        let skipped = text.chars().count().saturating_sub(TAIL);
        let stderr: String = text.trim().chars().skip(skipped).collect();
        if ["ENOSPC", "No space left on device"]
            .iter()
            .any(|sign| stderr.contains(sign))
        {
            return ModelsError::DiskFull {
                action: "fetch a package",
                path: self.directory.to_owned(),
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
