//! What an operation leaves in the tables: one definition, used by the writer to write and by `verifica` to compare.

use dominio::analisi;
use dominio::annullamento::{Campo, StatoRichiesta, Valori};
use dominio::codici::{CodiceUfficio, Impronta};
use dominio::operazione::Evento;
use dominio::registrazione::{
    Chiave, DatiAssegnazione, DatiRegistrazione, Stato, StatoAssegnazione, Tipo, TipoAssegnazione,
};
use dominio::soggetto::Soggetto;
use sha2::{Digest, Sha256};

/// Bits of an operation's id that hold its index within the log.
const BIT_INDICE: u32 = 40;

/// The id of an operation.
pub fn id(log: i64, indice: u64) -> i64 {
    (log << BIT_INDICE) | i64::try_from(indice).unwrap_or(i64::MAX >> (63 - BIT_INDICE))
}

/// Log and index of an id.
pub fn da_id(id: i64) -> (i64, u64) {
    (id >> BIT_INDICE, (id & ((1 << BIT_INDICE) - 1)).unsigned_abs())
}

/// First id of a log, and first id past it.
pub fn confini(log: i64) -> (i64, i64) {
    (log << BIT_INDICE, (log + 1) << BIT_INDICE)
}

/// An assignment row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RigaAssegnazione {
    /// Number within the registration.
    pub n: i64,
    /// Office.
    pub ufficio: String,
    /// Person.
    pub utente: Option<String>,
    /// 0 competenza, 1 conoscenza.
    pub tipo: i64,
}

/// Rows of a new registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RigheRegistrazione {
    /// 0 entrata, 1 uscita, 2 interna.
    pub tipo: i64,
    /// Reserved.
    pub riservato: bool,
    /// Entry of the titolario.
    pub voce: String,
    /// Assignments.
    pub assegnazioni: Vec<RigaAssegnazione>,
    /// Offices (`u:`) and author (`p:`) it touches.
    pub coinvolti: Vec<String>,
    /// Sender and his number, to find doubles.
    pub riscontro: Option<String>,
    /// Files.
    pub documenti: Vec<(i64, Impronta)>,
    /// Does its segnatura wait for a seal?
    pub da_sigillare: bool,
    /// Fascicolo.
    pub fascicolo: Option<String>,
    /// Search text.
    pub testo: String,
    /// Search text of correspondents.
    pub soggetti: String,
}

/// Code of a direction.
pub fn codice_tipo(t: Tipo) -> i64 {
    match t {
        Tipo::Entrata => 0,
        Tipo::Uscita => 1,
        Tipo::Interna => 2,
    }
}

/// Code of a state of a registration.
pub fn codice_stato(s: Stato) -> i64 {
    match s {
        Stato::Valida => 0,
        Stato::Annullata => 1,
        Stato::AnnullataInParte => 2,
    }
}

/// Code of a state of an assignment.
pub fn codice_assegnazione(s: StatoAssegnazione) -> i64 {
    match s {
        StatoAssegnazione::DaPrendere => 0,
        StatoAssegnazione::InCarico => 1,
        StatoAssegnazione::Rifiutata => 2,
        StatoAssegnazione::Conclusa => 3,
    }
}

/// How an office is written in `coinvolto`.
pub fn ufficio(u: &CodiceUfficio) -> String {
    format!("u:{u}")
}

/// How a person is written in `coinvolto`.
pub fn persona(id: &str) -> String {
    format!("p:{id}")
}

/// How what an uscita answers is written in `coinvolto`: answers are found from it.
pub fn risposta_a(chiave: &Chiave) -> String {
    format!("r:{chiave}")
}

/// Rows of assignments numbered from `primo`.
pub fn assegnazioni(primo: u32, date: &[DatiAssegnazione]) -> Vec<RigaAssegnazione> {
    (i64::from(primo)..)
        .zip(date)
        .map(|(n, a)| RigaAssegnazione {
            n,
            ufficio: a.ufficio.to_string(),
            utente: a.utente.as_ref().map(ToString::to_string),
            tipo: i64::from(a.tipo == TipoAssegnazione::Conoscenza),
        })
        .collect()
}

/// Longest key of an index, bytes; a longer one keeps its beginning and is told from others by its hash.
const CHIAVE_MAX: usize = 1_024;

/// A text as the key of an index: engines have a limit, people's names do not.
pub fn chiave(testo: String) -> String {
    if testo.len() <= CHIAVE_MAX {
        return testo;
    }
    let impronta = crate::file::esadecimale(&<[u8; 32]>::from(Sha256::digest(testo.as_bytes())));
    let inizio = testo.char_indices().map(|(i, c)| i + c.len_utf8()).take_while(|i| *i <= CHIAVE_MAX - 80).last();
    format!("{} {impronta}", &testo[..inizio.unwrap_or(0)])
}

/// The key under which doubles meet: the sender's code or name, and his number (R-A26).
pub fn riscontro(mittente: &str, numero: &str) -> String {
    chiave(format!("{}|{}", analisi::riga([mittente]).trim(), analisi::riga([numero]).trim()))
}

fn accoda(soggetti: &mut String, s: &Soggetto) {
    for t in [Some(s.nome_completo().as_str()), s.codice(), s.indirizzo_digitale()].into_iter().flatten() {
        soggetti.push_str(analisi::riga([t]).trim_start());
    }
}

