//! Expressions of a query: about one record, or about what its aggregates come to.

use crate::engine::decode::path::FieldPath;
use crate::engine::expr::program::{Comparison, Expr, Literal, Operator};
use crate::engine::expr::regex::{Dialect, Regex};
use crate::engine::expr::sql::apply::Sql;
use crate::engine::expr::sql::query::Part;
use crate::engine::expr::sql::read::{Names, PROPERTY_NAME, Read, Refusal, beyond};
use sqlparser::ast::{self, BinaryOperator, CastKind, DataType, UnaryOperator, Value};

/// Operators inside each other; AND and OR side by side count as one.
const DEPTH_MAX: usize = 100;

pub struct Reader<'n> {
    pub(super) names: Names<'n>,
    /// What the table is called.
    tables: Vec<String>,
    pub slots: Vec<FieldPath>,
    pub parts: Vec<Part>,
    /// Columns have no value here: it is what aggregates come to.
    pub(super) of_result: bool,
    depth: usize,
}

impl<'n> Reader<'n> {
    pub fn new(names: Names<'n>, tables: Vec<String>) -> Reader<'n> {
        Reader { names, tables, slots: Vec::new(), parts: Vec::new(), of_result: false, depth: 0 }
    }

    /// What is said of one record.
    pub fn row(&mut self, expr: &ast::Expr) -> Read<Expr> {
        let outside = std::mem::replace(&mut self.of_result, false);
        let read = self.expr(expr);
        self.of_result = outside;
        read
    }

    /// What is made of the aggregates.
    pub fn result(&mut self, expr: &ast::Expr) -> Read<Expr> {
        self.of_result = true;
        self.expr(expr)
    }

    pub(super) fn expr(&mut self, expr: &ast::Expr) -> Read<Expr> {
        if self.depth >= DEPTH_MAX {
            return beyond(format!("an expression nested deeper than {DEPTH_MAX}"));
        }
        self.depth += 1;
        let read = self.one(expr);
        self.depth -= 1;
        read
    }

    pub(super) fn all<'e>(&mut self, of: impl IntoIterator<Item = &'e ast::Expr>) -> Read<Box<[Expr]>> {
        of.into_iter().map(|of| self.expr(of)).collect()
    }

    fn one(&mut self, expr: &ast::Expr) -> Read<Expr> {
        use ast::Expr as E;
        Ok(match expr {
            E::Identifier(name) => self.column(&[name.value.as_str()])?,
            E::CompoundIdentifier(names) => {
                let names: Vec<&str> = names.iter().map(|name| name.value.as_str()).collect();
                self.column(&names)?
            }
            E::Nested(inner) => self.expr(inner)?,
            E::Value(value) => literal(&value.value)?,
            E::TypedString(typed) => literal(&typed.value.value)?,
            E::BinaryOp { left, op, right } => self.binary(expr, left, op, right)?,
            E::UnaryOp { op, expr } => match op {
                UnaryOperator::Not => sql(Sql::Not, [self.expr(expr)?]),
                UnaryOperator::Minus => sql(Sql::Negate, [self.expr(expr)?]),
                UnaryOperator::Plus => self.expr(expr)?,
                _ => return beyond(format!("the operator {op}")),
            },
            E::IsNull(of) => sql(Sql::IsNull, [self.expr(of)?]),
            E::IsNotNull(of) => not(sql(Sql::IsNull, [self.expr(of)?])),
            E::IsTrue(of) => sql(Sql::Is(true), [self.expr(of)?]),
            E::IsNotTrue(of) => not(sql(Sql::Is(true), [self.expr(of)?])),
            E::IsFalse(of) => sql(Sql::Is(false), [self.expr(of)?]),
            E::IsNotFalse(of) => not(sql(Sql::Is(false), [self.expr(of)?])),
            E::IsUnknown(of) => sql(Sql::IsNull, [self.expr(of)?]),
            E::IsNotUnknown(of) => not(sql(Sql::IsNull, [self.expr(of)?])),
            E::IsDistinctFrom(a, b) => not(sql(Sql::Same, [self.expr(a)?, self.expr(b)?])),
            E::IsNotDistinctFrom(a, b) => sql(Sql::Same, [self.expr(a)?, self.expr(b)?]),
            E::In { expr, target: ast::InTarget::List(list), negated, .. } => {
                let mut given = vec![self.expr(expr)?];
                given.extend(self.all(list)?);
                not_if(*negated, Expr::Sql(Sql::In, given.into()))
            }
            E::In { .. } => return beyond("IN of a subquery"),
            E::Between { expr, negated, low, high } => {
                let of = self.expr(expr)?;
                let low = sql(Sql::Compare(Comparison::GreaterOrEqual), [of.clone(), self.expr(low)?]);
                let high = sql(Sql::Compare(Comparison::LessOrEqual), [of, self.expr(high)?]);
                not_if(*negated, sql(Sql::And, [low, high]))
            }
            E::Like { negated, any: false, expr, pattern, escape_char } => {
                not_if(*negated, self.like(expr, pattern, escape_char.as_deref(), false)?)
            }
            E::ILike { negated, any: false, expr, pattern, escape_char } => {
                not_if(*negated, self.like(expr, pattern, escape_char.as_deref(), true)?)
            }
            E::RLike { negated, expr, pattern, .. } => not_if(*negated, self.pattern(expr, pattern, "")?),
            E::Cast {
                kind: CastKind::Cast | CastKind::TryCast | CastKind::SafeCast | CastKind::DoubleColon,
                expr,
                data_type,
                ..
            } => sql(cast(data_type)?, [self.expr(expr)?]),
            E::Case { operand, conditions, else_result, .. } => {
                let mut given = Vec::new();
                let operand = operand.as_deref().map(|operand| self.expr(operand)).transpose()?;
                for ast::CaseWhen { condition, result } in conditions {
                    let condition = self.expr(condition)?;
                    given.push(match &operand {
                        Some(operand) => sql(Sql::Compare(Comparison::Equal), [operand.clone(), condition]),
                        None => condition,
                    });
                    given.push(self.expr(result)?);
                }
                given.extend(else_result.as_deref().map(|otherwise| self.expr(otherwise)).transpose()?);
                Expr::Sql(Sql::Case, given.into())
            }
            E::Ceil { expr, .. } => sql(Sql::Ceil, [self.expr(expr)?]),
            E::Floor { expr, .. } => sql(Sql::Floor, [self.expr(expr)?]),
            E::Trim { trim_where: None, trim_what: None, expr, trim_characters: None } => {
                sql(Sql::Trim, [self.expr(expr)?])
            }
            E::Substring { expr, substring_from: Some(from), substring_for, .. } => {
                let mut given = vec![self.expr(expr)?, self.expr(from)?];
                given.extend(substring_for.as_deref().map(|length| self.expr(length)).transpose()?);
                Expr::Sql(Sql::Substring, given.into())
            }
            E::Function(function) => self.function(function)?,
            E::Subquery(_) | E::Exists { .. } => return beyond("a subquery"),
            other => {
                let shown: String = other.to_string().chars().take(60).collect();
                return beyond(format!("{shown:?}"));
            }
        })
    }

