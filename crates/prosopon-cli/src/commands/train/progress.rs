//! What a training does, as it does it: a line that changes, and one that stays for each thing that counts.

use indicatif::ProgressBar;
use prosopon_train::train::Event;

use crate::progress;

/// Shows events on standard error, if that is a terminal.
pub(super) struct Progress {
    line: ProgressBar,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            line: progress::spinner("preparing"),
        }
    }

    /// Shows what happened.
    pub(super) fn tell(&self, event: Event<'_>) {
        match event {
            Event::Stage(stage) => self.line.set_message(stage),
            Event::Cell { cell, done, total } => {
                self.line
                    .println(format!("{:6.2} %  {}", 100.0 * cell.mean, cell.name));
                self.line
                    .set_message(format!("trying learners, {done}/{total}"));
            }
            Event::Fold { done, total } => {
                self.line
                    .set_message(format!("cross-validation, {done}/{total} parts"));
            }
            Event::Trial { trial, total } => {
                self.line
                    .println(format!("trial {}/{total}: {trial}", trial.number));
            }
            Event::Epoch { figures, total } => {
                let left = shown(figures.seconds * total.saturating_sub(figures.epoch) as f64);
                let validation = figures
                    .validation_loss
                    .zip(figures.validation_accuracy)
                    .map_or(String::new(), |(loss, accuracy)| {
                        format!(
                            ", validation loss {loss:.4}, accuracy {:.2} %",
                            100.0 * accuracy
                        )
                    });
                self.line.println(format!(
                    "epoch {:>3}/{total}  loss {:.4}, accuracy {:.2} %{validation}, {:.1} s",
                    figures.epoch,
                    figures.loss,
                    100.0 * figures.accuracy,
                    figures.seconds,
                ));
                self.line
                    .set_message(format!("epoch {}, at most {left} left", figures.epoch + 1));
            }
        }
    }

    /// Takes the line away.
    pub(super) fn finish(&self) {
        self.line.finish_and_clear();
    }
}

/// A time for people.
fn shown(seconds: f64) -> String {
    if seconds < 90.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{:.0} min", seconds / 60.0)
    }
}
