//! stub
use super::super::capture::Walk;
use super::super::object::Obj;
use super::super::plan::Plan;
impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    pub(super) fn nd_array(&mut self, _o: Obj<'g>, _p: u8, _d: u32) {}
    pub(super) fn numpy_scalar(&mut self, _o: Obj<'g>, p: &Plan, _d: u32) {
        self.unexpected(p)
    }
}
