//! FFmpeg's messages as errors that say what to do.

use crate::source::SourceError;

/// What was opened, for what the same message means about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// A file of this machine.
    File,
    /// A stream or file of the network.
    Network,
    /// A camera of this machine.
    Webcam,
}

/// The reason among the last messages of a run that gave no frame; passwords are taken out of them already.
pub(crate) fn explain(lines: &[String], what: What) -> SourceError {
    let text = lines.join("\n");
    let says = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
    if says(&["401 Unauthorized", "authorization failed", "Unauthorized"]) {
        return SourceError::Unauthorised;
    }
    if let Some(status) = status_in(&text) {
        return SourceError::Answer { status };
    }
    if says(&["not on whitelist", "Not in whitelist", "not in whitelist"]) {
        return SourceError::Playlist;
    }
    if let Some((width, height)) = refused_size(&text) {
        return SourceError::NotAVideo {
            found: format!("frames of {width} × {height}, more pixels than the limit"),
        };
    }
    match what {
        What::Webcam => {
            if says(&["Permission denied", "Operation not permitted"]) {
                return SourceError::Permission { what: "the camera" };
            }
            if says(&["resource busy", "I/O error while opening", "already in use"]) {
                return SourceError::Busy;
            }
            if says(&[
                "No such file",
                "No such device",
                "Could not find video device",
            ]) {
                return SourceError::NotFound {
                    expected: "a camera",
                };
            }
            if says(&["Inappropriate ioctl", "Not a video capture device"]) {
                return SourceError::NotACamera {
                    found: "something else".to_owned(),
                };
            }
        }
        What::Network => {
            if let Some(reason) = unreachable(&text) {
                return SourceError::Unreachable {
                    reason: reason.to_owned(),
                };
            }
        }
        What::File => {
            if says(&["Permission denied"]) {
                return SourceError::Permission { what: "the file" };
            }
            if says(&["moov atom not found"]) {
                return SourceError::NotAVideo {
                    found: "an MP4 file without its index (moov): it was not copied or recorded to its end".to_owned(),
                };
            }
        }
    }
    if says(&["matches no streams", "does not contain any stream"]) {
        return SourceError::NoPictures {
            found: "no moving pictures".to_owned(),
        };
    }
    if says(&["Invalid data found when processing input"]) {
        return SourceError::NotAVideo {
            found: match what {
                What::Network => "an answer that is none (a web page?)",
                _ => "data that FFmpeg cannot read",
            }
            .to_owned(),
        };
    }
    match last_words(lines) {
        Some(reason) => SourceError::Stopped { reason },
        None if what == What::Network => SourceError::StreamEnded,
        None => SourceError::NotAVideo {
            found: "no frame".to_owned(),
        },
    }
}

/// `404 Not Found` and its like in an answer of a server.
fn status_in(text: &str) -> Option<String> {
    const STATUSES: [&str; 7] = [
        "400 Bad Request",
        "403 Forbidden",
        "404 Not Found",
        "404 Stream Not Found",
        "453 Not Enough Bandwidth",
        "454 Session Not Found",
        "461 Unsupported",
    ];
    if let Some(status) = STATUSES.iter().find(|status| text.contains(**status)) {
        return Some((*status).to_owned());
    }
    for (sign, status) in [
        ("Server returned 403", "403 Forbidden"),
        ("Server returned 404", "404 Not Found"),
        ("Server returned 400", "400 Bad Request"),
        ("Server returned 4", "4xx, it refuses the request"),
        ("Server returned 5", "5xx, it has failed"),
        ("HTTP error 4", "4xx, it refuses the request"),
        ("HTTP error 5", "5xx, it has failed"),
        ("failed: 5", "5xx, it has failed"),
        ("failed: 4", "4xx, it refuses the request"),
    ] {
        if text.contains(sign) {
            return Some(status.to_owned());
        }
    }
    None
}

/// Why a host could not be reached.
fn unreachable(text: &str) -> Option<&'static str> {
    for (sign, reason) in [
        ("Failed to resolve hostname", "its name is not known"),
        ("Name or service not known", "its name is not known"),
        (
            "Temporary failure in name resolution",
            "names cannot be resolved now",
        ),
        ("Connection refused", "connection refused"),
        ("No route to host", "no route to host"),
        ("Network is unreachable", "the network is unreachable"),
        ("Connection timed out", "no answer"),
        ("Operation timed out", "no answer"),
        ("Connection reset", "the connection was cut"),
        ("Broken pipe", "the connection was cut"),
    ] {
        if text.contains(sign) {
            return Some(reason);
        }
    }
    None
}

