//! A use case: what the catalog holds of it and of its last run, and whether it may be changed, run or stopped.

use crate::engine::contract::name::ProductName;
use crate::engine::derived::statement;
use crate::engine::published::change::{By, Expected, Refusal};
use crate::engine::published::entry::tag;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Keys are `usecase/{domain}/{name}`.
pub const PREFIX: &str = "usecase/";
/// Use cases of a mesh.
pub const USE_CASES_MAX: usize = 500;
/// Topics that one reads.
const INPUTS_MAX: usize = 50;
/// Of a title, a description and what an engine says.
const TEXT_BYTES_MAX: usize = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    Flink,
    Ksqldb,
}

impl Engine {
    pub const ALL: [Engine; 2] = [Engine::Flink, Engine::Ksqldb];

    /// As it stands in JSON, and before `.url` in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Engine::Flink => "flink",
            Engine::Ksqldb => "ksqldb",
        }
    }
}

/// What somebody registers; its name is that of the product that it may become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    pub engine: Engine,
    pub title: String,
    #[serde(default)]
    pub description: String,
    /// Topics that the statement reads.
    pub inputs: BTreeSet<String>,
    /// The topic that it writes.
    pub output: String,
    pub statement: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UseCase {
    /// 1 when it is registered, one more with each change of its definition.
    pub revision: u64,
    pub definition: Definition,
    pub changed_ms: i64,
    pub changed_by: String,
    /// The last one; `None`: it never ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
}

/// One execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    pub state: State,
    /// As the engine calls them: job ids of Flink, queries or commands of ksqlDB.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<String>,
    /// What the engine said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The worker that handed it to the engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    pub asked_by: String,
    /// Tells this run from another one of the use case.
    pub asked_ms: i64,
    pub changed_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Somebody asks for it, and no worker has taken it yet.
    Asked,
    /// A worker has taken it: the engine may have it.
    Starting,
    Running,
    /// Somebody asks for its end.
    Stopping,
    Finished,
    Failed,
    Cancelled,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            State::Asked => "asked",
            State::Starting => "starting",
            State::Running => "running",
            State::Stopping => "stopping",
            State::Finished => "finished",
            State::Failed => "failed",
            State::Cancelled => "cancelled",
        }
    }

    /// Whether an engine may be at work on it.
    pub fn is_active(self) -> bool {
        matches!(self, State::Asked | State::Starting | State::Running | State::Stopping)
    }
}

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub name: ProductName,
    pub edit: Edit,
    pub expected: Expected,
    pub by: By,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    Register(Definition),
    Delete,
    Execute,
    Stop,
    /// What a worker learned of the run that was asked for at `asked_ms`.
    Note {
        asked_ms: i64,
        state: State,
        jobs: Vec<String>,
        message: Option<String>,
        worker: Option<String>,
    },
}

impl UseCase {
    /// Tells one definition from every other; a run leaves it as it is.
    pub fn tag(&self) -> String {
        tag(self.revision, self.changed_ms)
    }

    pub fn state(&self) -> Option<State> {
        self.run.as_ref().map(|run| run.state)
    }

    /// Whether its output is, or was, made of its inputs.
    pub fn has_run(&self) -> bool {
        self.run.as_ref().is_some_and(|run| !run.jobs.is_empty())
    }
}

pub fn key(name: &ProductName) -> String {
    format!("{PREFIX}{name}")
}

/// The use cases of a catalog; a record that this version cannot read is left out.
pub fn use_cases(catalog: &BTreeMap<String, Vec<u8>>) -> BTreeMap<ProductName, UseCase> {
    let of = |(key, value): (&String, &Vec<u8>)| {
        let (domain, name) = key.strip_prefix(PREFIX)?.split_once('/')?;
        Some((ProductName { domain: domain.into(), name: name.into() }, serde_json::from_slice(value).ok()?))
    };
    catalog.iter().filter_map(of).collect()
}

/// What is known besides.
pub struct Known<'a> {
    /// How many use cases there are.
    pub number: usize,
    /// Topics that are never governed.
    pub excluded: &'a dyn Fn(&str) -> bool,
}

