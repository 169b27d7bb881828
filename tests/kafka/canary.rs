//! Secrets and people's data, planted wherever the daemon meets such: none leaves it but into the quarantine.

use crate::broker::records::Record;
use crate::broker::shared;
use crate::mesh::Mesh;
use crate::worker::pause;
use mesh_steward::clock::now_ms;
use mesh_steward::http::routes;
use mesh_steward::page;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// Every canary has it; what stands before it says where it was planted.
const CANARY: &str = "CANARY-7";

/// In passwords and tokens of the configuration, one each.
const SECRETS: &str = "registry: {url: 'http://127.0.0.1:1', basic.auth.user.info: 'steward:REGISTRY-CANARY-7'}\n\
    connect: {url: 'http://127.0.0.1:1', bearer.auth.token: CONNECT-CANARY-7}\n\
    ksqldb: {url: 'http://127.0.0.1:1', basic.auth.user.info: 'steward:KSQLDB-CANARY-7'}\n\
    openlineage: {url: 'http://127.0.0.1:1', bearer.auth.token: OPENLINEAGE-CANARY-7}\n\
    privacy.hash.key: HASH-KEY-CANARY-7\n\
    kafka: {sasl.password: SASL-CANARY-7, ssl.key.password: KEY-CANARY-7}\n\
    access.file: logins.yaml\nhttp.requests.per.second: 0\nlog.level: debug\nlineage: {interval: 1s, headers: true, content: true}";

/// `token-of-admin`.
const LOGINS: &str = "logins: [{name: admin, sha256: SHA256, roles: [admin]}]\n";

