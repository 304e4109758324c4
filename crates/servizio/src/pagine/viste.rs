//! What the templates take: plain words, ready to be read. No rule, no look-up, nothing of the store.

pub mod amministrazione;
pub mod annullamento;
pub mod firme;
pub mod registra;
pub mod registrazione;
pub mod registro;
pub mod richiesta_sigillo;
pub mod sigillo;

use askama::Template;
use dominio::errori::ErroreCampo;
use dominio::tempo::Istante;

use crate::accesso::utente::Campi;

/// What stands around every page.
#[derive(Debug, Clone, Default)]
pub struct Guscio {
    /// Title of the page, its one `h1`.
    pub titolo: String,
    /// Name of the ente.
    pub ente: String,
    /// Name of the AOO.
    pub aoo: String,
    /// `/{ipa}/{aoo}`.
    pub base: String,
    /// Who is signed in.
    pub utente: String,
    /// Token of the forms.
    pub csrf: String,
    /// The year, to open a protocol by its number alone.
    pub anno: i32,
    /// Where he can go, what is here first marked.
    pub voci: Vec<VoceMenu>,
    /// Other AOO of the ente: address and name.
    pub altre_aoo: Vec<(String, String)>,
    /// What stands in the search box.
    pub ricerca: String,
    /// May he read the register, and so search it?
    pub legge: bool,
    /// Why registrations are refused, if they are.
    pub impedimento: Option<String>,
    /// Why nothing may be written now, if it may not.
    pub sola_lettura: Option<String>,
    /// May he put an end to it, since it is the clock's?
    pub orologio: bool,
}

/// A line of the menu.
#[derive(Debug, Clone, Default)]
pub struct VoceMenu {
    /// Address.
    pub href: String,
    /// Name.
    pub nome: &'static str,
    /// Its icon in the sprite.
    pub icona: &'static str,
    /// Is the page one of it?
    pub attiva: bool,
    /// Is it of the administration?
    pub sotto: bool,
}

/// A form as it was typed, with what is wrong.
#[derive(Debug, Clone, Default)]
pub struct Modulo {
    /// Fields.
    pub campi: Campi,
    /// What is wrong, by field.
    pub errori: Vec<ErroreCampo>,
}

impl Modulo {
    /// The value of a field.
    pub fn v(&self, nome: impl AsRef<str>) -> &str {
        self.campi.primo(nome.as_ref()).unwrap_or_default()
    }

    /// The value of a field, or another.
    pub fn o<'a>(&'a self, nome: impl AsRef<str>, altrimenti: &'a str) -> &'a str {
        self.campi.primo(nome.as_ref()).unwrap_or(altrimenti)
    }

    /// Is this the value of the field?
    pub fn ha(&self, nome: impl AsRef<str>, valore: impl AsRef<str>) -> bool {
        self.campi.primo(nome.as_ref()) == Some(valore.as_ref())
    }

    /// Is the box ticked?
    pub fn si(&self, nome: impl AsRef<str>) -> bool {
        self.campi.spuntato(nome.as_ref())
    }

    /// What is wrong with a field.
    pub fn e(&self, nome: impl AsRef<str>) -> Option<&str> {
        let nome = nome.as_ref();
        self.errori.iter().find(|e| e.campo == nome).map(|e| e.messaggio.as_str())
    }

    /// Id of the element of a field: dots are no good in selectors.
    pub fn id(&self, nome: impl AsRef<str>) -> String {
        id(nome.as_ref())
    }
}

/// Id of the element of a field.
pub fn id(nome: &str) -> String {
    format!("c-{}", nome.replace('.', "-"))
}

/// A line of the summary of errors.
pub fn riga_errore(e: &ErroreCampo) -> String {
    let nome = etichetta(&e.campo);
    if nome.is_empty() { e.messaggio.clone() } else { format!("{nome}: {}", e.messaggio) }
}

