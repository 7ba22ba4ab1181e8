//! What has a name instead of a value: classes, functions, methods, modules.

use std::ffi::{CStr, c_char};

use super::super::capture::Walk;
use super::super::code::Owned;
use super::super::layout;
use super::super::object::{Class, Dict, Obj, Str};
use super::super::plan::qualified_name;
use super::Known;

impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    pub(super) fn callable_name(&self, object: Obj<'g>, known: Known) -> Option<String> {
        match known {
            Known::Class => {
                let name = qualified_name::<DIRECT>(Class::from_object(object)?);
                Some(String::from_utf8_lossy(&name).into_owned())
            }
            _ if !DIRECT => Self::asked_name(object),
            Known::Function => self.function_name(object),
            Known::Method => {
                // SAFETY: a bound method has the function there.
                let function = unsafe { object.slot(layout::METHOD_FUNCTION) }?;
                let is_function = function.class().is(&raw const pyo3_ffi::PyFunction_Type);
                if is_function {
                    return self.function_name(function);
                }
                let class = qualified_name::<DIRECT>(function.class());
                Some(format!("method of {}", String::from_utf8_lossy(&class)))
            }
            Known::Builtin => self.builtin_name(object),
            Known::Module => self.module_name(object),
            _ => None,
        }
    }

    /// The fallback's way: attributes that functions and modules have in C.
    #[cold]
    fn asked_name(object: Obj<'g>) -> Option<String> {
        let text = |name| {
            let value = Owned::attribute(object, name)?;
            let text = Str::of(value.get())?.to_utf8::<DIRECT>(256);
            Some(String::from_utf8_lossy(&text).into_owned())
        };
        let exact = [
            &raw const pyo3_ffi::PyFunction_Type,
            &raw const pyo3_ffi::PyCFunction_Type,
        ];
        if !exact.iter().any(|class| object.class().is(*class)) {
            // A module: its dict is asked, because a subclass might compute its attributes.
            // SAFETY: the object is a module, which lends its dict.
            let dict = unsafe { Obj::new(pyo3_ffi::PyModule_GetDict(object.pointer())) };
            let name = Dict::of(dict?)?
                .find::<DIRECT>(b"__name__")
                .and_then(Str::of)?;
            return String::from_utf8(name.to_utf8::<DIRECT>(256)).ok();
        }
        let name = text(c"__qualname__")?;
        match text(c"__module__") {
            Some(module) if module != "builtins" => Some(format!("{module}.{name}")),
            _ => Some(name),
        }
    }

    fn function_name(&self, function: Obj<'g>) -> Option<String> {
        // SAFETY: a function has its name and its module there.
        let (name, module) = unsafe {
            (
                function.slot(layout::FUNCTION_QUALNAME),
                function.slot(layout::FUNCTION_MODULE),
            )
        };
        let name = self.text_of(name.and_then(Str::of)?);
        Some(match module.and_then(Str::of) {
            Some(module) => format!("{}.{name}", self.text_of(module)),
            None => name,
        })
    }

    fn builtin_name(&self, function: Obj<'g>) -> Option<String> {
        // SAFETY: a built-in function has its definition there, which begins with its name; and what it is bound to.
        let (name, bound) = unsafe {
            let definition = function.read::<*const *const c_char>(layout::BUILTIN_METHOD);
            if definition.is_null() || (*definition).is_null() {
                return None;
            }
            (
                CStr::from_ptr(*definition).to_string_lossy(),
                function.slot(layout::BUILTIN_SELF),
            )
        };
        let owner = match bound {
            Some(module) if module.class().is(&raw const pyo3_ffi::PyModule_Type) => {
                self.module_name(module)
            }
            Some(bound) => {
                let class = Class::from_object(bound).unwrap_or(bound.class());
                Some(String::from_utf8_lossy(&qualified_name::<DIRECT>(class)).into_owned())
            }
            None => None,
        };
        Some(match owner.as_deref() {
            None | Some("builtins") => name.into_owned(),
            Some(owner) => format!("{owner}.{name}"),
        })
    }

    fn module_name(&self, module: Obj<'g>) -> Option<String> {
        // SAFETY: a module has its name there (null or a str) unless it was made in an unusual way.
        let name = unsafe { module.slot(layout::MODULE_NAME) }.and_then(Str::of);
        if let Some(name) = name {
            return Some(self.text_of(name));
        }
        // SAFETY: a module has its dict there.
        let dict = unsafe { module.slot(layout::MODULE_DICT) };
        let name = dict
            .and_then(Dict::of)?
            .find::<DIRECT>(b"__name__")
            .and_then(Str::of)?;
        Some(self.text_of(name))
    }
}
