//! Texts that must be of a form: stable ids, references between elements, URIs (RFC 3986), dates (RFC 3339).

use core::net::Ipv6Addr;

/// ODCS v3.1: letters, digits, `_` and `-`.
pub fn stable_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// ODCS v3.2: anything but white space and what references are made of.
pub fn stable_id_of_any_script(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| is_white(c) || ".#/\\@!%&^".contains(c))
}

/// ODCS v3.1: `object.property` or a path of ids, as a file may precede it.
pub fn reference(text: &str) -> bool {
    matches!(text.split('.').collect::<Vec<_>>()[..], [object, property] if word(object) && word(property))
        || full_reference(text, &[".yaml"], stable_id)
}

/// ODCS v3.2: names may have hyphens and go deeper.
pub fn reference_of_any_depth(text: &str) -> bool {
    let name = |text: &str| !text.starts_with('-') && word(&text.replace('-', "_"));
    (text.contains('.') && text.split('.').all(name))
        || full_reference(text, &[".yaml", ".yml"], stable_id_of_any_script)
}

/// `[[http[s]://]file.yaml#][/]section/id[/section/id …]`.
fn full_reference(text: &str, suffixes: &[&str], id: fn(&str) -> bool) -> bool {
    let (file, path) = text.split_once('#').map_or((None, text), |(file, path)| (Some(file), path));
    let file_holds = file.is_none_or(|file| {
        let file = file.strip_prefix("https://").or(file.strip_prefix("http://")).unwrap_or(file);
        let stem = suffixes.iter().find_map(|suffix| file.strip_suffix(suffix));
        stem.is_some_and(|s| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b)))
    });
    let steps: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    file_holds && steps.chunks(2).all(|step| matches!(step, [section, i] if word(section) && id(i)))
}

/// A letter or `_`, then letters, digits and `_`.
fn word(text: &str) -> bool {
    let begins = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    begins && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// ECMA-262's white space and line ends.
fn is_white(c: char) -> bool {
    (c.is_whitespace() && c != '\u{85}') || c == '\u{feff}'
}

pub fn sftp(text: &str) -> bool {
    text.starts_with("sftp://")
}

/// RFC 3986, with a scheme.
pub fn uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let (rest, fragment) = rest.split_once('#').map_or((rest, ""), |(rest, fragment)| (rest, fragment));
    let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, query)| (rest, query));
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    };
    let scheme_begins = scheme.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    scheme_begins
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        && authority_holds(authority)
        && of(path, b":@/")
        && of(query, b":@/?")
        && of(fragment, b":@/?")
}

fn authority_holds(authority: &str) -> bool {
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (host, port) = match host.strip_prefix('[') {
        Some(inner) => match inner.split_once(']') {
            Some((address, port)) if address.parse::<Ipv6Addr>().is_ok() || future(address) => ("", port),
            _ => return false,
        },
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let port_holds = port.is_empty() || port.strip_prefix(':').is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()));
    of(user, b":") && of(host, b"") && port_holds
}

/// An address of a later kind of IP: `v1.…`.
fn future(address: &str) -> bool {
    let version = address.strip_prefix(['v', 'V']).and_then(|rest| rest.split_once('.'));
    version.is_some_and(|(v, rest)| {
        let version = !v.is_empty() && v.bytes().all(|b| b.is_ascii_hexdigit());
        version && !rest.is_empty() && !rest.contains('%') && of(rest, b":")
    })
}

/// Unreserved characters, delimiters of parts, percent-encoded ones, and `more`.
fn of(text: &str, more: &[u8]) -> bool {
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        let holds = match b {
            b'%' => [bytes.next(), bytes.next()].iter().all(|b| b.is_some_and(|b| b.is_ascii_hexdigit())),
            b => b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&b) || more.contains(&b),
        };
        if !holds {
            return false;
        }
    }
    true
}

