//! What a video file holds, by `ffprobe`.

use std::ffi::OsStr;
use std::time::Duration;

use serde::Deserialize;

use crate::source::SourceError;

use super::program::{output, quiet};
use super::{Ffmpeg, Log, What, explain};

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    /// Number of the stream with the moving pictures.
    pub(crate) stream: u32,
    /// Width and height of its frames, upright.
    pub(crate) size: (u32, u32),
    /// Frames a second on average.
    pub(crate) frames_per_second: Option<f64>,
    /// Number of frames, counted or estimated.
    pub(crate) n_frames: Option<u64>,
    /// How long it plays.
    pub(crate) duration: Option<Duration>,
    /// Codec of the first sound.
    pub(crate) sound: Option<String>,
}

#[derive(Deserialize, Default)]
struct Document {
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    format: Format,
}

#[derive(Deserialize, Default)]
struct Format {
    duration: Option<String>,
}

#[derive(Deserialize)]
struct Stream {
    index: u32,
    codec_type: Option<String>,
    codec_name: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    avg_frame_rate: Option<String>,
    nb_frames: Option<String>,
    duration: Option<String>,
    #[serde(default)]
    disposition: Disposition,
    #[serde(default)]
    side_data_list: Vec<SideData>,
}

#[derive(Deserialize, Default)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
}

#[derive(Deserialize)]
struct SideData {
    rotation: Option<f64>,
}

/// Asks `ffprobe` what there is at `url`, which is opened with `options`.
///
/// # Errors
/// If `ffprobe` is missing, and as [`explain`] says.
pub(crate) fn probe(
    ffmpeg: &Ffmpeg,
    options: &[String],
    url: &OsStr,
    max_pixels: u64,
    log: &Log,
    what: What,
) -> Result<Facts, SourceError> {
    let program = ffmpeg.beside("ffprobe")?;
    let said = output(
        quiet(&program)
            .args(["-hide_banner", "-loglevel", "level+warning", "-of", "json"])
            .args(["-show_streams", "-show_format"])
            .args(options)
            .arg("-i")
            .arg(url),
    )
    .map_err(|source| SourceError::Io { source })?;
    for line in said.errors.lines() {
        log.push(line);
    }
    let document: Document = serde_json::from_str(&said.text).unwrap_or_default();
    if document.streams.is_empty() {
        return Err(explain(&log.lines(), what));
    }
    let facts = read(&document)?;
    let (width, height) = facts.size;
    if u64::from(width) * u64::from(height) > max_pixels {
        return Err(SourceError::TooManyPixels {
            limit: max_pixels,
            width,
            height,
        });
    }
    Ok(facts)
}

fn read(document: &Document) -> Result<Facts, SourceError> {
    let of_kind = |kind: &'static str| {
        let is_kind = move |stream: &&Stream| stream.codec_type.as_deref() == Some(kind);
        document.streams.iter().filter(is_kind)
    };
    let sound = of_kind("audio").next();
    let name = |stream: &Stream| stream.codec_name.clone().unwrap_or_default();
    let Some(video) = of_kind("video").find(|stream| stream.disposition.attached_pic == 0) else {
        let found = match (sound, of_kind("video").next()) {
            (Some(sound), Some(_)) => format!("sound ({}) with a cover picture", name(sound)),
            (Some(sound), None) => format!("only sound ({})", name(sound)),
            (None, _) => "no moving pictures".to_owned(),
        };
        return Err(SourceError::NoPictures { found });
    };
    let (Some(width @ 1..), Some(height @ 1..)) = (video.width, video.height) else {
        return Err(SourceError::NotAVideo {
            found: "a stream of pictures without a size".to_owned(),
        });
    };
    let frames_per_second = video.avg_frame_rate.as_deref().and_then(ratio);
    let duration = [&video.duration, &document.format.duration]
        .into_iter()
        .flatten()
        .find_map(|text| seconds(text));
    let counted = video.nb_frames.as_deref().and_then(|n| n.parse().ok());
    let estimated = duration
        .zip(frames_per_second)
        .map(|(duration, rate)| (duration.as_secs_f64() * rate).round() as u64);
    Ok(Facts {
        stream: video.index,
        size: if is_turned(video) {
            (height, width)
        } else {
            (width, height)
        },
        frames_per_second,
        n_frames: counted.or(estimated),
        duration,
        sound: sound.map(name),
    })
}

/// Whether FFmpeg turns the frames by a quarter, which a phone held upright asks for.
fn is_turned(stream: &Stream) -> bool {
    stream
        .side_data_list
        .iter()
        .find_map(|data| data.rotation)
        .is_some_and(|degrees| (degrees.abs() % 180.0 - 90.0).abs() < 1.0)
}

/// `30000/1001` as a number; `0/0` says that it is not known.
fn ratio(text: &str) -> Option<f64> {
    let (over, under) = text.split_once('/')?;
    let ratio = over.parse::<f64>().ok()? / under.parse::<f64>().ok()?;
    (ratio.is_finite() && ratio > 0.0).then_some(ratio)
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

/// Whether this answer of `ffprobe` tells of a video.
#[cfg(fuzzing)]
pub(crate) fn fuzzed_probe(json: &[u8]) -> bool {
    let document: Document = serde_json::from_slice(json).unwrap_or_default();
    read(&document).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(json: &str) -> Result<Facts, SourceError> {
        read(&serde_json::from_str(json).expect("a document"))
    }

    #[test]
    fn the_first_moving_picture_is_taken() {
        let facts = facts(
            r#"{ "streams": [
                { "index": 0, "codec_type": "video", "codec_name": "mjpeg", "width": 9, "height": 9,
                  "disposition": { "attached_pic": 1 } },
                { "index": 1, "codec_type": "audio", "codec_name": "aac" },
                { "index": 2, "codec_type": "video", "codec_name": "h264", "width": 1920, "height": 1080,
                  "avg_frame_rate": "30000/1001", "side_data_list": [ { "rotation": -90 } ] } ],
              "format": { "duration": "10.01" } }"#,
        )
        .expect("a video");
        assert_eq!(facts.stream, 2);
        assert_eq!(facts.size, (1080, 1920));
        assert_eq!(facts.n_frames, Some(300));
        assert_eq!(facts.sound.as_deref(), Some("aac"));
    }

    #[test]
    fn what_has_no_moving_pictures_is_refused() {
        let cover = r#"{ "index": 1, "codec_type": "video", "width": 9, "height": 9,
            "disposition": { "attached_pic": 1 } }"#;
        let sound = r#"{ "index": 0, "codec_type": "audio", "codec_name": "mp3" }"#;
        let message = |streams: String| {
            let error = facts(&format!(r#"{{ "streams": [{streams}] }}"#)).expect_err("refused");
            assert_eq!(error.code(), "no_video_stream");
            error.to_string()
        };
        assert_eq!(
            message(sound.to_owned()),
            "expected a video, found only sound (mp3)"
        );
        assert_eq!(
            message(format!("{sound}, {cover}")),
            "expected a video, found sound (mp3) with a cover picture"
        );
    }

    #[test]
    fn unknown_rates_are_none() {
        assert_eq!(ratio("0/0"), None);
        assert_eq!(ratio("25/1"), Some(25.0));
        assert_eq!(seconds("N/A"), None);
        assert_eq!(seconds("-1"), None);
    }
}
