//! An object of a contract as a `.proto` file (proto3).

use crate::engine::contract::exchange::export::names::{Names, is_identifier, type_name};
use crate::engine::contract::exchange::export::outline::tell_lost;
use crate::engine::contract::exchange::outline::{Field, Object, below};
use crate::engine::contract::exchange::tree::Tree;
use crate::engine::contract::exchange::unsaid::Unsaid;
use crate::engine::contract::model::LogicalType;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Fields have the numbers of the contract's order: once records are written, they are to be kept by hand.
pub fn file(object: &Object, unsaid: &mut Unsaid) -> String {
    if !object.quality.is_empty() {
        unsaid.tell("", "quality of the object: not said");
    }
    unsaid.tell("", "fields are numbered in the contract's order: once records are written, keep their numbers");
    let package =
        object.custom.iter().find(|(name, _)| name == "protobuf.package").and_then(|(_, value)| value.as_text());
    let package = package.filter(|package| package.split('.').all(is_identifier));
    let mut writer = Writer { imports: BTreeSet::new(), unsaid };
    let name = Names::default().legal(&object.name, "", writer.unsaid);
    let mut body = String::new();
    comment(object.text.as_deref(), 0, &mut body);
    writer.message(&name, &object.fields, "", 0, &mut body);
    let mut out = "syntax = \"proto3\";\n".to_owned();
    if let Some(package) = package {
        let _ = writeln!(out, "package {package};");
    }
    for import in writer.imports {
        let _ = writeln!(out, "import \"{import}\";");
    }
    out + "\n" + &body
}

struct Writer<'u> {
    imports: BTreeSet<&'static str>,
    unsaid: &'u mut Unsaid,
}

impl Writer<'_> {
    fn message(&mut self, name: &str, fields: &[Field], at: &str, indent: usize, out: &mut String) {
        line(out, indent, &format!("message {name} {{"));
        // Fields, types and symbols of a message are of one scope; fields go before.
        let mut scope = Names::default();
        let called = |field: &Field| {
            let name = field.physical_name.as_deref().unwrap_or(&field.name);
            scope.field(name, &below(at, &field.name), self.unsaid)
        };
        let names: Vec<String> = fields.iter().map(called).collect();
        let mut within = String::new();
        for (number, (field, name)) in numbers().zip(fields.iter().zip(names)) {
            let at = below(at, &field.name);
            let mut place = Place { scope: &mut scope, indent: indent + 1, within: &mut within };
            let kind = self.kind(field, &name, &at, &mut place);
            let repeated =
                matches!(field.logical, Some(LogicalType::Array | LogicalType::Vector)) && !kind.starts_with("google.");
            let label = match () {
                _ if repeated => "repeated ",
                _ if kind.starts_with("map<") || field.required => "",
                _ => "optional ",
            };
            if field.required {
                self.unsaid.tell(&at, "that it is required is not said: proto3 has no such fields");
            }
            comment(field.text.as_deref(), indent + 1, out);
            line(out, indent + 1, &format!("{label}{kind} {name} = {number};"));
        }
        out.push_str(&within);
        line(out, indent, "}");
    }

    /// The type, defined in `place` where it has to be.
    fn kind(&mut self, field: &Field, name: &str, at: &str, place: &mut Place<'_>) -> String {
        let physical = field.physical_type.as_deref().unwrap_or_default();
        let format = field.option("format").and_then(Tree::as_text).unwrap_or_default();
        let mut said: &[&str] = &[];
        let kind = match field.logical {
            Some(LogicalType::String) if is_enum(field, place.scope) => {
                let name = place.scope.free(&type_name(name));
                let indent = place.indent;
                line(place.within, indent, &format!("enum {name} {{"));
                for (number, value) in field.values.iter().enumerate() {
                    let symbol = value.word();
                    line(place.within, indent + 1, &format!("{symbol} = {number};"));
                    place.scope.free(&symbol);
                }
                line(place.within, indent, "}");
                tell_lost(field, at, &[], &[], self.unsaid);
                return name;
            }
            Some(LogicalType::String) => (if physical == "bytes" { "bytes" } else { "string" }).to_owned(),
            Some(LogicalType::Timestamp) if format.is_empty() => {
                said = &["timezone"];
                self.imports.insert("google/protobuf/timestamp.proto");
                "google.protobuf.Timestamp".to_owned()
            }
            Some(LogicalType::Date | LogicalType::Time | LogicalType::Timestamp) => {
                self.unsaid.tell(at, "it is text: Protobuf has no such type of its own");
                "string".to_owned()
            }
            Some(LogicalType::Integer) => {
                let (kind, by) = integer(physical, format);
                said = if by { &["format"] } else { &[] };
                kind.to_owned()
            }
            Some(LogicalType::Number) => {
                if physical.starts_with("decimal") || physical.starts_with("numeric") {
                    self.unsaid.tell(at, format!("{physical} is a double, which rounds"));
                }
                said = &["format"];
                (if physical == "float" || format == "f32" { "float" } else { "double" }).to_owned()
            }
            Some(LogicalType::Boolean) => "bool".to_owned(),
            Some(LogicalType::Object) if field.fields.is_empty() => self.of_google("Struct"),
            Some(LogicalType::Object) => {
                let name = place.scope.free(&type_name(name));
                let mut inner = String::new();
                self.message(&name, &field.fields, at, place.indent, &mut inner);
                place.within.push_str(&inner);
                name
            }
            Some(LogicalType::Array | LogicalType::Vector) => {
                let nested = |items: &Field| {
                    matches!(items.logical, Some(LogicalType::Array | LogicalType::Vector | LogicalType::Map))
                };
                match field.items.as_deref() {
                    None if field.logical == Some(LogicalType::Vector) => "double".to_owned(),
                    Some(items) if !nested(items) => self.kind(items, name, &below(at, ""), place),
                    items => {
                        let what = if items.is_some() { "a list of lists" } else { "what it holds" };
                        self.unsaid.tell(at, format!("{what} is not said: it may hold anything"));
                        self.of_google("ListValue")
                    }
                }
            }
            Some(LogicalType::Map) => match field.items.as_deref() {
                Some(values)
                    if !matches!(values.logical, Some(LogicalType::Array | LogicalType::Vector | LogicalType::Map)) =>
                {
                    let values = self.kind(values, name, &field.within(at), place);
                    format!("map<string, {values}>")
                }
                _ => {
                    self.unsaid.tell(at, "what the map holds is not said");
                    self.of_google("Struct")
                }
            },
            None => {
                self.unsaid.tell(at, "the contract says no type: it may be anything");
                self.of_google("Value")
            }
        };
        if !field.values.is_empty() {
            self.unsaid
                .tell(at, "the list of its values is not said: they are no symbols, or another field has one of them");
        }
        tell_lost(field, at, said, &[], self.unsaid);
        kind
    }

    fn of_google(&mut self, name: &str) -> String {
        self.imports.insert("google/protobuf/struct.proto");
        format!("google.protobuf.{name}")
    }
}

