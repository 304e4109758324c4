//! Shapes of what the interface takes and gives, as JSON Schema 2020-12 (OpenAPI 3.1).

use serde_json::{Map, Value, json};

/// A reference to a schema of the document.
pub(super) fn schema(nome: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{nome}")})
}

/// `dati` as somebody would write them; a test registers them as they are.
fn esempio() -> Value {
    json!({
        "tipo": "entrata", "oggetto": "Istanza di accesso agli atti",
        "mittente": {
            "tipo": "persona-fisica", "nome": "Maria", "cognome": "Rossi", "codiceFiscale": "RSSMRA80A01H501U", "pec": null,
        },
        "destinatari": [], "mezzo": "pec", "dataArrivo": "2025-11-24T09:12:00+01:00",
        "protocolloMittente": {"numero": "123/A", "data": "2025-11-20"},
        "classificazione": "1.6", "assegnazioni": [{"ufficio": "SEGR", "tipo": "competenza"}], "riservato": false,
    })
}

fn con_esempio(mut schema: Value, esempio: Value) -> Value {
    schema["examples"] = json!([esempio]);
    schema
}

/// An object of these properties, the first ones always there.
fn oggetto(obbligatori: &[&str], proprieta: Value) -> Value {
    json!({"type": "object", "required": obbligatori, "properties": proprieta})
}

fn elenco(di: &Value) -> Value {
    json!({"type": "array", "items": di})
}

fn o_nullo(di: &Value) -> Value {
    json!({"anyOf": [di, {"type": "null"}]})
}

/// A registration as answered: what is always shown, what was registered, what came after.
fn registrazione(riferimento: &Value) -> Value {
    let testo = json!({"type": "string"});
    let forse = json!({"type": ["string", "null"]});
    let cose = elenco(&schema("Oggetto"));
    let sempre = json!({
        "id": testo, "ente": testo, "aoo": testo, "registro": testo, "anno": {"type": "integer"},
        "numero": {"type": "integer", "minimum": 1}, "numeroEsteso": {"type": "string", "pattern": "^[0-9]{7,}$"},
        "istante": {"type": "string", "format": "date-time"},
        "riservata": {"type": "boolean", "description": "vero: il resto non è mostrato a chi non ne ha il diritto"},
    });
    let registrato = json!({
        "tipo": {"enum": ["entrata", "uscita", "interna"]}, "oggetto": testo,
        "mittente": o_nullo(&schema("Soggetto")), "altriMittenti": elenco(&schema("Soggetto")),
        "destinatari": elenco(&schema("Soggetto")), "mezzo": testo,
        "dataArrivo": {"type": ["string", "null"], "format": "date-time"},
        "protocolloMittente": o_nullo(&oggetto(&["numero"], json!({"numero": testo, "data": forse, "registro": forse}))),
        "riservato": {"type": "boolean"}, "ufficioMittente": forse, "firmatari": elenco(&testo),
        "primaRegistrazione": o_nullo(riferimento), "riferimenti": elenco(riferimento),
        "rispondeA": o_nullo(&oggetto(
            &["registro", "anno", "numero", "data"],
            json!({
                "registro": testo, "anno": {"type": "integer"}, "numero": {"type": "integer", "minimum": 1},
                "data": {"type": "string", "format": "date"}, "oggetto": forse, "classificazione": forse,
                "classificazioneDenominazione": forse,
                "mittente": o_nullo(&oggetto(
                    &["ente", "aoo", "registro", "numero", "data"],
                    json!({"ente": testo, "aoo": testo, "registro": testo, "numero": testo, "data": {"type": "string", "format": "date"}}),
                )),
            }),
        )),
        "tipologia": forse, "note": forse, "differimento": {"type": ["object", "null"]}, "anomalie": {"type": "array"},
        "operatore": oggetto(&["id", "nome"], json!({"id": testo, "nome": testo, "ufficio": forse})),
    });
    let documento = oggetto(
        &["n", "ruolo", "nome", "mime", "byte", "impronta"],
        json!({
            "n": {"type": "integer", "minimum": 1}, "ruolo": testo, "nome": testo, "mime": testo,
            "byte": {"type": "integer"}, "impronta": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        }),
    );
    let seguito = json!({
        "documenti": elenco(&documento), "classificazione": testo, "classificazioneDenominazione": forse,
        "assegnazioni": cose, "aggregazioni": elenco(&testo), "annotazioni": cose, "collegamenti": cose,
        "stato": {"enum": ["valida", "annullata", "annullata-in-parte"]}, "annullamenti": cose,
        "richiesteAnnullamento": cose,
        "validita": {
            "type": "object", "required": ["norma", "criteri"],
            "properties": {"norma": testo, "criteri": elenco(&json!({"enum": ["segnatura", "pec"]}))},
            "description": "solo tra amministrazioni: che cosa accerta la provenienza; nessun criterio, va accertata altrimenti",
        },
        "risposte": {"type": "array", "items": testo, "description": "indirizzi delle uscite che le rispondono, le più recenti: solo in GET di un'entrata"},
        "sigillo": oggetto(&["stato"], json!({"stato": {"enum": ["non-richiesto", "in-attesa", "apposto"]}})),
        "log": oggetto(&["indice", "entrata"], json!({
            "indice": {"type": "integer"}, "entrata": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        })),
        "links": oggetto(&["self"], json!({
            "self": testo, "storia": testo, "ricevuta": testo, "documenti": elenco(&testo),
            "etichetta": testo, "documentoTimbrato": testo,
        })),
    });
    let mut proprieta = Map::new();
    for parte in [sempre, registrato, seguito] {
        if let Value::Object(o) = parte {
            proprieta.extend(o);
        }
    }
    oggetto(&["id", "ente", "aoo", "registro", "anno", "numero", "numeroEsteso", "istante"], Value::Object(proprieta))
}

