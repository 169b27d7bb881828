//! What this principal may do, as the broker says beside the description of a thing. Asking for ACLs would need a right
//! that nobody gives a daemon; this needs none but to describe.

use crate::flow::io::Fault;
use crate::kafka::client::Context;
use crate::kafka::fault;
use crate::kafka::ffi::ask::{ask, list};
use crate::kafka::ffi::{taken, text};
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka_sys as sys;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CString, c_char};

/// An operation of Kafka's ACLs, of those that a steward needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    Read,
    Write,
    Create,
    Describe,
    DescribeConfigs,
}

/// `None`: the broker did not say. A thing that may not even be described has no right at all.
pub type Rights = Option<BTreeSet<Right>>;

/// On these topics; one that does not exist is absent.
pub fn of_topics(
    client: &Client<Context>,
    names: &[String],
    timeout_ms: i32,
) -> Result<BTreeMap<String, Rights>, Fault> {
    let texts: Vec<CString> = names.iter().filter_map(|name| CString::new(name.as_str()).ok()).collect();
    if texts.is_empty() {
        return Ok(BTreeMap::new());
    }
    let op = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
    let answer = ask(client, "rights on topics", op, timeout_ms, |options, queue| {
        let mut pointers: Vec<*const c_char> = texts.iter().map(|t| t.as_ptr()).collect();
        // SAFETY: the names live until the call returns, which copies them; the collection is destroyed once.
        unsafe {
            let _ = taken(sys::rd_kafka_AdminOptions_set_include_authorized_operations(options, 1));
            let collection = sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
            sys::rd_kafka_DescribeTopics(client.native_ptr(), collection, options, queue);
            sys::rd_kafka_TopicCollection_destroy(collection);
        }
    })?;
    let mut found = BTreeMap::new();
    // SAFETY: everything is read while `answer` is alive, through the accessors of its own type.
    unsafe {
        let (mut count, mut operations) = (0, 0);
        let result = sys::rd_kafka_event_DescribeTopics_result(answer.ptr());
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        for &topic in list(topics, count) {
            let code = sys::rd_kafka_error_code(sys::rd_kafka_TopicDescription_error(topic)).into();
            let granted = sys::rd_kafka_TopicDescription_authorized_operations(topic, &mut operations);
            let rights = rights(granted, operations);
            match code {
                Code::NoError => found.insert(text(sys::rd_kafka_TopicDescription_name(topic)), rights),
                Code::TopicAuthorizationFailed => {
                    found.insert(text(sys::rd_kafka_TopicDescription_name(topic)), Some(BTreeSet::new()))
                }
                _ => None,
            };
        }
    }
    Ok(found)
}

/// On one group, which need not exist.
pub fn of_group(client: &Client<Context>, group: &str, timeout_ms: i32) -> Result<Rights, Fault> {
    let nul = |_| fault::of_question("rights on a group", Code::InvalidArgument, "a name holds no NUL");
    let name = CString::new(group).map_err(nul)?;
    let op = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
    let answer = ask(client, "rights on a group", op, timeout_ms, |options, queue| {
        let mut names = [name.as_ptr()];
        // SAFETY: the name lives until the call returns, which copies it; options and queue are alive.
        unsafe {
            let _ = taken(sys::rd_kafka_AdminOptions_set_include_authorized_operations(options, 1));
            sys::rd_kafka_DescribeConsumerGroups(client.native_ptr(), names.as_mut_ptr(), 1, options, queue);
        }
    })?;
    // SAFETY: everything is read while `answer` is alive, through the accessors of its own type.
    unsafe {
        let (mut count, mut operations) = (0, 0);
        let result = sys::rd_kafka_event_DescribeConsumerGroups_result(answer.ptr());
        let groups = sys::rd_kafka_DescribeConsumerGroups_result_groups(result, &mut count);
        let Some(&group) = list(groups, count).first() else { return Ok(None) };
        let granted = sys::rd_kafka_ConsumerGroupDescription_authorized_operations(group, &mut operations);
        let granted = rights(granted, operations);
        Ok(match sys::rd_kafka_error_code(sys::rd_kafka_ConsumerGroupDescription_error(group)).into() {
            Code::GroupAuthorizationFailed => Some(BTreeSet::new()),
            _ => granted,
        })
    }
}

/// # Safety
/// `first` must be null or point to `count` operations.
unsafe fn rights(first: *const sys::rd_kafka_AclOperation_t, count: usize) -> Rights {
    if first.is_null() {
        return None;
    }
    // As numbers: a broker may know operations that this library does not.
    // SAFETY: by our own condition; the enumeration is a C int.
    let operations = unsafe { std::slice::from_raw_parts(first.cast::<u32>(), count) };
    let known = [
        (sys::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_READ, Right::Read),
        (sys::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_WRITE, Right::Write),
        (sys::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_CREATE, Right::Create),
        (sys::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_DESCRIBE, Right::Describe),
        (sys::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS, Right::DescribeConfigs),
    ];
    let granted = known.into_iter().filter(|(operation, _)| operations.contains(&(*operation as u32)));
    Some(granted.map(|(_, right)| right).collect())
}
