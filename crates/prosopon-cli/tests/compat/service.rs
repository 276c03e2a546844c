//! What clients ask before anything else.

use serde_json::json;

use crate::server::Collection;

#[test]
fn limits_and_status_need_no_key() {
    let Some(all) = Collection::new() else { return };
    let get = |path: &str| all.server.send("GET", path, "", None).expect(200);
    assert_eq!(
        get("/api/v1/config"),
        json!({"clientMaxFileSize": 20 << 20, "clientMaxBodySize": 32 << 20})
    );
    assert_eq!(
        get("/api/v1/consistence/status"),
        json!({
            "demoFaceCollectionIsInconsistent": false,
            "dbIsInconsistent": false,
            "saveImagesToDB": true,
            "status": "OK"
        })
    );
    // The original lets anybody start a migration; here is none.
    let migrate = all.server.send("POST", "/api/v1/migrate", &all.key, None);
    migrate.error(404, 0);
}
