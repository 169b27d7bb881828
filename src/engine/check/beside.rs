//! A record's key and headers against what a contract asks of them.

use crate::engine::check::clause::Fault;
use crate::engine::check::mask::Mask;
use crate::engine::contract::beside::{Asks, Beside, What};
use crate::engine::record::RawRecord;

/// `None`: the rule is not asked of this record. `Some(Some(…))`: the record breaks it, by what is shown of the text.
pub fn ask(beside: &Beside, record: &RawRecord<'_>) -> Option<Option<(Fault, Mask)>> {
    let found = match &beside.what {
        What::Key => record.key.map(Some),
        What::Header(name) => record.headers?.last(name.as_bytes()),
    };
    if let Asks::Present = beside.asks {
        return Some(match found {
            None => Some(("missing", Mask::Nothing)),
            Some(None) => Some(("null", Mask::Null)),
            Some(Some(_)) => None,
        });
    }
    let bytes = found.flatten()?;
    let Ok(text) = std::str::from_utf8(bytes) else { return Some(Some(("not_text", Mask::Bytes(bytes.len())))) };
    let shown = || Mask::Text(text.chars().count());
    let fault_if = |broken: bool, fault: Fault| Some(broken.then(|| (fault, shown())));
    match &beside.asks {
        Asks::Present => None,
        Asks::Length { min, max } => {
            let count = text.chars().count() as u64;
            match min.is_some_and(|min| count < min) {
                true => fault_if(true, "too_short"),
                false => fault_if(max.is_some_and(|max| count > max), "too_long"),
            }
        }
        Asks::Pattern(pattern) => fault_if(!pattern.is_match(text), "no_match"),
        Asks::Format(format) => fault_if(!format.holds(text), "bad_format"),
        Asks::OneOf(values) => fault_if(!values.has_text(text), "not_allowed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::contract::text::format::TextFormat;
    use crate::engine::contract::text::pattern;
    use crate::engine::contract::values::Values;
    use crate::engine::record::Headers;

    /// The fault of each text, `-` where the rule is not asked, and nothing where it holds.
    fn check(asks: Asks, texts: &[Option<Option<&[u8]>>], expected: &[&str]) {
        let shown = |asked: Option<Option<(Fault, Mask)>>| match asked {
            None => "-",
            Some(None) => "",
            Some(Some((fault, _))) => fault,
        };
        let name = format!("{asks:?}");
        let of = |what| Beside { what, asks: asks.clone(), classified: false };
        let (of_header, of_key) = (of(What::Header("h".into())), of(What::Key));
        for (text, expected) in texts.iter().zip(expected) {
            let listed: Vec<(&[u8], Option<&[u8]>)> = text.map(|value| (b"h".as_slice(), value)).into_iter().collect();
            let record = RawRecord { headers: Some(&listed as &dyn Headers), ..RawRecord::empty(0) };
            assert_eq!(shown(ask(&of_header, &record)), *expected, "{name} of header {text:?}");
            // A key cannot be there and be null.
            if *text != Some(None) {
                let record = RawRecord { key: text.flatten(), ..RawRecord::empty(0) };
                assert_eq!(shown(ask(&of_key, &record)), *expected, "{name} of key {text:?}");
            }
        }
        assert_eq!(shown(ask(&of_header, &RawRecord::empty(0))), "-", "of a record whose headers nobody knows");
    }

    #[test]
    fn each_option_is_asked_of_a_text_that_is_there_and_says_what_broke_it() {
        let texts = [None, Some(None), Some(Some(b"".as_slice())), Some(Some(b"ab")), Some(Some("äöü".as_bytes()))];
        check(Asks::Present, &texts, &["missing", "null", "", "", ""]);
        check(Asks::Length { min: Some(2), max: None }, &texts, &["-", "-", "too_short", "", ""]);
        check(Asks::Length { min: None, max: Some(2) }, &texts, &["-", "-", "", "", "too_long"]);
        let pattern = pattern::compile("^ab$").expect("a pattern");
        check(Asks::Pattern(pattern), &texts, &["-", "-", "no_match", "", "no_match"]);
        check(Asks::OneOf(Values::new(vec!["ab".into()])), &texts, &["-", "-", "not_allowed", "", "not_allowed"]);
        let (uuid, other) = (b"123e4567-e89b-12d3-a456-426614174000".as_slice(), b"\xff\xfe".as_slice());
        check(Asks::Format(TextFormat::Uuid), &[Some(Some(uuid)), Some(Some(other))], &["", "not_text"]);
    }

    #[test]
    fn of_several_headers_of_one_name_the_last_is_asked() {
        let listed: Vec<(&[u8], Option<&[u8]>)> = vec![(b"h", Some(b"x")), (b"g", Some(b"x")), (b"h", Some(b"y"))];
        let record = RawRecord { headers: Some(&listed), ..RawRecord::empty(0) };
        let of = |word: &str| {
            let asks = Asks::OneOf(Values::new(vec![word.into()]));
            ask(&Beside { what: What::Header("h".into()), asks, classified: false }, &record)
        };
        assert_eq!(of("y"), Some(None));
        assert_eq!(of("x"), Some(Some(("not_allowed", Mask::Text(1)))));
    }
}
