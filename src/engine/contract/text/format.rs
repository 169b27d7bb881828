//! The string formats that ODCS names: email, uuid, uri, hostname, ipv4, ipv6, byte.

/// A format with a meaning. `password` and `binary` say how a value is shown or stored, and ask nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFormat {
    Email,
    Uuid,
    Uri,
    Hostname,
    Ipv4,
    Ipv6,
    /// Base64, standard alphabet with padding (as OpenAPI's `byte`).
    Byte,
}

impl TextFormat {
    /// By its ODCS name; `None` for a name that is not known.
    pub fn named(name: &str) -> Option<TextFormat> {
        Some(match name {
            "email" => TextFormat::Email,
            "uuid" => TextFormat::Uuid,
            "uri" => TextFormat::Uri,
            "hostname" => TextFormat::Hostname,
            "ipv4" => TextFormat::Ipv4,
            "ipv6" => TextFormat::Ipv6,
            "byte" => TextFormat::Byte,
            _ => return None,
        })
    }

    pub fn holds(self, text: &str) -> bool {
        use base64::Engine;
        match self {
            TextFormat::Email => email(text),
            TextFormat::Uuid => uuid(text),
            TextFormat::Uri => uri(text),
            TextFormat::Hostname => hostname(text),
            TextFormat::Ipv4 => text.parse::<core::net::Ipv4Addr>().is_ok(),
            TextFormat::Ipv6 => text.parse::<core::net::Ipv6Addr>().is_ok(),
            TextFormat::Byte => base64::engine::general_purpose::STANDARD.decode(text).is_ok(),
        }
    }
}

/// What HTML's form field takes for an address: no quoted local part, a domain of host labels.
fn email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b);
    !local.is_empty() && local.bytes().all(allowed) && hostname(domain)
}

/// 8-4-4-4-12 hexadecimal digits, in either case.
fn uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// A scheme, a colon, and then no space, control, or character that RFC 3986 forbids.
fn uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let begins = scheme.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    let scheme_holds = begins && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    scheme_holds && !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b))
}

/// A URI, or one that is relative to another: what stands for itself or is escaped (RFC 3986, section 4.1).
pub fn uri_reference(text: &str) -> bool {
    let allowed = text.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b));
    let first = text.split(['/', '?', '#']).next().unwrap_or_default();
    allowed && (!first.contains(':') || uri(text))
}

/// RFC 1123: labels of 1 to 63 letters, digits and inner hyphens, 253 characters in all.
fn hostname(text: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::TextFormat;

    fn check(name: &str, good: &[&str], bad: &[&str]) {
        let Some(format) = TextFormat::named(name) else { panic!("{name} is not known") };
        for text in good {
            assert!(format.holds(text), "{text:?} is a good {name}");
        }
        for text in bad {
            assert!(!format.holds(text), "{text:?} is no {name}");
        }
    }

    #[test]
    fn each_format_takes_its_own_and_nothing_else() {
        check(
            "email",
            &["a@b.example", "first.last+tag@mail.example"],
            &["", "a", "@b", "a@", "a b@c.example", "a@b..c"],
        );
        check(
            "uuid",
            &["53581432-6c55-4ba2-a65f-72344a91553a", "53581432-6C55-4BA2-A65F-72344A91553A"],
            &["", "53581432", "5358143206c5504ba20a65f072344a91553a"],
        );
        check(
            "uri",
            &["https://example.com/a?b=c#d", "urn:isbn:0451450523"],
            &["", "example.com", "://x", "1a:b", "http://a b"],
        );
        check("hostname", &["localhost", "a-1.example.com"], &["", "-a", "a-.b", "a_b", "a..b"]);
        check("ipv4", &["127.0.0.1"], &["", "256.0.0.1", "1.2.3"]);
        check("ipv6", &["::1", "2001:db8::8a2e:370:7334"], &["", "127.0.0.1", "g::1"]);
        check("byte", &["", "aGk="], &["a", "aGk", "h i="]);
    }
}
