//! A static member that dies between being told to give partitions back and joining again: the hole that Kafka leaves,
//! and what closes it.

use crate::driver::place::{broker, create, settings, wait};
use crate::driver::puppet::{Seen, Task};
use mesh_steward::flow::io::{Action, Part};
use mesh_steward::kafka::driver::Command;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Two sessions and more: whatever heals by itself has done so.
const LONG: Duration = Duration::from_secs(15);

#[test]
fn what_a_dead_static_member_leaves_is_taken_up_once_another_one_subscribes_to_a_topic_that_does_not_exist() {
    let (address, topic) = broker("orphans");
    create(&address, &topic, 4);
    let first = Task::new(settings(&address, &topic, "w1"), &[&topic]);
    assert_eq!(first.assigned().len(), 4);
    let errors = Arc::new(Mutex::new(Vec::new()));
    let mut second = settings(&address, &topic, "w2");
    let told = errors.clone();
    second.events = Arc::new(move |event| told.lock().unwrap().extend(event.code));
    let second = Task::new(second, &[&topic]);
    first.until("a rebalance", |seen| match seen {
        Seen::Revoking(parts) => Some(parts),
        Seen::Assigned(_) => {
            first.act(vec![Action::Unassign(vec![])]);
            None
        }
        _ => None,
    });
    // It dies with that on its hands, and is back within its session.
    drop(first);
    let first = Task::new(settings(&address, &topic, "w1"), &[&topic]);
    let mut group = Group { tasks: [&first, &second], owned: BTreeSet::new(), rebalances: 0 };
    group.listen(LONG, |group| group.owned.len() == 4);
    println!("had after {LONG:?}: {:?}", group.owned);
    assert_eq!(group.owned.len(), 2, "the hole is gone: ARCHITECTURE speaks of it, and `worker::orphans` heals it");
    let rejoin = |group: &mut Group<'_>, number: u64| {
        group.rebalances = 0;
        let absent = format!("_steward.rejoin-{number}");
        second.commands.send(Command::Subscribe(vec![topic.clone(), absent])).unwrap();
        group.listen(LONG, |group| group.owned.len() == 4 && group.rebalances > 0);
    };
    rejoin(&mut group, 1);
    assert_eq!(group.owned.len(), 4, "{:?}", group.owned);
    group.listen(Duration::from_secs(5), |_| false);
    rejoin(&mut group, 2);
    assert!(group.rebalances > 0, "a second one must be heard as well");
    assert!(errors.lock().unwrap().is_empty(), "a missing topic is no news: {errors:?}");
}

/// Two members that take up and give back what the group says.
struct Group<'t> {
    tasks: [&'t Task; 2],
    owned: BTreeSet<Part>,
    rebalances: usize,
}

impl Group<'_> {
    fn listen(&mut self, within: Duration, enough: impl Fn(&Self) -> bool) {
        let until = Instant::now() + within;
        while Instant::now() < until && !enough(self) {
            for task in self.tasks {
                for seen in task.seen.try_iter() {
                    match seen {
                        Seen::Assigned(parts) => {
                            self.rebalances += 1;
                            self.owned.extend(parts.iter().cloned());
                            let nothing = parts.is_empty();
                            task.act(vec![if nothing { Action::Unassign(parts) } else { Action::Assign(parts) }]);
                        }
                        Seen::Revoking(parts) | Seen::Lost(parts) => {
                            self.owned.retain(|part| !parts.contains(part));
                            task.act(vec![Action::Unassign(parts)]);
                        }
                        _ => {}
                    }
                }
            }
            wait(Duration::from_millis(50));
        }
    }
}
