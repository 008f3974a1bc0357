//! Household games as a module pack