/// Rows of a new registration.
pub fn registrazione(d: &DatiRegistrazione, autore: &str) -> RigheRegistrazione {
    let mut coinvolti: Vec<String> = d
        .assegnazioni
        .iter()
        .map(|a| &a.ufficio)
        .chain(d.ufficio_mittente.iter())
        .chain(d.soggetti().filter_map(|(_, s)| s.ufficio()))
        .map(ufficio)
        .collect();
    coinvolti.push(persona(autore));
    coinvolti.extend(d.risponde_a.as_ref().map(|r| risposta_a(&r.chiave)));
    coinvolti.sort_unstable();
    coinvolti.dedup();
    let mut soggetti = String::from(" ");
    for (_, s) in d.soggetti() {
        accoda(&mut soggetti, s);
    }
    let protocollo = d.protocollo_mittente.as_ref();
    let testo = analisi::riga(
        [Some(d.oggetto.as_str()), protocollo.map(|p| p.numero.as_str()), d.tipologia.as_deref(), d.note.as_deref()]
            .into_iter()
            .flatten()
            .chain(d.documenti.iter().map(|f| f.nome.as_str())),
    );
    RigheRegistrazione {
        tipo: codice_tipo(d.tipo),
        riservato: d.riservato,
        voce: d.classificazione.to_string(),
        assegnazioni: assegnazioni(1, &d.assegnazioni),
        coinvolti,
        riscontro: d.mittente.as_ref().zip(protocollo).map(|(m, p)| {
            let nome = m.nome_completo();
            riscontro(m.codice().unwrap_or(&nome), &p.numero)
        }),
        documenti: d.documenti.iter().map(|f| (i64::from(f.n), f.impronta)).collect(),
        da_sigillare: d.sigillo_richiesto,
        fascicolo: d.fascicolo.clone(),
        testo,
        soggetti,
    }
}

/// Words that an annulment adds to the search row: what it renewed. What it annulled stays found (R-B08).
pub fn rinnovo(v: &Valori) -> (String, String) {
    let protocollo = v.protocollo_mittente.as_ref().map(|p| p.numero.as_str());
    let testo = analisi::riga([v.oggetto.as_deref(), protocollo].into_iter().flatten());
    let mut soggetti = String::from(" ");
    for s in v.soggetti() {
        accoda(&mut soggetti, s);
    }
    (testo, soggetti)
}

/// The search row of a registration after these events on it, its creation first.
pub fn ricerca<'a>(eventi: impl IntoIterator<Item = &'a Evento>) -> (String, String) {
    let (mut testo, mut soggetti) = (String::new(), String::new());
    for e in eventi {
        match e {
            Evento::Registrazione(d) => {
                let r = registrazione(d, "");
                (testo, soggetti) = (r.testo, r.soggetti);
            }
            Evento::Annullamento { intero: false, nuovi_valori, .. } => {
                let (t, s) = rinnovo(nuovi_valori);
                testo.push_str(&t);
                soggetti.push_str(&s);
            }
            _ => {}
        }
    }
    (testo, soggetti)
}

/// Offices and doubles key that an annulment brings in: the rows that were there stay.
pub fn rinnovati(prima: &DatiRegistrazione, v: &Valori, campi: &[Campo]) -> (Vec<String>, Option<String>) {
    let mut dopo = prima.clone();
    v.rinnova(&mut dopo, campi);
    let r = registrazione(&DatiRegistrazione { assegnazioni: Vec::new(), ..dopo }, "");
    (r.coinvolti.into_iter().filter(|c| c.starts_with("u:")).collect(), r.riscontro)
}

/// Code of a state of a request of annulment.
pub fn codice_richiesta(s: StatoRichiesta) -> i64 {
    match s {
        StatoRichiesta::InAttesa => 0,
        StatoRichiesta::Autorizzata => 1,
        StatoRichiesta::Rifiutata => 2,
        StatoRichiesta::Superata => 3,
    }
}

/// Is this an event of the configuration, held in memory?
pub fn di_configurazione(e: &Evento) -> bool {
    matches!(
        e,
        Evento::EnteCreato(_)
            | Evento::AooCreata(_)
            | Evento::UtenteCreato(_)
            | Evento::IncarichiAssegnati { .. }
            | Evento::UtenteAbilitato { .. }
            | Evento::TokenCreato { .. }
            | Evento::TokenRevocato { .. }
            | Evento::ChiaveRuotata { .. }
            | Evento::LacunaDichiarata(_)
            | Evento::LacunaRicostruita(_)
            | Evento::RegistroCreato(_)
            | Evento::SigilloImpostato { .. }
            | Evento::SigilloTolto { .. }
            | Evento::SigilloDifferito { .. }
            | Evento::SigilloRichiesto { .. }
            | Evento::TimbroPosto { .. }
            | Evento::UfficioCreato(_)
            | Evento::UfficioChiuso { .. }
            | Evento::VoceAperta(_)
            | Evento::VoceChiusa { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ids_go_round_and_stay_within_their_log(log in 0i64..1_000_000, indice in 0u64..(1 << 40)) {
            let i = id(log, indice);
            prop_assert_eq!(da_id(i), (log, indice));
            let (da, a) = confini(log);
            prop_assert!(da <= i && i < a);
        }
    }
}
