//! Household games: the PDDL world, its text and a generator of new games
