//! Who gets in: every route and role, logins of each kind, what those are told who do not, and what one client may at most.

use crate::operators::prepare;
use crate::served::{Idle, Served};
use argon2::password_hash::PasswordHasher;
use argon2::{Argon2, Params};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use mesh_steward::config::access::{Access, Jwks, Oidc};
use mesh_steward::engine::access::jwt::Expected;
use mesh_steward::engine::access::logins::Logins;
use mesh_steward::http::access::provider::Provider;
use mesh_steward::http::access::{Gate, Rules};
use mesh_steward::http::routes;
use mesh_steward::page;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Nobody, a viewer, a publisher of `hr`, one of `sales`, an admin; all ask about the domain `sales`. `+`: let through, `?`: 401, `-`: 403.
const MATRIX: &[(&str, &str, &str)] = &[
    ("GET", "/", "?++++"),
    ("GET", "/live", "+++++"),
    ("GET", "/ready", "+++++"),
    ("GET", "/health", "?++++"),
    ("GET", "/metrics", "?++++"),
    ("GET", "/products", "?++++"),
    ("POST", "/products", "?-+++"),
    ("GET", "/products/{domain}/{name}", "?++++"),
    ("PUT", "/products/{domain}/{name}", "?--++"),
    ("GET", "/products/{domain}/{name}/odps", "?++++"),
    ("DELETE", "/products/{domain}/{name}", "?--++"),
    ("PUT", "/products/{domain}/{name}/lifecycle", "?--++"),
    ("GET", "/products/{domain}/{name}/status", "?++++"),
    ("GET", "/products/{domain}/{name}/contract", "?++++"),
    ("PUT", "/products/{domain}/{name}/contract", "?--++"),
    ("GET", "/products/{domain}/{name}/profile", "?++++"),
    ("GET", "/products/{domain}/{name}/incidents", "?++++"),
    ("GET", "/products/{domain}/{name}/offsets", "?++++"),
    ("PUT", "/products/{domain}/{name}/pause", "?--++"),
    ("PUT", "/products/{domain}/{name}/resume", "?--++"),
    ("POST", "/products/{domain}/{name}/restart", "?--++"),
    ("GET", "/products/{domain}/{name}/lineage", "?++++"),
    ("GET", "/products/{domain}/{name}/impact", "?++++"),
    ("GET", "/openapi.json", "?++++"),
    ("GET", "/lineage", "?++++"),
    ("GET", "/contracts", "?++++"),
    ("GET", "/contracts/{id}", "?++++"),
    ("POST", "/lint", "?++++"),
    ("GET", "/topics", "?++++"),
    ("GET", "/topics/{name}", "?++++"),
    ("GET", "/domains", "?++++"),
    ("GET", "/domains/{domain}", "?++++"),
    ("GET", "/policies", "?++++"),
    ("GET", "/policies/{id}", "?++++"),
    ("GET", "/incidents", "?++++"),
    ("GET", "/workers", "?++++"),
    ("GET", "/search", "?++++"),
    ("GET", "/audit", "?++++"),
    ("GET", "/products/{domain}/{name}/edit", "?++++"),
    ("POST", "/products/{domain}/{name}/edit", "?--++"),
    ("GET", "/products/{domain}/{name}/withdraw", "?++++"),
    ("POST", "/products/{domain}/{name}/withdraw", "?--++"),
    ("GET", "/incidents/{id}", "?++++"),
    ("GET", "/create", "?++++"),
    ("POST", "/create", "?-+++"),
    ("GET", "/use-cases", "?++++"),
    ("POST", "/use-cases", "?---+"),
    ("GET", "/use-cases/{domain}/{name}", "?++++"),
    ("PUT", "/use-cases/{domain}/{name}", "?---+"),
    ("DELETE", "/use-cases/{domain}/{name}", "?---+"),
    ("POST", "/use-cases/{domain}/{name}", "?--++"),
    ("POST", "/use-cases/{domain}/{name}/execute", "?--++"),
    ("POST", "/use-cases/{domain}/{name}/stop", "?--++"),
    ("GET", "/drafts", "?-+++"),
    ("POST", "/drafts", "?-+++"),
    ("GET", "/drafts/{id}", "?-+++"),
    ("PUT", "/drafts/{id}", "?-+++"),
    ("DELETE", "/drafts/{id}", "?-+++"),
    ("POST", "/drafts/{id}", "?-+++"),
    ("POST", "/drafts/{id}/trial", "?-+++"),
    ("POST", "/drafts/{id}/publish", "?-+++"),
    ("GET", "/admin/loggers", "?---+"),
    ("GET", "/admin/loggers/{name}", "?---+"),
    ("PUT", "/admin/loggers/{name}", "?---+"),
    ("POST", "/admin/reload", "?---+"),
    ("GET", "/api/v1/lineage", "?++++"),
    ("POST", "/api/v1/lineage", "?-+++"),
    ("POST", "/api/v1/lineage/batch", "?-+++"),
    ("GET", "/api/v1/column-lineage", "?++++"),
    ("GET", "/api/v1/events/lineage", "?++++"),
    ("GET", "/api/v1/search", "?++++"),
    ("GET", "/api/v1/namespaces", "?++++"),
    ("GET", "/api/v1/namespaces/{namespace}", "?++++"),
    ("GET", "/api/v1/namespaces/{namespace}/datasets", "?++++"),
    ("GET", "/api/v1/namespaces/{namespace}/datasets/{name}", "?++++"),
    ("GET", "/api/v1/namespaces/{namespace}/datasets/{name}/versions", "?++++"),
    ("GET", "/api/v1/namespaces/{namespace}/jobs", "?++++"),
    ("GET", "/api/v1/namespaces/{namespace}/jobs/{name}", "?++++"),
    ("GET", "/api/v1/namespaces/{namespace}/jobs/{name}/runs", "?++++"),
    ("POST", "/api/v1/namespaces/{namespace}/jobs/{name}/runs", "?-+++"),
    ("GET", "/api/v1/namespaces/{namespace}/jobs/{name}/versions", "?++++"),
    ("GET", "/api/v1/jobs", "?++++"),
    ("GET", "/api/v1/jobs/runs/{id}", "?++++"),
    ("GET", "/api/v1/jobs/runs/{id}/facets", "?++++"),
    ("POST", "/api/v1/jobs/runs/{id}/start", "?-+++"),
    ("POST", "/api/v1/jobs/runs/{id}/complete", "?-+++"),
    ("POST", "/api/v1/jobs/runs/{id}/fail", "?-+++"),
    ("POST", "/api/v1/jobs/runs/{id}/abort", "?-+++"),
    ("GET", "/api/v1/stats/lineage-events", "?++++"),
    ("GET", "/api/v1/stats/jobs", "?++++"),
    ("GET", "/api/v1/stats/datasets", "?++++"),
    ("GET", "/api/v1/stats/sources", "?++++"),
    ("GET", "/api/v1/sources", "?++++"),
    ("GET", "/api/v1/tags", "?++++"),
];

