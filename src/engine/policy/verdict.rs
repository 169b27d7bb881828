//! Policies asked of contracts and products.

use crate::engine::contract::mode::Mode;
use crate::engine::decode::fields::{Fields, Place};
use crate::engine::decode::json;
use crate::engine::decode::names::Names;
use crate::engine::decode::tree::Tree;
use crate::engine::expr::eval::{Context, Outcome, run};
use crate::engine::expr::value::Val;
use crate::engine::policy::rule::{About, Policy};
use serde_json::Value;
use std::sync::Arc;

/// Policies, ready to be asked.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    pub all: Vec<Policy>,
    fields: Arc<Fields>,
}

/// What a policy says of one contract or product.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Pass,
    /// What is wrong, in words of its own where it has any.
    Fail(String),
    /// Its guard does not hold.
    Skip,
    /// It could not be answered, and why: nothing shows that it holds.
    Unknown(String),
}

/// Of a list that a policy answers with, so many items are named.
const NAMED_MAX: usize = 20;

impl Verdict {
    /// As rules have it.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail(_) => "fail",
            Verdict::Skip => "skip",
            Verdict::Unknown(_) => "unknown",
        }
    }

    /// What it says beside its word.
    pub fn reason(&self) -> &str {
        match self {
            Verdict::Fail(reason) | Verdict::Unknown(reason) => reason,
            Verdict::Pass | Verdict::Skip => "",
        }
    }

    /// What an enforced policy refuses: that it holds was not shown.
    pub fn is_against(&self) -> bool {
        matches!(self, Verdict::Fail(_) | Verdict::Unknown(_))
    }
}

impl Policies {
    pub fn new(all: Vec<Policy>) -> Policies {
        let fields = Arc::new(Fields::of(all.iter().flat_map(|policy| &policy.program.slots)));
        Policies { all, fields }
    }

    /// Whether any looks at what changed since the version before.
    pub fn ask_changes(&self) -> bool {
        self.all.iter().any(Policy::asks_changes)
    }

    /// What each policy about such a subject says of it; the subject is one of `subject`'s objects.
    pub fn judge(&self, about: About, subject: &Value) -> Vec<(&Policy, Verdict)> {
        let asked: Vec<&Policy> = self.all.iter().filter(|policy| policy.about == about).collect();
        if asked.is_empty() {
            return Vec::new();
        }
        let text = subject.to_string();
        let mut tree = Tree::default();
        // Names of its own for each: what other subjects call theirs fills no table.
        let record = match json::record(&mut tree, &mut Names::of(&self.fields), text.as_bytes()) {
            Ok(record) => record,
            Err(error) => {
                let why = format!("it is too large or too deep to be asked ({})", error.reason.word());
                return asked.into_iter().map(|policy| (policy, Verdict::Unknown(why.clone()))).collect();
            }
        };
        let ask = |policy: &Policy| {
            let slots = &policy.program.slots;
            let places: Option<Vec<Place>> = slots.iter().map(|slot| Some(self.fields.route(slot)?.place)).collect();
            let Some(places) = places else { return Verdict::Unknown("it names fields that are not told".into()) };
            let context = Context { record: Some((record, &self.fields)), places: &places, ..Context::default() };
            of(run(&policy.program, context))
        };
        asked.into_iter().map(|policy| (policy, ask(policy))).collect()
    }

    /// What stands against publishing: enforced policies that fail or cannot be answered.
    pub fn refusals(&self, about: About, subject: &Value) -> Vec<(&Policy, Verdict)> {
        let judged = self.judge(about, subject).into_iter();
        judged.filter(|(policy, verdict)| policy.mode == Mode::Enforce && verdict.is_against()).collect()
    }
}

/// `true` holds; `false` does not. A text says what is wrong, a list names what is; empty, nothing is.
fn of(outcome: Outcome<'_>) -> Verdict {
    let value = match outcome {
        Outcome::Skipped => return Verdict::Skip,
        Outcome::Fails(error) => return Verdict::Unknown(format!("its expression fails: {}", error.0)),
        Outcome::Is(value) => value,
    };
    match &value {
        Val::Bool(true) => Verdict::Pass,
        Val::Bool(false) => Verdict::Fail(String::new()),
        Val::Text(wrong) if wrong.is_empty() => Verdict::Pass,
        Val::Text(wrong) => Verdict::Fail(wrong.to_string()),
        Val::Items(_) | Val::List(_) => {
            let mut wrong = Vec::new();
            named(&value, &mut wrong);
            match wrong.len() {
                0 => Verdict::Pass,
                n if n > NAMED_MAX => {
                    Verdict::Fail(format!("{} and {} more", wrong[..NAMED_MAX].join(", "), n - NAMED_MAX))
                }
                _ => Verdict::Fail(wrong.join(", ")),
            }
        }
        other => Verdict::Unknown(format!("it answers with {}, not with a bool, a text or a list", other.type_name())),
    }
}

