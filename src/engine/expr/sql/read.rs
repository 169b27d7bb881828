//! The text of a query into its parts, or the name of what cannot be taken apart.

use crate::engine::decode::path::FieldPath;
use crate::engine::expr::program::Expr;
use crate::engine::expr::sql::query::{Part, Query};
use crate::engine::expr::sql::scalar::Reader;
use sqlparser::ast::{self, GroupByExpr, SelectItem, SetExpr, Statement, TableFactor};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

/// What a query may name.
#[derive(Clone, Copy)]
pub struct Names<'n> {
    /// The object, and its topic.
    pub tables: [&'n str; 2],
    /// `{property}`, of a rule that stands on one.
    pub property: Option<&'n FieldPath>,
    /// A field of the record by its name; the error says why there is none.
    pub columns: &'n dyn Fn(&str) -> Result<FieldPath, String>,
}

/// Why a text is no query that can be measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is no SQL, or names what is not there.
    Wrong(String),
    /// It is right, and cannot be taken apart.
    Beyond(String),
}

pub type Read<T> = Result<T, Refusal>;

/// Longer than anybody writes by hand. The parser's tree is as deep as the text has operators, 5 bytes each at least.
const TEXT_MAX_BYTES: usize = 8 << 10;

/// What stands for the object and the property in a query, with and without a dollar.
const OBJECT: [&str; 4] = ["object", "table", "schema", "model"];
const PROPERTY: [&str; 3] = ["property", "column", "field"];
/// As what the parser sees them.
const OBJECT_NAME: &str = "steward__object";
pub const PROPERTY_NAME: &str = "steward__property";

/// Takes a query apart.
pub fn read(text: &str, names: Names<'_>) -> Read<Query> {
    if text.len() > TEXT_MAX_BYTES {
        return Err(Refusal::Wrong(format!("the query is longer than {TEXT_MAX_BYTES} bytes")));
    }
    let mut text = text.to_owned();
    for (words, name) in [(&OBJECT[..], OBJECT_NAME), (&PROPERTY[..], PROPERTY_NAME)] {
        for word in words {
            text = text.replace(&format!("${{{word}}}"), name).replace(&format!("{{{word}}}"), name);
        }
    }
    let statements = Parser::parse_sql(&GenericDialect {}, &text).map_err(|e| {
        let shown = e.to_string().replace(OBJECT_NAME, "{object}").replace(PROPERTY_NAME, "{property}");
        Refusal::Wrong(format!("the query is no SQL: {}", shown.trim_start_matches("sql parser error: ")))
    })?;
    match statements.as_slice() {
        [Statement::Query(query)] => of_query(query, names),
        [_] => Err(Refusal::Wrong("the query is no SELECT".to_owned())),
        _ => Err(Refusal::Wrong("the query is not one statement".to_owned())),
    }
}

pub fn beyond<T>(what: impl std::fmt::Display) -> Read<T> {
    Err(Refusal::Beyond(format!("{what} cannot be measured record by record")))
}

fn of_query(query: &ast::Query, names: Names<'_>) -> Read<Query> {
    let ast::Query { with, body, order_by: _, limit_clause: _, fetch: _, locks: _, for_clause, .. } = query;
    if with.is_some() {
        return beyond("WITH");
    }
    if for_clause.is_some() {
        return beyond("FOR");
    }
    match &**body {
        SetExpr::Select(select) => of_select(select, names),
        SetExpr::Query(query) => of_query(query, names),
        SetExpr::SetOperation { op, .. } => beyond(op),
        _ => Err(Refusal::Wrong("the query is no SELECT".to_owned())),
    }
}

fn of_select(select: &ast::Select, names: Names<'_>) -> Read<Query> {
    let refused = [
        (select.distinct.is_some(), "SELECT DISTINCT"),
        (select.top.is_some(), "TOP"),
        (select.into.is_some(), "SELECT INTO"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (select.prewhere.is_some(), "PREWHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (!matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty()), "GROUP BY"),
        (select.having.is_some(), "HAVING"),
        (select.qualify.is_some(), "QUALIFY"),
        (!select.named_window.is_empty(), "WINDOW"),
    ];
    if let Some((_, what)) = refused.into_iter().find(|(is, _)| *is) {
        return beyond(what);
    }
    let aliases = table(&select.from, names)?;
    let [item] = select.projection.as_slice() else {
        return beyond(format!("a SELECT of {} values", select.projection.len()));
    };
    let item = match item {
        SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. } => item,
        _ => return Err(Refusal::Beyond("SELECT * gives rows, and not a number; SELECT COUNT(*) does".to_owned())),
    };
    let mut reader = Reader::new(names, aliases);
    let rows = select.selection.as_ref().map(|rows| reader.row(rows)).transpose()?;
    let result = reader.result(item)?;
    if reader.parts.is_empty() {
        return beyond("a SELECT without an aggregate");
    }
    Ok(Query::new(rows, reader.parts, result, reader.slots))
}

/// The one table, by what its columns may be called.
fn table(from: &[ast::TableWithJoins], names: Names<'_>) -> Read<Vec<String>> {
    let [from] = from else {
        return if from.is_empty() { beyond("a SELECT without a table") } else { beyond("a join") };
    };
    if !from.joins.is_empty() {
        return beyond("JOIN");
    }
    let (name, alias) = match &from.relation {
        TableFactor::Table { name, alias, args: None, sample: None, .. } => (name, alias),
        TableFactor::Derived { .. } => return beyond("a subquery"),
        _ => return beyond("a table function"),
    };
    let parts: Vec<String> = name.0.iter().filter_map(|part| Some(part.as_ident()?.value.clone())).collect();
    let (whole, last) = (parts.join("."), parts.last().cloned().unwrap_or_default());
    let is = |name: &str| whole.eq_ignore_ascii_case(name) || last.eq_ignore_ascii_case(name);
    if !is(OBJECT_NAME) && !names.tables.iter().any(|table| is(table)) {
        return beyond(format!("the table {whole}, which is not the object {},", names.tables[0]));
    }
    let mut known = vec![last];
    known.extend(alias.as_ref().map(|alias| alias.name.value.clone()));
    Ok(known)
}

/// Both the parts and what is made of them.
pub fn part(parts: &mut Vec<Part>, part: Part) -> Expr {
    parts.push(part);
    Expr::Part((parts.len() - 1) as u32)
}
