//! A running `prosopon watch`, and what it says.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{model_home, shared};
use crate::ffmpeg;
use crate::processes::{Ends, signal, without_settings};

/// A folder with a gallery of the two people of the shared clip.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    home: PathBuf,
    portraits: PathBuf,
}

/// An event as it is kept.
pub(crate) struct Kept {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) name: Option<String>,
}

impl Place {
    pub(crate) fn with_two_people() -> Option<Self> {
        let place = Self {
            folder: tempfile::tempdir().expect("a folder"),
            home: model_home()?,
            portraits: shared("data/video")?,
        };
        for (name, file) in [
            ("alex", "alex-lacamoire.png"),
            ("lin", "lin-manuel-miranda.png"),
        ] {
            let path = place.portraits.join(file).display().to_string();
            let output = place.run(&["enrol", &path, "--subject", name, "--largest-face"]);
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{text}");
        }
        Some(place)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program, which knows the gallery and the file of events.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = without_settings(env!("CARGO_BIN_EXE_prosopon"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("PROSOPON_HOME", &self.home)
            .env("PROSOPON_GALLERY", self.path("gallery.db"))
            .env("PROSOPON_EVENTS", self.path("events.db"));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("it starts")
    }

    /// Three minutes of the two people, side by side, who are there all the time.
    pub(crate) fn film(&self) -> PathBuf {
        let portrait = |file: &str| self.portraits.join(file).display().to_string();
        let both = "[0]scale=-2:240,pad=320:240:-1:-1[a];[1]scale=-2:240,pad=320:240:-1:-1[b];\
                    [a][b]hstack,fps=10";
        ffmpeg(
            self.folder.path(),
            &[
                "-loop",
                "1",
                "-t",
                "20",
                "-i",
                &portrait("alex-lacamoire.png"),
                "-loop",
                "1",
                "-t",
                "20",
                "-i",
                &portrait("lin-manuel-miranda.png"),
                "-filter_complex",
                both,
                "-c:v",
                "libx264",
                "-preset",
                "ultrafast",
                "-g",
                "10",
                "-pix_fmt",
                "yuv420p",
                "short.mp4",
            ],
        );
        ffmpeg(
            self.folder.path(),
            &[
                "-stream_loop",
                "8",
                "-i",
                "short.mp4",
                "-c",
                "copy",
                "film.mp4",
            ],
        );
        self.path("film.mp4")
    }

    /// All events that are kept.
    pub(crate) fn events(&self) -> Vec<Kept> {
        let output = self.run(&["events", "list", "--limit", "0", "--jsonl"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        let string = |value: &Value| value.as_str().map(str::to_owned);
        text.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter_map(|row| {
                Some(Kept {
                    id: string(&row["id"])?,
                    kind: string(&row["kind"])?,
                    name: string(&row["subject"]["name"]),
                })
            })
            .collect()
    }
}

/// A run of `prosopon watch`.
pub(crate) struct Watch {
    process: Ends,
    seen: Arc<Mutex<Lines>>,
    readers: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Lines {
    events: Vec<Value>,
    errors: String,
}

/// What it has said so far.
pub(crate) struct Seen<'a>(&'a Lines);

/// What it has said in all.
pub(crate) struct Said {
    pub(crate) n_events: usize,
    pub(crate) ids: Vec<String>,
    pub(crate) text: String,
}

impl Seen<'_> {
    pub(crate) fn n_events(&self) -> usize {
        self.0.events.len()
    }

    /// How often frames began to come.
    pub(crate) fn n_starts(&self) -> usize {
        self.0.errors.matches("frames of").count()
    }

    /// Names in events of a kind, each once.
    pub(crate) fn names(&self, kind: &str) -> Vec<&str> {
        let mut names: Vec<_> = self
            .0
            .events
            .iter()
            .filter(|event| event["kind"] == kind)
            .filter_map(|event| event["subject"]["name"].as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Watch {
    pub(crate) fn start(place: &Place, address: &str) -> Self {
        let mut watch = place.command(&["watch", address, "--jsonl", "--cooldown", "3600"]);
        let mut process = Ends::start(watch.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let seen = Arc::new(Mutex::new(Lines::default()));
        let stdout = process.0.stdout.take().expect("a pipe");
        let stderr = process.0.stderr.take().expect("a pipe");
        let readers = vec![
            lines(stdout, &seen, |seen, line| {
                let row: Value = serde_json::from_str(line).expect("a line of JSON");
                if row["kind"].is_string() {
                    seen.events.push(row);
                }
            }),
            lines(stderr, &seen, |seen, line| {
                seen.errors += line;
                seen.errors += "\n";
            }),
        ];
        Self {
            process,
            seen,
            readers,
        }
    }

    pub(crate) fn wait_for(&self, time: Duration, what: &str, is_it: impl Fn(&Seen) -> bool) {
        let until = Instant::now() + time;
        loop {
            {
                let lines = self.seen.lock().expect("no panic");
                if is_it(&Seen(&lines)) {
                    return;
                }
                assert!(
                    Instant::now() < until,
                    "no {what} within {time:?}: {} {:?}",
                    lines.errors,
                    lines.events
                );
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn n_starts(&self) -> usize {
        Seen(&self.seen.lock().expect("no panic")).n_starts()
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(&self.process.0, name);
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Said {
        self.process.0.wait().expect("it ends");
        for reader in std::mem::take(&mut self.readers) {
            reader.join().expect("no panic");
        }
        let lines = self.seen.lock().expect("no panic");
        Said {
            n_events: lines.events.len(),
            ids: lines
                .events
                .iter()
                .filter_map(|event| event["id"].as_str().map(str::to_owned))
                .collect(),
            text: lines.errors.clone(),
        }
    }
}

fn lines(
    pipe: impl Read + Send + 'static,
    seen: &Arc<Mutex<Lines>>,
    mut each: impl FnMut(&mut Lines, &str) + Send + 'static,
) -> JoinHandle<()> {
    let seen = seen.clone();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            // The last line of a killed process may be cut.
            if line.starts_with('{') && !line.ends_with('}') {
                continue;
            }
            each(&mut seen.lock().expect("no panic"), &line);
        }
    })
}
