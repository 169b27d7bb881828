//! ECMA-262 patterns, as ODCS writes them, for an engine whose time is linear in the text.

use crate::engine::contract::text::steps::Steps;
use crate::engine::expr::weight;
use regex::Regex;
use std::fmt;
use std::sync::Arc;

/// Some hundred times what people write; a megabyte of groups took 7 s to compile, and is repeated in each message about it.
const PATTERN_BYTES_MAX: usize = 16 * 1024;

/// A pattern to be searched for, unanchored.
#[derive(Clone)]
pub struct Pattern {
    regex: Regex,
    /// The same, where it is as simple as that.
    steps: Option<Arc<Steps>>,
}

/// Compiles a pattern. The error says which part of the dialect is not supported: there are no look-around and no
/// back-references, for neither can be searched in linear time.
pub fn compile(pattern: &str) -> Result<Pattern, String> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(format!("a pattern of {} bytes is longer than {PATTERN_BYTES_MAX}", pattern.len()));
    }
    let translated = translate(pattern)?;
    weight::take(&translated)?;
    let regex = Regex::new(&translated).map_err(|e| {
        let reason = e.to_string();
        // The engine draws the pattern and a caret; its last line has the words.
        let last = reason.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
        format!("pattern {pattern:?} cannot be searched for: {last}")
    })?;
    let steps = regex_syntax::parse(&translated).ok().and_then(|hir| Steps::of(&hir)).map(Arc::new);
    Ok(Pattern { regex, steps })
}

impl Pattern {
    pub fn is_match(&self, text: &str) -> bool {
        match &self.steps {
            Some(steps) => steps.is_match(text),
            None => self.regex.is_match(text),
        }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.regex.fmt(f)
    }
}

/// Spells out what the two dialects read differently: `\d` and `\w` are ASCII in ECMA-262, `.` stops at four line ends,
/// and a class holds no classes and no set operations.
fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    let mut class = false;
    while let Some(c) = chars.next() {
        match (c, class) {
            ('\\', _) => match chars.next() {
                Some('d') => out.push_str("[0-9]"),
                Some('D') => out.push_str("[^0-9]"),
                Some('w') => out.push_str("[0-9A-Za-z_]"),
                Some('W') => out.push_str("[^0-9A-Za-z_]"),
                Some('b') if class => out.push_str("\\x08"),
                Some('b') => out.push_str("(?-u:\\b)"),
                Some('B') if !class => out.push_str("(?-u:\\B)"),
                // Identity escapes that the engine takes for something of its own.
                Some(c @ ('<' | '>')) => out.push(c),
                Some(c) => out.extend(['\\', c]),
                None => return Err(format!("pattern {pattern:?} ends in a backslash")),
            },
            ('[', false) => {
                class = true;
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                if chars.peek() == Some(&']') {
                    return Err(format!("pattern {pattern:?} has an empty class, which is not supported"));
                }
            }
            (']', true) => {
                class = false;
                out.push(']');
            }
            ('[' | '&' | '~', true) => out.extend(['\\', c]),
            ('-', true) if chars.peek() == Some(&'-') => {
                return Err(format!("pattern {pattern:?} has `--` in a class: escape the hyphen"));
            }
            ('.', false) => out.push_str("[^\\n\\r\\u{2028}\\u{2029}]"),
            _ => out.push(c),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::compile;

    fn check(pattern: &str, found: &[&str], absent: &[&str]) {
        let regex = compile(pattern).unwrap_or_else(|e| panic!("{e}"));
        for text in found {
            assert!(regex.is_match(text), "{pattern} is in {text:?}");
        }
        for text in absent {
            assert!(!regex.is_match(text), "{pattern} is not in {text:?}");
        }
    }

    #[test]
    fn patterns_are_searched_for_as_ecma_262_reads_them() {
        check("ACC[0-9]{2}", &["ACC12", "xACC123"], &["ACC1", "acc12"]);
        check("^\\d+$", &["12"], &["", "1a", "\u{661}", "12\n"]);
        check("^[\\w.-]+@x\\/y$", &["a_b.c-d@x/y"], &["é@x/y"]);
        check("\\bcat\\b", &["a cat", "écaté"], &["cats"]);
        check("^.$", &["é"], &["\n", "\u{2028}"]);
        check("^[[a&&b]$", &["[", "&", "a"], &["]", "c"]);
        check("^\\u0041$", &["A"], &["a"]);
        check("^(?<y>a|b)$", &["a"], &["c"]);
    }

    #[test]
    fn what_is_not_supported_is_refused_with_its_reason() {
        for (pattern, word) in [
            ("(?=a)b", "look"),
            ("(a)\\1", "backref"),
            ("[", "class"),
            ("a[]b", "empty class"),
            ("[a--b]", "hyphen"),
            ("a\\", "backslash"),
        ] {
            let error = compile(pattern).unwrap_err();
            assert!(error.contains(word), "{pattern}: {error}");
        }
    }
}
