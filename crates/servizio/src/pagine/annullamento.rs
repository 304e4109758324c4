//! Annulling from the page (TUDA art. 54): what is wrong is ticked, its right value written, and before anything is done
//! the page shows what will happen. Who may not annul asks; who may decides what others asked.

use archivio::store::Azione;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use dominio::annullamento::{Campo, Oggetto, ProvvedimentoDato, Richiesta, Valori};
use dominio::comandi::{self, Comando};
use dominio::errori::{ErroreCampo, Rifiuto};
use dominio::operazione::{Autore, Evento, Operazione};
use dominio::permessi::Diritto;
use dominio::registrazione::{Registrazione, Stato};
use dominio::storia::confronta;
use serde::Deserialize;

use super::dettaglio::{Dettaglio, Posto, annota, carica};
use super::errore::ErrorePagina;
use super::registro::{nome_ufficio, riga};
use super::viste::annullamento as v;
use super::viste::registra::Gruppo;
use super::viste::{self, Modulo};
use super::{Esito, con_stato, confronto, guscio, modulo, ora, pagina, registra, registrazione, sommario};
use crate::accessi::annota_elenco;
use crate::accesso::utente::Campi;
use crate::accesso::{Domanda, Invio, Utente};
use crate::problema::Problema;

/// Recipients that can be written again on the page; longer lists are renewed by API.
const DESTINATARI_MAX: usize = registra::GRUPPI_MAX;
/// Lines of the register of annulments on a page.
const ELENCO: usize = 50;

/// `GET …/annulla`.
pub async fn mostra(u: Utente, Path(p): Path<Posto>) -> Esito {
    let d = annullabile(&u, &p).await?;
    let campi = registra::come(&d.registrazione);
    vista(&u, &d, StatusCode::OK, compila(campi, &d.registrazione), Vec::new())
}

/// `POST …/annulla`: first it shows the effect; with `azione=conferma` it is done.
pub async fn invia(Path(p): Path<Posto>, i: Invio) -> Esito {
    let (u, campi) = (i.utente, i.campi);
    let d = annullabile(&u, &p).await?;
    let comando = match comando(&u, &d.registrazione, &campi) {
        Ok(c) => c,
        Err(errori) => return vista(&u, &d, StatusCode::UNPROCESSABLE_ENTITY, campi, errori),
    };
    let azione = campi.testo("azione");
    if azione == Some("correggi") {
        return vista(&u, &d, StatusCode::OK, campi, Vec::new());
    }
    // What happened since it was shown is shown first; then it is judged where it is written, as it is there.
    let conferma = azione == Some("conferma");
    let cambiata = conferma && campi.testo("visto") != Some(d.registrazione.ultimo_indice.to_string().as_str());
    if !conferma || cambiata {
        return match comandi::decidi(u.stato()?, &u.chi, &d.registrazione, u.ente.ora(), comando) {
            Ok(evento) => anteprima(&u, &d, campi, evento, cambiata),
            Err(r) => rifiutato(&u, &d, campi, r),
        };
    }
    let chiave = d.registrazione.chiave.clone();
    match u.ente.comanda(&u.aoo, &u.chi, &chiave, comando, Vec::new(), None).await {
        Ok(_) => Ok(Redirect::to(&format!("{}/registrazioni/{chiave}", u.base())).into_response()),
        Err(archivio::Errore::Rifiuto(r)) => rifiutato(&u, &d, campi, r),
        Err(e) => Err(e.into()),
    }
}

/// The request that an address names.
#[derive(Debug, Deserialize)]
pub struct PostoRichiesta {
    id: u32,
}

/// `POST …/richieste/{id}/autorizza`: `numero`, `data`.
pub async fn autorizza(Path(p): Path<Posto>, Path(q): Path<PostoRichiesta>, i: Invio) -> Esito {
    let provvedimento = match provvedimento(&i.campi) {
        Ok(p) => p,
        Err(errori) => {
            return registrazione::con_errori(
                &i.utente,
                &p.chiave()?,
                StatusCode::UNPROCESSABLE_ENTITY,
                &errori,
                &i.campi,
            )
            .await;
        }
    };
    decidi(&i, &p, Comando::AutorizzaAnnullamento { richiesta: q.id, motivo: None, provvedimento }).await
}

