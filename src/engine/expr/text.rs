//! Functions of text (cel-spec, *Standard Definitions*, and cel-go's `ext.Strings`). Positions count code points.

use crate::engine::expr::value::{BAD_ARGUMENT, Error, NO_OVERLOAD, Val};
use std::borrow::Cow;

const OUT_OF_BOUNDS: Error = Error("index out of bounds");

/// `[from, to)`, in code points.
pub fn substring(text: Cow<'_, str>, from: i64, to: Option<i64>) -> Result<Cow<'_, str>, Error> {
    let start = byte_at(&text, from)?;
    let end = to.map_or(Ok(text.len()), |to| byte_at(&text, to))?;
    if start > end {
        return Err(OUT_OF_BOUNDS);
    }
    Ok(match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[start..end]),
        Cow::Owned(text) => Cow::Owned(text[start..end].to_owned()),
    })
}

/// The character at a position; empty at the very end.
pub fn char_at(text: Cow<'_, str>, at: i64) -> Result<Cow<'_, str>, Error> {
    let start = byte_at(&text, at)?;
    let end = text[start..].chars().next().map_or(start, |c| start + c.len_utf8());
    Ok(Cow::Owned(text[start..end].to_owned()))
}

/// Where a text is found first from a position on; -1: nowhere.
pub fn index_of(text: &str, part: &str, from: i64) -> Result<i64, Error> {
    let start = byte_at(text, from)?;
    Ok(text[start..].find(part).map_or(-1, |at| count(&text[..start + at])))
}

/// Where a text is found last, beginning at a position at most; -1: nowhere.
pub fn last_index_of(text: &str, part: &str, until: Option<i64>) -> Result<i64, Error> {
    let end = match until {
        Some(until) => (byte_at(text, until)? + part.len()).min(text.len()),
        None => text.len(),
    };
    // The end may lie within a character where the part has another length in bytes.
    let end = (end..=text.len()).find(|end| text.is_char_boundary(*end)).unwrap_or(text.len());
    Ok(text[..end].rfind(part).map_or(-1, |at| count(&text[..at])))
}

/// A negative limit is none.
pub fn replace(text: &str, from: &str, to: &str, limit: i64) -> String {
    match usize::try_from(limit) {
        Ok(limit) => text.replacen(from, to, limit),
        Err(_) => text.replace(from, to),
    }
}

/// At most `limit` pieces, the last with the rest; a negative limit is none. Nothing between two separators is a piece, and an
/// empty separator stands between any two characters.
pub fn split<'a>(text: &str, separator: &str, limit: i64) -> Val<'a> {
    let own = |piece: &str| Val::text(piece.to_owned());
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    match (limit, separator) {
        (0, _) => Val::list([]),
        (1, _) => Val::list([own(text)]),
        (limit, "") => {
            let mut cuts = text.char_indices().map(|(at, _)| at).take(limit).collect::<Vec<_>>();
            cuts.push(text.len());
            Val::list(cuts.windows(2).map(|ends| own(&text[ends[0]..ends[1]])))
        }
        (limit, separator) => Val::list(text.splitn(limit, separator).map(own)),
    }
}

/// The texts of a list, end to end.
pub fn join(list: &Val<'_>, separator: &str) -> Result<String, Error> {
    let mut joined = String::new();
    for (i, item) in list.each().ok_or(NO_OVERLOAD)?.enumerate() {
        let Val::Text(text) = item else { return Err(NO_OVERLOAD) };
        if i > 0 {
            joined.push_str(separator);
        }
        joined.push_str(&text);
        // What is joined may be the same text many times.
        if joined.len() > JOINED_MAX_BYTES {
            return Err(BAD_ARGUMENT);
        }
    }
    Ok(joined)
}

/// As much as `eval::STEPS_MAX` steps pay for.
const JOINED_MAX_BYTES: usize = 1 << 20;

/// The number of code points.
pub fn count(text: &str) -> i64 {
    text.chars().count() as i64
}

/// Where a position stands in bytes.
fn byte_at(text: &str, at: i64) -> Result<usize, Error> {
    let at = usize::try_from(at).map_err(|_| OUT_OF_BOUNDS)?;
    let mut starts = text.char_indices().map(|(byte, _)| byte).chain([text.len()]);
    starts.nth(at).ok_or(OUT_OF_BOUNDS)
}
