//! What a segnatura of ours must be beyond its schema (R-C08, R-C09, R-C13, R-D28).

use std::collections::HashSet;

use super::Rifiuto;
use crate::algoritmo::Algoritmo;
use crate::lettura::documenti;
use crate::modello::{CodiceClassifica, Documento, Segnatura, Sottoscrizione};

pub(super) fn esamina(s: &Segnatura) -> Vec<Rifiuto> {
    let mut rifiuti = Vec::new();
    let mut no = |percorso: &str, messaggio: &str| {
        rifiuti.push(Rifiuto { percorso: percorso.to_owned(), messaggio: messaggio.to_owned() });
    };
    let testa = &s.intestazione;
    let identificatore = &testa.identificatore;
    for (nome, valore) in [
        ("Oggetto", &testa.oggetto),
        ("CodiceAmministrazione", &identificatore.codice_amministrazione.valore),
        ("CodiceAOO", &identificatore.codice_aoo.valore),
    ] {
        if valore.trim().is_empty() {
            no(nome, "è vuoto");
        }
    }
    if testa.classifiche.len() != 1 {
        no("Classifica", "deve essercene una, e una sola");
    }
    if testa.classifiche.iter().any(|c| matches!(&c.codice, CodiceClassifica::Livelli(l) if l.is_empty())) {
        no("Classifica", "non ha livelli");
    }
    if s.riferimenti.len() > 1 {
        no("Riferimenti", "può essercene uno solo");
    }
    if s.descrizione.mittente.is_none() {
        no("Mittente", "manca");
    }
    if s.descrizione.destinatari.is_empty() {
        no("Destinatario", "deve essercene almeno uno");
    }
    if s.descrizione.destinatari.iter().any(|d| d.soggetto.is_none()) {
        no("Destinatario", "non dice chi è");
    }
    if s.descrizione.documento_primario.is_none() {
        no("DocumentoPrimario", "manca");
    }
    let mut nomi = HashSet::new();
    for (dove, documento) in documenti(s) {
        documento_giusto(documento, &dove, &mut no);
        for nome in nomi_dei_file(documento) {
            if !nomi.insert(nome) {
                no(&dove, "il nome del file è già di un altro");
            }
        }
    }
    rifiuti
}

fn documento_giusto(documento: &Documento, dove: &str, no: &mut impl FnMut(&str, &str)) {
    for (nome, valore) in [("nomeFile", &documento.nome_file), ("mimeType", &documento.mime_type)] {
        if valore.as_deref().is_none_or(|v| v.trim().is_empty()) {
            no(&format!("{dove}/@{nome}"), "manca");
        }
    }
    let dove = format!("{dove}/Impronta");
    let Some(impronta) = &documento.impronta else {
        no(&dove, "manca");
        return;
    };
    match impronta.algoritmo.as_deref().map_or(Some(Algoritmo::Sha256), Algoritmo::leggi) {
        Some(algoritmo) if algoritmo.da_emettere() => {
            if impronta.byte().is_none_or(|b| b.len() != algoritmo.lunghezza_byte()) {
                no(&dove, "non è lunga quanto vuole il suo algoritmo");
            }
        }
        _ => no(&dove, "l'algoritmo deve essere SHA-256, SHA-384 o SHA-512"),
    }
}

/// Names in the message: of the document and of what is beside it.
fn nomi_dei_file(documento: &Documento) -> impl Iterator<Item = &str> {
    let separati = [&documento.firmato, &documento.sigillato, &documento.marcato].into_iter().flatten();
    let separati = separati.flat_map(|s| match s {
        Sottoscrizione::Interna => [].as_slice(),
        Sottoscrizione::Separata(file) => file.as_slice(),
    });
    documento.nome_file.iter().map(String::as_str).chain(separati.map(|f| f.nome_file.as_str()))
}
