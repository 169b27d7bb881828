//! Avro's scalars at a place in some bytes.

use crate::engine::decode::reason::Reason;

/// `at` is the next byte to be read; after a failure, where what failed begins.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'b> {
    pub bytes: &'b [u8],
    pub at: usize,
}

impl<'b> Cursor<'b> {
    pub fn take(&mut self, count: usize) -> Result<&'b [u8], Reason> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..count).ok_or(Reason::Truncated)?;
        self.at += count;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Reason> {
        self.take(N)?.try_into().map_err(|_| Reason::Truncated)
    }

    /// A zigzag varint: ten bytes at most, the last of which holds the 64th bit and nothing else.
    #[inline]
    pub fn long(&mut self) -> Result<i64, Reason> {
        // Most lengths, counts and branches are one byte.
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(i64::from(byte >> 1) ^ -i64::from(byte & 1))
            }
            _ => self.long_of_many(),
        }
    }

    fn long_of_many(&mut self) -> Result<i64, Reason> {
        let mut zigzag = 0u64;
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        for (i, &byte) in rest.iter().enumerate().take(10) {
            if i == 9 && byte > 1 {
                return Err(Reason::VarintOverflow);
            }
            zigzag |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                self.at += i + 1;
                return Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64));
            }
        }
        Err(Reason::Truncated)
    }

    pub fn int(&mut self) -> Result<i32, Reason> {
        let begin = self.at;
        let long = self.long()?;
        i32::try_from(long).map_err(|_| {
            self.at = begin;
            Reason::VarintOverflow
        })
    }

    /// The one of `these` whose index comes next.
    pub fn index<'t, T>(&mut self, these: &'t [T], out_of_range: Reason) -> Result<&'t T, Reason> {
        let begin = self.at;
        let index = self.long()?;
        let found = usize::try_from(index).ok().and_then(|index| these.get(index));
        found.ok_or_else(|| {
            self.at = begin;
            out_of_range
        })
    }

    /// Bytes with their length before them.
    pub fn sized(&mut self) -> Result<&'b [u8], Reason> {
        let begin = self.at;
        let taken = match usize::try_from(self.long()?) {
            Ok(length) => self.take(length),
            Err(_) => Err(Reason::NegativeLength),
        };
        if taken.is_err() {
            self.at = begin;
        }
        taken
    }

    /// The number of items in the next block of an array or map; 0 after the last. A block of a negative count says its
    /// size in bytes too, for those that pass it over.
    pub fn block(&mut self) -> Result<u64, Reason> {
        let begin = self.at;
        let count = self.long()?;
        if count < 0 && self.long()? < 0 {
            self.at = begin;
            return Err(Reason::NegativeLength);
        }
        Ok(count.unsigned_abs())
    }
}