#[test]
fn no_canary_leaves_but_into_the_quarantine() {
    let mesh = Mesh::new(shared(), "canary", 2, SECRETS);
    let enforce = "customProperties: [{property: steward.mode, value: enforce}]";
    let contract = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: canary-contract\nname: canary\nversion: 1.0.0\nstatus: active\ndomain: shop\n\
         schema:\n- name: orders\n  physicalName: {}\n  physicalType: topic\n  properties:\n\
         \x20 - {{name: ssn, logicalType: string, classification: restricted, unique: true, quality: [{{id: ssn-known, metric: invalidValues, arguments: {{pattern: '^[0-9-]+$'}}, mustBe: 0, {enforce}}}]}}\n\
         \x20 - {{name: email, logicalType: string, tags: [pii], quality: [{{id: email-known, metric: invalidValues, arguments: {{validValues: [a]}}, mustBe: 0, {enforce}}}]}}\n\
         \x20 - {{name: note, logicalType: string, quality: [{{id: note-known, metric: invalidValues, arguments: {{validValues: [a]}}, mustBe: 0, {enforce}}}]}}\n\
         \x20 - {{name: amount, logicalType: number, required: true}}\n",
        mesh.topic
    );
    std::fs::write(mesh.folder().join("contracts/orders.odcs.yaml"), contract).expect("the contract");
    let hash = ring::digest::digest(&ring::digest::SHA256, b"token-of-admin");
    let hash = hash.as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    std::fs::write(mesh.folder().join("logins.yaml"), LOGINS.replace("SHA256", &hash)).expect("the logins");

    // Windows of 5 s: those of a minute ago close as soon as they are read.
    let start_ms = now_ms() - 60_000;
    let record = |n: usize| {
        let value = match n % 5 {
            0 => "{\"ssn\": \"UNREADABLE-CANARY-7".to_owned(),
            1 => "{\"ssn\":\"SSN-CANARY-7\",\"email\":\"EMAIL-CANARY-7@example.com\",\"note\":\"NOTE-CANARY-7\",\"amount\":\"AMOUNT-CANARY-7\"}".to_owned(),
            _ => format!("{{\"ssn\":\"SSN-CANARY-7-{n}\",\"email\":\"a\",\"note\":\"a\",\"amount\":{n},\"other\":\"OTHER-CANARY-7\"}}"),
        };
        Record {
            partition: (n % 2) as i32,
            timestamp_ms: start_ms + 200 * n as i64,
            key: Some(format!("KEY-CANARY-7-{n}").into_bytes()),
            value: Some(value.into_bytes()),
            headers: vec![("authorization", Some(b"HEADER-CANARY-7".to_vec()))],
        }
    };
    mesh.broker.writer(&mesh.topic).write(&(0..250).map(record).collect::<Vec<_>>());
    let worker = mesh.worker("a").ready();
    let began = Instant::now();
    let committed = || mesh.broker.lag(&mesh.group, &mesh.topic) == 0;
    let closed =
        || mesh.broker.read(&mesh.events).iter().any(|event| format!("{:?}", event.headers).contains("quality.window"));
    while !(committed() && closed()) {
        assert!(began.elapsed() < Duration::from_secs(60), "no window closed: {}", worker.log());
        pause(200);
    }

    // Wrong logins of every kind, and canaries in addresses: neither is told again.
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let ask = |path: &str, login: &str, accept: &str| {
        let request = agent.get(format!("http://{}{path}", worker.address())).header("Authorization", login);
        let mut answer = request.header("Accept", accept).call().expect("an answer");
        let head = format!("{:?}", answer.headers());
        (answer.status().as_u16(), head + &answer.body_mut().read_to_string().unwrap_or_default())
    };
    let mut places: Vec<(String, String)> = Vec::new();
    for login in
        ["Bearer TOKEN-CANARY-7", "Bearer a.JWT-CANARY-7.b", "Basic dXNlcjpQQVNTV09SRC1DQU5BUlktNw==", "LOGIN-CANARY-7"]
    {
        let (status, answer) = ask("/products", login, "*/*");
        assert_eq!(status, 401, "{login}");
        places.push((format!("the answer to {login}"), answer));
    }
    let good = "Bearer token-of-admin";
    let rows = routes::table().into_iter().chain(page::routes::table()).filter(|row| row.method == "GET");
    let paths: BTreeSet<&str> = rows.map(|row| row.path).collect();
    let mut shown = 0;
    for path in paths {
        let path = path.replace("{domain}", "shop").replace("{id}", "canary-contract").replace("{namespace}", "none");
        for path in [path.replace("{name}", "canary"), path.replace("{name}", "none") + "?q=a"] {
            for accept in ["application/json", "text/html"] {
                let (status, answer) = ask(&path, good, accept);
                shown += usize::from(status == 200);
                places.push((format!("{path} as {accept}: {status}"), answer));
            }
        }
    }
    assert!(shown > 40, "only {shown} were shown");
    let metrics = ask("/metrics", good, "*/*").1;
    assert!(metrics.contains("steward_product_violations_total"), "{metrics}");
    for topic in ["events", "audit", "catalog", "deltas", "lineage", "state", "workers"] {
        let topic = if topic == "events" { mesh.events.clone() } else { format!("_canary.{topic}") };
        for record in mesh.broker.read(&topic) {
            let bytes = [record.key.unwrap_or_default(), record.value.unwrap_or_default()].concat();
            places
                .push((topic.clone(), String::from_utf8_lossy(&bytes).into_owned() + &format!("{:?}", record.headers)));
        }
    }
    places.push(("the log".into(), worker.log()));
    let hits: BTreeSet<String> = places
        .iter()
        .filter_map(|(place, text)| {
            let at = text.find(CANARY)?;
            let around =
                text.floor_char_boundary(at.saturating_sub(60))..text.ceil_char_boundary((at + 20).min(text.len()));
            Some(format!("{place}: …{}", &text[around]))
        })
        .collect();
    assert!(hits.is_empty(), "{hits:#?}");
    // They were there to be found: the quarantine holds originals.
    let copies = mesh.broker.read(&format!("{}.quarantine", mesh.topic));
    for planted in ["SSN-CANARY-7", "EMAIL-CANARY-7", "NOTE-CANARY-7", "UNREADABLE-CANARY-7"] {
        let holds = |value: &[u8]| String::from_utf8_lossy(value).contains(planted);
        assert!(copies.iter().any(|copy| copy.value.as_deref().is_some_and(holds)), "{planted}");
    }
}
