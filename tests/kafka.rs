//! The daemon, and what it stands on, with a real Apache Kafka.

mod broker;
mod kafka {
    mod harness; // the broker itself: what the other tests take for granted
    mod oracle; // orders with planted faults, and what must be found
    mod verdicts; // what was found
    mod worker; // a daemon of one's own
    mod mesh; // a scenario's topic, oracle and workers

    mod million; // a million orders, exactly
    mod kills; // kill -9
    mod stops; // SIGTERM, SIGSTOP, one id twice
    mod logs; // topics that grow, are cut, start again, hold what was aborted
    mod changes; // contracts, brokers
}
