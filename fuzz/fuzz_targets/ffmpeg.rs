//! Whatever FFmpeg and ffprobe say, which repeats what a stream says of itself, it is understood or left out; and what is
//! kept of it never tells a password. Raw frames of a pipe are counted too.
//!
//! The first byte says which of the three, and how the other bytes are divided.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prosopon_fuzz::begin;
use prosopon_video::Address;
use prosopon_video::fuzzing::{ffmpeg_run, ffprobe_says, raw_frames};
use prosopon_video::source::PixelFormat;

const MAX_PIXELS: u64 = 1 << 16;

const RUN: &str = "\0[info] Input #0, rtsp, from 'rtsp://me:Xq7secret9Z@cam/live':\n\
    [info]   Stream #0:0[0x1](und): Video: h264, yuv420p(tv), 2x1 [SAR 1:1], 422 kb/s, 29.97 fps, 29.97 tbr\n\
    [Parsed_showinfo_1 @ 0x1] [info] n:   0 pts:  10118 pts_time:0.844011 duration: 400 fmt:rgb24 s:2x1 i:P\n\
    [h264 @ 0x1] [error] error while decoding MB 1 2\n[rtsp @ 0x1] [error] method DESCRIBE failed: 401 Unauthorized\n";
const PROBE: &str = r#"{ "streams": [ { "index": 2, "codec_type": "video", "codec_name": "h264", "width": 19, "height": 10,
    "avg_frame_rate": "30000/1001", "nb_frames": "3", "side_data_list": [ { "rotation": -90 } ], "disposition": { "attached_pic": 0 } },
    { "index": 1, "codec_type": "audio", "codec_name": "aac" } ], "format": { "duration": "10.01" } }"#;

fn seeds() -> Vec<Vec<u8>> {
    vec![
        RUN.as_bytes().to_vec(),
        [b"\x01", PROBE.as_bytes()].concat(),
        b"\x02\x02\x01abcdefabcdef".to_vec(),
    ]
}

fuzz_target!(init: begin(seeds), |input: &[u8]| {
    match input {
        [0, said @ ..] => {
            let address: Address = "rtsp://me:Xq7secret9Z@cam/live".parse().expect("an address");
            let (_, lines) = ffmpeg_run(&address, said, &[7; 4096], MAX_PIXELS);
            assert!(lines.iter().all(|line| !line.contains("Xq7secret9Z")));
        }
        [1, said @ ..] => {
            ffprobe_says(said);
        }
        [2, width, height, pipe @ ..] => {
            let size = (u32::from(*width).max(1), u32::from(*height).max(1));
            for format in PixelFormat::ALL {
                raw_frames(pipe, size, format);
            }
        }
        _ => {}
    }
});