const ROLES: [(&str, &str); 5] =
    [("", ""), ("viewer", "viewer"), ("hr", "publisher:hr"), ("sales", "publisher:sales"), ("admin", "admin")];

fn token(name: &str) -> String {
    format!("steward_token-of-{name}")
}

/// A login by token for each role, and Anna, who has a password.
fn logins() -> Logins {
    let mut text = String::from("logins:\n");
    for (name, role) in &ROLES[1..] {
        let hash: String = Sha256::digest(token(name)).iter().map(|byte| format!("{byte:02x}")).collect();
        text += &format!("- {{name: {name}, sha256: {hash}, roles: ['{role}']}}\n");
    }
    // With the least of memory that there may be.
    let argon2 = Argon2::new(Default::default(), Default::default(), Params::new(8, 1, 1, None).unwrap());
    let hash = argon2.hash_password_with_salt(b"correct horse battery", b"saltsalt").unwrap().to_string();
    text += &format!("- {{name: anna, argon2: '{hash}', roles: [viewer]}}\n");
    text += "groups: {sales-team: ['publisher:sales'], platform: [admin]}\n";
    Logins::read(&text).unwrap()
}

fn gate(access: Access) -> Arc<Gate> {
    let provider = access.oidc.as_ref().map(|oidc| Arc::new(Provider::of(oidc).unwrap()));
    let access = Access { required: true, logins: logins(), ..access };
    Arc::new(Gate::new(Rules { access, provider, tls: None, requests_per_second: 0 }))
}

