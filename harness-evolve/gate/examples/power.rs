//! Prints the power table of the judge: groups to accept by effect and granted level, then what a duel costs with
//! futility against δ = 20 points. Simulated: groups of one task, background discordance 13 %.
#![expect(clippy::print_stdout, reason = "a table for a person")]

use evolve_gate::simulate::{Contrast, power};
use evolve_gate::{Alpha, Control, ErrorBudget, Schedule, Stopping};

fn main() {
    // The settings a run begins with: five rounds, two of them idle end it.
    let schedule = Schedule { rounds: 5, idle_rounds: 2 };
    let mut purse = ErrorBudget::new(Alpha::ONE_IN_TWENTY, Control::EveryShip, schedule);
    purse.open_round();
    let levels = [Alpha::ONE_IN_TWENTY, Alpha::ONE_IN_TWENTY.share(20), purse.grant(), purse.grant(), purse.grant()];
    let patient = Stopping { futility: None, ..Stopping::default() };
    println!("groups to accept, median / 90th percentile (1,500 groups, no futility, 2,000 duels; simulated)");
    println!(
        "{:>8} {}",
        "effect",
        levels.map(|alpha| format!("{:>18}", format!("α_c = {:.5}", alpha.value()))).concat()
    );
    for points in [60, 40, 20, 10, 5] {
        let contrast = Contrast { effect: f64::from(points) / 100.0, discordance: 0.13 };
        let cell = |alpha: Alpha| {
            let power = power(1, contrast, alpha, patient, 1500, 2000);
            let show = |groups: Option<u32>| groups.map_or(">1500".to_owned(), |groups| groups.to_string());
            format!("{:>18}", format!("{} / {}", show(power.median), show(power.p90)))
        };
        println!("{points:>8} {}", levels.map(cell).concat());
    }
    println!(
        "\nshare accepted · mean groups to any verdict, α_c = 0.0025, futility δ = 20 points, β = 0.1 (simulated)"
    );
    println!("{:>8} {}", "effect", [50, 100, 200, 400].map(|n| format!("{:>18}", format!("{n} groups"))).concat());
    for points in [60, 40, 30, 20, 10, 5, 0, -10] {
        let contrast = Contrast { effect: f64::from(points) / 100.0, discordance: 0.13 };
        let cell = |groups| {
            let power = power(1, contrast, levels[1], Stopping::default(), groups, 2000);
            format!("{:>18}", format!("{:.1} % · {:.0}", power.accepted * 100.0, power.mean_groups))
        };
        println!("{points:>8} {}", [50, 100, 200, 400].map(cell).concat());
    }
}
