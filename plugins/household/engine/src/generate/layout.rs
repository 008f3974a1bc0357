//! Draws a room and a task: the receptacles follow from the scene number alone, objects and
//! task from the seed. Every task drawn can be done.

use std::ops::Range;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::rooms::{ObjectKind, ROOMS, ReceptacleKind, Room, can, place};
use crate::TaskType;

/// A numbered thing; receptacles also have a spot, objects the receptacle they lie in.
pub(super) struct Placed<K: 'static> {
    pub kind: &'static K,
    pub number: usize,
    /// Spot of a receptacle, or index of an object's receptacle.
    pub at: usize,
}

/// A furnished room with something to do.
pub(super) struct Layout {
    pub scene: u16,
    pub receptacles: Vec<Placed<ReceptacleKind>>,
    pub objects: Vec<Placed<ObjectKind>>,
    pub task: Task,
}

/// What to do: with which kind of object and which kind of receptacle (or lamp).
pub(super) struct Task {
    pub kind: TaskType,
    pub object: &'static ObjectKind,
    pub target: &'static str,
}

/// Draws layouts until one offers a task of the wanted kind; nearly always the first does.
pub(super) fn draw(seed: u64, kind: Option<TaskType>, scenes: &Range<u16>) -> Option<Layout> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let kind = kind.unwrap_or_else(|| pick(&mut random, &TaskType::ALL).copied().unwrap_or(TaskType::PickAndPlace));
    (0..64).find_map(|_| try_draw(&mut random, kind, scenes))
}

fn try_draw(random: &mut impl Rng, kind: TaskType, scenes: &Range<u16>) -> Option<Layout> {
    let rooms: Vec<&'static Room> = ROOMS.iter().filter(|room| suits(room, kind)).collect();
    let room = *pick(random, &rooms)?;
    let scene = room.first_scene + random.random_range(scenes.clone());
    let receptacles = furnish(room, scene);

    let asked = |o: &&ObjectKind| match kind {
        TaskType::CleanAndPlace => o.can & can::CLEAN != 0,
        TaskType::HeatAndPlace => o.can & can::HEAT != 0,
        TaskType::CoolAndPlace => o.can & can::COOL != 0,
        _ => o.can & can::LIGHT == 0,
    };
    let object = *pick(random, &room.objects.iter().filter(asked).collect::<Vec<_>>())?;
    let (target, lamp) = if kind == TaskType::LookInLight {
        let lamps: Vec<_> = room.objects.iter().filter(|o| o.can & can::LIGHT != 0).collect();
        let lamp = *pick(random, &lamps)?;
        (lamp.name, Some(lamp))
    } else {
        // Heating for the microwave or cooling for the fridge would be no errand at all.
        let tool = match kind {
            TaskType::CleanAndPlace => place::BASIN,
            TaskType::HeatAndPlace => place::MICROWAVE,
            TaskType::CoolAndPlace => place::FRIDGE,
            _ => 0,
        };
        let targets: Vec<_> =
            receptacles.iter().map(|r| r.kind).filter(|r| r.place & object.accepts & !tool != 0).collect();
        (pick(random, &targets)?.name, None)
    };

    let mut objects = Vec::new();
    let mut put = |random: &mut _, kind: &'static ObjectKind, count: usize, shun: Option<&str>| {
        let accepts = if kind.can & can::LIGHT != 0 { place::SURFACE } else { kind.accepts };
        let homes: Vec<usize> = (0..receptacles.len())
            .filter(|r| receptacles[*r].kind.place & accepts != 0)
            .filter(|r| shun != Some(receptacles[*r].kind.name))
            .collect();
        for number in 1..=count {
            objects.push(Placed { kind, number, at: *pick(random, &homes)? });
        }
        Some(())
    };
    let count = match kind {
        TaskType::PickTwo => random.random_range(2..=3),
        _ => random.random_range(1..=3),
    };
    put(random, object, count, Some(target))?;
    if let Some(lamp) = lamp {
        put(random, lamp, 1, None)?;
    }
    let others: Vec<_> = room.objects.iter().filter(|o| o.name != object.name && o.can & can::LIGHT == 0).collect();
    for other in others {
        let count = random.random_range(1..=3);
        put(random, other, count, None)?;
    }
    Some(Layout { scene, receptacles, objects, task: Task { kind, object, target } })
}

fn suits(room: &Room, kind: TaskType) -> bool {
    let has_place = |wanted: u16| room.receptacles.iter().any(|r| r.place & wanted != 0);
    match kind {
        TaskType::PickAndPlace | TaskType::PickTwo => true,
        TaskType::LookInLight => room.objects.iter().any(|o| o.can & can::LIGHT != 0),
        TaskType::CleanAndPlace => has_place(place::BASIN),
        TaskType::HeatAndPlace => has_place(place::MICROWAVE),
        TaskType::CoolAndPlace => has_place(place::FRIDGE),
    }
}

/// The receptacles of a scene: always the same for the same number.
fn furnish(room: &'static Room, scene: u16) -> Vec<Placed<ReceptacleKind>> {
    let mut random = ChaCha8Rng::seed_from_u64(scene.into());
    let mut placed: Vec<Placed<ReceptacleKind>> = Vec::new();
    for kind in room.receptacles {
        for number in 1..=random.random_range(kind.count.0..=kind.count.1) {
            // Now and then two receptacles stand so close that one spot serves both.
            let shares = !placed.is_empty() && random.random_ratio(1, 12);
            let at = placed.last().map_or(0, |p| p.at + usize::from(!shares));
            placed.push(Placed { kind, number, at });
        }
    }
    placed
}

fn pick<'t, T>(random: &mut impl Rng, items: &'t [T]) -> Option<&'t T> {
    if items.is_empty() { None } else { items.get(random.random_range(0..items.len())) }
}