fn guarded(access: Access) -> Served {
    Idle { gate: gate(access), ..Served::idle() }.run(|_| {})
}

/// Status and head of a request with these headers.
fn ask(served: &Served, method: &str, path: &str, headers: &str) -> (u16, String) {
    let answer = served.raw(&format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n"
    ));
    let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default();
    (status, answer)
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

fn basic(name: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{name}:{password}")))
}

#[test]
fn every_route_lets_through_whom_its_row_lets_through_and_nobody_else() {
    let served = guarded(Access::default());
    let rows = routes::table().into_iter().map(|row| (row, "application/json"));
    let rows: Vec<_> = rows.chain(page::routes::table().into_iter().map(|row| (row, "text/html"))).collect();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (row, accept) in &rows {
        let Some((.., expected)) = MATRIX.iter().find(|(method, path, _)| *method == row.method && *path == row.path)
        else {
            wrong.push(format!("{} {} is not in MATRIX: say who may", row.method, row.path));
            continue;
        };
        seen.insert((row.method.as_str(), row.path));
        let path = row.path.replace("{domain}", "sales").replace("{name}", "none").replace("{id}", "none");
        let path = path.replace("{namespace}", "none");
        let found: String = ROLES
            .iter()
            .map(|(name, role)| {
                let login = if role.is_empty() { String::new() } else { bearer(&token(name)) };
                let headers = format!("Accept: {accept}\r\n{login}");
                let status = match (*accept, row.method.as_str()) {
                    ("text/html", "POST") => form(&served, &path, &headers, COOKIE, &signed()),
                    (_, method) => ask(&served, method, &path, &headers).0,
                };
                match status {
                    401 => '?',
                    403 => '-',
                    _ => '+',
                }
            })
            .collect();
        if found != *expected {
            wrong.push(format!("{} {} {accept}: {found}, and {expected} is right", row.method, row.path));
        }
    }
    wrong.extend(
        MATRIX
            .iter()
            .filter(|(method, path, _)| !seen.contains(&(*method, *path)))
            .map(|(method, path, _)| format!("{method} {path} is in MATRIX and no route")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A cookie of a form's browser, and a field that was made of it.
pub const COOKIE: &str = "steward-form=0123456789abcdef0123456789abcdef";

pub fn signed() -> String {
    let salt = "f".repeat(32);
    let hash = Sha256::new().chain_update("steward form").chain_update(&salt).chain_update(&COOKIE[13..]).finalize();
    format!("token={salt}.{}", hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// The status of a form that is sent with this cookie.
fn form(served: &Served, path: &str, headers: &str, cookie: &str, body: &str) -> u16 {
    let answer = served.raw(&format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\nCookie: {cookie}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n{headers}\r\n{body}",
        body.len()
    ));
    answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default()
}

#[test]
fn a_form_is_taken_from_the_browser_that_it_was_given_to_and_from_no_other() {
    let served = Served::start(prepare);
    let forms = page::routes::table().into_iter().filter(|row| row.method == "POST");
    let paths: Vec<String> = forms
        .map(|row| row.path.replace("{domain}", "sales").replace("{name}", "orders").replace("{id}", "none"))
        .collect();
    assert!(paths.len() >= 4, "{paths:?}");
    let (good, other) = (signed(), COOKIE.replace("0123", "3210"));
    for path in &paths {
        let check = |cookie: &str, body: &str, taken: bool| {
            let status = form(&served, path, "Accept: text/html\r\n", cookie, body);
            assert_eq!(status != 403, taken, "{path} {cookie} {body}: {status}");
        };
        check(COOKIE, &good, true);
        check(&format!("theme=dark; {COOKIE}"), &format!("name=x&{good}"), true);
        check(COOKIE, "", false);
        check(COOKIE, "token=", false);
        check(COOKIE, &good[..good.len() - 1], false);
        check(COOKIE, &format!("token={}", &COOKIE[13..]), false);
        check("theme=dark", &good, false);
        check(&other, &good, false);
        check("steward-form=", "token=.", false);
    }
    let metrics = served.get("/metrics").body;
    assert!(metrics.contains("steward_http_refused_total{reason=\"form\"}"), "{metrics}");
}

/// A browser without script: it takes the cookie with the page, and sends what stands in the form.
#[test]
fn the_page_gives_what_its_form_must_say_and_gives_it_once() {
    let served = Served::start(prepare);
    let page = served.ask_for("/create", "text/html");
    let set = page.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap().trim_end();
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{set}");
    let cookie = set.split(';').next().unwrap();
    let token = page.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let body = format!("token={token}&topic=none");
    assert_ne!(form(&served, "/create", "Accept: text/html\r\n", cookie, &body), 403);
    let again = served.raw(&format!(
        "GET /create HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: text/html\r\nCookie: {cookie}\r\n\r\n"
    ));
    assert!(!again.contains("set-cookie") && !again.contains(token), "another token of the same cookie");
}

#[test]
fn every_form_that_is_written_in_a_page_carries_its_token() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src/page");
    let mut forms = 0;
    for entry in std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        let text = std::fs::read_to_string(&entry).unwrap_or_default();
        for rest in text.split("method=\"post\"").skip(1).filter(|_| entry.extension().is_some_and(|e| e == "rs")) {
            let first = rest.split_once('{').and_then(|_| rest.lines().nth(1)).unwrap_or_default().trim();
            assert!(first.starts_with("(token::field("), "{}: {first}", entry.display());
            forms += 1;
        }
    }
    assert!(forms >= 5, "{forms}");
}

/// A handler that is routed beside the tables would stand outside the door.
#[test]
fn no_route_is_made_beside_the_tables() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let mut beside = Vec::new();
    let mut folders = vec![format!("{root}/http").into(), std::path::PathBuf::from(format!("{root}/page"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|kind| kind == "rs") && !entry.ends_with("http/routes.rs") {
                let text = std::fs::read_to_string(&entry).unwrap();
                let calls = [".route(", ".nest(", ".route_service(", ".nest_service("];
                beside.extend(calls.iter().filter(|call| text.contains(**call)).map(|_| entry.display().to_string()));
            }
        }
    }
    assert_eq!(beside, [""; 0]);
}

#[test]
fn who_is_not_known_is_told_how_to_be_and_who_may_not_which_role_is_lacking() {
    let served = guarded(Access::default());
    let (status, answer) = ask(&served, "GET", "/products", "");
    assert_eq!(status, 401);
    assert!(answer.contains("www-authenticate: Bearer realm=\"steward\"\r\n"), "{answer}");
    assert!(answer.contains("www-authenticate: Basic realm=\"steward\", charset=\"UTF-8\""), "{answer}");
    assert!(answer.contains("\"error_code\":401") && answer.contains("application/problem+json"), "{answer}");
    let (status, answer) = ask(&served, "GET", "/products", &bearer("steward_wrong"));
    assert!(
        status == 401 && answer.contains("error=\"invalid_token\"") && !answer.contains("steward_wrong"),
        "{answer}"
    );
    let (status, answer) = ask(&served, "PUT", "/products/sales/orders/pause", &bearer(&token("hr")));
    assert_eq!(status, 403);
    assert!(answer.contains("this takes the role publisher:sales, and hr has publisher:hr"), "{answer}");
}

#[test]
fn each_way_to_log_in_is_taken_and_what_is_near_it_is_not() {
    let served = guarded(Access::default());
    let check = |headers: String, expected: u16| {
        assert_eq!(ask(&served, "GET", "/products", &headers).0, expected, "{headers}");
    };
    check(bearer(&token("viewer")), 200);
    check(format!("Authorization: bearer   {}\r\n", token("viewer")), 200);
    check(basic("viewer", &token("viewer")), 200);
    check(basic("anna", "correct horse battery"), 200);
    check(basic("anna", "correct horse battery"), 200);
    check(basic("hr", &token("viewer")), 401);
    check(basic("anna", "correct horse batter"), 401);
    check(bearer("correct horse battery"), 401);
    check(format!("Authorization: {}\r\n", token("viewer")), 401);
    check("Authorization: Basic %%%\r\n".into(), 401);
}

#[test]
fn probes_are_open_and_say_no_more_than_they_must() {
    let check = |metrics_open: bool| {
        let served = Idle { gate: gate(Access { metrics_open, ..Access::default() }), ..Served::idle() }.run(prepare);
        assert_eq!(ask(&served, "GET", "/live", "").0, 200);
        let (status, answer) = ask(&served, "GET", "/ready", "");
        assert!(status == 200 && answer.ends_with("{\"ready\":true}"), "{answer}");
        let (status, answer) = ask(&served, "GET", "/ready", &bearer(&token("viewer")));
        assert!(status == 200 && answer.contains("\"findings\""), "{answer}");
        assert_eq!(ask(&served, "GET", "/ready", &bearer("wrong")).0, 200);
        assert_eq!(ask(&served, "GET", "/metrics", "").0, if metrics_open { 200 } else { 401 });
        assert_eq!(ask(&served, "GET", "/metrics", &basic("viewer", &token("viewer"))).0, 200);
    };
    check(false);
    check(true);
}

#[test]
fn a_client_that_keeps_failing_waits_and_a_right_token_does_not() {
    let served = guarded(Access::default());
    let tries: Vec<u16> =
        (0..12).map(|n| ask(&served, "GET", "/products", &basic("anna", &format!("guess {n}"))).0).collect();
    assert_eq!(tries, [401, 401, 401, 401, 401, 401, 401, 401, 401, 401, 429, 429]);
    assert_eq!(ask(&served, "GET", "/products", &basic("anna", "correct horse battery")).0, 429, "not looked at");
    assert_eq!(ask(&served, "GET", "/products", &bearer("x")).0, 429);
    assert_eq!(ask(&served, "GET", "/products", &bearer(&token("viewer"))).0, 200);
    let metrics = ask(&served, "GET", "/metrics", &bearer(&token("viewer"))).1;
    for reason in ["wrong_login", "often"] {
        assert!(metrics.contains(&format!("steward_http_refused_total{{reason=\"{reason}\"}}")), "{metrics}");
    }
}

#[test]
fn one_client_asks_no_more_than_its_rate() {
    let access = Access { required: true, logins: logins(), ..Access::default() };
    let rules = Rules { access, provider: None, tls: None, requests_per_second: 5 };
    let served = Idle { gate: Arc::new(Gate::new(rules)), ..Served::idle() }.run(|_| {});
    let answers: Vec<(u16, String)> = (0..40).map(|_| ask(&served, "GET", "/live", "")).collect();
    let refused: Vec<_> = answers.iter().filter(|(status, _)| *status == 429).collect();
    assert!(answers.iter().filter(|(status, _)| *status == 200).count() >= 10 && !refused.is_empty());
    assert!(refused[0].1.contains("retry-after: 1"), "{}", refused[0].1);
}

#[test]
fn a_contract_of_another_domain_is_not_published() {
    let served = Idle { gate: gate(Access::default()), ..Served::idle() }.run(|_| {});
    let contract = "apiVersion: v3.1.0\nkind: DataContract\nid: c\nversion: 1.0.0\nstatus: active\ndomain: sales\ndataProduct: orders\n\
                    schema: [{name: orders, physicalName: shop.orders}]\n";
    let post = |name: &str| {
        let request = format!(
            "POST /products HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n{}\r\n{contract}",
            contract.len(),
            bearer(&token(name))
        );
        served.raw(&request)
    };
    let answer = post("hr");
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("publisher:sales"), "{answer}");
    let answer = post("sales");
    assert!(answer.starts_with("HTTP/1.1 503"), "let through, and no broker: {answer}");
}

