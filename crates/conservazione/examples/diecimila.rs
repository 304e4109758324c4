//! Writes a register of so many rows, made up as they are asked for, in the folder given: how long it takes, how much memory.
//!
//! `cargo run --release -p conservazione --example diecimila -- CARTELLA [RIGHE] [pubblica]`; 10,000 rows if not said, the few of
//! the tests if 0, which have one of each kind.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::Instant;

use conservazione::{Copia, Flusso, Fonte, Formato, Guasto, RegistroGiornaliero};
use dominio::operazione::{Evento, Operazione};
use dominio::tempo::Istante;

#[path = "../tests/comune/mod.rs"]
mod comune;

/// Registrations made when asked for; one in fifty is annulled at once.
struct Macchina(i64);

impl Macchina {
    fn nata(numero: i64) -> Operazione {
        let mut d = comune::dati(&format!(
            "Richiesta di permesso di costruire n. {numero} per l'immobile di via dell'Università {}, foglio 12",
            numero % 300
        ));
        d.riservato = numero % 97 == 0;
        d.documenti = vec![comune::file(1, "istanza.pdf.p7m"), comune::file(2, "planimetria.pdf")];
        let t = Istante(comune::testata().periodo.inizio().0 + numero * 1_000_000);
        comune::operazione(numero as u64 * 2, t, Some(comune::chiave(2026, numero)), Evento::Registrazione(Box::new(d)))
    }

    fn annullata(numero: i64) -> Option<Operazione> {
        let nata = Self::nata(numero);
        (numero % 50 == 0).then(|| {
            let mut op = comune::annulla(nata.indice + 1, "2026-11-24T12:00:00+01:00", comune::chiave(2026, numero));
            op.istante = nata.istante;
            op
        })
    }
}

impl Fonte for Macchina {
    fn registrazioni(&self, dopo: i64) -> Flusso<'_> {
        Box::new(
            (dopo + 1..=41 + self.0).map(|n| Ok(std::iter::once(Self::nata(n)).chain(Self::annullata(n)).collect())),
        )
    }

    fn modifiche(&self, da: u64) -> Flusso<'_> {
        let tutte = (42..=41 + self.0).filter_map(|n| Self::annullata(n).map(|op| vec![Self::nata(n), op]));
        Box::new(tutte.filter(move |ops| ops[1].indice >= da).map(Ok))
    }

    fn lacune(&self) -> Result<Vec<Operazione>, Guasto> {
        Ok(Vec::new())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut argomenti = std::env::args().skip(1);
    let cartella = PathBuf::from(argomenti.next().unwrap_or_else(|| ".".into()));
    let righe = argomenti.next().map_or(Ok(10_000), |n| n.parse())?;
    let copia = if argomenti.next().is_some() { Copia::Pubblica } else { Copia::Completa };
    let testata = comune::testata();
    let prima = Instant::now();
    let fonte: Box<dyn Fonte> = match righe {
        0 => Box::new(comune::Registro::nuovo(&testata, comune::tre_righe())),
        righe => Box::new(Macchina(righe)),
    };
    let registro = RegistroGiornaliero::nuovo(&testata, &*fonte)?;
    let volumi = registro.scrivi(copia, |n, formato| {
        let estensione = if formato == Formato::Xml { "xml" } else { "pdf" };
        let w: Box<dyn Write> =
            Box::new(BufWriter::new(File::create(cartella.join(format!("registro-{n}.{estensione}")))?));
        Ok(w)
    })?;
    let tempo = prima.elapsed();
    for v in volumi {
        println!("volume {}: {} righe, XML {} byte, PDF {} byte", v.numero, v.righe, v.xml_byte, v.pdf_byte);
    }
    // Linux says it; elsewhere nobody is asked.
    let memoria = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let picco = memoria.lines().find(|r| r.starts_with("VmHWM")).unwrap_or("VmHWM: ?").to_owned();
    println!("{tempo:?}, {picco}");
    Ok(())
}
