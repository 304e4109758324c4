//! What an installation does whatever engine keeps it: the log of which it serves, what it cosigns.

use std::path::{Path, PathBuf};

use catena::nota::FirmaNota;
use catena::testimone::{Richiesta, Rifiuto as RifiutoTestimone};
use catena::{ChiavePubblica, Testimone};
use dominio::codici::CodiceIpa;
use dominio::errori::Rifiuto;

use crate::INSTALLAZIONE;
use crate::chiavi::ChiaveInstallazione;
use crate::ente::Ente;
use crate::store::{EnteStore as _, Errore, Esito, NuovoEnte};
use crate::testimoni;

/// The installation's own code.
pub(crate) fn codice() -> Esito<CodiceIpa> {
    INSTALLAZIONE.parse().map_err(|_| Errore::Incoerente(INSTALLAZIONE.to_owned()))
}

/// The folder of an ente, or of the installation itself, within that of an installation.
pub fn nome_di(ipa: &CodiceIpa) -> PathBuf {
    if ipa.as_str() == INSTALLAZIONE { PathBuf::from(INSTALLAZIONE) } else { Path::new("enti").join(ipa.as_str()) }
}

/// May an ente have this code?
pub(crate) fn si_puo_creare(ipa: &CodiceIpa) -> Esito<()> {
    if ipa.as_str() == INSTALLAZIONE {
        return Err(Rifiuto::campo("ipa", "questo codice è riservato").into());
    }
    Ok(())
}

/// First operation of an ente; and the installation's log says that it is served here.
pub(crate) async fn crea_ente(installazione: &Ente, e: &Ente, nuovo: NuovoEnte) -> Esito<()> {
    let ipa = nuovo.dati.ipa.clone();
    if e.cifra() {
        // Before it is an ente: one that is has had it from its first file.
        e.prima_chiave_dei_file(nuovo.chi.id.as_str()).await?;
    }
    e.crea(nuovo.clone()).await?;
    // The installation keeps its own log of which enti it serves; the first entry names the installation.
    if installazione.configurazione().ente.is_none() {
        let mut dati = nuovo.dati.clone();
        dati.ipa = installazione.ipa().clone();
        dati.denominazione = "Installazione".to_owned();
        dati.codice_fiscale = None;
        dati.pec = None;
        match installazione.crea(NuovoEnte { dati, chi: nuovo.chi.clone() }).await {
            // Another ente was created meanwhile, and was the first.
            Err(Errore::Rifiuto(Rifiuto::Conflitto(_))) => {}
            esito => drop(esito?),
        }
    }
    installazione.attiva_ente(&nuovo.chi, &ipa).await?;
    Ok(())
}

pub(crate) async fn chiave_testimone(i: &Ente, k: &ChiaveInstallazione, nome: &str) -> Esito<Testimone> {
    let (k, nome, ora) = (k.clone(), nome.to_owned(), i.ora());
    i.scrivi(move |c| testimoni::chiave_o_nuova(c, &k, &nome, ora)).await
}

pub(crate) async fn cofirma(
    i: &Ente,
    k: &ChiaveInstallazione,
    r: &Richiesta,
    osservati: &[ChiavePubblica],
) -> Esito<Result<FirmaNota, RifiutoTestimone>> {
    let (richiesta, chiavi) = (r.clone(), osservati.to_vec());
    // Whoever repeats what everybody can read, or asks for what is refused, never comes to the writer.
    match i.leggi(move |c| testimoni::guarda(c, &richiesta, &chiavi)).await? {
        Ok(None) => {}
        Ok(Some(gia)) => return Ok(Ok(gia)),
        Err(rifiuto) => return Ok(Err(rifiuto)),
    }
    let (k, r, osservati, ora) = (k.clone(), r.clone(), osservati.to_vec(), i.ora());
    i.scrivi(move |c| testimoni::cofirma(c, &k, &r, &osservati, ora)).await
}

pub(crate) async fn osservato(i: &Ente, origine: &str) -> Esito<Option<String>> {
    let origine = origine.to_owned();
    i.leggi(move |c| testimoni::osservato(c, &origine)).await
}