/// Every schema of the document.
pub(super) fn schemi() -> Value {
    let testo = json!({"type": "string"});
    let forse = json!({"type": ["string", "null"]});
    let campo = json!({"enum": dominio::annullamento::Campo::TUTTI.map(dominio::annullamento::Campo::codice)});
    let assegnazione = oggetto(
        &["ufficio", "tipo"],
        json!({"ufficio": testo, "utente": forse, "tipo": {"enum": ["competenza", "conoscenza"]}}),
    );
    let riferimento = oggetto(
        &["ente", "aoo", "registro", "anno", "numero"],
        json!({"ente": testo, "aoo": testo, "registro": testo, "anno": {"type": "integer"}, "numero": {"type": "integer", "minimum": 1}, "data": {"type": ["string", "null"], "format": "date"}}),
    );
    let mut tutti = json!({
        "Oggetto": {"type": "object"},
        "Soggetto": oggetto(&["tipo"], json!({
            "tipo": {"enum": ["persona-fisica", "persona-giuridica", "amministrazione", "amministrazione-estera", "ufficio"]},
            "cognome": forse, "nome": forse, "codiceFiscale": forse, "denominazione": forse, "partitaIva": forse,
            "ipa": forse, "aoo": forse, "ufficio": forse, "paese": forse, "codice": forse, "pec": forse, "email": forse,
            "indirizzo": forse,
        })),
        "NuovaRegistrazione": con_esempio(oggetto(&["tipo", "oggetto", "mezzo"], json!({
            "tipo": {"enum": ["entrata", "uscita", "interna"]},
            "oggetto": {"type": "string", "minLength": 1, "maxLength": 4000},
            "mittente": {"anyOf": [schema("Soggetto"), {"type": "null"}]},
            "altriMittenti": {"type": "array", "items": schema("Soggetto")},
            "destinatari": {"type": "array", "maxItems": 10000, "items": schema("Soggetto")},
            "mezzo": {"enum": ["pec", "peo", "sportello", "cartaceo", "portale", "cooperazione", "altro"]},
            "dataArrivo": {"type": ["string", "null"], "format": "date-time"},
            "protocolloMittente": {"anyOf": [
                oggetto(&["numero"], json!({
                    "numero": testo, "data": {"type": ["string", "null"], "format": "date"}, "registro": forse,
                })),
                {"type": "null"},
            ]},
            "classificazione": forse,
            "assegnazioni": {"type": "array", "items": assegnazione},
            "riservato": {"type": "boolean"},
            "ufficioMittente": forse, "firmatari": {"type": "array", "items": testo},
            "primaRegistrazione": {"anyOf": [riferimento, {"type": "null"}]},
            "riferimenti": {"type": "array", "items": riferimento},
            "rispondeA": {"anyOf": [
                oggetto(&["registro", "anno", "numero"], json!({"registro": testo, "anno": {"type": "integer"}, "numero": {"type": "integer", "minimum": 1}})),
                {"type": "null"},
            ], "description": "solo per un'uscita: l'entrata della stessa AOO a cui risponde; la segnatura la riporta"},
            "fascicolo": forse, "tipologia": forse, "note": forse,
            "differimento": {"anyOf": [
                oggetto(&["provvedimento", "motivo", "termine"], json!({"provvedimento": testo, "motivo": testo, "termine": {"type": "string", "format": "date"}})),
                {"type": "null"},
            ]},
        })), esempio()),
        "Registrazione": registrazione(&riferimento),
        "Elenco": oggetto(&["elementi", "successivo"], json!({
            "elementi": {"type": "array", "items": {"type": "object"}}, "successivo": forse,
        })),
        "Registrazioni": oggetto(&["elementi", "successivo"], json!({
            "elementi": elenco(&schema("Registrazione")), "successivo": forse,
        })),
        "Storia": oggetto(&["elementi", "successivo"], json!({
            "elementi": elenco(&oggetto(&["indice", "istante", "operatore", "porta", "tipo", "prima", "dopo"], json!({
                "indice": {"type": "integer", "minimum": 0}, "istante": {"type": "string", "format": "date-time"},
                "operatore": oggetto(&["id", "nome"], json!({
                    "id": testo, "nome": testo, "ufficio": forse, "perContoDi": forse,
                })),
                "porta": testo, "tipo": testo, "prima": {"type": ["object", "null"]}, "dopo": {"type": "object"},
            }))),
            "successivo": {"type": "null"},
        })),
        "Confronto": oggetto(&["da", "a", "elementi"], json!({
            "da": {"type": "integer"}, "a": {"type": "integer"},
            "elementi": {"type": "array", "items": oggetto(&["campo", "stato"], json!({
                "campo": testo, "prima": {}, "dopo": {}, "stato": {"enum": ["invariato", "modificato", "annullato"]},
            }))},
        })),
        "VerificaFirme": oggetto(&["n", "nome", "impronta", "stato", "esami", "contenuti", "links"], json!({
            "n": {"type": "integer"}, "nome": testo, "impronta": testo,
            "stato": {"enum": ["in-corso", "senza-firme", "esaminato"]},
            "esami": elenco(&oggetto(&["numero", "istante", "riferimento", "richiestoDa", "versione", "fiducia", "esito"], json!({
                "numero": {"type": "integer", "minimum": 1}, "istante": {"type": "string", "format": "date-time"},
                "riferimento": {"type": "string", "format": "date-time"}, "richiestoDa": forse, "versione": testo,
                "fiducia": forse, "esito": {"type": "object"},
            }))),
            "contenuti": elenco(&oggetto(&["nome", "mime", "byte", "impronta", "href"], json!({
                "nome": testo, "mime": testo, "byte": {"type": "integer"}, "impronta": testo, "href": testo,
            }))),
            "links": {"type": "object"},
        })),
        "Ricevuta": oggetto(&["versione", "origine", "indice", "rivelazioni", "impronte", "prova", "checkpoint"], json!({
            "versione": testo, "origine": testo, "indice": {"type": "integer"},
            "rivelazioni": {"type": "array", "items": testo}, "impronte": {"type": "array", "items": testo},
            "prova": {"type": "array", "items": testo}, "checkpoint": testo, "chiave": forse,
        })),
        "Voce": oggetto(&["codice"], json!({"codice": forse, "denominazione": forse, "figli": {"type": "array"}})),
        "Annullamento": oggetto(&["motivo", "provvedimento"], json!({
            "motivo": testo, "provvedimento": schema("Provvedimento"), "campi": elenco(&campo), "nuoviValori": {"type": "object"},
        })),
        "RichiestaAnnullamento": oggetto(&["motivo"], json!({
            "motivo": testo, "campi": elenco(&campo), "nuoviValori": {"type": "object"},
        })),
        "DecisioneAnnullamento": oggetto(&["provvedimento"], json!({"motivo": forse, "provvedimento": schema("Provvedimento")})),
        "Provvedimento": oggetto(&["numero", "data"], json!({"numero": testo, "data": {"type": "string", "format": "date"}})),
        "Assegna": oggetto(&["assegnazioni"], json!({"assegnazioni": {"type": "array", "minItems": 1, "items": assegnazione}, "nota": forse})),
        "Nota": oggetto(&[], json!({"nota": forse})),
        "Motivo": oggetto(&["motivo"], json!({"motivo": testo})),
        "Differimento": oggetto(&["fino", "motivo"], json!({"fino": {"type": "string", "format": "date-time"}, "motivo": testo})),
        "NuovoSigillo": oggetto(&["fornitore"], json!({
            "fornitore": {"enum": ["file", "pkcs11", "csc"]}, "entrate": {"type": "boolean"},
            "pkcs12": testo, "password": testo, "modulo": testo, "token": testo, "chiave": forse, "pin": forse,
            "url": testo, "urlToken": forse, "versione1": {"type": "boolean"}, "clientId": testo, "clientSecret": testo,
            "credenziale": forse,
        })),
        "Classifica": oggetto(&["classificazione"], json!({"classificazione": testo, "motivo": forse})),
        "Annota": oggetto(&["testo"], json!({"testo": {"type": "string", "minLength": 1, "maxLength": 4000}})),
        "Collega": oggetto(&["riferimento"], json!({"riferimento": riferimento, "nota": forse})),
        "Fascicola": oggetto(&["fascicolo"], json!({"fascicolo": testo})),
        "NuovoUfficio": oggetto(&["codice", "denominazione"], json!({"codice": testo, "denominazione": testo, "padre": forse})),
        "NuovaVoce": oggetto(&["codice", "denominazione"], json!({"codice": testo, "denominazione": testo, "dal": forse, "al": forse})),
        "NuovoFascicolo": oggetto(&["classificazione", "oggetto"], json!({"classificazione": testo, "oggetto": testo, "ufficio": forse})),
        "NuovoRegistro": oggetto(&["codice", "denominazione"], json!({"codice": testo, "denominazione": testo})),
        "Problema": oggetto(&["type", "title", "status"], json!({
            "type": testo, "title": testo, "status": {"type": "integer"}, "detail": testo,
            "errori": {"type": "array", "items": oggetto(&["campo", "messaggio"], json!({"campo": testo, "messaggio": testo}))},
        })),
    });
    if let (Some(t), Value::Object(del_sigillo)) = (tutti.as_object_mut(), del_sigillo()) {
        t.extend(del_sigillo);
    }
    tutti
}

