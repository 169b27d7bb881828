//! Functions of a query: aggregates, and those of one value.

use crate::engine::expr::program::{Expr, Literal};
use crate::engine::expr::sql::apply::Sql;
use crate::engine::expr::sql::query::{Part, What};
use crate::engine::expr::sql::read::{Read, Refusal, beyond, part};
use crate::engine::expr::sql::scalar::{Reader, sql};
use sqlparser::ast::{self, DuplicateTreatment, FunctionArg, FunctionArgExpr, FunctionArguments};

impl Reader<'_> {
    pub(super) fn function(&mut self, function: &ast::Function) -> Read<Expr> {
        let name = function.name.to_string().to_ascii_uppercase();
        if function.over.is_some() {
            return beyond(format!("the window function {name}"));
        }
        if !function.within_group.is_empty() || function.null_treatment.is_some() {
            return beyond(format!("{name} of ordered rows"));
        }
        let list = match &function.args {
            FunctionArguments::List(list) if list.clauses.is_empty() => list,
            FunctionArguments::List(_) => return beyond(format!("{name} of ordered rows")),
            FunctionArguments::Subquery(_) => return beyond("a subquery"),
            FunctionArguments::None => return beyond(name),
        };
        let is_distinct = matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct));
        let mut arguments = Vec::new();
        let mut is_star = false;
        for argument in &list.args {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => arguments.push(expr),
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard | FunctionArgExpr::QualifiedWildcard(_)) => {
                    is_star = true
                }
                _ => return beyond(format!("{name} with named arguments")),
            }
        }
        let when = function.filter.as_deref();
        match name.as_str() {
            "COUNT" | "SUM" | "AVG" | "MEAN" | "MIN" | "MAX" | "COUNT_IF" | "COUNTIF" => {
                self.aggregate(&name, &arguments, is_star, is_distinct, when)
            }
            "STDDEV"
            | "STDDEV_POP"
            | "STDDEV_SAMP"
            | "VARIANCE"
            | "VAR_POP"
            | "VAR_SAMP"
            | "MEDIAN"
            | "MODE"
            | "PERCENTILE_CONT"
            | "PERCENTILE_DISC"
            | "QUANTILE"
            | "APPROX_COUNT_DISTINCT"
            | "ANY_VALUE"
            | "STRING_AGG"
            | "ARRAY_AGG"
            | "GROUP_CONCAT"
            | "LISTAGG"
            | "BOOL_AND"
            | "BOOL_OR"
            | "CORR" => beyond(format!("the aggregate {name}")),
            _ if is_star || is_distinct || when.is_some() => beyond(format!("{name} over rows")),
            _ => self.scalar(&name, &arguments),
        }
    }

    fn aggregate(
        &mut self,
        name: &str,
        arguments: &[&ast::Expr],
        is_star: bool,
        is_distinct: bool,
        when: Option<&ast::Expr>,
    ) -> Read<Expr> {
        if !self.of_result {
            return beyond(format!("{name} within another aggregate, or in WHERE,"));
        }
        let wrong = || Refusal::Wrong(format!("{name} does not take so many arguments"));
        let mut when = when.map(|when| self.row(when)).transpose()?;
        let (what, of) = match (name, arguments, is_star, is_distinct) {
            ("COUNT", [], true, false) => (What::Count, Vec::new()),
            ("COUNT", [of], false, false) => match self.row(of)? {
                // COUNT(1) is COUNT(*).
                Expr::Literal(literal) if literal != Literal::Null => (What::Count, Vec::new()),
                of => (What::Count, vec![of]),
            },
            ("COUNT", [ast::Expr::Tuple(of)], false, true) => {
                (What::Distinct, of.iter().map(|of| self.row(of)).collect::<Read<_>>()?)
            }
            ("COUNT", [_, ..], false, true) => {
                (What::Distinct, arguments.iter().map(|of| self.row(of)).collect::<Read<_>>()?)
            }
            ("COUNT_IF" | "COUNTIF", [condition], false, false) => {
                let condition = self.row(condition)?;
                when = Some(match when {
                    Some(when) => sql(Sql::And, [when, condition]),
                    None => condition,
                });
                (What::Count, Vec::new())
            }
            ("MIN", [of], false, _) => (What::Min, vec![self.row(of)?]),
            ("MAX", [of], false, _) => (What::Max, vec![self.row(of)?]),
            ("SUM", [of], false, false) => (What::Sum, vec![self.row(of)?]),
            ("AVG" | "MEAN", [of], false, false) => (What::Average, vec![self.row(of)?]),
            ("SUM" | "AVG" | "MEAN", [_], false, true) => return beyond(format!("{name}(DISTINCT …)")),
            _ => return Err(wrong()),
        };
        Ok(part(&mut self.parts, Part { what, when, of }))
    }

    fn scalar(&mut self, name: &str, arguments: &[&ast::Expr]) -> Read<Expr> {
        if let ("REGEXP_LIKE" | "REGEXP_MATCHES" | "REGEXP_CONTAINS", [of, pattern]) = (name, arguments) {
            return self.pattern(of, pattern, "");
        }
        let (operation, arity) = match name {
            "COALESCE" => (Sql::Coalesce, 1..=64),
            "IFNULL" | "NVL" => (Sql::Coalesce, 2..=2),
            "NULLIF" => (Sql::NullIf, 2..=2),
            "LOWER" | "LCASE" => (Sql::Lower, 1..=1),
            "UPPER" | "UCASE" => (Sql::Upper, 1..=1),
            "LENGTH" | "LEN" | "CHAR_LENGTH" | "CHARACTER_LENGTH" => (Sql::Length, 1..=1),
            "TRIM" => (Sql::Trim, 1..=1),
            "SUBSTR" | "SUBSTRING" => (Sql::Substring, 2..=3),
            "REPLACE" => (Sql::Replace, 3..=3),
            "CONCAT" => (Sql::Concat, 2..=2),
            "ABS" => (Sql::Abs, 1..=1),
            "ROUND" => (Sql::Round, 1..=2),
            "FLOOR" => (Sql::Floor, 1..=1),
            "CEIL" | "CEILING" => (Sql::Ceil, 1..=1),
            "IF" | "IIF" => (Sql::Case, 3..=3),
            "ISNULL" => (Sql::IsNull, 1..=1),
            _ => return beyond(format!("the function {name}")),
        };
        if !arity.contains(&arguments.len()) {
            return Err(Refusal::Wrong(format!("{name} does not take so many arguments")));
        }
        Ok(Expr::Sql(operation, self.all(arguments.iter().copied())?))
    }
}
