//! JSON into a tree, or the reason why it is none. The parser holds its own stack: nesting cannot overflow the thread's.

use crate::engine::decode::number;
use crate::engine::decode::reason::{Reason, Undecodable};
use crate::engine::decode::tree::{Kind, Node, Span, Tree, Value};

/// Levels of arrays and objects; the record itself is the first. Deeper than any record that people read, and what
/// common readers take (Protobuf's JSON: 100, serde_json: 128).
pub const MAX_DEPTH: usize = 64;
/// Spans are 32 bits; a record of 32 MiB is beyond what brokers are set to take (1 MiB by default).
pub const MAX_BYTES: usize = 32 << 20;
/// Nodes of a record; at 16 bytes each the tree stays within 16 MiB.
pub const MAX_NODES: usize = 1 << 20;
/// Reads one record, which must be a JSON object.
pub fn record<'a>(tree: &'a mut Tree, bytes: &'a [u8]) -> Result<Value<'a>, Undecodable> {
    let value = value(tree, bytes)?;
    match value.kind() {
        Kind::Object(_) => Ok(value),
        _ => Err(Undecodable { reason: Reason::NotAnObject, at: 0 }),
    }
}

/// Reads one JSON value of any kind.
pub fn value<'a>(tree: &'a mut Tree, bytes: &'a [u8]) -> Result<Value<'a>, Undecodable> {
    tree.clear();
    if bytes.len() > MAX_BYTES {
        return Err(Undecodable { reason: Reason::TooLarge, at: MAX_BYTES });
    }
    if bytes.first() == Some(&0) && bytes.len() > 5 {
        return Err(Undecodable { reason: Reason::Framed, at: 0 });
    }
    let input = std::str::from_utf8(bytes).map_err(|e| Undecodable { reason: Reason::NotUtf8, at: e.valid_up_to() })?;
    let mut parser = Parser { input, bytes, at: 0, tree };
    match parser.document() {
        Ok(()) => Ok(tree.root(input)),
        Err(reason) => Err(Undecodable { reason, at: parser.at.min(bytes.len()) }),
    }
}

