//! The receipt for who filed a document (R-A24; L. 241/1990 art. 18-bis): number, date of filing, office, term, contacts,
//! on one page, with a QR code that leads to the public page of verification.

use dominio::codici::CodiceAoo;
use dominio::configurazione::Configurazione;
use dominio::registrazione::{Registrazione, Tipo, TipoAssegnazione};
use dominio::registrazione::{TERMINE_GIORNI, termine};
use dominio::tempo::in_parole;
use stampa::{Blocco, Brano, Cornice, Documento, Errore, Qr};

use super::segno;

/// Longest oggetto printed whole: the receipt is one page.
const OGGETTO_MAX: usize = 500;
/// Senders or recipients listed one by one.
const ELENCO_MAX: usize = 3;
/// Longest line of a list.
const RIGA_MAX: usize = 240;

/// Where the registration stands and where it can be checked.
pub struct Luogo<'a> {
    /// The ente's configuration.
    pub conf: &'a Configurazione,
    /// The AOO.
    pub aoo: &'a CodiceAoo,
    /// Address of the public page, with what it needs to look the registration up.
    pub verifica: String,
    /// Log entry, lower-case hex.
    pub entrata: String,
}

/// The PDF.
///
/// # Errors
/// What `stampa` cannot lay out: none of what the register accepts.
pub fn ricevuta(l: &Luogo<'_>, r: &Registrazione) -> Result<Vec<u8>, Errore> {
    let ente = l.conf.ente.as_ref().map_or_else(String::new, |e| e.denominazione.clone());
    let aoo = l.conf.aoo.get(l.aoo);
    let k = &r.chiave;
    let numero = format!("{}/{}", k.numero.esteso(), k.anno);
    let titolo = format!("Ricevuta di protocollo {numero}");
    let mut d = Documento::nuovo(titolo.clone(), ente.clone(), (&r.istante.a_roma()).into());
    d.intestazione.riga = aoo.map(|a| a.dati.denominazione.clone()).filter(|n| *n != ente).unwrap_or_default();
    d.soggetto = "Ricevuta di presentazione (art. 18-bis, legge 241/1990)".to_owned();
    d.piede = format!("Protocollo {numero}, registro {}", k.registro);
    d.blocchi.extend(segno(r, true));
    d.blocchi.push(Blocco::Riquadro(
        Cornice::Evidenza,
        vec![
            Blocco::Rilievo(vec![Brano::grassetto(numero)]),
            Blocco::Paragrafo(vec![Brano::piano(format!("registrato il {}", r.istante.in_parole()))]),
        ],
    ));
    d.blocchi.push(Blocco::Fatti(fatti(l, r)));
    d.blocchi.push(Blocco::Qr(Qr {
        contenuto: l.verifica.clone(),
        lato_mm: 32,
        testo_alternativo: format!("Codice che porta alla pagina di verifica: {}", l.verifica),
        didascalia: vec![
            Brano::piano(
                "Per controllare questa ricevuta senza fidarsi di chi l'ha data: inquadrare il codice, oppure aprire ",
            ),
            Brano::collegamento(l.verifica.split('#').next().unwrap_or_default(), l.verifica.clone()),
        ],
    }));
    d.blocchi.push(Blocco::Nota(vec![
        Brano::piano(format!("Posizione {} del registro delle operazioni, entrata ", r.indice)),
        Brano::fisso(l.entrata.clone()),
        Brano::piano(". La ricevuta attesta la presentazione e la registrazione del documento, non l'accoglimento di ciò che chiede."),
    ]));
    d.pdf()
}

fn fatti(l: &Luogo<'_>, r: &Registrazione) -> Vec<(String, Vec<Brano>)> {
    let mut f: Vec<(String, Vec<Brano>)> = Vec::new();
    let mut metti = |nome: &str, testo: String| f.push((nome.to_owned(), vec![Brano::piano(testo)]));
    let aoo = l.conf.aoo.get(l.aoo);
    let presentato = r.dati.data_arrivo.unwrap_or(r.istante);
    if r.dati.tipo == Tipo::Entrata {
        metti("Presentato il", presentato.in_parole());
    }
    metti("Oggetto", accorcia(&r.dati.oggetto));
    for (titolo, ruolo) in [("Mittente", "mittente"), ("Destinatari", "destinatario")] {
        let tutti: Vec<String> =
            r.dati.soggetti().filter(|(x, _)| *x == ruolo).map(|(_, s)| s.nome_e_codice()).collect();
        if !tutti.is_empty() {
            metti(titolo, elenco(&tutti));
        }
    }
    let uffici: Vec<String> = r
        .assegnazioni
        .iter()
        .filter(|a| a.dati.tipo == TipoAssegnazione::Competenza)
        .map(|a| {
            let u = aoo.and_then(|x| x.uffici.get(&a.dati.ufficio));
            u.map_or_else(|| a.dati.ufficio.to_string(), |u| u.denominazione.clone())
        })
        .collect();
    if !uffici.is_empty() {
        metti("Ufficio competente", elenco(&uffici));
    }
    if r.dati.tipo == Tipo::Entrata {
        // R-J07: the term runs from the arrival, not from the registration.
        metti(
            "Termine",
            format!(
                "se il documento avvia un procedimento, l'amministrazione risponde entro {TERMINE_GIORNI} giorni, cioè entro \
                 il {}, salvo un termine diverso previsto per quel procedimento (art. 2, legge 241/1990)",
                in_parole(termine(presentato))
            ),
        );
    }
    let recapito = aoo.and_then(|a| a.dati.pec.clone()).or_else(|| l.conf.ente.as_ref().and_then(|e| e.pec.clone()));
    if let Some(pec) = recapito {
        metti("Recapito", pec);
    }
    let file: Vec<String> = r.documenti.iter().map(|d| d.nome.clone()).collect();
    if !file.is_empty() {
        metti("Documenti", elenco(&file));
    }
    if let Some(d) = r.documenti.first() {
        f.push(("Impronta del documento (SHA-256)".to_owned(), vec![Brano::fisso(d.impronta.hex())]));
    }
    f
}

fn accorcia(t: &str) -> String {
    taglia(t, OGGETTO_MAX, "… (l'oggetto intero è nel registro)")
}

fn taglia(t: &str, max: usize, segue: &str) -> String {
    match t.char_indices().nth(max) {
        Some((fine, _)) => format!("{}{segue}", &t[..fine]),
        None => t.to_owned(),
    }
}

fn elenco(voci: &[String]) -> String {
    let corte: Vec<String> = voci.iter().take(ELENCO_MAX).map(|v| taglia(v, RIGA_MAX / ELENCO_MAX, "…")).collect();
    match voci.len().checked_sub(ELENCO_MAX) {
        None | Some(0) => corte.join("; "),
        Some(n) => format!("{}; e altri {n}", corte.join("; ")),
    }
}
