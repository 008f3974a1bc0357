//! A proven edit waits for a person, durably; who answered is in the record, and the first answer counts.

use harness_evolve::{Answer, At, EvolveConfig, Memory, Stop, answer, pending};

use crate::simulation::{BASE, DUDS, Paid, Simulation, catalogue, decisions, pack, run};

fn simulation(paid: &Paid) -> Simulation<'_> {
    let mut simulation = Simulation::new(catalogue(&[BASE, DUDS, &pack("planted", &["wrong_answer"])]), paid);
    simulation.effects = vec![("planted", 0.55)];
    simulation
}

fn config() -> EvolveConfig {
    EvolveConfig { seed: 7, approve: true, ..EvolveConfig::default() }
}

fn said(approved: bool, by: &str) -> Answer {
    Answer { approved, by: by.to_owned(), reason: "because".to_owned(), at_ms: 1 }
}

#[test]
fn nothing_ships_before_somebody_says_so() {
    let (paid, ledger) = (Paid::default(), Memory::default());
    for _ in 0..2 {
        let waiting = run(&simulation(&paid), &ledger, &config()).unwrap();
        assert_eq!((waiting.ended, waiting.ships.len()), (Stop::Approval, 0));
    }
    let open = pending(&ledger, &config().run).unwrap();
    let [request] = open.as_slice() else { panic!("{open:?}") };
    assert!(request.edit.contains("planted"));
    assert!(request.difference.unwrap().low > 0.0 && request.proof.1 >= 1.0 / request.proof.0);
    assert!(request.tokens.0 > 0.0 && request.tokens.1 > 0.0);
    let paid_so_far = paid.0.lock().unwrap().len();

    answer(&ledger, &config().run, &request.candidate, &said(true, "Ada")).unwrap();
    // A second thought comes too late.
    let counts = answer(&ledger, &config().run, &request.candidate, &said(false, "Bob")).unwrap();
    assert_eq!(counts, said(true, "Ada"));
    assert!(pending(&ledger, &config().run).unwrap().is_empty());
    let mut evolution = run(&simulation(&paid), &ledger, &config()).unwrap();
    while evolution.ended == Stop::Approval {
        for request in pending(&ledger, &config().run).unwrap() {
            answer(&ledger, &config().run, &request.candidate, &said(true, "Ada")).unwrap();
        }
        evolution = run(&simulation(&paid), &ledger, &config()).unwrap();
    }
    assert!(evolution.ships[0].text.contains("planted"));
    assert_eq!(evolution.answers[0].1.by, "Ada");
    assert!(decisions(&ledger).iter().any(|fact| fact[2].ends_with("answered")));
    assert!(paid.0.lock().unwrap().values().all(|(_, times)| *times == 1) && paid_so_far > 0);
}

#[test]
fn what_is_declined_does_not_ship_and_the_run_goes_on() {
    let (paid, ledger) = (Paid::default(), Memory::default());
    let mut evolution = run(&simulation(&paid), &ledger, &config()).unwrap();
    while evolution.ended == Stop::Approval {
        for request in pending(&ledger, &config().run).unwrap() {
            answer(&ledger, &config().run, &request.candidate, &said(false, "Bob")).unwrap();
        }
        evolution = run(&simulation(&paid), &ledger, &config()).unwrap();
    }
    assert!(evolution.ships.is_empty());
    let declined: Vec<_> = evolution.refused.iter().filter(|refused| refused.at == At::Person).collect();
    assert!(declined[0].reason.contains("declined by Bob: because"), "{declined:?}");
}