/// Texts of a list and of lists in it.
fn named(value: &Val<'_>, into: &mut Vec<String>) {
    match value {
        Val::Text(text) => into.push(text.to_string()),
        Val::Items(_) | Val::List(_) => value.each().into_iter().flatten().for_each(|item| named(&item, into)),
        other => into.push(match crate::engine::expr::convert::string(other.clone()) {
            Ok(Val::Text(text)) => text.into_owned(),
            _ => other.type_name().to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::contract::yaml;
    use crate::engine::policy::rule::read;
    use crate::engine::policy::subject::{self, Product};

    const CONTRACT: &str = "kind: DataContract\napiVersion: v3.1.0\nid: orders\nversion: 2.0.0\nstatus: active\nteam: {name: t, members: \
                            [{username: a@b.c}]}\nslaProperties: [{property: latency, value: 4, unit: h}]\nschema:\n- name: orders\n  \
                            properties:\n  - {name: id, logicalType: string, required: true}\n  - {name: email, tags: [pii]}\n  - \
                            {name: phone, tags: [pii], classification: restricted}\n";

    fn policies(rule: &str, more: &str) -> Policies {
        let text = format!("kind: Policies\npolicies:\n- id: p\n  rule: {rule:?}\n{more}");
        let (policies, mistakes) = read(&text);
        assert!(mistakes.is_empty(), "{text}: {mistakes:?}");
        Policies::new(policies)
    }

    #[test]
    fn a_policy_says_of_a_contract_what_its_expression_says() {
        let contract = yaml::parse(CONTRACT).unwrap();
        let before = yaml::parse(&CONTRACT.replace("2.0.0", "1.0.0").replace(
            "  - {name: email, tags: [pii]}\n",
            "  - {name: email, tags: [pii]}\n  - {name: gone, required: true}\n",
        ))
        .unwrap();
        let product = Product {
            domain: "shop".into(),
            name: "orders".into(),
            owner: "desk".into(),
            topics: vec!["orders".into()],
        };
        let subject = subject::of_contract(&contract, Some(&before), &product);
        let check = |rule: &str, more: &str, expected: Verdict| {
            let policies = policies(rule, more);
            let judged = policies.judge(About::Contract, &subject);
            assert_eq!(judged.len(), 1);
            assert_eq!(judged[0].1, expected, "{rule}");
        };
        let fail = |reason: &str| Verdict::Fail(reason.into());
        check("contract.status == 'active'", "", Verdict::Pass);
        check("contract.status == 'draft'", "", fail(""));
        check("product.owner == 'desk' && product.topics.all(t, t.startsWith('o'))", "", Verdict::Pass);
        check("size(contract.team.members) > 0", "", Verdict::Pass);
        check("has(contract.support)", "", fail(""));
        check("contract.support.size() > 0", "", Verdict::Unknown("its expression fails: no such key".into()));
        check("contract.status == 'draft'", "  when: contract.status == 'retired'\n", Verdict::Skip);
        check("has(contract.domain) ? '' : 'it names no domain'", "", fail("it names no domain"));
        let pii = "fields.filter(f, has(f.tags) && 'pii' in f.tags && !has(f.classification)).map(f, f.path)";
        check(pii, "", fail("email"));
        check("fields.filter(f, f.path == 'nobody').map(f, f.path)", "", Verdict::Pass);
        check("changes.filter(c, c.level == 'breaking').map(c, c.path)", "", fail("schema.orders.properties.gone"));
        check("contract.slaProperties.exists(s, s.property == 'latency')", "", Verdict::Pass);
        let of_a_number = "it answers with int, not with a bool, a text or a list";
        check("size(fields)", "", Verdict::Unknown(of_a_number.into()));
    }

    #[test]
    fn only_what_is_enforced_and_not_shown_to_hold_stands_against_publishing() {
        let product = Product { name: "orders".into(), ..Product::default() };
        let subject = subject::of_product(&product, []);
        let check = |rule: &str, mode: &str, refused: bool| {
            let policies = policies(rule, &format!("  about: product\n  mode: {mode}\n"));
            assert_eq!(!policies.refusals(About::Product, &subject).is_empty(), refused, "{rule} {mode}");
            assert!(policies.refusals(About::Contract, &subject).is_empty());
        };
        check("contracts.size() > 0", "enforce", true);
        check("contracts[0].id == ''", "enforce", true);
        check("product.name == 'orders'", "enforce", false);
        check("contracts.size() > 0", "warn", false);
    }

    #[test]
    fn long_lists_are_cut_and_what_nests_too_deep_is_unknown() {
        let many: Vec<Value> = (0..30).map(|n| Value::from(format!("f{n:02}"))).collect();
        let rules = policies("contracts.map(c, c)", "  about: product\n");
        let said = rules.judge(About::Product, &serde_json::json!({"contracts": many, "product": {}}));
        assert!(said[0].1.reason().ends_with("f19 and 10 more"), "{:?}", said[0].1);
        let deep = (0..100).fold(Value::from(1), |inner, _| serde_json::json!([inner]));
        let said = rules.judge(About::Product, &serde_json::json!({"contracts": deep}));
        assert!(matches!(&said[0].1, Verdict::Unknown(why) if why.contains("too deep")), "{:?}", said[0].1);
    }
}
