//! JSON into a tree, or the reason why it is none.

use crate::engine::decode::fields::{NOWHERE, Place, RECORD};
use crate::engine::decode::names::Names;
use crate::engine::decode::number;
use crate::engine::decode::reason::{Reason, Undecodable};
use crate::engine::decode::tree::{Kind, Node, Span, Tree, Value};

/// Levels of arrays and objects; the record itself is the first. Deeper than any record that people read, and what
/// common readers take (Protobuf's JSON: 100, serde_json: 128). The parser recurses as deep.
pub const MAX_DEPTH: usize = 64;
/// Spans are 32 bits; a record of 32 MiB is beyond what brokers are set to take (1 MiB by default).
pub const MAX_BYTES: usize = 32 << 20;
/// Nodes of a record; at 16 bytes each the tree stays within 16 MiB.
pub const MAX_NODES: usize = 1 << 20;

/// Reads one record, which must be a JSON object, and finds the places of a contract's fields in it.
pub fn record<'a>(tree: &'a mut Tree, names: &mut Names, bytes: &[u8]) -> Result<Value<'a>, Undecodable> {
    let value = value(tree, names, bytes)?;
    match value.kind() {
        Kind::Object(_) => Ok(value),
        _ => Err(Undecodable { reason: Reason::NotAnObject, at: 0 }),
    }
}

/// Reads one JSON value of any kind.
pub fn value<'a>(tree: &'a mut Tree, names: &mut Names, bytes: &[u8]) -> Result<Value<'a>, Undecodable> {
    let contract = names.contract().count();
    tree.begin(names.texts(), contract, names.places_max());
    if bytes.len() > MAX_BYTES {
        return Err(Undecodable { reason: Reason::TooLarge, at: MAX_BYTES });
    }
    if bytes.first() == Some(&0) && bytes.len() > 5 {
        return Err(Undecodable { reason: Reason::Framed, at: 0 });
    }
    let text = std::str::from_utf8(bytes).map_err(|e| Undecodable { reason: Reason::NotUtf8, at: e.valid_up_to() })?;
    // Copied once, so that whoever reads the tree needs neither the record nor its check again.
    tree.texts.push_str(text);
    let mut parser = Parser { text, bytes, at: 0, depth: 0, names, contract: contract as Place, tree };
    match parser.document() {
        Ok(()) => Ok(tree.root()),
        Err(reason) => Err(Undecodable { reason, at: parser.at.min(bytes.len()) }),
    }
}

