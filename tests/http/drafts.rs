//! Drafts by REST: inferred, edited with what lint finds, tried, published. A stand-in answers as the worker does.

use crate::publish::{contract, decided, prepare, send};
use crate::served::Served;
use mesh_steward::catalog::board::Board;
use mesh_steward::catalog::directory::{NO_CONTRACT, TopicFacts};
use mesh_steward::catalog::experiment::{Experiment, Failure, Inferred, Tried};
use mesh_steward::catalog::sampling::Progress;
use mesh_steward::engine::contract::odcs;
use mesh_steward::engine::infer::draft;
use mesh_steward::engine::infer::gather::Gathered;
use mesh_steward::engine::published::draft::Sample;
use mesh_steward::engine::trial::report::{self, Origin};
use mesh_steward::engine::trial::run::Trial;
use mesh_steward::kafka::history::Bound;
use serde_json::{Value, json};

const RECORDS: [&str; 2] = ["{\"id\": \"a\", \"amount\": 1}", "{\"id\": \"b\"}"];

/// What the worker would find in a topic of two records; `shop.empty` has none.
pub fn found(experiment: Experiment) {
    match experiment {
        Experiment::Infer { extent, done, .. } if extent.topic == "shop.empty" => {
            let _ = done.send(Err(Failure::Unfit("the topic shop.empty holds no record now".into())));
        }
        Experiment::Infer { extent, domain, name, done } => {
            assert_eq!((extent.records, extent.time.as_secs()), (50, 10));
            let mut gathered = Gathered::default();
            RECORDS.iter().for_each(|record| gathered.line(record.as_bytes()));
            let name = name.as_deref().unwrap_or(&extent.topic);
            let contract = draft::yaml(&gathered, name, domain.as_deref(), &extent.topic, "the topic");
            let sample = Sample { read: 2, ..Sample::default() };
            done.send(Ok(Inferred { contract, sample })).unwrap();
        }
        Experiment::Trial { extent, contract, schema, done } => {
            assert_eq!((&*extent.topic, extent.from), ("shop.carts", Some(Bound::Offset(0))));
            let contract = odcs::parse(&contract).contract.unwrap();
            let mut trial = Trial::of_json(&contract, schema.as_deref(), 0).unwrap();
            RECORDS.iter().zip(1..).for_each(|(record, line)| trial.line(line, record.as_bytes()));
            let progress = Progress { done: 2, all: 5, records: 2 };
            done.send(Ok(Tried { report: report::of(&trial, "odcs", Origin::Topic), progress })).unwrap();
        }
    }
}

fn with_topics(board: &Board) {
    prepare(board);
    let of =
        |partitions, ungoverned: Option<&str>| TopicFacts { partitions, ungoverned: ungoverned.map(str::to_owned) };
    let facts =
        [("shop.carts", of(3, Some(NO_CONTRACT))), ("shop.empty", of(1, None)), ("secret", of(1, Some("excluded")))];
    board.set_topics(facts.map(|(topic, facts)| (topic.to_owned(), facts)).into());
}

