//! `relationships` of objects and properties. They are measured over a horizon where it is known what they lead to: in this contract, or in
//! another that joins it; of all others it is said why not.

use crate::engine::contract::fields::{At, Fields};
use crate::engine::contract::horizon::HORIZON_MAX_MS;
use crate::engine::contract::model::{Clause, Object, property_called};
use crate::engine::contract::odcs::custom::duration_ms;
use crate::engine::contract::plan::Check;
use crate::engine::contract::problem::Problems;
use crate::engine::contract::relation::{Elsewhere, Reference};
use crate::engine::contract::yaml::Value;
use crate::engine::decode::path::FieldPath;

/// Why it is not measured.
type Reason = String;

/// Reads those of all objects, `found` by their places in the schema, into rules of the objects that refer.
pub fn read(found: &[At<'_>], objects: &mut [Object]) {
    for number in 0..objects.len() {
        let Some(element) = objects.get(number).and_then(|object| found.get(object.index)) else { continue };
        let mut clauses = Vec::new();
        let place = objects.get(number).map(|object| object.relates_to.clone()).unwrap_or_default();
        of_element(element, (number, "", &place), objects, &mut clauses);
        if let Some(object) = objects.get_mut(number) {
            object.clauses.extend(clauses);
        }
    }
}

/// `at`: the object's number, the element's path in it, and its place in the contract.
fn of_element(element: &At<'_>, at: (usize, &str, &str), objects: &[Object], clauses: &mut Vec<Clause>) {
    let (object, path, place) = at;
    // What has the wrong form was told when the element was read.
    let silent = Problems::default();
    let Some(mut fields) = Fields::of(element, &silent) else { return };
    for (i, found) in fields.list("relationships").iter().enumerate() {
        let relates_to = format!("{place}/relationships/{i}");
        let clause = match reference(found, (object, path), objects) {
            Ok((Lead::Here(reference), span_ms)) => Clause {
                horizon_ms: Some(span_ms),
                ..Clause::schema("relationships", "consistency", &relates_to, Check::Refers(Box::new(reference)))
            },
            Ok((Lead::There(elsewhere), span_ms)) => {
                let why = format!(
                    "the contract {} is not at hand here: the daemon looks for it among those that it governs by, and a dry run takes \
                     records of it by --with",
                    elsewhere.contract
                );
                Clause {
                    horizon_ms: Some(span_ms),
                    elsewhere: Some(Box::new(elsewhere)),
                    ..Clause::schema("relationships", "consistency", &relates_to, Check::Unmeasured(why))
                }
            }
            Err(reason) => Clause::unmeasured("relationships", &relates_to, reason),
        };
        let about = (!path.is_empty()).then(|| path.to_owned());
        let id = Fields::of(found, &silent).and_then(|mut fields| fields.text("id"));
        clauses.push(Clause { id, about, at: Some(found.at.clone()), ..clause });
    }
    for found in fields.list("properties") {
        let Some(name) = Fields::of(&found, &silent).and_then(|mut fields| fields.text("name")) else { continue };
        let dot = if path.is_empty() { "" } else { "." };
        let place = format!("{place}/properties/{name}");
        of_element(&found, (object, &format!("{path}{dot}{name}"), &place), objects, clauses);
    }
    if let Some(items) = fields.get("items") {
        of_element(&items, (object, &format!("{path}[]"), &format!("{place}/items")), objects, clauses);
    }
}

/// Where a relationship leads.
enum Lead {
    Here(Reference),
    There(Elsewhere),
}

fn reference(found: &At<'_>, (object, path): (usize, &str), objects: &[Object]) -> Result<(Lead, i64), Reason> {
    let silent = Problems::default();
    let mut fields = Fields::of(found, &silent).ok_or("it is no mapping")?;
    let own = objects.get(object).ok_or("its object governs no topic")?;
    let to = names(fields.get("to")).filter(|names| !names.is_empty()).ok_or("it does not say what it leads to")?;
    let from = match names(fields.get("from")) {
        Some(names) if !names.is_empty() => names,
        _ if !path.is_empty() => vec![format!("{}.{path}", own.name)],
        _ => return Err("it does not say where it begins".to_owned()),
    };
    if from.len() != to.len() {
        return Err(format!("it leads from {} properties to {}", from.len(), to.len()));
    }
    let own_path = |name: &String| match steps(name).as_slice() {
        [first, rest @ ..] if is_called(own, first) && !rest.is_empty() => rest.join("."),
        all => all.join("."),
    };
    let from = from.iter().map(|name| field(own, &own_path(name))).collect::<Result<Vec<_>, _>>()?;
    if let Some((contract, _)) = to.iter().find_map(|name| name.split_once('#')).filter(|(of, _)| !of.is_empty()) {
        let elsewhere = elsewhere(contract, from, &to)?;
        return Ok((Lead::There(elsewhere), horizon(&mut fields)?));
    }
    let targets = to.iter().map(|name| target(name, objects)).collect::<Result<Vec<_>, _>>()?;
    let Some((target, _)) = targets.first() else { return Err("it does not say what it leads to".to_owned()) };
    if targets.iter().any(|(object, _)| object.name != target.name) {
        return Err("it leads to several objects".to_owned());
    }
    let reference = Reference {
        from,
        object: target.name.clone(),
        to: targets.iter().map(|(object, path)| field(object, path)).collect::<Result<_, _>>()?,
    };
    Ok((Lead::Here(reference), horizon(&mut fields)?))
}

/// All of them lead to one object of one other contract.
fn elsewhere(contract: &str, from: Vec<FieldPath>, to: &[String]) -> Result<Elsewhere, Reason> {
    let (mut object, mut paths) = (None, Vec::new());
    for name in to {
        let Some((_, place)) = name.split_once('#').filter(|(of, _)| *of == contract) else {
            return Err("it leads to several contracts".to_owned());
        };
        match steps(place).as_slice() {
            [first, rest @ ..] if !rest.is_empty() => {
                if *object.get_or_insert_with(|| (*first).to_owned()) != **first {
                    return Err("it leads to several objects".to_owned());
                }
                paths.push(rest.join("."));
            }
            _ => return Err(format!("{name} names no property: write {contract}#/schema/OBJECT/properties/PROPERTY")),
        }
    }
    let object = object.ok_or("it does not say what it leads to")?;
    Ok(Elsewhere { contract: contract.to_owned(), object, from, to: paths })
}

/// The object that a reference leads to, and the property's path in it.
fn target<'o>(name: &str, objects: &'o [Object]) -> Result<(&'o Object, String), Reason> {
    let nowhere = || {
        format!(
            "{name} is in no topic of this contract: name the other contract before it, as in customers#/schema/customers/properties/id"
        )
    };
    let steps = steps(name);
    let (first, rest) = steps.split_first().ok_or_else(nowhere)?;
    let object = objects.iter().find(|object| is_called(object, first)).ok_or_else(nowhere)?;
    Ok((object, rest.join(".")))
}

