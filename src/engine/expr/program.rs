//! An expression, compiled: a tree of operations, and the fields of the record that it asks.

use crate::engine::decode::path::FieldPath;
use crate::engine::expr::call::Function;
use crate::engine::expr::regex::Regex;
use crate::engine::expr::sql::apply::Sql;

/// One expression. It is evaluated for many records, and shared by all who do.
#[derive(Clone, Debug)]
pub struct Program {
    /// What has to be true for the expression to be asked at all: Confluent's guard.
    pub guard: Option<Expr>,
    pub body: Expr,
    /// The fields of the record, by slot.
    pub slots: Vec<FieldPath>,
    /// By slot: whole numbers there are doubles too, for the schema says so.
    pub doubles: Vec<bool>,
}

/// An operation.
#[derive(Clone, Debug)]
pub enum Expr {
    Literal(Literal),
    Variable(Variable),
    /// A field of the record, by slot.
    Field(u32),
    HasField(u32),
    /// The same to SQL: null where it is missing.
    Nullable(u32),
    /// What an aggregate of a query came to, by number.
    Part(u32),
    /// A variable of a macro, by how many are around it.
    Local(u32),
    Select(Box<Expr>, Box<str>),
    Has(Box<Expr>, Box<str>),
    Index(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    And(Box<(Expr, Expr)>),
    Or(Box<(Expr, Expr)>),
    If(Box<(Expr, Expr, Expr)>),
    Compare(Comparison, Box<(Expr, Expr)>),
    Compute(Operator, Box<(Expr, Expr)>),
    In(Box<(Expr, Expr)>),
    List(Box<[Expr]>),
    Map(Box<[(Expr, Expr)]>),
    Fold(Box<Fold>),
    Matches(Box<Expr>, Regex),
    Call(Function, Box<[Expr]>),
    Sql(Sql, Box<[Expr]>),
}

impl Expr {
    /// The slots that it reads as SQL does.
    pub fn slots(&self, into: &mut Vec<u32>) {
        match self {
            Expr::Nullable(slot) => into.push(*slot),
            Expr::Matches(of, _) => of.slots(into),
            Expr::Sql(_, of) => of.iter().for_each(|of| of.slots(into)),
            _ => {}
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Box<str>),
    Bytes(Box<[u8]>),
    Type(&'static str),
}

/// What an expression may name beside the record's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable {
    /// `message`, `record`; `this` of a record's own rule.
    Record,
    /// `value`: the field that the rule is asked of; `this` of a field's own rule.
    Value,
    Now,
    Key,
    FullName,
    Name,
    TypeName,
    Tags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A macro over the items of a list, or the keys of a map. `body` and `keep` see one more local.
#[derive(Clone, Debug)]
pub struct Fold {
    pub how: Macro,
    pub over: Expr,
    /// Of `map` with three arguments: which items are taken.
    pub keep: Option<Expr>,
    pub body: Expr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Macro {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
}
