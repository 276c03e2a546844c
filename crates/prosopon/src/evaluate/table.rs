//! Reading small tables: values between commas, as spreadsheets write them (RFC 4180).

/// The fields of one line. A field in quotes may hold commas, and quotes written twice; spaces around
/// fields are dropped. Fields cannot go over several lines.
pub(super) fn fields(line: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut characters = line.trim().chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field).trim().to_owned()),
            other => field.push(other),
        }
    }
    fields.push(field.trim().to_owned());
    fields
}

/// The lines of a table that hold something, with their numbers from 1; without the mark that some
/// programs put before the first, and without lines that begin with `#`.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_may_be_quoted() {
        assert_eq!(fields("a, b ,,c\r"), ["a", "b", "", "c"]);
        assert_eq!(fields("\"a,b\",\"say \"\"x\"\"\""), ["a,b", "say \"x\""]);
        assert_eq!(fields(""), [""]);
        assert_eq!(fields("\"open, ended"), ["open, ended"]);
    }

    #[test]
    fn lines_that_hold_nothing_are_passed_over() {
        let found: Vec<_> = lines("\u{feff}a,b\n\n# note\nc,d\n").collect();
        assert_eq!(found, [(1, "a,b"), (4, "c,d")]);
    }
}
