//! Dates, timestamps and times written as text: by ISO 8601 or by a JDK pattern, into one comparable number.

use crate::engine::decode::moment::{Moment, MomentKind};

/// How the text of one field is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moments {
    pub kind: MomentKind,
    /// Integers are read as milliseconds since 1970: the field's `physicalType` says that it is a number.
    pub epoch_ms: bool,
    tokens: Vec<Token>,
    /// The offset of a text that names none: `defaultTimezone`, UTC where it is not given.
    default_offset_s: i32,
}

/// One piece of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    /// A run of `min` to `max` digits.
    Digits(Field, usize, usize),
    /// `S…`: exactly so many digits of a second's fraction.
    Fraction(usize),
    Literal(char),
    /// `T`, `t` or a space, between the date and the time of ISO 8601.
    Separator,
    /// `:ss` and its fraction, or nothing.
    OptionalSeconds,
    Offset,
    OptionalOffset,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Year,
    /// Two digits: 20 is 2020, as the JDK's `yy` reads it.
    ShortYear,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

const EPOCH: jiff::civil::Date = jiff::civil::date(1970, 1, 1);
const NANOS_PER_S: i128 = 1_000_000_000;
/// 24 × 60 × 60.
const S_PER_DAY: i64 = 86_400;

impl Moments {
    /// ISO 8601 as RFC 3339 narrows it, with the seconds, the fraction and the offset left free, and a space for the `T`.
    pub fn iso(kind: MomentKind) -> Moments {
        let date = [
            Token::Digits(Field::Year, 4, 4),
            Token::Literal('-'),
            Token::Digits(Field::Month, 2, 2),
            Token::Literal('-'),
            Token::Digits(Field::Day, 2, 2),
        ];
        let time = [
            Token::Digits(Field::Hour, 2, 2),
            Token::Literal(':'),
            Token::Digits(Field::Minute, 2, 2),
            Token::OptionalSeconds,
            Token::OptionalOffset,
        ];
        let tokens = match kind {
            MomentKind::Date => date.to_vec(),
            MomentKind::Time => time.to_vec(),
            MomentKind::Timestamp => date.into_iter().chain([Token::Separator]).chain(time).collect(),
        };
        Moments { kind, epoch_ms: false, tokens, default_offset_s: 0 }
    }

    /// A pattern of the JDK's `DateTimeFormatter`. The error names the letters that are not read here.
    pub fn pattern(kind: MomentKind, pattern: &str) -> Result<Moments, String> {
        Ok(Moments { kind, epoch_ms: false, tokens: tokens(pattern)?, default_offset_s: 0 })
    }

    /// Whether integers are read, too.
    pub fn with_epoch_ms(self, epoch_ms: bool) -> Moments {
        Moments { epoch_ms, ..self }
    }

    /// `defaultTimezone`. Only UTC and fixed offsets: the rules of other zones are not carried along.
    pub fn with_default_zone(self, zone: &str) -> Result<Moments, String> {
        let utc = ["Etc/UTC", "UTC", "Etc/GMT", "GMT", "Z"].contains(&zone);
        let mut cursor = Cursor { rest: zone };
        let offset = if utc { Some(0) } else { cursor.offset().filter(|_| cursor.rest.is_empty()) };
        match offset {
            Some(default_offset_s) => Ok(Moments { default_offset_s, ..self }),
            None => Err(format!("defaultTimezone {zone:?} is neither UTC nor a fixed offset such as +02:00")),
        }
    }

    /// `None`: the text does not read as this field's.
    pub fn read(&self, text: &str) -> Option<Moment> {
        let mut cursor = Cursor { rest: text };
        let mut parts = Parts { year: 1970, month: 1, day: 1, hour: 0, minute: 0, second: 0, nanos: 0, offset_s: None };
        for token in &self.tokens {
            parts.take(*token, &mut cursor)?;
        }
        if !cursor.rest.is_empty() {
            return None;
        }
        let days = match self.kind {
            MomentKind::Time => 0,
            _ => {
                let date = jiff::civil::Date::new(parts.year, parts.month, parts.day).ok()?;
                date.duration_since(EPOCH).as_secs() / S_PER_DAY
            }
        };
        let of_day = i64::from(parts.hour) * 3600 + i64::from(parts.minute) * 60 + i64::from(parts.second);
        let s = match self.kind {
            MomentKind::Date => days * S_PER_DAY,
            _ => days * S_PER_DAY + of_day - i64::from(parts.offset_s.unwrap_or(self.default_offset_s)),
        };
        let nanos = i128::from(s) * NANOS_PER_S + i128::from(parts.nanos);
        Some(Moment { kind: self.kind, nanos, zoned: parts.offset_s.is_some() })
    }

