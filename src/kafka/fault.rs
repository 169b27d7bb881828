//! librdkafka's errors, classified.
