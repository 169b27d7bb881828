//! The cache over time: a registry that is simulated, and asked whenever the cache says so.

use super::*;

const LIMITS: Limits = Limits { missing_grace_ms: 10_000, unavailable_max_ms: 60_000, schemas_max: 100 };

/// What the registry answers at a moment.
#[derive(Clone, Copy, PartialEq)]
enum Word {
    Found,
    Missing,
    Fails,
    /// This one cannot be had; others can.
    IsBroken,
}

/// Runs the cache until `end_ms`, with wishes at their times, and returns what tasks were told of which schema when,
/// and how often the registry was asked.
fn run(
    limits: Limits,
    wishes: &[(Ms, u32)],
    end_ms: Ms,
    registry: impl Fn(Ms, u32) -> Word,
) -> (Vec<(Ms, u32, &'static str)>, usize) {
    let mut cache = Cache::new(limits);
    let (mut told, mut asked, mut now) = (Vec::new(), 0, 0);
    let mut last: BTreeMap<u32, &'static str> = BTreeMap::new();
    let mut wishes = wishes.to_vec();
    while now <= end_ms {
        while wishes.first().is_some_and(|(at, _)| *at <= now) {
            cache.want(now, SchemaRef::Id(wishes.remove(0).1));
        }
        while let Some(schema) = cache.next(now) {
            let SchemaRef::Id(id) = schema else { panic!("only ids are wanted") };
            asked += 1;
            assert!(asked < 100_000, "asked without end");
            let said = match registry(now, id) {
                Word::Found => Said::Known(Registered::Json),
                Word::Missing => Said::Missing,
                Word::Fails => Said::Failed { why: "refused".into(), everywhere: true },
                Word::IsBroken => Said::Failed { why: "too large".into(), everywhere: false },
            };
            cache.answered(now, schema, said);
        }
        cache.expire(now, "refused");
        if let Some(schemas) = cache.news() {
            for id in 0..1_000 {
                let word = match schemas.get(SchemaRef::Id(id)) {
                    Some(Registered::Json) => "found",
                    Some(Registered::Absent) => "absent",
                    Some(Registered::Unavailable(_)) => "unavailable",
                    _ => "",
                };
                if last.insert(id, word).unwrap_or_default() != word {
                    told.push((now, id, word));
                }
            }
        }
        let next = cache.next_ms().unwrap_or(end_ms + 1).max(now + 1);
        now = wishes.first().map_or(next, |(at, _)| next.min(*at));
    }
    (told, asked)
}

#[test]
fn each_kind_of_registry_is_told_in_time() {
    let check =
        |what: &str, wishes: &[(Ms, u32)], registry: fn(Ms, u32) -> Word, expected: &[(Ms, u32, &str)], most| {
            let (told, asked) = run(LIMITS, wishes, 400_000, registry);
            assert_eq!(told, expected, "{what}");
            assert!(asked <= most, "{what}: asked {asked} times, {most} at most");
        };
    let one = [(5, 1)];
    check("there", &[(5, 1), (6, 1), (900, 1)], |_, _| Word::Found, &[(5, 1, "found")], 1);
    let late = |now, _| if now < 3_000 { Word::Missing } else { Word::Found };
    check("registered a moment later", &one, late, &[(3_005, 1, "found")], 4);
    check("never registered", &one, |_, _| Word::Missing, &[(10_005, 1, "absent")], 20);
    let healed = |now, _| if now < 100_000 { Word::Missing } else { Word::Found };
    check("registered much later", &one, healed, &[(10_005, 1, "absent"), (190_005, 1, "found")], 20);
    let short = |now, _| if now < 20_000 { Word::Fails } else { Word::Found };
    check("back after 20 s", &one, short, &[(30_505, 1, "found")], 8);
    let given_up: [(Ms, u32, &str); 2] = [(60_005, 1, "unavailable"), (205_000, 1, "found")];
    let long = |now, _| if now < 200_000 { Word::Fails } else { Word::Found };
    let (told, _) = run(LIMITS, &one, 400_000, long);
    assert_eq!((told[0], told[1].2), (given_up[0], "found"), "{told:?}");
    assert!(told[1].0 < 200_000 + BACKOFF_MAX_MS + 1, "{told:?}");
}

#[test]
fn a_schema_that_always_fails_holds_back_no_other() {
    let registry = |_, id| if id == 1 { Word::Fails } else { Word::Found };
    let wishes = [(0, 1), (30_000, 2), (30_100, 3), (90_000, 4)];
    let (told, asked) = run(LIMITS, &wishes, 400_000, registry);
    for (at, id) in &wishes[1..] {
        let found = told.iter().find(|(_, other, _)| other == id).expect("told");
        assert!(found.2 == "found" && found.0 - at <= FIRST_ASK_MS, "{told:?}");
    }
    let given_up = told.iter().find(|(_, id, _)| *id == 1).expect("told");
    assert!(given_up.2 == "unavailable" && given_up.0 - 60_000 <= BACKOFF_MAX_MS, "{told:?}");
    assert!(asked < 60, "{asked}");
}

/// One that is refused for days says nothing of the registry.
#[test]
fn a_new_schema_beside_a_broken_one_waits_as_long_as_any() {
    let back_ms = 500_000 + LIMITS.unavailable_max_ms / 2;
    let registry = |now, id| match id {
        1 => Word::IsBroken,
        _ if now < back_ms => Word::Fails,
        _ => Word::Found,
    };
    let (told, asked) = run(LIMITS, &[(0, 1), (500_000, 2)], 600_000, registry);
    let words: Vec<_> = told.iter().map(|(_, id, word)| (*id, *word)).collect();
    assert_eq!(words, [(1, "unavailable"), (2, "found")], "{told:?}");
    assert!(asked < 100, "{asked}");
}

#[test]
fn schemas_that_are_wanted_at_once_are_all_given_up_in_time() {
    let wishes: Vec<(Ms, u32)> = (0..50).map(|id| (0, id)).collect();
    let (told, asked) = run(LIMITS, &wishes, 200_000, |_, _| Word::Fails);
    assert_eq!(told.len(), 50);
    let last = told.iter().map(|(at, ..)| *at).max().expect("one");
    assert!(last <= LIMITS.unavailable_max_ms + FIRST_ASK_MS, "{last}");
    assert!(asked < 200, "{asked}");
}

#[test]
fn a_new_schema_in_a_long_outage_does_not_wait_as_long_again() {
    let (told, _) = run(LIMITS, &[(0, 1), (90_000, 2)], 120_000, |_, _| Word::Fails);
    assert_eq!(told[0], (60_000, 1, "unavailable"));
    assert!(told[1].1 == 2 && told[1].0 <= 90_000 + FIRST_ASK_MS, "{told:?}");
}

#[test]
fn a_flood_of_unknown_schemas_stops_waiting() {
    let wishes: Vec<(Ms, u32)> = (0..80).map(|i| (i64::from(i) * 20_000, i)).collect();
    let (told, _) = run(LIMITS, &wishes, 1_700_000, |_, _| Word::Missing);
    let waited: Ms = told.iter().map(|(at, id, _)| at - i64::from(*id) * 20_000).sum();
    assert_eq!(told.len(), 80);
    // Five graces of 10 s in ten minutes, for 27 minutes.
    assert!(waited <= 3 * 5 * 10_000 + 80, "{waited}");
    let at_once: Vec<(Ms, u32)> = (0..80).map(|i| (0, i)).collect();
    let (told, asked) = run(LIMITS, &at_once, 11_000, |_, _| Word::Missing);
    assert_eq!(told.iter().filter(|(at, _, word)| *at < 1_000 && *word == "absent").count(), 80 - GRACES_AT_ONCE);
    assert!(asked < 80 + 11 * GRACES_AT_ONCE, "{asked}");
}

#[test]
fn what_was_found_outlives_what_was_not_when_room_is_short() {
    let limits = Limits { missing_grace_ms: 0, schemas_max: 10, ..LIMITS };
    let registry = |_, id| if id < 5 { Word::Found } else { Word::Missing };
    let wishes: Vec<(Ms, u32)> = (0..500).map(|i| (i64::from(i), i)).collect();
    let (told, _) = run(limits, &wishes, 1_000, registry);
    assert!(told.iter().all(|(_, id, word)| *id >= 5 || *word == "found"), "{told:?}");
    // All places taken by what is waited for: the next wish is dropped, and said again by whoever waits.
    let mut cache = Cache::new(limits);
    (0..11).for_each(|id| cache.want(0, SchemaRef::Id(id)));
    assert_eq!(cache.entries.len(), 10);
}
