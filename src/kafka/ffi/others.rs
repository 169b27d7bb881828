//! What others do on this cluster: their consumer groups, how far these have come, and what ACLs let whom do.
//!
//! These are librdkafka's own admin calls, so that every login and certificate of the configuration counts here, too. What it
//! has no call for (groups of other kinds, transactions) stands in `kafka::wire`.

use crate::flow::io::{Fault, Part};
use crate::kafka::client::Context;
use crate::kafka::fault;
use crate::kafka::ffi::ask::{ask, list, try_ask};
use crate::kafka::ffi::queue::elements;
use crate::kafka::ffi::text;
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka_sys as sys;
use std::collections::BTreeSet;
use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::Arc;

/// A group of the kinds `classic` and `consumer`, as its coordinator lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub id: String,
    /// `Classic`, `Consumer`; `Unknown` of brokers before Kafka 3.7.
    pub kind: String,
    /// `Stable`, `Empty`, `PreparingRebalance` …
    pub state: String,
}

/// All groups that this principal may describe, and what went wrong at single brokers: their groups are not among them.
pub fn groups(client: &Client<Context>, timeout_ms: i32) -> Result<(Vec<Group>, Vec<String>), Fault> {
    let op = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS;
    let answer = ask(client, "list groups", op, timeout_ms, |options, queue| {
        // SAFETY: client, options and queue are alive.
        unsafe { sys::rd_kafka_ListConsumerGroups(client.native_ptr(), options, queue) }
    })?;
    // SAFETY: everything is read while `answer` is alive, through the accessors of its own type.
    unsafe {
        let (mut count, mut wrong) = (0, 0);
        let result = sys::rd_kafka_event_ListConsumerGroups_result(answer.ptr());
        let errors = sys::rd_kafka_ListConsumerGroups_result_errors(result, &mut wrong);
        let errors = list(errors, wrong).iter().map(|&error| text(sys::rd_kafka_error_string(error))).collect();
        let groups = sys::rd_kafka_ListConsumerGroups_result_valid(result, &mut count);
        let group = |&group: &*const sys::rd_kafka_ConsumerGroupListing_t| Group {
            id: text(sys::rd_kafka_ConsumerGroupListing_group_id(group)),
            kind: text(sys::rd_kafka_consumer_group_type_name(sys::rd_kafka_ConsumerGroupListing_type(group))),
            state: text(sys::rd_kafka_consumer_group_state_name(sys::rd_kafka_ConsumerGroupListing_state(group))),
        };
        Ok((list(groups, count).iter().map(group).collect(), errors))
    }
}

/// Who a group's members are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    pub count: usize,
    /// How they share partitions: `range`, `cooperative-sticky`; `stream`: they are a Kafka Streams application.
    pub assignor: String,
    /// As they call themselves, each once.
    pub client_ids: BTreeSet<String>,
    pub hosts: BTreeSet<String>,
}

/// Members of these groups, as far as their coordinators tell.
pub fn members(client: &Client<Context>, groups: &[&str], timeout_ms: i32) -> Result<Vec<(String, Members)>, Fault> {
    let names: Vec<CString> = groups.iter().filter_map(|group| CString::new(*group).ok()).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let op = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
    let answer = ask(client, "describe groups", op, timeout_ms, |options, queue| {
        let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        let (first, count) = (pointers.as_mut_ptr(), pointers.len());
        // SAFETY: the names live until the call returns, which copies them; options and queue are alive.
        unsafe { sys::rd_kafka_DescribeConsumerGroups(client.native_ptr(), first, count, options, queue) }
    })?;
    let mut found = Vec::new();
    // SAFETY: everything is read while `answer` is alive, through the accessors of its own type.
    unsafe {
        let mut count = 0;
        let result = sys::rd_kafka_event_DescribeConsumerGroups_result(answer.ptr());
        let groups = sys::rd_kafka_DescribeConsumerGroups_result_groups(result, &mut count);
        for &group in list(groups, count) {
            let code: Code = sys::rd_kafka_error_code(sys::rd_kafka_ConsumerGroupDescription_error(group)).into();
            if code != Code::NoError {
                continue;
            }
            let count = sys::rd_kafka_ConsumerGroupDescription_member_count(group);
            let assignor = text(sys::rd_kafka_ConsumerGroupDescription_partition_assignor(group));
            let mut members = Members { count, assignor, ..Members::default() };
            for index in 0..members.count {
                let member = sys::rd_kafka_ConsumerGroupDescription_member(group, index);
                members.client_ids.insert(text(sys::rd_kafka_MemberDescription_client_id(member)));
                members.hosts.insert(text(sys::rd_kafka_MemberDescription_host(member)));
            }
            found.push((text(sys::rd_kafka_ConsumerGroupDescription_group_id(group)), members));
        }
    }
    Ok(found)
}

