//! tmp
use std::time::Instant;
use harness_abi::*;
fn main() {
    let t=Instant::now();
    let cache=std::path::PathBuf::from("/tmp/fn/cache");
    let p=bench_functions::pull::pull_bfcl(&cache,&mut |p| println!("{p:?}"));
    println!("{p:?} {:?}",t.elapsed());
    let t=Instant::now();
    let d=bench_functions::Dataset::open(&cache).unwrap();
    println!("open all {:?}",t.elapsed());
    let n:usize=d.categories().map(|c|d.tasks(c).unwrap().len()).sum();
    println!("{n} tasks");
    for cat in ["live_multiple","all"] {
    let t=Instant::now();
    let mut e=bench_functions::environment::FunctionsEnvironment::new(bench_functions::environment::FunctionsConfig{data:"/tmp/fn/cache".into(),category:cat.into(),..Default::default()}).unwrap();
    let tasks=e.tasks(&TaskQuery::default()).unwrap();
    println!("tasks {} {:?}",tasks.len(),t.elapsed());
    let t=Instant::now(); let mut ok=[0,0];
    for task in &tasks { e.reset(task,0).unwrap(); for a in e.oracle(task).unwrap(){e.step(&a).unwrap();} let s=e.state().unwrap();
      ok[0]+=bench_functions::verifiers::ChoiceVerifier.verify(task,&s,&[]).unwrap().reward as usize;
      ok[1]+=bench_functions::verifiers::AstVerifier.verify(task,&s,&[]).unwrap().reward as usize; }
    println!("oracle {:?} {:?}",ok,t.elapsed());
    }
}
