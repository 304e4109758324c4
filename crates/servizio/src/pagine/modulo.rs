//! From the fields of the form "registra" to the `dati` of the contract.
//!
//! Fields are named as in the contract, dotted: `oggetto`, `mittente.cognome`, `destinatari.0.perConoscenza`,
//! `assegnazioni.0.ufficio`; only instants are typed in two halves, `dataArrivo.data` and `dataArrivo.ora`. So the
//! field an error names is the field of the page. What the page shows for another direction (the sender of an uscita)
//! is left aside; everything else is judged by the domain.

use dominio::errori::{ErroreCampo, Rifiuto};
use dominio::lettura;
use dominio::nuova::NuovaRegistrazione;
use dominio::registrazione::Chiave;
use serde_json::{Map, Value, json};

use super::ora;
use crate::accesso::utente::Campi;

/// Most repeated groups (recipients, senders, assignments) read from a form.
const RIPETUTI_MAX: usize = 10_000;

/// The form as read: the data, their canonical JSON for idempotency.
#[derive(Debug)]
pub struct Letto {
    /// For the domain.
    pub nuova: NuovaRegistrazione,
    /// As compared when a form is sent twice.
    pub dati: Value,
}

/// Where the n-th element of a list stood in the form: blanks between are left out of the data.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Posti(Vec<(&'static str, usize, usize)>);

impl Posti {
    /// Gives the field of the page for the field of the data: `destinatari.0.pec` may be the third group.
    pub fn campo_della_pagina(&self, campo: &str) -> String {
        let mut p = campo.splitn(3, '.');
        let (Some(lista), Some(Ok(n))) = (p.next(), p.next().map(str::parse::<usize>)) else {
            return campo.to_owned();
        };
        let Some((_, _, posto)) = self.0.iter().find(|(l, i, _)| *l == lista && *i == n) else {
            return campo.to_owned();
        };
        match p.next() {
            Some(resto) => format!("{lista}.{posto}.{resto}"),
            None => format!("{lista}.{posto}"),
        }
    }

    /// The same errors, named as in the page.
    pub fn nella_pagina(&self, errori: Vec<ErroreCampo>) -> Vec<ErroreCampo> {
        errori
            .into_iter()
            .map(|e| ErroreCampo { campo: self.campo_della_pagina(&e.campo), messaggio: e.messaggio })
            .collect()
    }
}

/// Reads the form.
///
/// # Errors
/// What cannot be read at all (dates, codes), all together; fields are named as in the page.
pub fn leggi(c: &Campi) -> (Posti, Result<Letto, Vec<ErroreCampo>>) {
    let mut posti = Posti::default();
    let mut errori = Vec::new();
    let mut o = Map::new();
    let tipo = c.testo("tipo").unwrap_or_default();
    for nome in ["tipo", "mezzo", "classificazione", "fascicolo", "tipologia"] {
        metti(&mut o, nome, c.testo(nome));
    }
    // The oggetto goes as typed: an empty one is the domain's to refuse.
    o.insert("oggetto".to_owned(), c.primo("oggetto").unwrap_or_default().into());
    metti(&mut o, "note", c.testo("note"));
    if c.spuntato("riservato") {
        o.insert("riservato".to_owned(), true.into());
    }
    if tipo != "uscita"
        && let Some(s) = soggetto(c, "mittente", tipo)
    {
        o.insert("mittente".to_owned(), s);
    }
    if tipo == "entrata" {
        lista(&mut o, c, &mut posti, "altriMittenti", |c, p| soggetto(c, p, tipo));
        data_arrivo(&mut o, c, &mut errori);
        protocollo_mittente(&mut o, c, &mut errori);
    } else {
        lista(&mut o, c, &mut posti, "destinatari", |c, p| destinatario(c, p, tipo));
        metti(&mut o, "ufficioMittente", c.testo("ufficioMittente"));
        if tipo == "uscita" {
            risponde_a(&mut o, c, &mut errori);
        }
        let firmatari: Vec<Value> = c
            .tutti("firmatari")
            .flat_map(str::lines)
            .map(str::trim)
            .filter(|f| !f.is_empty())
            .map(Value::from)
            .collect();
        o.insert("firmatari".to_owned(), firmatari.into());
    }
    lista(&mut o, c, &mut posti, "assegnazioni", assegnazione);
    let dati = Value::Object(o);
    let letto = lettura::leggi::<NuovaRegistrazione>(dati.clone());
    match letto {
        Ok(nuova) if errori.is_empty() => (posti, Ok(Letto { nuova, dati })),
        Ok(_) => (posti, Err(errori)),
        Err(Rifiuto::NonValido(altri)) => {
            errori.extend(posti.nella_pagina(altri));
            (posti, Err(errori))
        }
        Err(altro) => {
            errori.push(ErroreCampo { campo: String::new(), messaggio: altro.to_string() });
            (posti, Err(errori))
        }
    }
}

fn metti(o: &mut Map<String, Value>, nome: &str, valore: Option<&str>) {
    if let Some(v) = valore {
        o.insert(nome.to_owned(), v.into());
    }
}