#[test]
fn a_topic_becomes_a_draft_and_the_draft_a_product() {
    let served = Served::start(with_topics);
    decided(&served, || {
        let asked = json!({"topic": "shop.carts", "domain": "shop", "name": "carts", "records": 50}).to_string();
        let begun = send(&served, "POST", "/drafts", "", &asked);
        assert_eq!((begun.status, begun.body["revision"].as_u64()), (201, Some(1)), "{:#}", begun.body);
        let place = begun.header("location").unwrap().to_owned();
        assert_eq!(place, format!("/drafts/{}", begun.body["id"].as_str().unwrap()));
        let said = |key: &str| begun.body[key].clone();
        assert_eq!(
            (said("product"), said("topic"), said("valid")),
            (json!("shop/carts"), json!("shop.carts"), json!(true))
        );
        assert_eq!(said("sample"), json!({"read": 2, "tombstones": 0, "undecodable": 0}));

        let tried = send(&served, "POST", &format!("{place}/trial"), "", "{\"from\": 0}");
        assert_eq!(
            (tried.status, &tried.body["verdict"], &tried.body["complete"]),
            (200, &json!("pass"), &json!(false))
        );
        assert_eq!(
            (&tried.body["offsets"], &tried.body["topic"]),
            (&json!({"read": 2, "of": 5}), &json!("shop.carts"))
        );

        let bad = contract("1.0.0", "        logicalTypo: string\n");
        let edited = send(&served, "PUT", &place, "", &bad);
        assert_eq!((edited.status, &edited.body["valid"], &edited.body["revision"]), (200, &json!(false), &json!(2)));
        assert_eq!(edited.body["problems"][0]["line"], 14, "{:#}", edited.body);
        let listed = send(&served, "GET", "/drafts", "", "");
        assert_eq!((listed.body.as_array().unwrap().len(), &listed.body[0]["contract"]), (1, &Value::Null));
        let refused = send(&served, "POST", &format!("{place}/publish"), "", "");
        assert_eq!(
            (refused.status, refused.body["problems"][0]["line"].as_u64()),
            (422, Some(14)),
            "{:#}",
            refused.body
        );

        let strict = contract("1.0.0", "      - name: amount\n        required: true\n");
        let held = format!("If-Match: {}\r\n", begun.header("etag").unwrap());
        assert_eq!(send(&served, "PUT", &place, &held, &strict).status, 409, "it was edited meanwhile");
        assert_eq!(send(&served, "PUT", &place, "", &strict).status, 200);
        let tried = send(&served, "POST", &format!("{place}/trial"), "", "{\"from\": 0}");
        assert_eq!(tried.body["verdict"], "fail", "{:#}", tried.body);

        let made = send(&served, "POST", &format!("{place}/publish?reason=ready"), "", "");
        assert_eq!((made.status, made.header("location")), (201, Some("/products/shop/carts")), "{:#}", made.body);
        assert_eq!(send(&served, "GET", &place, "", "").status, 404, "it is published, and no draft any more");

        let change = send(&served, "POST", "/drafts", "", "{\"product\": \"shop/carts\"}");
        assert_eq!((change.status, &change.body["contract"]), (201, &json!(strict)), "{:#}", change.body);
        let place = change.header("location").unwrap();
        assert_eq!(send(&served, "PUT", place, "", &strict.replace("1.0.0", "1.1.0")).status, 200);
        let made = send(&served, "POST", &format!("{place}/publish"), "", "");
        assert_eq!((made.status, &made.body["revision"]), (200, &json!(2)), "{:#}", made.body);
        let gone = send(&served, "POST", "/drafts", "", "{\"contract\": \"a: 1\"}");
        assert_eq!((gone.status, &gone.body["valid"]), (201, &json!(false)));
        assert_eq!(send(&served, "DELETE", gone.header("location").unwrap(), "", "").status, 204);

        let mut noted = Vec::new();
        while let Ok(line) = served.lines.lock().unwrap().try_recv() {
            noted.push(format!("{} {}", line.action, line.status));
        }
        let expected = ["draft.trial 200", "draft.publish 422", "draft.edit 409", "draft.trial 200"];
        assert_eq!(noted, expected, "what changed something is noted by whoever changes it");
    });
    served.stop();
}

#[test]
fn what_is_no_draft_is_refused_with_what_to_send() {
    let served = Served::start(with_topics);
    decided(&served, || {
        for (call, body, status, words) in [
            ("POST /drafts", "", 400, "\"topic\": \"shop.orders\""),
            ("POST /drafts", "{}", 400, "neither topic, product, use case nor contract"),
            ("POST /drafts", "{\"topics\": 1}", 400, "unknown field"),
            ("POST /drafts", "{\"topic\": \"none\"}", 404, "GET /topics"),
            ("POST /drafts", "{\"topic\": \"secret\"}", 422, "excluded"),
            ("POST /drafts", "{\"topic\": \"shop.empty\"}", 422, "no record now"),
            ("POST /drafts", "{\"topic\": \"shop.carts\", \"records\": 0}", 400, "1000000 is the most"),
            ("POST /drafts", "{\"topic\": \"shop.carts\", \"seconds\": 31}", 400, "30 is the most"),
            ("POST /drafts", "{\"product\": \"sales/orders\"}", 404, "lives in a file"),
            ("GET /drafts/x", "", 404, "POST /drafts"),
            ("PUT /drafts/x", "a: 1", 404, "no draft x"),
            ("DELETE /drafts/x", "", 404, "no draft x"),
            ("POST /drafts/x/trial", "", 404, "no draft x"),
            ("POST /drafts/x/publish", "", 404, "no draft x"),
            ("GET /drafts?limit=many", "", 400, "no number"),
        ] {
            let (method, path) = call.split_once(' ').unwrap();
            let answer = send(&served, method, path, "", body);
            let said = answer.body["message"].as_str().unwrap_or_default().to_owned();
            assert_eq!((answer.status, said.contains(words)), (status, true), "{call} {body}: {:#}", answer.body);
        }
    });
    served.stop();
}

#[test]
fn a_contract_is_checked_while_it_is_written_and_nothing_is_noted() {
    let served = Served::start(prepare);
    let check = |body: &str, valid: bool, line: Option<u64>| {
        let answer = send(&served, "POST", "/lint", "", body);
        assert_eq!((answer.status, &answer.body["valid"]), (200, &json!(valid)), "{:#}", answer.body);
        let problems = answer.body["problems"].as_array().unwrap();
        let errors: Vec<_> = problems.iter().filter(|problem| problem["severity"] == "error").collect();
        assert_eq!(errors.first().and_then(|problem| problem["line"].as_u64()), line, "{:#}", answer.body);
    };
    check(&contract("1.0.0", ""), true, None);
    check(&contract("1.0.0", "        logicalTypo: string\n"), false, Some(14));
    check("", false, None);
    check(": [", false, Some(1));
    assert!(served.lines.lock().unwrap().try_recv().is_err(), "a question is no change");
    served.stop();
}
