//! A use case's SQL in parts, and what may stand in it: what makes one job, and nothing that ends others, loads code or holds a
//! credential. What the SQL means is the engine's to say.

use crate::engine::derived::usecase::Engine;

/// Parts of one statement.
const PARTS_MAX: usize = 50;

/// How a part may begin; the last must begin with one of the second list, and no other may: it is the job.
const FLINK: (&[&str], &[&str]) = (
    &["CREATE TABLE", "CREATE TEMPORARY TABLE", "CREATE VIEW", "CREATE TEMPORARY VIEW", "SET", "USE"],
    &["INSERT INTO", "EXECUTE STATEMENT SET"],
);
const KSQLDB: (&[&str], &[&str]) = (
    &["CREATE STREAM", "CREATE TABLE", "CREATE SOURCE STREAM", "CREATE SOURCE TABLE"],
    &["CREATE STREAM", "CREATE TABLE", "CREATE OR REPLACE STREAM", "CREATE OR REPLACE TABLE", "INSERT INTO"],
);

/// Keys of connectors that hold what must not be read by whoever reads the catalog.
const CREDENTIALS: &[&str] = &[
    "sasl.jaas.config",
    ".password",
    "basic-auth.user-info",
    "basic.auth.user.info",
    "bearer-auth.token",
    "bearer.auth.token",
    "client.secret",
    "client-secret",
];

/// What is wrong with it, and what to do.
pub fn check(engine: Engine, statement: &str) -> Result<(), String> {
    let lower = statement.to_lowercase();
    if let Some(key) = CREDENTIALS.iter().find(|key| lower.contains(*key)) {
        return Err(format!(
            "the statement holds {key}, and whoever sees the catalog sees the statement; keep credentials with the engine: in a \
             catalog or a configuration of its own"
        ));
    }
    let parts = parts(statement)?;
    let Some((job, before)) = parts.split_last() else {
        return Err("the statement is empty; it ends with what makes the output, as INSERT INTO … SELECT …".to_owned());
    };
    if parts.len() > PARTS_MAX {
        return Err(format!("the statement has {} parts, {PARTS_MAX} at most", parts.len()));
    }
    let (first, last) = if engine == Engine::Flink { FLINK } else { KSQLDB };
    let begins = |part: &str, with: &[&str]| {
        let words = words(part);
        with.iter().any(|with| words == *with || words.starts_with(&format!("{with} ")))
    };
    let told = |part: &str| words(part).split(' ').take(3).collect::<Vec<_>>().join(" ");
    if let Some(part) = before.iter().find(|part| !begins(part, first)) {
        return Err(format!(
            "a part begins with {}; before the last part there may stand {}",
            told(part),
            first.join(", ")
        ));
    }
    if !begins(job, last) {
        return Err(format!("the last part begins with {}; it must be the job: {}", told(job), last.join(", ")));
    }
    Ok(())
}

/// The parts between semicolons, without comments; those in quotes are none. A set of statements (Flink's
/// `EXECUTE STATEMENT SET BEGIN …; END`) is one part.
pub fn parts(statement: &str) -> Result<Vec<String>, String> {
    let (mut parts, mut part, mut rest) = (Vec::new(), String::new(), statement.chars().peekable());
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('\'' | '"' | '`', _) => {
                part.push(c);
                // A quote in it is doubled, which ends it and begins it again.
                loop {
                    let inner = rest.next().ok_or_else(|| format!("a {c} is not closed"))?;
                    part.push(inner);
                    if inner == c {
                        break;
                    }
                }
            }
            ('-', Some('-')) => {
                while rest.peek().is_some_and(|c| *c != '\n') {
                    rest.next();
                }
                part.push(' ');
            }
            ('/', Some('*')) => {
                // A hint (`/*+ … */`) is no comment.
                let (mut text, mut last) = (String::from("/"), ' ');
                loop {
                    let inner = rest.next().ok_or("a /* is not closed")?;
                    text.push(inner);
                    if last == '*' && inner == '/' && text.len() > 3 {
                        break;
                    }
                    last = inner;
                }
                part.push_str(if text.starts_with("/*+") { &text } else { " " });
            }
            (';', _) if is_open_set(&part) => part.push(c),
            (';', _) => parts.push(std::mem::take(&mut part)),
            _ => part.push(c),
        }
    }
    parts.push(part);
    Ok(parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect())
}