fn errore(errori: &mut Vec<ErroreCampo>, campo: &str, messaggio: &str) {
    errori.push(ErroreCampo { campo: campo.to_owned(), messaggio: messaggio.to_owned() });
}

fn data_arrivo(o: &mut Map<String, Value>, c: &Campi, errori: &mut Vec<ErroreCampo>) {
    match (c.testo("dataArrivo.data"), c.testo("dataArrivo.ora")) {
        (None, None) => {}
        (Some(_), None) => errore(errori, "dataArrivo.ora", "va indicata anche l'ora"),
        (None, Some(_)) => errore(errori, "dataArrivo.data", "va indicata anche la data"),
        (Some(d), Some(h)) => match ora::istante(d, h) {
            Ok(t) => {
                o.insert("dataArrivo".to_owned(), t.con_offset().into());
            }
            Err(m) => errore(errori, if ora::giorno(d).is_ok() { "dataArrivo.ora" } else { "dataArrivo.data" }, m),
        },
    }
}

fn risponde_a(o: &mut Map<String, Value>, c: &Campi, errori: &mut Vec<ErroreCampo>) {
    match c.testo("rispondeA").map(str::parse::<Chiave>) {
        None => {}
        Some(Ok(k)) => {
            let k = json!({"registro": k.registro.as_str(), "anno": k.anno, "numero": k.numero.valore()});
            o.insert("rispondeA".to_owned(), k);
        }
        Some(Err(m)) => errore(errori, "rispondeA", m),
    }
}

fn protocollo_mittente(o: &mut Map<String, Value>, c: &Campi, errori: &mut Vec<ErroreCampo>) {
    let (numero, data) = (c.testo("protocolloMittente.numero"), c.testo("protocolloMittente.data"));
    if numero.is_none() && data.is_none() {
        return;
    }
    let mut p = Map::new();
    p.insert("numero".to_owned(), numero.unwrap_or_default().into());
    match data.map(ora::giorno) {
        Some(Ok(g)) => {
            p.insert("data".to_owned(), g.to_string().into());
        }
        Some(Err(m)) => errore(errori, "protocolloMittente.data", m),
        None => {}
    }
    metti(&mut p, "registro", c.testo("protocolloMittente.registro"));
    o.insert("protocolloMittente".to_owned(), Value::Object(p));
}

/// Reads the groups `nome.0.…`, `nome.1.…` in the order of their numbers.
fn lista(
    o: &mut Map<String, Value>,
    c: &Campi,
    posti: &mut Posti,
    nome: &'static str,
    leggi: impl Fn(&Campi, &str) -> Option<Value>,
) {
    let mut numeri: Vec<usize> =
        c.0.iter()
            .filter_map(|(n, _)| n.strip_prefix(nome)?.strip_prefix('.')?.split('.').next()?.parse().ok())
            .filter(|n| *n < RIPETUTI_MAX)
            .collect();
    numeri.sort_unstable();
    numeri.dedup();
    // One pass over the fields for each group would be quadratic: they are gathered by group first.
    let mut gruppi: std::collections::BTreeMap<usize, Campi> = numeri.iter().map(|n| (*n, Campi::default())).collect();
    for (n, v) in &c.0 {
        let posto =
            n.strip_prefix(nome).and_then(|r| r.strip_prefix('.')).and_then(|r| r.split('.').next()?.parse().ok());
        if let Some(g) = posto.and_then(|p: usize| gruppi.get_mut(&p)) {
            g.0.push((n.clone(), v.clone()));
        }
    }
    let mut out = Vec::new();
    for (n, campi) in gruppi {
        if let Some(v) = leggi(&campi, &format!("{nome}.{n}")) {
            posti.0.push((nome, out.len(), n));
            out.push(v);
        }
    }
    if !out.is_empty() {
        o.insert(nome.to_owned(), out.into());
    }
}

/// Fields of each kind of correspondent; the page shows them all where there is no script to hide the others.
fn campi_di(tipo: &str) -> &'static [&'static str] {
    match tipo {
        "persona-fisica" => &["cognome", "nome", "codiceFiscale", "pec", "email", "indirizzo"],
        "persona-giuridica" => &["denominazione", "partitaIva", "codiceFiscale", "pec", "email", "indirizzo"],
        "amministrazione" => &["denominazione", "ipa", "aoo", "ufficio", "pec"],
        "amministrazione-estera" => &["denominazione", "paese", "email"],
        _ => &["codice"],
    }
}

/// A correspondent; `None` when nothing was typed. In an interna every party is an office.
pub fn soggetto(c: &Campi, prefisso: &str, tipo_registrazione: &str) -> Option<Value> {
    let campo = |nome: &str| c.testo(&format!("{prefisso}.{nome}"));
    let tipo = match (tipo_registrazione, campo("tipo")) {
        ("interna", _) => "ufficio",
        (_, Some(t)) => t,
        (_, None) => "persona-fisica",
    };
    let mut o = Map::new();
    for nome in campi_di(tipo) {
        metti(&mut o, nome, campo(nome));
    }
    if o.is_empty() {
        return None;
    }
    // What is compulsory and blank is the domain's to refuse, on its own field.
    let nome = match tipo {
        "persona-fisica" => "cognome",
        "ufficio" => "codice",
        _ => "denominazione",
    };
    o.entry(nome.to_owned()).or_insert_with(|| "".into());
    o.insert("tipo".to_owned(), tipo.into());
    Some(Value::Object(o))
}

