//! What others wrote, for a line on a terminal.

use std::borrow::Cow;

/// What a terminal would obey, ends the line, or turns the order of letters, is spelled out.
pub fn printable(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let spelled = |c: char| if obeyed(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(spelled).collect())
}

/// The same of a text of several lines.
pub fn lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_a_terminal_obeys_is_spelled_out_and_the_rest_stays() {
    let check = |text: &str, shown: &str| assert_eq!(printable(text), shown);
    check("Zürich, 東京", "Zürich, 東京");
    check("\x1b]0;gone\x07\u{9b}31m", "\\u{1b}]0;gone\\u{7}\\u{9b}31m");
    check("a\nb\tc", "a\\nb\\tc");
    check("\u{202e}cod.exe", "\\u{202e}cod.exe");
}
