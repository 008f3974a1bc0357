//! The bytes of the record: numbers in LEB128, texts and lists length first, floats bit for bit.
//!
//! JSON would lose infinite log-probabilities and the last bit of a float, and costs several times the CPU. What is
//! encoded here carries its version in its first byte; a version once released is decoded for ever.

use crate::TraceError;

/// Appends values to a buffer.
pub(crate) trait Put {
    fn u8(&mut self, value: u8);
    fn u64(&mut self, value: u64);
    fn f64(&mut self, value: f64);
    fn bytes(&mut self, value: &[u8]);

    fn flag(&mut self, value: bool) {
        self.u8(u8::from(value));
    }

    fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    /// A count, then the items.
    fn list<T>(&mut self, items: &[T], mut put: impl FnMut(&mut Self, &T)) {
        self.u64(items.len() as u64);
        for item in items {
            put(self, item);
        }
    }
}

impl Put for Vec<u8> {
    fn u8(&mut self, value: u8) {
        self.push(value);
    }

    fn u64(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }

    fn f64(&mut self, value: f64) {
        self.extend_from_slice(&value.to_bits().to_le_bytes());
    }

    fn bytes(&mut self, value: &[u8]) {
        self.u64(value.len() as u64);
        self.extend_from_slice(value);
    }
}

/// Takes values from the front of a buffer; what does not fit is [`TraceError::Damaged`], never a panic.
pub(crate) struct Take<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Take<'a> {
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn damaged(&self, why: impl Into<String>) -> TraceError {
        TraceError::Damaged { what: self.what.to_owned(), why: why.into() }
    }

    pub(crate) fn raw(&mut self, len: usize) -> Result<&'a [u8], TraceError> {
        let Some((head, rest)) = self.rest.split_at_checked(len) else {
            return Err(self.damaged(format!("{len} bytes were announced, {} are left", self.rest.len())));
        };
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], TraceError> {
        let mut array = [0; N];
        array.copy_from_slice(self.raw(N)?);
        Ok(array)
    }

    pub(crate) fn key(&mut self) -> Result<[u8; 32], TraceError> {
        self.array()
    }

    pub(crate) fn u8(&mut self) -> Result<u8, TraceError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(crate) fn flag(&mut self) -> Result<bool, TraceError> {
        Ok(self.u8()? != 0)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, TraceError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.damaged("a number does not end"))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, TraceError> {
        let value = self.u64()?;
        u32::try_from(value).map_err(|_| self.damaged(format!("{value} does not fit 32 bits")))
    }

    pub(crate) fn f64(&mut self) -> Result<f64, TraceError> {
        Ok(f64::from_bits(u64::from_le_bytes(self.array()?)))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], TraceError> {
        let len = self.u64()?;
        let len = usize::try_from(len).map_err(|_| self.damaged(format!("a length of {len}")))?;
        self.raw(len)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, TraceError> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).map_err(|error| self.damaged(error.to_string()))
    }

    pub(crate) fn string(&mut self) -> Result<String, TraceError> {
        self.text().map(str::to_owned)
    }

    pub(crate) fn list<T>(
        &mut self,
        mut take: impl FnMut(&mut Self) -> Result<T, TraceError>,
    ) -> Result<Vec<T>, TraceError> {
        let count = self.u64()?;
        // An item takes at least a byte: a count beyond that is damage, not a reason to allocate.
        if count > self.left() as u64 {
            return Err(self.damaged(format!("{count} items were announced, {} bytes are left", self.left())));
        }
        (0..count).map(|_| take(self)).collect()
    }
}