/// What the edit makes of the use case at this time; `None`: it is gone.
pub fn decide(
    wanted: &Wanted,
    before: Option<&UseCase>,
    known: &Known<'_>,
    now_ms: i64,
) -> Result<Option<UseCase>, Refusal> {
    let name = &wanted.name;
    match (&wanted.expected, before) {
        (Expected::Tag(tag), Some(before)) if before.tag() != *tag => {
            return conflict(format!(
                "the use case {name} was changed meanwhile: {tag} was expected, and it is {} by {}; read it again, and repeat \
                 the change with its ETag in If-Match",
                before.tag(),
                before.changed_by
            ));
        }
        (Expected::Absent, Some(_)) => return conflict(format!("the use case {name} is registered already")),
        (Expected::Tag(_) | Expected::Present, None) => return Err(unknown(name)),
        _ => {}
    }
    let active = before.and_then(UseCase::state).is_some_and(State::is_active);
    match (&wanted.edit, before) {
        (Edit::Register(_) | Edit::Delete, Some(_)) if active => {
            conflict(format!("the use case {name} runs; stop it first: POST /use-cases/{name}/stop"))
        }
        (Edit::Register(_), None) if known.number >= USE_CASES_MAX => {
            conflict(format!("there are {} use cases, and no more are kept; delete some: GET /use-cases", known.number))
        }
        (Edit::Register(definition), before) => {
            let definition = sound(definition, known)?;
            match before {
                Some(before) if before.definition == definition => Ok(Some(before.clone())),
                _ => Ok(Some(UseCase {
                    revision: before.map_or(0, |before| before.revision) + 1,
                    definition,
                    changed_ms: now_ms,
                    changed_by: wanted.by.actor.clone(),
                    run: before.and_then(|before| before.run.clone()),
                })),
            }
        }
        (_, None) => Err(unknown(name)),
        (Edit::Delete, Some(_)) => Ok(None),
        (Edit::Execute, Some(_)) if active => {
            conflict(format!("the use case {name} runs already; stop it first: POST /use-cases/{name}/stop"))
        }
        (Edit::Execute, Some(before)) => {
            let (asked_by, asked_ms) = (wanted.by.actor.clone(), now_ms);
            let run = Run {
                state: State::Asked,
                jobs: Vec::new(),
                message: None,
                worker: None,
                asked_by,
                asked_ms,
                changed_ms: now_ms,
            };
            Ok(Some(UseCase { run: Some(run), ..before.clone() }))
        }
        (Edit::Stop, Some(before)) => match &before.run {
            Some(run) if run.state.is_active() => {
                // What no worker has taken need not be ended by an engine.
                let state = if run.state == State::Asked { State::Cancelled } else { State::Stopping };
                let changed_ms = if run.state == state { run.changed_ms } else { now_ms };
                Ok(Some(UseCase { run: Some(Run { state, changed_ms, ..run.clone() }), ..before.clone() }))
            }
            _ => conflict(format!("the use case {name} does not run; POST /use-cases/{name}/execute runs it")),
        },
        (Edit::Note { asked_ms, state, jobs, message, worker }, Some(before)) => match &before.run {
            Some(run) if run.asked_ms == *asked_ms && run.state.is_active() => {
                // Whoever asked for its end meanwhile is not forgotten.
                let stays = run.state == State::Stopping && state.is_active();
                let noted = Run {
                    state: if stays { State::Stopping } else { *state },
                    jobs: if jobs.is_empty() { run.jobs.clone() } else { jobs.clone() },
                    message: message.as_deref().map(short),
                    worker: worker.clone().or_else(|| run.worker.clone()),
                    ..run.clone()
                };
                let changed_ms = if noted == *run { run.changed_ms } else { now_ms };
                Ok(Some(UseCase { run: Some(Run { changed_ms, ..noted }), ..before.clone() }))
            }
            _ => Ok(Some(before.clone())),
        },
    }
}

/// The definition, if an engine may be given it.
fn sound(definition: &Definition, known: &Known<'_>) -> Result<Definition, Refusal> {
    let refuse = |detail: String| Err(Refusal::invalid(&detail));
    let Definition { title, description, inputs, output, .. } = definition;
    if title.trim().is_empty() {
        return refuse("title is empty; say in a few words what the product will tell".to_owned());
    }
    if title.len().max(description.len()) > TEXT_BYTES_MAX {
        return refuse(format!("title or description is longer than {TEXT_BYTES_MAX} bytes"));
    }
    if inputs.is_empty() || inputs.len() > INPUTS_MAX {
        return refuse(format!(
            "inputs are {}; name the topics that the statement reads, {INPUTS_MAX} at most",
            inputs.len()
        ));
    }
    for topic in inputs.iter().chain([output]) {
        let word = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if topic.is_empty() || topic.len() > 249 || !topic.chars().all(word) {
            return refuse(format!("{topic:?} is no name of a topic; letters, digits, `.`, `_` and `-`, 249 at most"));
        }
        if (known.excluded)(topic) {
            return refuse(format!(
                "the topic {topic} is never governed: it is Kafka's, steward's own, a quarantine, or named by topics.exclude"
            ));
        }
    }
    if inputs.contains(output) {
        return refuse(format!("{output} is an input, too; a statement that reads what it writes never ends"));
    }
    statement::check(definition.engine, &definition.statement).map_err(|why| Refusal::invalid(&why))?;
    Ok(definition.clone())
}

fn conflict<T>(detail: String) -> Result<T, Refusal> {
    Err(Refusal::Conflict(detail))
}

pub fn unknown(name: &ProductName) -> Refusal {
    Refusal::Unknown(format!(
        "there is no use case {name}; GET /use-cases lists them, PUT /use-cases/{name} registers it"
    ))
}

