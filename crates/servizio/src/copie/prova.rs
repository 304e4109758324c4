//! The drill itself: a copy is restored aside, verified, opened as a service would open it, and timed (R-N04, R-N08).

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use archivio::Store as _;
use archivio::age::Identita;
use archivio::file::Custodia;
use archivio::orologio::OrologioDiSistema;
use archivio::sqlite::copia::{self, Guasto, Luogo};
use archivio::sqlite::{SqliteStore, enti_in, verifica};
use archivio::store::{Errore, Verifica};
use dominio::codici::CodiceIpa;
use dominio::tempo::Orologio as _;

use crate::stampe::ProvaRipristino;

/// What is tried.
pub struct Che<'a> {
    /// The place of copies, of which the newest is tried; or a copy.
    pub da: &'a Luogo,
    /// Only this ente of it.
    pub solo: Option<&'a CodiceIpa>,
    /// Who opens it, when it is encrypted.
    pub identita: &'a [Identita],
    /// A new folder for it, thrown away by the caller.
    pub qui: &'a Path,
    /// Is told how far it is.
    pub avanza: &'a dyn Fn(&str),
}

/// Tries; whatever goes wrong is the report's very matter. Takes as long as it takes: not for a thread that answers.
pub fn prova(che: &Che<'_>) -> ProvaRipristino {
    let mut p = ProvaRipristino {
        eseguita: OrologioDiSistema.adesso(),
        programma: env!("CARGO_PKG_VERSION").to_owned(),
        operatore: None,
        copie: che.da.to_string(),
        copia: None,
        istante_copia: None,
        enti: Vec::new(),
        file: 0,
        byte: 0,
        rpo_secondi: None,
        rto_secondi: 0.0,
        copia_secondi: 0.0,
        verifica_secondi: 0.0,
        verifica: Verifica::default(),
        differenze: 0,
        errore: None,
        riuscita: false,
    };
    let inizio = Instant::now();
    match provata(che, &mut p) {
        Ok(()) => p.riuscita = p.verifica.differenze.is_empty(),
        Err(e) => p.errore = Some(e.to_string()),
    }
    p.differenze = p.verifica.differenze.len() as u64;
    p.rto_secondi = inizio.elapsed().as_secs_f64();
    p
}

fn provata(che: &Che<'_>, p: &mut ProvaRipristino) -> Result<(), Guasto> {
    let inizio = Instant::now();
    let copia = che.da.scegli()?;
    p.copia = copia.nome.rsplit('/').next().map(str::to_owned);
    // Also of a copy that does not come back it is told how old it is.
    let m = copia.manifesto()?;
    p.istante_copia = Some(m.istante);
    p.rpo_secondi = Some((p.eseguita.0 - m.istante.0) as f64 / 1e6);
    let di_chi = |e: &&copia::DiEnte| che.solo.map_or(e.ipa.as_str() != "installazione", |s| e.ipa == *s);
    p.enti = m.enti.iter().filter(di_chi).map(|e| e.ipa.to_string()).collect();
    let r = copia::copia_in(&copia, che.qui, che.solo, che.identita, None, che.avanza)?;
    copia::controlla_chiave(che.qui, &r.manifesto)?;
    (p.file, p.byte, p.copia_secondi) = (r.file, r.byte, inizio.elapsed().as_secs_f64());
    let inizio = Instant::now();
    let installazione = Some(che.qui.join("installazione")).filter(|c| c.join("ente.sqlite").exists());
    let enti = enti_in(che.qui)?;
    for cartella in installazione.into_iter().chain(enti.iter().map(|i| SqliteStore::cartella(che.qui, i))) {
        (che.avanza)(&format!("{}: verifica", cartella.file_name().unwrap_or_default().to_string_lossy()));
        let mut o = verifica::Opzioni::default();
        o.custodia.chiave = Some(Custodia::default().percorso_chiave(che.qui));
        p.verifica.unisci(verifica::ente(&cartella, o)?);
    }
    p.verifica_secondi = inizio.elapsed().as_secs_f64();
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    rt.block_on(async {
        let store = SqliteStore::apri(che.qui, Arc::new(OrologioDiSistema))?;
        for ipa in enti {
            store.ente(&ipa).await?.ok_or_else(|| Errore::Archivio(format!("l'ente {ipa} non si apre")))?;
        }
        Ok(())
    })
}
