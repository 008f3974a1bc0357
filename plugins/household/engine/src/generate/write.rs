//! Writes a layout as a game file: problem, task sentence and walkthrough.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::layout::{Layout, Placed};
use super::rooms::{ObjectKind, ReceptacleKind, can, place};
use crate::{GameFile, TaskType};

const DOMAIN: &str = include_str!("household.pddl");
const GRAMMAR: &str = include_str!("household.twl2");

/// The game file of a layout.
pub(super) fn game_file(layout: &Layout, seed: u64) -> GameFile {
    GameFile {
        pddl_domain: DOMAIN.to_owned(),
        grammar: GRAMMAR.replace("%TASK%", &sentence(layout, seed)),
        pddl_problem: problem(layout, seed),
        solvable: true,
        walkthrough: walkthrough(layout),
    }
}

/// An identifier that reads as `kind number`: within a kind, numbers run against the order of
/// identifiers, and a basin is told by its last part.
fn identifier(kind: &str, number: usize) -> String {
    let rank = 99_usize.saturating_sub(number);
    match kind.strip_suffix("basin") {
        Some(stem) => format!("{stem}_bar_{rank:02}_bar_basin"),
        None => format!("{kind}_bar_{rank:02}"),
    }
}

fn sentence(layout: &Layout, seed: u64) -> String {
    let (object, target) = (layout.task.object.name, layout.task.target);
    let first = seed.is_multiple_of(2);
    match (layout.task.kind, first) {
        (TaskType::PickAndPlace, true) => format!("put a {object} in {target}"),
        (TaskType::PickAndPlace, false) => format!("put some {object} on {target}"),
        (TaskType::LookInLight, true) => format!("look at {object} under the {target}"),
        (TaskType::LookInLight, false) => format!("examine the {object} with the {target}"),
        (TaskType::CleanAndPlace, true) => format!("put a clean {object} in {target}"),
        (TaskType::CleanAndPlace, false) => format!("clean some {object} and put it in {target}"),
        (TaskType::HeatAndPlace, true) => format!("put a hot {object} in {target}"),
        (TaskType::HeatAndPlace, false) => format!("heat some {object} and put it in {target}"),
        (TaskType::CoolAndPlace, true) => format!("put a cool {object} in {target}"),
        (TaskType::CoolAndPlace, false) => format!("cool some {object} and put it in {target}"),
        (TaskType::PickTwo, true) => format!("put two {object} in {target}"),
        (TaskType::PickTwo, false) => format!("find two {object} and put them in {target}"),
    }
}

fn goal(layout: &Layout) -> String {
    let (object, target) = (layout.task.object.name, layout.task.target);
    let placed = format!("(objectType ?o {object}-kind) (receptacleType ?r {target}-kind) (inReceptacle ?o ?r)");
    let with = |state: &str| format!("(exists (?o - thing ?r - receptacle) (and {state} {placed}))");
    match layout.task.kind {
        TaskType::PickAndPlace => with(""),
        TaskType::CleanAndPlace => with("(isClean ?o)"),
        TaskType::HeatAndPlace => with("(isHot ?o)"),
        TaskType::CoolAndPlace => with("(isCool ?o)"),
        TaskType::PickTwo => format!(
            "(exists (?o ?p - thing ?r - receptacle) (and {placed} (not (= ?o ?p)) \
             (objectType ?p {object}-kind) (inReceptacle ?p ?r)))"
        ),
        TaskType::LookInLight => format!(
            "(exists (?o ?t - thing ?r - receptacle ?a - agent ?l - location) (and \
             (holds ?a ?o) (objectType ?o {object}-kind) (objectType ?t {target}-kind) (isToggled ?t) \
             (inReceptacle ?t ?r) (receptacleAtLocation ?r ?l) (atLocation ?a ?l)))"
        ),
    }
}

