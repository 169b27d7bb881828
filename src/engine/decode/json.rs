//! JSON into a tree, or the reason why it is none. The parser holds its own stack: nesting cannot overflow the thread's.

use crate::engine::decode::number;
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

/// Why bytes are no record: a closed set, each with the word that events use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No bytes, or white space only. A tombstone has no value at all.
    EmptyValue,
    /// Not UTF-8, or an escape of half a surrogate pair, which no UTF-8 can hold.
    NotUtf8,
    NotJson,
    /// A schema registry's frame: a zero byte and a schema id.
    Framed,
    /// A whole JSON value, and more.
    TrailingBytes,
    NotAnObject,
    /// More than `MAX_DEPTH` levels.
    TooDeep,
    /// Two members of one name: two readers would see two values.
    DuplicateKey,
    /// A number that a double takes for infinity, or for zero where it is none.
    NumberOutOfRange,
    /// More than `MAX_BYTES` or `MAX_NODES`.
    TooLarge,
}

impl Reason {
    pub fn word(self) -> &'static str {
        match self {
            Reason::EmptyValue => "empty_value",
            Reason::NotUtf8 => "not_utf8",
            Reason::NotJson => "not_json",
            Reason::Framed => "framed",
            Reason::TrailingBytes => "trailing_bytes",
            Reason::NotAnObject => "not_an_object",
            Reason::TooDeep => "too_deep",
            Reason::DuplicateKey => "duplicate_key",
            Reason::NumberOutOfRange => "number_out_of_range",
            Reason::TooLarge => "too_large",
        }
    }
}