/// `POST …/richieste/{id}/rifiuta`: `motivo`.
pub async fn rifiuta(Path(p): Path<Posto>, Path(q): Path<PostoRichiesta>, i: Invio) -> Esito {
    let motivo = i.campi.testo("motivoRifiuto").unwrap_or_default().to_owned();
    decidi(&i, &p, Comando::RifiutaAnnullamento { richiesta: q.id, motivo }).await
}

async fn decidi(i: &Invio, p: &Posto, c: Comando) -> Esito {
    let (u, chiave) = (&i.utente, p.chiave()?);
    match u.ente.comanda(&u.aoo, &u.chi, &chiave, c, Vec::new(), None).await {
        Ok(_) => Ok(Redirect::to(&format!("{}/registrazioni/{chiave}", u.base())).into_response()),
        Err(e) => {
            let problema = Problema::from(e);
            let errori = match problema.stato {
                StatusCode::UNPROCESSABLE_ENTITY => problema.errori,
                StatusCode::CONFLICT => vec![ErroreCampo { campo: String::new(), messaggio: problema.dettaglio }],
                _ => return Err(problema.into()),
            };
            let errori: Vec<ErroreCampo> = errori
                .into_iter()
                .map(|e| ErroreCampo {
                    campo: if e.campo == "motivo" { "motivoRifiuto".to_owned() } else { e.campo },
                    messaggio: e.messaggio,
                })
                .collect();
            registrazione::con_errori(u, &chiave, problema.stato, &errori, &i.campi).await
        }
    }
}

/// `GET …/annullamenti`: the register of annulments with their acts (R-B10), and what waits for the RGD (R-B06).
pub async fn elenco(u: Utente, Domanda(q): Domanda) -> Esito {
    u.richiede(&guscio::LEGGE)?;
    let fatti = u.ente.annullamenti(&u.aoo, &u.chi, q.testo("cursore"), ELENCO).await?;
    let attese = if u.ha(Diritto::Annulla) || u.ha(Diritto::ChiedeAnnullamento) {
        u.ente.richieste_annullamento(&u.aoo, &u.chi, None, ELENCO).await?.elementi
    } else {
        Vec::new()
    };
    let viste = fatti.elementi.iter().map(|a| &a.registrazione).chain(attese.iter().map(|x| &x.registrazione));
    annota_elenco(&*u.ente, &u.aoo, &u.chi, viste).await?;
    let attese = attese
        .into_iter()
        .filter_map(|x| {
            let q = x.registrazione.richiesta(x.richiesta)?.clone();
            Some(v::InAttesa {
                r: una_riga(&u, x.registrazione),
                cosa: cosa(q.intero, &q.campi),
                chi: chiesta(&u, &q),
                motivo: q.motivo,
            })
        })
        .collect();
    let righe = fatti
        .elementi
        .into_iter()
        .filter_map(|a| {
            let f = a.registrazione.annullamenti.iter().find(|x| x.indice == a.indice)?.clone();
            Some(v::RigaAnnullamento {
                r: una_riga(&u, a.registrazione),
                quando: viste::quando(f.istante),
                istante: viste::per_macchine(f.istante),
                chi: f.operatore.nome,
                chiesto_da: f.chiesto_da.map(|c| c.nome).unwrap_or_default(),
                provvedimento: format!("{} del {}", f.provvedimento.numero, viste::giorno(f.provvedimento.data)),
                motivo: f.motivo,
                cosa: cosa(f.intero, &f.campi),
            })
        })
        .collect();
    pagina(&v::Annullamenti {
        g: guscio::guscio(&u, "annullamenti", "Annullamenti")?,
        decide: u.ha(Diritto::Annulla),
        attese,
        righe,
        oltre: q.testo("cursore").is_some(),
        successivi: fatti.successivo.map(|c| format!("{}/annullamenti?cursore={c}", u.base())),
    })
}

