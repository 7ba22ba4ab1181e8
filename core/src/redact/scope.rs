//! Where a user rule applies: globs over the path of names that leads to a value.
//!
//! A path is names joined by dots, the variable first: `order.customer.note`. In a glob `*` stands for any characters
//! within one name and `**` for any names. What lies below a matched path is matched too.

/// Which scoped rules apply to a text: one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScopeSet(u64);

impl ScopeSet {
    /// No scoped rule applies.
    pub const NONE: ScopeSet = ScopeSet(0);
    /// How many rules can have a scope.
    pub(super) const CAPACITY: usize = 64;

    pub(super) fn insert(&mut self, bit: u8) {
        self.0 |= 1 << (bit & 63);
    }

    pub(super) fn contains(self, bit: u8) -> bool {
        self.0 >> (bit & 63) & 1 == 1
    }
}

/// Whether `glob` matches `path` or one of the paths above it. Linear in `glob` times `path`.
pub(super) fn matches(glob: &str, path: &str) -> bool {
    let path = path.as_bytes();
    let mut end = path.len();
    loop {
        if matches_whole(glob.as_bytes(), &path[..end]) {
            return true;
        }
        match path[..end].iter().rposition(|&b| b == b'.') {
            Some(dot) => end = dot,
            None => return false,
        }
    }
}

/// Iterative glob match. Backtracks to the last `**` and, behind it, the last `*`; both only move forward.
fn matches_whole(glob: &[u8], path: &[u8]) -> bool {
    let (mut g, mut p) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    let mut stars: Option<(usize, usize)> = None;
    loop {
        if glob[g..].starts_with(b"**") {
            g += 2;
            stars = Some((g, p));
            star = None;
            continue;
        }
        if glob.get(g) == Some(&b'*') {
            g += 1;
            star = Some((g, p));
            continue;
        }
        if g == glob.len() && p == path.len() {
            return true;
        }
        if p < path.len() && glob.get(g) == Some(&path[p]) {
            g += 1;
            p += 1;
            continue;
        }
        if let Some((after, at)) = star
            && at < path.len()
            && path[at] != b'.'
        {
            star = Some((after, at + 1));
            (g, p) = (after, at + 1);
            continue;
        }
        match stars {
            Some((after, at)) if at < path.len() => {
                stars = Some((after, at + 1));
                star = None;
                (g, p) = (after, at + 1);
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_paths_and_what_lies_below_them() {
        for (glob, path, expected) in [
            ("order.*", "order.id", true),
            ("order.*", "order.customer.name", true),
            ("order.*", "order", false),
            ("order.*", "orders.id", false),
            ("order", "order.id.x", true),
            ("*.note", "order.note", true),
            ("*.note", "order.customer.note", false),
            ("**.note", "order.customer.note", true),
            ("**", "anything.at.all", true),
            ("o*r.n*e", "order.nice", true),
            ("o*r.n*e", "order.nicer", false),
            ("a**c", "a.b.b.c", true),
            ("*", "x", true),
            ("", "x", false),
            ("**.a*b.c", "x.ab.aab.c", true),
        ] {
            assert_eq!(matches(glob, path), expected, "{glob} on {path}");
        }
    }

    #[test]
    fn hostile_globs_end_soon() {
        let glob = "*a".repeat(200) + "b";
        let path = "a".repeat(5000);
        assert!(!matches(&glob, &path));
        assert!(!matches(&("**a*".repeat(100) + "b"), &"a.".repeat(2000)));
    }
}
