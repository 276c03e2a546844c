//! What the filter `showinfo` says about a frame.

use std::time::Duration;

/// What is known about a frame before its pixels come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct FrameInfo {
    /// Its place in the stream; none if the stream does not say.
    pub(super) position: Option<Duration>,
    /// Width and height in pixels.
    pub(super) size: (u32, u32),
}

impl FrameInfo {
    /// Reads a line such as `n:   0 pts:  9 pts_time:0.1  … s:640x360 i:P …`; none if it is about something else.
    ///
    /// The names of these fields are the same from FFmpeg 4.4 to 9; what stands between them is not, and messages
    /// of other threads may stand before it on the same line.
    pub(super) fn read(line: &str) -> Option<Self> {
        let at = line.find(" pts_time:")?;
        let fields = &line[at..];
        let size = fields.find(" s:").map(|at| &fields[at + 3..])?;
        let (width, rest) = size.split_once('x')?;
        let height = rest.split_whitespace().next()?;
        let time = fields[" pts_time:".len()..].split_whitespace().next()?;
        let position = time
            .parse::<f64>()
            .ok()
            .and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok());
        Some(Self {
            position,
            size: (width.parse().ok()?, height.parse().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_all_versions_are_read() {
        // FFmpeg 5.1, 7.0 and 9.0 in this order.
        let lines = [
            "[Parsed_showinfo_1 @ 0x1] [info] n:   7 pts:  10118 pts_time:0.844011 pos:    10226 fmt:rgb24 sar:1/1 \
             s:640x360 i:P iskey:1 type:I ",
            "[Parsed_showinfo_1 @ 0x1] [info] n:   0 pts:  10118 pts_time:0.844011 duration:    400 \
             duration_time:0.033   fmt:rgb24 cl:left sar:1/1 s:640x360 i:P iskey:1 type:I ",
            "[Parsed_showinfo_1 @ 0x1] [info] n:   0 pts:  10118 pts_time:0.844011 duration:    400 \
             duration_time:0.033 fmt:rgb24 cl:unspecified sar:1/1 s:640x360 i:P iskey:1 type:I ",
        ];
        for line in lines {
            let info = FrameInfo::read(line).expect(line);
            assert_eq!(info.size, (640, 360));
            assert_eq!(info.position, Some(Duration::from_secs_f64(0.844_011)));
        }
    }

    #[test]
    fn a_frame_may_have_no_time_or_one_before_the_start() {
        let line = |time| format!("n: 0 pts: 1 pts_time:{time} fmt:rgb24 s:4x2 i:P");
        let position = |time| FrameInfo::read(&line(time)).expect("a frame").position;
        assert_eq!(position("NOPTS"), None);
        assert_eq!(position("-0.5"), Some(Duration::ZERO));
    }

    #[test]
    fn other_lines_are_about_something_else() {
        for line in [
            "",
            "[info] config in time_base: 1/11988, frame_rate: 2997/100",
            "color_range:pc color_space:gbr",
            "Stream #0:0: Video: h264, 640x360",
            "n: 0 pts_time:0.1 s:640",
        ] {
            assert_eq!(FrameInfo::read(line), None, "{line}");
        }
    }
}
