//! Tables of NumPy, archives of them, saved data sets and lists of pictures.
//!
//! The first byte says which: a table, an archive, the list of a saved data set, or CSV.
#![no_main]

use std::io::{Cursor, Write};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use prosopon_fuzz::{begin, file, place};
use prosopon_train::data::npy::{Kind, NpyRows, NpyWriter};
use prosopon_train::data::{DataSet, list_csv};
use prosopon_train::rows::Rows;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The bytes of a table with these rows.
fn npy(kind: Kind, rows: &[&[f32]]) -> Vec<u8> {
    let path = place().join("made.npy");
    let mut writer = NpyWriter::create(&path, kind, rows[0].len()).expect("a table");
    for row in rows {
        writer.push(row).expect("a row");
    }
    writer.finish().expect("a table");
    std::fs::read(path).expect("a table")
}

/// Two rows of one value, and a label for each.
static COLUMN: LazyLock<Vec<u8>> = LazyLock::new(|| npy(Kind::F32, &[&[1.0], &[2.0]]));
static LABELS: LazyLock<Vec<u8>> = LazyLock::new(|| npy(Kind::I64, &[&[0.0], &[1.0]]));

fn seeds() -> Vec<Vec<u8>> {
    let tagged = |tag: u8, bytes: &[u8]| [&[tag], bytes].concat();
    let features = npy(Kind::F32, &[&[1.0, 2.0], &[3.0, 4.0]]);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, table) in [("features.npy", &features), ("labels.npy", &*LABELS)] {
        archive
            .start_file(name, SimpleFileOptions::default())
            .expect("a member");
        archive.write_all(table).expect("a member");
    }
    let archive = archive.finish().expect("an archive");
    let list = r#"{"classes":["a","b"],"input":{"faces":"as_is",
        "prepare":{"crop":{"box":{"margin":0.0}},"size":null,"denoise":false,"contrast":"keep","gray":false},
        "values":{"given":{"length":1}}},"samples":[{"name":"a/1.jpg","class":0,"thumbnail":{"start":0,"end":4},
        "group":"x","hash":[1,2,3,4]},{"name":"b/1.jpg","class":1,"hash":[1,2,3,5]}],
        "skipped":[{"name":"c.jpg","reason":"no_face","message":"none"}]}"#;
    vec![
        tagged(0, &features),
        tagged(0, &LABELS),
        tagged(0, &npy(Kind::U8, &[&[1.0, 2.0]])),
        tagged(1, archive.get_ref()),
        tagged(2, list.as_bytes()),
        tagged(
            3,
            b"path,label,split,group\na/1.jpg,a,train,x\nb/2.jpg,\"b,c\",test,y\n",
        ),
    ]
}

/// Looks at what a data set tells of itself.
fn look(mut set: DataSet) {
    set.counts();
    set.groups();
    for sample in 0..set.samples.len() {
        set.thumbnail(sample);
    }
    let mut values = vec![0.0; set.features.width()];
    for row in 0..set.features.len().min(64) {
        let _ = set.features.read(row, &mut values);
    }
    set.drop_empty_classes();
}

fn table(bytes: &[u8]) {
    let path = file("x.npy", bytes);
    if let Ok(rows) = NpyRows::open(&path) {
        let mut values = vec![0.0; rows.width()];
        for row in 0..rows.len().min(64) {
            rows.read(row, &mut values).expect("rows that are there");
        }
    }
    let folder = place().join("set");
    std::fs::create_dir_all(&folder).expect("a folder");
    let _ = std::fs::remove_file(folder.join("samples.json"));
    for (features, labels) in [(bytes, &LABELS[..]), (&COLUMN[..], bytes)] {
        std::fs::write(folder.join("features.npy"), features).expect("a file");
        std::fs::write(folder.join("labels.npy"), labels).expect("a file");
        if let Ok(set) = DataSet::load(&folder) {
            look(set);
        }
    }
}

fn list(bytes: &[u8]) {
    let folder = place().join("listed");
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, content) in [
        ("features.npy", &COLUMN[..]),
        ("labels.npy", &LABELS[..]),
        ("samples.json", bytes),
        ("thumbnails.bin", b"thumbnails"),
    ] {
        std::fs::write(folder.join(name), content).expect("a file");
    }
    if let Ok(set) = DataSet::load(&folder) {
        look(set);
    }
}

fuzz_target!(init: begin(seeds), |bytes: &[u8]| {
    match bytes {
        [0, rest @ ..] => table(rest),
        [1, rest @ ..] => {
            if let Ok(set) = DataSet::load_npz(&file("x.npz", rest)) {
                look(set);
            }
        }
        [2, rest @ ..] => list(rest),
        [3, rest @ ..] => {
            let _ = list_csv(&file("x.csv", rest));
        }
        _ => {}
    }
});
