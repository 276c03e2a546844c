//! No child outlives its source, however that ends.

use std::env;
use std::io::{BufRead, BufReader};
use std::thread;
use std::time::{Duration, Instant};

use prosopon_video::source::{SourceOptions, SourceState, Stop};

use crate::made::{open_with, processes_with};
use crate::processes::{Ends, as_process};

/// A size that no other test uses, by which its child is known.
const MARK: &str = "test:322x242@10";

fn gone_within(mark: &str, time: Duration) -> bool {
    let until = Instant::now() + time;
    while !processes_with(mark).is_empty() {
        if Instant::now() > until {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
    true
}

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn stop_wakes_the_reader_and_ends_the_child() {
    let stop = Stop::new();
    let (mut source, told) =
        open_with("test:324x244@1", &SourceOptions::default(), &stop).expect("a source");
    assert!(source.next().expect("no error").is_some());
    assert_eq!(processes_with("324x244").len(), 1);
    let stopper = thread::spawn({
        let stop = stop.clone();
        move || {
            thread::sleep(Duration::from_millis(100));
            stop.stop();
            Instant::now()
        }
    });
    while source.next().expect("no error").is_some() {}
    let stopped = stopper.join().expect("no panic");
    assert!(stopped.elapsed() < Duration::from_millis(500));
    assert!(gone_within("324x244", Duration::from_millis(500)));
    drop(source);
    assert_eq!(told.all().last(), Some(&SourceState::Ended));
}

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn a_dropped_source_ends_its_child() {
    let (mut source, _) =
        open_with("test:326x246@10", &SourceOptions::default(), &Stop::new()).expect("a source");
    assert!(source.next().expect("no error").is_some());
    drop(source);
    assert!(processes_with("326x246").is_empty());
}

/// Run by the test below in a process of its own.
#[test]
#[ignore = "is run by another test"]
fn run_until_killed() {
    if env::var_os("PROSOPON_RUN_UNTIL_KILLED").is_none() {
        return;
    }
    let (mut source, _) =
        open_with(MARK, &SourceOptions::default(), &Stop::new()).expect("a source");
    while let Some(frame) = source.next().expect("no error") {
        println!("frame {}", frame.index);
    }
}

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn the_child_ends_when_we_are_killed() {
    let mut ours = as_process("endings::run_until_killed");
    let mut ours = Ends::start(ours.env("PROSOPON_RUN_UNTIL_KILLED", "1"));
    let lines = BufReader::new(ours.0.stdout.take().expect("a pipe")).lines();
    let frames = lines
        .map_while(Result::ok)
        .filter(|line| line.contains("frame"));
    assert_eq!(frames.take(3).count(), 3);
    assert_eq!(processes_with("322x242").len(), 1);
    ours.kill();
    assert!(gone_within("322x242", Duration::from_secs(3)));
}
