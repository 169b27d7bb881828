//! A page as Markdown (CommonMark, with GitHub's tables): nothing of the contract's own words is markup.

use crate::engine::contract::exchange::export::page::Block;

pub fn markdown(page: &[Block]) -> String {
    let mut out = String::new();
    for block in page {
        if !out.is_empty() {
            out.push('\n');
        }
        match block {
            Block::Heading(level, text) => {
                out.push_str(&format!("{} {}\n", "#".repeat(usize::from(*level)), escaped(text)))
            }
            Block::Text(text) => {
                let paragraphs: Vec<String> =
                    text.split('\n').map(escaped).filter(|line| !line.trim().is_empty()).collect();
                out.push_str(&format!("{}\n", paragraphs.join("\n\n")));
            }
            Block::Table { head, rows } => {
                let cells = |cells: &mut dyn Iterator<Item = String>| {
                    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
                };
                out.push_str(&cells(&mut head.iter().map(|name| (*name).to_owned())));
                out.push_str(&cells(&mut head.iter().map(|_| "---".to_owned())));
                rows.iter().for_each(|row| out.push_str(&cells(&mut row.iter().map(|text| escaped(text)))));
            }
        }
    }
    out
}

/// Each character that may mean something is escaped, and a line's end is a space: a cell and a heading are one line.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.trim().chars().peekable();
    while let Some(c) = chars.next() {
        let ends_word = chars.peek().is_none_or(|next| next.is_whitespace());
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' | '$' => {
                out.push('\\');
                out.push(c);
            }
            // A list, or a heading's underline.
            '+' | '-' | '=' if out.is_empty() => {
                out.push('\\');
                out.push(c);
            }
            // `1. ` begins a list.
            '.' | ')' if ends_word && !out.is_empty() && out.bytes().all(|byte| byte.is_ascii_digit()) => {
                out.push('\\');
                out.push(c);
            }
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
