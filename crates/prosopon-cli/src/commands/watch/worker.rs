//! The thread of one source: frames to watcher to messages.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use prosopon_video::source::{Source, SourceFacts, SourceState, Stop};
use prosopon_video::{Event, Frame, Summary, Watcher};

use super::inputs::failure;
use crate::failure::{Exit, Failure};

/// What all sources are to do beside being watched.
pub(super) struct Plan {
    pub(super) max_position: Option<Duration>,
    pub(super) max_frames: Option<u64>,
    pub(super) record: Option<PathBuf>,
    pub(super) show: bool,
}

/// What a source tells.
pub(super) enum Message {
    /// How it is doing.
    State { number: usize, state: SourceState },
    /// Something happened; a frame brought it this many seconds ago.
    Event { event: Box<Event>, delay: Duration },
    /// A frame was looked at.
    Frame { number: usize },
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
            if let Err(failure) = self.look(&frame) {
                break Err(failure);
            }
            last = Some((frame.position, since.unwrap_or_default()));
            self.send(Message::Frame {
                number: self.number,
            });
        };
        // What was seen is told even if it ended badly.
        for event in self.watcher.finish() {
            self.tell(event, Duration::ZERO);
        }
        result?;
        Ok(Box::new(Watched {
            facts: self.source.facts(),
            dropped: self.source.dropped(),
            problems: self.source.problems(),
            summary: self.watcher.summary(),
            seconds: started.elapsed().as_secs_f64(),
        }))
    }

    fn look(&mut self, frame: &Frame) -> Result<(), Failure> {
        let arrived = Instant::now();
        let seen = self
            .watcher
            .look(frame)
            .map_err(|error| Failure::new(Exit::Setup, "inference_failed", error).at(&self.name))?;
        let events = seen.events;
        for event in events {
            self.tell(event, arrived.elapsed());
        }
        Ok(())
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
