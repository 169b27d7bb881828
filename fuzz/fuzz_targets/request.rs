//! Bytes as what a request says: its first line is the method and the address, those that follow are headers. Query, cursor, tags,
//! reason and token are read or refused with 400; a page's link asks for what the request asked for.
#![no_main]

use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use libfuzzer_sys::fuzz_target;
use mesh_steward_fuzz::engine::access::{jwt, keys};
use mesh_steward_fuzz::engine::audit;
use mesh_steward_fuzz::engine::event::envelope::clip;
use mesh_steward_fuzz::http::{call, matched, paged, query};

const KEYS: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut first = lines.next().unwrap_or_default().splitn(2, |byte| *byte == b' ');
    let (method, address) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let Ok(uri) = Uri::try_from(address) else { return };
    let mut headers = HeaderMap::new();
    for line in lines {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.trim_ascii())) {
            headers.append(name, value);
        }
    }
    let refused = |answer: Box<axum::response::Response>| assert_eq!(answer.status(), 400);
    match query::pairs(&uri) {
        Ok(pairs) => {
            match paged::limit(&pairs, 10) {
                Ok(limit) => assert!((1..=paged::LIMIT_MAX).contains(&limit)),
                Err(answer) => refused(answer),
            }
            pairs.word("state", &["open", "resolved"]).err().into_iter().for_each(refused);
            pairs.has("expand", "status");
            let after = pairs.last("after").unwrap_or("x");
            let answer = paged::answer(&uri, serde_json::Value::Null, Some(after));
            if let Some(link) = answer.headers().get("link").and_then(|link| link.to_str().ok()) {
                let next =
                    link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).expect("a link");
                // An address with `<` or `"` in it would end it early; who asked for it has only oneself to blame.
                if let Ok(next) = next.parse::<Uri>() {
                    assert_eq!(
                        query::pairs(&next).ok().and_then(|pairs| pairs.last("after").map(str::to_owned)).as_deref(),
                        Some(after),
                        "{link}"
                    );
                }
            }
            for filter in ["since", "until"] {
                pairs.last(filter).and_then(audit::moment);
            }
        }
        Err(answer) => refused(answer),
    }
    matched::expected(&headers).err().into_iter().for_each(refused);
    let named = String::from_utf8_lossy(method);
    audit::named(&named, uri.path());
    call::correlation(&headers, "w1", 0);
    let mut request = Request::new(());
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    let (parts, ()) = request.into_parts();
    let by = call::by(&parts);
    assert!(by.reason.is_none_or(|reason| reason == clip(&reason)));
    let token = parts
        .headers
        .get("authorization")
        .and_then(|said| said.to_str().ok())
        .and_then(|said| said.strip_prefix("Bearer "));
    let expected = jwt::Expected { issuer: "i".into(), audience: "a".into() };
    if let (Some(token), Ok(keys)) = (token, keys::read(KEYS.as_bytes())) {
        assert!(jwt::verified(token, &keys, &expected, 0).is_err(), "nobody has the key");
    }
});
