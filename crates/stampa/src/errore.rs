//! Why a document could not be printed.

/// Never the fault of the characters in the text: those that no font has are replaced.
#[derive(Debug, thiserror::Error)]
pub enum Errore {
    /// A table without columns, or with too many.
    #[error("a table has {0} columns: it needs from 1 to {max}", max = crate::COLONNE_MAX)]
    Colonne(usize),
    /// A row whose cells are not as many as the columns.
    #[error("row {indice} of a table has {celle} cells for {colonne} columns")]
    Riga {
        /// Position of the row, from 0.
        indice: usize,
        /// Cells it has.
        celle: usize,
        /// Columns of the table.
        colonne: usize,
    },
    /// The rows of a table were not the same the second time.
    #[error("the document took {prima} pages when counted and {poi} when printed: its rows must not change meanwhile")]
    RigheDiverse {
        /// Pages counted.
        prima: usize,
        /// Pages printed.
        poi: usize,
    },
    /// Too much for a QR code.
    #[error("{0} bytes do not fit in a QR code: shorten them")]
    QrTroppoLungo(usize),
    /// A label too small, or too big to be one.
    #[error("a label of {0}×{1} mm cannot be drawn: from 40×20 to 210×297")]
    Misure(u16, u16),
    /// Frames inside frames, too many.
    #[error("frames are nested deeper than {0}: flatten them")]
    TroppoAnnidato(usize),
    /// A font inside the program does not load: the build is broken.
    #[error("the bundled font {0} cannot be read: rebuild the program")]
    Carattere(&'static str),
    /// The PDF writer refused what it was given: a fault of this crate, to be reported.
    #[error("the PDF writer refused the document, please report it: {0}")]
    Scrittura(String),
}
