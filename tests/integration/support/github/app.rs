//! GitHub Apps: signed requests in, installation tokens out.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value, json};

use super::contract::PathValues;
use super::reply::Reply;
use super::state::{Token, World};

/// One App with one installation.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) id: u64,
    pub(crate) installation: u64,
    pub(crate) permissions: BTreeMap<String, String>,
    pub(crate) tokens_live: SignedDuration,
    pub(crate) minted: u64,
}

/// The key of every App: private as GitHub hands it out (PKCS#1), and public.
pub(crate) struct Keys {
    pub(crate) private: String,
    public: String,
}

pub(crate) fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let pair =
            rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).expect("RSA key");
        // PKCS#8 is PKCS#1 behind a header that has 26 bytes for a key of this size
        let pkcs1 = BASE64_STANDARD.encode(&pair.serialize_der()[26..]);
        let lines: Vec<_> = pkcs1.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        let private = format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n", lines.join("\n"));
        Keys { private, public: pair.public_key_pem() }
    })
}

impl App {
    /// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
    fn signed(&self, token: &str) -> bool {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_aud = false;
        let key = DecodingKey::from_rsa_pem(keys().public.as_bytes()).expect("public key");
        let Ok(signed) = decode::<Value>(token, &key, &validation) else { return false };
        let claim = |name: &str| signed.claims[name].as_i64().unwrap_or_default();
        // a number or a text; jsonwebtoken lets any number pass for any issuer
        let by_us = signed.claims["iss"].to_string().trim_matches('"') == self.id.to_string();
        // ten minutes, and one more for a clock that is set back as the documentation advises
        by_us && claim("exp") - claim("iat") <= 660 && claim("iat") <= Timestamp::now().as_second()
    }
}

/// `POST /app/installations/{installation_id}/access_tokens`
pub(crate) fn create_token(world: &mut World, path: &PathValues, bearer: Option<&str>, body: &Value) -> Reply {
    let Some(app) = world.app.as_mut().filter(|app| bearer.is_some_and(|token| app.signed(token))) else {
        return Reply::message(401, "A JSON web token could not be decoded");
    };
    if path["installation_id"] != app.installation.to_string() {
        return Reply::not_found();
    }
    let mut granted = app.permissions.clone();
    if let Some(wanted) = body["permissions"].as_object() {
        let has = |name: &str, level: &Value| granted.get(name).is_some_and(|given| given == level || given == "write");
        if !wanted.iter().all(|(name, level)| has(name, level)) {
            return Reply::message(422, "The permissions requested are not granted to this installation.");
        }
        granted.retain(|name, _| wanted.contains_key(name) || name == "metadata");
        for (name, level) in wanted {
            granted.insert(name.clone(), level.as_str().unwrap_or_default().to_owned());
        }
    }
    app.minted += 1;
    // the stateless form that is rolled out since April 2026: long, with dots
    let token = format!("ghs_{}_eyJhbGciOiJSUzI1NiJ9.{:0>360}.{:0>86}", app.id, app.minted, app.minted);
    let expires = Timestamp::now() + app.tokens_live;
    let known = Token {
        login: "trueup[bot]".to_owned(),
        permissions: granted.clone(),
        repositories: None,
        expires: Some(expires),
    };
    world.tokens.insert(token.clone(), known);
    let expires = expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    Reply::new(
        201,
        json!({ "token": token, "expires_at": expires, "permissions": granted, "repository_selection": "all" }),
    )
}