    /// The nanoseconds of a moment that was no text, as `read` gives those of texts; `None` of another kind.
    pub fn place(&self, moment: Moment) -> Option<i128> {
        let offset_s = if moment.zoned || self.kind == MomentKind::Date { 0 } else { self.default_offset_s };
        (moment.kind == self.kind).then(|| moment.nanos - i128::from(offset_s) * NANOS_PER_S)
    }
}

struct Parts {
    year: i16,
    month: i8,
    day: i8,
    hour: i8,
    minute: i8,
    second: i8,
    nanos: i32,
    offset_s: Option<i32>,
}

impl Parts {
    fn take(&mut self, token: Token, cursor: &mut Cursor<'_>) -> Option<()> {
        match token {
            Token::Digits(field, min, max) => {
                let n = i16::try_from(cursor.digits(min, max)?).ok()?;
                let small = |limit: i16| i8::try_from(n).ok().filter(|_| n <= limit);
                match field {
                    Field::Year => self.year = n,
                    Field::ShortYear => self.year = 2000 + n,
                    Field::Month => self.month = small(12)?,
                    Field::Day => self.day = small(31)?,
                    Field::Hour => self.hour = small(23)?,
                    Field::Minute => self.minute = small(59)?,
                    // A leap second is read as the second before it, as clocks that smear it do.
                    Field::Second => self.second = small(60)?.min(59),
                }
            }
            Token::Fraction(digits) => self.nanos = cursor.fraction(digits, digits)?,
            Token::Literal(c) => cursor.literal(c)?,
            Token::Separator => cursor.rest = cursor.rest.strip_prefix(['T', 't', ' '])?,
            Token::OptionalSeconds => {
                if cursor.literal(':').is_some() {
                    self.take(Token::Digits(Field::Second, 2, 2), cursor)?;
                    if cursor.literal('.').or_else(|| cursor.literal(',')).is_some() {
                        self.nanos = cursor.fraction(1, 9)?;
                    }
                }
            }
            Token::Offset => self.offset_s = Some(cursor.offset()?),
            Token::OptionalOffset if cursor.rest.is_empty() => {}
            Token::OptionalOffset => self.offset_s = Some(cursor.offset()?),
        }
        Some(())
    }
}

struct Cursor<'a> {
    rest: &'a str,
}

impl Cursor<'_> {
    fn run(&mut self, min: usize, max: usize) -> Option<&str> {
        let len = self.rest.bytes().take(max).take_while(u8::is_ascii_digit).count();
        let (run, rest) = self.rest.split_at(len);
        self.rest = rest;
        (len >= min).then_some(run)
    }

    fn digits(&mut self, min: usize, max: usize) -> Option<u32> {
        // At most four.
        Some(self.run(min, max)?.bytes().fold(0, |n, digit| n * 10 + u32::from(digit - b'0')))
    }

    /// Digits after the point, in nanoseconds.
    fn fraction(&mut self, min: usize, max: usize) -> Option<i32> {
        let run = self.run(min, max)?;
        let scale = 10_i32.pow(9_u32.saturating_sub(run.len() as u32));
        run.parse::<i32>().ok()?.checked_mul(scale)
    }

    fn literal(&mut self, c: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(c)?;
        Some(())
    }

    /// `Z`, `±HH`, `±HHMM` or `±HH:MM`, in seconds; the standard's own examples put a colon where the JDK's `Z` has none.
    fn offset(&mut self) -> Option<i32> {
        if let Some(rest) = self.rest.strip_prefix(['Z', 'z']) {
            self.rest = rest;
            return Some(0);
        }
        let sign = match self.rest.chars().next()? {
            '+' => 1,
            '-' => -1,
            _ => return None,
        };
        self.rest = &self.rest[1..];
        let hours = self.digits(2, 2).filter(|h| *h <= 18)?;
        let colon = self.literal(':').is_some();
        let more = colon || self.rest.bytes().next().is_some_and(|b| b.is_ascii_digit());
        let minutes = if more { self.digits(2, 2).filter(|m| *m <= 59)? } else { 0 };
        Some(sign * (hours * 3600 + minutes * 60) as i32)
    }
}

