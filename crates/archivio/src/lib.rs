//! archivio
