//! One walk over a record, which every field of its profile sees.

use crate::engine::check::key::Hashes;
use crate::engine::contract::plan::Plan;
use crate::engine::decode::tree::{Items, Kind, Members, Value};
use crate::engine::profile::scalar::Keyed;
use crate::engine::profile::shape::{EXTRA_FIELDS_MAX, EXTRA_NAME_BYTES_MAX, Node, ProfilePlan};
use crate::engine::profile::state::Profile;

/// What is kept between two records: which fields the object at hand has shown.
#[derive(Debug, Default)]
pub struct Walker {
    /// By field number: the object, counted over all walks, that held it last.
    seen: Vec<u64>,
    object: u64,
    /// Where the fields outside the contract stand in the profile, in the order of records, which mostly is one order.
    extra_places: [usize; EXTRA_FIELDS_MAX],
    /// Fields outside the contract that this record has shown.
    extras: usize,
}

impl Walker {
    /// Adds a decoded record to the profile, as these objects of the plan describe it.
    pub fn walk(&mut self, plan: &Plan, objects: &[usize], record: Value<'_>, hashes: &Hashes, profile: &mut Profile) {
        self.seen.resize(plan.profile.fields.len().max(self.seen.len()), 0);
        self.extras = 0;
        // What one object does not describe, another may.
        let extra = objects.len() == 1;
        for object in objects {
            let (Some(shape), Some(asked)) = (plan.profile.shapes.get(*object), plan.asked.get(*object)) else {
                continue;
            };
            let profiled = &asked.profiled;
            let mut visit = Visit { walker: self, plan: &plan.profile, profiled, hashes, profile, extra };
            if let Kind::Object(members) = record.kind() {
                visit.object(&shape.root, members, true);
            }
        }
    }
}

struct Visit<'a> {
    walker: &'a mut Walker,
    plan: &'a ProfilePlan,
    /// By place: which child of the node around it the field is.
    profiled: &'a [u32],
    hashes: &'a Hashes,
    profile: &'a mut Profile,
    extra: bool,
}

