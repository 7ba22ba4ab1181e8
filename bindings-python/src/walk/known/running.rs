//! stub
use super::super::capture::Walk;
use super::super::object::Obj;
impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    pub(super) fn generator(&mut self, _o: Obj<'g>, _p: u8, _d: u32) {}
    pub(super) fn future(&mut self, _o: Obj<'g>, _d: u32) {}
    pub(super) fn weakref(&mut self, _o: Obj<'g>) {}
}
