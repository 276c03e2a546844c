//! The thread of one source: frames to watcher to messages.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use prosopon_video::record::{RecordError, RecordOptions, Recorder};
use prosopon_video::show::{ShowError, Window};
use prosopon_video::source::{Source, SourceFacts, SourceState, Stop};
use prosopon_video::{Event, Frame, Summary, TrackView, Watcher, draw};

use super::inputs::failure;
use crate::failure::{Exit, Failure};

/// What all sources are to do beside being watched.
pub(super) struct Plan {
    pub(super) max_position: Option<Duration>,
    pub(super) max_frames: Option<u64>,
    pub(super) record: Option<PathBuf>,
    pub(super) show: bool,
    pub(super) ffmpeg: Option<PathBuf>,
}

/// Where the drawn frames go; opened with the first, whose size they take.
#[derive(Default)]
struct Screens {
    recorder: Option<Recorder>,
    window: Option<Window>,
    is_open: bool,
}

/// What a source tells.
pub(super) enum Message {
    /// How it is doing.
    State { number: usize, state: SourceState },
    /// Something happened; a frame brought it this many seconds ago.
    Event { event: Box<Event>, delay: Duration },
    /// A frame was looked at.
    Frame,
    /// It is over.
    Ended {
        number: usize,
        result: Result<Box<Watched>, Failure>,
    },
}

/// What became of a source.
pub(super) struct Watched {
    pub(super) facts: SourceFacts,
    pub(super) dropped: u64,
    pub(super) problems: Vec<String>,
    pub(super) summary: Summary,
    /// Wall time.
    pub(super) seconds: f64,
}

pub(super) struct Worker {
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) path: Option<PathBuf>,
    pub(super) watcher: Watcher,
    pub(super) source: Box<dyn Source>,
    pub(super) plan: Arc<Plan>,
    pub(super) stop: Stop,
    pub(super) messages: Sender<Message>,
}

impl Worker {
    pub(super) fn run(mut self) {
        let result = self.watch();
        let number = self.number;
        self.send(Message::Ended { number, result });
    }

    fn send(&self, message: Message) {
        // Nobody listens any more at the end.
        let _ = self.messages.send(message);
    }

    fn watch(&mut self) -> Result<Box<Watched>, Failure> {
        let started = Instant::now();
        let mut n_frames = 0;
        let mut last: Option<(Duration, Duration)> = None;
        let mut screens = Screens::default();
        let result = loop {
            if self.stop.is_stopped() {
                break Ok(());
            }
            let frame = match self.source.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => break Ok(()),
                Err(error) => break Err(failure(&error).at(&self.source.facts().name)),
            };
            let is_over = self
                .plan
                .max_position
                .is_some_and(|max| frame.position > max)
                || self.plan.max_frames.is_some_and(|max| n_frames >= max);
            if is_over {
                break Ok(());
            }
            n_frames += 1;
            let since = last.map(|(at, _)| frame.position.saturating_sub(at));
            if last
                .zip(since)
                .is_some_and(|((_, usual), since)| !usual.is_zero() && is_gap(usual, since))
            {
                self.watcher.gap();
            }
            if let Err(failure) = self.look(&frame, &mut screens) {
                break Err(failure);
            }
            last = Some((frame.position, since.unwrap_or_default()));
            self.send(Message::Frame);
        };
        // What was seen is told even if it ended badly.
        for event in self.watcher.finish() {
            self.tell(event, Duration::ZERO);
        }
        // A recording is finished even if the source ended badly.
        let recorded = match screens.recorder {
            Some(recorder) => recorder.finish().map_err(|error| self.unrecorded(&error)),
            None => Ok(()),
        };
        result.and(recorded)?;
        Ok(Box::new(Watched {
            facts: self.source.facts(),
            dropped: self.source.dropped(),
            problems: self.source.problems(),
            summary: self.watcher.summary(),
            seconds: started.elapsed().as_secs_f64(),
        }))
    }

    fn look(&mut self, frame: &Frame, screens: &mut Screens) -> Result<(), Failure> {
        let arrived = Instant::now();
        let seen = self
            .watcher
            .look(frame)
            .map_err(|error| Failure::new(Exit::Setup, "inference_failed", error).at(&self.name))?;
        let is_drawn = self.plan.record.is_some() || self.plan.show;
        let tracks = is_drawn.then(|| seen.tracks.to_vec());
        // First of all: recording may fail.
        for event in seen.events {
            self.tell(event, arrived.elapsed());
        }
        tracks.map_or(Ok(()), |tracks| self.put_on(screens, frame, &tracks))
    }

    /// Draws what was seen on the frame, and records and shows it.
    fn put_on(
        &self,
        screens: &mut Screens,
        frame: &Frame,
        tracks: &[TrackView],
    ) -> Result<(), Failure> {
        let facts = self.source.facts();
        let size = (frame.image.width(), frame.image.height());
        if !screens.is_open {
            screens.is_open = true;
            if let Some(path) = &self.plan.record {
                let options = RecordOptions {
                    ffmpeg: self.plan.ffmpeg.clone(),
                    sound_from: self.path.clone().filter(|_| facts.has_sound),
                };
                let recorder = Recorder::create(path, size, facts.frames_per_second, &options);
                screens.recorder = Some(recorder.map_err(|error| self.unrecorded(&error))?);
            }
            if self.plan.show {
                let window = Window::open(&self.name, size, self.plan.ffmpeg.as_ref());
                screens.window = Some(window.map_err(|error| unshown(&error))?);
            }
        }
        let drawn = draw(&frame.image, tracks);
        if let Some(recorder) = &mut screens.recorder {
            recorder
                .write(&drawn, frame.position)
                .map_err(|error| self.unrecorded(&error))?;
        }
        if let Some(window) = &mut screens.window
            && !window.show(&drawn).map_err(|error| unshown(&error))?
        {
            // Whoever closes the window has seen enough.
            self.stop.stop();
        }
        Ok(())
    }

    fn unrecorded(&self, error: &RecordError) -> Failure {
        let exit = match error {
            RecordError::Ffmpeg(_) | RecordError::NoEncoder => Exit::Setup,
            RecordError::Extension { .. } => Exit::Usage,
            _ => Exit::Storage,
        };
        let failure = Failure::new(exit, error.code(), error);
        let failure = match &self.plan.record {
            Some(path) => failure.at(path.display()),
            None => failure,
        };
        match error.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }

    fn tell(&self, event: Event, delay: Duration) {
        let event = Box::new(event);
        self.send(Message::Event { event, delay });
    }
}

/// Between two frames so far apart anything may have happened: a camera was lost and came back.
fn is_gap(usual: Duration, since: Duration) -> bool {
    const GAP: Duration = Duration::from_secs(3);
    since > GAP.max(usual * 5)
}

fn unshown(error: &ShowError) -> Failure {
    let failure = Failure::new(Exit::Setup, error.code(), error);
    match error.hint() {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}
