//! The daemon, and what it stands on, with a real Apache Kafka.

mod broker;
mod kafka {
    mod harness; // the broker itself: what the other tests take for granted
}
