//! CEL's tokens (cel-spec, *Syntax*).

/// A token, and the byte at which it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    pub at: usize,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Name(String),
    Int(u64),
    Uint(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// An operator or a bracket.
    Sign(&'static str),
    End,
}

/// What is wrong with a text, and at which byte.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    pub at: usize,
    pub what: String,
}

/// The longer ones first.
const SIGNS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")", "[", "]",
    "{", "}",
];

/// All tokens, `End` at last.
pub fn tokens(text: &str) -> Result<Vec<Token>, Mistake> {
    let mut scanner = Scanner { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        scanner.skip();
        let at = scanner.at;
        let kind = scanner.token()?;
        let is_end = kind == Kind::End;
        tokens.push(Token { at, kind });
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn wrong<T>(&self, at: usize, what: impl Into<String>) -> Result<T, Mistake> {
        Err(Mistake { at, what: what.into() })
    }

    /// White space and comments.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let space = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']).len();
            self.at += space;
            match self.rest().strip_prefix("//") {
                Some(comment) => self.at += 2 + comment.find('\n').unwrap_or(comment.len()),
                None => return,
            }
        }
    }

    fn token(&mut self) -> Result<Kind, Mistake> {
        let Some(first) = self.peek() else { return Ok(Kind::End) };
        let second = self.rest().chars().nth(1);
        if first.is_ascii_digit() || first == '.' && second.is_some_and(|c| c.is_ascii_digit()) {
            return self.number();
        }
        if let Some(text) = self.string()? {
            return Ok(text);
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let length = self.rest().bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
            let name = self.rest()[..length].to_owned();
            self.at += length;
            return Ok(Kind::Name(name));
        }
        // A field whose name is no identifier: `message.`a-b``.
        if first == '`' {
            let from = self.at + 1;
            let Some(length) = self.text[from..].find('`') else { return self.wrong(self.at, "the ` has no end") };
            self.at = from + length + 1;
            return Ok(Kind::Name(self.text[from..from + length].to_owned()));
        }
        match SIGNS.iter().find(|sign| self.rest().starts_with(**sign)) {
            Some(sign) => {
                self.at += sign.len();
                Ok(Kind::Sign(sign))
            }
            None => self.wrong(self.at, format!("{first:?} is nothing that CEL knows")),
        }
    }

    fn number(&mut self) -> Result<Kind, Mistake> {
        let at = self.at;
        let rest = self.rest();
        let hex = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X"));
        let (digits, radix, length) = match hex {
            Some(hex) => {
                let length = hex.bytes().take_while(u8::is_ascii_hexdigit).count();
                (hex[..length].to_owned(), 16, length + 2)
            }
            None => {
                let length = decimal_length(rest);
                (rest[..length].to_owned(), 10, length)
            }
        };
        self.at += length;
        let is_double = radix == 10 && digits.contains(['.', 'e', 'E']);
        if is_double {
            return match digits.parse::<f64>() {
                Ok(double) if double.is_finite() => Ok(Kind::Double(double)),
                _ => self.wrong(at, format!("{digits} is no double")),
            };
        }
        let is_unsigned = matches!(self.peek(), Some('u' | 'U'));
        self.at += usize::from(is_unsigned);
        match u64::from_str_radix(&digits, radix) {
            Ok(number) if is_unsigned => Ok(Kind::Uint(number)),
            // One more than the largest: a minus may stand before it.
            Ok(number) if number <= 1 << 63 => Ok(Kind::Int(number)),
            _ => self.wrong(at, format!("{digits} is no number of 64 bits")),
        }
    }

    /// A text or bytes, with their prefixes `r` and `b`; `None`: something else begins here.
    fn string(&mut self) -> Result<Option<Kind>, Mistake> {
        let at = self.at;
        let (mut raw, mut bytes, mut prefix) = (false, false, 0);
        for c in self.rest().chars().take(2) {
            match c {
                'r' | 'R' if !raw => raw = true,
                'b' | 'B' if !bytes => bytes = true,
                _ => break,
            }
            prefix += 1;
        }
        let rest = &self.rest()[prefix..];
        let Some(quote) = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| rest.starts_with(quote)) else {
            return Ok(None);
        };
        self.at += prefix + quote.len();
        let mut out = Vec::new();
        loop {
            let Some(c) = self.peek() else { return self.wrong(at, "the text has no end") };
            if self.rest().starts_with(quote) {
                self.at += quote.len();
                break;
            }
            if quote.len() == 1 && matches!(c, '\n' | '\r') {
                return self.wrong(at, "the text has no end on its line");
            }
            self.at += c.len_utf8();
            if c == '\\' && !raw {
                self.escape(bytes, &mut out)?;
            } else {
                out.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        if bytes {
            return Ok(Some(Kind::Bytes(out)));
        }
        match String::from_utf8(out) {
            Ok(text) => Ok(Some(Kind::Text(text))),
            Err(_) => self.wrong(at, "the text is no UTF-8"),
        }
    }

    /// What a backslash begins. In bytes a number is a byte, in text a code point.
    fn escape(&mut self, bytes: bool, out: &mut Vec<u8>) -> Result<(), Mistake> {
        let at = self.at;
        let Some(c) = self.peek() else { return self.wrong(at, "the text has no end") };
        self.at += c.len_utf8();
        let (radix, length) = match c {
            'a' => return push(out, 7),
            'b' => return push(out, 8),
            'f' => return push(out, 12),
            'n' => return push(out, b'\n'),
            'r' => return push(out, b'\r'),
            't' => return push(out, b'\t'),
            'v' => return push(out, 11),
            '\\' | '?' | '"' | '\'' | '`' => return push(out, c as u8),
            'x' | 'X' => (16, 2),
            'u' if !bytes => (16, 4),
            'U' if !bytes => (16, 8),
            '0'..='3' => {
                self.at -= 1;
                (8, 3)
            }
            _ => return self.wrong(at, format!("\\{c} is no escape")),
        };
        let digits = self.text.get(self.at..self.at + length).unwrap_or_default();
        let number = u32::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'));
        self.at += digits.len();
        match (number, number.and_then(char::from_u32)) {
            (Some(byte), _) if bytes => push(out, byte as u8),
            (_, Some(c)) => {
                out.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
                Ok(())
            }
            _ => self.wrong(at, format!("\\{c}{digits} is no escape")),
        }
    }
}

fn push(out: &mut Vec<u8>, byte: u8) -> Result<(), Mistake> {
    out.push(byte);
    Ok(())
}

/// Digits, a fraction and an exponent; a point that no digit follows is no part of it.
fn decimal_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut length = digits(0);
    if bytes.get(length) == Some(&b'.') && bytes.get(length + 1).is_some_and(u8::is_ascii_digit) {
        length += 1 + digits(length + 1);
    }
    if matches!(bytes.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        let exponent = bytes.get(length + 1 + sign..).map_or(0, |_| digits(length + 1 + sign));
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    length
}
