//! librdkafka's errors, classified into what the flow knows: may I repeat it, must I abort, is the producer lost?
//!
//! No error says whether a transaction committed; only the committed offsets do.

use crate::flow::io::{Fault, FaultKind};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// What librdkafka says of an error beside its code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    pub fatal: bool,
    pub abortable: bool,
    pub retriable: bool,
}

/// An error of the transactional producer's calls.
pub fn of_producer(call: &str, error: &KafkaError) -> Fault {
    match error {
        KafkaError::Transaction(e) => {
            let flags = Flags { fatal: e.is_fatal(), abortable: e.txn_requires_abort(), retriable: e.is_retriable() };
            of_transaction(call, e.code(), flags, &e.string())
        }
        // Settings that librdkafka refuses.
        KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) => {
            Fault { kind: FaultKind::Configuration, message: format!("{call}: {error}") }
        }
        other => {
            let code = other.rdkafka_error_code().unwrap_or(Code::Fail);
            of_transaction(call, code, Flags::default(), &other.to_string())
        }
    }
}

/// The same, where only code, flags and text are known.
pub fn of_transaction(call: &str, code: Code, flags: Flags, text: &str) -> Fault {
    Fault { kind: producer_kind(code, flags), message: format!("{call}: {code:?}: {text}") }
}

/// An error of a commit without a transaction. Nothing else hangs on it: it is done again, or what it was of is read again.
pub fn of_commit(code: Code, text: &str) -> Fault {
    let kind = match code {
        Code::FencedInstanceId => FaultKind::InstanceFenced,
        Code::GroupAuthorizationFailed | Code::TopicAuthorizationFailed | Code::OffsetMetadataTooLarge => {
            FaultKind::Configuration
        }
        // A rebalance is under way: the client learns its new generation while it is polled.
        Code::RebalanceInProgress | Code::IllegalGeneration => FaultKind::Retriable,
        code if passing(code) => FaultKind::Retriable,
        _ => FaultKind::Abortable,
    };
    Fault { kind, message: format!("commit: {code:?}: {text}") }
}

/// An error of a question: committed offsets, topics, ends of logs, a log read. Nothing was changed by it.
pub fn of_question(call: &str, code: Code, text: &str) -> Fault {
    Fault { kind: question_kind(code), message: format!("{call}: {code:?}: {text}") }
}

/// The consumer's fatal error, as `rd_kafka_fatal_error` names it.
pub fn of_consumer(code: Code, text: &str) -> Fault {
    Fault { kind: consumer_kind(code), message: format!("consumer: {code:?}: {text}") }
}

/// One message's failure, and whether it is the fault of that message's output alone.
pub fn of_delivery(topic: &str, code: Code) -> (Fault, bool) {
    let (kind, own) = delivery_kind(code);
    (Fault { kind, message: format!("produce to {topic}: {code:?}: {code}") }, own)
}

fn producer_kind(code: Code, flags: Flags) -> FaultKind {
    match code {
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch if !flags.abortable => FaultKind::Fenced,
        Code::TransactionalIdAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::InvalidTransactionTimeout
        | Code::UnsupportedFeature
        | Code::UnsupportedVersion
        | Code::NotConfigured
        | Code::SecurityDisabled
        // Our own bug: shortening it silently would lose a fact.
        | Code::OffsetMetadataTooLarge => FaultKind::Configuration,
        _ if flags.fatal => FaultKind::Fatal,
        _ if flags.abortable => FaultKind::Abortable,
        _ if flags.retriable => FaultKind::Retriable,
        // Called out of turn: what state it is in is not known, a new producer's is.
        Code::State | Code::Conflict | Code::PreviousInProgress => FaultKind::Fatal,
        _ if passing(code) => FaultKind::Retriable,
        _ => FaultKind::Fatal,
    }
}

fn question_kind(code: Code) -> FaultKind {
    match code {
        Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::InvalidGroupId
        | Code::UnsupportedFeature
        | Code::UnsupportedVersion
        | Code::SecurityDisabled => FaultKind::Configuration,
        // A question may always be asked again; the flow has the deadline.
        _ => FaultKind::Retriable,
    }
}

fn consumer_kind(code: Code) -> FaultKind {
    match code {
        Code::FencedInstanceId | Code::UnreleasedInstanceId => FaultKind::InstanceFenced,
        Code::UnsupportedFeature
        | Code::UnsupportedVersion
        | Code::UnsupportedAssignor
        | Code::InconsistentGroupProtocol
        | Code::InvalidSessionTimeout
        | Code::InvalidGroupId
        | Code::GroupAuthorizationFailed => FaultKind::Configuration,
        _ => FaultKind::Fatal,
    }
}

fn delivery_kind(code: Code) -> (FaultKind, bool) {
    match code {
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => (FaultKind::Fenced, false),
        Code::TransactionalIdAuthorizationFailed | Code::ClusterAuthorizationFailed => {
            (FaultKind::Configuration, false)
        }
        Code::MessageSizeTooLarge
        | Code::InvalidMessageSize
        | Code::MessageBatchTooLarge
        | Code::TopicAuthorizationFailed
        | Code::UnknownTopicOrPartition
        | Code::UnknownTopic
        | Code::UnknownPartition
        | Code::InvalidTopic
        | Code::MessageTimedOut
        | Code::InvalidRecord
        | Code::InvalidTimestamp
        | Code::PolicyViolation
        | Code::NotEnoughReplicas
        | Code::NotEnoughReplicasAfterAppend => (FaultKind::Abortable, true),
        // `PurgeQueue`, `PurgeInflight` are the echo of an abort; the rest is no one output's.
        _ => (FaultKind::Abortable, false),
    }
}

