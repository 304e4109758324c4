//! Where operations come from: a store, or a test.

use dominio::operazione::Operazione;

/// What went wrong in the source.
pub type Guasto = Box<dyn std::error::Error + Send + Sync>;

/// Operations on one registration at a time, oldest first.
pub type Flusso<'a> = Box<dyn Iterator<Item = Result<Vec<Operazione>, Guasto>> + 'a>;

/// The operations of a register in a period. Each stream is asked for several times, from several places (to check, to write
/// the XML, to count pages, to print), and must always give the same: read them in one snapshot, or after the day is closed.
pub trait Fonte {
    /// The registrations made in the period whose number is higher than `dopo`, in order of number. Of each, the operation
    /// that made it and those made on it within the period.
    fn registrazioni(&self, dopo: i64) -> Flusso<'_>;

    /// The operations of the period that [`enter`](crate::entra) the register as changes, from index `da` on, in order of
    /// index. Of each, all the operations on its registration, from the one that made it (whenever that was) to this one.
    fn modifiche(&self, da: u64) -> Flusso<'_>;

    /// The operations of the period that declare a gap (`lacuna-dichiarata`), in order of index; those that say nothing of this
    /// register are passed over.
    ///
    /// # Errors
    /// What went wrong in the source.
    fn lacune(&self) -> Result<Vec<Operazione>, Guasto>;
}
