//! What a register hands over to conservazione. So far: the **registro giornaliero** (TUDA art. 53 c. 2; R-F01), the list of
//! what was registered in one civil day of Rome, with the annulments and changes made that day.
//!
//! A pure function: a [`Testata`] says which register and day, a [`Fonte`] gives the operations as often as they are asked
//! for, and [`RegistroGiornaliero::scrivi`] writes **XML**, which is authoritative, and **PDF/A**, for who reads. The same
//! input is always the same bytes (R-F06), so a register can be made again and compared.
//!
//! | room | what it does |
//! |---|---|
//! | `testata` | which register, which days, what came before it |
//! | `fonte` | where operations come from |
//! | `riga` | operations folded into rows |
//! | `scorrimento` | rows in order, each checked against those before it |
//! | `registro` | the whole, cut into volumes |
//! | `xml`, `pdf` | one volume, written |
//!
//! **What does not hold is an error that names the numbers**, never a register that looks whole: everything is looked at
//! once before the first byte is written, and again while writing. **Memory is bounded** by a volume, whatever the number of rows.
//!
//! **Nothing here** knows SQL, HTTP, files or clocks. The form of the XML: `docs/registro-giornaliero.md`.

mod errore;
mod fonte;
mod pdf;
mod registro;
mod riga;
mod scorrimento;
mod testata;
mod xml;

pub use errore::Errore;
pub use fonte::{Flusso, Fonte, Guasto};
pub use registro::{Formato, RIGHE_PER_VOLUME, RegistroGiornaliero, Volume};
pub use riga::entra;
pub use scorrimento::Conti;
pub use testata::{Copia, Periodo, Precedente, Testata};
pub use xml::NS;
