//! Whatever a checkpoint holds behind its fingerprint, going on from it ends in an error or in a network.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use libfuzzer_sys::fuzz_target;
use prosopon_fuzz::{begin, file, place, sealed, toys, unsealed};
use prosopon_train::nn::{FitOptions, Labelled, fit};

const MAGIC: &[u8; 8] = b"PROSTRN\x01";
const FINGERPRINT_BYTES: usize = 32;

/// What a training leaves after one epoch.
static GENUINE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let path = place().join("genuine");
    train(&path, 1).expect("a network");
    unsealed(&std::fs::read(&path).expect("a file"))
});

fn train(checkpoint: &PathBuf, epochs: usize) -> Option<()> {
    let options = FitOptions {
        epochs,
        checkpoint: Some(checkpoint.clone()),
        ..toys::options()
    };
    let set: Labelled = (&toys::Samples, &toys::LABELS);
    let none: Labelled = (&toys::Nothing, &[]);
    let fitted = fit(
        &toys::architecture(),
        set,
        none,
        &options,
        &mut |_| (),
        &AtomicBool::new(false),
    );
    fitted.ok().map(|_| ())
}

fn seeds() -> Vec<Vec<u8>> {
    vec![GENUINE[FINGERPRINT_BYTES..].to_vec()]
}

fuzz_target!(init: begin(seeds), |content: &[u8]| {
    let content = [&GENUINE[..FINGERPRINT_BYTES], content].concat();
    let path = file("checkpoint", &sealed(MAGIC, &content));
    train(&path, 2);
});