/// The reason, and the byte at which it showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undecodable {
    pub reason: Reason,
    pub at: usize,
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
                    self.distinct(container as usize)?;
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

    /// No two members of the object share a name. Small objects are compared pair by pair, large ones sorted, so that
    /// a record of a million names costs n log n.
    fn distinct(&mut self, object: usize) -> Result<(), Reason> {
        let (tree, input) = (&mut *self.tree, self.input);
        let Node::Object { members, end } = tree.nodes[object] else { return Ok(()) };
        let mut keys = std::mem::take(&mut tree.keys);
        keys.clear();
        let mut at = object + 1;
        let mut same = false;
        while at < end as usize {
            if members <= 16 {
                let key = tree.text(input, at);
                same |= keys.iter().any(|&other| tree.text(input, other as usize) == key);
            }
            keys.push(at as u32);
            at = tree.after(at + 1);
        }
        if members > 16 {
            keys.sort_unstable_by(|&a, &b| tree.text(input, a as usize).cmp(tree.text(input, b as usize)));
            same = keys.windows(2).any(|pair| tree.text(input, pair[0] as usize) == tree.text(input, pair[1] as usize));
        }
        tree.keys = keys;
        if same { Err(Reason::DuplicateKey) } else { Ok(()) }
    }

    /// A string, from its opening quote to after its closing one.
    fn string(&mut self) -> Result<Node, Reason> {
        self.at += 1;
        let mut from = self.at;
        let begun = self.tree.unescaped.len();
        let mut escaped = false;
        loop {
            self.at += plain_length(&self.bytes[self.at..]);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.tree.unescaped.push_str(&self.input[from..self.at]);
                    let c = self.escape()?;
                    self.tree.unescaped.push(c);
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
        self.tree.unescaped.push_str(&self.input[from..to]);
        Ok(Node::Unescaped(Span { from: begun as u32, to: self.tree.unescaped.len() as u32 }))
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
                let second = if self.bytes[self.at..].starts_with(b"\\u") { self.hex4()? } else { return Err(Reason::NotUtf8) };
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
mod tests {
    use super::*;
    use crate::engine::decode::number::Number;
    use proptest::prelude::*;

    fn reason(bytes: &[u8]) -> Option<&'static str> {
        record(&mut Tree::default(), bytes).err().map(|u| u.reason.word())
    }

    #[test]
    fn what_is_no_record_has_its_reason() {
        let nested = |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        for (text, expected) in [
            ("{}", None),
            (" {\"a\" : [ ] , \"b\" : { } } \n", None),
            (r#"{"a":1,"b":null,"c":true,"d":false,"e":"x","f":-1.5e-3}"#, None),
            (r#"{"a":{"x":1},"b":{"x":2}}"#, None),
            ("", Some("empty_value")),
            (" \n\t", Some("empty_value")),
            ("[]", Some("not_an_object")),
            ("1", Some("not_an_object")),
            ("null", Some("not_an_object")),
            ("\"x\"", Some("not_an_object")),
            ("{} {}", Some("trailing_bytes")),
            ("{}x", Some("trailing_bytes")),
            ("\u{feff}{}", Some("not_json")),
            ("{\"a\":\"\\ud800\"}", Some("not_utf8")),
            ("{\"a\":\"\\ud800\\u0041\"}", Some("not_utf8")),
            ("{\"a\":\"\\udc00\"}", Some("not_utf8")),
            ("{\"a\":1,\"a\":1}", Some("duplicate_key")),
            ("{\"a\":1,\"\\u0061\":2}", Some("duplicate_key")),
            ("{\"x\":[{\"a\":1,\"b\":[],\"a\":null}]}", Some("duplicate_key")),
            ("{\"a\":1e400}", Some("number_out_of_range")),
            ("{\"a\":-1e400}", Some("number_out_of_range")),
            ("{\"a\":1e-400}", Some("number_out_of_range")),
            ("{\"a\":1e99999999999999999999}", Some("number_out_of_range")),
            ("{\"a\":0e400}", None),
            ("{\"a\":1e308}", None),
            (&nested(MAX_DEPTH), None),
            (&nested(MAX_DEPTH + 1), Some("too_deep")),
            (&"[".repeat(1_000_000), Some("too_deep")),
        ] {
            assert_eq!(reason(text.as_bytes()), expected, "{}", &text[..text.len().min(60)]);
        }
        for text in [
            "{", "{\"a\":1,}", "{\"a\":[1,]}", "{\"a\":[,1]}", "{\"a\" 1}", "{a:1}", "{'a':1}", "{\"a\":1]",
            "{\"a\":01}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":1.}", "{\"a\":1e}", "{\"a\":NaN}", "{\"a\":tru}",
            "{\"a\":\"x", "{\"a\":\"\\", "{\"a\":\"\\u12\"}", "{\"a\":\"\\x\"}", "{\"a\":\"a\nb\"}",
        ] {
            assert_eq!(reason(text.as_bytes()), Some("not_json"), "{text}");
        }
        assert_eq!(reason(b"{\"a\":\"\xff\"}"), Some("not_utf8"));
        assert_eq!(reason(b"{\"\xc3\":1}"), Some("not_utf8"));
        assert_eq!(reason(b"\0\0\0\0\x01{}"), Some("framed"));
        assert_eq!(reason(b"\0"), Some("not_json"));
    }

    #[test]
    fn large_records_are_bounded_and_many_names_are_no_burden() {
        let many = |n: usize, again: &str| {
            let names: Vec<String> = (0..n).map(|i| format!("\"k{i}\":0")).collect();
            format!("{{{}{again}}}", names.join(","))
        };
        assert_eq!(reason(many(200_000, "").as_bytes()), None);
        assert_eq!(reason(many(200_000, ",\"k7\":0").as_bytes()), Some("duplicate_key"));
        assert_eq!(reason(many(MAX_NODES, "").as_bytes()), Some("too_large"));
        let mut long = vec![b' '; MAX_BYTES + 1];
        long[0] = b'1';
        assert_eq!(reason(&long), Some("too_large"));
    }

    #[test]
    fn the_place_of_the_trouble_is_told() {
        let at = |text: &str| record(&mut Tree::default(), text.as_bytes()).map(|_| ()).map_err(|u| u.at);
        assert_eq!(at("{\"a\":x}"), Err(5));
        assert_eq!(at("{\"a\":1"), Err(6));
        assert_eq!(at("{}  x"), Err(4));
    }

    /// serde_json's reading of ours, for comparison.
    fn rebuilt(value: Value<'_>) -> serde_json::Value {
        match value.kind() {
            Kind::Null => serde_json::Value::Null,
            Kind::Bool(b) => b.into(),
            Kind::Number(Number::Int(i)) => i.into(),
            Kind::Number(Number::Unsigned(u)) => u.into(),
            Kind::Number(n) => n.as_f64().into(),
            Kind::Text(text) => text.into(),
            Kind::Array(items) => items.map(rebuilt).collect(),
            Kind::Object(members) => members.map(|(k, v)| (k.to_string(), rebuilt(v))).collect::<serde_json::Map<_, _>>().into(),
        }
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<u64>().prop_map(Into::into),
            proptest::num::f64::NORMAL.prop_map(Into::into),
            "\\PC{0,12}".prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 40, 20, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..20).prop_map(Into::into),
                proptest::collection::btree_map(any::<String>(), inner, 0..20)
                    .prop_map(|m| m.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_reads_back_equal(values in proptest::collection::vec(json(), 1..3), pretty: bool) {
            // One tree for all: what an earlier record left must not show.
            let mut tree = Tree::default();
            for expected in values {
                let text = if pretty { serde_json::to_string_pretty(&expected) } else { serde_json::to_string(&expected) };
                let text = text.expect("serialises");
                let read = value(&mut tree, text.as_bytes()).map(rebuilt);
                prop_assert_eq!(read, Ok(expected));
            }
        }

        #[test]
        fn what_is_accepted_is_what_serde_json_accepts(text in "[\\[\\]{}:,\"\\\\ uda019.eE+\\-ntrl\u{e9}\n]{0,24}") {
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            match value(&mut Tree::default(), text.as_bytes()) {
                Ok(ours) => prop_assert_eq!(rebuilt(ours), theirs.expect("accepted by us only")),
                // Decided otherwise than serde_json does.
                Err(Undecodable { reason: Reason::DuplicateKey | Reason::NumberOutOfRange, .. }) => {}
                Err(_) => prop_assert!(theirs.is_err(), "refused by us only: {text}"),
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, cut in 0usize..200, flip in 0usize..200, with: u8) {
            let _ = record(&mut Tree::default(), &bytes);
            let mut real = br#"{"id":"a-1","n":[1,2.5,{"x":"\u00e9\ud83d\ude00"}],"t":true,"z":null,"big":12345678901234567890123}"#.to_vec();
            if let Some(byte) = real.get_mut(flip) {
                *byte = with;
            }
            real.truncate(cut);
            if let Ok(value) = record(&mut Tree::default(), &real) {
                rebuilt(value);
            }
        }
    }
}
