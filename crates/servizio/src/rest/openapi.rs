//! The OpenAPI 3.1 document, made from one table of operations; a test holds it against the router.

use axum::Json;
use serde_json::{Map, Value, json};

use super::BASE;
use super::leggi::FILTRI;
use super::schemi::{schema, schemi};

/// What a call takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Corpo {
    /// Nothing.
    Niente,
    /// JSON of a schema.
    Json(&'static str),
    /// Multipart with `dati`, `documento`, `allegato`.
    Registrazione,
    /// Multipart with `allegato`.
    Allegati,
}

/// One operation of the interface.
pub struct Operazione {
    /// `get` or `post`.
    pub metodo: &'static str,
    /// Path below the base of an AOO; whole for what stands outside of an AOO.
    pub percorso: &'static str,
    /// What it does, in Italian.
    pub sommario: &'static str,
    /// Body.
    pub corpo: Corpo,
    /// Schema of the answer; empty when it is not JSON.
    pub esito: &'static str,
    /// Query parameters.
    pub parametri: &'static [&'static str],
}

const fn op(
    metodo: &'static str,
    percorso: &'static str,
    sommario: &'static str,
    corpo: Corpo,
    esito: &'static str,
    parametri: &'static [&'static str],
) -> Operazione {
    Operazione { metodo, percorso, sommario, corpo, esito, parametri }
}

/// Operations on the register, below `registri/{registro}/registrazioni` and `registrazioni`.
const DEL_REGISTRO: &[Operazione] = &[
    op("post", "", "Registra un documento", Corpo::Registrazione, "Registrazione", &[]),
    op("get", "", "Cerca nel registro, dal più recente", Corpo::Niente, "Registrazioni", FILTRI),
    op("get", "/{anno}/{numero}", "Una registrazione, com'è o com'era", Corpo::Niente, "Registrazione", &["alla"]),
    op("get", "/{anno}/{numero}/storia", "Ogni operazione, dalla più antica", Corpo::Niente, "Storia", &[]),
    op("get", "/{anno}/{numero}/confronto", "Due momenti, campo per campo", Corpo::Niente, "Confronto", &["da", "a"]),
    op("post", "/{anno}/{numero}/assegnazioni", "Assegna", Corpo::Json("Assegna"), "Registrazione", &[]),
    op(
        "post",
        "/{anno}/{numero}/assegnazioni/{id}/prendi-in-carico",
        "Prende in carico",
        Corpo::Json("Nota"),
        "Registrazione",
        &[],
    ),
    op("post", "/{anno}/{numero}/assegnazioni/{id}/rifiuta", "Rifiuta", Corpo::Json("Motivo"), "Registrazione", &[]),
    op("post", "/{anno}/{numero}/assegnazioni/{id}/concludi", "Conclude", Corpo::Json("Nota"), "Registrazione", &[]),
    op("post", "/{anno}/{numero}/classificazione", "Classifica", Corpo::Json("Classifica"), "Registrazione", &[]),
    op("post", "/{anno}/{numero}/annotazioni", "Annota", Corpo::Json("Annota"), "Registrazione", &[]),
    op("post", "/{anno}/{numero}/collegamenti", "Collega", Corpo::Json("Collega"), "Registrazione", &[]),
    op("post", "/{anno}/{numero}/fascicolazioni", "Fascicola", Corpo::Json("Fascicola"), "Registrazione", &[]),
    op("post", "/{anno}/{numero}/allegati", "Aggiunge allegati", Corpo::Allegati, "Registrazione", &[]),
    op("get", "/{anno}/{numero}/documenti/{quale}", "Il file, byte per byte", Corpo::Niente, "", &[]),
    op(
        "get",
        "/{anno}/{numero}/documenti/{quale}/verifica",
        "Le firme del file, com'è risultato ogni volta che sono state verificate",
        Corpo::Niente,
        "VerificaFirme",
        &[],
    ),
    op(
        "post",
        "/{anno}/{numero}/documenti/{quale}/verifica",
        "Verifica di nuovo le firme del file; gli esiti di prima restano",
        Corpo::Niente,
        "VerificaFirme",
        &[],
    ),
    op(
        "get",
        "/{anno}/{numero}/documenti/{quale}/contenuto/{impronta}",
        "Ciò che sta dentro la busta firmata, byte per byte",
        Corpo::Niente,
        "",
        &[],
    ),
    op(
        "get",
        "/{anno}/{numero}/segnatura.xml",
        "Segnatura sigillata (409 finché manca il sigillo)",
        Corpo::Niente,
        "",
        &[],
    ),
    op("get", "/{anno}/{numero}/ricevuta", "Ricevuta verificabile", Corpo::Niente, "Ricevuta", &["campi"]),
    op("get", "/{anno}/{numero}/ricevuta.pdf", "Ricevuta per la persona (PDF)", Corpo::Niente, "", &[]),
    op("get", "/{anno}/{numero}/storia.pdf", "Storia della registrazione (PDF)", Corpo::Niente, "", &[]),
    op("get", "/{anno}/{numero}/etichetta.pdf", "Etichetta da stampare (PDF)", Corpo::Niente, "", &["formato"]),
    op("get", "/{anno}/{numero}/etichetta.txt", "Etichetta come testo", Corpo::Niente, "", &[]),
    op(
        "get",
        "/{anno}/{numero}/documento-timbrato.pdf",
        "Copia del documento con il timbro, o il suo frontespizio",
        Corpo::Niente,
        "",
        &["angolo"],
    ),
    op(
        "post",
        "/{anno}/{numero}/annullamento",
        "Annulla la registrazione o alcuni suoi dati (RGD o vicario)",
        Corpo::Json("Annullamento"),
        "Registrazione",
        &[],
    ),
    op(
        "post",
        "/{anno}/{numero}/annullamenti/richieste",
        "Chiede un annullamento",
        Corpo::Json("RichiestaAnnullamento"),
        "Registrazione",
        &[],
    ),
    op(
        "post",
        "/{anno}/{numero}/annullamenti/richieste/{id}/autorizza",
        "Autorizza un annullamento chiesto (RGD o vicario)",
        Corpo::Json("DecisioneAnnullamento"),
        "Registrazione",
        &[],
    ),
    op(
        "post",
        "/{anno}/{numero}/annullamenti/richieste/{id}/rifiuta",
        "Respinge un annullamento chiesto (RGD o vicario)",
        Corpo::Json("Motivo"),
        "Registrazione",
        &[],
    ),
    op(
        "post",
        "/{anno}/{numero}/richieste/{id}/autorizza",
        "Autorizza un annullamento chiesto",
        Corpo::Json("DecisioneAnnullamento"),
        "Registrazione",
        &[],
    ),
    op(
        "post",
        "/{anno}/{numero}/richieste/{id}/rifiuta",
        "Respinge un annullamento chiesto",
        Corpo::Json("Motivo"),
        "Registrazione",
        &[],
    ),
];