fn destinatario(c: &Campi, prefisso: &str, tipo: &str) -> Option<Value> {
    let mut s = soggetto(c, prefisso, tipo)?;
    if c.spuntato(&format!("{prefisso}.perConoscenza")) {
        s["perConoscenza"] = true.into();
    }
    if c.spuntato(&format!("{prefisso}.confermaRicezione")) {
        s["confermaRicezione"] = true.into();
    }
    if let Some(canale) = c.testo(&format!("{prefisso}.canale")) {
        s["canale"] = canale.into();
    }
    Some(s)
}

/// An assignment; `None` when no office was chosen.
pub fn assegnazione(c: &Campi, prefisso: &str) -> Option<Value> {
    let campo = |nome: &str| c.testo(&format!("{prefisso}.{nome}"));
    let mut o = json!({"ufficio": campo("ufficio")?, "tipo": campo("tipo").unwrap_or("competenza")});
    if let Some(u) = campo("utente") {
        o["utente"] = u.into();
    }
    Some(o)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn campi(coppie: &[(&str, &str)]) -> Campi {
        Campi(coppie.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn an_entrata_is_read_with_its_sender_and_hour() {
        let (_, l) = leggi(&campi(&[
            ("csrf", "x"),
            ("tipo", "entrata"),
            ("oggetto", "Istanza di accesso\r\nagli atti"),
            ("mezzo", "sportello"),
            ("mittente.tipo", "persona-fisica"),
            ("mittente.cognome", "D'Àmico"),
            ("mittente.denominazione", "resta fuori"),
            ("dataArrivo.data", "2026-11-23"),
            ("dataArrivo.ora", "09:12"),
            ("protocolloMittente.numero", "123/A"),
            ("destinatari.0.tipo", "persona-fisica"),
            ("destinatari.0.cognome", "resta fuori"),
            ("assegnazioni.0.ufficio", "SEGR"),
            ("classificazione", ""),
        ]));
        let l = l.unwrap();
        assert_eq!(l.dati["mittente"], json!({"tipo":"persona-fisica","cognome":"D'Àmico"}));
        assert_eq!(l.dati["dataArrivo"], "2026-11-23T09:12:00.000000+01:00");
        assert!(l.nuova.destinatari.is_empty() && l.nuova.classificazione.is_none());
        assert_eq!(l.nuova.assegnazioni.len(), 1);
    }

    #[test]
    fn blank_groups_are_left_out_and_errors_point_at_the_right_one() {
        let (posti, l) = leggi(&campi(&[
            ("tipo", "uscita"),
            ("oggetto", "Risposta"),
            ("mezzo", "pec"),
            ("mittente.cognome", "resta fuori"),
            ("destinatari.0.tipo", "persona-fisica"),
            ("destinatari.0.cognome", " "),
            ("destinatari.2.tipo", "persona-giuridica"),
            ("destinatari.2.denominazione", "Rossi srl"),
            ("destinatari.2.perConoscenza", "si"),
            ("assegnazioni.4.ufficio", "a/b"),
        ]));
        let e = l.unwrap_err();
        assert_eq!(e[0].campo, "assegnazioni.4.ufficio");
        assert_eq!(posti.campo_della_pagina("destinatari.0.partitaIva"), "destinatari.2.partitaIva");
        assert_eq!(posti.campo_della_pagina("destinatari.0"), "destinatari.2");
        assert_eq!(posti.campo_della_pagina("mittente.pec"), "mittente.pec");
    }

    #[test]
    fn parties_of_an_interna_are_offices() {
        let (_, l) = leggi(&campi(&[
            ("tipo", "interna"),
            ("oggetto", "Nota"),
            ("mezzo", "altro"),
            ("mittente.codice", "SEGR"),
            ("destinatari.0.codice", "UT"),
        ]));
        let l = l.unwrap();
        assert_eq!(l.dati["mittente"]["tipo"], "ufficio");
        assert_eq!(l.nuova.destinatari.len(), 1);
    }

    #[test]
    fn every_wrong_date_is_said_at_once() {
        let (_, l) = leggi(&campi(&[
            ("tipo", "entrata"),
            ("oggetto", "x"),
            ("mezzo", "fax"),
            ("dataArrivo.data", "31/02/2026"),
            ("dataArrivo.ora", "9:00"),
            ("protocolloMittente.data", "ieri"),
        ]));
        let campi: Vec<String> = l.unwrap_err().into_iter().map(|e| e.campo).collect();
        assert_eq!(campi, ["dataArrivo.data", "protocolloMittente.data", "mezzo"]);
    }
}
