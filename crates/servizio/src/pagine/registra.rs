//! Registering a document from the page: one form for the three directions, one number for one press (R-A09…A11).

use std::sync::Arc;

use archivio::store::{DaRegistrare, Idempotenza};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use dominio::codici::CodiceRegistro;
use dominio::errori::{ErroreCampo, Rigore};
use dominio::permessi::Diritto;
use dominio::registrazione::{Chiave, Stato, Tipo};
use dominio::soggetto::Soggetto;
use serde_json::Value;

use super::azioni::{con_file, un_primario};
use super::errore::ErrorePagina;
use super::guscio::{self, REGISTRA};
use super::viste::Modulo;
use super::viste::registra::{Gruppo, Registra};
use super::{Esito, con_stato, dettaglio, modulo, sommario};
use crate::accesso::utente::Campi;
use crate::accesso::{Accesso, Domanda, Utente, sessione};
use crate::problema::Problema;
use crate::ricezione;
use crate::{chiamate, entro};

/// Groups of recipients shown at first; more can be asked for.
const DESTINATARI: usize = 1;
/// Groups shown at most.
pub(super) const GRUPPI_MAX: usize = 50;

/// `GET …/registra`, with `?tipo=`, `?come=PG/2026/12` to start from another registration, or `?risponde=PG/2026/12` to
/// answer it (R-C20).
pub async fn mostra(u: Utente, Domanda(domanda): Domanda) -> Esito {
    u.richiede(&REGISTRA)?;
    let mut campi = Campi::default();
    let mut avviso = None;
    let (risponde, nome) = (domanda.testo("risponde").is_some(), |n| domanda.testo(n));
    if let Some(k) = nome("risponde").or_else(|| nome("come")).and_then(|c| c.parse::<Chiave>().ok()) {
        let d = dettaglio::carica(&u, &k).await?;
        let rispondibile = || {
            let r = &d.registrazione;
            r.dati.tipo == Tipo::Entrata && r.stato != Stato::Annullata && u.ha(Diritto::RegistraUscita)
        };
        if d.visibile && (!risponde || rispondibile()) {
            dettaglio::annota(&u, &d, archivio::store::Azione::Registrazione).await?;
            if risponde {
                campi = risposta(&d.registrazione);
                avviso = Some(format!("Rispondi alla registrazione {k}: {}", d.registrazione.dati.oggetto));
            } else {
                campi = come(&d.registrazione);
                avviso = Some(format!("Mittenti, destinatari e classificazione sono come nella registrazione {k}."));
            }
        }
    } else if let Some(t) = domanda.testo("tipo").and_then(Tipo::da_codice) {
        campi.0.push(("tipo".to_owned(), t.codice().to_owned()));
    }
    vista(&u, StatusCode::OK, campi, Vec::new(), avviso)
}

/// An uscita to who sent an entrata, about the same matter.
fn risposta(r: &dominio::registrazione::Registrazione) -> Campi {
    let d = &r.dati;
    let mut c = vec![
        ("tipo".to_owned(), Tipo::Uscita.codice().to_owned()),
        ("registro".to_owned(), r.chiave.registro.to_string()),
        ("classificazione".to_owned(), r.classificazione.0.to_string()),
        ("rispondeA".to_owned(), r.chiave.to_string()),
    ];
    for (i, s) in d.mittente.iter().chain(&d.altri_mittenti).take(GRUPPI_MAX).enumerate() {
        c.extend(c_di(s).map(|(k, v)| (format!("destinatari.{i}.{k}"), v)));
    }
    if let Ok(Value::String(m)) = serde_json::to_value(d.mezzo) {
        c.push(("mezzo".to_owned(), m));
    }
    // What answers a reserved one most likely is, and would otherwise say nothing of it.
    if d.riservato {
        c.push(("riservato".to_owned(), "si".to_owned()));
    }
    Campi(c)
}

/// The fields of a correspondent.
fn c_di(s: &Soggetto) -> impl Iterator<Item = (String, String)> {
    let o = match serde_json::to_value(s) {
        Ok(Value::Object(o)) => o,
        _ => serde_json::Map::new(),
    };
    o.into_iter().filter_map(|(k, v)| Some((k, v.as_str()?.to_owned())))
}

