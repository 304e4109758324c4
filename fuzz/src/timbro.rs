//! A PDF to be stamped: whatever it is, it is refused or is the beginning of its copy, and a copy can be stamped again.

use stampa::timbro::{Angolo, Posizione, timbra};
use stampa::{Etichetta, Peso, RigaEtichetta};

/// A PDF of unknown origin.
pub fn copia(byte: &[u8]) {
    let etichetta = Etichetta {
        titolo: "Timbro".into(),
        ente: "Ente".into(),
        data: stampa::Istante { anno: 2026, mese: 3, giorno: 2, ora: 9, minuto: 5, secondo: 7, scarto_minuti: 60 },
        misure_mm: (90, 36),
        righe: vec![RigaEtichetta::nuova(Peso::Rilievo, "0000001/2026".into())],
        qr: "https://protocollo.example.it/verifica".into(),
    };
    if let Ok(copia) = timbra(byte, &etichetta, Posizione::default()) {
        assert!(copia.starts_with(byte));
        let dove = Posizione { angolo: Angolo::BassoSinistra, ..Posizione::default() };
        assert!(timbra(&copia, &etichetta, dove).unwrap().starts_with(&copia));
    }
}
