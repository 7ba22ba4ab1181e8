//! stub
use super::super::capture::Walk;
use super::super::object::Obj;
impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    pub(super) fn data_frame(&mut self, _o: Obj<'g>, _p: u8, _d: u32) {}
    pub(super) fn series(&mut self, _o: Obj<'g>, _p: u8, _d: u32) {}
    pub(super) fn index(&mut self, _o: Obj<'g>, _d: u32) {}
}
