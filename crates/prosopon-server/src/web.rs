//! The web page: files of the folder `web`, embedded in the binary.
//!
//! `/` is the page itself; everything that it loads is below `/assets/`. Nothing is built or fetched: what lies in
//! the folder is what the browser gets.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// One embedded file.
#[derive(Clone, Copy)]
struct Asset {
    /// Path below `web/`.
    path: &'static str,
    bytes: &'static [u8],
}

/// Lists files of `web/` by their paths, so that none is read under another name.
macro_rules! assets {
    ($($path:literal),* $(,)?) => {
        &[$(Asset { path: $path, bytes: include_bytes!(concat!("../web/", $path)) }),*]
    };
}

const ASSETS: &[Asset] = assets![
    "index.html",
    "mark.svg",
    "js/api.js",
    "js/boxes.js",
    "js/camera.js",
    "js/choices.js",
    "js/deleted.js",
    "js/dialog.js",
    "js/dom.js",
    "js/drop.js",
    "js/files-input.js",
    "js/files.js",
    "js/icons.js",
    "js/main.js",
    "js/labelled-folder.js",
    "js/name-field.js",
    "js/notices.js",
    "js/patience.js",
    "js/picture-input.js",
    "js/picture.js",
    "js/portrait.js",
    "js/progress.js",
    "js/sign-in.js",
    "js/similarity-bar.js",
    "js/state.js",
    "js/theme-switch.js",
    "js/theme.js",
    "js/undo.js",
    "js/upload-panel.js",
    "js/upload.js",
    "js/why.js",
    "js/words.js",
    "js/work-panel.js",
    "style/base.css",
    "style/pages.css",
    "style/parts.css",
    "style/picture.css",
    "style/shell.css",
    "style/tokens.css",
    "js/pages/activity.js",
    "js/pages/classic.js",
    "js/pages/compare.js",
    "js/pages/enrol-form.js",
    "js/pages/evaluate.js",
    "js/pages/evaluation-progress.js",
    "js/pages/evaluation-result.js",
    "js/pages/face-panel.js",
    "js/pages/galleries.js",
    "js/pages/identify.js",
    "js/pages/keys.js",
    "js/pages/live.js",
    "js/pages/live-camera-form.js",
    "js/pages/live-cameras.js",
    "js/pages/live-challenge.js",
    "js/pages/live-events.js",
    "js/pages/live-name.js",
    "js/pages/live-webcam.js",
    "js/pages/merge-dialog.js",
    "js/pages/particulars.js",
    "js/pages/people-grid.js",
    "js/pages/people.js",
    "js/pages/person.js",
    "js/pages/photos-album.js",
    "js/pages/photos-decisions.js",
    "js/pages/photos-group.js",
    "js/pages/photos.js",
    "js/pages/system.js",
    "js/pages/train.js",
    "js/pages/train-form.js",
    "js/pages/training-curves.js",
    "js/pages/training-progress.js",
    "js/pages/classifier-list.js",
    "js/pages/classifier-try.js",
];

impl Asset {
    /// Where the browser finds it.
    fn address(&self) -> String {
        match self.path {
            "index.html" => "/".into(),
            path => format!("/assets/{path}"),
        }
    }

    fn content_type(&self) -> &'static str {
        match self.path.rsplit_once('.').map(|(_, extension)| extension) {
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "application/octet-stream",
        }
    }

    /// Changes whenever the file does. That it may also change with the compiler costs one more download.
    fn etag(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.bytes.hash(&mut hasher);
        format!("\"{:016x}\"", hasher.finish())
    }

    fn answer(&self, headers: &HeaderMap, etag: &str) -> Response {
        // `no-cache`: kept, but asked for each time. After an update of the server no old script meets a new one.
        let common = [(header::ETAG, etag), (header::CACHE_CONTROL, "no-cache")];
        let known = headers
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok());
        if known
            .flat_map(|value| value.split(','))
            .any(|known| known.trim().trim_start_matches("W/") == etag)
        {
            return (StatusCode::NOT_MODIFIED, common).into_response();
        }
        (
            common,
            [(header::CONTENT_TYPE, self.content_type())],
            self.bytes,
        )
            .into_response()
    }
}

