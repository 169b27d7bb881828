//! Patterns that are nothing but byte classes with counts, such as `^[A-Z]{3}$`: matched in one pass over the text, at a
//! fraction of an automaton's cost.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// An anchored sequence of steps of which no byte fits two that could take it.
#[derive(Debug)]
pub struct Steps {
    steps: Box<[Step]>,
    /// Nothing comes after the last.
    ends: bool,
}

/// From `min` to `max` bytes of a class.
#[derive(Clone, Debug)]
struct Step {
    class: Box<[bool; 256]>,
    min: u32,
    max: u32,
}

/// A longer pattern is left to the automaton.
const STEPS_MAX: usize = 64;

/// What a pattern consists of, in its order.
enum Piece {
    Start,
    End,
    Step(Step),
}

impl Steps {
    /// `None`: the pattern is of another kind.
    pub fn of(pattern: &Hir) -> Option<Steps> {
        let mut pieces = Vec::new();
        flatten(pattern, &mut pieces)?;
        let mut pieces = pieces.into_iter().peekable();
        pieces.next_if(|piece| matches!(piece, Piece::Start))?;
        let mut steps = Vec::new();
        while let Some(Piece::Step(step)) = pieces.next_if(|piece| matches!(piece, Piece::Step(_))) {
            steps.push(step);
        }
        let ends = pieces.next_if(|piece| matches!(piece, Piece::End)).is_some();
        if pieces.next().is_some() || !(0..steps.len()).all(|i| takes_all_it_can(&steps[i..])) {
            return None;
        }
        Some(Steps { steps: steps.into(), ends })
    }

    pub fn is_match(&self, text: &str) -> bool {
        let mut rest = text.as_bytes();
        for Step { class, min, max } in &self.steps {
            let most = rest.len().min(*max as usize);
            let count = rest[..most].iter().take_while(|byte| class[usize::from(**byte)]).count();
            if count < *min as usize {
                return false;
            }
            rest = &rest[count..];
        }
        !self.ends || rest.is_empty()
    }
}

/// Whether the first step may take as many bytes as fit: none of the steps that could come next would have any of them.
fn takes_all_it_can(steps: &[Step]) -> bool {
    let Some((first, rest)) = steps.split_first() else { return true };
    let certain = rest.iter().position(|step| step.min > 0).map_or(rest.len(), |at| at + 1);
    let apart = |other: &Step| !first.class.iter().zip(&*other.class).any(|(a, b)| *a && *b);
    first.min == first.max || rest[..certain].iter().all(apart)
}

/// Recursion goes as deep as the parser of patterns let them go.
fn flatten(hir: &Hir, into: &mut Vec<Piece>) -> Option<()> {
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Look(Look::Start) => into.push(Piece::Start),
        HirKind::Look(Look::End) => into.push(Piece::End),
        HirKind::Literal(literal) => into.extend(literal.0.iter().map(|byte| one_of(*byte..=*byte))),
        HirKind::Class(Class::Unicode(class)) => {
            let ascii = |c: char| u8::try_from(c).ok().filter(u8::is_ascii);
            let ranges: Option<Vec<_>> =
                class.iter().map(|range| Some(ascii(range.start())?..=ascii(range.end())?)).collect();
            into.push(one_of(ranges?.into_iter().flatten()));
        }
        HirKind::Capture(capture) => flatten(&capture.sub, into)?,
        HirKind::Concat(all) => all.iter().try_for_each(|one| flatten(one, into))?,
        HirKind::Repetition(repetition) => {
            let mut sub = Vec::new();
            flatten(&repetition.sub, &mut sub)?;
            match sub.as_slice() {
                [Piece::Step(step)] if step.min == 1 && step.max == 1 => into.push(Piece::Step(Step {
                    class: step.class.clone(),
                    min: repetition.min,
                    max: repetition.max.unwrap_or(u32::MAX),
                })),
                _ if repetition.max == Some(repetition.min) && repetition.min as usize <= STEPS_MAX => {
                    for _ in 0..repetition.min {
                        flatten(&repetition.sub, into)?;
                    }
                }
                _ => return None,
            }
        }
        _ => return None,
    }
    (into.len() <= STEPS_MAX).then_some(())
}

fn one_of(bytes: impl IntoIterator<Item = u8>) -> Piece {
    let mut class = Box::new([false; 256]);
    bytes.into_iter().for_each(|byte| class[usize::from(byte)] = true);
    Piece::Step(Step { class, min: 1, max: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn steps(pattern: &str) -> Option<Steps> {
        Steps::of(&regex_syntax::parse(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}")))
    }

    #[test]
    fn only_what_one_pass_decides_is_taken() {
        for pattern in ["^[A-Z]{3}$", "^ab", "^a*b+c?$", "^([0-9a-f]{4}-){3}[0-9]$", "^(?<y>[a-c])$", "^éx$", "^$", "^"]
        {
            assert!(steps(pattern).is_some(), "{pattern}");
        }
        for pattern in [
            "a$", "^a*a$", "^a?[ab]$", "^a|b$", "^.$", "^[^a]$", "a^b", "^a$b", "^(ab)*$", "^(?i)k$", "(?m)^a$", "^é+$",
        ] {
            assert!(steps(pattern).is_none(), "{pattern}");
        }
    }

    fn piece() -> impl Strategy<Value = String> {
        let class =
            prop_oneof![Just("a"), Just("[a-c]"), Just("[bc]"), Just("[0-9]"), Just("(ab)"), Just("é"), Just("-")];
        let count = prop_oneof![
            Just(""),
            Just("?"),
            Just("*"),
            Just("+"),
            Just("{2}"),
            Just("{1,3}"),
            Just("{2,}"),
            Just("+?")
        ];
        (class, count).prop_map(|(class, count)| format!("{class}{count}"))
    }

    proptest! {
        #[test]
        fn steps_match_what_the_regex_matches(
            pieces in proptest::collection::vec(piece(), 0..5), ends: bool, text in "[abc0\\-é]{0,8}",
        ) {
            let pattern = format!("^{}{}", pieces.concat(), if ends { "$" } else { "" });
            if let Some(steps) = steps(&pattern) {
                let regex = regex::Regex::new(&pattern).expect("a pattern");
                prop_assert_eq!(steps.is_match(&text), regex.is_match(&text), "{} in {:?}", pattern, text);
            }
        }
    }
}