/// What another registration has in common with the next one like it.
pub(super) fn come(r: &dominio::registrazione::Registrazione) -> Campi {
    let d = &r.dati;
    let mut c = Vec::new();
    let mut metti = |nome: String, v: &str| c.push((nome, v.to_owned()));
    metti("tipo".to_owned(), d.tipo.codice());
    metti("registro".to_owned(), r.chiave.registro.as_str());
    metti("classificazione".to_owned(), r.classificazione.0.as_str());
    if let Ok(Value::String(m)) = serde_json::to_value(d.mezzo) {
        metti("mezzo".to_owned(), &m);
    }
    let mut chi = |prefisso: &str, s: &Soggetto| c_di(s).for_each(|(k, v)| metti(format!("{prefisso}.{k}"), &v));
    if let Some(s) = &d.mittente {
        chi("mittente", s);
    }
    for (i, s) in d.altri_mittenti.iter().take(GRUPPI_MAX).enumerate() {
        chi(&format!("altriMittenti.{i}"), s);
    }
    for (i, x) in d.destinatari.iter().take(GRUPPI_MAX).enumerate() {
        chi(&format!("destinatari.{i}"), &x.soggetto);
    }
    for (i, _) in d.destinatari.iter().take(GRUPPI_MAX).enumerate().filter(|(_, x)| x.per_conoscenza) {
        metti(format!("destinatari.{i}.perConoscenza"), "si");
    }
    for (i, x) in d.destinatari.iter().take(GRUPPI_MAX).enumerate() {
        if let Some(Ok(Value::String(canale))) = x.canale.map(serde_json::to_value) {
            metti(format!("destinatari.{i}.canale"), &canale);
        }
        if x.conferma_ricezione == Some(true) {
            metti(format!("destinatari.{i}.confermaRicezione"), "si");
        }
    }
    for (i, a) in d.assegnazioni.iter().take(GRUPPI_MAX).enumerate() {
        metti(format!("assegnazioni.{i}.ufficio"), a.ufficio.as_str());
    }
    Campi(c)
}

/// `POST …/registra`. Files are streamed to the store; nothing is registered unless everything holds.
pub async fn invia(State(stato): State<Arc<Accesso>>, r: Request) -> Esito {
    let (invio, mut ricevuto) = match con_file(&stato, r, Some("documento")).await {
        Ok(x) => x,
        Err(risposta) => return Ok(risposta),
    };
    let (u, campi) = (invio.utente, invio.campi);
    un_primario(&mut ricevuto.file);
    if let Some(azione) = campi.testo("azione").filter(|a| a.starts_with("altr")) {
        let aggiunti = aggiungi(&campi, azione);
        return vista(&u, StatusCode::OK, aggiunti, Vec::new(), None);
    }
    let (posti, letto) = modulo::leggi(&campi);
    let mut letto = match letto {
        Ok(l) => l,
        Err(errori) => return vista(&u, StatusCode::UNPROCESSABLE_ENTITY, campi, errori, None),
    };
    let registro = match registro(&u, &campi) {
        Ok(r) => r,
        Err(errori) => return vista(&u, StatusCode::UNPROCESSABLE_ENTITY, campi, errori, None),
    };
    let mut confronto = letto.dati;
    confronto["registro"] = registro.as_str().into();
    let impronte = ricevuto.impronte();
    let idempotenza = campi.testo("chiave").filter(|c| c.len() <= 100).map(|chiave| Idempotenza {
        ambito: format!("pagina:{}", u.chi.id),
        chiave: chiave.to_owned(),
        richiesta: ricezione::impronta_richiesta(&confronto, &impronte),
    });
    ricevuto.con_la_segnatura(&mut letto.nuova).await;
    let nuova = DaRegistrare {
        chi: u.chi.clone(),
        registro,
        rigore: Rigore::Operatore,
        dati: letto.nuova,
        file: ricevuto.file,
        idempotenza,
        controllo: Some(stato.sigilli.controllo(&*u.ente)),
    };
    // Not shown again in its form, which would have another key: it may have been registered.
    match entro(stato.limiti.attesa_max, u.ente.registra(&u.aoo, nuova)).await? {
        Ok(f) => {
            let sigillo = u.stato()?.sigillo.is_some();
            chiamate::dopo(&stato.sigilli, &stato.esami, u.ente.ipa(), &f, sigillo, !impronte.is_empty());
            let chiave =
                f.chiave.ok_or_else(|| archivio::Errore::Incoerente("registrazione senza numero".to_owned()))?;
            Ok(Redirect::to(&format!("{}/registrazioni/{chiave}?nuova=1", u.base())).into_response())
        }
        Err(archivio::Errore::ChiaveRiusata) => {
            let avviso = "Con questo modulo hai già registrato un documento diverso: lo trovi nel registro. \
                          Se ne serve un altro, scegli il file e premi di nuovo Registra.";
            vista(&u, StatusCode::UNPROCESSABLE_ENTITY, campi, Vec::new(), Some(avviso.to_owned()))
        }
        Err(e) => rifiutata(&u, campi, &posti, Problema::from(e)),
    }
}

/// The register chosen; the general one when the form does not say.
fn registro(u: &Utente, c: &Campi) -> Result<CodiceRegistro, Vec<ErroreCampo>> {
    let Some(scelto) = c.testo("registro") else { return Ok(CodiceRegistro::generale()) };
    let trovato = u.conf.aoo.get(&u.aoo).and_then(|a| a.registri.keys().find(|k| k.as_str() == scelto));
    trovato.cloned().ok_or_else(|| {
        vec![ErroreCampo { campo: "registro".to_owned(), messaggio: "va scelto dall'elenco".to_owned() }]
    })
}