const ALTRE: &[Operazione] = &[
    op("get", "/uffici", "Gli uffici, ad albero", Corpo::Niente, "Elenco", &[]),
    op("post", "/uffici", "Crea un ufficio", Corpo::Json("NuovoUfficio"), "Voce", &[]),
    op("get", "/titolario", "Il titolario, ad albero", Corpo::Niente, "Elenco", &[]),
    op("post", "/titolario", "Apre una voce", Corpo::Json("NuovaVoce"), "Voce", &[]),
    op("get", "/fascicoli", "I fascicoli", Corpo::Niente, "Elenco", &["limite", "cursore"]),
    op("post", "/fascicoli", "Apre un fascicolo", Corpo::Json("NuovoFascicolo"), "Voce", &[]),
    op("get", "/rubrica", "La rubrica", Corpo::Niente, "Elenco", &["q", "limite", "cursore"]),
    op("post", "/rubrica", "Aggiunge un corrispondente", Corpo::Json("Soggetto"), "Voce", &[]),
    op(
        "get",
        "/accessi",
        "Chi ha visto che cosa (RGD, vicario, auditor)",
        Corpo::Niente,
        "Elenco",
        &["registrazione", "soggetto", "utente", "dal", "al", "riservate", "limite", "cursore"],
    ),
    op("get", "/annullamenti", "Il registro degli annullamenti", Corpo::Niente, "Elenco", &["limite", "cursore"]),
    op(
        "get",
        "/annullamenti/richieste",
        "Le richieste di annullamento in attesa",
        Corpo::Niente,
        "Elenco",
        &["limite", "cursore"],
    ),
    op(
        "post",
        "/orologio/conferma",
        "Conferma l'orologio dopo un salto in avanti (RGD o vicario)",
        Corpo::Json("Motivo"),
        "Oggetto",
        &[],
    ),
    op("get", "/timbro", "Dove va il timbro sulle copie dei documenti", Corpo::Niente, "Timbro", &[]),
    op("post", "/timbro", "Sceglie dove va il timbro", Corpo::Json("Timbro"), "Timbro", &[]),
    op(
        "get",
        "/sigillo",
        "Il sigillo dell'AOO: stato, certificato, registrazioni in attesa",
        Corpo::Niente,
        "Oggetto",
        &[],
    ),
    op("post", "/sigillo", "Prova un sigillo e lo imposta", Corpo::Json("NuovoSigillo"), "Oggetto", &[]),
    op(
        "post",
        "/sigillo/richiesta",
        "Genera una chiave per il sigillo e la sua richiesta PKCS#10",
        Corpo::Json("RichiestaSigillo"),
        "Oggetto",
        &[],
    ),
    op(
        "get",
        "/sigillo/richiesta.csr",
        "La richiesta PKCS#10 che aspetta il certificato (PEM)",
        Corpo::Niente,
        "",
        &[],
    ),
    op(
        "post",
        "/sigillo/certificato",
        "Il certificato emesso per la richiesta: si prova il sigillo e lo si imposta",
        Corpo::Json("CertificatoSigillo"),
        "Oggetto",
        &[],
    ),
    op(
        "post",
        "/sigillo/modulo.pdf",
        "Modulo compilato per chiedere il sigillo a un prestatore (PDF); non cambia nulla",
        Corpo::Json("ModuloSigillo"),
        "",
        &[],
    ),
    op("post", "/sigillo/rimozione", "Toglie il sigillo", Corpo::Json("Motivo"), "Oggetto", &[]),
    op(
        "post",
        "/sigillo/differimento",
        "Lascia registrare in uscita mentre il sigillo non si può apporre (RGD o vicario)",
        Corpo::Json("Differimento"),
        "Oggetto",
        &[],
    ),
    op("post", "/log/chiavi", "Cambia la chiave del registro delle operazioni", Corpo::Json("Motivo"), "Oggetto", &[]),
    op("get", "/registri", "I registri", Corpo::Niente, "Elenco", &[]),
    op("post", "/registri", "Crea un registro", Corpo::Json("NuovoRegistro"), "Voce", &[]),
];