fn is_open_set(part: &str) -> bool {
    let words = words(part);
    words.starts_with("EXECUTE STATEMENT SET") && !words.ends_with(" END")
}

/// In capitals, one blank between two.
fn words(part: &str) -> String {
    part.split_whitespace().map(str::to_uppercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_cut_where_the_engine_would_cut_it() {
        let check = |text: &str, expected: &[&str]| assert_eq!(parts(text).unwrap(), expected, "{text}");
        check("SELECT 1", &["SELECT 1"]);
        check("a; b ;\n;c;", &["a", "b", "c"]);
        check("a ';' b; c \"x;\" `;` d", &["a ';' b", "c \"x;\" `;` d"]);
        check("a 'it''s; fine'; b", &["a 'it''s; fine'", "b"]);
        check("a -- no; end\n b; /* ; */ c", &["a  \n b", "c"]);
        check("SELECT /*+ OPTIONS('k'='v;') */ 1; x", &["SELECT /*+ OPTIONS('k'='v;') */ 1", "x"]);
        check("EXECUTE STATEMENT SET BEGIN a; b; END; ", &["EXECUTE STATEMENT SET BEGIN a; b; END"]);
        for (text, words) in [("a 'b", "' is not closed"), ("a /* b", "/* is not closed"), ("a /*/", "not closed")] {
            assert!(parts(text).unwrap_err().contains(words), "{text}");
        }
    }

    #[test]
    fn what_makes_one_job_may_run_and_nothing_else() {
        let check = |engine: Engine, text: &str, words: Option<&str>| {
            let found = super::check(engine, text);
            assert!(found.is_ok() == words.is_none(), "{text}: {found:?}");
            assert!(
                words.is_none_or(|words| found.as_ref().is_err_and(|why| why.contains(words))),
                "{text}: {found:?}"
            );
        };
        let (flink, ksqldb) = (Engine::Flink, Engine::Ksqldb);
        check(flink, "create  table a (x INT) with ('connector'='kafka'); insert into b select x from a", None);
        check(flink, "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; INSERT INTO b SELECT 2; END", None);
        check(flink, "SET 'a'='b'; INSERT INTO b SELECT 1", None);
        check(flink, "INSERT INTO a SELECT 1; INSERT INTO b SELECT 2", Some("a part begins with INSERT INTO A"));
        check(flink, "CREATE TABLE a (x INT)", Some("must be the job"));
        for other in
            ["DROP TABLE a", "ADD JAR '/x.jar'", "STOP JOB 'a'", "CREATE FUNCTION f AS 'x'", "SELECT 1", "INSERTS"]
        {
            check(flink, other, Some("must be the job"));
            check(flink, &format!("{other}; INSERT INTO b SELECT 1"), Some("a part begins with"));
        }
        check(flink, " -- nothing\n;", Some("is empty"));
        check(
            flink,
            "CREATE TABLE a (x INT) WITH ('properties.sasl.jaas.config'='x'); INSERT INTO b SELECT 1",
            Some("jaas"),
        );
        check(flink, &"SET 'a'='b';".repeat(PARTS_MAX + 1), Some("51 parts"));
        check(ksqldb, "CREATE STREAM a (x INT) WITH (kafka_topic='a'); CREATE TABLE b AS SELECT x FROM a", None);
        check(ksqldb, "TERMINATE ALL", Some("must be the job"));
        check(ksqldb, "DROP STREAM a; CREATE STREAM b AS SELECT x FROM a", Some("a part begins with DROP STREAM A"));
    }
}