/// What asks for a seal, and the place of the stamp.
fn del_sigillo() -> Value {
    let (testo, forse) = (json!({"type": "string"}), json!({"type": ["string", "null"]}));
    let identificativo = json!({"enum": ["codice-fiscale", "partita-iva", "registro-imprese", "ipa"]});
    let persona = json!({
        "nome": testo, "cognome": testo, "codiceFiscale": forse, "carica": forse, "email": forse, "telefono": forse,
    });
    json!({
        "RichiestaSigillo": oggetto(&["fornitore"], json!({
            "fornitore": {"enum": ["file", "pkcs11"]}, "modulo": testo, "token": testo, "chiave": testo, "pin": testo,
            "tipo": {"enum": ["p256", "rsa3072"]}, "identificativo": identificativo, "codiceFiscale": forse,
            "partitaIva": forse, "denominazione": forse, "nomeSigillo": forse,
        })),
        "Timbro": oggetto(&["angolo", "margineMm"], json!({
            "angolo": {"enum": ["alto-destra", "alto-sinistra", "basso-destra", "basso-sinistra"]},
            "margineMm": {"type": "integer", "minimum": 3, "maximum": 50},
        })),
        "CertificatoSigillo": oggetto(&["certificato"], json!({"certificato": testo, "entrate": {"type": "boolean"}})),
        "ModuloSigillo": oggetto(&["sede", "rappresentante", "referente"], json!({
            "identificativo": identificativo, "codiceFiscale": forse, "partitaIva": forse, "denominazione": forse,
            "nomeSigillo": forse, "pec": forse, "sede": testo,
            "rappresentante": oggetto(&["nome", "cognome", "codiceFiscale", "carica"], persona.clone()),
            "referente": oggetto(&["nome", "cognome", "email"], persona),
        })),
    })
}
