//! A contract as the standard words it: ODCS v3.1, what governs Kafka topics.
