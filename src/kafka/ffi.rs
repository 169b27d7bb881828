//! What rdkafka hides.