/// The name of a field in words.
pub fn etichetta(campo: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    for p in campo.split('.') {
        if let Ok(n) = p.parse::<usize>() {
            if let Some(u) = out.last_mut() {
                u.push_str(&format!(" {}", n + 1));
            }
            continue;
        }
        let parola = match p {
            "oggetto" => "Oggetto",
            "tipo" if out.is_empty() => "Tipo",
            "tipo" => "tipo",
            "mezzo" => "Mezzo",
            "mittente" => "Mittente",
            "altriMittenti" => "Altro mittente",
            "destinatari" => "Destinatario",
            "assegnazioni" => "Assegnazione",
            "annotazioni" => "Annotazione",
            "collegamenti" => "Collegamento",
            "aggregazioni" => "Fascicolo o serie",
            "documenti" => "Documento",
            "documento" => "Documento",
            "allegato" => "Allegato",
            "dataArrivo" => "Arrivo",
            "data" => "data",
            "ora" => "ora",
            "protocolloMittente" => "Protocollo del mittente",
            "numero" if out.is_empty() => "Numero",
            "numero" => "numero",
            "rispondeA" => "In risposta a",
            "registro" if out.is_empty() => "Registro",
            "registro" => "registro",
            "classificazione" => "Classificazione",
            "classificazioneDenominazione" => "Voce del titolario",
            "ufficioMittente" => "Ufficio mittente",
            "ufficio" if out.is_empty() => "Ufficio",
            "ufficio" => "ufficio",
            "utente" if out.is_empty() => "Utente",
            "utente" => "persona",
            "firmatari" => "Firmatario",
            "cognome" if out.is_empty() => "Cognome",
            "nome" if out.is_empty() => "Nome",
            "codiceFiscale" if out.is_empty() => "Codice fiscale",
            "codiceFiscale" => "codice fiscale",
            "partitaIva" if out.is_empty() => "Partita IVA",
            "partitaIva" => "partita IVA",
            "denominazione" if out.is_empty() => "Denominazione",
            "codice" if out.is_empty() => "Codice",
            "ipa" => "codice IPA",
            "pec" => "PEC",
            "email" => "e-mail",
            "perConoscenza" => "per conoscenza",
            "fascicolo" => "Fascicolo",
            "tipologia" => "Tipologia",
            "note" => "Note",
            "testo" if out.is_empty() => "Testo",
            "motivo" if out.is_empty() => "Motivo",
            "motivoRifiuto" => "Motivo del rifiuto",
            "provvedimento" => "Provvedimento",
            "campi" => "Dati da annullare",
            "cosa" => "Che cosa",
            "stato" if out.is_empty() => "Stato",
            "stato" => "stato",
            "assegnataDa" => "assegnata da",
            "gestitaDa" => "presa da",
            "gestitaIl" => "il",
            "istante" => "quando",
            "soggetto" => "Corrispondente",
            "password" | "nuova" => "Password",
            "scadenza" => "Scadenza",
            "diritti" => "Diritti",
            "descrizione" => "Descrizione",
            "dal" if out.is_empty() => "Dal",
            "al" if out.is_empty() => "Al",
            "anno" if out.is_empty() => "Anno",
            "padre" => "Ufficio superiore",
            "sigillo" => "Sigillo",
            "pkcs12" => "File del sigillo",
            "certificato" => "Certificato",
            "angolo" => "Angolo",
            "margineMm" => "Distanza dai bordi",
            "identificativo" => "Identificativo",
            "nomeSigillo" => "Nome del sigillo",
            "dove" => "Dove nasce la chiave",
            "tipoChiave" => "Tipo di chiave",
            "sede" => "Sede",
            "rappresentante" => "Rappresentante legale",
            "referente" => "Referente",
            "carica" => "carica",
            "telefono" => "telefono",
            "cognome" => "cognome",
            "nome" => "nome",
            "modulo" => "Libreria del dispositivo",
            "token" => "Token",
            "chiaveToken" => "Chiave",
            "pin" | "pinFornitore" => "PIN",
            "url" => "Indirizzo del fornitore",
            "urlToken" => "Indirizzo dei token",
            "clientId" => "Identificativo del client",
            "clientSecret" => "Segreto del client",
            "credenziale" => "Credenziale",
            "motivoRimozione" => "Perché lo togli",
            "fino" => "Fino a",
            "q" => "Parole cercate",
            altro => altro,
        };
        out.push(parola.to_owned());
    }
    out.join(", ")
}

const GIORNI: [&str; 7] = ["lun", "mar", "mer", "gio", "ven", "sab", "dom"];
const MESI: [&str; 12] = ["gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic"];

/// `lun 23 nov 2026, 9:12`.
pub fn quando(t: Istante) -> String {
    let z = t.a_roma();
    format!("{}, {}:{:02}", giorno(z.date()), z.hour(), z.minute())
}

