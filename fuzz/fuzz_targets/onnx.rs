//! Whatever an ONNX file holds, freeing its input ends in an error or in a file that can be freed again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prosopon::inference::onnx::{FreeAxes, free_input_shape};
use prosopon_fuzz::{begin, toys};
use prosopon_train::onnx;

fn seeds() -> Vec<Vec<u8>> {
    let classes = ["left", "right"].map(str::to_owned);
    vec![onnx::network(&toys::network(), &classes)]
}

fuzz_target!(init: begin(seeds), |bytes: &[u8]| {
    for axes in [FreeAxes::Batch, FreeAxes::BatchAndSize] {
        if let Ok(freed) = free_input_shape(bytes, axes) {
            let again = free_input_shape(&freed, axes).expect("a file of our own");
            assert_eq!(again, freed, "nothing is left to free");
        }
    }
});