/// Reads a JDK pattern: letters `y u M d H m s S X x Z`, quoted text, and anything that is no letter as itself.
fn tokens(pattern: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let len = rest.chars().take_while(|d| *d == c).count();
        let run = &rest[..len * c.len_utf8()];
        if c == '\'' {
            let (text, after) =
                quoted(rest).ok_or_else(|| format!("pattern {pattern:?} has a quote that never ends"))?;
            tokens.extend(text.chars().map(Token::Literal));
            rest = after;
            continue;
        }
        rest = &rest[run.len()..];
        let unsupported = || Err(format!("pattern {pattern:?} uses {run:?}, which is not read here"));
        tokens.push(match (c, len) {
            ('y' | 'u', 2) => Token::Digits(Field::ShortYear, 2, 2),
            ('y' | 'u', 4) => Token::Digits(Field::Year, 4, 4),
            ('y' | 'u', 1) => Token::Digits(Field::Year, 1, 4),
            ('M', 1 | 2) => Token::Digits(Field::Month, len, 2),
            ('d', 1 | 2) => Token::Digits(Field::Day, len, 2),
            ('H', 1 | 2) => Token::Digits(Field::Hour, len, 2),
            ('m', 1 | 2) => Token::Digits(Field::Minute, len, 2),
            ('s', 1 | 2) => Token::Digits(Field::Second, len, 2),
            ('S', 1..=9) => Token::Fraction(len),
            ('X' | 'x', 1..=3) | ('Z', 1..=3 | 5) => Token::Offset,
            ('[' | ']' | '{' | '}' | '#', _) => return unsupported(),
            _ if c.is_ascii_alphabetic() => return unsupported(),
            _ => {
                tokens.extend(std::iter::repeat_n(Token::Literal(c), len));
                continue;
            }
        });
    }
    Ok(tokens)
}

/// The text of `'…'` at the start, and what follows; `''` is a quote itself.
fn quoted(rest: &str) -> Option<(String, &str)> {
    let inner = rest.strip_prefix('\'')?;
    let (text, after) = inner.split_once('\'')?;
    Some((if text.is_empty() { "'".to_owned() } else { text.to_owned() }, after))
}

#[cfg(test)]
mod tests {
    use super::Moments;
    use crate::engine::decode::moment::MomentKind;

    const DAY: i128 = 86_400_000_000_000;

    fn check(moments: &Moments, cases: &[(&str, Option<(i128, bool)>)]) {
        for (text, expected) in cases {
            assert_eq!(moments.read(text).map(|m| (m.nanos, m.zoned)), *expected, "{text:?}");
        }
    }

    #[test]
    fn iso_texts_are_read_with_and_without_seconds_fraction_and_offset() {
        check(
            &Moments::iso(MomentKind::Date),
            &[
                ("1970-01-02", Some((DAY, false))),
                ("1970-02-30", None),
                ("1970-1-2", None),
                ("1970-01-02Z", None),
                ("", None),
                ("é", None),
            ],
        );
        check(
            &Moments::iso(MomentKind::Timestamp),
            &[
                ("1970-01-02T00:00:00Z", Some((DAY, true))),
                ("1970-01-02 00:00", Some((DAY, false))),
                ("1970-01-02T02:00:00+02:00", Some((DAY, true))),
                ("1970-01-02T00:00:00.000000001Z", Some((DAY + 1, true))),
                ("1969-12-31T24:00:00Z", None),
                ("1970-01-02", None),
                ("1970-01-02T00:00:00 Z", None),
            ],
        );
        check(&Moments::iso(MomentKind::Time), &[("00:00:01", Some((1_000_000_000, false))), ("25:00", None)]);
    }

    #[test]
    fn jdk_patterns_are_read_and_what_is_not_read_is_named() {
        let pattern = |p| Moments::pattern(MomentKind::Timestamp, p);
        check(
            &pattern("dd.MM.yyyy HH:mm").unwrap(),
            &[("02.01.1970 00:00", Some((DAY, false))), ("1970-01-02 00:00", None)],
        );
        check(
            &pattern("yyyy-MM-dd'T'HH:mm:ss.SSSXXX").unwrap(),
            &[("1970-01-02T01:00:00.001+01:00", Some((DAY + 1_000_000, true))), ("1970-01-02T01:00:00+01:00", None)],
        );
        check(
            &pattern("yyyy-MM-dd HH:mm:ssZ").unwrap(),
            &[("1970-01-02 00:00:00+0000", Some((DAY, true))), ("1970-01-02 10:00:00+10:00", Some((DAY, true)))],
        );
        for (text, named) in [("dd MMM yyyy", "MMM"), ("yyyy[-MM]", "["), ("hh:mm a", "hh"), ("'x", "quote")] {
            let error = pattern(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn a_text_without_offset_has_the_default_one() {
        let read = Moments::iso(MomentKind::Timestamp).with_default_zone("+02:00").unwrap();
        check(&read, &[("1970-01-02T02:00:00", Some((DAY, false))), ("1970-01-02T00:00:00Z", Some((DAY, true)))]);
        assert!(Moments::iso(MomentKind::Timestamp).with_default_zone("Australia/Sydney").is_err());
    }
}
