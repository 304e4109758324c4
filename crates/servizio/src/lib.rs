//! servizio