/// `orders.customer.id` and `schema/orders/properties/customer` alike.
fn steps(name: &str) -> Vec<&str> {
    match name.trim_start_matches(['#', '/']).split('/').collect::<Vec<_>>() {
        path if path.len() > 1 => path.into_iter().skip(1).step_by(2).collect(),
        _ => name.split('.').collect(),
    }
}

fn is_called(object: &Object, name: &str) -> bool {
    object.name == name || object.topic == name
}

fn field(object: &Object, path: &str) -> Result<FieldPath, Reason> {
    match property_called(&object.properties, path) {
        Some(property) if property.field.is_many() => Err(format!("{}.{path} is a list of values", object.name)),
        Some(property) => Ok(property.field.clone()),
        None => Err(format!("{} has no property {path}", object.name)),
    }
}

fn names(found: Option<At<'_>>) -> Option<Vec<String>> {
    let found = found?;
    found.text().map(|text| vec![text.to_owned()]).or_else(|| found.texts())
}

/// `steward.referenceHorizon` of the relationship.
fn horizon(fields: &mut Fields<'_>) -> Result<i64, Reason> {
    let given = fields.list("customProperties").iter().find_map(|item| match &item.node.value {
        Value::Map(entries) => {
            let of = |key: &str| entries.iter().find(|(name, _)| name == key).map(|(_, node)| &node.value);
            match (of("property"), of("value")) {
                (Some(Value::Text(name)), Some(Value::Text(span))) if name == "steward.referenceHorizon" => {
                    Some(span.clone())
                }
                _ => None,
            }
        }
        _ => None,
    });
    let Some(span) = given else {
        return Err("nothing says for how long a key may be referred to: give it the custom property \
                    steward.referenceHorizon, up to 3d"
            .to_owned());
    };
    let span_ms = duration_ms(&span).filter(|ms| (1..=HORIZON_MAX_MS).contains(ms));
    span_ms.ok_or_else(|| format!("steward.referenceHorizon {span:?} is no span of time up to 3d"))
}

