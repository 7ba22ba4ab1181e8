"""The walker's offsets are those of this interpreter's headers, and it says that it uses them.

``python test_layout.py`` prints what the headers say, for the page of a new version.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

LAYOUTS = Path(__file__).resolve().parents[2] / "src" / "walk" / "layout"
VERSION = f"v3_{sys.version_info[1]}.rs"

# Constants by what the headers call them. Where a version has no such field, its page has no such constant.
MEANING = {
    "VAR_SIZE": "offsetof(PyVarObject, ob_size)",
    "STR_LENGTH": "offsetof(PyASCIIObject, length)",
    "STR_HASH": "offsetof(PyASCIIObject, hash)",
    "STR_STATE": "offsetof(PyASCIIObject, state)",
    "STR_ASCII_DATA": "sizeof(PyASCIIObject)",
    "STR_COMPACT_DATA": "sizeof(PyCompactUnicodeObject)",
    "STR_LEGACY_DATA": "offsetof(PyUnicodeObject, data)",
    "FLOAT_VALUE": "offsetof(PyFloatObject, ob_fval)",
    "COMPLEX_VALUE": "offsetof(PyComplexObject, cval)",
    "BYTES_HASH": "offsetof(PyBytesObject, ob_shash)",
    "BYTES_DATA": "offsetof(PyBytesObject, ob_sval)",
    "BYTEARRAY_START": "offsetof(PyByteArrayObject, ob_start)",
    "LIST_ITEMS": "offsetof(PyListObject, ob_item)",
    "TUPLE_ITEMS": "offsetof(PyTupleObject, ob_item)",
    "DICT_USED": "offsetof(PyDictObject, ma_used)",
    "DICT_KEYS": "offsetof(PyDictObject, ma_keys)",
    "DICT_VALUES": "offsetof(PyDictObject, ma_values)",
    "SET_USED": "offsetof(PySetObject, used)",
    "SET_MASK": "offsetof(PySetObject, mask)",
    "SET_TABLE": "offsetof(PySetObject, table)",
    "TRACEBACK_NEXT": "offsetof(PyTracebackObject, tb_next)",
    "TRACEBACK_FRAME": "offsetof(PyTracebackObject, tb_frame)",
    "TRACEBACK_LASTI": "offsetof(PyTracebackObject, tb_lasti)",
    "TRACEBACK_LINE": "offsetof(PyTracebackObject, tb_lineno)",
    "CELL_VALUE": "offsetof(PyCellObject, ob_ref)",
    "METHOD_FUNCTION": "offsetof(PyMethodObject, im_func)",
    "BUILTIN_METHOD": "offsetof(PyCFunctionObject, m_ml)",
    "BUILTIN_SELF": "offsetof(PyCFunctionObject, m_self)",
    "SLICE_START": "offsetof(PySliceObject, start)",
    "WEAKREF_OBJECT": "offsetof(PyWeakReference, wr_object)",
    "EXCEPTION_ARGS": "offsetof(PyBaseExceptionObject, args)",
    "EXCEPTION_TRACEBACK": "offsetof(PyBaseExceptionObject, traceback)",
    "EXCEPTION_CONTEXT": "offsetof(PyBaseExceptionObject, context)",
    "EXCEPTION_CAUSE": "offsetof(PyBaseExceptionObject, cause)",
    "EXCEPTION_SUPPRESS": "offsetof(PyBaseExceptionObject, suppress_context)",
    "EXCEPTION_OWN": "offsetof(PySystemExitObject, code)",
    "HEAP_TYPE_QUALNAME": "offsetof(PyHeapTypeObject, ht_qualname)",
    "HEAP_TYPE_CACHED_KEYS": "offsetof(PyHeapTypeObject, ht_cached_keys)",
    "FUNCTION_QUALNAME": "offsetof(PyFunctionObject, func_qualname)",
    "FUNCTION_MODULE": "offsetof(PyFunctionObject, func_module)",
    "GENERATOR_QUALNAME": "offsetof(PyGenObject, gi_qualname)",
    "CODE_ARGCOUNT": "offsetof(PyCodeObject, co_argcount)",
    "CODE_KWONLY": "offsetof(PyCodeObject, co_kwonlyargcount)",
    "CODE_FLAGS": "offsetof(PyCodeObject, co_flags)",
    "CODE_FIRST_LINE": "offsetof(PyCodeObject, co_firstlineno)",
    "CODE_FILENAME": "offsetof(PyCodeObject, co_filename)",
    "CODE_NAME": "offsetof(PyCodeObject, co_name)",
    "CODE_QUALNAME": "offsetof(PyCodeObject, co_qualname)",
    "CODE_SLOTS": "offsetof(PyCodeObject, co_nlocalsplus)",
    "CODE_SLOT_NAMES": "offsetof(PyCodeObject, co_localsplusnames)",
    "CODE_SLOT_KINDS": "offsetof(PyCodeObject, co_localspluskinds)",
    "CODE_INSTRUCTIONS": "offsetof(PyCodeObject, co_code_adaptive)",
    "CODE_NLOCALS": "offsetof(PyCodeObject, co_nlocals)",
    "CODE_VARNAMES": "offsetof(PyCodeObject, co_varnames)",
    "CODE_FREEVARS": "offsetof(PyCodeObject, co_freevars)",
    "CODE_CELLVARS": "offsetof(PyCodeObject, co_cellvars)",
    "CODE_LINETABLE": "offsetof(PyCodeObject, co_linetable)" if sys.version_info >= (3, 10) else "offsetof(PyCodeObject, co_lnotab)",
    "FRAME_CODE": "offsetof(PyFrameObject, f_code)",
    "FRAME_GLOBALS": "offsetof(PyFrameObject, f_globals)",
    "FRAME_LOCALS": "offsetof(PyFrameObject, f_locals)",
    "FRAME_LASTI": "offsetof(PyFrameObject, f_lasti)",
    "FRAME_SLOTS": "offsetof(PyFrameObject, f_localsplus)",
    "FRAME_STACK": "offsetof(PyFrameObject, f_valuestack)",
    "FRAME_STACK_TOP": "offsetof(PyFrameObject, f_stacktop)",
    "FRAME_STACK_DEPTH": "offsetof(PyFrameObject, f_stackdepth)",
    "FRAME_STATE": "offsetof(PyFrameObject, f_state)" if sys.version_info >= (3, 10) else "offsetof(PyFrameObject, f_executing)",
    "GENERATOR_FRAME": "offsetof(PyGenObject, gi_frame)",
    "FRAME_INNER": "offsetof(PyFrameObject, f_frame)",
    "INNER_CODE": f"offsetof(_PyInterpreterFrame, {'f_executable' if sys.version_info >= (3, 13) else 'f_code'})",
    "INNER_GLOBALS": "offsetof(_PyInterpreterFrame, f_globals)",
    "INNER_LOCALS": "offsetof(_PyInterpreterFrame, f_locals)",
    "INNER_INSTRUCTION": f"offsetof(_PyInterpreterFrame, {'instr_ptr' if sys.version_info >= (3, 13) else 'prev_instr'})",
    "INNER_STACK": f"offsetof(_PyInterpreterFrame, {'stackpointer' if sys.version_info >= (3, 14) else 'stacktop'})",
    "INNER_SLOTS": "offsetof(_PyInterpreterFrame, localsplus)",
    "GENERATOR_STATE": "offsetof(PyGenObject, gi_frame_state)",
    "GENERATOR_INNER": "offsetof(PyGenObject, gi_iframe)",
    "STATE_CREATED": "FRAME_CREATED",
    "STATE_EXECUTING": "FRAME_EXECUTING",
    "STATE_DONE": "FRAME_CLEARED" if sys.version_info >= (3, 15) else "FRAME_COMPLETED",
    "KEYS_LOG2_INDEX_BYTES": "offsetof(struct _dictkeysobject, dk_log2_index_bytes)",
    "KEYS_KIND": "offsetof(struct _dictkeysobject, dk_kind)",
    "VALUES_CAPACITY": "offsetof(struct _dictvalues, capacity)",
    "VALUES_SET": "offsetof(struct _dictvalues, size)",
    "VALUES_VALID": "offsetof(struct _dictvalues, valid)",
    "VALUES_ITEMS": "offsetof(struct _dictvalues, values)",
    "MEMORYVIEW_BUFFER": "offsetof(PyMemoryViewObject, view)",
    "MEMORYVIEW_FLAGS": "offsetof(PyMemoryViewObject, flags)",
}
if sys.version_info >= (3, 11):
    MEANING["KEYS_ENTRIES"] = "offsetof(struct _dictkeysobject, dk_nentries)"
    MEANING["KEYS_INDICES"] = "offsetof(struct _dictkeysobject, dk_indices)"
if sys.version_info >= (3, 10):
    MEANING["MODULE_DICT"] = "offsetof(PyModuleObject, md_dict)"
    MEANING["MODULE_NAME"] = "offsetof(PyModuleObject, md_name)"

# Not told by headers: structures private to a C file (the self-test and the tests of values cover them), bits, and what is no offset.
UNTOLD = re.compile(
    r"STR_(KIND|KIND_SHIFT|COMPACT|ASCII)|INT_DIGITS|PROXY_MAPPING|FUTURE_\w+|TASK_\w+|MANAGED_\w+|FRAME_LASTI_UNIT|FRAME_RUNNING"
)
PRIVATE_IN_3_10 = re.compile(r"KEYS_\w+|MODULE_\w+")

HEADERS = """
#define Py_BUILD_CORE 1
#include <Python.h>
#include <stddef.h>
#include <stdio.h>
#include <frameobject.h>
#if PY_VERSION_HEX >= 0x030b0000
#include <internal/pycore_frame.h>
#include <internal/pycore_code.h>
#include <internal/pycore_dict.h>
#endif
#if PY_VERSION_HEX >= 0x030e0000
#include <internal/pycore_interpframe_structs.h>
#endif
#if PY_VERSION_HEX >= 0x030a0000
#include <internal/pycore_moduleobject.h>
#endif
"""


def constants(page: str) -> dict[str, int]:
    text = (LAYOUTS / page).read_text()
    return {name: int(value, 0) for name, value in re.findall(r"const (\w+): \w+ = (-?\w+);", text)}


def headers(names: list[str], folder: Path) -> dict[str, int]:
    """What the headers say, by a compiled program."""
    include = Path(sysconfig.get_path("include"))
    platform = Path(sysconfig.get_path("platinclude"))
    lines = [f'printf("{name} %lld\\n", (long long)({MEANING[name]}));' for name in names]
    source = folder / "probe.c"
    source.write_text(HEADERS + "int main(void) {\n" + "\n".join(lines) + "\nreturn 0; }\n")
    probe = folder / "probe"
    subprocess.run(
        ["cc", "-w", f"-I{include}", f"-I{include}/internal", f"-I{platform}", "-o", str(probe), str(source)],
        check=True,
        capture_output=True,
    )
    output = subprocess.run([str(probe)], check=True, capture_output=True, text=True).stdout
    return {name: int(value) for name, value in (line.split() for line in output.splitlines())}


def has_headers() -> bool:
    return shutil.which("cc") is not None and (Path(sysconfig.get_path("include")) / "internal").is_dir()


@pytest.mark.skipif(not has_headers(), reason="needs a C compiler and this interpreter's development headers")
def test_offsets_are_those_of_the_headers(tmp_path: Path) -> None:
    ours = {**constants("common.rs"), **constants(VERSION)}
    untold = [name for name in ours if UNTOLD.fullmatch(name) or (sys.version_info < (3, 11) and PRIVATE_IN_3_10.fullmatch(name))]
    told = [name for name in ours if name not in untold]
    missing = [name for name in told if name not in MEANING]
    assert not missing, "say in MEANING what the headers call it"
    assert headers(told, tmp_path) == {name: ours[name] for name in told}


def test_the_fast_walker_is_in_use() -> None:
    from stillframe import _native

    report = _native.walker()
    assert report["mode"] == ("fallback" if os.environ.get("STILLFRAME_FALLBACK") else "fast"), report


if __name__ == "__main__":
    import tempfile

    for page in ("common.rs", VERSION):
        told = [name for name in constants(page) if name in MEANING]
        with tempfile.TemporaryDirectory() as folder:
            for name, value in headers(told, Path(folder)).items():
                print(f"{page}: {name} = {value}")