fn short(text: &str) -> String {
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= TEXT_BYTES_MAX).last();
    text.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition() -> Definition {
        Definition {
            engine: Engine::Flink,
            title: "Big orders".into(),
            description: String::new(),
            inputs: ["shop.orders".to_owned()].into(),
            output: "shop.big".into(),
            statement: "INSERT INTO big SELECT * FROM orders".into(),
        }
    }

    fn ask(edit: Edit, expected: Expected, before: Option<&UseCase>, now_ms: i64) -> Result<Option<UseCase>, Refusal> {
        let name = ProductName { domain: "shop".into(), name: "big".into() };
        let by = By { actor: "jane".into(), ..By::default() };
        let known = Known { number: 1, excluded: &|topic| topic.starts_with("__") };
        decide(&Wanted { name, edit, expected, by }, before, &known, now_ms)
    }

    fn note(asked_ms: i64, state: State, jobs: &[&str]) -> Edit {
        let jobs = jobs.iter().map(|job| (*job).to_owned()).collect();
        Edit::Note { asked_ms, state, jobs, message: None, worker: None }
    }

    fn refused(outcome: Result<Option<UseCase>, Refusal>, words: &str) {
        assert!(outcome.as_ref().is_err_and(|why| why.detail().contains(words)), "{words}: {outcome:?}");
    }

    #[test]
    fn a_use_case_is_registered_run_followed_stopped_and_changed_only_while_it_rests() {
        let one = ask(Edit::Register(definition()), Expected::Absent, None, 5).unwrap().unwrap();
        assert_eq!((one.revision, one.state(), one.has_run()), (1, None, false));
        refused(ask(Edit::Stop, Expected::Present, Some(&one), 6), "does not run");
        let asked = ask(Edit::Execute, Expected::Present, Some(&one), 6).unwrap().unwrap();
        assert_eq!((asked.state(), asked.tag()), (Some(State::Asked), one.tag()), "a run is no change of what it runs");
        refused(ask(Edit::Execute, Expected::Present, Some(&asked), 7), "runs already");
        refused(ask(Edit::Delete, Expected::Present, Some(&asked), 7), "stop it first");
        refused(ask(Edit::Register(definition()), Expected::Present, Some(&asked), 7), "stop it first");
        let running = ask(note(6, State::Running, &["j1"]), Expected::Present, Some(&asked), 8).unwrap().unwrap();
        assert_eq!((running.state(), running.has_run()), (Some(State::Running), true));
        let same = ask(note(6, State::Running, &[]), Expected::Present, Some(&running), 9).unwrap().unwrap();
        assert_eq!(same, running, "nothing new is no change");
        let other = ask(note(1, State::Failed, &[]), Expected::Present, Some(&running), 9).unwrap().unwrap();
        assert_eq!(other, running, "of another run");
        let stopping = ask(Edit::Stop, Expected::Present, Some(&running), 9).unwrap().unwrap();
        let still = ask(note(6, State::Running, &[]), Expected::Present, Some(&stopping), 10).unwrap().unwrap();
        assert_eq!(still.state(), Some(State::Stopping), "a look that was late forgets no wish");
        let ended = ask(note(6, State::Cancelled, &[]), Expected::Present, Some(&still), 11).unwrap().unwrap();
        assert_eq!(ended.state(), Some(State::Cancelled));
        let late = ask(note(6, State::Running, &[]), Expected::Present, Some(&ended), 12).unwrap().unwrap();
        assert_eq!(late, ended, "what has ended stays so");
        let other = Definition { title: "Bigger".into(), ..definition() };
        let two = ask(Edit::Register(other), Expected::Tag(ended.tag()), Some(&ended), 13).unwrap().unwrap();
        assert_eq!((two.revision, two.state()), (2, Some(State::Cancelled)));
        refused(ask(Edit::Execute, Expected::Tag(one.tag()), Some(&two), 14), "changed meanwhile");
        assert_eq!(ask(Edit::Delete, Expected::Tag(two.tag()), Some(&two), 14), Ok(None));
        refused(ask(Edit::Delete, Expected::Present, None, 14), "no use case shop/big");
        let gone = ask(Edit::Stop, Expected::Present, Some(&asked), 7).unwrap().unwrap();
        assert_eq!(gone.state(), Some(State::Cancelled), "nobody had taken it");
    }

    #[test]
    fn what_no_engine_should_be_given_is_refused_in_words() {
        let check = |definition: Definition, words: &str| {
            refused(ask(Edit::Register(definition), Expected::Absent, None, 0), words);
        };
        check(Definition { title: " ".into(), ..definition() }, "title is empty");
        check(Definition { inputs: BTreeSet::new(), ..definition() }, "inputs are 0");
        check(Definition { output: "a b".into(), ..definition() }, "no name of a topic");
        check(Definition { output: "__consumer_offsets".into(), ..definition() }, "never governed");
        check(Definition { output: "shop.orders".into(), ..definition() }, "an input, too");
        check(Definition { statement: "DROP TABLE big".into(), ..definition() }, "DROP");
        check(Definition { description: "x".repeat(TEXT_BYTES_MAX + 1), ..definition() }, "longer than");
    }
}
