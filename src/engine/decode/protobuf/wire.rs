//! Protobuf's wire format at a place in some bytes: <https://protobuf.dev/programming-guides/encoding/>.

use crate::engine::decode::json::MAX_DEPTH;
use crate::engine::decode::reason::Reason;

/// `at` is the next byte to be read; after a failure, where what failed begins.
#[derive(Clone, Copy, Debug)]
pub struct Wire<'b> {
    pub bytes: &'b [u8],
    pub at: usize,
}

/// How a field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Varint,
    Fixed64,
    /// Bytes with their length before them.
    Sized,
    /// Fields up to an end tag of the same number.
    Group,
    Fixed32,
}

/// What stands behind a tag: the bits of a number, or the bytes `[from, to)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content {
    pub bits: u64,
    pub from: u32,
    pub to: u32,
}

/// Beyond 2^29 - 1 there is no field.
const NUMBER_MAX: u64 = (1 << 29) - 1;
const END_GROUP: u64 = 4;

impl<'b> Wire<'b> {
    pub fn new(bytes: &'b [u8]) -> Wire<'b> {
        Wire { bytes, at: 0 }
    }

    pub fn is_done(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// Ten bytes at most; what the last has beyond the 64th bit is dropped, as every reader drops it.
    #[inline]
    pub fn varint(&mut self) -> Result<u64, Reason> {
        let mut value = 0u64;
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        for (i, byte) in rest.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if *byte < 0x80 {
                self.at += i + 1;
                return Ok(value);
            }
        }
        Err(if rest.len() < 10 { Reason::Truncated } else { Reason::VarintOverflow })
    }

    /// A field's number and form; `Err(InvalidTag)` also for the end of a group that nobody began.
    #[inline]
    pub fn tag(&mut self) -> Result<(u32, Form), Reason> {
        let begin = self.at;
        let tag = self.varint()?;
        let form = match tag & 7 {
            0 => Form::Varint,
            1 => Form::Fixed64,
            2 => Form::Sized,
            3 => Form::Group,
            5 => Form::Fixed32,
            _ => return self.fail(begin, Reason::InvalidTag),
        };
        match tag >> 3 {
            number @ 1..=NUMBER_MAX => Ok((number as u32, form)),
            _ => self.fail(begin, Reason::InvalidTag),
        }
    }

    /// What stands behind a tag; the next tag comes next.
    #[inline]
    pub fn content(&mut self, number: u32, form: Form) -> Result<Content, Reason> {
        match form {
            Form::Varint => self.varint().map(|bits| Content { bits, ..Content::default() }),
            Form::Fixed64 => {
                self.fixed().map(|bytes| Content { bits: u64::from_le_bytes(bytes), ..Content::default() })
            }
            Form::Fixed32 => {
                self.fixed().map(|bytes| Content { bits: u32::from_le_bytes(bytes).into(), ..Content::default() })
            }
            Form::Sized => {
                let begin = self.at;
                let length = self.varint()?;
                let from = self.at;
                let to = usize::try_from(length).ok().and_then(|length| from.checked_add(length));
                match to.filter(|to| *to <= self.bytes.len()) {
                    Some(to) => {
                        self.at = to;
                        Ok(Content { bits: 0, from: from as u32, to: to as u32 })
                    }
                    None => self.fail(begin, Reason::Truncated),
                }
            }
            Form::Group => self.group(number),
        }
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Reason> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let fixed = *rest.first_chunk().ok_or(Reason::Truncated)?;
        self.at += N;
        Ok(fixed)
    }

    /// Groups within it are passed over one in the other, without recursion.
    fn group(&mut self, number: u32) -> Result<Content, Reason> {
        let from = self.at;
        let mut open = vec![u64::from(number)];
        loop {
            let begin = self.at;
            let tag = self.varint()?;
            let (number, form) = (tag >> 3, tag & 7);
            if form == END_GROUP {
                if open.pop() != Some(number) {
                    return self.fail(begin, Reason::InvalidTag);
                }
                if open.is_empty() {
                    return Ok(Content { bits: 0, from: from as u32, to: begin as u32 });
                }
                continue;
            }
            self.at = begin;
            match self.tag()? {
                (_, Form::Group) if open.len() == MAX_DEPTH => return self.fail(begin, Reason::TooDeep),
                (number, Form::Group) => open.push(number.into()),
                (number, form) => drop(self.content(number, form)?),
            }
        }
    }

    fn fail<T>(&mut self, begin: usize, reason: Reason) -> Result<T, Reason> {
        self.at = begin;
        Err(reason)
    }
}

/// Signed numbers of which small ones are short.
pub fn zigzag(bits: u64) -> i64 {
    (bits >> 1) as i64 ^ -((bits & 1) as i64)
}
