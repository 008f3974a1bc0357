//! Where a household keeps things: common sense, written by hand, not measured on any data.

/// Kinds of objects and the kinds of places they are likely in, likeliest first.
const HABITS: [(&[&str], &[&str]); 12] = [
    (
        &["apple", "tomato", "potato", "lettuce", "bread", "egg"],
        &["countertop", "diningtable", "fridge", "sinkbasin", "garbagecan", "microwave", "sidetable"],
    ),
    (
        &["mug", "cup", "glassbottle", "winebottle"],
        &[
            "countertop",
            "coffeemachine",
            "diningtable",
            "sinkbasin",
            "cabinet",
            "shelf",
            "desk",
            "microwave",
            "fridge",
            "sidetable",
        ],
    ),
    (
        &["plate", "bowl", "vase", "wateringcan"],
        &["countertop", "diningtable", "shelf", "cabinet", "sinkbasin", "coffeetable", "sidetable", "fridge", "desk"],
    ),
    (&["pot", "pan", "kettle"], &["stoveburner", "countertop", "diningtable", "sinkbasin", "cabinet", "fridge"]),
    (
        &["knife", "butterknife", "fork", "spoon", "spatula", "ladle"],
        &["countertop", "diningtable", "drawer", "sinkbasin", "sidetable"],
    ),
    (
        &["saltshaker", "peppershaker", "papertowelroll"],
        &["countertop", "diningtable", "cabinet", "shelf", "drawer", "sidetable"],
    ),
    (
        &[
            "soapbar",
            "soapbottle",
            "spraybottle",
            "dishsponge",
            "tissuebox",
            "candle",
            "razor",
            "scrubbrush",
            "plunger",
        ],
        &[
            "countertop",
            "sinkbasin",
            "toilet",
            "bathtubbasin",
            "garbagecan",
            "shelf",
            "cabinet",
            "coffeetable",
            "sidetable",
            "drawer",
        ],
    ),
    (
        &["toiletpaper", "handtowel", "towel", "cloth"],
        &[
            "toiletpaperhanger",
            "handtowelholder",
            "towelholder",
            "toilet",
            "countertop",
            "cabinet",
            "bathtubbasin",
            "drawer",
            "sinkbasin",
        ],
    ),
    (
        &["pillow", "teddybear", "laptop", "box", "basketball", "tennisracket", "baseballbat", "newspaper"],
        &[
            "bed",
            "sofa",
            "armchair",
            "coffeetable",
            "desk",
            "diningtable",
            "dresser",
            "sidetable",
            "tvstand",
            "ottoman",
        ],
    ),
    (
        &["remotecontrol", "keychain", "creditcard", "watch", "cellphone"],
        &[
            "sofa",
            "coffeetable",
            "tvstand",
            "sidetable",
            "dresser",
            "armchair",
            "desk",
            "bed",
            "diningtable",
            "drawer",
            "shelf",
            "ottoman",
            "safe",
        ],
    ),
    (
        &["pen", "pencil", "cd", "book", "alarmclock", "statue"],
        &["desk", "shelf", "sidetable", "dresser", "bed", "coffeetable", "tvstand", "drawer", "garbagecan", "safe"],
    ),
    (&["desklamp", "floorlamp"], &["desk", "sidetable", "dresser", "shelf", "coffeetable", "diningtable"]),
];

/// Kinds of places that are usually shut.
const SHUT: [&str; 5] = ["cabinet", "drawer", "fridge", "microwave", "safe"];

/// How far down the list of likely places a kind of place is; unknown pairs come after all known ones.
pub fn rank(object: &str, place: &str) -> usize {
    let places = HABITS.iter().find(|(objects, _)| objects.contains(&object)).map_or(&[][..], |(_, places)| places);
    places.iter().position(|known| *known == place).unwrap_or(places.len() + usize::from(SHUT.contains(&place)))
}

/// Whether looking into such a place usually takes a second action.
pub fn is_shut(place: &str) -> bool {
    SHUT.contains(&place)
}
