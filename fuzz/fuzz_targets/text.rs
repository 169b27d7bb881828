//! Two lines: what a text is to be, and the text. The first is a pattern in each of the three dialects, a form of moments and a time
//! zone; the second is searched, read as a moment and as each format. A pattern that is taken apart finds what the engine finds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mesh_steward_fuzz::engine::audit;
use mesh_steward_fuzz::engine::contract::name::compare_versions;
use mesh_steward_fuzz::engine::contract::text::format::{TextFormat, uri_reference};
use mesh_steward_fuzz::engine::contract::text::moment::Moments;
use mesh_steward_fuzz::engine::contract::text::pattern;
use mesh_steward_fuzz::engine::decode::moment::MomentKind;
use mesh_steward_fuzz::engine::expr::regex::{Dialect, Regex};
use mesh_steward_fuzz::printable::printable;

const FORMATS: [&str; 8] = ["email", "uuid", "uri", "ipv4", "ipv6", "hostname", "password", "byte"];
/// Of Unicode's private use: stands in no text that is searched.
const NOWHERE: char = '\u{e000}';

fuzz_target!(|lines: &str| {
    let (first, text) = lines.split_once('\n').unwrap_or((lines, lines));
    if let Ok(simple) = pattern::compile(first) {
        let found = simple.is_match(text);
        // The same in words that are not simple.
        if let Ok(engine) = pattern::compile(&format!("(?:{first})|{NOWHERE}"))
            && !lines.contains(NOWHERE)
        {
            assert_eq!(found, engine.is_match(text), "{first:?} in {text:?}");
        }
    }
    for dialect in [Dialect::Pcre, Dialect::Re2] {
        if let Ok(regex) = Regex::new(first, dialect) {
            let _ = regex.is_match(text);
        }
    }
    for kind in [MomentKind::Date, MomentKind::Timestamp, MomentKind::Time] {
        let iso = Moments::iso(kind);
        let written = Moments::pattern(kind, first);
        let zoned = Moments::iso(kind).with_default_zone(first);
        for moments in [Some(iso), written.ok(), zoned.ok()].into_iter().flatten() {
            if let Some(moment) = moments.read(text) {
                moments.place(moment);
            }
        }
    }
    FORMATS.iter().filter_map(|name| TextFormat::named(name)).for_each(|format| _ = format.holds(text));
    uri_reference(text);
    audit::moment(text);
    assert_eq!(compare_versions(first, text), compare_versions(text, first).reverse());
    assert!(!printable(text).chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
});
