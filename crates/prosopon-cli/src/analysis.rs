//! Running many pictures through the engine: several workers, results in order.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use prosopon::image::DecodeLimits;
use prosopon::{AlignedCrop, Detection, Detector, DetectorOptions, Face, FaceEngine, Image};
use serde::Serialize;

use crate::failure::Failure;
use crate::pictures::Input;
use crate::progress;

/// Pictures that a worker takes at a time when there are many: their faces are embedded in one
/// batch.
const CHUNK: usize = 4;

/// A picture that was read.
pub(crate) struct Picture {
    /// The encoded file.
    pub(crate) bytes: Vec<u8>,
    /// The decoded picture.
    pub(crate) image: Image,
}

/// What is kept of a picture, and what was found in it; or why it could not be used.
pub(crate) type Analysed<K, T> = Result<(K, T), Failure>;

/// Width and height in pixels, for `keep`.
pub(crate) fn size_of(picture: &Picture) -> (u32, u32) {
    (picture.image.width(), picture.image.height())
}

/// Time spent in each stage, summed over all workers.
#[derive(Debug, Default)]
pub(crate) struct StageTimes {
    decode: AtomicU64,
    detect: AtomicU64,
    align: AtomicU64,
    embed: AtomicU64,
}

/// [`StageTimes`] in seconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct StageSeconds {
    pub(crate) decode: f64,
    pub(crate) detect: f64,
    pub(crate) align: f64,
    pub(crate) embed: f64,
}

impl StageTimes {
    fn time<T>(stage: &AtomicU64, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        stage.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        result
    }

    pub(crate) fn seconds(&self) -> StageSeconds {
        let of =
            |stage: &AtomicU64| Duration::from_nanos(stage.load(Ordering::Relaxed)).as_secs_f64();
        StageSeconds {
            decode: of(&self.decode),
            detect: of(&self.detect),
            align: of(&self.align),
            embed: of(&self.embed),
        }
    }
}

impl StageSeconds {
    /// `decode 20 %, detect 50 %, align 5 %, embed 25 %`.
    pub(crate) fn shares(&self) -> String {
        let total = (self.decode + self.detect + self.align + self.embed).max(f64::MIN_POSITIVE);
        let share = |stage: f64| stage / total * 100.0;
        format!(
            "decode {:.0} %, detect {:.0} %, align {:.0} %, embed {:.0} %",
            share(self.decode),
            share(self.detect),
            share(self.align),
            share(self.embed)
        )
    }
}

fn decode(input: &Input, limits: &DecodeLimits, times: &StageTimes) -> Result<Picture, Failure> {
    StageTimes::time(&times.decode, || {
        let bytes = input.read(limits)?;
        let image = Image::decode(&bytes, limits)?;
        Ok(Picture { bytes, image })
    })
    .map_err(|failure: Failure| failure.at(input))
}

