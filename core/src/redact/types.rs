//! Which types are never read.

use std::collections::HashMap;

use super::config::RuleError;

/// Leaves room for names and detectors in a 16-bit id.
const MAX_TYPES: usize = 8192;

/// Built-in types: qualified names, or prefixes that end in `*`.
#[rustfmt::skip]
const BUILT_IN: &[&str] = &[
    // .NET
    "System.Security.SecureString",
    "System.Net.NetworkCredential",
    "System.Security.Cryptography.RSAParameters",
    "System.Security.Cryptography.ECParameters",
    "System.Security.Cryptography.DSAParameters",
    // Java
    "java.net.PasswordAuthentication",
    "java.security.KeyPair",
    "java.security.KeyStore*",
    "java.security.PrivateKey",
    "java.security.interfaces.DSAPrivateKey",
    "java.security.interfaces.ECPrivateKey",
    "java.security.interfaces.EdECPrivateKey",
    "java.security.interfaces.RSAPrivate*",
    "java.security.spec.DSAPrivateKeySpec",
    "java.security.spec.ECPrivateKeySpec",
    "java.security.spec.EdECPrivateKeySpec",
    "java.security.spec.PKCS8EncodedKeySpec",
    "java.security.spec.RSAPrivate*",
    "java.security.spec.RSAMultiPrimePrivate*",
    "javax.crypto.SecretKey",
    "javax.crypto.spec.DESKeySpec",
    "javax.crypto.spec.DESedeKeySpec",
    "javax.crypto.spec.DHPrivateKeySpec",
    "javax.crypto.spec.PBEKeySpec",
    "javax.crypto.spec.SecretKeySpec",
    "javax.security.auth.callback.PasswordCallback",
    "javax.security.auth.kerberos.Kerberos*",
    "com.sun.crypto.provider.*Key",
    "sun.security.ec.ECPrivateKey*",
    "sun.security.ec.ed.EdDSAPrivateKey*",
    "sun.security.provider.DSAPrivateKey",
    "sun.security.rsa.RSAPrivate*",
    // Python
    "pydantic.SecretBytes",
    "pydantic.SecretStr",
    "pydantic.types.Secret",
    "pydantic.types.SecretBytes",
    "pydantic.types.SecretStr",
    "pydantic.v1.types.SecretBytes",
    "pydantic.v1.types.SecretStr",
    "starlette.datastructures.Secret",
    "cryptography.fernet.Fernet",
    "cryptography.fernet.MultiFernet",
    "cryptography.hazmat.backends.openssl.dh._DHPrivateKey",
    "cryptography.hazmat.backends.openssl.dsa._DSAPrivateKey",
    "cryptography.hazmat.backends.openssl.ec._EllipticCurvePrivateKey",
    "cryptography.hazmat.backends.openssl.ed25519._Ed25519PrivateKey",
    "cryptography.hazmat.backends.openssl.ed448._Ed448PrivateKey",
    "cryptography.hazmat.backends.openssl.rsa._RSAPrivateKey",
    "cryptography.hazmat.backends.openssl.x25519._X25519PrivateKey",
    "cryptography.hazmat.backends.openssl.x448._X448PrivateKey",
    "cryptography.hazmat.bindings._rust.openssl.dh.DHPrivateKey",
    "cryptography.hazmat.bindings._rust.openssl.dh.DHPrivateNumbers",
    "cryptography.hazmat.bindings._rust.openssl.dsa.DSAPrivateKey",
    "cryptography.hazmat.bindings._rust.openssl.dsa.DSAPrivateNumbers",
    "cryptography.hazmat.bindings._rust.openssl.ec.ECPrivateKey",
    "cryptography.hazmat.bindings._rust.openssl.ec.EllipticCurvePrivateNumbers",
    "cryptography.hazmat.bindings._rust.openssl.ed25519.Ed25519PrivateKey",
    "cryptography.hazmat.bindings._rust.openssl.ed448.Ed448PrivateKey",
    "cryptography.hazmat.bindings._rust.openssl.rsa.RSAPrivateKey",
    "cryptography.hazmat.bindings._rust.openssl.rsa.RSAPrivateNumbers",
    "cryptography.hazmat.bindings._rust.openssl.x25519.X25519PrivateKey",
    "cryptography.hazmat.bindings._rust.openssl.x448.X448PrivateKey",
    "cryptography.hazmat.primitives.asymmetric.rsa.RSAPrivateNumbers",
    "cryptography.hazmat.primitives.asymmetric.dh.DHPrivateNumbers",
    "cryptography.hazmat.primitives.asymmetric.dsa.DSAPrivateNumbers",
    "cryptography.hazmat.primitives.asymmetric.ec.EllipticCurvePrivateNumbers",
];