struct Parser<'p> {
    input: &'p str,
    bytes: &'p [u8],
    at: usize,
    tree: &'p mut Tree,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<(), Reason> {
        self.skip_space();
        if self.at == self.bytes.len() {
            return Err(Reason::EmptyValue);
        }
        loop {
            let opened = self.begin()?;
            if !opened && !self.go_on()? {
                break;
            }
        }
        self.skip_space();
        if self.at < self.bytes.len() { Err(Reason::TrailingBytes) } else { Ok(()) }
    }

    /// Begins a value. True: an array or object that is not empty; its first item comes next.
    fn begin(&mut self) -> Result<bool, Reason> {
        self.skip_space();
        if self.tree.nodes.len() >= MAX_NODES {
            return Err(Reason::TooLarge);
        }
        let node = match self.peek() {
            Some(b'{') => return self.open(Node::Object { members: 0, end: 0 }, b'}'),
            Some(b'[') => return self.open(Node::Array { items: 0, end: 0 }, b']'),
            Some(b'"') => self.string()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word(b"true", Node::Bool(true))?,
            Some(b'f') => self.word(b"false", Node::Bool(false))?,
            Some(b'n') => self.word(b"null", Node::Null)?,
            _ => return Err(Reason::NotJson),
        };
        self.tree.nodes.push(node);
        Ok(false)
    }

    fn open(&mut self, node: Node, close: u8) -> Result<bool, Reason> {
        if self.tree.open.len() == MAX_DEPTH {
            return Err(Reason::TooDeep);
        }
        self.tree.open.push(self.tree.nodes.len() as u32);
        self.tree.nodes.push(node);
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(close) {
            // `go_on` sees the bracket and closes it.
            return Ok(false);
        }
        self.next_item()?;
        Ok(true)
    }

    /// After a value: true where another comes, false where the document has ended.
    fn go_on(&mut self) -> Result<bool, Reason> {
        while let Some(&container) = self.tree.open.last() {
            self.skip_space();
            let end = self.tree.nodes.len() as u32;
            match (self.peek(), &mut self.tree.nodes[container as usize]) {
                (Some(b','), _) => {
                    self.at += 1;
                    self.next_item()?;
                    return Ok(true);
                }
                (Some(b'}'), Node::Object { end: open_end, .. }) => {
                    *open_end = end;
                    if self.tree.repeats(self.input, container as usize) {
                        return Err(Reason::DuplicateKey);
                    }
                }
                (Some(b']'), Node::Array { end: open_end, .. }) => *open_end = end,
                _ => return Err(Reason::NotJson),
            }
            self.at += 1;
            self.tree.open.pop();
        }
        Ok(false)
    }

    /// Counts the item that comes next in the innermost container, and reads its name where it has one.
    fn next_item(&mut self) -> Result<(), Reason> {
        let Some(&container) = self.tree.open.last() else { return Err(Reason::NotJson) };
        match &mut self.tree.nodes[container as usize] {
            Node::Object { members, .. } => *members += 1,
            Node::Array { items, .. } => {
                *items += 1;
                return Ok(());
            }
            _ => return Err(Reason::NotJson),
        }
        self.skip_space();
        if self.peek() != Some(b'"') {
            return Err(Reason::NotJson);
        }
        let name = self.string()?;
        self.tree.nodes.push(name);
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(Reason::NotJson);
        }
        self.at += 1;
        Ok(())
    }

    /// A string, from its opening quote to after its closing one.
    fn string(&mut self) -> Result<Node, Reason> {
        self.at += 1;
        let mut from = self.at;
        let begun = self.tree.own_texts.len();
        let mut escaped = false;
        loop {
            self.at += plain_length(&self.bytes[self.at..]);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.tree.own_texts.push_str(&self.input[from..self.at]);
                    let c = self.escape()?;
                    self.tree.own_texts.push(c);
                    from = self.at;
                }
                // A control character must be escaped; the end of the text is no end of a string.
                _ => return Err(Reason::NotJson),
            }
        }
        let to = self.at;
        self.at += 1;
        if !escaped {
            return Ok(Node::Text(Span { from: from as u32, to: to as u32 }));
        }
        self.tree.own_texts.push_str(&self.input[from..to]);
        Ok(Node::Own(Span { from: begun as u32, to: self.tree.own_texts.len() as u32 }))
    }

    /// An escape, from its backslash to after its last character.
    fn escape(&mut self) -> Result<char, Reason> {
        let c = match self.bytes.get(self.at + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(Reason::NotJson),
        };
        self.at += 2;
        Ok(c)
    }

    fn unicode_escape(&mut self) -> Result<char, Reason> {
        let first = self.hex4()?;
        let code = match first {
            0xD800..=0xDBFF => {
                let second =
                    if self.bytes[self.at..].starts_with(b"\\u") { self.hex4()? } else { return Err(Reason::NotUtf8) };
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return Err(Reason::NotUtf8);
                }
                0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            _ => first,
        };
        char::from_u32(code).ok_or(Reason::NotUtf8)
    }

    /// `\uXXXX`.
    fn hex4(&mut self) -> Result<u32, Reason> {
        let digits = self.bytes.get(self.at + 2..self.at + 6).ok_or(Reason::NotJson)?;
        let mut code = 0;
        for &digit in digits {
            code = code * 16 + char::from(digit).to_digit(16).ok_or(Reason::NotJson)?;
        }
        self.at += 6;
        Ok(code)
    }

    fn number(&mut self) -> Result<Node, Reason> {
        let from = self.at;
        let rest = &self.bytes[from..];
        let scanned = number::scan(rest).ok_or(Reason::NotJson)?;
        self.at += scanned.len;
        if let Some(magnitude) = scanned.integer {
            match i64::try_from(magnitude) {
                Ok(i) if scanned.negative => return Ok(Node::Int(-i)),
                Ok(i) => return Ok(Node::Int(i)),
                Err(_) if !scanned.negative => return Ok(Node::Unsigned(magnitude)),
                Err(_) if magnitude == i64::MIN.unsigned_abs() => return Ok(Node::Int(i64::MIN)),
                Err(_) => {}
            }
        }
        if number::out_of_range(&self.input[from..self.at]) {
            return Err(Reason::NumberOutOfRange);
        }
        Ok(Node::Decimal(Span { from: from as u32, to: self.at as u32 }))
    }

    fn word(&mut self, word: &[u8], node: Node) -> Result<Node, Reason> {
        if !self.bytes[self.at..].starts_with(word) {
            return Err(Reason::NotJson);
        }
        self.at += word.len();
        Ok(node)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }
}

/// How many bytes come before the first quote, backslash or control character; eight at a time.
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut at = 0;
    while let Some(Ok(chunk)) = bytes.get(at..at + 8).map(<[u8; 8]>::try_from) {
        let word = u64::from_le_bytes(chunk);
        // A zero byte borrows into its high bit; bytes of 0x80 and above are masked by `!x`. A borrow can only mark
        // bytes *after* a true one, and the first is all that is asked for.
        let zero = |x: u64| x.wrapping_sub(ONES) & !x & HIGH;
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let found = zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\'))) | control;
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|&b| b == b'"' || b == b'\\' || b < 0x20).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests;
