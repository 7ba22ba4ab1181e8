//! Names as people write them, from symbols as compilers do.

use cpp_demangle::{DemangleOptions, ParseOptions, Symbol};

/// Longer symbols stay as they are: their names would not be read either.
const MAX_SYMBOL: usize = 4096;
/// Nesting that is followed; a hostile symbol must not end our thread.
const MAX_NESTING: u32 = 96;

/// A function's name without its parameters and what it returns.
#[must_use]
pub fn demangle(symbol: &str) -> String {
    let plain = symbol.split('@').next().unwrap_or(symbol);
    if plain.len() > MAX_SYMBOL {
        return plain.to_owned();
    }
    if let Ok(name) = rustc_demangle::try_demangle(plain) {
        return format!("{name:#}");
    }
    // A clone that the compiler made (`_ZN4shop5totalEv.cold`) is the function.
    let mangled = match plain.starts_with("_Z") {
        true => plain.split('.').next().unwrap_or(plain),
        false => return plain.to_owned(),
    };
    cpp(mangled).unwrap_or_else(|| plain.to_owned())
}

/// A type's name, from what `std::type_info::name` says.
#[must_use]
pub fn type_name(name: &str) -> String {
    // A type's own mangled name is that of a function's without the prefix. Names local to one object begin with an asterisk.
    let name = name.strip_prefix('*').unwrap_or(name);
    if name.is_empty() || name.len() > MAX_SYMBOL {
        return name.to_owned();
    }
    // `_ZTS` marks the text of a type's name, which the demangler tells as such.
    let known = cpp(&format!("_ZTS{name}"));
    known
        .and_then(|known| known.strip_prefix("typeinfo name for ").map(str::to_owned))
        .map_or_else(|| name.to_owned(), |name| without_inline(&name))
}

fn cpp(mangled: &str) -> Option<String> {
    let parse = ParseOptions::default().recursion_limit(MAX_NESTING);
    let show = DemangleOptions::default()
        .no_params()
        .no_return_type()
        .recursion_limit(MAX_NESTING);
    let symbol = Symbol::new_with_options(mangled, &parse).ok()?;
    let name = symbol.demangle_with_options(&show).ok()?;
    Some(without_inline(&name))
}

/// The standard libraries' versions of their interfaces say nothing to people.
fn without_inline(name: &str) -> String {
    name.replace("std::__cxx11::", "std::")
        .replace("std::__1::", "std::")
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{demangle, type_name};

    #[test]
    fn functions() {
        for (symbol, name) in [
            ("main", "main"),
            ("_ZN4shop4Cart5totalEi", "shop::Cart::total"),
            ("_ZN4shop4Cart5totalEi.cold", "shop::Cart::total"),
            (
                "_ZNSt6vectorIiSaIiEE2atEm",
                "std::vector<int, std::allocator<int> >::at",
            ),
            ("memcpy@@GLIBC_2.14", "memcpy"),
            (
                "_ZN4core9panicking9panic_fmt17h0123456789abcdefE",
                "core::panicking::panic_fmt",
            ),
            ("_Znot_a_symbol", "_Znot_a_symbol"),
            ("", ""),
        ] {
            assert_eq!(demangle(symbol), name, "{symbol}");
        }
    }

    #[test]
    fn types() {
        for (symbol, name) in [
            ("i", "int"),
            ("St13runtime_error", "std::runtime_error"),
            ("N4shop8NotFoundE", "shop::NotFound"),
            (
                "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE",
                "std::basic_string<char, std::char_traits<char>, std::allocator<char> >",
            ),
            ("*9LocalType", "LocalType"),
            ("", ""),
        ] {
            assert_eq!(type_name(symbol), name, "{symbol}");
        }
    }

    #[test]
    fn a_hostile_symbol_is_left_as_it_is() {
        let nested = format!("_Z{}", "P".repeat(3000));
        assert_eq!(demangle(&nested), nested);
        let long = "_ZN".repeat(5000);
        assert_eq!(demangle(&long), long);
    }
}
