//! The segnatura that comes with an entrata: what it says of the message, and what of it does not hold.
//!
//! It never keeps a document from being registered (R-D29): what is odd is an anomalia. One thing it decides: what it calls
//! reserved is reserved from the start (R-C18). Nothing that it points to is fetched (R-C19).

use dominio::codici::Impronta;
use dominio::errori::Anomalia;
use dominio::nuova::NuovaRegistrazione;
use dominio::registrazione::{RuoloDocumento, Tipo};
use segnatura::Gravita;
use segnatura::modello::{Contatti, Documento, Segnatura, Soggetto};
use serde_json::{Map, Value, json};

/// Longest segnatura that is looked at, in bytes: they have some thousands.
pub const BYTE_MAX: usize = 512 * 1024;
/// Where its root must be named.
const INIZIO: usize = 4 * 1024;
/// Things said of one segnatura.
const ANOMALIE_MAX: usize = 20;
/// Longest text taken over from it into a field other than the oggetto, in characters.
const TESTO_MAX: usize = 200;

/// A segnatura as it was received.
#[derive(Debug)]
pub struct Ricevuta {
    segnatura: Segnatura,
    /// What its schema, or what we ask beyond it, has to say.
    errori: Vec<String>,
}

/// Whether it is worth reading as one: an XML that names it where the root is.
pub fn pare(nome: &str, byte: &[u8]) -> bool {
    let inizio = byte.get(..INIZIO).unwrap_or(byte);
    xml(nome) && inizio.windows(8).any(|w| w == b"egnatura")
}

/// By its name alone.
pub fn xml(nome: &str) -> bool {
    nome.rsplit_once('.').is_some_and(|(_, e)| e.eq_ignore_ascii_case("xml"))
}

/// Reads it, on a thread of those that may take long.
pub async fn leggi(byte: Vec<u8>) -> Option<Ricevuta> {
    tokio::task::spawn_blocking(move || Ricevuta::di(&byte)).await.ok().flatten()
}

impl Ricevuta {
    /// `None` for what is no segnatura of a message: another XML, a return message, a request to register of DOCAREA.
    pub fn di(byte: &[u8]) -> Option<Self> {
        let letta = segnatura::leggi(byte);
        if letta.generazione? == segnatura::modello::Generazione::Docarea {
            return None;
        }
        let errori = letta.rilievi.iter().filter(|r| r.gravita == Gravita::Errore);
        let errori = errori.map(|r| format!("{}: {}", r.percorso, r.messaggio)).take(3).collect();
        Some(Self { segnatura: letta.segnatura()?.clone(), errori })
    }

    /// What follows for an entrata that comes with it: reserved if it says so, and what is odd.
    pub fn applica(&self, dati: &mut NuovaRegistrazione, file: &[(RuoloDocumento, String, Impronta)]) {
        if dati.tipo != Tipo::Entrata {
            return;
        }
        let mut anomalia = |campo: &str, messaggio: String| {
            if dati.anomalie.len() < ANOMALIE_MAX {
                dati.anomalie.push(Anomalia { campo: campo.to_owned(), messaggio });
            }
        };
        for e in &self.errori {
            anomalia("segnatura", format!("non è valida: {}", breve(e)));
        }
        let d = &self.segnatura.descrizione;
        for x in d.documento_primario.iter().chain(&d.allegati) {
            if let Some(m) = confronta(x, file) {
                anomalia("segnatura", m);
            }
        }
        let suo = numero(&self.segnatura);
        let scritto = dati.protocollo_mittente.as_ref().map(|p| p.numero.trim());
        if let (Some(suo), Some(scritto)) = (&suo, scritto)
            && suo.trim_start_matches('0') != scritto.trim_start_matches('0')
        {
            anomalia("protocolloMittente.numero", format!("la segnatura dice {}", breve(suo)));
        }
        if !dati.riservato && self.riservata() {
            anomalia("riservato", "lo dice la segnatura".to_owned());
            dati.riservato = true;
        }
    }

    fn riservata(&self) -> bool {
        self.segnatura.intestazione.riservato.as_ref().is_some_and(|r| r.valore)
    }

    /// Who sent it with which number, for people.
    pub fn chi(&self) -> String {
        let chi = self.segnatura.descrizione.mittente.as_ref().map(Soggetto::denominazione);
        let chi = chi.filter(|c| !c.is_empty()).unwrap_or_else(|| "mittente non indicato".to_owned());
        match numero(&self.segnatura) {
            Some(n) => format!("{}, protocollo {}", breve(&chi), breve(&n)),
            None => breve(&chi),
        }
    }

