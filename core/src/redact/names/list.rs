//! The built-in words. Each is in normal form: lower-case ASCII, nothing but letters and digits.

/// The words Datadog's tracers share.
#[rustfmt::skip]
pub(super) const DATADOG: [&str; 85] = [
    "2fa", "accesstoken", "aiohttpsession", "apikey", "apisecret", "apisignature", "appkey",
    "applicationkey", "auth", "authorization", "authtoken", "ccnumber", "certificatepin", "cipher",
    "clientid", "clientsecret", "connectionstring", "connectsid", "cookie", "credentials",
    "creditcard", "csrf", "csrftoken", "cvv", "databaseurl", "dburl", "encryptionkey",
    "encryptionkeyid", "geolocation", "gpgkey", "ipaddress", "jti", "jwt", "licensekey",
    "masterkey", "mysqlpwd", "nonce", "oauth", "oauthtoken", "otp", "passhash", "passwd",
    "password", "passwordb", "pemfile", "pgpkey", "phpsessid", "pin", "pincode", "pkcs8",
    "privatekey", "publickey", "pwd", "recaptchakey", "refreshtoken", "routingnumber", "salt",
    "secret", "secretkey", "secrettoken", "securityanswer", "securitycode", "securityquestion",
    "serviceaccountcredentials", "session", "sessionid", "sessionkey", "setcookie", "signature",
    "signaturekey", "sshkey", "ssn", "symfony", "token", "transactionid", "twiliotoken",
    "usersession", "voterid", "xapikey", "xauthtoken", "xcsrftoken", "xforwardedfor", "xrealip",
    "xsrf", "xsrftoken",
];

/// What Sentry's scrubber has beyond those.
pub(super) const SENTRY: [&str; 1] = ["proxyauthorization"];

/// Personal data in Sentry's list, off by default (`remote_addr`).
pub(super) const REMOTE_ADDR: &str = "remoteaddr";

/// Names of secrets that neither list has and no run of its words finds.
#[rustfmt::skip]
pub(super) const FURTHER: &[&str] = &[
    "accesskey", "accountkey", "adminpass", "authkey", "authpass", "basicauth", "bearer",
    "bearertoken", "cardnumber", "clientkey", "contrasena", "credential", "cryptkey", "cvc",
    "dbpass", "decryptionkey", "deploykey", "emailpass", "fernetkey", "ftppass", "hmackey",
    "httpauth", "iban", "idtoken", "jsessionid", "kennwort", "keypass", "ldappass", "loginpass",
    "mailpass", "mnemonic", "motdepasse", "mypass", "mysqlpass", "passcode", "passphrase",
    "passwordconfirm", "passwordconfirmation", "passwordhash", "passwordsalt", "passwort", "pgpass",
    "privkey", "proxyauth", "pw", "redispass", "rootpass", "rsakey", "secretaccesskey",
    "seedphrase", "senha", "servicekey", "sessiontoken", "sharedaccesskey", "sharedaccesssignature",
    "signingkey", "smtppass", "sshpass", "storagekey", "storepass", "subscriptionkey", "userpass",
    "webhookkey", "xgoogapikey",
];

/// Words that say "secret" even at the end of a longer one: `dbpassword`, `githubtoken`.
#[rustfmt::skip]
pub(super) const SUFFIXES: &[&str] = &[
    "accesskey", "apikey", "authorization", "cookie", "cookies", "credential", "credentials",
    "csrf", "passphrase", "passwd", "password", "passwort", "privatekey", "pwd", "secret",
    "secretkey", "sessionid", "token",
];

/// Whole names, or parts of a name, that look sensitive and are not: the shell's previous directory, and the
/// vocabulary of language models.
#[rustfmt::skip]
pub(super) const BENIGN: &[&str] = &[
    "bostoken", "clstoken", "eostoken", "masktoken", "oldpwd", "padtoken", "padtokenid", "septoken",
    "specialtoken", "specialtokens", "tokenids", "unktoken",
];

/// Last words that make a name one *about* a secret: `password_count`, `token_type`, `AUTH_USER_MODEL`. Sorted.
#[rustfmt::skip]
pub(super) const BENIGN_TAILS: &[&str] = &[
    "age", "alg", "algorithm", "algorithms", "alphabet", "at", "attempt", "attempts", "backend",
    "backends", "bits", "budget", "charset", "checker", "class", "classes", "cls", "column",
    "columns", "cost", "count", "counter", "counts", "created", "date", "days", "dir", "directory",
    "disabled", "domain", "enabled", "encoder", "endpoint", "endpoints", "engine", "entropy",
    "error", "errors", "exception", "exceptions", "expiration", "expired", "expires", "expiry",
    "factory", "failure", "failures", "field", "fields", "form", "format", "formats", "forms",
    "generator", "handler", "handlers", "hasher", "hashers", "host", "hostname", "hours",
    "httponly", "idx", "index", "interval", "invalid", "iterations", "kind", "label", "labels",
    "len", "length", "lengths", "level", "levels", "lifetime", "limit", "limits", "locale", "maker",
    "manager", "match", "matched", "matches", "max", "method", "methods", "middleware", "min",
    "minutes", "mode", "model", "models", "modified", "ms", "name", "names", "offset", "optional",
    "page", "pages", "parser", "path", "paths", "pattern", "patterns", "policies", "policy", "port",
    "position", "provider", "providers", "regex", "required", "retries", "retry", "rounds", "rule",
    "rules", "samesite", "schema", "scope", "scopes", "seconds", "secs", "secure", "serializer",
    "server", "service", "size", "sizes", "status", "strategy", "strength", "suite", "suites",
    "table", "template", "templates", "time", "timeout", "timeouts", "timestamp", "tokenizer",
    "ttl", "type", "types", "unit", "updated", "usage", "valid", "validation", "validator",
    "validators", "validity", "verified", "version", "versions", "view", "views", "width", "zone",
];

/// First words that make `..._tokens` a number of tokens.
pub(super) const TOKEN_COUNTERS: [&str; 11] = [
    "average", "avg", "count", "max", "mean", "min", "n", "num", "number", "sum", "total",
];
