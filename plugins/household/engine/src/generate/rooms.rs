//! What stands in which room and what may lie where: the vocabulary of generated games.

/// Where things are kept, as bits: a receptacle has some, an object accepts some.
pub(super) mod place {
    /// Tables, counters, desks, shelves.
    pub const SURFACE: u16 = 1;
    /// Drawers, safes: small things.
    pub const DRAWER: u16 = 2;
    /// Cabinets: crockery and bottles.
    pub const CABINET: u16 = 4;
    /// Sofas, beds, armchairs.
    pub const SEAT: u16 = 8;
    pub const FRIDGE: u16 = 16;
    pub const MICROWAVE: u16 = 32;
    pub const BASIN: u16 = 64;
    pub const BIN: u16 = 128;
    pub const BURNER: u16 = 256;
    pub const MACHINE: u16 = 512;
    pub const RAIL: u16 = 1024;
    pub const BATH: u16 = 2048;
}
use place::*;

/// What can be done with an object, as bits.
pub(super) mod can {
    pub const CLEAN: u8 = 1;
    pub const HEAT: u8 = 2;
    pub const COOL: u8 = 4;
    pub const SLICE: u8 = 8;
    pub const CUT: u8 = 16;
    pub const HOLD: u8 = 32;
    pub const LIGHT: u8 = 64;
}
use can::*;

/// A kind of receptacle in a room: name, how many at least and at most, what it is for.
pub(super) struct ReceptacleKind {
    pub name: &'static str,
    pub count: (usize, usize),
    pub place: u16,
    pub openable: bool,
}

/// A kind of object: name, where it may lie, what can be done with it.
pub(super) struct ObjectKind {
    pub name: &'static str,
    pub accepts: u16,
    pub can: u8,
}

/// A room: its name, the first of its thirty scene numbers, and what is in it.
pub(super) struct Room {
    pub first_scene: u16,
    pub receptacles: &'static [ReceptacleKind],
    pub objects: &'static [ObjectKind],
}

const fn open(name: &'static str, least: usize, most: usize, place: u16) -> ReceptacleKind {
    ReceptacleKind { name, count: (least, most), place, openable: false }
}
const fn shut(name: &'static str, least: usize, most: usize, place: u16) -> ReceptacleKind {
    ReceptacleKind { name, count: (least, most), place, openable: true }
}
const fn object(name: &'static str, accepts: u16, can: u8) -> ObjectKind {
    ObjectKind { name, accepts, can }
}

const CROCKERY: u16 = SURFACE | CABINET | BASIN | FRIDGE | MICROWAVE;
const SMALL: u16 = SURFACE | DRAWER | CABINET;
const FOOD: u16 = SURFACE | FRIDGE | MICROWAVE | BASIN | BIN;
const TRINKET: u16 = SURFACE | DRAWER | SEAT;
const TOILETRY: u16 = SURFACE | DRAWER | CABINET | BIN;

