//! `prosopon fetch`, from a server on loopback.

use std::fs;
use std::thread;
use std::time::Duration;

use prosopon::Image;
use prosopon_fetch::testing::{OUTSIDE, Web, ok, redirect, status};
use serde_json::Value;

use crate::testenv::{TestEnv, list, number, text};

fn picture(shade: u8) -> Vec<u8> {
    Image::filled(40, 30, [shade; 3])
        .encode_png()
        .expect("a picture")
}

fn web() -> Web {
    Web::at(OUTSIDE, 0, |head, stream| match head.path() {
        "/a.png" | "/again.png" => ok(stream, &picture(1)),
        "/b.png" => ok(stream, &picture(2)),
        "/moved.png" => redirect(stream, "/b.png"),
        "/page" => ok(
            stream,
            b"<base href='/x/'><img src='../a.png' srcset='../b.png 2x'><a href='/note.png'>n</a>",
        ),
        "/note.png" => ok(stream, b"only a text"),
        "/large.png" => ok(stream, &vec![0; (1 << 20) + 1]),
        "/slow.png" => {
            thread::sleep(Duration::from_secs(5));
            ok(stream, &picture(3))
        }
        _ => status(stream, "404 Not Found", ""),
    })
}

const FAST: [&str; 7] = [
    "--delay",
    "0",
    "--retries",
    "0",
    "--max-file-mib",
    "1",
    "--allow-private",
];

fn statuses(document: &Value) -> Vec<(&str, &str)> {
    let item = |item| {
        (
            text(item, "/status"),
            item["reason"]["code"].as_str().unwrap_or(""),
        )
    };
    list(document, "/items").iter().map(item).collect()
}

#[test]
fn lists_pages_and_addresses_go_into_one_folder() {
    let env = TestEnv::without_models();
    let web = web();
    env.write(
        "list.txt",
        format!(
            "# two pictures\n{}\n\n  {}\n",
            web.url("/a.png"),
            web.url("/missing.png")
        ),
    );
    let (page, again) = (web.url("/page"), web.url("/again.png"));
    let sources = [
        "fetch", &again, "--list", "list.txt", "--page", &page, "--into", "photos",
    ];
    let args = [&sources[..], &FAST, &["--at-once", "1"]].concat();
    let document = env.json(3, &args);
    assert_eq!(
        statuses(&document),
        [
            ("stored", ""),
            ("duplicate", ""),
            ("failed", "fetch_failed"),
            ("stored", ""),
            ("skipped", "not_a_picture"),
        ]
    );
    assert_eq!(number(&document, "/stored"), 2.0);
    assert_eq!(text(&document, "/items/3/page"), page);
    assert_eq!(text(&document, "/items/3/media_type"), "image/png");
    let manifest = fs::read_to_string(env.path("photos/manifest.jsonl")).expect("a manifest");
    assert_eq!(manifest.lines().count(), 5);
    assert_eq!(
        fs::read(env.path("photos/again.png")).expect("a file"),
        picture(1)
    );

    // The second run fetches nothing that is there.
    let before = web.connections();
    let document = env.json(3, &args);
    assert_eq!(number(&document, "/present"), 3.0);
    assert_eq!(
        web.connections() - before,
        3,
        "page, missing.png and note.png"
    );
    assert_eq!(
        fs::read_dir(env.path("photos")).expect("a folder").count(),
        3
    );

    let said = env.run(&args).expect(3).stdout;
    assert!(
        said.contains("expected status 200 from the address, found 404"),
        "{said}"
    );
    let end = "0 pictures stored (0.0 MB), 3 there already, 1 skipped, 1 failed: photos";
    assert!(said.trim_end().ends_with(end), "{said}");
}

#[test]
fn what_cannot_be_had_is_named_and_private_addresses_are_refused() {
    let env = TestEnv::without_models();
    let web = web();
    let urls = ["/moved.png", "/large.png", "/slow.png"].map(|path| web.url(path));
    let urls = urls.each_ref().map(String::as_str);
    let args = [&["fetch"], &urls[..], &["--into", "photos"]].concat();
    let refused = env.json(3, &args);
    assert_eq!(statuses(&refused), [("failed", "address_not_allowed"); 3]);
    assert_eq!(web.connections(), 0);

    let args = [&args[..], &FAST, &["--timeout", "0.5", "--at-once", "1"]].concat();
    let lines = env.json_lines(3, &args);
    let said = |line: &Value| line["reason"]["message"].as_str().unwrap_or("").to_owned();
    assert_eq!(text(&lines[0], "/file"), "b.png");
    assert!(said(&lines[1]).contains("at most 1048576 bytes"));
    assert!(said(&lines[2]).contains("within 0.5 s"));
    assert_eq!(
        fs::read_dir(env.path("photos")).expect("a folder").count(),
        2
    );
}

#[test]
fn an_export_is_cut_to_some_days() {
    let env = TestEnv::without_models();
    env.write("export/someone/2024-05-01_12-00-00_UTC.png", picture(1));
    env.write("export/someone/2024-05-02.png", picture(2));
    env.write("export/someone/2024-06-01.png", picture(3));
    // The side-car knows better than the name.
    env.write("export/someone/2001-01-01.png", picture(4));
    env.write(
        "export/someone/2001-01-01.json",
        r#"{"node": {"taken_at_timestamp": 1714651199}}"#,
    );
    let export = ["fetch", "--from", "export", "--into", "may"];
    let days = ["--since", "2024-05-01", "--until", "2024-05-02"];
    let document = env.json(0, &[&export[..], &days].concat());
    assert_eq!(number(&document, "/stored"), 3.0);
    assert_eq!(number(&document, "/outside_interval"), 1.0);
    let mut taken: Vec<_> = list(&document, "/items")
        .iter()
        .map(|item| (text(item, "/file"), text(item, "/taken_from")))
        .collect();
    taken.sort_unstable();
    assert_eq!(
        taken,
        [
            ("someone/2001-01-01.png", "side_car"),
            ("someone/2024-05-01_12-00-00_UTC.png", "name"),
            ("someone/2024-05-02.png", "name"),
        ]
    );
}

#[test]
fn a_run_without_sense_is_refused() {
    let env = TestEnv::without_models();
    let code = |status, args: &[&str]| {
        let document = env.json(status, &[&["fetch", "--into", "photos"], args].concat());
        text(&document, "/error/code").to_owned()
    };
    assert_eq!(code(2, &[]), "usage");
    assert_eq!(
        code(2, &["http://a.example", "--since", "2024-05-01"]),
        "usage"
    );
    assert_eq!(code(2, &["--from", ".", "--since", "May"]), "usage");
    let backwards = [
        "--from",
        ".",
        "--since",
        "2024-05-02",
        "--until",
        "2024-05-01",
    ];
    assert_eq!(code(2, &backwards), "usage");
    assert_eq!(code(3, &["--list", "missing.txt"]), "unreadable_file");
    assert_eq!(code(3, &["--from", "missing"]), "unreadable_folder");
    env.write("photos/manifest.jsonl", "something else\n");
    assert_eq!(code(5, &["http://a.invalid"]), "invalid_manifest");
}