/// Without a token.
const PUBBLICHE: &[Operazione] = &[
    op("get", "/log/checkpoint", "Ultimo checkpoint firmato (C2SP)", Corpo::Niente, "", &[]),
    op("get", "/log/chiavi", "Chiavi pubbliche del registro delle operazioni", Corpo::Niente, "", &[]),
    op(
        "get",
        "/log/chiavi/dichiarazione.xml",
        "Dichiarazione delle chiavi, da sigillare (XML)",
        Corpo::Niente,
        "",
        &[],
    ),
    op("get", "/log/chiavi/dichiarazione.pdf", "Dichiarazione delle chiavi (PDF)", Corpo::Niente, "", &[]),
    op("get", "/log/tile/{percorso}", "Tessere dell'albero (C2SP tlog-tiles)", Corpo::Niente, "", &[]),
    op("get", "/api/v1/enti/{ipa}/log/checkpoint", "Ultimo checkpoint dell'ente", Corpo::Niente, "", &[]),
    op("get", "/api/v1/enti/{ipa}/log/chiavi", "Chiavi del registro dell'ente", Corpo::Niente, "", &[]),
    op(
        "get",
        "/api/v1/enti/{ipa}/log/chiavi/dichiarazione.xml",
        "Dichiarazione delle chiavi del registro dell'ente (XML)",
        Corpo::Niente,
        "",
        &[],
    ),
    op(
        "get",
        "/api/v1/enti/{ipa}/log/chiavi/dichiarazione.pdf",
        "Dichiarazione delle chiavi del registro dell'ente (PDF)",
        Corpo::Niente,
        "",
        &[],
    ),
    op("get", "/api/v1/enti/{ipa}/log/tile/{percorso}", "Tessere dell'albero dell'ente", Corpo::Niente, "", &[]),
    op("get", "/testimone/chiave", "Chiave di questa installazione come testimone (C2SP)", Corpo::Niente, "", &[]),
    op(
        "get",
        "/testimone/checkpoint",
        "L'ultimo checkpoint cofirmato di un registro osservato",
        Corpo::Niente,
        "",
        &["origine"],
    ),
    op("get", "/api/v1/openapi.json", "Questo documento", Corpo::Niente, "Oggetto", &[]),
    op("get", "/salute/vivo", "Il processo è vivo", Corpo::Niente, "Oggetto", &[]),
    op("get", "/salute/pronto", "Il servizio può registrare", Corpo::Niente, "Oggetto", &[]),
    op("get", "/metriche", "Metriche nel formato di Prometheus", Corpo::Niente, "", &[]),
];