/// The four rooms.
pub(super) const ROOMS: [Room; 4] = [
    Room {
        first_scene: 1,
        receptacles: &[
            open("countertop", 1, 3, SURFACE),
            shut("cabinet", 6, 14, CABINET),
            shut("drawer", 3, 8, DRAWER),
            shut("fridge", 1, 1, FRIDGE),
            shut("microwave", 1, 1, MICROWAVE),
            open("sinkbasin", 1, 1, BASIN),
            open("stoveburner", 2, 4, BURNER),
            open("coffeemachine", 1, 1, MACHINE),
            open("toaster", 1, 1, 0),
            open("garbagecan", 1, 1, BIN),
            open("diningtable", 0, 2, SURFACE),
            open("shelf", 0, 4, SURFACE),
        ],
        objects: &[
            object("apple", FOOD, CLEAN | HEAT | COOL | SLICE),
            object("potato", FOOD, CLEAN | HEAT | COOL | SLICE),
            object("tomato", FOOD, CLEAN | HEAT | COOL | SLICE),
            object("lettuce", SURFACE | FRIDGE | BASIN | BIN, CLEAN | COOL | SLICE),
            object("bread", SURFACE | FRIDGE | MICROWAVE | BIN, HEAT | COOL | SLICE),
            object("egg", FOOD, CLEAN | HEAT | COOL),
            object("mug", CROCKERY | MACHINE, CLEAN | HEAT | COOL | HOLD),
            object("cup", CROCKERY, CLEAN | HEAT | COOL | HOLD),
            object("plate", CROCKERY, CLEAN | HEAT | COOL | HOLD),
            object("bowl", CROCKERY, CLEAN | COOL | HOLD),
            object("pot", SURFACE | CABINET | BASIN | FRIDGE | BURNER, CLEAN | COOL | HOLD),
            object("pan", SURFACE | CABINET | BASIN | FRIDGE | BURNER, CLEAN | COOL | HOLD),
            object("knife", SURFACE | DRAWER | BASIN, CLEAN | CUT),
            object("butterknife", SURFACE | DRAWER | BASIN, CLEAN | CUT),
            object("fork", SURFACE | DRAWER | BASIN, CLEAN),
            object("spoon", SURFACE | DRAWER | BASIN, CLEAN),
            object("spatula", SURFACE | DRAWER | BASIN, CLEAN),
            object("ladle", SURFACE | DRAWER | BASIN, CLEAN),
            object("saltshaker", SMALL, 0),
            object("peppershaker", SMALL, 0),
            object("dishsponge", SMALL | BASIN | BIN, CLEAN),
            object("soapbottle", SURFACE | CABINET | BIN, 0),
            object("winebottle", SURFACE | CABINET | FRIDGE | BIN, COOL),
        ],
    },
    Room {
        first_scene: 201,
        receptacles: &[
            open("sofa", 1, 2, SEAT),
            open("armchair", 1, 2, SEAT),
            open("coffeetable", 1, 2, SURFACE),
            open("sidetable", 2, 3, SURFACE),
            open("tvstand", 1, 1, SURFACE),
            shut("drawer", 4, 9, DRAWER),
            open("shelf", 3, 8, SURFACE),
            open("dresser", 0, 1, SURFACE),
            shut("cabinet", 1, 4, CABINET),
            open("diningtable", 0, 1, SURFACE),
            shut("safe", 0, 1, DRAWER),
            open("garbagecan", 1, 1, BIN),
        ],
        objects: &[
            object("book", TRINKET, 0),
            object("box", SURFACE | SEAT, HOLD),
            object("cellphone", TRINKET, 0),
            object("creditcard", TRINKET, 0),
            object("keychain", TRINKET, 0),
            object("laptop", SURFACE | SEAT, 0),
            object("newspaper", TRINKET | BIN, 0),
            object("pillow", SEAT, 0),
            object("plate", SURFACE | CABINET, CLEAN | HOLD),
            object("remotecontrol", TRINKET, 0),
            object("statue", SURFACE, 0),
            object("tissuebox", SURFACE | DRAWER | CABINET | BIN, 0),
            object("vase", SURFACE | CABINET, 0),
            object("watch", TRINKET, 0),
            object("wateringcan", SURFACE | CABINET, 0),
            object("candle", SMALL, 0),
            object("pen", TRINKET | BIN, 0),
            object("desklamp", 0, LIGHT),
            object("floorlamp", 0, LIGHT),
        ],
    },
    Room {
        first_scene: 301,
        receptacles: &[
            open("bed", 1, 1, SEAT),
            open("desk", 1, 2, SURFACE),
            open("dresser", 1, 1, SURFACE),
            shut("drawer", 5, 11, DRAWER),
            open("shelf", 2, 8, SURFACE),
            open("sidetable", 1, 2, SURFACE),
            open("garbagecan", 1, 1, BIN),
            open("laundryhamper", 1, 1, 0),
            shut("safe", 0, 1, DRAWER),
            open("armchair", 0, 1, SEAT),
            shut("cabinet", 0, 3, CABINET),
        ],
        objects: &[
            object("alarmclock", SURFACE, 0),
            object("book", TRINKET, 0),
            object("cd", TRINKET | BIN, 0),
            object("cellphone", TRINKET, 0),
            object("creditcard", TRINKET, 0),
            object("keychain", TRINKET, 0),
            object("laptop", SURFACE | SEAT, 0),
            object("mug", SURFACE | CABINET, CLEAN | HOLD),
            object("bowl", SURFACE | CABINET, CLEAN | HOLD),
            object("pen", TRINKET | BIN, 0),
            object("pencil", TRINKET | BIN, 0),
            object("pillow", SEAT, 0),
            object("basketball", SURFACE | SEAT, 0),
            object("tennisracket", SURFACE | SEAT, 0),
            object("teddybear", SEAT, 0),
            object("cloth", TRINKET, CLEAN),
            object("statue", SURFACE, 0),
            object("watch", TRINKET, 0),
            object("desklamp", 0, LIGHT),
        ],
    },
    Room {
        first_scene: 401,
        receptacles: &[
            open("sinkbasin", 1, 2, BASIN),
            open("bathtubbasin", 1, 1, BATH),
            shut("cabinet", 3, 6, CABINET),
            shut("drawer", 2, 6, DRAWER),
            open("countertop", 1, 2, SURFACE),
            open("shelf", 0, 4, SURFACE),
            open("sidetable", 0, 1, SURFACE),
            open("toilet", 1, 1, SURFACE),
            open("toiletpaperhanger", 1, 1, 0),
            open("handtowelholder", 1, 2, RAIL),
            open("towelholder", 1, 1, RAIL),
            open("garbagecan", 1, 1, BIN),
        ],
        objects: &[
            object("soapbar", TOILETRY | BASIN | BATH, CLEAN),
            object("soapbottle", TOILETRY, 0),
            object("toiletpaper", TOILETRY, 0),
            object("cloth", SMALL | BATH, CLEAN),
            object("handtowel", SURFACE | RAIL, 0),
            object("towel", RAIL | BATH, 0),
            object("spraybottle", TOILETRY, 0),
            object("candle", SMALL, 0),
            object("plunger", CABINET, 0),
            object("dishsponge", TOILETRY | BASIN | BATH, CLEAN),
            object("scrubbrush", SURFACE | CABINET, 0),
            object("tissuebox", TOILETRY, 0),
            object("cup", SURFACE | CABINET | BASIN, CLEAN | HOLD),
            object("razor", SMALL, 0),
        ],
    },
];
