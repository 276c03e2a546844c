use super::*;
use crate::progress::Silent;
use crate::status::FileState;
use crate::testing::{DETECTOR, EMBEDDER, Tiny, files_below, temp};

fn own(dir: &Path, file: &str, description: &str) -> PathBuf {
    let onnx = dir.join(format!("{file}.onnx"));
    fs::write(&onnx, "a network of mine").unwrap();
    fs::write(dir.join(format!("{file}.toml")), description).unwrap();
    onnx
}

#[test]
fn a_known_file_is_installed_whatever_its_name() {
    let (home, dir) = (temp(), temp());
    let store = Tiny::new().store(home.path());
    let file = dir.path().join("renamed.bin");
    fs::write(&file, EMBEDDER).unwrap();
    let added = store.add(&file, &Silent).unwrap();
    assert_eq!(
        (added[0].id.as_str(), added[0].own),
        ("tiny-embedder", false)
    );
    assert!(store.resolve_embedder(None).is_ok());
    let error = store.resolve_detector(None).unwrap_err();
    assert!(error.is_not_installed(), "{error}");
}

#[test]
fn a_package_is_unpacked() {
    let (home, dir) = (temp(), temp());
    let tiny = Tiny::new();
    let store = tiny.store(home.path());
    let file = dir.path().join("tiny.tgz");
    fs::write(&file, &tiny.archive).unwrap();
    let added = store.add(&file, &Silent).unwrap();
    assert_eq!(added.len(), 2);
    let states = store.verify().unwrap();
    assert!(states.iter().all(|file| file.state == FileState::Present));
}

#[test]
fn a_folder_is_searched_and_the_rest_passed_over() {
    let (home, dir) = (temp(), temp());
    let store = Tiny::new().store(home.path());
    let below = dir.path().join("a/b");
    fs::create_dir_all(&below).unwrap();
    fs::write(below.join("x"), DETECTOR).unwrap();
    fs::write(dir.path().join("readme.txt"), "hello").unwrap();
    fs::write(dir.path().join("undescribed.onnx"), "network").unwrap();
    own(dir.path(), "mine", crate::own::EXAMPLE);
    let ids: Vec<_> = store
        .add(dir.path(), &Silent)
        .unwrap()
        .into_iter()
        .map(|added| added.id)
        .collect();
    assert_eq!(ids, ["tiny-detector", "my-arcface"]);
}

#[test]
fn what_is_not_known_is_refused() {
    let (home, dir) = (temp(), temp());
    let store = Tiny::new().store(home.path());
    let file = dir.path().join("changed.bin");
    for content in [&b"an Embedder"[..], b"", b"something"] {
        fs::write(&file, content).unwrap();
        let error = store.add(&file, &Silent).unwrap_err();
        assert!(
            matches!(error, ModelsError::NotRecognised { .. }),
            "{error}"
        );
    }
    let error = store.add(dir.path(), &Silent).unwrap_err();
    assert!(
        matches!(error, ModelsError::NotRecognised { .. }),
        "{error}"
    );
    let error = store.add(&dir.path().join("none"), &Silent).unwrap_err();
    assert!(matches!(error, ModelsError::Io { .. }), "{error}");
    assert_eq!(files_below(home.path()), [""; 0]);
}

#[test]
fn a_network_of_ones_own_is_added_resolved_replaced_and_removed() {
    let (home, dir) = (temp(), temp());
    let store = Tiny::new().store(home.path());
    let onnx = own(dir.path(), "whatever", crate::own::EXAMPLE);
    assert!(store.add(&onnx, &Silent).unwrap()[0].own);
    let first = store.resolve_embedder(Some("my-arcface")).unwrap();
    assert_eq!(first.spec.crop_size, 112);
    let hash = Digest::of_file(&onnx).unwrap();
    assert_eq!(first.id.as_str(), format!("my-arcface@{}", hash.short()));
    assert_eq!(fs::read(&first.path).unwrap(), b"a network of mine");
    assert_eq!(store.verify().unwrap()[2].state, FileState::Present);
    let error = store.resolve_detector(Some("my-arcface")).unwrap_err();
    assert!(matches!(error, ModelsError::WrongRole { .. }), "{error}");

    let larger = crate::own::EXAMPLE.replace("crop_size = 112", "crop_size = 160");
    let onnx = own(dir.path(), "whatever", &larger);
    fs::write(&onnx, "a better network").unwrap();
    store.add(&onnx, &Silent).unwrap();
    let second = store.resolve_embedder(Some("my-arcface")).unwrap();
    assert_eq!(second.spec.crop_size, 160);
    assert_ne!(second.id, first.id);

    fs::write(&second.path, "a bitter network").unwrap();
    assert!(matches!(
        store.verify().unwrap()[2].state,
        FileState::Changed { .. }
    ));
    assert!(store.remove("my-arcface", &Silent).unwrap());
    assert!(!store.remove("my-arcface", &Silent).unwrap());
    assert!(!store.remove("../tiny-detector", &Silent).unwrap());
    let error = store.resolve_embedder(Some("my-arcface")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown embedder `my-arcface`, expected one of: tiny-embedder"
    );
    assert_eq!(files_below(home.path()), [""; 0]);
}

#[test]
fn what_was_added_can_be_added_elsewhere() {
    let (home, other, dir) = (temp(), temp(), temp());
    let store = Tiny::new().store(home.path());
    store
        .add(&own(dir.path(), "x", crate::own::EXAMPLE), &Silent)
        .unwrap();
    let installed = store.resolve_embedder(Some("my-arcface")).unwrap();
    let elsewhere = Tiny::new().store(other.path());
    elsewhere.add(&installed.path, &Silent).unwrap();
    assert_eq!(
        elsewhere.resolve_embedder(Some("my-arcface")).unwrap().id,
        installed.id
    );
    // Its description says which file it describes.
    fs::write(&installed.path, "another network!!").unwrap();
    let error = elsewhere.add(&installed.path, &Silent).unwrap_err();
    assert!(matches!(error, ModelsError::HashMismatch { .. }), "{error}");
}

#[test]
fn a_missing_or_bad_description_leaves_nothing() {
    let (home, dir) = (temp(), temp());
    let store = Tiny::new().store(home.path());
    let onnx = dir.path().join("mine.onnx");
    fs::write(&onnx, "network").unwrap();
    let error = store.add(&onnx, &Silent).unwrap_err();
    assert!(
        matches!(error, ModelsError::DescriptionMissing { .. }),
        "{error}"
    );
    let hint = error.hint().unwrap();
    assert!(
        hint.contains("mine.toml") && hint.contains(crate::own::EXAMPLE),
        "{hint}"
    );
    let taken = crate::own::EXAMPLE.replace("my-arcface", "tiny-embedder");
    let error = store
        .add(&own(dir.path(), "mine", &taken), &Silent)
        .unwrap_err();
    assert!(matches!(error, ModelsError::NameTaken { .. }), "{error}");
    let bad = crate::own::EXAMPLE.replace("112 ", "8 ");
    let error = store
        .add(&own(dir.path(), "mine", &bad), &Silent)
        .unwrap_err();
    assert!(
        matches!(error, ModelsError::DescriptionField { .. }),
        "{error}"
    );
    assert_eq!(files_below(home.path()), [""; 0]);
}
