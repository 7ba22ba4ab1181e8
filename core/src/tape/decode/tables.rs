//! The types and shapes that a tape defined.

use super::Result;
use crate::tape::entry::Name;
use crate::tape::error::TapeError;

/// Types and shapes that a tape defined.
#[derive(Debug, Default)]
pub(in crate::tape) struct Tables<'a> {
    types: Vec<Name<'a>>,
    pub(super) shapes: Vec<Shape>,
    pub(super) fields: Vec<Name<'a>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) type_id: u16,
    pub(super) first: u32,
    pub(super) count: u8,
}

impl<'a> Tables<'a> {
    pub(in crate::tape) fn define_type(&mut self, name: Name<'a>, at: usize) -> Result<()> {
        if self.types.len() >= usize::from(u16::MAX) {
            return Err(TapeError::new(at, "too many types"));
        }
        self.types.push(name);
        Ok(())
    }

    pub(in crate::tape) fn define_shape(
        &mut self,
        type_id: u16,
        names: Vec<Name<'a>>,
        at: usize,
    ) -> Result<()> {
        if self.shapes.len() > usize::from(u16::MAX) {
            return Err(TapeError::new(at, "too many shapes"));
        }
        let (first, count) = (self.fields.len() as u32, names.len() as u8);
        self.fields.extend(names);
        self.shapes.push(Shape {
            type_id,
            first,
            count,
        });
        Ok(())
    }

    /// The name of a type; the inner `None` is type 0.
    #[inline]
    pub(in crate::tape) fn type_name(&self, id: u16) -> Option<Option<Name<'a>>> {
        match id {
            0 => Some(None),
            id => self.types.get(usize::from(id) - 1).copied().map(Some),
        }
    }
}
