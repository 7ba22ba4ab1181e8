//! stub
use super::super::capture::Walk;
use super::super::object::{Class, Obj};
use super::super::plan::Plan;
pub(super) fn is_mapped<const DIRECT: bool>(_class: Class<'_>) -> bool {
    false
}
impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    pub(super) fn model(&mut self, _o: Obj<'g>, _p: &Plan, _d: u32) {}
    pub(super) fn query_set(&mut self, _o: Obj<'g>, _d: u32) {}
}