/// The lists give only what he may see.
fn una_riga(u: &Utente, r: Registrazione) -> viste::registro::Riga {
    riga(u, &archivio::store::Trovata { registrazione: r, visibile: true, voce: [0; 32] })
}

/// What an annulment hits, in words.
pub fn cosa(intero: bool, campi: &[Campo]) -> String {
    let nomi: Vec<&str> = campi.iter().map(|c| c.denominazione()).collect();
    match (intero, nomi.is_empty()) {
        (true, true) => "tutta la registrazione".to_owned(),
        (true, false) => format!("tutta la registrazione ({})", nomi.join(", ")),
        _ => nomi.join(", "),
    }
}

/// Who asked, and when.
pub fn chiesta(u: &Utente, q: &Richiesta) -> String {
    let ufficio = q.chiesta_da.ufficio.as_ref().map_or_else(String::new, |c| format!(", {}", nome_ufficio(u, c)));
    format!("{}{ufficio}, {}", q.chiesta_da.nome, viste::quando(q.istante))
}

/// A registration he may see, not annulled as a whole, and a right to do or to ask.
async fn annullabile(u: &Utente, p: &Posto) -> Result<Dettaglio, ErrorePagina> {
    u.richiede(&[Diritto::ChiedeAnnullamento, Diritto::Annulla])?;
    let d = carica(u, &p.chiave()?).await?;
    d.solo_se_visibile(u)?;
    annota(u, &d, Azione::Registrazione).await?;
    if d.registrazione.stato == Stato::Annullata {
        return Err(Problema::from(archivio::Errore::from(Rifiuto::Conflitto(
            "la registrazione è già annullata".to_owned(),
        )))
        .into());
    }
    Ok(d)
}

/// What `registra` fills in for "another one like it", and the rest of what can be annulled.
fn compila(mut c: Campi, r: &Registrazione) -> Campi {
    let d = &r.dati;
    let mut metti = |nome: &str, v: String| c.0.push((nome.to_owned(), v));
    metti("oggetto", d.oggetto.clone());
    if let Some(t) = d.data_arrivo {
        let z = t.a_roma();
        metti("dataArrivo.data", z.date().to_string());
        metti("dataArrivo.ora", format!("{:02}:{:02}", z.hour(), z.minute()));
    }
    if let Some(p) = &d.protocollo_mittente {
        metti("protocolloMittente.numero", p.numero.clone());
        metti("protocolloMittente.data", p.data.map(|g| g.to_string()).unwrap_or_default());
        metti("protocolloMittente.registro", p.registro.clone().unwrap_or_default());
    }
    if let Some(u) = &d.ufficio_mittente {
        metti("ufficioMittente", u.to_string());
    }
    metti("firmatari", d.firmatari.join("\n"));
    c
}

fn scelti(c: &Campi) -> Vec<Campo> {
    c.tutti("campi").filter_map(Campo::da_codice).collect()
}

fn provvedimento(c: &Campi) -> Result<Option<ProvvedimentoDato>, Vec<ErroreCampo>> {
    let data = match c.testo("provvedimento.data").map(ora::giorno) {
        Some(Ok(g)) => Some(g),
        Some(Err(m)) => {
            return Err(vec![ErroreCampo { campo: "provvedimento.data".to_owned(), messaggio: m.to_owned() }]);
        }
        None => None,
    };
    Ok(Some(ProvvedimentoDato { numero: c.testo("provvedimento.numero").map(str::to_owned), data }))
}

