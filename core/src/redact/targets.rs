//! Which literals the scan looks for, and what each stands for.

use super::Rules;
use super::detect::{Detector, vendor};
use super::literals::{Literal, LiteralSet};
use super::required::Anchor;

/// What a literal stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Vendor(u16),
    Jwt,
    Bearer,
    Basic,
    /// The credential begins so many bytes behind the literal's beginning.
    RestOfLine(u8),
    Begin(u8),
    End(u8),
    Putty,
    EncodedKey,
    SecretWord,
    DriverAddress,
    OracleUser(u8),
    User(u16),
}

/// Literals and what they stand for, for the detectors that are on and the user's rules.
pub(super) fn literals(rules: &Rules) -> (LiteralSet, Vec<Target>) {
    let mut targets = Vec::new();
    let mut literals = Vec::new();
    let mut add = |bytes: &[u8], ignore_case: bool, target: Target| {
        let index = targets.len() as u16;
        targets.push(target);
        literals.push(Literal::new(bytes, ignore_case, index));
    };
    let on = |detector| rules.enabled.has(detector);
    if on(Detector::Authorization) {
        add(b"bearer ", true, Target::Bearer);
        add(b"basic ", true, Target::Basic);
        add(b"digest username", true, Target::RestOfLine(7));
        add(b"AWS4-HMAC-SHA256 Cred", true, Target::RestOfLine(17));
        add(b"NTLM TlRM", false, Target::RestOfLine(5));
        add(b"Negotiate YI", false, Target::RestOfLine(10));
    }
    if on(Detector::PrivateKey) {
        add(b"-----BEGIN ", false, Target::Begin(11));
        add(b"---- BEGIN ", false, Target::Begin(11));
        add(b"-----END ", false, Target::End(9));
        add(b"---- END ", false, Target::End(9));
        add(b"PuTTY-User-Key-File-", false, Target::Putty);
        add(b"LS0tLS1CRUdJTi", false, Target::EncodedKey);
    }
    if on(Detector::HighEntropy) {
        for word in [
            &b"token"[..],
            b"secret",
            b"passw",
            b"apikey",
            b"api key",
            b"api_key",
        ] {
            add(word, true, Target::SecretWord);
        }
    }
    if on(Detector::UrlUserinfo) {
        add(b"@tcp(", false, Target::DriverAddress);
        add(b"@unix(", false, Target::DriverAddress);
        add(b"oracle:thin:", true, Target::OracleUser(12));
    }
    for (i, rule) in rules.user.iter().enumerate() {
        if let Some(Anchor::Literals { literals, .. }) = &rule.anchor {
            for (bytes, ignore_case) in literals {
                add(bytes, *ignore_case, Target::User(i as u16));
            }
        }
    }
    if on(Detector::Jwt) {
        let index = targets.len() as u16;
        targets.push(Target::Jwt);
        literals
            .push(Literal::new(b"eyJ", false, index).followed_by(|b| b.is_ascii_alphanumeric()));
    }
    for (i, row) in vendor::VENDORS.iter().enumerate() {
        if rules.enabled.has_id(rules.vendor_ids[i].raw()) {
            let index = targets.len() as u16;
            targets.push(Target::Vendor(i as u16));
            let literal = Literal::new(row.literal.as_bytes(), false, index);
            literals.push(literal.followed_by(row.next()));
        }
    }
    (LiteralSet::new(literals), targets)
}
