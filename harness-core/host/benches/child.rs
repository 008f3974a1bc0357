//! What a call of a processor costs when its pack runs in a process of its own: small, with a long history that is mirrored
//! already, with one message more each time, with a value pulled from the host. The bench is its own child.
#![allow(clippy::print_stdout, clippy::panic, reason = "a bench prints what it measured and stops where it cannot")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use criterion::Criterion;
use harness_abi::{Hook, Message, ProcessorBox, RawContext, context};
use harness_host::{Host, Isolation, testing::FakeContext};
use harness_spec::Config;

fn message(n: usize) -> Message {
    Message::user(format!("{n}: {}", "x".repeat(500)))
}

fn call(processor: &mut ProcessorBox, hook: Hook, fake: &impl RawContext) {
    assert!(black_box(processor.on(hook.code(), &context(fake))).is_ok(), "the hook is answered");
}

/// Percentiles of single calls, which means over many hide.
fn percentiles(what: &str, mut call: impl FnMut()) {
    const CALLS: usize = 20_000;
    let mut took: Vec<Duration> = (0..CALLS)
        .map(|_| {
            let began = Instant::now();
            call();
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    let micros = |share: f64| took[(CALLS as f64 * share) as usize].as_nanos() as f64 / 1e3;
    println!("{what}: p50 {:.1} µs, p90 {:.1} µs, p99 {:.1} µs", micros(0.5), micros(0.9), micros(0.99));
}

fn calls(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let bench = std::env::current_exe().expect("the bench has a path");
    let library = bench.parent().expect("in a folder").join("libplugin_hello.so");
    std::fs::copy(library, folder.path().join("hello.so")).expect("the pack is built");
    let host = || {
        let builder = Host::builder().search([folder.path().to_owned()]).store(folder.path().join("store"));
        builder.isolation(|_| Ok(Isolation::Process)).build().expect("a host")
    };
    let resolve = |host: &Host| host.resolve(&"hello/greeter".parse().expect("a name"), &Config::new());
    let kept = host();
    let resolved = resolve(&kept).expect("the pack loads");
    let fresh = || resolved.processor().expect("the module starts");

    let small = FakeContext::default();
    let long = FakeContext::default().history((0..200).map(message));
    let mut group = criterion.benchmark_group("child");
    let mut processor = fresh();
    percentiles("small", || call(&mut processor, Hook::StepEnd, &small));
    group.bench_function("small", |bench| bench.iter(|| call(&mut processor, Hook::StepEnd, &small)));
    let mut processor = fresh();
    percentiles("200 messages mirrored", || call(&mut processor, Hook::StepEnd, &long));
    group.bench_function("200 messages mirrored", |bench| {
        bench.iter(|| call(&mut processor, Hook::StepEnd, &long));
    });
    let mut processor = fresh();
    let (mut growing, mut next) = (FakeContext::default().history((0..200).map(message)), 200);
    percentiles("200 messages, one of them new", || {
        // The oldest go, so that the history does not grow without end: the child receives one message either way.
        growing.history.truncate(199);
        growing.history.push(message(next));
        next += 1;
        call(&mut processor, Hook::StepEnd, &growing);
    });
    let mut processor = fresh();
    percentiles("small, one value pulled, one decision", || call(&mut processor, Hook::TaskStart, &small));
    group.finish();
    criterion.bench_function("start a child and load a pack", |bench| bench.iter(|| resolve(&host()).is_ok()));
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("plugin-host") {
        match harness_host::serve() {
            Ok(never) => match never {},
            Err(error) => panic!("{error}"),
        }
    }
    let criterion = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(500));
    calls(&mut criterion.measurement_time(Duration::from_secs(2)).configure_from_args());
}
