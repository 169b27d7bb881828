//! CEL's grammar by recursive descent, straight into the tree of operations: names are resolved where they stand.

use crate::engine::decode::path::{FieldPath, Step};
use crate::engine::expr::cel::token::{Kind, Mistake, Token, tokens};
use crate::engine::expr::program::{Comparison, Expr, Literal, Operator, Program, Variable};
use crate::engine::expr::regex::Dialect;

/// What an expression may name.
#[derive(Clone, Copy)]
pub struct Scope<'s> {
    pub variables: &'s [(&'s str, Variable)],
    /// Fields of the record that stand for themselves: `amount` is `message.amount`.
    pub fields: &'s dyn Fn(&str) -> Option<FieldPath>,
    pub dialect: Dialect,
}

/// Longer than anybody writes by hand.
pub const TEXT_MAX_BYTES: usize = 64 << 10;
/// Brackets, operators and macros inside each other. A level takes the parser a dozen frames.
const DEPTH_MAX: usize = 64;

/// What cel-spec reserves, beside `true`, `false`, `null` and `in`.
pub(super) const RESERVED: [&str; 18] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
    "in",
];

/// Compiles a text. The error says what is wrong, and at which byte.
pub fn parse(text: &str, scope: &Scope<'_>) -> Result<Program, Mistake> {
    let mut program =
        Program { guard: None, body: Expr::Literal(Literal::Null), slots: Vec::new(), doubles: Vec::new() };
    program.body = expression(text, scope, &mut program.slots)?;
    Ok(program)
}

/// One more expression about the same slots.
pub fn expression(text: &str, scope: &Scope<'_>, slots: &mut Vec<FieldPath>) -> Result<Expr, Mistake> {
    if text.len() > TEXT_MAX_BYTES {
        return Err(Mistake { at: 0, what: format!("the expression is longer than {TEXT_MAX_BYTES} bytes") });
    }
    let mut parser = Parser { tokens: tokens(text)?, next: 0, scope, slots, locals: Vec::new(), depth: 0 };
    let expr = parser.ternary()?;
    match parser.peek() {
        Kind::End => Ok(expr),
        _ => parser.unexpected("an operator, or the end"),
    }
}

pub(super) struct Parser<'p> {
    tokens: Vec<Token>,
    pub(super) next: usize,
    pub(super) scope: &'p Scope<'p>,
    slots: &'p mut Vec<FieldPath>,
    /// Variables of the macros that are open.
    pub(super) locals: Vec<String>,
    depth: usize,
}

