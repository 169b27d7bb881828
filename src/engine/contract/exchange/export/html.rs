//! A page as one HTML file: no script, nothing from elsewhere, everything escaped.

use crate::engine::contract::exchange::export::page::Block;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}\
h1,h2,h3{line-height:1.2;margin:2rem 0 .5rem}table{border-collapse:collapse;width:100%;margin:1rem 0}\
th,td{border:1px solid #d0d7de;padding:.35rem .6rem;text-align:left;vertical-align:top;overflow-wrap:anywhere;white-space:pre-wrap}\
th{background:#f3f5f7}p{white-space:pre-wrap}\
@media(prefers-color-scheme:dark){body{color:#e6e9ec;background:#14171a}th{background:#23282d}th,td{border-color:#3a4149}}";

pub fn html(page: &[Block]) -> String {
    let title = page.iter().find_map(|block| match block {
        Block::Heading(1, text) => Some(escaped(text)),
        _ => None,
    });
    let title = title.unwrap_or_default();
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    );
    for block in page {
        match block {
            Block::Heading(level, text) => out.push_str(&format!("<h{level}>{}</h{level}>\n", escaped(text))),
            Block::Text(text) => out.push_str(&format!("<p>{}</p>\n", escaped(text))),
            Block::Table { head, rows } => table(head, rows, &mut out),
        }
    }
    out + "</body>\n</html>\n"
}

/// A table without heads is one of keys and values.
fn table(head: &[&str], rows: &[Vec<String>], out: &mut String) {
    out.push_str("<table>\n");
    let named = head.iter().any(|name| !name.is_empty());
    if named {
        let cells: String = head.iter().map(|name| format!("<th scope=\"col\">{}</th>", escaped(name))).collect();
        out.push_str(&format!("<thead><tr>{cells}</tr></thead>\n"));
    }
    out.push_str("<tbody>\n");
    for row in rows {
        let cell = |(place, text): (usize, &String)| match place {
            0 => format!("<th scope=\"row\">{}</th>", escaped(text)),
            _ => format!("<td>{}</td>", escaped(text)),
        };
        let cells: String = row.iter().enumerate().map(cell).collect();
        out.push_str(&format!("<tr>{cells}</tr>\n"));
    }
    out.push_str("</tbody>\n</table>\n");
}

/// As text and inside an attribute. What HTML has no place for, and what turns the direction of text around, is U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