    /// Whether it is valid.
    pub fn valida(&self) -> bool {
        self.errori.is_empty()
    }

    /// The fields of the form *Registra* that it fills in: names as in the contract, dotted.
    pub fn campi(&self) -> Value {
        let mut o = Map::new();
        let mut metti = |nome: &str, v: Option<&str>| {
            if let Some(v) = v.map(str::trim).filter(|v| !v.is_empty()) {
                o.insert(nome.to_owned(), v.into());
            }
        };
        let i = &self.segnatura.intestazione;
        metti("oggetto", Some(&i.oggetto));
        if let Some(m) = &self.segnatura.descrizione.mittente {
            for (k, v) in mittente(m) {
                metti(&format!("mittente.{k}"), v.as_deref());
            }
        }
        let id = &i.identificatore;
        metti("protocolloMittente.numero", numero(&self.segnatura).as_deref());
        metti("protocolloMittente.data", Some(&id.data_registrazione).filter(|d| giorno(d)).map(String::as_str));
        metti("protocolloMittente.registro", id.codice_registro.as_deref());
        metti("riservato", self.riservata().then_some("si"));
        json!(o)
    }
}

fn giorno(d: &str) -> bool {
    d.parse::<dominio::tempo::Giorno>().is_ok()
}

fn numero(s: &Segnatura) -> Option<String> {
    let n = s.intestazione.identificatore.numero_registrazione.trim();
    (!n.is_empty()).then(|| n.to_owned())
}

/// What is wrong with a file that it lists; nothing where it cannot be said, for a digest of another kind or none.
fn confronta(x: &Documento, file: &[(RuoloDocumento, String, Impronta)]) -> Option<String> {
    let attesa = x.impronta.as_ref().and_then(segnatura::modello::Impronta::byte).filter(|b| b.len() == 32);
    let nome = x.nome_file.as_deref().map(str::trim).filter(|n| !n.is_empty());
    if attesa.as_ref().is_some_and(|a| file.iter().any(|(_, _, i)| i.0[..] == a[..])) {
        return None;
    }
    match nome {
        Some(n) if file.iter().any(|(_, f, _)| f == n) => {
            attesa.map(|_| format!("l'impronta di «{}» non è quella che dichiara", breve(n)))
        }
        Some(n) => Some(format!("elenca «{}», che non c'è", breve(n))),
        None => attesa.map(|_| "elenca un file che non c'è".to_owned()),
    }
}

fn breve(t: &str) -> String {
    if t.chars().count() <= TESTO_MAX { t.to_owned() } else { t.chars().take(TESTO_MAX).chain(['…']).collect() }
}

fn posta(c: Option<&Contatti>) -> Option<String> {
    let tutti = &c?.telematici;
    let posta = tutti.iter().map(|t| t.valore.trim().trim_start_matches("mailto:")).find(|v| v.contains('@'))?;
    Some(posta.to_owned())
}

/// A correspondent's group of fields.
fn mittente(s: &Soggetto) -> Vec<(&'static str, Option<String>)> {
    let testo = |t: &str| Some(t.to_owned());
    match s {
        Soggetto::Amministrazione(a) => vec![
            ("tipo", testo("amministrazione")),
            ("denominazione", testo(&a.denominazione)),
            ("ipa", a.codice_ipa.as_ref().map(|c| c.valore.clone())),
            ("aoo", a.aoo.as_ref().map(|c| c.valore.clone())),
            ("ufficio", a.uo.as_ref().map(|u| u.descrizione.clone().unwrap_or_else(|| u.valore.clone()))),
            ("pec", [&a.contatti_uo, &a.contatti_aoo, &a.contatti].into_iter().find_map(|c| posta(c.as_ref()))),
        ],
        Soggetto::PersonaGiuridica(p) => vec![
            ("tipo", testo("persona-giuridica")),
            ("denominazione", testo(&p.denominazione)),
            ("partitaIva", p.partita_iva.clone()),
            ("pec", posta(p.contatti.as_ref())),
        ],
        Soggetto::PersonaFisica(p) => vec![
            ("tipo", testo("persona-fisica")),
            ("cognome", testo(&p.cognome)),
            ("nome", testo(&p.nome)),
            ("codiceFiscale", p.codice_fiscale.clone()),
            ("pec", posta(p.contatti.as_ref())),
        ],
        Soggetto::AmministrazioneEstera(a) => vec![
            ("tipo", testo("amministrazione-estera")),
            ("denominazione", testo(&a.denominazione)),
            ("email", posta(a.contatti.as_ref())),
        ],
    }
}