/// The rules for types. Asked once per type by hosts that keep plans, so it is built for clarity.
pub(super) struct TypeTable {
    rules: Vec<Box<str>>,
    exact: HashMap<Box<str>, u16>,
    /// Prefix and optional suffix around one `*`, with the rule.
    globs: Vec<(Box<str>, Box<str>, u16)>,
    /// From here on rules are the user's, which match a name without its module as well.
    first_of_user: u16,
}

impl TypeTable {
    pub(super) fn new(types: &[String], errors: &mut Vec<RuleError>) -> TypeTable {
        let mut table = TypeTable {
            rules: Vec::new(),
            exact: HashMap::new(),
            globs: Vec::new(),
            first_of_user: BUILT_IN.len() as u16,
        };
        for rule in BUILT_IN {
            table.add(rule);
        }
        let blank = |t: &&str| t.is_empty() || t.chars().all(|c| c == '*');
        for rule in types.iter().map(|t| t.trim()).filter(|t| !blank(t)) {
            if table.rules.len() >= MAX_TYPES {
                errors.push(RuleError::new(rule, "too many types", None));
                break;
            }
            table.add(rule);
        }
        table
    }

    fn add(&mut self, rule: &str) {
        let index = self.rules.len() as u16;
        self.rules.push(rule.into());
        match rule.split_once('*') {
            Some((before, after)) => self.globs.push((before.into(), after.into(), index)),
            None => {
                self.exact.entry(rule.into()).or_insert(index);
            }
        }
    }

    pub(super) fn rule(&self, index: u16) -> &str {
        self.rules.get(index as usize).map_or("", |r| r)
    }

    /// The rule that hides values of this type.
    pub(super) fn find(&self, qualified: &str) -> Option<u16> {
        let bare = qualified
            .rsplit(['.', ':', '/', '+', '$'])
            .next()
            .unwrap_or(qualified);
        let user = |&index: &u16| index >= self.first_of_user;
        let whole = self.exact.get(qualified).copied();
        whole
            .or_else(|| self.exact.get(bare).copied().filter(user))
            .or_else(|| {
                let mut matching = self.globs.iter().filter(|(before, after, index)| {
                    wraps(qualified, before, after) || (user(index) && wraps(bare, before, after))
                });
                matching.next().map(|g| g.2)
            })
    }
}

fn wraps(name: &str, before: &str, after: &str) -> bool {
    name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule<'t>(table: &'t TypeTable, name: &str) -> Option<&'t str> {
        table.find(name).map(|i| table.rule(i))
    }

    #[test]
    fn built_in_types_match_by_their_qualified_name_only() {
        let t = TypeTable::new(&[], &mut Vec::new());
        assert_eq!(
            rule(&t, "pydantic.types.SecretStr"),
            Some("pydantic.types.SecretStr")
        );
        assert_eq!(
            rule(&t, "sun.security.rsa.RSAPrivateCrtKeyImpl"),
            Some("sun.security.rsa.RSAPrivate*")
        );
        assert_eq!(
            rule(&t, "com.sun.crypto.provider.DESedeKey"),
            Some("com.sun.crypto.provider.*Key")
        );
        assert_eq!(rule(&t, "SecretStr"), None);
        assert_eq!(rule(&t, "shop.Secret"), None);
        assert_eq!(rule(&t, "str"), None);
        assert_eq!(rule(&t, ""), None);
    }

    #[test]
    fn the_users_types_match_with_and_without_module_and_blanks_never() {
        let types = ["Wallet", " bank.Acc* ", "", "  ", "*", "Card*"].map(str::to_owned);
        let t = TypeTable::new(&types, &mut Vec::new());
        assert_eq!(rule(&t, "shop.models.Wallet"), Some("Wallet"));
        assert_eq!(rule(&t, "Wallet"), Some("Wallet"));
        assert_eq!(rule(&t, "shop.Outer$Wallet"), Some("Wallet"));
        assert_eq!(rule(&t, "bank.Account"), Some("bank.Acc*"));
        assert_eq!(rule(&t, "shop.CardNumber"), Some("Card*"));
        assert_eq!(rule(&t, "shop.wallet"), None);
        assert_eq!(rule(&t, "shop.DiscardedCard"), None);
    }
}