/// RFC 3339 `full-date`.
pub fn date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let number = |range: core::ops::Range<usize>| digits(&bytes[range]);
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    let (Some(year), Some(month), Some(day)) = (number(0..4), number(5..7), number(8..10)) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// RFC 3339 `date-time`; a leap second only where one can be, at 23:59 in UTC.
pub fn date_time(text: &str) -> bool {
    let Some((day, time)) = text.split_once(['T', 't']) else { return false };
    let bytes = time.as_bytes();
    if !date(day) || bytes.len() < 9 || bytes[2] != b':' || bytes[5] != b':' {
        return false;
    }
    let (Some(hour), Some(minute), Some(second)) = (digits(&bytes[..2]), digits(&bytes[3..5]), digits(&bytes[6..8]))
    else {
        return false;
    };
    let rest = &bytes[8..];
    let rest = match rest.strip_prefix(b".") {
        Some(fraction) => {
            let length = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
            if length == 0 {
                return false;
            }
            &fraction[length..]
        }
        None => rest,
    };
    let Some(offset_min) = offset_min(rest) else { return false };
    let of_day = 24 * 60;
    let utc_min = (hour * 60 + minute - offset_min).rem_euclid(of_day);
    hour <= 23 && minute <= 59 && (second <= 59 || (second == 60 && utc_min == of_day - 1))
}

/// `Z`, or `±hh:mm`.
fn offset_min(bytes: &[u8]) -> Option<i64> {
    match bytes {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            let sign = if *sign == b'-' { -1 } else { 1 };
            (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
        }
        _ => None,
    }
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(holds: fn(&str) -> bool, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(holds(text), "{text:?} is refused");
        }
        for text in bad {
            assert!(!holds(text), "{text:?} is taken");
        }
    }

    #[test]
    fn each_form_takes_its_own_and_nothing_else() {
        check(stable_id, &["a-1_B"], &["", "a.b", "ä", "a b"]);
        check(stable_id_of_any_script, &["a-1_B", "größe", "a:b"], &["", "a.b", "a b", "a\u{a0}b", "a/b", "50%"]);
        let paths =
            ["schema/a", "/schema/a/properties/b-1", "c.yaml#schema/a", "https://x.example/c-d/e.yaml#/schema/a"];
        check(reference, &["a.b", "_a1.b_2"], &["", "a", "a.b.c", "a-b.c", "1.b", "schema", "schema/a/properties"]);
        check(reference, &paths, &["#schema/a", ".yaml#schema/a", "c.yml#schema/a", "a.yaml#b.c", "//schema/a", "a/ä"]);
        check(reference_of_any_depth, &["a.b", "a.b-c.d", "a_-.b"], &["a", "-a.b", "a.", "a..b", "1a.b"]);
        check(reference_of_any_depth, &paths, &["c.txt#schema/a"]);
        check(reference_of_any_depth, &["c.yml#schema/größe"], &["a/b/c", "a-b/c"]);
    }

    #[test]
    fn uris_are_those_of_rfc_3986() {
        check(
            uri,
            &[
                "https://u:p@h.example:80/a?b=c#d",
                "urn:isbn:1",
                "a:",
                "http://[::1]:1/",
                "http://[v1.a]",
                "m:a%20b",
                "a:/?/#/?",
            ],
            &[
                "",
                "a",
                "//h/p",
                "1a:b",
                "a b:c",
                "a:b c",
                "a:%2",
                "a:%zz",
                "http://h:x/",
                "http://[::g]/",
                "a:#b#c",
                "a:[b]",
                "a:ä",
                "http://a@b@c",
                "a:b|c",
            ],
        );
    }

    #[test]
    fn dates_are_those_of_rfc_3339() {
        check(
            date,
            &["2024-02-29", "2000-02-29", "0000-12-31"],
            &["", "2023-02-29", "1900-02-29", "2024-13-01", "2024-1-01", "2024-01-00", "24-01-001"],
        );
        check(
            date_time,
            &[
                "2024-01-01T00:00:00Z",
                "2024-01-01t23:59:59.5z",
                "2024-01-01T00:00:00+23:59",
                "2016-12-31T23:59:60Z",
                "2017-01-01T00:59:60+01:00",
            ],
            &[
                "",
                "2024-01-01",
                "2024-01-01T00:00:00",
                "2024-01-01T24:00:00Z",
                "2024-01-01T00:60:00Z",
                "2024-01-01T00:00:00.Z",
                "2024-01-01T00:00:60Z",
                "2024-01-01T00:00:00+1:00",
                "2024-01-01 00:00:00Z",
            ],
        );
    }
}
