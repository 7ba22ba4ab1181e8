//! User and password in an address.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

/// What stands before an `@` in the authority of `url`, and the address without it.
pub(crate) fn split(url: &str) -> (Option<&str>, Cow<'_, str>) {
    let begin = url.find("://").map_or(0, |at| at + "://".len());
    let rest = &url[begin..];
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => (
            Some(&rest[..at]),
            Cow::Owned(format!("{}{}", &url[..begin], &rest[at + 1..])),
        ),
        None => (None, Cow::Borrowed(url)),
    }
}

/// User and password, decoded.
pub(crate) fn decoded(userinfo: &str) -> (Cow<'_, [u8]>, Cow<'_, [u8]>) {
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let decode = |text| Cow::from(percent_decode_str(text));
    (decode(user), decode(password))
}

/// They as a value of `Authorization`.
pub(crate) fn basic(userinfo: &str) -> String {
    let (user, password) = decoded(userinfo);
    let pair = [&*user, b":", &*password].concat();
    format!("Basic {}", STANDARD.encode(pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_split_at_the_last_at_of_its_authority() {
        for (url, userinfo, rest) in [
            ("http://host/a@b", None, "http://host/a@b"),
            ("http://u:p@host:1/x", Some("u:p"), "http://host:1/x"),
            ("http://u:p@ss@host?a@b", Some("u:p@ss"), "http://host?a@b"),
            ("u@host", Some("u"), "host"),
        ] {
            assert_eq!(split(url), (userinfo, Cow::Borrowed(rest)), "{url}");
        }
    }

    #[test]
    fn what_is_coded_for_an_address_is_decoded() {
        // us@er:p@:ss
        assert_eq!(basic("us%40er:p%40:ss"), "Basic dXNAZXI6cEA6c3M=");
        assert_eq!(basic("key"), "Basic a2V5Og==");
    }
}
