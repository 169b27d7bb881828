//! Bytes into values that rules can ask, beside what the usual libraries make of the same bytes.

#[allow(dead_code, reason = "each bench takes a part of it")]
mod orders;

use apache_avro::reader::datum::GenericDatumReader;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mesh_steward::engine::decode::avro::{compile, place, walk};
use mesh_steward::engine::decode::json;
use mesh_steward::engine::decode::names::Names;
use mesh_steward::engine::decode::tree::Tree;
use std::hint::black_box;

fn of_json(criterion: &mut Criterion) {
    let values = orders::json(0);
    let mut group = criterion.benchmark_group("decode/json");
    group.throughput(Throughput::Elements(values.len() as u64));
    let mut tree = Tree::default();
    let mut names = Names::of(&orders::plan().asked[0].fields);
    group.bench_function("steward", |bench| {
        bench.iter(|| {
            for value in &values {
                black_box(json::record(&mut tree, &mut names, black_box(value)).is_ok());
            }
        });
    });
    group.bench_function("serde_json::Value", |bench| {
        bench.iter(|| {
            for value in &values {
                black_box(serde_json::from_slice::<serde_json::Value>(black_box(value)).is_ok());
            }
        });
    });
    group.finish();
}

fn of_avro(criterion: &mut Criterion) {
    let schema = orders::schema();
    let values = orders::avro(&schema);
    let program = compile::compile(std::slice::from_ref(&schema), None).expect("a program");
    let program = place::place(&program, &orders::plan().asked[0].fields).expect("a program with places");
    let mut group = criterion.benchmark_group("decode/avro");
    group.throughput(Throughput::Elements(values.len() as u64));
    let mut tree = Tree::default();
    let reader = GenericDatumReader::builder(&schema).build().expect("a reader");
    group.bench_function("steward", |bench| {
        bench.iter(|| {
            for value in &values {
                black_box(walk::record(&mut tree, &program, black_box(value), 0).is_ok());
            }
        });
    });
    group.bench_function("apache_avro::Value", |bench| {
        bench.iter(|| {
            for value in &values {
                black_box(reader.read_value(&mut black_box(value.as_slice())).is_ok());
            }
        });
    });
    group.finish();
}

criterion_group!(benches, of_json, of_avro);
criterion_main!(benches);