    fn binary(&mut self, whole: &ast::Expr, left: &ast::Expr, op: &BinaryOperator, right: &ast::Expr) -> Read<Expr> {
        let operation = match op {
            BinaryOperator::And => return Ok(Expr::Sql(Sql::And, self.chain(whole, &BinaryOperator::And)?)),
            BinaryOperator::Or => return Ok(Expr::Sql(Sql::Or, self.chain(whole, &BinaryOperator::Or)?)),
            BinaryOperator::Eq => Sql::Compare(Comparison::Equal),
            BinaryOperator::NotEq => Sql::Compare(Comparison::NotEqual),
            BinaryOperator::Lt => Sql::Compare(Comparison::Less),
            BinaryOperator::LtEq => Sql::Compare(Comparison::LessOrEqual),
            BinaryOperator::Gt => Sql::Compare(Comparison::Greater),
            BinaryOperator::GtEq => Sql::Compare(Comparison::GreaterOrEqual),
            BinaryOperator::Plus => Sql::Compute(Operator::Add),
            BinaryOperator::Minus => Sql::Compute(Operator::Subtract),
            BinaryOperator::Multiply => Sql::Compute(Operator::Multiply),
            BinaryOperator::Divide => Sql::Compute(Operator::Divide),
            BinaryOperator::Modulo => Sql::Compute(Operator::Remainder),
            BinaryOperator::StringConcat => Sql::Concat,
            BinaryOperator::PGRegexMatch | BinaryOperator::Regexp => return self.pattern(left, right, ""),
            BinaryOperator::PGRegexIMatch => return self.pattern(left, right, "(?i)"),
            BinaryOperator::PGRegexNotMatch => return self.pattern(left, right, "").map(not),
            BinaryOperator::PGRegexNotIMatch => return self.pattern(left, right, "(?i)").map(not),
            _ => return beyond(format!("the operator {op}")),
        };
        Ok(sql(operation, [self.expr(left)?, self.expr(right)?]))
    }

    /// What stands side by side with one operator, however much it is.
    fn chain(&mut self, whole: &ast::Expr, op: &BinaryOperator) -> Read<Box<[Expr]>> {
        let (mut operands, mut at) = (Vec::new(), whole);
        while let ast::Expr::BinaryOp { left, op: found, right } = at
            && found == op
        {
            operands.push(self.expr(right)?);
            at = left;
        }
        operands.push(self.expr(at)?);
        operands.reverse();
        Ok(operands.into())
    }

