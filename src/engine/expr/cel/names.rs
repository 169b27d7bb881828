//! What names stand for: variables, fields, types, functions and macros.

use crate::engine::expr::call::{self, Function};
use crate::engine::expr::cel::parse::{Parser, RESERVED};
use crate::engine::expr::cel::token::{Kind, Mistake};
use crate::engine::expr::program::{Expr, Fold, Literal, Macro};
use crate::engine::expr::regex::Regex;

impl Parser<'_> {
    /// A variable, a field of the record, a type, or a function in a name space.
    pub(super) fn named(&mut self, name: String, at: usize) -> Result<Expr, Mistake> {
        if let Some(index) = self.locals.iter().rposition(|local| *local == name) {
            return Ok(Expr::Local(index as u32));
        }
        if let Some((_, variable)) = self.scope.variables.iter().find(|(known, _)| *known == name) {
            return Ok(Expr::Variable(*variable));
        }
        if let Some(path) = (self.scope.fields)(&name) {
            return Ok(Expr::Field(self.slot(path)));
        }
        let types = ["null_type", "bool", "int", "uint", "double", "string", "bytes", "list", "map", "type"];
        if let Some(known) = types.into_iter().find(|known| *known == name) {
            return Ok(Expr::Literal(Literal::Type(known)));
        }
        if let (Kind::Sign("."), Kind::Name(second), Kind::Sign("(")) = (self.peek(), self.ahead(1), self.ahead(2)) {
            let whole = format!("{name}.{second}");
            self.next += 3;
            return self.function(&whole, at);
        }
        let mut known: Vec<&str> = self.scope.variables.iter().map(|(name, _)| *name).collect();
        known.sort_unstable();
        self.wrong(at, format!("{name:?} is not known here; known are {}", known.join(", ")))
    }

    /// Behind the bracket of a call.
    pub(super) fn function(&mut self, name: &str, at: usize) -> Result<Expr, Mistake> {
        if name == "has" {
            let field = self.ternary()?;
            self.expect(")")?;
            return match field {
                Expr::Field(slot) => Ok(Expr::HasField(slot)),
                Expr::Select(of, name) => Ok(Expr::Has(of, name)),
                _ => self.wrong(at, "has() asks a field, such as has(message.id)"),
            };
        }
        let mut arguments = self.list(")")?;
        if name == "matches" && arguments.len() == 2 {
            let pattern = arguments.pop();
            return self.matches(arguments.pop(), pattern, at);
        }
        match call::function(name) {
            Some(known) => self.called(name, known, arguments, at),
            None => self.wrong(at, format!("there is no function {name}()")),
        }
    }

    pub(super) fn method(&mut self, of: Expr, name: &str, at: usize) -> Result<Expr, Mistake> {
        let how = match name {
            "all" => Some(Macro::All),
            "exists" => Some(Macro::Exists),
            "exists_one" | "existsOne" => Some(Macro::ExistsOne),
            "map" => Some(Macro::Map),
            "filter" => Some(Macro::Filter),
            _ => None,
        };
        if let Some(how) = how {
            return self.fold(how, of, name);
        }
        let mut arguments = vec![of];
        arguments.extend(self.list(")")?);
        if name == "matches" && arguments.len() == 2 {
            let pattern = arguments.pop();
            return self.matches(arguments.pop(), pattern, at);
        }
        match call::method(name) {
            Some(known) => self.called(name, known, arguments, at),
            None => self.wrong(at, format!("there is no function .{name}()")),
        }
    }

    fn called(
        &self,
        name: &str,
        (function, arity): (Function, std::ops::RangeInclusive<usize>),
        arguments: Vec<Expr>,
        at: usize,
    ) -> Result<Expr, Mistake> {
        match arity.contains(&arguments.len()) {
            true => Ok(Expr::Call(function, arguments.into())),
            false => self.wrong(at, format!("{name}() does not take so many arguments")),
        }
    }

    fn matches(&self, of: Option<Expr>, pattern: Option<Expr>, at: usize) -> Result<Expr, Mistake> {
        match (of, pattern) {
            (Some(of), Some(Expr::Literal(Literal::Text(pattern)))) => {
                let regex = Regex::new(&pattern, self.scope.dialect).or_else(|what| self.wrong(at, what))?;
                Ok(Expr::Matches(Box::new(of), regex))
            }
            _ => self
                .wrong(at, "the pattern of matches() is not written out; it is compiled once, and not for each record"),
        }
    }

    fn fold(&mut self, how: Macro, over: Expr, name: &str) -> Result<Expr, Mistake> {
        let at = self.at();
        let local = self.name("the name of a variable")?;
        if local == "true" || local == "false" || local == "null" || RESERVED.contains(&local.as_str()) {
            return self.wrong(at, format!("{local:?} is a reserved word"));
        }
        self.expect(",")?;
        self.locals.push(local);
        let first = self.ternary();
        let second = match first {
            Ok(_) if self.sign(",") => self.ternary().map(Some),
            _ => Ok(None),
        };
        self.locals.pop();
        let (first, second) = (first?, second?);
        self.expect(")")?;
        let (keep, body) = match (how, second) {
            (_, None) => (None, first),
            (Macro::Map, Some(body)) => (Some(first), body),
            _ => return self.wrong(at, format!("{name}() takes a variable and a condition")),
        };
        Ok(Expr::Fold(Box::new(Fold { how, over, keep, body })))
    }
}
