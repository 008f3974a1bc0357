//! What callers call about: departments, desks, and the words for them. A request is one of each. Half of the words are not
//! those of the menus, so that word overlap alone does not find every desk.

/// One side of a request.
#[derive(Debug)]
pub struct Topic {
    /// The name of the menu's entry.
    pub name: &'static str,
    /// What the menu says of it.
    pub says: &'static str,
    /// How callers put it.
    pub words: [&'static str; 2],
}

const fn topic(name: &'static str, says: &'static str, words: [&'static str; 2]) -> Topic {
    Topic { name, says, words }
}

/// Departments: what it is about.
pub const DEPARTMENTS: [Topic; 16] = [
    topic("parcels", "Parcels and deliveries", ["my parcel", "the box the courier should bring"]),
    topic("internet", "Internet access and routers at home", ["my internet access", "the wifi in our flat"]),
    topic("mobile", "Mobile phones and contracts", ["my mobile contract", "the SIM card in my handset"]),
    topic("electricity", "Electricity and power supply", ["our electricity supply", "the current from the mains"]),
    topic("water", "Drinking water and waste water", ["the drinking water", "what comes out of our tap"]),
    topic("heating", "Heating and boilers", ["the heating", "the radiators, which stay cold or not,"]),
    topic("waste", "Rubbish bins and recycling", ["our rubbish bins", "the garbage collection"]),
    topic("library", "The public library: books and readers' cards", ["my library card", "a novel I borrowed"]),
    topic("buses", "Buses, trams and season tickets", ["my season ticket for the bus", "the tram pass"]),
    topic("parking", "Parking permits for cars", ["my parking permit", "the place where I leave my car"]),
    topic("passports", "Passports and identity cards", ["my passport", "the document I travel abroad with"]),
    topic("taxes", "Taxes and assessments", ["my tax assessment", "what I owe the revenue office"]),
    topic("school", "School places and lessons", ["the school place of my son", "my daughter's class"]),
    topic("pool", "The swimming pool and courses there", ["the swimming course", "the lane where I do my laps"]),
    topic("dogs", "Dogs: licences and registration", ["the licence of my dog", "the tag of our puppy"]),
    topic("garden", "Allotment gardens and leases", ["the lease of my allotment garden", "the plot with my tomatoes"]),
];

/// Desks: what is wanted.
pub const DESKS: [Topic; 12] = [
    topic("report_damage", "Report a damage or a fault", ["I want to report a damage to", "something broke with"]),
    topic("cancel", "Cancel or end it", ["I want to cancel", "I no longer need"]),
    topic("move_address", "Change of address", ["my address changes, which concerns", "I live elsewhere now; mind"]),
    topic("refund", "Refunds: get money back", ["I want a refund for", "give me my money back for"]),
    topic("renew", "Renew or extend it", ["I want to renew", "it runs out soon:"]),
    topic("complain", "Complaints about staff or service", ["I have a complaint about", "I was treated badly over"]),
    topic("appointment", "Book an appointment or a visit", ["I need an appointment about", "when may I come by for"]),
    topic("price", "Prices, fees and tariffs", ["what is the price of", "how much does one pay for"]),
    topic("lost", "Lost or stolen things", ["I lost", "a thief took"]),
    topic("order_new", "Order a new one", ["I want to order something new for", "for the first time I apply for"]),
    topic("invoice", "Questions about an invoice", ["there is an error in the invoice for", "you billed me twice for"]),
    topic("transfer", "Transfer it to another person", ["please transfer to my sister", "put into my wife's name"]),
];