/// Where types that a field needs are defined.
struct Place<'p> {
    scope: &'p mut Names,
    indent: usize,
    within: &'p mut String,
}

/// 19000 to 19999 are Protobuf's own.
fn numbers() -> impl Iterator<Item = u32> {
    (1..).filter(|number| !(19_000..20_000).contains(number))
}

/// The type, and whether it says what the format does.
fn integer<'f>(physical: &'f str, format: &str) -> (&'f str, bool) {
    let all = ["int32", "sint32", "sfixed32", "int64", "sint64", "sfixed64", "uint32", "fixed32", "uint64", "fixed64"];
    let by_format = match format {
        "i8" | "i16" | "i32" => "int32",
        "u8" | "u16" | "u32" => "uint32",
        "u64" => "uint64",
        _ => "int64",
    };
    let is_whole = ["i32", "i64", "u32", "u64"].contains(&format);
    match all.contains(&physical) {
        true => (physical, is_whole),
        false => (by_format, is_whole),
    }
}

fn is_enum(field: &Field, scope: &Names) -> bool {
    let is_symbol = |value: &Tree| value.as_text().is_some_and(|text| is_identifier(text) && !scope.has(text));
    let distinct = field.values.iter().enumerate().all(|(place, value)| !field.values[..place].contains(value));
    !field.values.is_empty() && field.values.iter().all(is_symbol) && distinct
}

fn line(out: &mut String, indent: usize, text: &str) {
    let _ = writeln!(out, "{:width$}{text}", "", width = 2 * indent);
}

fn comment(text: Option<&str>, indent: usize, out: &mut String) {
    // What ends a line anywhere ends the comment.
    let lines = text.unwrap_or_default().split(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'));
    lines.filter(|text| !text.trim().is_empty()).for_each(|text| line(out, indent, &format!("// {text}")));
}
