//! What payloads are made of: numbers, names, text, counts. Every read is checked against the end of the tape.

use super::{Decoder, Result, Tables};
use crate::reason::Reason;
use crate::tape::entry::Name;
use crate::tape::error::TapeError;
use crate::tape::op;

impl<'a> Decoder<'a> {
    pub(super) fn name<const TRUSTED: bool>(&mut self) -> Result<Name<'a>> {
        let first = self.u8()?;
        if first < op::NAME {
            return Err(TapeError::new(self.at - 1, "no name where one must stand"));
        }
        self.name_after::<TRUSTED>(first)
    }

    #[inline]
    pub(super) fn name_after<const TRUSTED: bool>(&mut self, first: u8) -> Result<Name<'a>> {
        let start = self.at - 1;
        let (kept, total) = match first {
            op::LONG_NAME => (self.u16()?.into(), self.u32()?),
            first => (usize::from(first & 0x7f), u32::from(first & 0x7f)),
        };
        if (total as usize) < kept {
            return Err(TapeError::new(start, "name longer than it was"));
        }
        let bytes = self.take(kept)?;
        Ok(Name {
            text: self.text::<TRUSTED>(bytes)?,
            total,
        })
    }

    pub(super) fn reason(&mut self) -> Result<Reason> {
        let code = self.u8()?;
        Reason::from_code(code).ok_or(TapeError::new(self.at - 1, "unknown reason"))
    }

    pub(super) fn count(&mut self) -> Result<Option<u32>> {
        let count = self.u32()?;
        Ok((count != op::UNKNOWN_COUNT).then_some(count))
    }

    #[inline]
    pub(super) fn type_name(&mut self, tables: &Tables<'a>) -> Result<Option<Name<'a>>> {
        let id = self.u16()?;
        tables
            .type_name(id)
            .ok_or(TapeError::new(self.at - 2, "undefined type"))
    }

    #[inline]
    pub(super) fn text<const TRUSTED: bool>(&self, bytes: &'a [u8]) -> Result<&'a str> {
        if TRUSTED {
            // SAFETY: `Tape::parse` ran the untrusted form of this same step over these same bytes, which are borrowed
            // immutably for 'a, and refused the tape if any text was not UTF-8. Trusted steps are taken by what `Tape` hands out only.
            return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
        }
        std::str::from_utf8(bytes).map_err(|_| TapeError::new(self.at, "text is not UTF-8"))
    }

    #[inline]
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        let taken = rest
            .get(..length)
            .ok_or(TapeError::new(self.at, "ends inside a value"))?;
        self.at += length;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let rest = &self.bytes[self.at..];
        let taken = rest
            .first_chunk::<N>()
            .ok_or(TapeError::new(self.at, "ends inside a value"))?;
        self.at += N;
        Ok(*taken)
    }

    #[inline]
    pub(super) fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    #[inline]
    pub(super) fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    #[inline]
    pub(super) fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    #[inline]
    pub(super) fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }
}
