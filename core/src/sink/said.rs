//! What a destination said, as one clause for people.

use super::gzip;
use super::http::Answer;

/// Characters of it that are shown.
const MOST: usize = 300;

/// `400 (bad request): what it said`, with `said` in place of its body where the body was understood.
pub(crate) fn clause(answer: &Answer, said: Option<&str>) -> String {
    let status = answer.status;
    let body = gzip::body(answer);
    let text = match said.filter(|said| !said.trim().is_empty()) {
        Some(said) => line(said),
        None if is_page(answer) => "a web page".to_owned(),
        None => line(&String::from_utf8_lossy(&body)),
    };
    let name = match status {
        400 => " (bad request)",
        401 => " (not authorised)",
        403 => " (forbidden)",
        404 => " (not found)",
        405 => " (no such method)",
        413 => " (too large)",
        415 => " (unknown content type)",
        300..400 => " (redirected)",
        _ => "",
    };
    match text.as_str() {
        "" => format!("{status}{name}"),
        text => format!("{status}{name}: {text}"),
    }
}

/// Whether the answer is a page for people: whoever answered is not who was meant.
pub(crate) fn is_page(answer: &Answer) -> bool {
    gzip::header(answer, "content-type").is_some_and(|kind| kind.starts_with("text/html"))
}

/// One line of printable text.
pub(crate) fn line(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars().map(|c| {
        if c.is_control() || c.is_whitespace() {
            ' '
        } else {
            c
        }
    });
    for c in characters.by_ref().take(MOST) {
        if !(c == ' ' && (out.is_empty() || out.ends_with(' '))) {
            out.push(c);
        }
    }
    let cut = characters.next().is_some();
    out.truncate(out.trim_end().len());
    if cut {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, kind: &str, body: &[u8]) -> Answer {
        Answer {
            status,
            retry_after: None,
            headers: vec![("content-type".into(), kind.into())],
            body: body.to_vec(),
        }
    }

    #[test]
    fn it_is_one_line_and_short() {
        let said = clause(
            &answer(400, "text/plain", b"no\r\n\x1b[31m  such\0 thing\n"),
            None,
        );
        assert_eq!(said, "400 (bad request): no [31m such thing");
        assert_eq!(clause(&answer(599, "", b""), None), "599");
        let long = clause(&answer(403, "", &b"x".repeat(5000)), None);
        assert_eq!(long.chars().filter(|c| *c == 'x').count(), MOST);
        assert!(long.ends_with('…'));
        let page = clause(&answer(404, "text/html; charset=utf-8", b"<html>"), None);
        assert_eq!(page, "404 (not found): a web page");
        let invalid = clause(&answer(400, "", b"\xff\xfe"), None);
        assert_eq!(invalid, "400 (bad request): \u{fffd}\u{fffd}");
    }
}
