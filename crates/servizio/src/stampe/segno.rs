//! The segnatura that is seen (R-C16, R-C17; TUDA art. 55, CAD art. 23): on a label, on the first page of a copy, on a
//! cover sheet. The registered original is read and never touched.

use std::fmt::Write as _;

use archivio::EnteStore;
use archivio::store::FileLetto;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use dominio::registrazione::{Documento, Registrazione, RuoloDocumento, Stato, Tipo};
use dominio::tempo::in_parole;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use stampa::timbro::{BYTE_MAX, NonTimbrabile, Posizione, timbra};
use stampa::{Blocco, Brano, Cornice, Errore, Etichetta, Peso, Qr, RigaEtichetta};
use tokio::sync::Semaphore;

use super::{Luogo, in_disparte, nome_file, segno};
use crate::problema::Problema;
use crate::scarico::disposizione;

/// Measures of the stamp, in millimetres.
const TIMBRO_MM: (u16, u16) = (90, 36);
/// Longest name on a label.
const NOME_MAX: usize = 90;
/// Copies made at the same time: each takes some three times its original in memory.
static POSTI: Semaphore = Semaphore::const_new(2);
/// Says whether the answer is the stamped copy or a cover sheet, and why.
const CAPO: &str = "protocollo-copia";

/// The document registered, if there is one.
fn primario(r: &Registrazione) -> Option<&Documento> {
    r.documenti.iter().find(|d| d.ruolo == RuoloDocumento::Primario)
}

/// Address of verification, number and impronta: what the reader of a sheet of paper holds it against.
fn codice(l: &Luogo<'_>, r: &Registrazione) -> String {
    // The address has register, year and number already.
    match primario(r) {
        Some(d) => format!("{}&h={}", l.verifica, d.impronta.hex()),
        None => l.verifica.clone(),
    }
}

fn corto(t: &str) -> String {
    match t.char_indices().nth(NOME_MAX) {
        Some((fine, _)) => format!("{}…", t[..fine].trim_end()),
        None => t.to_owned(),
    }
}

fn annullata(r: &Registrazione) -> Option<&'static str> {
    match r.stato {
        Stato::Valida => None,
        Stato::Annullata => Some("ANNULLATA"),
        Stato::AnnullataInParte => Some("ANNULLATA IN PARTE"),
    }
}

fn numero(r: &Registrazione) -> String {
    format!("{}/{}", r.chiave.numero.esteso(), r.chiave.anno)
}

/// The lines, with their worth: the same on paper and as text.
fn righe(l: &Luogo<'_>, r: &Registrazione) -> Vec<(Peso, String)> {
    let mut v = Vec::new();
    v.extend(annullata(r).map(|a| (Peso::Rilievo, a.to_owned())));
    v.push((Peso::Rilievo, numero(r)));
    v.extend(l.conf.ente.as_ref().map(|e| (Peso::Normale, corto(&e.denominazione))));
    let aoo = l.conf.aoo.get(l.aoo);
    let nome = aoo.map(|a| a.dati.denominazione.as_str()).filter(|n| *n != l.aoo.as_str());
    let nome = nome.map_or_else(String::new, |n| format!(" {}", corto(n)));
    v.push((Peso::Normale, format!("AOO {}{nome} · registro {}", l.aoo, r.chiave.registro)));
    v.push((Peso::Normale, r.istante.in_parole()));
    let tipo = match r.dati.tipo {
        Tipo::Entrata => "Entrata",
        Tipo::Uscita => "Uscita",
        Tipo::Interna => "Interna",
    };
    let (voce, denominazione) = &r.classificazione;
    let classificata = aoo.is_none_or(|a| a.dati.voce_da_classificare != *voce);
    let classifica = if classificata {
        format!(" · class. {voce} {}", corto(denominazione.as_deref().unwrap_or_default()))
    } else {
        String::new()
    };
    v.push((Peso::Normale, format!("{tipo}{classifica}").trim_end().to_owned()));
    v.extend(primario(r).map(|d| (Peso::Minuto, format!("SHA-256 {}", d.impronta.hex()))));
    v
}

/// The label, of these measures in millimetres.
fn disegno(l: &Luogo<'_>, r: &Registrazione, misure_mm: (u16, u16)) -> Etichetta {
    Etichetta {
        titolo: format!("Etichetta di protocollo {}", numero(r)),
        ente: l.conf.ente.as_ref().map_or_else(String::new, |e| e.denominazione.clone()),
        data: (&r.istante.a_roma()).into(),
        misure_mm,
        righe: righe(l, r).into_iter().map(|(peso, t)| RigaEtichetta::nuova(peso, Brano::piano(t))).collect(),
        qr: codice(l, r),
    }
}