/// The page and its files; state is not needed.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    ASSETS.iter().fold(Router::new(), |router, asset| {
        let etag = asset.etag();
        router.route(
            &asset.address(),
            get(async move |headers: HeaderMap| asset.answer(&headers, &etag)),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    /// Tests run in the folder of their package. It is not compiled in: clones may share what cargo has built.
    fn folder() -> PathBuf {
        PathBuf::from("web")
    }

    fn files_below(folder: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files.extend(files_below(&path));
            } else {
                files.push(path);
            }
        }
        files
    }

    fn text(asset: &Asset) -> &'static str {
        std::str::from_utf8(asset.bytes).unwrap_or_else(|_| panic!("{} is not UTF-8", asset.path))
    }

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let mut found: Vec<String> = files_below(&folder())
            .iter()
            .map(|path| {
                path.strip_prefix(folder())
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .replace('\\', "/")
            })
            .collect();
        found.sort();
        let mut embedded: Vec<&str> = ASSETS.iter().map(|asset| asset.path).collect();
        embedded.sort_unstable();
        assert_eq!(embedded, found);
    }

    #[test]
    fn every_file_has_a_content_type() {
        for asset in ASSETS {
            assert_ne!(
                asset.content_type(),
                "application/octet-stream",
                "{}",
                asset.path
            );
        }
    }

    #[test]
    fn no_file_names_another_server() {
        for asset in ASSETS {
            let text = text(asset).replace("http://www.w3.org/2000/svg", "");
            for scheme in ["http://", "https://"] {
                assert!(!text.contains(scheme), "{} contains {scheme}", asset.path);
            }
        }
    }

    /// The content security policy would refuse them, and only a browser would say so.
    #[test]
    fn no_inline_script_or_style() {
        for asset in ASSETS {
            if !matches!(
                asset.content_type(),
                "text/html; charset=utf-8" | "image/svg+xml"
            ) {
                continue;
            }
            let text = text(asset);
            for forbidden in ["style=", "<style", "onclick=", "onload=", "javascript:"] {
                assert!(
                    !text.contains(forbidden),
                    "{} contains {forbidden}",
                    asset.path
                );
            }
            for script in text.split("<script").skip(1) {
                assert!(
                    script.contains("src=\"/assets/"),
                    "{} has an inline script",
                    asset.path
                );
            }
        }
    }

    /// A file that is linked but missing would show only in a browser.
    #[test]
    fn links_and_imports_lead_to_embedded_files() {
        let addresses: Vec<String> = ASSETS.iter().map(Asset::address).collect();
        for asset in ASSETS {
            let text = text(asset);
            let mut wanted: Vec<String> = text
                .split('"')
                .filter(|part| part.starts_with("/assets/"))
                .map(str::to_owned)
                .collect();
            for import in text
                .split("from '")
                .skip(1)
                .filter_map(|rest| rest.split('\'').next())
            {
                let mut path: Vec<&str> = asset.path.split('/').collect();
                path.pop();
                for step in import.split('/') {
                    match step {
                        "." => {}
                        ".." => {
                            path.pop();
                        }
                        name => path.push(name),
                    }
                }
                wanted.push(format!("/assets/{}", path.join("/")));
            }
            for address in wanted {
                assert!(
                    addresses.contains(&address),
                    "{} asks for {address}",
                    asset.path
                );
            }
        }
    }

    #[test]
    fn an_etag_that_is_known_is_answered_without_the_file() {
        let asset = &ASSETS[0];
        let etag = asset.etag();
        let mut headers = HeaderMap::new();
        assert_eq!(asset.answer(&headers, &etag).status(), StatusCode::OK);
        headers.insert(
            header::IF_NONE_MATCH,
            format!("\"other\", W/{etag}").parse().unwrap(),
        );
        assert_eq!(
            asset.answer(&headers, &etag).status(),
            StatusCode::NOT_MODIFIED
        );
        headers.insert(header::IF_NONE_MATCH, "\"other\"".parse().unwrap());
        assert_eq!(asset.answer(&headers, &etag).status(), StatusCode::OK);
    }
}