/// Reads each picture and passes what `keep` takes of it to `sink`, in order.
pub(crate) fn read_all<K: Send>(
    inputs: &[Input],
    limits: &DecodeLimits,
    workers: usize,
    keep: impl Fn(Picture) -> K + Sync,
    mut sink: impl FnMut(&Input, Result<K, Failure>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let times = StageTimes::default();
    let work = |chunk: &[Input]| {
        chunk
            .iter()
            .map(|input| Ok((keep(decode(input, limits, &times)?), ())))
            .collect()
    };
    run(inputs, workers, 1, work, |input, read| {
        sink(input, read.map(|(kept, ())| kept))
    })
}

/// Finds the faces in each picture and passes them to `sink`, in order.
///
/// `keep` takes from each picture and its faces what `sink` needs of it; the rest is freed at once, so that many
/// large pictures need little memory.
pub(crate) fn detect_all<K: Send>(
    inputs: &[Input],
    (detector, options): (&dyn Detector, &DetectorOptions),
    limits: &DecodeLimits,
    workers: usize,
    times: &StageTimes,
    keep: impl Fn(Picture, &[Detection]) -> K + Sync,
    sink: impl FnMut(&Input, Analysed<K, Vec<Detection>>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let work = |chunk: &[Input]| {
        chunk
            .iter()
            .map(|input| {
                let picture = decode(input, limits, times)?;
                let detections =
                    StageTimes::time(&times.detect, || detector.detect(&picture.image, options))
                        .map_err(|error| Failure::from(error).at(input))?;
                Ok((keep(picture, &detections), detections))
            })
            .collect()
    };
    run(inputs, workers, 1, work, sink)
}

/// Detects, aligns and embeds the faces in each picture and passes them to `sink`, in order;
/// `keep` as in [`detect_all`].
pub(crate) fn analyze_all<K: Send>(
    inputs: &[Input],
    engine: &FaceEngine,
    limits: &DecodeLimits,
    workers: usize,
    times: &StageTimes,
    keep: impl Fn(Picture, &[Detection]) -> K + Sync,
    sink: impl FnMut(&Input, Analysed<K, Vec<Face>>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // With few pictures, spreading them over the workers is worth more than batches.
    let chunk = (inputs.len() / workers.max(1)).clamp(1, CHUNK);
    let work = |chunk: &[Input]| analyze_chunk(chunk, engine, limits, times, &keep);
    run(inputs, workers, chunk, work, sink)
}

/// A picture whose faces are found and upright, but not embedded yet.
struct Prepared<K> {
    kept: K,
    detections: Vec<Detection>,
    crops: Vec<AlignedCrop>,
}

fn analyze_chunk<K>(
    chunk: &[Input],
    engine: &FaceEngine,
    limits: &DecodeLimits,
    times: &StageTimes,
    keep: impl Fn(Picture, &[Detection]) -> K,
) -> Vec<Analysed<K, Vec<Face>>> {
    let prepare = |input: &Input| {
        let picture = decode(input, limits, times)?;
        let detections = StageTimes::time(&times.detect, || engine.detect(&picture.image))
            .map_err(|error| Failure::from(error).at(input))?;
        let crops = StageTimes::time(&times.align, || {
            let align = |detection| engine.align(&picture.image, detection);
            detections.iter().map(align).collect::<Result<_, _>>()
        })
        .map_err(|error| Failure::from(error).at(input))?;
        Ok(Prepared {
            kept: keep(picture, &detections),
            detections,
            crops,
        })
    };
    let mut prepared: Vec<Result<Prepared<K>, Failure>> = chunk.iter().map(prepare).collect();
    let crops: Vec<AlignedCrop> = prepared
        .iter_mut()
        .flatten()
        .flat_map(|p| std::mem::take(&mut p.crops))
        .collect();
    let embeddings = StageTimes::time(&times.embed, || engine.embed(&crops)).map_err(Failure::from);
    let mut faces = match embeddings {
        Ok(embeddings) => crops.into_iter().zip(embeddings),
        Err(failure) => {
            return chunk
                .iter()
                .zip(prepared)
                .map(|(input, prepared)| prepared.and_then(|_| Err(failure.clone().at(input))))
                .collect();
        }
    };
    prepared
        .into_iter()
        .map(|prepared| {
            let Prepared {
                kept, detections, ..
            } = prepared?;
            let faces = detections
                .into_iter()
                .zip(faces.by_ref())
                .map(|(detection, (crop, embedding))| Face {
                    detection,
                    crop,
                    embedding,
                })
                .collect();
            Ok((kept, faces))
        })
        .collect()
}

/// Chunks for each worker that are worked on or done and not yet passed on: what is done waits for the ones before it.
const AHEAD: usize = 4;

/// Deals `inputs` out to `workers` in chunks and passes results to `sink` in the order of `inputs`.
fn run<K: Send, T: Send>(
    inputs: &[Input],
    workers: usize,
    chunk: usize,
    work: impl Fn(&[Input]) -> Vec<Analysed<K, T>> + Sync,
    mut sink: impl FnMut(&Input, Analysed<K, T>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut chunks = (0..).step_by(chunk).zip(inputs.chunks(chunk)).peekable();
    let workers = workers.clamp(1, inputs.len().div_ceil(chunk).max(1));
    let bar = progress::bar(inputs.len(), "pictures");
    let (deal, dealt) = mpsc::channel();
    let dealt = Mutex::new(dealt);
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..workers {
            let sender = sender.clone();
            let (dealt, work) = (&dealt, &work);
            let next = || locked(dealt).recv();
            scope.spawn(move || {
                // There is nothing more to come once all is dealt, or the sink has failed.
                while let Ok((start, chunk)) = next() {
                    let results = panic::catch_unwind(AssertUnwindSafe(|| work(chunk)));
                    if sender.send((start, results)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for chunk in chunks.by_ref().take(AHEAD * workers) {
            deal.send(chunk).ok();
        }
        // It is closed as soon as all is dealt.
        let mut deal = Some(deal).filter(|_| chunks.peek().is_some());
        let mut early = BTreeMap::new();
        let mut done = 0;
        for (start, results) in receiver {
            // The others would wait for what never comes.
            early.insert(
                start,
                results.unwrap_or_else(|panic| panic::resume_unwind(panic)),
            );
            while let Some(results) = early.remove(&done) {
                match (&deal, chunks.next()) {
                    (Some(open), Some(chunk)) => {
                        open.send(chunk).ok();
                    }
                    _ => deal = None,
                }
                for result in results {
                    let outcome = bar.suspend(|| sink(&inputs[done], result));
                    done += 1;
                    bar.inc(1);
                    outcome?;
                }
            }
        }
        bar.finish_and_clear();
        Ok(())
    })
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::failure::Exit;

    fn inputs(n: usize) -> Vec<Input> {
        (0..n)
            .map(|i| Input::File(PathBuf::from(i.to_string())))
            .collect()
    }

    fn number(input: &Input) -> usize {
        input.to_string().parse().unwrap()
    }

    #[test]
    fn results_come_in_order_and_nobody_runs_far_ahead() {
        let (workers, chunk, n_begun) = (3, 2, AtomicUsize::new(0));
        let most = AHEAD * workers * chunk;
        let work = |chunk: &[Input]| -> Vec<Analysed<usize, ()>> {
            n_begun.fetch_add(chunk.len(), Ordering::Relaxed);
            if number(&chunk[0]) == 0 {
                // The others are done with all that they get.
                let end = Instant::now() + Duration::from_secs(10);
                while n_begun.load(Ordering::Relaxed) < most && Instant::now() < end {
                    thread::yield_now();
                }
                thread::sleep(Duration::from_millis(20));
                assert_eq!(n_begun.load(Ordering::Relaxed), most);
            }
            chunk.iter().map(|input| Ok((number(input), ()))).collect()
        };
        assert_eq!(
            passed_on(101, workers, chunk, work),
            (0..101).collect::<Vec<_>>()
        );
    }

    #[test]
    fn none_and_one_end_too() {
        let work = |chunk: &[Input]| chunk.iter().map(|i| Ok((number(i), ()))).collect();
        assert_eq!(passed_on(0, 2, 1, work), [0; 0]);
        assert_eq!(passed_on(1, 2, 1, work), [0]);
    }

    /// What the reader gets of `n` pictures, in its order.
    fn passed_on(
        n: usize,
        workers: usize,
        chunk: usize,
        work: impl Fn(&[Input]) -> Vec<Analysed<usize, ()>> + Sync,
    ) -> Vec<usize> {
        let mut seen = Vec::new();
        let sink = |_: &Input, result: Analysed<usize, ()>| {
            seen.push(result?.0);
            Ok(())
        };
        run(&inputs(n), workers, chunk, work, sink).unwrap();
        seen
    }

    #[test]
    fn a_failure_of_the_reader_ends_the_work() {
        let n_begun = AtomicUsize::new(0);
        let work = |chunk: &[Input]| -> Vec<Analysed<(), ()>> {
            n_begun.fetch_add(1, Ordering::Relaxed);
            chunk.iter().map(|_| Ok(((), ()))).collect()
        };
        let full = |_: &Input, _| Err(Failure::new(Exit::Storage, "disk_full", "the disk is full"));
        let error = run(&inputs(1000), 2, 1, work, full).unwrap_err();
        assert_eq!(error.code, "disk_full");
        assert!(n_begun.load(Ordering::Relaxed) <= 2 * AHEAD + 1);
    }

    #[test]
    #[should_panic(expected = "a mistake of ours")]
    fn a_panic_of_a_worker_is_one_of_the_whole() {
        let work = |chunk: &[Input]| -> Vec<Analysed<(), ()>> {
            assert_ne!(number(&chunk[0]), 5, "a mistake of ours");
            chunk.iter().map(|_| Ok(((), ()))).collect()
        };
        let _ = run(&inputs(100), 2, 1, work, |_, _| Ok(()));
    }
}
