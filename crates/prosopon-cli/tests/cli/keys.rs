//! `prosopon keys`, without a server.

use crate::testenv::{TestEnv, list, number, text};

#[test]
fn keys_are_made_listed_and_revoked() {
    let env = TestEnv::without_models();
    let made = env.json(0, &["keys", "create", "phone", "--scope", "identify"]);
    let key = text(&made, "/key").to_owned();
    assert_eq!((text(&made, "/name"), key.len() >= 20), ("phone", true));
    let id = number(&made, "/id").to_string();

    let listed = env.run(&["keys", "list", "--json"]).expect(0);
    assert!(!listed.stdout.contains(&key), "a list shows no keys");
    let revoked = env.json(0, &["keys", "revoke", &id]);
    assert_eq!(
        (number(&revoked, "/id").to_string(), &revoked["revoked"]),
        (id, &true.into())
    );
    let listed = env.json(0, &["keys", "list"]);
    assert_eq!(list(&listed, "/keys")[0]["revoked"], true);

    // For `KEY=$(prosopon keys create …)` the key alone.
    let plain = env.run(&["keys", "create", "door", "--scope", "identify"]);
    let plain = plain.expect(0);
    assert!(
        !plain.stdout.trim_end().contains(char::is_whitespace),
        "{}",
        plain.stdout
    );
    assert!(
        plain.stderr.contains("`door`: shown this once"),
        "{}",
        plain.stderr
    );

    let unknown = env.json(2, &["keys", "revoke", "77"]);
    assert_eq!(text(&unknown, "/error/code"), "unknown_key");
    let said = env
        .run_with_input(
            &["keys", "create", "old", "--secret-from-stdin"],
            b"not a UUID",
        )
        .fails(2);
    assert!(said.contains("UUID"), "{said}");
}
