//! What a hook call through a real `.so` costs beside a plain call, and what loading a pack costs.
#![allow(missing_docs, reason = "criterion's macros define public items")]

use std::{hint::black_box, time::Duration};

use criterion::{BatchSize, Criterion, SamplingMode, criterion_group, criterion_main};
use harness_abi::{Cx, Event, Hook, Message, Outcome, Processor, context, pass};
use harness_host::{Host, testing::FakeContext};
use harness_spec::Config;

struct Plain;

impl Processor for Plain {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        match event {
            Event::TaskStart => unreachable!("{}", cx.system()),
            _ => pass(),
        }
    }
}

fn library() -> std::path::PathBuf {
    let bench = std::env::current_exe().expect("the bench has a path");
    bench.parent().expect("in a folder").join("libplugin_hello.so")
}

fn hook(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    std::fs::copy(library(), folder.path().join("hello.so")).expect("the pack is built");
    let host = || {
        let builder = Host::builder().search([folder.path().to_owned()]).store(folder.path().join("store"));
        builder.build().expect("a host")
    };
    let resolved = host().resolve(&"hello/greeter".parse().expect("a name"), &Config::new()).expect("the pack loads");
    let mut through = resolved.processor().expect("the module starts");
    let mut plain: Box<dyn Processor> = Box::new(Plain);
    let fake = FakeContext::default().history((0..200).map(|n| Message::user(format!("{n}: {}", "x".repeat(500)))));

    let mut group = criterion.benchmark_group("hook");
    group.bench_function("plain dyn call", |bench| {
        bench.iter(|| {
            let raw = context(&fake);
            let cx = Cx::new(&raw);
            let outcome = plain.on(&cx, Event::StepEnd);
            black_box(&outcome).is_ok()
        });
    });
    group.bench_function("guarded call through a .so", |bench| {
        bench.iter(|| {
            let raw = context(&fake);
            let outcome = through.on(black_box(Hook::StepEnd.code()), &raw);
            black_box(&outcome).is_ok()
        });
    });
    group.finish();

    criterion.bench_function("inspect a pack", |bench| {
        bench.iter(|| harness_host::inspect(&folder.path().join("hello.so")).is_ok());
    });
    // Each round loads bytes this process has not mapped yet: the file gains one byte at its end. Few rounds, because a
    // pack is never unmapped and a process with hundreds of them is not what one starts.
    let mut bytes = std::fs::read(library()).expect("the pack is built");
    let mut few = criterion.benchmark_group("find, check, copy and load a pack");
    few.sampling_mode(SamplingMode::Flat).sample_size(10);
    few.warm_up_time(Duration::from_millis(1)).measurement_time(Duration::from_millis(1));
    let mut next = |copied: bool| {
        bytes.push(0);
        std::fs::write(folder.path().join("hello.so"), &bytes).expect("the disk has room");
        if copied {
            let sha256 = harness_host::inspect(&folder.path().join("hello.so")).expect("a pack").sha256;
            std::fs::write(folder.path().join(format!("store/{sha256}.so")), &bytes).expect("the disk has room");
        }
    };
    let load = |()| host().resolve(&"hello/greeter".parse().expect("a name"), &Config::new()).is_ok();
    few.bench_function("the first time", |bench| bench.iter_batched(|| next(false), load, BatchSize::PerIteration));
    few.bench_function("its copy is there", |bench| bench.iter_batched(|| next(true), load, BatchSize::PerIteration));
    few.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(std::time::Duration::from_millis(500)).measurement_time(std::time::Duration::from_secs(2));
    targets = hook
}
criterion_main!(benches);