    /// A column, with or without the table before it, nested ones by dots.
    fn column(&mut self, names: &[&str]) -> Read<Expr> {
        let names = match names {
            [table, rest @ ..] if !rest.is_empty() && self.tables.iter().any(|t| t.eq_ignore_ascii_case(table)) => rest,
            names => names,
        };
        if self.of_result {
            return beyond(format!("the column {} outside of an aggregate", names.join(".")));
        }
        let path = match (names, self.names.property) {
            ([PROPERTY_NAME], Some(property)) => property.clone(),
            ([PROPERTY_NAME], None) => {
                return Err(Refusal::Wrong(
                    "{property} stands for a property, and the rule stands on an object".to_owned(),
                ));
            }
            (names, _) => (self.names.columns)(&names.join(".")).map_err(Refusal::Wrong)?,
        };
        if path.is_many() {
            return beyond(format!("the column {path}, which is in an array,"));
        }
        let known = self.slots.iter().position(|slot| *slot == path);
        let slot = known.unwrap_or_else(|| {
            self.slots.push(path);
            self.slots.len() - 1
        });
        Ok(Expr::Nullable(slot as u32))
    }

    /// `%` is any text, `_` any character.
    fn like(&mut self, of: &ast::Expr, pattern: &ast::Expr, escape: Option<&ast::Expr>, any_case: bool) -> Read<Expr> {
        let escape = match escape.map(|escape| self.text(escape)).transpose()? {
            None => Some('\\'),
            Some(escape) => escape.chars().next(),
        };
        let text = self.text(pattern)?;
        let mut translated = String::from(if any_case { "(?is)\\A" } else { "(?s)\\A" });
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                c if Some(c) == escape => {
                    translated.extend(chars.next().map(|c| regex::escape(c.encode_utf8(&mut [0; 4]))))
                }
                '%' => translated.push_str(".*"),
                '_' => translated.push('.'),
                c => translated.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            }
        }
        translated.push_str("\\z");
        let regex = Regex::new(&translated, Dialect::Re2).map_err(Refusal::Wrong)?;
        Ok(Expr::Matches(Box::new(self.expr(of)?), regex))
    }

    /// A regular expression, searched for.
    pub(super) fn pattern(&mut self, of: &ast::Expr, pattern: &ast::Expr, flags: &str) -> Read<Expr> {
        let text = self.text(pattern)?;
        let regex = Regex::new(&format!("{flags}{text}"), Dialect::Pcre).map_err(Refusal::Wrong)?;
        Ok(Expr::Matches(Box::new(self.expr(of)?), regex))
    }

    /// A text that is written out.
    fn text(&mut self, expr: &ast::Expr) -> Read<String> {
        match self.expr(expr)? {
            Expr::Literal(Literal::Text(text)) => Ok(text.into()),
            _ => beyond("a pattern that is not written out"),
        }
    }
}

pub fn sql<const N: usize>(operation: Sql, arguments: [Expr; N]) -> Expr {
    Expr::Sql(operation, Box::new(arguments))
}

pub fn not(condition: Expr) -> Expr {
    sql(Sql::Not, [condition])
}

fn not_if(negated: bool, condition: Expr) -> Expr {
    if negated { not(condition) } else { condition }
}

fn literal(value: &Value) -> Read<Expr> {
    Ok(Expr::Literal(match value {
        Value::Number(number, _) => match (number.parse(), number.parse()) {
            (Ok(whole), _) => Literal::Int(whole),
            (_, Ok(double)) => Literal::Double(double),
            _ => return beyond(format!("the number {number}")),
        },
        Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) | Value::NationalStringLiteral(text) => {
            Literal::Text(text.as_str().into())
        }
        Value::Boolean(truth) => Literal::Bool(*truth),
        Value::Null => Literal::Null,
        other => return beyond(format!("the value {other}")),
    }))
}

fn cast(to: &DataType) -> Read<Sql> {
    let name = to.to_string().to_ascii_uppercase();
    let word = name.split(['(', ' ']).next().unwrap_or_default();
    Ok(match word {
        "INT" | "INTEGER" | "BIGINT" | "SMALLINT" | "TINYINT" | "HUGEINT" | "INT2" | "INT4" | "INT8" | "INT64"
        | "SIGNED" => Sql::Integer,
        "DOUBLE" | "FLOAT" | "REAL" | "FLOAT4" | "FLOAT8" | "FLOAT64" | "DECIMAL" | "NUMERIC" | "DEC" => Sql::Double,
        "VARCHAR" | "TEXT" | "STRING" | "CHAR" | "CHARACTER" | "NVARCHAR" | "UUID" => Sql::Text,
        "BOOLEAN" | "BOOL" => Sql::Boolean,
        _ => return beyond(format!("a CAST to {to}")),
    })
}
