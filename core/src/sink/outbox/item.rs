//! The payload of a record: which route, and the item.

/// Longest route.
pub(super) const LONGEST_ROUTE: usize = u16::MAX as usize;

/// Writes a payload behind what `out` holds.
pub(super) fn write(route: &str, item: &[u8], out: &mut Vec<u8>) {
    let route = &route.as_bytes()[..route.len().min(LONGEST_ROUTE)];
    out.extend_from_slice(&(route.len() as u16).to_le_bytes());
    out.extend_from_slice(route);
    out.extend_from_slice(item);
}

/// Route and item of a payload; `None` if it is none.
pub(super) fn read(payload: &[u8]) -> Option<(&str, &[u8])> {
    let (len, rest) = payload.split_first_chunk::<2>()?;
    let (route, item) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
    Some((std::str::from_utf8(route).ok()?, item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_read_back_and_others_are_none() {
        for (route, item) in [
            ("", &b""[..]),
            ("?ddtags=env:prod", b"{}"),
            ("\u{e9}", b"\xff"),
        ] {
            let mut out = Vec::new();
            write(route, item, &mut out);
            assert_eq!(read(&out), Some((route, item)));
        }
        for hostile in [
            &b""[..],
            b"\x01",
            b"\x02\x00a",
            b"\xff\xffab",
            b"\x01\x00\xff",
        ] {
            assert_eq!(read(hostile), None, "{hostile:?}");
        }
    }
}