fn rifiutata(u: &Utente, campi: Campi, posti: &modulo::Posti, p: Problema) -> Result<Response, ErrorePagina> {
    let errori = match p.stato {
        StatusCode::UNPROCESSABLE_ENTITY => posti.nella_pagina(p.errori),
        StatusCode::CONFLICT | StatusCode::SERVICE_UNAVAILABLE => {
            vec![ErroreCampo { campo: String::new(), messaggio: p.dettaglio }]
        }
        _ => return Err(p.into()),
    };
    vista(u, p.stato, campi, errori.into_iter().map(al_posto_suo).collect(), None)
}

/// An error about a pair of fields stands on the first of them.
fn al_posto_suo(mut e: ErroreCampo) -> ErroreCampo {
    match e.campo.as_str() {
        "dataArrivo" => "dataArrivo.data".clone_into(&mut e.campo),
        "protocolloMittente" => "protocolloMittente.numero".clone_into(&mut e.campo),
        "mittente" => "mittente.cognome".clone_into(&mut e.campo),
        "destinatari" => "destinatari.0.cognome".clone_into(&mut e.campo),
        _ => {}
    }
    e
}

/// One more group of a list: a field of it with nothing in it.
fn aggiungi(c: &Campi, azione: &str) -> Campi {
    let (lista, campo) = match azione {
        "altro-mittente" => ("altriMittenti", "cognome"),
        "altra-assegnazione" => ("assegnazioni", "ufficio"),
        _ => ("destinatari", "cognome"),
    };
    let n = posti(c, lista).last().map_or(0, |n| n + 1).max(usize::from(lista != "altriMittenti"));
    let mut c = c.clone();
    if n < GRUPPI_MAX {
        c.0.push((format!("{lista}.{n}.{campo}"), String::new()));
    }
    c
}

/// Numbers of the groups of a list that are in the form, in order.
fn posti(c: &Campi, lista: &str) -> Vec<usize> {
    let mut n: Vec<usize> =
        c.0.iter()
            .filter_map(|(nome, _)| nome.strip_prefix(lista)?.strip_prefix('.')?.split('.').next()?.parse().ok())
            .filter(|n| *n < GRUPPI_MAX)
            .collect();
    n.sort_unstable();
    n.dedup();
    n
}

fn vista(u: &Utente, stato: StatusCode, mut campi: Campi, errori: Vec<ErroreCampo>, avviso: Option<String>) -> Esito {
    let aoo = u.stato()?;
    let tipi: Vec<_> = [
        (Diritto::RegistraEntrata, ("entrata", "Entrata", "È arrivato all'ente", 1)),
        (Diritto::RegistraUscita, ("uscita", "Uscita", "L'ente lo manda fuori", 2)),
        (Diritto::RegistraInterna, ("interna", "Interna", "Passa tra uffici", 3)),
    ]
    .into_iter()
    .filter(|(d, _)| u.ha(*d))
    .map(|(_, t)| t)
    .collect();
    if campi.testo("tipo").is_none()
        && let Some(primo) = tipi.first()
    {
        campi.0.push(("tipo".to_owned(), primo.0.to_owned()));
    }
    let gruppo = |lista: &str, n: usize, titolo: &str, conoscenza| Gruppo {
        p: format!("{lista}.{n}"),
        titolo: if n == 0 && lista != "altriMittenti" { titolo.to_owned() } else { format!("{titolo} {}", n + 1) },
        conoscenza,
    };
    let almeno = |mut v: Vec<usize>, quanti: usize| {
        v.extend((0..quanti).filter(|n| !v.contains(n)).collect::<Vec<_>>());
        v.sort_unstable();
        v
    };
    let smistamento = super::registro::nome_ufficio(u, &aoo.dati.ufficio_smistamento);
    let v = Registra {
        g: guscio::guscio(u, "registra", "Registra un documento")?,
        sommario: sommario(&errori),
        avviso,
        chiave: sessione::casuale()?,
        mittente: Gruppo { p: "mittente".to_owned(), titolo: "Mittente".to_owned(), conoscenza: false },
        altri_mittenti: posti(&campi, "altriMittenti")
            .into_iter()
            .map(|n| Gruppo { titolo: format!("Mittente {}", n + 2), ..gruppo("altriMittenti", n, "", false) })
            .collect(),
        destinatari: almeno(posti(&campi, "destinatari"), DESTINATARI)
            .into_iter()
            .map(|n| gruppo("destinatari", n, "Destinatario", true))
            .collect(),
        assegnazioni: almeno(posti(&campi, "assegnazioni"), 1)
            .into_iter()
            .map(|n| gruppo("assegnazioni", n, "Ufficio", false))
            .collect(),
        uffici: guscio::uffici(u)?,
        titolario: guscio::titolario(u)?,
        vuota_voce: if aoo.dati.consente_da_classificare {
            "Da classificare (solo per un'entrata)"
        } else {
            "Scegli una voce"
        },
        registri: super::registro::registri(aoo, &registro(u, &campi).unwrap_or_else(|_| CodiceRegistro::generale())),
        smistamento,
        tipi,
        m: Modulo { campi, errori },
    };
    con_stato(stato, &v)
}