fn problem(layout: &Layout, seed: u64) -> String {
    let mut objects = String::from("agent1 - agent start - location\n");
    let mut init = String::from("(atLocation agent1 start)\n");
    let (mut receptacle_kinds, mut object_kinds) = (BTreeSet::new(), BTreeSet::new());
    let spots: BTreeSet<usize> = layout.receptacles.iter().map(|r| r.at).collect();
    for spot in spots {
        let _ = writeln!(objects, "spot-{spot} - location");
    }
    for Placed { kind, number, at } in &layout.receptacles {
        let id = identifier(kind.name, *number);
        receptacle_kinds.insert((kind.name, kind.place));
        let _ = writeln!(objects, "{id} - receptacle");
        let _ = writeln!(init, "(receptacleType {id} {}-kind) (receptacleAtLocation {id} spot-{at})", kind.name);
        let abilities = [
            (kind.openable, "openable"),
            (kind.place & place::BASIN != 0, "cleans"),
            (kind.place & place::MICROWAVE != 0, "heats"),
            (kind.place & place::FRIDGE != 0, "cools"),
        ];
        for (_, ability) in abilities.iter().filter(|(has, _)| *has) {
            let _ = writeln!(init, "({ability} {id})");
        }
    }
    for Placed { kind, number, at } in &layout.objects {
        let id = identifier(kind.name, *number);
        object_kinds.insert((kind.name, kind.accepts));
        let home = &layout.receptacles[*at];
        let _ = writeln!(objects, "{id} - thing");
        let _ = writeln!(
            init,
            "(objectType {id} {}-kind) (inReceptacle {id} {}) (objectAtLocation {id} spot-{})",
            kind.name,
            identifier(home.kind.name, home.number),
            home.at
        );
        let abilities = [
            (kind.can & can::LIGHT == 0, "pickupable"),
            (kind.can & can::LIGHT != 0, "toggleable"),
            (kind.can & can::CLEAN != 0, "cleanable"),
            (kind.can & can::HEAT != 0, "heatable"),
            (kind.can & can::COOL != 0, "coolable"),
            (kind.can & can::SLICE != 0, "sliceable"),
            (kind.can & can::CUT != 0, "cuts"),
            (kind.can & can::HOLD != 0, "isReceptacleObject"),
        ];
        for (_, ability) in abilities.iter().filter(|(has, _)| *has) {
            let _ = writeln!(init, "({ability} {id})");
        }
    }
    for (receptacle, place) in &receptacle_kinds {
        let _ = writeln!(objects, "{receptacle}-kind - rkind");
        for (object, _) in object_kinds.iter().filter(|(_, accepts)| accepts & place != 0) {
            let _ = writeln!(init, "(canContain {receptacle}-kind {object}-kind)");
        }
    }
    for (object, _) in &object_kinds {
        let _ = writeln!(objects, "{object}-kind - okind");
    }
    format!(
        "(define (problem household-{}-{seed})\n(:domain household)\n(:objects\n{objects})\n(:init\n{init})\n(:goal {}))\n",
        layout.scene,
        goal(layout)
    )
}

/// Commands that do the task, going only where things are known to be.
fn walkthrough(layout: &Layout) -> Vec<String> {
    let mut walk = Walk { layout, commands: Vec::new(), spot: None, opened: BTreeSet::new() };
    let wanted = layout.objects.iter().filter(|o| o.kind.name == layout.task.object.name);
    let first_with = |test: &dyn Fn(&Placed<ReceptacleKind>) -> bool| layout.receptacles.iter().position(test);
    let target = first_with(&|r| r.kind.name == layout.task.target);
    let (verb, tool) = match layout.task.kind {
        TaskType::CleanAndPlace => ("clean", first_with(&|r| r.kind.place & place::BASIN != 0)),
        TaskType::HeatAndPlace => ("heat", first_with(&|r| r.kind.place & place::MICROWAVE != 0)),
        TaskType::CoolAndPlace => ("cool", first_with(&|r| r.kind.place & place::FRIDGE != 0)),
        _ => ("", None),
    };
    let count = if layout.task.kind == TaskType::PickTwo { 2 } else { 1 };
    for object in wanted.take(count) {
        let name = name(object);
        walk.go(object.at, true);
        walk.commands.push(format!("take {name} from {}", walk.name(object.at)));
        if let Some(tool) = tool {
            walk.go(tool, false);
            walk.commands.push(format!("{verb} {name} with {}", walk.name(tool)));
        }
        if let Some(target) = target {
            walk.go(target, true);
            walk.commands.push(format!("move {name} to {}", walk.name(target)));
        }
        let lamp = layout.objects.iter().find(|o| o.kind.name == layout.task.target);
        if let Some(lamp) = lamp {
            walk.go(lamp.at, false);
            walk.commands.push(format!("use {} {}", lamp.kind.name, lamp.number));
        }
    }
    walk.commands
}

fn name(object: &Placed<ObjectKind>) -> String {
    format!("{} {}", object.kind.name, object.number)
}

/// A route being written down.
struct Walk<'l> {
    layout: &'l Layout,
    commands: Vec<String>,
    spot: Option<usize>,
    opened: BTreeSet<usize>,
}

impl Walk<'_> {
    fn name(&self, receptacle: usize) -> String {
        let Placed { kind, number, .. } = &self.layout.receptacles[receptacle];
        format!("{} {number}", kind.name)
    }

    /// Goes to a receptacle unless already there, and opens it if it must be open.
    fn go(&mut self, receptacle: usize, open: bool) {
        let Placed { kind, at, .. } = &self.layout.receptacles[receptacle];
        if self.spot != Some(*at) {
            self.spot = Some(*at);
            self.commands.push(format!("go to {}", self.name(receptacle)));
        }
        if open && kind.openable && self.opened.insert(receptacle) {
            self.commands.push(format!("open {}", self.name(receptacle)));
        }
    }
}
