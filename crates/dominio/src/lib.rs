//! dominio