#[cfg(test)]
mod tests {
    use crate::engine::check::horizon::Seen;
    use crate::engine::check::keys::Rows;
    use crate::engine::check::record::Examiner;
    use crate::engine::check::tally::Tally;
    use crate::engine::check::verdict::{Facts, Status, judge};
    use crate::engine::contract::compile::compile;
    use crate::engine::contract::odcs;
    use crate::engine::contract::plan::Check;
    use crate::engine::contract::problem::Problem;
    use crate::engine::contract::standard::lint::lint;
    use crate::engine::record::{Position, RawRecord, TopicId};

    fn text(orders: &str) -> String {
        format!(
            "kind: DataContract\napiVersion: v3.1.0\nid: c\nversion: 1.0.0\nstatus: active\nschema:\n- {{name: customers, physicalType: topic, properties: [{{name: id}}, {{name: zone}}, {{name: tags, items: {{}}}}]}}\n- {{name: orders, physicalType: topic, {orders}}}\n"
        )
    }

    const DAY: &str = "customProperties: [{property: steward.referenceHorizon, value: 1d}]";

    #[test]
    fn keys_of_one_topic_are_looked_for_in_another() {
        let check = |orders: &str, expected: u64| {
            let parsed = odcs::parse(&text(orders));
            assert_eq!(parsed.problems, [], "{orders}");
            let plan = compile(&parsed.contract.expect("a contract"));
            let (mut examiner, mut tally) = (Examiner::new(&[7; 16]), Tally::default());
            let mut read = |object: usize, text: &str| {
                let record = RawRecord { value: Some(text.as_bytes()), ..RawRecord::empty(0) };
                examiner.examine(&plan, &[object], &record);
                examiner.count(&plan, &record, Position { topic: TopicId(1), partition: 0 }, false, &mut tally);
            };
            [r#"{"id":1,"zone":"x"}"#, r#"{"id":2,"zone":"x"}"#, r#"{"id":2,"zone":"y"}"#]
                .into_iter()
                .for_each(|text| read(0, text));
            let orders = [
                r#"{"c":1,"z":"x"}"#,
                r#"{"c":2,"z":"y"}"#,
                r#"{"c":1,"z":"y"}"#,
                r#"{"c":3,"z":"x"}"#,
                r#"{"c":3,"z":"x"}"#,
                r#"{"c":null,"z":"x"}"#,
                r#"{"c":"2","z":"x"}"#,
            ];
            orders.into_iter().for_each(|text| read(1, text));
            let [horizon] = plan.horizons.as_slice() else { panic!("{:?}", plan.horizons) };
            let counts = &tally.rules[horizon.rule];
            assert_eq!((counts.asked, horizon.span_ms, horizon.refers), (6, 86_400_000, true));
            let found = Seen::over(horizon.span_ms).orphans(counts.keys.as_ref(), 0, 1);
            assert_eq!(found, Ok(Rows::exact(expected)), "{orders:?}");
        };
        // 3 and "2", which is a text.
        check(&format!("properties: [{{name: c, relationships: [{{to: customers.id, {DAY}}}]}}, {{name: z}}]"), 2);
        // Beside these the pair of 1 and y.
        let pair = "relationships: [{from: [orders.c, orders.z], to: [customers.id, customers.zone]";
        check(&format!("properties: [{{name: c}}, {{name: z}}], {pair}, {DAY}}}]"), 3);
    }

    /// Each record that cannot be read may have held the key of one.
    #[test]
    fn who_refers_to_what_may_stand_in_a_record_that_cannot_be_read_is_no_orphan_for_sure() {
        let check = |broken: usize, refer: &[&str], expected: (Status, Option<(f64, f64)>)| {
            let parsed =
                odcs::parse(&text(&format!("properties: [{{name: c, relationships: [{{to: customers.id, {DAY}}}]}}]")));
            let plan = compile(&parsed.contract.expect("a contract"));
            let (mut examiner, mut tally) = (Examiner::new(&[7; 16]), Tally::default());
            let mut offset = 0;
            let mut read = |object: usize, text: &str| {
                offset += 1;
                let record = RawRecord { value: Some(text.as_bytes()), ..RawRecord::empty(offset) };
                examiner.examine(&plan, &[object], &record);
                examiner.count(&plan, &record, Position { topic: TopicId(1), partition: 0 }, false, &mut tally);
            };
            read(0, r#"{"id":1}"#);
            (0..broken).for_each(|_| read(0, r#"{"id":"#));
            // Nobody refers to these.
            read(1, r#"{"c":"#);
            refer.iter().for_each(|key| read(1, &format!(r#"{{"c":{key}}}"#)));
            let horizon = plan.horizons[0];
            let found = Seen::over(horizon.span_ms).orphans(tally.rules[horizon.rule].keys.as_ref(), 0, 1);
            let facts = Facts { complete: true, across: [(horizon.rule, found)].into(), ..Facts::default() };
            let verdict = judge(&plan, &tally, &facts);
            let result = verdict.results.iter().find(|result| result.metric == "relationships").expect("the rule");
            assert_eq!((result.status, result.bounds), expected, "{broken} {refer:?}: {result:?}");
            assert_eq!(
                result.status == Status::Unknown,
                result.reason.as_ref().is_some_and(|why| why.contains("could not be read"))
            );
        };
        check(0, &["1", "2"], (Status::Fail, None));
        check(1, &["1", "1"], (Status::Pass, None));
        check(1, &["1", "2"], (Status::Unknown, Some((0.0, 1.0))));
        check(2, &["1", "2"], (Status::Unknown, Some((0.0, 1.0))));
        check(1, &["1", "2", "3"], (Status::Fail, Some((1.0, 2.0))));
    }

    #[test]
    fn what_is_not_measured_says_why_to_lint_and_in_its_verdict() {
        for (relationship, reason) in [
            ("to: customers.id", "nothing says for how long a key may be referred to"),
            (&*format!("to: shops.id, {DAY}"), "shops.id is in no topic of this contract"),
            (&*format!("to: customers.name, {DAY}"), "customers has no property name"),
            (&*format!("to: [customers.id, customers.zone], {DAY}"), "it leads from 1 properties to 2"),
            (&*DAY.replace("customP", "to: customers.id, customP").replace("1d", "9d"), "no span of time up to 3d"),
        ] {
            let text = text(&format!("properties: [{{name: c, relationships: [{{{relationship}}}]}}]"));
            let told = lint(&text, &|_| true).problems;
            let is_told =
                |p: &Problem| p.code == "unknown-element" || p.code == "unmeasured" && p.message.contains(reason);
            assert!(matches!(&told[..], [one] if is_told(one)), "{relationship}: {told:?}");
            let plan = compile(&odcs::parse(&text).contract.expect("a contract"));
            let [rule] = plan.rules.as_slice() else { panic!("{:?}", plan.rules) };
            assert!(matches!(&rule.check, Check::Unmeasured(why) if why.contains(reason)), "{rule:?}");
            assert_eq!((rule.id.as_str(), rule.property.as_deref()), ("orders.c.relationships", Some("c")));
        }
    }
}