/// The size in `Picture size 20000x20000 is invalid`.
fn refused_size(text: &str) -> Option<(u32, u32)> {
    let at = text.find("Picture size ")?;
    let size = text[at + "Picture size ".len()..]
        .split_whitespace()
        .next()?;
    let (width, height) = size.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

/// The last message without FFmpeg's marks around it.
pub(crate) fn last_words(lines: &[String]) -> Option<String> {
    let line = lines.iter().rev().find(|line| {
        let is_empty_talk = line.contains("Conversion failed") || line.contains("Exiting normally");
        !line.trim().is_empty() && !is_empty_talk
    })?;
    let mut text = line.trim();
    // `[h264 @ 0x55d0] [error] text`: who, where in memory, how bad.
    while text.starts_with('[')
        && let Some((_, rest)) = text.split_once("] ")
    {
        text = rest;
    }
    let cut: String = text.chars().take(200).collect();
    Some(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Case {
        what: What,
        line: &'static str,
        code: &'static str,
        says: &'static str,
    }

    /// Messages as FFmpeg 5.1 writes them.
    const CASES: [Case; 14] = [
        Case {
            what: What::Network,
            line: "[rtsp @ 0x1] [error] method DESCRIBE failed: 401 Unauthorized",
            code: "source_unauthorised",
            says: "refused user and password",
        },
        Case {
            what: What::Network,
            line: "[error] http://***@h/x: Server returned 401 Unauthorized (authorization failed)",
            code: "source_unauthorised",
            says: "refused user and password",
        },
        Case {
            what: What::Network,
            line: "[rtsp @ 0x1] [error] method DESCRIBE failed: 404 Not Found",
            code: "source_refused",
            says: "404 Not Found",
        },
        Case {
            what: What::Network,
            line: "[error] http://h/x: Server returned 5XX Server Error reply",
            code: "source_refused",
            says: "5xx",
        },
        Case {
            what: What::Network,
            line: "[tcp @ 0x1] [error] Connection to tcp://127.0.0.1:1?timeout=0 failed: Connection refused",
            code: "source_unreachable",
            says: "connection refused",
        },
        Case {
            what: What::Network,
            line: "[tcp @ 0x1] [error] Failed to resolve hostname cam.invalid: Name or service not known",
            code: "source_unreachable",
            says: "name is not known",
        },
        Case {
            what: What::Network,
            line: "[error] http://h/x: Invalid data found when processing input",
            code: "not_a_video",
            says: "web page",
        },
        Case {
            what: What::File,
            line: "[mov,mp4 @ 0x1] [error] moov atom not found",
            code: "not_a_video",
            says: "index",
        },
        Case {
            what: What::File,
            line: "[error] file:x: Invalid data found when processing input",
            code: "not_a_video",
            says: "cannot read",
        },
        Case {
            what: What::File,
            line: "[hls @ 0x1] [error] Format not on whitelist 'aac,avi'",
            code: "playlist_refused",
            says: "playlist",
        },
        Case {
            what: What::Webcam,
            line: "[video4linux2 @ 0x1] [error] Cannot open video device /dev/video0: Device or resource busy",
            code: "camera_busy",
            says: "another program",
        },
        Case {
            what: What::Webcam,
            line: "[error] /dev/video0: Permission denied",
            code: "source_not_permitted",
            says: "permission denied",
        },
        Case {
            what: What::Webcam,
            line: "[video4linux2,v4l2 @ 0x1] [error] ioctl(VIDIOC_QUERYCAP): Inappropriate ioctl for device",
            code: "not_a_camera",
            says: "something else",
        },
        Case {
            what: What::File,
            line: "[h264 @ 0x1] [error] something new",
            code: "source_failed",
            says: "something new",
        },
    ];

    #[test]
    fn messages_become_errors() {
        for Case {
            what,
            line,
            code,
            says,
        } in CASES
        {
            let error = explain(&[line.to_owned()], what);
            assert_eq!(error.code(), code, "{line}");
            assert!(error.to_string().contains(says), "{line}: {error}");
        }
    }

    #[test]
    fn silence_has_a_meaning_too() {
        assert_eq!(explain(&[], What::Network).code(), "source_ended");
        assert_eq!(explain(&[], What::File).code(), "not_a_video");
    }

    #[test]
    fn marks_are_taken_off() {
        let lines = [
            "[h264 @ 0x1] [error] no frame!".to_owned(),
            "Conversion failed!".to_owned(),
        ];
        assert_eq!(last_words(&lines).as_deref(), Some("no frame!"));
    }
}
