//! Ctrl-C and the request to end.

use std::thread;

use prosopon_video::source::Stop;

use crate::failure::{Exit, Failure};
use crate::output::eprint;

/// Sets `stop` at the first signal, so that tracks end and files are finished; a second one ends the program as usual.
pub(super) fn stop_on_signal(stop: &Stop) -> Result<(), Failure> {
    let unusable = |error: std::io::Error| {
        Failure::new(
            Exit::Setup,
            "no_signals",
            format!("could not listen for Ctrl-C: {error}"),
        )
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(unusable)?;
    let stop = stop.clone();
    // Listens before anything is watched: a signal that comes early is not lost.
    let (listening, listens) = std::sync::mpsc::channel();
    thread::spawn(move || {
        runtime.block_on(async move {
            let waiting = Signals::new();
            let _ = listening.send(waiting.as_ref().err().map(ToString::to_string));
            let Ok(mut signals) = waiting else { return };
            signals.next().await;
            eprint("ending; once more ends at once");
            stop.stop();
            signals.next().await;
            std::process::exit(130);
        });
    });
    match listens.recv() {
        Ok(None) => Ok(()),
        Ok(Some(reason)) => Err(unusable(std::io::Error::other(reason))),
        Err(error) => Err(unusable(std::io::Error::other(error))),
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // Without a console nobody can press it.
        let _ = tokio::signal::ctrl_c().await;
    }
}