/// For the `datetime` of a `time`: HTML wants at most milliseconds.
pub fn per_macchine(t: Istante) -> String {
    t.a_roma().strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

/// `lun 23 nov 2026`.
pub fn giorno(d: dominio::tempo::Giorno) -> String {
    let g = usize::try_from(d.weekday().to_monday_zero_offset()).unwrap_or(0);
    let m = usize::try_from(d.month() - 1).unwrap_or(0);
    format!("{} {} {} {}", GIORNI[g % 7], d.day(), MESI[m % 12], d.year())
}

/// `1,4 MB`.
pub fn peso(byte: u64) -> String {
    const UNITA: [(&str, u64); 3] = [("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)];
    for (nome, n) in UNITA {
        if byte >= n {
            let decimi = byte * 10 / n;
            return if decimi.is_multiple_of(10) {
                format!("{} {nome}", decimi / 10)
            } else {
                format!("{},{} {nome}", decimi / 10, decimi % 10)
            };
        }
    }
    format!("{byte} byte")
}

/// The public page of verification.
#[derive(Debug, Default, Template)]
#[template(path = "verifica.html")]
pub struct Verifica {
    /// Whose register it is, when the address says.
    pub ente: String,
    /// Where its public log is.
    pub base: String,
    /// Public keys to begin with, a line each.
    pub chiavi: String,
}

/// The access log.
#[derive(Debug, Template)]
#[template(path = "accessi.html")]
pub struct Accessi {
    /// Around the page.
    pub g: Guscio,
    /// Filters as typed.
    pub m: Modulo,
    /// What is wrong with them.
    pub sommario: Vec<(String, String)>,
    /// Accesses, newest first.
    pub righe: Vec<RigaAccesso>,
    /// Next page.
    pub successivi: Option<String>,
    /// How long they are kept.
    pub giorni: i64,
}

/// An access.
#[derive(Debug, Clone)]
pub struct RigaAccesso {
    /// When, in words.
    pub quando: String,
    /// When, for machines.
    pub istante: String,
    /// Who.
    pub chi: String,
    /// What he did.
    pub cosa: &'static str,
    /// `PG/2026/1`.
    pub registrazione: String,
    /// Its page.
    pub href: String,
    /// Was it reserved?
    pub riservata: bool,
}

/// The public page of an operations log.
#[derive(Debug, Template)]
#[template(path = "pubblico.html")]
pub struct Pubblico {
    /// Whose.
    pub ente: String,
    /// Of which AOO.
    pub aoo: String,
    /// Origin of the log.
    pub origine: String,
    /// Operations in the latest checkpoint.
    pub dimensione: u64,
    /// Its root, hex.
    pub radice: String,
    /// Keys, the one in use first.
    pub chiavi: Vec<String>,
    /// Where the log is served.
    pub base: String,
    /// Where receipts are checked.
    pub verifica: String,
    /// Are checkpoints put elsewhere at all?
    pub ancore: bool,
    /// Is one of the places a folder?
    pub deposito: bool,
    /// Are they sent by mail?
    pub posta: Option<PostaVista>,
    /// How many operations the last anchor covers, and when it was put there.
    pub ancorate: Option<(u64, Option<String>)>,
    /// Who is asked to cosign.
    pub testimoni: Vec<TestimoneVisto>,
    /// Did one of them see another history?
    pub altra_storia: bool,
    /// How many operations somebody else saw, at best.
    pub coperte: Option<u64>,
    /// How many came after.
    pub scoperte: u64,
}

/// A witness on the public page.
#[derive(Debug)]
pub struct TestimoneVisto {
    /// Its name.
    pub nome: String,
    /// Up to which operation it cosigned, and when.
    pub cofirmate: Option<(u64, String)>,
    /// Why not more.
    pub intoppo: Option<String>,
}

/// Anchors by mail on the public page.
#[derive(Debug)]
pub struct PostaVista {
    /// How many operations the last message covers, and when it went.
    pub spedite: Option<(u64, Option<String>)>,
    /// Since when messages do not go.
    pub ferma: Option<String>,
    /// When the next one is tried.
    pub riprova: Option<String>,
}

/// The sign-in page.
#[derive(Debug, Template)]
#[template(path = "accedi.html")]
pub struct Accedi {
    /// Enti to choose from: code and name.
    pub enti: Vec<(String, String)>,
    /// What was typed.
    pub m: Modulo,
    /// What went wrong.
    pub errore: Option<String>,
    /// Where to go afterwards.
    pub dopo: String,
}

/// A page that says no.
#[derive(Debug, Template)]
#[template(path = "errore.html")]
pub struct Errore {
    /// In short.
    pub titolo: String,
    /// In words.
    pub dettaglio: String,
    /// What to do.
    pub rimedio: &'static str,
    /// HTTP status.
    pub stato: u16,
    /// Wrong fields.
    pub errori: Vec<String>,
}

/// Keys and first steps.
#[derive(Debug, Template)]
#[template(path = "aiuto.html")]
pub struct Aiuto {
    /// Around the page.
    pub g: Guscio,
}

/// One's own password.
#[derive(Debug, Template)]
#[template(path = "password.html")]
pub struct Password {
    /// Around the page.
    pub g: Guscio,
    /// What is wrong.
    pub m: Modulo,
    /// What is wrong, on top.
    pub sommario: Vec<(String, String)>,
    /// It was changed.
    pub cambiata: bool,
}

/// My desk.
#[derive(Debug, Template)]
#[template(path = "scrivania.html")]
pub struct Scrivania {
    /// Requests of annulment that wait for who looks.
    pub da_autorizzare: usize,
    /// Where they are.
    pub href_da_autorizzare: String,
    /// Around the page.
    pub g: Guscio,
    /// Offices of who looks, in words.
    pub uffici: String,
    /// Lists, each with its title.
    pub sezioni: Vec<Sezione>,
    /// How many wait for their classificazione; `None` when that is not his.
    pub da_classificare: Option<u64>,
    /// Address of those that wait.
    pub href_da_classificare: String,
    /// Last ones registered.
    pub recenti: Vec<registro::Riga>,
    /// May he register?
    pub registra: bool,
}

/// A list of the desk.
#[derive(Debug, Clone)]
pub struct Sezione {
    /// Title.
    pub titolo: &'static str,
    /// What to say when it is empty.
    pub vuota: &'static str,
    /// Items shown.
    pub elementi: Vec<Elemento>,
    /// How many there are.
    pub quante: usize,
    /// How many of them are not shown.
    pub altre: usize,
}

/// An assignment on the desk.
#[derive(Debug, Clone)]
pub struct Elemento {
    /// The registration.
    pub riga: registro::Riga,
    /// Of which office, since when.
    pub presso: String,
    /// Main action: address of its form and its words.
    pub azione: Option<(String, &'static str)>,
}

/// Fragments of suggestions.
#[derive(Debug, Template)]
#[template(path = "suggerimenti.html")]
pub struct Suggerimenti {
    /// Items.
    pub elementi: Vec<Suggerimento>,
    /// What was asked.
    pub q: String,
    /// Fields for one that is not there yet, as JSON.
    pub nuovo: Option<String>,
}

/// One suggestion.
#[derive(Debug, Clone)]
pub struct Suggerimento {
    /// First line.
    pub testo: String,
    /// Second line: where it comes from.
    pub nota: String,
    /// Fields to fill in, as JSON.
    pub dati: String,
}

/// Registrations that may be the same document.
#[derive(Debug, Template)]
#[template(path = "doppioni.html")]
pub struct Doppioni {
    /// Them.
    pub righe: Vec<registro::Riga>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_sizes_are_said_as_people_say_them() {
        assert_eq!(quando(Istante::leggi("2026-11-23T09:12:00+01:00").unwrap()), "lun 23 nov 2026, 9:12");
        let t = Istante::leggi("2026-11-23T09:12:00.123456+01:00").unwrap();
        assert_eq!(per_macchine(t), "2026-11-23T09:12:00.123+01:00");
        assert_eq!(quando(Istante::leggi("2026-07-05T22:05:00Z").unwrap()), "lun 6 lug 2026, 0:05");
        assert_eq!([peso(0), peso(1_500), peso(1 << 20), peso(1_468_006)], ["0 byte", "1,4 KB", "1 MB", "1,3 MB"]);
    }

    #[test]
    fn fields_have_names_in_words() {
        assert_eq!(etichetta("destinatari.1.codiceFiscale"), "Destinatario 2, codice fiscale");
        assert_eq!(etichetta("dataArrivo.ora"), "Arrivo, ora");
        assert_eq!(etichetta(""), "");
    }
}
