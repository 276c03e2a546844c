//! Whatever an architecture's text says, reading it ends in an error or in layers that fit each other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prosopon_fuzz::{begin, toys};
use prosopon_train::nn::{Architecture, BUILT_IN};

fn seeds() -> Vec<String> {
    let names = BUILT_IN.into_iter().chain(["embedder"]);
    let built_in = names.map(|name| {
        Architecture::built_in(name)
            .expect("an architecture")
            .to_toml()
    });
    built_in.chain([toys::ARCHITECTURE.to_owned()]).collect()
}

fuzz_target!(init: begin(seeds), |text: &str| {
    if let Ok(architecture) = Architecture::parse(text) {
        let again = Architecture::parse(&architecture.to_toml()).expect("a text of our own");
        assert_eq!(again, architecture);
        let _ = architecture.summary(10);
        let _ = (architecture.is_classifier(), architecture.last_activation());
    }
});
