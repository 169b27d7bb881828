//! The types of Kafka's protocol (KIP-482, flexible versions): numbers, compact strings and arrays, tagged fields.

/// A request's body.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    pub fn i16(&mut self, value: i16) -> &mut Writer {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub fn i32(&mut self, value: i32) -> &mut Writer {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub fn bool(&mut self, value: bool) -> &mut Writer {
        self.0.push(u8::from(value));
        self
    }

    /// A string with a length of two bytes, as in headers of all versions.
    pub fn old_string(&mut self, value: &str) -> &mut Writer {
        self.i16(value.len() as i16);
        self.0.extend(value.as_bytes());
        self
    }

    pub fn string(&mut self, value: &str) -> &mut Writer {
        self.varint(value.len() as u32 + 1);
        self.0.extend(value.as_bytes());
        self
    }

    /// How many elements follow.
    pub fn array(&mut self, length: usize) -> &mut Writer {
        self.varint(length as u32 + 1);
        self
    }

    /// Null: all of them, where the protocol says so.
    pub fn null_array(&mut self) -> &mut Writer {
        self.varint(0);
        self
    }

    /// No tagged field, at the end of each structure.
    pub fn end(&mut self) -> &mut Writer {
        self.varint(0);
        self
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Writer {
        self.0.extend(bytes);
        self
    }

    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }

    fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.0.push((value as u8 & 0x7f) | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// An answer's body; what it says is wrong is text for people.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

type Read<T> = Result<T, String>;

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader(bytes)
    }

    /// Bytes that were not read yet.
    pub fn left(&self) -> usize {
        self.0.len()
    }

    pub fn i8(&mut self) -> Read<i8> {
        Ok(i8::from_be_bytes(self.fixed()?))
    }

    pub fn i16(&mut self) -> Read<i16> {
        Ok(i16::from_be_bytes(self.fixed()?))
    }

    pub fn i32(&mut self) -> Read<i32> {
        Ok(i32::from_be_bytes(self.fixed()?))
    }

    pub fn i64(&mut self) -> Read<i64> {
        Ok(i64::from_be_bytes(self.fixed()?))
    }

    /// 16 bytes that are not looked at.
    pub fn uuid(&mut self) -> Read<()> {
        self.bytes(16).map(drop)
    }

    /// Null is empty.
    pub fn string(&mut self) -> Read<String> {
        match self.varint()? {
            0 => Ok(String::new()),
            length => Ok(String::from_utf8_lossy(self.bytes(length as usize - 1)?).into_owned()),
        }
    }

    /// A string with a length of two bytes, of versions that are not flexible; null is empty.
    pub fn old_string(&mut self) -> Read<String> {
        let length = usize::try_from(self.i16()?).unwrap_or_default();
        Ok(String::from_utf8_lossy(self.bytes(length)?).into_owned())
    }

    /// Elements, each read by `one`; null is none.
    pub fn array<T>(&mut self, mut one: impl FnMut(&mut Reader<'a>) -> Read<T>) -> Read<Vec<T>> {
        let length = (self.varint()? as usize).saturating_sub(1);
        // Each element is a byte at least.
        if length > self.0.len() {
            return Err(format!("an array of {length} elements in {} bytes", self.0.len()));
        }
        (0..length).map(|_| one(self)).collect()
    }

    /// A structure that may be null, which a byte before it says.
    pub fn nullable<T>(&mut self, one: impl FnOnce(&mut Reader<'a>) -> Read<T>) -> Read<Option<T>> {
        if self.i8()? < 0 { Ok(None) } else { one(self).map(Some) }
    }

    /// Passes over the tagged fields at the end of a structure.
    pub fn end(&mut self) -> Read<()> {
        for _ in 0..self.varint()? {
            self.varint()?;
            let length = self.varint()?;
            self.bytes(length as usize)?;
        }
        Ok(())
    }

    pub fn bytes(&mut self, length: usize) -> Read<&'a [u8]> {
        let (taken, rest) =
            self.0.split_at_checked(length).ok_or_else(|| format!("{length} bytes of {}", self.0.len()))?;
        self.0 = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Read<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.bytes(N)?);
        Ok(out)
    }

    fn varint(&mut self) -> Read<u32> {
        let mut value = 0_u32;
        for shift in (0..35).step_by(7) {
            let [byte] = self.fixed()?;
            value |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number of more than five bytes".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(texts in proptest::collection::vec(".{0,200}", 0..20), number in any::<i16>()) {
            let mut writer = Writer::default();
            writer.i16(number).i32(number.into()).bool(true).array(texts.len());
            for text in &texts {
                writer.string(text).end();
            }
            let bytes = writer.end().take();
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.i16(), Ok(number));
            prop_assert_eq!(reader.i32(), Ok(number.into()));
            prop_assert_eq!(reader.i8(), Ok(1));
            let read = reader.array(|r| { let text = r.string()?; r.end()?; Ok(text) });
            prop_assert_eq!(read, Ok(texts));
            prop_assert_eq!(reader.end(), Ok(()));
            prop_assert!(reader.i8().is_err(), "nothing is left");
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            let _ = reader.array(|r| { r.string()?; r.i64()?; r.nullable(Reader::i16)?; r.end() });
            let _ = Reader::new(&bytes).end();
        }
    }

    #[test]
    fn a_length_beyond_what_is_there_is_refused_before_anything_is_made_of_it() {
        let bytes = [0xff, 0xff, 0xff, 0xff, 0x0f];
        assert!(Reader::new(&bytes).array(Reader::i16).is_err_and(|why| why.contains("elements")));
        assert!(Reader::new(&bytes).string().is_err());
        assert!(Reader::new(&[0xff; 8]).string().is_err());
    }
}