/// Shape of a query parameter: a name means the same everywhere.
fn parametro(nome: &str) -> Value {
    match nome {
        "limite" => json!({"type": "integer", "minimum": 1, "maximum": 200}),
        "da" | "a" => json!({"type": "integer", "minimum": 0, "description": "indice di un'operazione"}),
        "anno" => json!({"type": "integer", "minimum": 1, "maximum": 9999}),
        "numero" => json!({"type": "integer", "minimum": 1}),
        "tipo" => json!({"enum": ["entrata", "uscita", "interna"]}),
        "stato" => json!({"enum": ["valida", "annullata", "annullata-in-parte"]}),
        "dal" | "al" => json!({"type": "string", "format": "date"}),
        "alla" => json!({"type": "string", "format": "date-time"}),
        "formato" => json!({"enum": super::timbro::FORMATI.map(|(nome, _)| nome)}),
        "angolo" => json!({"enum": stampa::timbro::Angolo::TUTTI.map(stampa::timbro::Angolo::codice)}),
        _ => json!({"type": "string"}),
    }
}

fn descritta(o: &Operazione, percorso: &str, pubblica: bool) -> Value {
    let mut parametri: Vec<Value> = percorso
        .split('{')
        .skip(1)
        .filter_map(|p| p.split_once('}').map(|(n, _)| n))
        .map(|n| {
            let tipo = if matches!(n, "anno" | "numero" | "id") { "integer" } else { "string" };
            json!({"name": n, "in": "path", "required": true, "schema": {"type": tipo}})
        })
        .collect();
    for n in o.parametri {
        let obbligatorio = matches!(*n, "da" | "a");
        parametri.push(json!({"name": n, "in": "query", "required": obbligatorio, "schema": parametro(n)}));
    }
    if o.metodo == "post" {
        parametri.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "schema": {"type": "string", "minLength": 1, "maxLength": 200},
        }));
    }
    let riuscita = if o.metodo == "post" { "201" } else { "200" };
    let mut esito = json!({"description": "Fatto"});
    if !o.esito.is_empty() {
        esito["content"] = json!({"application/json": {"schema": schema(o.esito)}});
    }
    let mut risposte = Map::new();
    risposte.insert(riuscita.to_owned(), esito);
    let stati: &[&str] = if pubblica {
        &["404", "503"]
    } else {
        &["400", "401", "403", "404", "408", "409", "413", "415", "422", "500", "503"]
    };
    for s in stati {
        risposte.insert((*s).to_owned(), json!({"$ref": "#/components/responses/Problema"}));
    }
    let mut d = json!({"summary": o.sommario, "parameters": parametri, "responses": risposte});
    if pubblica {
        d["security"] = json!([]);
    }
    let file = json!({"type": "string", "contentMediaType": "application/octet-stream"});
    let corpo = match o.corpo {
        Corpo::Niente => return d,
        Corpo::Json(s) => json!({"application/json": {"schema": schema(s)}}),
        Corpo::Registrazione => json!({"multipart/form-data": {
            "schema": {
                "type": "object", "required": ["dati"],
                "properties": {
                    "dati": schema("NuovaRegistrazione"), "documento": file,
                    "allegato": {"type": "array", "items": file},
                },
            },
            "encoding": {"dati": {"contentType": "application/json"}},
        }}),
        Corpo::Allegati => json!({"multipart/form-data": {"schema": {
            "type": "object", "required": ["allegato"],
            "properties": {"dati": {"type": "object"}, "allegato": {"type": "array", "items": file}},
        }}}),
    };
    d["requestBody"] = json!({"required": !matches!(o.corpo, Corpo::Json("Nota")), "content": corpo});
    d
}

/// Every path with its operations.
pub fn percorsi() -> Vec<(String, &'static Operazione, bool)> {
    let mut out = Vec::new();
    for registro in ["/registri/{registro}/registrazioni", "/registrazioni"] {
        out.extend(DEL_REGISTRO.iter().map(|o| (format!("{BASE}{registro}{}", o.percorso), o, false)));
    }
    out.extend(ALTRE.iter().map(|o| (format!("{BASE}{}", o.percorso), o, false)));
    out.extend(PUBBLICHE.iter().map(|o| {
        let dell_aoo = o.percorso.starts_with("/log/");
        let p = if dell_aoo { format!("{BASE}{}", o.percorso) } else { o.percorso.to_owned() };
        (p, o, true)
    }));
    out
}

/// The whole document.
pub fn tutto() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for (percorso, o, pubblica) in percorsi() {
        let voce = paths.entry(percorso.clone()).or_insert_with(|| json!({}));
        voce[o.metodo] = descritta(o, &percorso, pubblica);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Protocollo", "version": env!("CARGO_PKG_VERSION"),
            "description": "Il protocollo informatico aperto. Le registrazioni non si modificano e non si cancellano: \
                            PUT, PATCH e DELETE rispondono sempre 405.",
            "license": {"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {"Problema": {
                "description": "La richiesta non è stata eseguita",
                "content": {"application/problem+json": {"schema": schema("Problema")}},
            }},
            "schemas": schemi(),
        },
    })
}

/// `GET /api/v1/openapi.json`.
pub async fn documento() -> Json<Value> {
    Json(tutto())
}
