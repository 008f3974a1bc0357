//! The workshop: digest, plan, edit, screen, judge, ship