/// The form as a command: to annul, or to ask.
fn comando(u: &Utente, r: &Registrazione, c: &Campi) -> Result<Comando, Vec<ErroreCampo>> {
    let motivo = c.testo("motivo").unwrap_or_default().to_owned();
    let parte = c.testo("cosa") == Some("parte");
    let mut oggetto = Oggetto::default();
    if parte {
        let campi = scelti(c);
        let troppi = |n: usize| n > DESTINATARI_MAX;
        if campi.contains(&Campo::AltriMittenti) && troppi(r.dati.altri_mittenti.len())
            || campi.contains(&Campo::Destinatari) && troppi(r.dati.destinatari.len())
        {
            let messaggio = format!("elenchi di più di {DESTINATARI_MAX} si rinnovano con un programma, per API");
            return Err(vec![ErroreCampo { campo: "campi".to_owned(), messaggio }]);
        }
        // The rest of the form holds what is in force: only what is ticked is read.
        let mut con_tipo = c.clone();
        con_tipo.0.retain(|(n, _)| n != "tipo");
        con_tipo.0.push(("tipo".to_owned(), r.dati.tipo.codice().to_owned()));
        let suo =
            |campo: &str| campi.iter().any(|x| campo == x.codice() || campo.starts_with(&format!("{}.", x.codice())));
        let nuovi = match modulo::leggi(&con_tipo) {
            (_, Ok(l)) => l.nuova,
            (_, Err(errori)) => {
                let suoi: Vec<_> = errori.iter().filter(|e| suo(&e.campo) || e.campo.is_empty()).cloned().collect();
                return Err(if suoi.is_empty() { errori } else { suoi });
            }
        };
        let tutti = Valori {
            oggetto: Some(nuovi.oggetto),
            mittente: nuovi.mittente,
            altri_mittenti: nuovi.altri_mittenti,
            destinatari: nuovi.destinatari,
            mezzo: Some(nuovi.mezzo),
            data_arrivo: nuovi.data_arrivo,
            protocollo_mittente: nuovi.protocollo_mittente,
            ufficio_mittente: nuovi.ufficio_mittente,
            firmatari: nuovi.firmatari,
        };
        oggetto = Oggetto {
            campi: Some(campi.iter().map(|x| x.codice().to_owned()).collect()),
            nuovi_valori: Some(tutti.solo(&campi)),
            visto: None,
        };
    }
    // Once confirmed, what was shown must still be so when it is written.
    if c.testo("azione") == Some("conferma") {
        oggetto.visto = Some(r.ultimo_indice);
    }
    if u.ha(Diritto::Annulla) {
        Ok(Comando::Annulla { motivo, provvedimento: provvedimento(c)?, oggetto })
    } else {
        Ok(Comando::ChiediAnnullamento { motivo, oggetto })
    }
}

fn rifiutato(u: &Utente, d: &Dettaglio, campi: Campi, r: Rifiuto) -> Esito {
    let problema = Problema::from(archivio::Errore::from(r));
    let errori = match problema.stato {
        StatusCode::UNPROCESSABLE_ENTITY => problema.errori,
        StatusCode::CONFLICT => vec![ErroreCampo { campo: String::new(), messaggio: problema.dettaglio }],
        _ => return Err(problema.into()),
    };
    let errori = errori.into_iter().map(nella_pagina).collect();
    vista(u, d, problema.stato, campi, errori)
}

/// The field of the page for the field of the command.
fn nella_pagina(mut e: ErroreCampo) -> ErroreCampo {
    if let Some(c) = e.campo.strip_prefix("nuoviValori.") {
        e.campo = c.to_owned();
    }
    match e.campo.as_str() {
        "provvedimento" => "provvedimento.numero".clone_into(&mut e.campo),
        "dataArrivo" => "dataArrivo.data".clone_into(&mut e.campo),
        "protocolloMittente" => "protocolloMittente.numero".clone_into(&mut e.campo),
        "mittente" => "mittente.cognome".clone_into(&mut e.campo),
        "destinatari" => "destinatari.0.cognome".clone_into(&mut e.campo),
        _ => {}
    }
    e
}