/// Errors that pass by themselves.
fn passing(code: Code) -> bool {
    matches!(
        code,
        Code::OperationTimedOut
            | Code::TimedOutQueue
            | Code::RequestTimedOut
            | Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve
            | Code::WaitingForCoordinator
            | Code::InProgress
            | Code::Retry
            | Code::QueueFull
            | Code::NetworkException
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::BrokerNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::NotCoordinator
            | Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
            | Code::ConcurrentTransactions
            | Code::UnstableOffsetCommit
            | Code::Authentication
            | Code::SSL
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FATAL: Flags = Flags { fatal: true, abortable: false, retriable: false };
    const ABORT: Flags = Flags { fatal: false, abortable: true, retriable: false };
    const RETRY: Flags = Flags { fatal: false, abortable: false, retriable: true };
    const NONE: Flags = Flags { fatal: false, abortable: false, retriable: false };

    #[test]
    fn producer_errors_fall_into_the_kinds_of_the_error_table() {
        let check = |code, flags, kind| assert_eq!(producer_kind(code, flags), kind, "{code:?} {flags:?}");
        check(Code::OperationTimedOut, RETRY, FaultKind::Retriable);
        check(Code::OperationTimedOut, NONE, FaultKind::Retriable);
        check(Code::BrokerTransportFailure, RETRY, FaultKind::Retriable);
        check(Code::ConcurrentTransactions, NONE, FaultKind::Retriable);
        check(Code::IllegalGeneration, ABORT, FaultKind::Abortable);
        check(Code::UnknownMemberId, ABORT, FaultKind::Abortable);
        check(Code::FencedInstanceId, ABORT, FaultKind::Abortable);
        check(Code::Inconsistent, ABORT, FaultKind::Abortable);
        check(Code::InvalidTransactionalState, ABORT, FaultKind::Abortable);
        check(Code::InvalidTransactionalState, FATAL, FaultKind::Fatal);
        check(Code::InvalidProducerIdMapping, ABORT, FaultKind::Abortable);
        check(Code::InvalidProducerIdMapping, FATAL, FaultKind::Fatal);
        check(Code::UnknownProducerId, ABORT, FaultKind::Abortable);
        check(Code::Fenced, FATAL, FaultKind::Fenced);
        check(Code::ProducerFenced, FATAL, FaultKind::Fenced);
        check(Code::InvalidProducerEpoch, FATAL, FaultKind::Fenced);
        check(Code::TransactionalIdAuthorizationFailed, FATAL, FaultKind::Configuration);
        check(Code::InvalidTransactionTimeout, FATAL, FaultKind::Configuration);
        check(Code::UnsupportedFeature, FATAL, FaultKind::Configuration);
        check(Code::OffsetMetadataTooLarge, ABORT, FaultKind::Configuration);
        check(Code::State, NONE, FaultKind::Fatal);
        check(Code::Conflict, NONE, FaultKind::Fatal);
        check(Code::PreviousInProgress, NONE, FaultKind::Fatal);
        check(Code::TopicAuthorizationFailed, ABORT, FaultKind::Abortable);
    }

    #[test]
    fn two_workers_with_one_id_are_told_from_other_fatal_consumer_errors() {
        let check = |code, kind| assert_eq!(consumer_kind(code), kind, "{code:?}");
        check(Code::FencedInstanceId, FaultKind::InstanceFenced);
        check(Code::UnreleasedInstanceId, FaultKind::InstanceFenced);
        check(Code::UnsupportedVersion, FaultKind::Configuration);
        check(Code::Fatal, FaultKind::Fatal);
    }

    #[test]
    fn a_failed_message_blames_its_output_or_nobody() {
        let check = |code, kind, own| assert_eq!(delivery_kind(code), (kind, own), "{code:?}");
        check(Code::MessageSizeTooLarge, FaultKind::Abortable, true);
        check(Code::TopicAuthorizationFailed, FaultKind::Abortable, true);
        check(Code::UnknownTopicOrPartition, FaultKind::Abortable, true);
        check(Code::MessageTimedOut, FaultKind::Abortable, true);
        check(Code::PurgeQueue, FaultKind::Abortable, false);
        check(Code::PurgeInflight, FaultKind::Abortable, false);
        check(Code::BrokerTransportFailure, FaultKind::Abortable, false);
        check(Code::InvalidProducerEpoch, FaultKind::Fenced, false);
    }

    #[test]
    fn a_question_is_asked_again_unless_rights_are_missing() {
        let check = |code, kind| assert_eq!(question_kind(code), kind, "{code:?}");
        check(Code::OperationTimedOut, FaultKind::Retriable);
        check(Code::UnstableOffsetCommit, FaultKind::Retriable);
        check(Code::GroupAuthorizationFailed, FaultKind::Configuration);
    }
}