/// The label as PDF.
///
/// # Errors
/// What `stampa` cannot lay out.
pub fn etichetta(l: &Luogo<'_>, r: &Registrazione, misure_mm: (u16, u16)) -> Result<Vec<u8>, Errore> {
    disegno(l, r, misure_mm).pdf()
}

/// The label as text, for printers and programs that draw it by themselves; the last line is what their QR code says.
pub fn etichetta_testo(l: &Luogo<'_>, r: &Registrazione) -> String {
    let mut t = String::new();
    for (_, riga) in righe(l, r) {
        // One line each, whatever a name holds.
        let piana: Vec<&str> =
            riga.split(|c: char| c.is_control() || c.is_whitespace()).filter(|p| !p.is_empty()).collect();
        let _ = writeln!(t, "{}", piana.join(" "));
    }
    let _ = writeln!(t, "{}", codice(l, r));
    t
}

/// Why there is a cover sheet: a word for programs, a sentence for people.
fn motivo(e: Option<&NonTimbrabile>) -> (&'static str, &'static str) {
    match e {
        None => ("senza-documento", "la registrazione non ha un documento in forma di file"),
        Some(NonTimbrabile::NonPdf) => ("non-pdf", "il documento non è un PDF"),
        Some(NonTimbrabile::Cifrato) => ("cifrato", "il documento è un PDF protetto da cifratura"),
        Some(NonTimbrabile::TroppoGrande) => {
            ("troppo-grande", "il documento è un PDF troppo grande per portare il timbro")
        }
        Some(NonTimbrabile::PaginaPiccola) => {
            ("pagina-piccola", "la prima pagina del documento è troppo piccola per il timbro")
        }
        Some(NonTimbrabile::Danneggiato(_) | NonTimbrabile::Disegno(_)) => {
            ("danneggiato", "il documento è un PDF non conforme, e aggiungervi il timbro potrebbe renderlo illeggibile")
        }
    }
}

/// A sheet to be put on the document when it cannot carry the stamp.
fn frontespizio(l: &Luogo<'_>, r: &Registrazione, perche: &str) -> Result<Vec<u8>, Errore> {
    let ente = l.conf.ente.as_ref().map_or_else(String::new, |e| e.denominazione.clone());
    let titolo = format!("Frontespizio del documento {}", numero(r));
    let mut d = stampa::Documento::nuovo(titolo, ente.clone(), (&r.istante.a_roma()).into());
    let aoo = l.conf.aoo.get(l.aoo).map(|a| a.dati.denominazione.clone());
    d.intestazione.riga = aoo.filter(|n| *n != ente).unwrap_or_default();
    d.piede = format!("Protocollo {}, registro {}", numero(r), r.chiave.registro);
    d.blocchi.extend(segno(r, true));
    let mut in_vista = vec![Blocco::Rilievo(vec![Brano::grassetto(numero(r))])];
    let dopo = righe(l, r).into_iter().filter(|(p, _)| *p == Peso::Normale);
    in_vista.extend(dopo.map(|(_, t)| Blocco::Paragrafo(vec![Brano::piano(t)])));
    d.blocchi.push(Blocco::Riquadro(Cornice::Evidenza, in_vista));
    if let Some(doc) = primario(r) {
        d.blocchi.push(Blocco::Fatti(vec![
            ("Documento".to_owned(), vec![Brano::piano(corto(&doc.nome))]),
            ("Byte".to_owned(), vec![Brano::piano(doc.byte.to_string())]),
            ("Impronta (SHA-256)".to_owned(), vec![Brano::fisso(doc.impronta.hex())]),
            ("Registrato il".to_owned(), vec![Brano::piano(in_parole(r.istante.giorno()))]),
        ]));
    }
    let contenuto = codice(l, r);
    d.blocchi.push(Blocco::Qr(Qr {
        testo_alternativo: format!("Codice che porta alla pagina di verifica: {contenuto}"),
        contenuto,
        lato_mm: 40,
        didascalia: vec![Brano::piano(
            "Il codice porta alla pagina di verifica, con il numero e l'impronta del documento: la copia è conforme se la sua \
             impronta è questa.",
        )],
    }));
    d.blocchi.push(Blocco::Nota(vec![Brano::piano(format!(
        "Questo foglio accompagna il documento al posto del timbro sulla prima pagina, perché {perche}. L'originale registrato \
         resta com'è stato registrato."
    ))]));
    d.pdf()
}

/// The bytes of the document, when they may be of a PDF that can be stamped. The store checks them as they come.
async fn leggi(ente: &dyn EnteStore, d: &Documento) -> Result<Result<Vec<u8>, NonTimbrabile>, Problema> {
    let manca = || archivio::Errore::Incoerente(format!("file {}", d.impronta));
    let FileLetto { flusso, .. } = ente.file(&d.impronta).await?.ok_or_else(manca)?;
    let letto = raccogli(flusso, d.byte).await;
    letto.map_err(|e| archivio::Errore::Incoerente(format!("file {}: {e}", d.impronta)).into())
}

