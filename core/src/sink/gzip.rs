//! Bodies as they go over the network, and what comes back.

use std::borrow::Cow;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::http::Answer;

/// Bytes of an answer that are looked at once they are unpacked.
const MOST: u64 = 64 << 10;

/// These bytes as gzip. The same bytes every time: no time and no name is in it.
pub(crate) fn packed(bytes: &[u8]) -> Vec<u8> {
    let out = Vec::with_capacity(bytes.len() / 4);
    let mut encoder = GzEncoder::new(out, Compression::new(5));
    // Writing to memory does not fail; if it did, what is not gzip would be refused, and said.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// The body of an answer, unpacked if somebody packed it without being asked; only its beginning, however much it would become.
pub(crate) fn body(answer: &Answer) -> Cow<'_, [u8]> {
    let encoding = answer.header("content-encoding").unwrap_or_default();
    if !encoding.eq_ignore_ascii_case("gzip") {
        return Cow::Borrowed(&answer.body);
    }
    let mut out = Vec::new();
    // What was unpacked before it broke off is as good as it gets.
    let _ = GzDecoder::new(answer.body.as_slice())
        .take(MOST)
        .read_to_end(&mut out);
    Cow::Owned(out)
}
