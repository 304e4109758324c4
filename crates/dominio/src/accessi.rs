//! Rules on the log of who saw what.

/// Days before which no access may be pruned: six months at least (R-L15).
pub const GIORNI_MIN: i64 = 180;