/// All that a group has committed, by partition: next-to-read offsets.
pub fn committed_by(client: &Client<Context>, group: &str, timeout_ms: i32) -> Result<Vec<(Part, i64)>, Fault> {
    let broken = |code: Code, what: &str| fault::of_question("offsets of a group", code, &format!("{group}: {what}"));
    let name = CString::new(group).map_err(|_| broken(Code::InvalidArgument, "a name holds no NUL"))?;
    let op = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS;
    let answer = ask(client, "offsets of a group", op, timeout_ms, |options, queue| {
        // SAFETY: the name lives until the call returns; null means all partitions; the question is ours, and destroyed once.
        unsafe {
            let mut question = sys::rd_kafka_ListConsumerGroupOffsets_new(name.as_ptr(), ptr::null());
            sys::rd_kafka_ListConsumerGroupOffsets(client.native_ptr(), &mut question, 1, options, queue);
            sys::rd_kafka_ListConsumerGroupOffsets_destroy(question);
        }
    })?;
    let mut found = Vec::new();
    // SAFETY: everything is read while `answer` is alive, through the accessors of its own type.
    unsafe {
        let mut count = 0;
        let result = sys::rd_kafka_event_ListConsumerGroupOffsets_result(answer.ptr());
        let groups = sys::rd_kafka_ListConsumerGroupOffsets_result_groups(result, &mut count);
        for &group in list(groups, count) {
            let code: Code = sys::rd_kafka_error_code(sys::rd_kafka_group_result_error(group)).into();
            if code != Code::NoError {
                return Err(broken(code, &code.to_string()));
            }
            let mut topic: Arc<str> = "".into();
            for element in elements(sys::rd_kafka_group_result_partitions(group)) {
                let name = text(element.topic);
                if *topic != *name {
                    topic = name.as_str().into();
                }
                if element.offset >= 0 && Code::from(element.err) == Code::NoError {
                    found.push((Part::new(&topic, element.partition), element.offset));
                }
            }
        }
    }
    Ok(found)
}

/// An access control entry that lets somebody read or write topics.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub principal: String,
    /// A topic's name, or what names begin with.
    pub topic: String,
    pub prefixed: bool,
    pub reads: bool,
    pub writes: bool,
    /// It forbids instead.
    pub denies: bool,
    /// It counts wherever the principal connects from.
    pub anywhere: bool,
}

/// All entries about reading and writing topics; `None`: nobody holds ACLs in force. This needs Describe on the cluster.
pub fn entries(client: &Client<Context>, timeout_ms: i32) -> Result<Option<Vec<Entry>>, Fault> {
    let mut reason = [0 as c_char; 256];
    // SAFETY: nulls mean anything; the buffer is as long as said.
    let filter = unsafe {
        sys::rd_kafka_AclBindingFilter_new(
            sys::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC,
            ptr::null(),
            sys::rd_kafka_ResourcePatternType_t::RD_KAFKA_RESOURCE_PATTERN_ANY,
            ptr::null(),
            ptr::null(),
            sys::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_ANY,
            sys::rd_kafka_AclPermissionType_t::RD_KAFKA_ACL_PERMISSION_TYPE_ANY,
            reason.as_mut_ptr(),
            reason.len(),
        )
    };
    if filter.is_null() {
        return Err(fault::of_question("describe ACLs", Code::InvalidArgument, &text(reason.as_ptr())));
    }
    let op = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBEACLS;
    let asked = try_ask(client, op, timeout_ms, |options, queue| {
        // SAFETY: the filter is alive; the call copies it.
        unsafe { sys::rd_kafka_DescribeAcls(client.native_ptr(), filter, options, queue) }
    });
    // SAFETY: ours, and destroyed once, after the call has copied it.
    unsafe { sys::rd_kafka_AclBinding_destroy(filter) };
    let answer = match asked {
        Ok(answer) => answer,
        Err((Code::SecurityDisabled, _)) => return Ok(None),
        Err((code, why)) => return Err(fault::of_question("describe ACLs", code, &why)),
    };
    let mut found = Vec::new();
    // SAFETY: everything is read while `answer` is alive, through the accessors of its own type.
    unsafe {
        let mut count = 0;
        let result = sys::rd_kafka_event_DescribeAcls_result(answer.ptr());
        let bindings = sys::rd_kafka_DescribeAcls_result_acls(result, &mut count);
        for &binding in list(bindings, count) {
            let operation = sys::rd_kafka_AclBinding_operation(binding);
            let all = operation == sys::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_ALL;
            let pattern = sys::rd_kafka_AclBinding_resource_pattern_type(binding);
            let permission = sys::rd_kafka_AclBinding_permission_type(binding);
            found.push(Entry {
                principal: text(sys::rd_kafka_AclBinding_principal(binding)),
                topic: text(sys::rd_kafka_AclBinding_name(binding)),
                prefixed: pattern == sys::rd_kafka_ResourcePatternType_t::RD_KAFKA_RESOURCE_PATTERN_PREFIXED,
                reads: all || operation == sys::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_READ,
                writes: all || operation == sys::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_WRITE,
                denies: permission == sys::rd_kafka_AclPermissionType_t::RD_KAFKA_ACL_PERMISSION_TYPE_DENY,
                anywhere: text(sys::rd_kafka_AclBinding_host(binding)) == "*",
            });
        }
    }
    Ok(Some(found))
}
