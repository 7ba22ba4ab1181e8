//! What a destination said, as one clause for people.

#[cfg(any(feature = "otlp", feature = "sentry"))]
use super::gzip;
use super::http::Answer;
use super::secrets::Secrets;

/// Characters of it that are shown.
pub(crate) const MOST: usize = 300;

/// `400 (bad request): what it said`, with `said` in place of its body where the body was understood.
#[cfg(any(feature = "otlp", feature = "sentry"))]
pub(crate) fn clause(answer: &Answer, said: Option<&str>, secrets: &Secrets) -> String {
    let status = answer.status;
    let body = gzip::body(answer);
    let text = match said.filter(|said| !said.trim().is_empty()) {
        Some(said) => line(said, secrets),
        None if is_page(answer) => "a web page".to_owned(),
        None => line(&String::from_utf8_lossy(&body), secrets),
    };
    let name = match status {
        400 => " (bad request)",
        401 => " (not authorised)",
        403 => " (forbidden)",
        404 => " (not found)",
        405 => " (no such method)",
        407 => " (the proxy asks for a password)",
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

/// Whether the answer is about where the request went, or what it was let in by, rather than about what it carried.
#[cfg(any(feature = "otlp", feature = "sentry"))]
pub(crate) fn is_about_the_way(answer: &Answer) -> bool {
    matches!(answer.status, 100..=199 | 300..=399 | 401 | 403 | 404 | 405 | 407) || is_page(answer)
}

/// Whether the answer is a page for people: whoever answered is not who was meant.
pub(crate) fn is_page(answer: &Answer) -> bool {
    answer
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("text/html"))
}

/// The beginning of a text, in one line that can be printed. Whoever refuses a key may repeat it, so `secrets` are taken out first.
pub(crate) fn line(text: &str, secrets: &Secrets) -> String {
    let text = secrets.hide(text);
    let words = text.split(|c: char| c.is_control() || c.is_whitespace());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

#[cfg(all(test, any(feature = "otlp", feature = "sentry")))]
mod tests {
    use super::*;

    fn clause(answer: &Answer, said: Option<&str>) -> String {
        super::clause(answer, said, &Secrets::default())
    }

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

    #[test]
    fn a_key_is_taken_out_before_the_text_is_cut() {
        let mut secrets = Secrets::default();
        secrets.add("deadbeef");
        let text = format!("{}deadbeef and deadbeef", "x".repeat(MOST - 4));
        let said = line(&text, &secrets);
        assert!(!said.contains("dead"), "{said}");
        assert!(said.ends_with("x...…"), "{said}");
        let said = super::clause(&answer(401, "", b"no key deadbeef"), None, &secrets);
        assert_eq!(said, "401 (not authorised): no key ...");
        let understood = Some("no deadbeef");
        let said = super::clause(&answer(401, "", b"{}"), understood, &secrets);
        assert_eq!(said, "401 (not authorised): no ...");
    }
}
