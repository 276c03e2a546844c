//! Whatever a manifest of fetched pictures holds, opening its folder ends in an error or in a folder that can be opened
//! again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prosopon_fetch::{Folder, MANIFEST, Source};
use prosopon_fuzz::{begin, place};

const SEEDS: [&str; 3] = [
    "{\"url\":\"http://a.example/b.jpg\",\"status\":\"stored\",\"file\":\"b.jpg\",\"bytes\":3,\"when\":\"2024-05-01T12:00:00Z\"}\n",
    "{\"path\":\"x/b.jpg\",\"status\":\"failed\",\"taken\":\"2024-05-01T12:00:00Z\",\"taken_from\":\"name\",\"etag\":\"x\",\
     \"when\":\"2024-05-01T12:00:00Z\",\"reason\":{\"code\":\"a\",\"message\":\"b\"}}\n{\"url\":\"http",
    "",
];

fuzz_target!(init: begin(|| SEEDS.to_vec()), |bytes: &[u8]| {
    let folder = place().join("fetched");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join(MANIFEST), bytes).expect("a file");
    if let Ok(opened) = Folder::open(&folder) {
        opened.present(&Source::Url("http://a.example/b.jpg".to_owned()));
        drop(opened);
        Folder::open(&folder).expect("what was opened can be opened again");
    }
});