struct Parser<'p> {
    text: &'p str,
    bytes: &'p [u8],
    at: usize,
    /// Arrays and objects that are open.
    depth: usize,
    names: &'p mut Names,
    /// Places below are the contract's.
    contract: Place,
    tree: &'p mut Tree,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<(), Reason> {
        self.skip_space();
        if self.at == self.bytes.len() {
            return Err(Reason::EmptyValue);
        }
        self.value(RECORD)?;
        self.skip_space();
        if self.at < self.bytes.len() { Err(Reason::TrailingBytes) } else { Ok(()) }
    }

    /// The value that stands at a place. Inlined into the loops over members and items, for most values are one node.
    #[inline(always)]
    fn value(&mut self, place: Place) -> Result<(), Reason> {
        self.skip_space();
        if self.tree.nodes.len() >= MAX_NODES {
            return Err(Reason::TooLarge);
        }
        let node = match self.peek() {
            Some(b'"') => Node::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b'{') => return self.object(place),
            Some(b'[') => return self.array(place),
            Some(b't') => self.word(b"true", Node::Bool(true))?,
            Some(b'f') => self.word(b"false", Node::Bool(false))?,
            Some(b'n') => self.word(b"null", Node::Null)?,
            _ => return Err(Reason::NotJson),
        };
        self.tree.nodes.push(node);
        Ok(())
    }

    #[inline(never)]
    fn array(&mut self, place: Place) -> Result<(), Reason> {
        let array = self.open()?;
        let place = self.names.items(place);
        let mut items = 0;
        if self.peek() != Some(b']') {
            loop {
                items += 1;
                self.value(place)?;
                if !self.goes_on(b']')? {
                    break;
                }
            }
        }
        self.tree.nodes[array] = Node::Array { items, end: self.tree.nodes.len() as u32 };
        self.close();
        Ok(())
    }

    #[inline(never)]
    fn object(&mut self, place: Place) -> Result<(), Reason> {
        let object = self.open()?;
        let number = self.tree.object();
        let mut before = NOWHERE;
        let (mut members, mut unknown, mut again) = (0, 0, false);
        if self.peek() != Some(b'}') {
            loop {
                members += 1;
                self.skip_space();
                let (child, name) = self.key(place, before)?;
                let node = if child < self.contract { Node::Name(child) } else { Node::Text(name) };
                again |= self.tree.key(node, child, number);
                if child == NOWHERE {
                    unknown += 1;
                } else {
                    before = child;
                }
                self.value(child)?;
                if !self.goes_on(b'}')? {
                    break;
                }
            }
        }
        self.tree.nodes[object] = Node::Object { members, end: self.tree.nodes.len() as u32 };
        // Told when the object is whole: what follows may be worse. Names that are not remembered are compared here.
        if again || (unknown > 0 && self.tree.repeats(object)) {
            return Err(Reason::DuplicateKey);
        }
        self.close();
        Ok(())
    }

    /// The node of an array or object whose bracket comes next.
    fn open(&mut self) -> Result<usize, Reason> {
        if self.depth == MAX_DEPTH {
            return Err(Reason::TooDeep);
        }
        self.depth += 1;
        self.at += 1;
        self.tree.nodes.push(Node::Null);
        self.skip_space();
        Ok(self.tree.nodes.len() - 1)
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.at += 1;
    }

    /// After an item: true where a comma says that another comes, false where the bracket comes.
    fn goes_on(&mut self, bracket: u8) -> Result<bool, Reason> {
        self.skip_space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == bracket => Ok(false),
            _ => Err(Reason::NotJson),
        }
    }

    /// A member's name with its colon, in an object at a place, after the member at `before`: where it stands, and its text.
    #[inline(always)]
    fn key(&mut self, place: Place, before: Place) -> Result<(Place, Span), Reason> {
        if let Some(likely) = self.names.likely(place, before)
            && let Some((child, len)) = likely.begins(&self.bytes[self.at..])
        {
            // Without its quotes and the colon.
            let name = Span { from: self.at as u32 + 1, to: (self.at + len) as u32 - 2 };
            self.at += len;
            return Ok((child, name));
        }
        self.key_by_name(place, before)
    }

    #[cold]
    fn key_by_name(&mut self, place: Place, before: Place) -> Result<(Place, Span), Reason> {
        if self.peek() != Some(b'"') {
            return Err(Reason::NotJson);
        }
        let name = self.string()?;
        let child = self.names.meet(place, before, self.tree.spanned(name));
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(Reason::NotJson);
        }
        self.at += 1;
        Ok((child, name))
    }

    /// A string, from its opening quote to after its closing one.
    #[inline(always)]
    fn string(&mut self) -> Result<Span, Reason> {
        let from = self.at + 1;
        self.at = from + plain_length(&self.bytes[from..]);
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                Ok(Span { from: from as u32, to: self.at as u32 - 1 })
            }
            Some(b'\\') => self.escaped(from),
            // A control character must be escaped; the end of the text is no end of a string.
            _ => Err(Reason::NotJson),
        }
    }

    /// A string that begins at `from`, from its first backslash on.
    #[cold]
    fn escaped(&mut self, mut from: usize) -> Result<Span, Reason> {
        let begun = self.tree.texts.len() as u32;
        loop {
            self.tree.texts.push_str(&self.text[from..self.at]);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    let c = self.escape()?;
                    self.tree.texts.push(c);
                }
                _ => return Err(Reason::NotJson),
            }
            from = self.at;
            self.at += plain_length(&self.bytes[from..]);
        }
        self.at += 1;
        Ok(Span { from: begun, to: self.tree.texts.len() as u32 })
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
        // What is short and has no exponent is not even looked at again.
        if (scanned.exponent || scanned.len > 300) && number::out_of_range(&self.text[from..self.at]) {
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

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline(always)]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }
}

/// How many bytes come before the first quote, backslash or control character; eight at a time.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let (chunks, rest) = bytes.as_chunks();
    for (i, chunk) in chunks.iter().enumerate() {
        let word = u64::from_le_bytes(*chunk);
        // A zero byte borrows into its high bit; bytes of 0x80 and above are masked by `!x`. A borrow can only mark
        // bytes *after* a true one, and the first is all that is asked for.
        let zero = |x: u64| x.wrapping_sub(ONES) & !x & HIGH;
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let found = zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\'))) | control;
        if found != 0 {
            return 8 * i + (found.trailing_zeros() / 8) as usize;
        }
    }
    let plain = rest.iter().position(|&b| b == b'"' || b == b'\\' || b < 0x20).unwrap_or(rest.len());
    8 * chunks.len() + plain
}

#[cfg(test)]
mod tests;
