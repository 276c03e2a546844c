//! Whatever a head's file holds behind its digest, reading it ends in an error or in a head that can be applied.
#![no_main]

use std::sync::atomic::AtomicBool;

use libfuzzer_sys::fuzz_target;
use prosopon::{Embedding, ModelId};
use prosopon_fuzz::{begin, file, place, sealed, toys, unsealed};
use prosopon_train::metric::{Head, HeadOptions, fit_head};

const MAGIC: &[u8; 8] = b"PROSHED\x01";

fn seeds() -> Vec<Vec<u8>> {
    let people: Vec<usize> = (0..24).map(|i| i / 2).collect();
    let embeddings: Vec<Embedding> = (0..24)
        .map(|i| toys::embedding(i as f32 * 0.13 - 1.0))
        .collect();
    let train = |hidden| {
        let mut options = HeadOptions {
            hidden,
            ..HeadOptions::default()
        };
        options.fit.epochs = 1;
        options.fit.threads = 1;
        let (head, _) = fit_head(
            &embeddings,
            &people,
            &options,
            &mut |_| (),
            &AtomicBool::new(false),
        )
        .expect("a head");
        let path = place().join("head");
        head.save(&path).expect("a file");
        unsealed(&std::fs::read(&path).expect("a file"))
    };
    vec![train(None), train(Some(16))]
}

fuzz_target!(init: begin(seeds), |content: &[u8]| {
    let Ok(head) = Head::load(&file("head", &sealed(MAGIC, content))) else {
        return;
    };
    let width = head.network().n_inputs();
    let values = (0..width).map(|i| i as f32 * 0.21 - 0.5).collect();
    if let Ok(embedding) = Embedding::from_values(ModelId::new(head.takes()), values) {
        let _ = head.apply(&embedding);
        let _ = head.apply_all(&[embedding.clone(), embedding]);
    }
});
