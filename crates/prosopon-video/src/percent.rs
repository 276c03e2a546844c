//! Any text as a part of an address: percent-encoding (RFC 3986, section 2.1).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All ASCII characters but those that mean nothing but themselves in every part of an address (RFC 3986, section 2.3).
const NOT_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// `text` so that it can stand in every part of an address: letters and digits of ASCII and `-._~` stay, each other byte
/// becomes `%` and two digits, letters among them large.
///
/// # Examples
/// ```
/// assert_eq!(prosopon_video::percent::encoded("p@ss/wörd"), "p%40ss%2Fw%C3%B6rd");
/// ```
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NOT_UNRESERVED).to_string()
}

/// The text that stands in an address as `part`. A `%` without two digits behind it stays; what is no UTF-8
/// becomes `U+FFFD`.
///
/// # Examples
/// ```
/// assert_eq!(prosopon_video::percent::decoded("p%40ss%2fword"), "p@ss/word");
/// ```
pub fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_means_itself_everywhere_stays() {
        assert_eq!(encoded("Eingang Süd/1"), "Eingang%20S%C3%BCd%2F1");
        assert_eq!(encoded("cam-1_a.b~"), "cam-1_a.b~");
        for byte in 0..=0x7f_u8 {
            let text = char::from(byte).to_string();
            let stays = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            let expected = if stays {
                text.clone()
            } else {
                format!("%{byte:02X}")
            };
            assert_eq!(encoded(&text), expected);
        }
    }

    #[test]
    fn what_is_no_code_stays() {
        assert_eq!(decoded("a%40b%"), "a@b%");
        assert_eq!(decoded("%zz%2"), "%zz%2");
        assert_eq!(decoded("%é%C3%A9"), "%éé");
        assert_eq!(decoded("%c3%a9+%+1"), "é+%+1");
        assert_eq!(decoded("%ff"), "\u{fffd}");
    }

    #[test]
    fn every_text_comes_back() {
        let all: String = (0..0x3000).filter_map(char::from_u32).collect();
        assert_eq!(decoded(&encoded(&all)), all);
    }
}
