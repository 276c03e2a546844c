//! The real binary in a temporary folder, with a data directory of its own.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use prosopon::{DecodeLimits, Image};
use serde_json::Value;

use crate::common::{link_all, model_home, shared};
use crate::processes::without_settings;

/// A temporary working folder, and a data directory in it.
pub(crate) struct TestEnv {
    folder: tempfile::TempDir,
}

/// How a run ended.
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl TestEnv {
    /// With an empty data directory.
    pub(crate) fn without_models() -> Self {
        let env = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        fs::create_dir(env.path("home")).expect("a folder");
        env
    }

    /// With the installed models; galleries are private. `None` without installed models.
    pub(crate) fn new() -> Option<Self> {
        let installed = model_home()?;
        let env = Self::without_models();
        let names = ["models", "runtime", "pictures"];
        link_all(&names, &installed, &env.path("home"));
        Some(env)
    }

    /// As [`Self::new`], with pictures of four people, two of each, as `people/NAME/1.jpg`, and of
    /// a `stranger.jpg`: all with one face, of 250 × 250 pixels.
    pub(crate) fn with_people() -> Option<Self> {
        let env = Self::new()?;
        let lfw = shared("data/lfw/images")?;
        for name in PEOPLE {
            fs::create_dir_all(env.path("people").join(name)).expect("a folder");
            for (i, picture) in pictures_of(&lfw.join(name)).iter().take(2).enumerate() {
                let copy = format!("people/{name}/{}.jpg", i + 1);
                fs::copy(picture, env.path(&copy)).expect("a copy");
            }
        }
        let stranger = &pictures_of(&lfw.join("Abel_Pacheco"))[0];
        fs::copy(stranger, env.path("stranger.jpg")).expect("a copy");
        Some(env)
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    pub(crate) fn write(&self, relative: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, bytes).expect("a file");
        path
    }

    pub(crate) fn read_picture(&self, relative: &str) -> Image {
        Image::open(&self.path(relative), &DecodeLimits::default()).expect(relative)
    }

    /// The two pictures of 250 × 250 side by side.
    pub(crate) fn side_by_side(&self, left: &str, right: &str, both: &str) {
        let mut image = Image::filled(500, 250, [0; 3]);
        for (picture, offset) in [(left, 0), (right, 250 * 3)] {
            let picture = self.read_picture(picture);
            let rows = image.pixels_mut().chunks_exact_mut(500 * 3);
            for (row, part) in rows.zip(picture.pixels().chunks_exact(250 * 3)) {
                row[offset..offset + 250 * 3].copy_from_slice(part);
            }
        }
        image.save(&self.path(both)).expect("a file");
    }

    /// The binary, set up to run in the folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = without_settings(env!("CARGO_BIN_EXE_prosopon"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env("PROSOPON_HOME", self.path("home"));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Outcome {
        let output = self.command(args).output().expect("it starts");
        Outcome::of(&output, args)
    }

    pub(crate) fn run_with_input(&self, args: &[&str], input: &[u8]) -> Outcome {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // Whoever does not read its input closes it, which is no error here.
        let _ = stdin.write_all(input);
        drop(stdin);
        Outcome::of(&child.wait_with_output().expect("it ends"), args)
    }

    /// Arguments for decisions: none, so that the default rate is used, unless the default embedder
    /// has no calibration.
    pub(crate) fn decision(&self) -> &'static [&'static str] {
        let document = self.json(0, &["models", "list"]);
        let mut models = list(&document, "/models").iter();
        let embedder = models.find(|m| m["name"] == "fr-feature");
        if embedder.is_some_and(|m| m["calibration"].is_null()) {
            eprintln!("left out: decisions by rate, since fr-feature has no calibration");
            return &["--threshold", "0.33"];
        }
        &[]
    }

    /// Runs with `--json`, expects `status`, and gives the document.
    pub(crate) fn json(&self, status: i32, args: &[&str]) -> Value {
        let args = [args, &["--json"]].concat();
        self.run(&args).expect(status).json()
    }

    /// Runs with `--jsonl`, expects `status`, and gives the lines.
    pub(crate) fn json_lines(&self, status: i32, args: &[&str]) -> Vec<Value> {
        let args = [args, &["--jsonl"]].concat();
        let outcome = self.run(&args).expect(status);
        let lines = outcome.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).expect(line))
            .collect()
    }
}

/// People of the shared data with several pictures that show nobody else.
pub(crate) const PEOPLE: [&str; 4] = [
    "Amelia_Vega",
    "Anna_Kournikova",
    "Azra_Akin",
    "Ali_Khamenei",
];

/// The files in `folder`, in order.
pub(crate) fn pictures_of(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}

impl Outcome {
    fn of(output: &std::process::Output, args: &[&str]) -> Self {
        let outcome = Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout.clone()).expect("text"),
            stderr: String::from_utf8(output.stderr.clone()).expect("text"),
        };
        assert!(
            !outcome.stderr.contains("panicked") && outcome.status >= 0,
            "{args:?}: {}",
            outcome.stderr
        );
        outcome
    }

    /// The same, if it ended with `status`.
    pub(crate) fn expect(self, status: i32) -> Self {
        assert_eq!(
            self.status, status,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).expect(&self.stdout)
    }

    /// The text, if all ended well.
    pub(crate) fn text(self) -> String {
        self.expect(0).stdout
    }

    /// What was said on standard error of a run that ends with this status.
    pub(crate) fn fails(self, status: i32) -> String {
        self.expect(status).stderr
    }
}

/// The number at `pointer` of a JSON document.
pub(crate) fn number(value: &Value, pointer: &str) -> f64 {
    let number = value.pointer(pointer).and_then(Value::as_f64);
    number.unwrap_or_else(|| panic!("no number at {pointer} in {value:#}"))
}

/// The text at `pointer` of a JSON document.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let text = value.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("no text at {pointer} in {value:#}"))
}

/// The list at `pointer` of a JSON document.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    let list = value.pointer(pointer).and_then(Value::as_array);
    list.unwrap_or_else(|| panic!("no list at {pointer} in {value:#}"))
}