impl Parser<'_> {
    pub(super) fn peek(&self) -> &Kind {
        self.ahead(0)
    }

    pub(super) fn ahead(&self, by: usize) -> &Kind {
        self.tokens.get(self.next + by).map_or(&Kind::End, |token| &token.kind)
    }

    pub(super) fn at(&self) -> usize {
        self.tokens.get(self.next).or(self.tokens.last()).map_or(0, |token| token.at)
    }

    pub(super) fn wrong<T>(&self, at: usize, what: impl Into<String>) -> Result<T, Mistake> {
        Err(Mistake { at, what: what.into() })
    }

    fn unexpected<T>(&self, wanted: &str) -> Result<T, Mistake> {
        let found = match self.peek() {
            Kind::End => "the end".to_owned(),
            Kind::Name(name) => format!("{name:?}"),
            Kind::Sign(sign) => format!("{sign:?}"),
            Kind::Text(_) | Kind::Bytes(_) => "a text".to_owned(),
            Kind::Int(_) | Kind::Uint(_) | Kind::Double(_) => "a number".to_owned(),
        };
        self.wrong(self.at(), format!("{found} where {wanted} should stand"))
    }

    /// Takes the sign if it comes next.
    pub(super) fn sign(&mut self, sign: &str) -> bool {
        let is = matches!(self.peek(), Kind::Sign(found) if *found == sign);
        self.next += usize::from(is);
        is
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<(), Mistake> {
        if self.sign(sign) { Ok(()) } else { self.unexpected(&format!("{sign:?}")) }
    }

    pub(super) fn name(&mut self, wanted: &str) -> Result<String, Mistake> {
        match self.peek() {
            Kind::Name(name) => {
                let name = name.clone();
                self.next += 1;
                Ok(name)
            }
            _ => self.unexpected(wanted),
        }
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, Mistake>) -> Result<T, Mistake> {
        if self.depth >= DEPTH_MAX {
            return self.wrong(self.at(), format!("the expression is nested deeper than {DEPTH_MAX}"));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    pub(super) fn ternary(&mut self) -> Result<Expr, Mistake> {
        self.deeper(|this| {
            let condition = this.or()?;
            if !this.sign("?") {
                return Ok(condition);
            }
            let then = this.deeper(Self::or)?;
            this.expect(":")?;
            let otherwise = this.ternary()?;
            Ok(Expr::If(Box::new((condition, then, otherwise))))
        })
    }

    /// A chain of one operator leans to the middle: as deep as its length's logarithm, and not as its length.
    fn chain(
        &mut self,
        sign: &str,
        operand: fn(&mut Self) -> Result<Expr, Mistake>,
        join: fn(Box<(Expr, Expr)>) -> Expr,
    ) -> Result<Expr, Mistake> {
        let mut operands = vec![operand(self)?];
        while self.sign(sign) {
            operands.push(operand(self)?);
        }
        while operands.len() > 1 {
            let mut joined = Vec::with_capacity(operands.len().div_ceil(2));
            let mut left = operands.into_iter();
            while let Some(first) = left.next() {
                joined.push(match left.next() {
                    Some(second) => join(Box::new((first, second))),
                    None => first,
                });
            }
            operands = joined;
        }
        operands.pop().map_or_else(|| self.unexpected("an expression"), Ok)
    }

    fn or(&mut self) -> Result<Expr, Mistake> {
        self.chain("||", Self::and, Expr::Or)
    }

    fn and(&mut self) -> Result<Expr, Mistake> {
        self.chain("&&", Self::relation, Expr::And)
    }

    fn relation(&mut self) -> Result<Expr, Mistake> {
        let mut left = self.sum()?;
        for length in 0.. {
            let comparison = match self.peek() {
                Kind::Sign("==") => Some(Comparison::Equal),
                Kind::Sign("!=") => Some(Comparison::NotEqual),
                Kind::Sign("<") => Some(Comparison::Less),
                Kind::Sign("<=") => Some(Comparison::LessOrEqual),
                Kind::Sign(">") => Some(Comparison::Greater),
                Kind::Sign(">=") => Some(Comparison::GreaterOrEqual),
                Kind::Name(name) if name == "in" => None,
                _ => break,
            };
            self.bounded(length)?;
            self.next += 1;
            let sides = Box::new((left, self.sum()?));
            left = match comparison {
                Some(comparison) => Expr::Compare(comparison, sides),
                None => Expr::In(sides),
            };
        }
        Ok(left)
    }

    /// Operators side by side make a tree as deep as there are of them.
    fn bounded(&self, length: usize) -> Result<(), Mistake> {
        if length < 4 * DEPTH_MAX {
            return Ok(());
        }
        self.wrong(self.at(), format!("more than {} operators or fields in a row", 4 * DEPTH_MAX))
    }

    fn sum(&mut self) -> Result<Expr, Mistake> {
        self.computed(Self::product, |sign| match sign {
            "+" => Some(Operator::Add),
            "-" => Some(Operator::Subtract),
            _ => None,
        })
    }

    fn product(&mut self) -> Result<Expr, Mistake> {
        self.computed(Self::unary, |sign| match sign {
            "*" => Some(Operator::Multiply),
            "/" => Some(Operator::Divide),
            "%" => Some(Operator::Remainder),
            _ => None,
        })
    }

    fn computed(
        &mut self,
        operand: fn(&mut Self) -> Result<Expr, Mistake>,
        operator: fn(&str) -> Option<Operator>,
    ) -> Result<Expr, Mistake> {
        let mut left = operand(self)?;
        for length in 0.. {
            let Kind::Sign(sign) = self.peek() else { break };
            let Some(operator) = operator(sign) else { break };
            self.bounded(length)?;
            self.next += 1;
            left = Expr::Compute(operator, Box::new((left, operand(self)?)));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, Mistake> {
        if self.sign("!") {
            return self.deeper(|this| Ok(Expr::Not(Box::new(this.unary()?))));
        }
        if !self.sign("-") {
            return self.member();
        }
        match *self.peek() {
            Kind::Int(number) => {
                self.next += 1;
                // At most 2^63, which wraps to itself.
                self.members(Expr::Literal(Literal::Int((number as i64).wrapping_neg())))
            }
            Kind::Double(number) => {
                self.next += 1;
                self.members(Expr::Literal(Literal::Double(-number)))
            }
            _ => self.deeper(|this| Ok(Expr::Negate(Box::new(this.unary()?)))),
        }
    }

    fn member(&mut self) -> Result<Expr, Mistake> {
        let first = self.primary()?;
        self.members(first)
    }

    /// Fields, methods and indexes behind a value.
    fn members(&mut self, mut of: Expr) -> Result<Expr, Mistake> {
        for length in 0.. {
            self.bounded(length)?;
            if self.sign(".") {
                let at = self.at();
                let name = self.name("the name of a field or a function")?;
                of = if self.sign("(") { self.method(of, &name, at)? } else { self.select(of, &name) };
            } else if self.sign("[") {
                let index = self.ternary()?;
                self.expect("]")?;
                of = match index {
                    Expr::Literal(Literal::Text(name)) if self.path(&of).is_some() => self.select(of, &name),
                    index => Expr::Index(Box::new(of), Box::new(index)),
                };
            } else {
                break;
            }
        }
        Ok(of)
    }

    /// Where a value stands in the record, if it is one of its fields or the record.
    fn path(&self, of: &Expr) -> Option<FieldPath> {
        match of {
            Expr::Variable(Variable::Record) => Some(FieldPath::default()),
            Expr::Field(slot) => self.slots.get(*slot as usize).cloned(),
            _ => None,
        }
    }

    fn select(&mut self, of: Expr, name: &str) -> Expr {
        match self.path(&of) {
            Some(mut path) => {
                path.0.push(Step::Name(name.to_owned()));
                Expr::Field(self.slot(path))
            }
            None => Expr::Select(Box::new(of), name.into()),
        }
    }

    pub(super) fn slot(&mut self, path: FieldPath) -> u32 {
        let known = self.slots.iter().position(|slot| *slot == path);
        known.unwrap_or_else(|| {
            self.slots.push(path);
            self.slots.len() - 1
        }) as u32
    }

    fn primary(&mut self) -> Result<Expr, Mistake> {
        let at = self.at();
        let literal = match self.peek() {
            Kind::Int(number) => match i64::try_from(*number) {
                Ok(number) => Literal::Int(number),
                Err(_) => return self.wrong(at, format!("{number} is no number of 64 bits")),
            },
            Kind::Uint(number) => Literal::Uint(*number),
            Kind::Double(number) => Literal::Double(*number),
            Kind::Text(text) => Literal::Text(text.as_str().into()),
            Kind::Bytes(bytes) => Literal::Bytes(bytes.as_slice().into()),
            _ => return self.composed(at),
        };
        self.next += 1;
        Ok(Expr::Literal(literal))
    }

    fn composed(&mut self, at: usize) -> Result<Expr, Mistake> {
        if self.sign("(") {
            let inner = self.ternary()?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.sign("[") {
            return Ok(Expr::List(self.list("]")?.into()));
        }
        if self.sign("{") {
            let mut pairs = Vec::new();
            while !self.sign("}") {
                let key = self.ternary()?;
                self.expect(":")?;
                pairs.push((key, self.ternary()?));
                if !self.sign(",") {
                    self.expect("}")?;
                    break;
                }
            }
            return Ok(Expr::Map(pairs.into()));
        }
        self.sign(".");
        let name = self.name("an expression")?;
        match name.as_str() {
            "true" => return Ok(Expr::Literal(Literal::Bool(true))),
            "false" => return Ok(Expr::Literal(Literal::Bool(false))),
            "null" => return Ok(Expr::Literal(Literal::Null)),
            reserved if RESERVED.contains(&reserved) => {
                return self.wrong(at, format!("{reserved:?} is a reserved word"));
            }
            _ => {}
        }
        if self.sign("(") {
            return self.function(&name, at);
        }
        self.named(name, at)
    }

    /// Expressions up to a closing bracket; a comma may stand before it.
    pub(super) fn list(&mut self, end: &str) -> Result<Vec<Expr>, Mistake> {
        let mut items = Vec::new();
        while !self.sign(end) {
            items.push(self.ternary()?);
            if !self.sign(",") {
                self.expect(end)?;
                break;
            }
        }
        Ok(items)
    }
}
