//! What the text of a contract gave, in whatever language.

use crate::engine::contract::fields::At;
use crate::engine::contract::model::Contract;
use crate::engine::contract::problem::{Place, Problem, Problems};
use crate::engine::contract::yaml::{self, Node};
use crate::engine::expr::weight;

/// What a text gave.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// `None`: it is no contract, or nothing says which one.
    pub contract: Option<Contract>,
    /// In the order of the document.
    pub problems: Vec<Problem>,
}

/// How a language is read.
pub type Read = fn(&At<'_>, &Problems) -> Option<Contract>;

/// Reads one document, YAML or JSON.
pub fn of(text: &str, read: Read) -> Parsed {
    let problems = Problems::default();
    let contract = match yaml::parse(text) {
        Ok(root) => of_tree(&root, &problems, read),
        Err(error) => {
            problems.syntax(error);
            None
        }
    };
    Parsed { contract, problems: problems.into_vec() }
}

/// Reads what is a tree already. `None`: it is no contract, or nothing says which one.
pub fn of_tree(root: &Node, problems: &Problems, read: Read) -> Option<Contract> {
    weight::of_one_document(|| read(&At { node: root, at: Place::root(root) }, problems))
}