fn vista(u: &Utente, d: &Dettaglio, stato: StatusCode, campi: Campi, errori: Vec<ErroreCampo>) -> Esito {
    let r = &d.registrazione;
    let una = una_riga(u, r.clone());
    let gruppo = |p: String, titolo: &str| Gruppo { p, titolo: titolo.to_owned(), conoscenza: false };
    let scelti: Vec<&str> = campi.tutti("campi").collect();
    let voci = Campo::di(r.dati.tipo)
        .iter()
        .filter(|c| **c != Campo::AltriMittenti || (1..=DESTINATARI_MAX).contains(&r.dati.altri_mittenti.len()))
        .filter(|c| **c != Campo::Destinatari || r.dati.destinatari.len() <= DESTINATARI_MAX)
        .map(|c| (c.codice(), c.denominazione(), scelti.contains(&c.codice())))
        .collect();
    let v = v::Annulla {
        g: guscio::guscio(u, "registro", if u.ha(Diritto::Annulla) { "Annulla" } else { "Chiedi l'annullamento" })?,
        qui: una.href.clone(),
        r: una,
        tipo: r.dati.tipo.codice(),
        decide: u.ha(Diritto::Annulla),
        sommario: sommario(&errori),
        voci,
        mittente: gruppo("mittente".to_owned(), "Mittente"),
        altri_mittenti: (0..r.dati.altri_mittenti.len().min(DESTINATARI_MAX))
            .map(|n| gruppo(format!("altriMittenti.{n}"), &format!("Mittente {}", n + 2)))
            .collect(),
        destinatari: (0..r.dati.destinatari.len().clamp(1, DESTINATARI_MAX))
            .map(|n| Gruppo {
                conoscenza: true,
                ..gruppo(format!("destinatari.{n}"), &format!("Destinatario {}", n + 1))
            })
            .collect(),
        uffici: guscio::uffici(u)?,
        m: Modulo { campi, errori },
    };
    con_stato(stato, &v)
}

/// What will happen, before it happens.
fn anteprima(u: &Utente, d: &Dettaglio, campi: Campi, evento: Evento, cambiata: bool) -> Esito {
    let r = &d.registrazione;
    let intero = matches!(
        evento,
        Evento::Annullamento { intero: true, .. } | Evento::RichiestaAnnullamento { intero: true, .. }
    );
    // A request changes nothing yet: what it asks for is shown as if it were authorised.
    let effetto = match evento {
        Evento::RichiestaAnnullamento { motivo, intero, campi, nuovi_valori, .. } => Evento::Annullamento {
            richiesta: None,
            motivo,
            provvedimento: dominio::annullamento::Provvedimento { numero: String::new(), data: u.ente.ora().giorno() },
            intero,
            campi,
            nuovi_valori,
        },
        altro => altro,
    };
    let mut dopo = r.clone();
    dopo.applica(&Operazione {
        ente: u.ente.ipa().clone(),
        aoo: Some(u.aoo.clone()),
        indice: r.ultimo_indice + 1,
        istante: u.ente.ora(),
        operatore: Autore::from(&u.chi),
        porta: u.chi.porta,
        chiave: Some(r.chiave.clone()),
        evento: effetto,
    });
    let cambi = confronta(r, &dopo)
        .into_iter()
        .filter(|x| x.prima != x.dopo && confronto::interessa(&x.campo) && x.campo != "stato")
        .map(|x| confronto::cambio(&x))
        .collect();
    let una = una_riga(u, r.clone());
    // The form goes along, hidden; a name that comes twice stays twice.
    let mut nascosti: Vec<(String, String)> =
        campi.0.iter().filter(|(n, _)| !matches!(n.as_str(), "azione" | "csrf" | "visto")).cloned().collect();
    nascosti.push(("visto".to_owned(), r.ultimo_indice.to_string()));
    pagina(&v::Anteprima {
        g: guscio::guscio(u, "registro", if u.ha(Diritto::Annulla) { "Annulla" } else { "Chiedi l'annullamento" })?,
        qui: una.href.clone(),
        r: una,
        decide: u.ha(Diritto::Annulla),
        intero,
        cambiata,
        motivo: campi.testo("motivo").unwrap_or_default().to_owned(),
        provvedimento: match (campi.testo("provvedimento.numero"), campi.testo("provvedimento.data").map(ora::giorno)) {
            (Some(n), Some(Ok(g))) => format!("{n} del {}", viste::giorno(g)),
            _ => String::new(),
        },
        cambi,
        nascosti,
    })
}