/// Reads no more than it takes to know that it is in vain.
async fn raccogli(
    mut flusso: BoxStream<'static, std::io::Result<Vec<u8>>>,
    lungo: u64,
) -> std::io::Result<Result<Vec<u8>, NonTimbrabile>> {
    const INIZIO: &[u8] = b"%PDF-";
    let grande = usize::try_from(lungo).map_or(true, |n| n > BYTE_MAX);
    let mut byte = Vec::new();
    while let Some(pezzo) = flusso.next().await {
        byte.extend_from_slice(&pezzo?);
        if byte.len() < INIZIO.len() {
            continue;
        }
        if !byte.starts_with(INIZIO) {
            return Ok(Err(NonTimbrabile::NonPdf));
        }
        if grande || byte.len() > BYTE_MAX {
            return Ok(Err(NonTimbrabile::TroppoGrande));
        }
    }
    Ok(Ok(byte))
}

/// The answer: the stamped copy of the document, or its cover sheet; the header `protocollo-copia` says which and why.
///
/// # Errors
/// The store's; what cannot be laid out.
pub async fn documento_timbrato(
    ente: &dyn EnteStore,
    l: &Luogo<'_>,
    r: &Registrazione,
    dove: Posizione,
) -> Result<Response, Problema> {
    let _posto = POSTI.acquire().await.map_err(|_| Problema::interno())?;
    let letto = match primario(r) {
        Some(d) => Some(leggi(ente, d).await?),
        None => None,
    };
    let mut perche = None;
    let byte = in_disparte(|| {
        let esito = letto.map(|x| x.and_then(|pdf| timbra(&pdf, &disegno(l, r, TIMBRO_MM), dove)));
        match esito {
            Some(Ok(copia)) => Ok(copia),
            Some(Err(NonTimbrabile::Disegno(e))) => Err(e),
            altro => {
                let (parola, frase) = motivo(altro.as_ref().and_then(|e| e.as_ref().err()));
                perche = Some(parola);
                frontespizio(l, r, frase)
            }
        }
    })?;
    let (che, capo) = match perche {
        None => ("documento-timbrato", "timbrata".to_owned()),
        Some(parola) => ("frontespizio", format!("frontespizio; motivo={parola}")),
    };
    // The contents are of others: to be saved, never run.
    let fisso = HeaderValue::from_static;
    let mut risposta = byte.into_response();
    let capi = risposta.headers_mut();
    capi.insert(header::CONTENT_TYPE, fisso("application/pdf"));
    capi.insert(header::CONTENT_SECURITY_POLICY, fisso("sandbox; default-src 'none'"));
    capi.insert(header::X_CONTENT_TYPE_OPTIONS, fisso("nosniff"));
    capi.insert(header::CACHE_CONTROL, fisso("private, no-cache"));
    let nome = disposizione(&format!("{}.pdf", nome_file(che, &r.chiave)), false);
    for (k, v) in [(header::CONTENT_DISPOSITION, nome), (header::HeaderName::from_static(CAPO), capo)] {
        if let Ok(v) = HeaderValue::from_str(&v) {
            capi.insert(k, v);
        }
    }
    Ok(risposta)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::stream;

    use super::*;

    /// How it ended, and how many pieces were asked for.
    async fn prova(primo: &'static [u8], lungo: u64) -> (Result<Vec<u8>, NonTimbrabile>, usize) {
        let chiesti = Arc::new(AtomicUsize::new(0));
        let conto = Arc::clone(&chiesti);
        let pezzi = stream::iter(0..100usize).map(move |n| {
            conto.fetch_add(1, Ordering::Relaxed);
            Ok(if n == 0 { primo.to_vec() } else { b"\n".to_vec() })
        });
        let esito = raccogli(pezzi.boxed(), lungo).await.unwrap();
        (esito, chiesti.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn what_cannot_be_stamped_is_not_read_to_its_end() {
        let (esito, chiesti) = prova(b"%PDF-1.7", 107).await;
        assert_eq!((esito.unwrap().len(), chiesti), (107, 100));
        let (esito, chiesti) = prova(b"%PDF-1.7", BYTE_MAX as u64 + 1).await;
        assert!(matches!(esito, Err(NonTimbrabile::TroppoGrande)) && chiesti == 1);
        let (esito, chiesti) = prova(b"%P", 101).await;
        assert!(matches!(esito, Err(NonTimbrabile::NonPdf)) && chiesti < 6, "{chiesti}");
    }
}
