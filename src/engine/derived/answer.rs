//! What an engine said of a job, whichever engine it is.

use crate::engine::derived::usecase::State;

/// How a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub state: State,
    /// What the engine says beside it.
    pub message: Option<String>,
    /// Other names of the jobs, where the engine gave them meanwhile.
    pub jobs: Vec<String>,
}

impl Standing {
    pub fn of(state: State) -> Standing {
        Standing { state, message: None, jobs: Vec::new() }
    }

    pub fn because(state: State, message: impl Into<String>) -> Standing {
        Standing { state, message: Some(message.into()), jobs: Vec::new() }
    }
}

/// How several jobs of one run stand together: one that fails fails the run; it ends when all have ended.
pub fn together(all: Vec<Standing>) -> Option<Standing> {
    let weight = |standing: &Standing| match standing.state {
        State::Failed => 0,
        State::Asked | State::Starting | State::Running | State::Stopping => 1,
        State::Cancelled => 2,
        State::Finished => 3,
    };
    let jobs: Vec<String> = all.iter().flat_map(|standing| standing.jobs.clone()).collect();
    let worst = all.into_iter().min_by_key(weight)?;
    Some(Standing { jobs, ..worst })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_stands_as_the_worst_of_its_jobs() {
        let check = |states: &[State], expected: Option<State>| {
            let all = states.iter().map(|state| Standing::of(*state)).collect();
            assert_eq!(together(all).map(|standing| standing.state), expected, "{states:?}");
        };
        check(&[], None);
        check(&[State::Finished, State::Running], Some(State::Running));
        check(&[State::Running, State::Failed], Some(State::Failed));
        check(&[State::Finished, State::Cancelled], Some(State::Cancelled));
        check(&[State::Finished, State::Finished], Some(State::Finished));
    }
}