impl Visit<'_> {
    /// Recursion goes as deep as the contract does.
    fn value(&mut self, node: &Node, value: Value<'_>) {
        let kind = value.kind();
        if let Some((number, field)) = node.field.and_then(|n| Some((n, self.plan.fields.get(n)?))) {
            self.profile.field(number).see(kind, &field.how, || Keyed::of(self.hashes, field.how.scope));
        }
        match kind {
            // An object of which nothing is described may be a map, whose names are data.
            Kind::Object(members) if !node.children.is_empty() => self.object(node, members, false),
            Kind::Array(items) => self.items(node, items),
            _ => {}
        }
    }

    fn items(&mut self, node: &Node, items: Items<'_>) {
        if let Some(of_items) = &node.items {
            items.for_each(|item| self.value(of_items, item));
        }
    }

    fn object(&mut self, node: &Node, members: Members<'_>, is_record: bool) {
        self.walker.object += 1;
        let object = self.walker.object;
        let mut found = 0;
        for (key, value) in members.keyed() {
            let child = self.profiled.get(key.place() as usize).and_then(|at| node.children.get(*at as usize));
            let Some(child) = child else {
                self.beside(node, key.text(), value, is_record);
                continue;
            };
            found += 1;
            if let Some(seen) = child.field.and_then(|number| self.walker.seen.get_mut(number)) {
                *seen = object;
            }
            self.value(child, value);
        }
        if found == node.children.len() {
            return;
        }
        for number in node.children.iter().filter_map(|child| child.field) {
            if self.walker.seen.get(number) != Some(&object) {
                self.profile.field(number).kinds.missing += 1;
            }
        }
    }

    /// A field that the contract does not describe.
    fn beside(&mut self, node: &Node, name: &str, value: Value<'_>, is_record: bool) {
        if !self.extra {
            return;
        }
        if node.classified || node.prefix.len() + name.len() > EXTRA_NAME_BYTES_MAX {
            self.profile.folded += 1;
            return;
        }
        let prefix = if is_record { "" } else { node.prefix.as_str() };
        let mut elsewhere = 0;
        let place = self.walker.extra_places.get_mut(self.walker.extras).unwrap_or(&mut elsewhere);
        self.walker.extras += 1;
        if let Some(field) = self.profile.extra(prefix, name, place) {
            // Its path is known by its own name alone, hashed like it: whoever reads one learns nothing of another.
            let scope = || self.hashes.within(self.plan.extra.scope).text(prefix, name);
            field.see(value.kind(), &self.plan.extra, || Keyed::of(self.hashes, scope()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::contract::{compile, odcs};
    use crate::engine::decode::json;
    use crate::engine::decode::names::Names;
    use crate::engine::decode::tree::Tree;
    use crate::engine::profile::field::{Field, Kinds};
    use crate::engine::profile::shape::{EXTRA_FIELDS_MAX, FIELDS_MAX, PROFILE_BYTES_MAX};
    use crate::engine::profile::sketch::Sketch;
    use datasketches::hll::Coupon;
    use proptest::prelude::*;

    fn plan(properties: &str) -> Plan {
        let text = format!(
            "kind: DataContract\napiVersion: v3.1.0\nid: c\nversion: 1.0.0\nstatus: active\nschema:\n- name: t\n  physicalType: topic\n  properties: {properties}\n"
        );
        let parsed = odcs::parse(&text);
        compile::compile(&parsed.contract.unwrap_or_else(|| panic!("{:?}", parsed.problems)))
    }

    const ORDERS: &str = "[{name: id}, {name: customer, properties: [{name: zip}, {name: mail, classification: restricted}]}, {name: lines, items: {properties: [{name: sku}]}}, {name: state, customProperties: [{property: steward.showValues, value: true}]}, {name: free, logicalType: object}]";

    fn profile(plan: &Plan, records: &[String]) -> Profile {
        let (mut walker, mut profile, mut tree) = (Walker::default(), Profile::default(), Tree::default());
        let mut names = Names::of(&plan.asked[0].fields);
        for record in records {
            let value = json::record(&mut tree, &mut names, record.as_bytes()).expect(record);
            walker.walk(plan, &[0], value, &Hashes::new(&[7; 16]), &mut profile);
        }
        profile
    }

    fn field<'p>(plan: &Plan, profile: &'p Profile, path: &str) -> &'p Field {
        let number = plan.profile.fields.iter().position(|f| f.path.to_string() == path).expect(path);
        profile.fields[number].as_deref().expect("seen")
    }

    #[test]
    fn each_place_is_counted_where_the_object_around_it_is_there() {
        let plan = plan(ORDERS);
        let records = [
            r#"{"id":1,"customer":{"zip":"1","mail":"a@b.c"},"lines":[{"sku":"x"},{"sku":null},{}],"state":"new","free":{"k1":1}}"#,
            r#"{"state":1.5,"id":null,"customer":{"mail":true},"lines":[],"free":[1]}"#,
            r#"{"id":2.0,"customer":null,"lines":7,"state":"new","free":null}"#,
        ];
        let profile = profile(&plan, &records.map(str::to_owned));
        let check = |path: &str, expected: Kinds| assert_eq!(field(&plan, &profile, path).kinds, expected, "{path}");
        let none = Kinds::default();
        check("id", Kinds { integer: 2, null: 1, ..none });
        check("customer", Kinds { object: 2, null: 1, ..none });
        check("customer.zip", Kinds { text: 1, missing: 1, ..none });
        check("customer.mail", Kinds { text: 1, boolean: 1, ..none });
        check("lines", Kinds { array: 2, integer: 1, ..none });
        check("lines[]", Kinds { object: 3, ..none });
        check("lines[].sku", Kinds { text: 1, null: 1, missing: 1, ..none });
        check("state", Kinds { text: 2, number: 1, ..none });
        check("free", Kinds { object: 1, array: 1, null: 1, ..none });
        // What stands in an object that is not described is data.
        assert!(profile.extra.is_empty(), "{:?}", profile.extra);
    }

    #[test]
    fn what_a_field_may_say_follows_its_contract() {
        let plan = plan(ORDERS);
        let records: Vec<String> = (0..50)
            .map(|i| format!(r#"{{"id":{i},"customer":{{"mail":"m{i}@x.y"}},"state":"new","beside":{i}}}"#))
            .collect();
        let profile = profile(&plan, &records);
        let mail = field(&plan, &profile, "customer.mail");
        let distinct = mail.values.distinct().and_then(|d| d.whole().ok()).map(|d| d.estimate().round());
        assert_eq!(distinct, Some(50.0));
        let (path, beside) = &profile.extra[0];
        assert_eq!(path, "beside");
        for classified in [mail, beside] {
            assert!(classified.numbers.is_none() && classified.lengths.is_none());
            assert!(classified.values.frequent().is_none() && classified.texts.is_none());
            assert!(classified.quantiles.is_none() && classified.length_quantiles.is_none());
        }
        let items = |path: &str| {
            let held = field(&plan, &profile, path).values.frequent().expect("some");
            crate::engine::profile::frequent::most(held.whole().expect("whole"), 2)
        };
        assert_eq!((items("state")[0].value.as_str(), items("state")[0].lower), ("new", 50));
        assert!(items("id").iter().all(|often| often.value.len() == 17 && often.value.starts_with('#')));
        let wire = postcard::to_stdvec(&profile).expect("plain data");
        for secret in ["m7@x.y", "@x"] {
            assert!(!wire.windows(secret.len()).any(|w| w == secret.as_bytes()), "{secret}");
        }
    }

    /// Whoever guesses a value must not find it in what a profile publishes, nor by what another field publishes.
    #[test]
    fn a_sketch_of_hashed_values_answers_no_guess() {
        let plan =
            plan("[{name: a}, {name: b}, {name: c, customProperties: [{property: steward.showValues, value: true}]}]");
        let records: Vec<String> = (0..50).map(|i| format!(r#"{{"a":{i},"b":{i},"c":{i}}}"#)).collect();
        let profile = profile(&plan, &records);
        let sketch = |path| field(&plan, &profile, path).values.distinct().and_then(|d| d.whole().ok()).expect(path);
        let guessed = |path| {
            let mut guess = sketch(path).clone();
            (0..50i64).for_each(|i| guess.update_with_coupon(Coupon::from_value(i)));
            guess.estimate().round()
        };
        assert_eq!((guessed("a"), guessed("c")), (100.0, 50.0));
        assert_ne!(sketch("a").to_bytes(), sketch("b").to_bytes());
    }

    #[test]
    fn fields_outside_the_contract_are_bounded_and_counted() {
        let plan = plan("[{name: id}]");
        let members: Vec<String> = (0..100).map(|i| format!("\"f{i:03}\":{i}")).collect();
        let long = format!("\"{}\":1", "n".repeat(200));
        let profile = profile(&plan, &[format!("{{\"id\":1,{},{long}}}", members.join(","))]);
        assert_eq!(profile.extra.len(), EXTRA_FIELDS_MAX);
        assert_eq!(profile.folded, 100 - EXTRA_FIELDS_MAX as u64 + 1);
        assert_eq!(profile.extra[0].0, "f000");
    }

    #[test]
    fn names_in_what_is_classified_are_not_told() {
        let check = |properties: &str, record: &str, told: &[&str]| {
            let profile = profile(&plan(properties), &[record.to_owned()]);
            let names: Vec<&str> = profile.extra.iter().map(|(path, _)| path.as_str()).collect();
            assert_eq!(names, told, "{properties}");
            assert_eq!(profile.folded, 1, "{properties}");
        };
        let record = r#"{"people":{"mail":"m","note":1,"0049-170":{"seen":1}},"beside":2}"#;
        // The last one is too long for a name.
        let long = format!(r#"{{"people":{{"mail":"m","0049-170":1}},"{}":1}}"#, "n".repeat(200));
        check(
            "[{name: id}, {name: people, classification: restricted, properties: [{name: mail}, {name: note}]}]",
            &record.replace("\"beside\"", "\"people2\""),
            &["people2"],
        );
        check(
            "[{name: id}, {name: people, properties: [{name: mail, classification: restricted}, {name: note}]}]",
            &long,
            &["people.0049-170"],
        );
    }

    #[test]
    fn a_profile_of_any_width_keeps_its_bound() {
        for width in [1, 64, 65, 256, 500, 1_024, 1_025, FIELDS_MAX + 5] {
            let names: Vec<String> = (0..width).map(|i| format!("{{name: f{i}}}")).collect();
            let plan = plan(&format!("[{}]", names.join(",")));
            assert_eq!(plan.profile.left_out, width.saturating_sub(FIELDS_MAX), "{width}");
            // Values that are all different fill every sketch; a few fields of them tell the weight of all.
            let wide = width.min(4);
            let record = |i: u64| {
                let value = |f: usize| format!("\"f{f}\":{}", (i + f as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20);
                format!("{{{}}}", (0..wide).map(value).collect::<Vec<_>>().join(","))
            };
            let records: Vec<String> = (0..20_000).map(record).collect();
            let profile = profile(&plan, &records);
            let bytes = postcard::to_stdvec(&profile).expect("plain data").len();
            let heavy: usize =
                profile.fields.iter().flatten().map(|f| postcard::to_stdvec(f).expect("data").len()).max().unwrap_or(0);
            assert!(heavy * width.min(FIELDS_MAX) <= PROFILE_BYTES_MAX, "{width} fields of {heavy} bytes");
            assert!(
                bytes <= profile.weight_bytes() * 3 / 2,
                "{width}: {bytes} bytes, thought {}",
                profile.weight_bytes()
            );
        }
    }

    fn a_record() -> impl Strategy<Value = String> {
        let value = prop_oneof![
            Just("null".to_owned()),
            any::<bool>().prop_map(|b| b.to_string()),
            any::<i16>().prop_map(|i| i.to_string()),
            (-1e6..1e6f64).prop_map(|x| x.to_string()),
            "[a-c]{0,3}".prop_map(|t| format!("{t:?}")),
            Just("[{\"sku\":1},{}]".to_owned()),
        ];
        let names = prop_oneof![Just("id".to_owned()), Just("state".to_owned()), Just("lines".to_owned()), "x[0-9]{2}"];
        proptest::collection::btree_map(names, value, 0..6).prop_map(|members| {
            let members: Vec<String> = members.into_iter().map(|(n, v)| format!("{n:?}:{v}")).collect();
            format!("{{{}}}", members.join(","))
        })
    }

    /// What must be equal in any order: all counts, and what is read from registers; means to the last bits.
    fn exact(profile: &Profile) -> Vec<String> {
        let all = profile.fields.iter().flatten().chain(profile.extra.iter().map(|(_, field)| field)).map(|f| &**f);
        let one = |f: &Field| {
            let distinct = f.values.distinct().and_then(|d| d.whole().ok()).map(|d| d.composite_estimate().round());
            let spread = f.numbers.map(|s| (s.count, s.min, s.max, (s.mean * 1e3).round() + 0.0));
            format!("{:?} {:?} {:?} {distinct:?} {spread:?}", f.kinds, f.lengths, f.texts)
        };
        let names: Vec<&String> = profile.extra.iter().map(|(path, _)| path).collect();
        let names = format!("{names:?} {} {:?}", profile.folded, profile.topic);
        all.map(one).chain([names]).collect()
    }

    proptest! {
        #[test]
        fn profiles_merge_in_any_order(parts in proptest::collection::vec(proptest::collection::vec(a_record(), 0..30), 3)) {
            let plan = plan(ORDERS);
            let [a, b, c] = [0, 1, 2].map(|i| profile(&plan, &parts[i]));
            let merged = |parts: [&Profile; 3]| {
                let mut sum = Profile::default();
                parts.into_iter().for_each(|p| sum.merge(p.clone()));
                sum
            };
            let mut right = b.clone();
            right.merge(c.clone());
            let mut nested = a.clone();
            nested.merge(right);
            let left = merged([&a, &b, &c]);
            prop_assert_eq!(exact(&left), exact(&nested));
            prop_assert_eq!(exact(&left), exact(&merged([&c, &a, &b])));
            prop_assert_eq!(exact(&left), exact(&profile(&plan, &parts.concat())));
            let bytes = postcard::to_stdvec(&left).expect("plain data");
            prop_assert_eq!(exact(&postcard::from_bytes(&bytes).expect("its own bytes")), exact(&left));
            let mut taken = left.clone();
            let mut again = Profile::default();
            taken.take_pieces().into_iter().for_each(|piece| again.put(piece));
            again.merge(taken);
            prop_assert_eq!(exact(&again), exact(&left));
        }
    }
}
