//! Names of files that are safe everywhere, from names that strangers chose.

use percent_encoding::percent_decode_str;

/// Bytes of a name without its ending, at most; file systems take 255 with everything.
const MAX_BYTES: usize = 100;

/// Names that Windows takes for devices, whatever ending they have.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// The name of a picture at an address, without ending: the last part of its path.
pub(crate) fn stem_of_path(path: &str) -> String {
    let last = path.rsplit('/').find(|part| !part.is_empty());
    stem(&percent_decode_str(last.unwrap_or("")).decode_utf8_lossy())
}

/// A file's name without its ending, safe: letters and digits of any script, `-`, `_` and `.`; never
/// empty, hidden, a device's, or one with a way to another folder in it.
pub(crate) fn stem(name: &str) -> String {
    let stem = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && is_ending(ending) => stem,
        _ => name,
    };
    part(stem)
}

/// A folder's name, safe in the same way.
pub(crate) fn part(name: &str) -> String {
    let safe = |c: char| {
        if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') {
            c
        } else {
            '_'
        }
    };
    let mut text: String = name.chars().map(safe).collect();
    let mut end = text.len().min(MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    let text = text.trim_matches(['.', '_', ' ']);
    let base = text.split('.').next().unwrap_or("").to_lowercase();
    let is_port = base.len() == 4
        && (base.starts_with("com") || base.starts_with("lpt"))
        && base.ends_with(|c: char| c.is_ascii_digit());
    if text.is_empty() {
        "picture".to_owned()
    } else if is_port || DEVICES.contains(&base.as_str()) {
        format!("_{text}")
    } else {
        text.to_owned()
    }
}

/// Whether what follows a dot is an ending rather than a part of the name.
fn is_ending(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_what_they_are_where_that_is_safe() {
        for (path, expected) in [
            ("/a/photo.jpg", "photo"),
            ("/a/photo.JPEG", "photo"),
            ("/a/J%C3%BCrgen%20K.png", "Jürgen_K"),
            ("/a/2024.05.01-x.webp", "2024.05.01-x"),
            ("/a/v1.picture-large", "v1.picture-large"),
            ("/a/b/", "b"),
            ("/", "picture"),
            ("", "picture"),
        ] {
            assert_eq!(stem_of_path(path), expected, "{path}");
        }
    }

    #[test]
    fn no_name_leads_elsewhere() {
        for path in [
            "/..",
            "/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
            "/..%5c..%5cwindows%5cx.jpg",
            "/%2fetc%2fpasswd",
            "/C%3a%5cx.jpg",
            "/.bashrc",
            "/.prosopon-x.jpg",
            "/CON.jpg",
            "/nul",
            "/com1.tar.png",
            "/a%00b.jpg",
            "/a%0ab.jpg",
            "/-%20-.jpg",
            "/%ff%fe.jpg",
            "/%",
            "/x%2",
            "/...jpg",
        ] {
            let name = stem_of_path(path);
            assert!(!name.is_empty() && !name.starts_with('.'), "{path}: {name}");
            let bad = ['/', '\\', ':', '\0', '\n', '%', ' '];
            assert!(!name.contains(bad), "{path}: {name}");
            let base = name.split('.').next().unwrap().to_lowercase();
            assert!(!["con", "nul", "com1"].contains(&base.as_str()), "{name}");
        }
        let long = stem_of_path(&format!("/{}.jpg", "é".repeat(300)));
        assert!(long.len() <= MAX_BYTES && long.starts_with("éé"));
    }
}