#[test]
fn every_answer_says_what_a_browser_may_do_with_it() {
    let served = Served::start(|_| {});
    for path in ["/products", "/live", "/none", "/metrics", "/"] {
        for accept in ["application/json", "text/html"] {
            let head = ask(&served, "GET", path, &format!("Accept: {accept}\r\n")).1.to_ascii_lowercase();
            let policy = head.lines().find(|line| line.starts_with("content-security-policy: ")).unwrap_or_default();
            assert!(
                policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
                "{path}: {head}"
            );
            assert!(!policy.contains("unsafe"), "{path}: {head}");
            // Under `no-referrer` a browser sends a page's own forms without its origin.
            let referrer = if path == "/" && accept == "text/html" { "same-origin" } else { "no-referrer" };
            let referrer = format!("referrer-policy: {referrer}");
            for header in ["x-content-type-options: nosniff", "x-frame-options: deny", &referrer] {
                assert!(head.contains(header), "{path}: {header}: {head}");
            }
            assert!(head.matches("content-security-policy").count() == 1, "{head}");
        }
    }
}

#[test]
fn a_providers_tokens_are_taken_and_their_groups_are_roles() {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    std::fs::write(&path, json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": x}]}).to_string()).unwrap();
    let oidc = Oidc {
        expected: Expected { issuer: "https://idp".into(), audience: "steward".into() },
        jwks: Jwks::File(path),
        groups_claim: "realm_access.roles".into(),
        subject_claim: "email".into(),
    };
    let served = guarded(Access { oidc: Some(oidc), ..Access::default() });
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = |groups: &[&str], audience: &str| {
        let exp = mesh_steward::clock::now_ms() / 1000 + 60;
        let claims = json!({"iss": "https://idp", "aud": audience, "email": "anna@example.com", "exp": exp, "realm_access": {"roles": groups}});
        let message = format!("{}.{}", part(json!({"alg": "EdDSA", "kid": "k"})), part(claims));
        bearer(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(pair.sign(message.as_bytes()))))
    };
    let check = |login: &str, method: &str, path: &str, expected: u16| {
        let (status, answer) = ask(&served, method, path, login);
        assert_eq!(status, expected, "{method} {path}: {answer}");
        answer
    };
    let sales = signed(&["sales-team", "others"], "steward");
    check(&sales, "GET", "/products", 200);
    check(&sales, "PUT", "/products/sales/none/pause", 404);
    let refused = check(&sales, "PUT", "/products/hr/none/pause", 403);
    assert!(refused.contains("anna@example.com has publisher:sales"), "{refused}");
    check(&signed(&["platform"], "steward"), "GET", "/admin/loggers", 200);
    check(&signed(&["admin", "viewer"], "steward"), "GET", "/products", 403);
    let other = check(&signed(&["platform"], "grafana"), "GET", "/products", 401);
    assert!(other.contains("another audience (aud)"), "{other}");
}
