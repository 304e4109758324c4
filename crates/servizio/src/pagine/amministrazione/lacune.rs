//! What was lost before a restoring (R-N05): the gaps that were declared, number by number, the receipts that prove what was given,
//! and what somebody only says. What is found out is written in the register, by who sends it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use dominio::epoca::{Epoca, Posto, StatoNumero};
use dominio::errori::{ErroreCampo, Rifiuto};
use dominio::nuova::richiede_copie;
use dominio::operazione::CHE_COSA;
use serde_json::{Map, Value};

use super::errore;
use crate::accesso::utente::Campi;
use crate::accesso::{Accesso, Invio, Utente};
use crate::lacune::{Esame, Giudizio, dividi};
use crate::pagine::guscio::guscio;
use crate::pagine::in_memoria::{self, CORPO_MAX, Scelto};
use crate::pagine::viste::amministrazione::{Lacune, RigaEpoca, RigaTratto};
use crate::pagine::viste::{self, Modulo};
use crate::pagine::{Esito, con_stato, sommario};
use crate::problema::Problema;
use crate::sola_lettura::ancora_scrivibile;

/// Longest file of receipts, bytes: with the rest of the form it is within what such a form may be.
const FILE_MAX: usize = CORPO_MAX - 64 * 1024;
/// Stretches that are shown of an epoch.
const TRATTI_MAX: usize = 2_000;

/// What is shown beside the gaps.
#[derive(Default)]
struct Stato {
    codice: StatusCode,
    fatto: Option<String>,
    esami: Vec<Giudizio>,
    contrasti: Vec<String>,
    campi: Campi,
    errori: Vec<ErroreCampo>,
}

/// `GET …/copie/lacune`.
pub async fn mostra(u: Utente) -> Esito {
    richiede_copie(&u.chi)?;
    vista(&u, Stato::default())
}

/// `POST …/copie/lacune/ricevute`, multipart: `ricevute`, a receipt or an array of them.
pub async fn ricevute(State(a): State<Arc<Accesso>>, r: Request) -> Esito {
    let letto = match in_memoria::leggi(&a, r, "ricevute", FILE_MAX).await {
        Ok(l) => l,
        Err(risposta) => return Ok(risposta),
    };
    let u = &letto.invio.utente;
    richiede_copie(&u.chi)?;
    let scelte = match &letto.file {
        Scelto::Nessuno => Err("va scelto il file delle ricevute (.json)".to_owned()),
        Scelto::TroppoGrande => Err(format!("supera {}: va diviso", viste::peso(FILE_MAX as u64))),
        Scelto::Byte(b) => dividi(b),
    };
    let scelte = match scelte {
        Ok(s) => s,
        Err(m) => return rifiutata(u, Campi::default(), errore("ricevute", &m)),
    };
    let esame = Esame::di(&*u.ente, &u.aoo).await?;
    let mut esami = Vec::new();
    for r in &scelte {
        esami.push(esame.giudica(r).await?);
    }
    ancora_scrivibile(letto.guardata.as_ref()).await?;
    scrivi(u, &esame, esami, Campi::default()).await
}

/// `POST …/copie/lacune/numero`: `registro`, `anno`, `numero`, `fonte`.
pub async fn numero(i: Invio) -> Esito {
    let (u, c) = (&i.utente, &i.campi);
    richiede_copie(&u.chi)?;
    let mut errori = Vec::new();
    let mut manca = |campo: &str, m: &str| errori.extend(errore(campo, m));
    let testo = |n: &str| c.testo(n).unwrap_or_default();
    let registro = testo("registro").parse().map_err(|_| manca("registro", "va indicato il codice del registro")).ok();
    let anno = testo("anno").parse().map_err(|_| manca("anno", "va indicato l'anno")).ok();
    let numero = testo("numero").parse().map_err(|_| manca("numero", "va indicato il numero")).ok();
    if testo("fonte").is_empty() {
        manca("fonte", "va indicato da che cosa risulta");
    }
    let (Some(registro), Some(anno), Some(numero), true) = (registro, anno, numero, errori.is_empty()) else {
        return rifiutata(u, c.clone(), errori);
    };
    let esame = Esame::di(&*u.ente, &u.aoo).await?;
    let posto: Posto = (registro, anno, numero);
    match esame.affermato(posto, testo("fonte")) {
        Giudizio::Affermato(r) => scrivi(u, &esame, vec![Giudizio::Affermato(r)], c.clone()).await,
        altro => rifiutata(u, c.clone(), errore("numero", &altro.dettaglio())),
    }
}

async fn scrivi(u: &Utente, esame: &Esame<'_>, esami: Vec<Giudizio>, campi: Campi) -> Esito {
    let (comandi, contrasti) = esame.da_scrivere(esami.iter().cloned());
    match esame.scrivi(&u.chi, comandi).await {
        Ok(quanti) => {
            let fatto = match quanti {
                0 => "Niente di nuovo: il registro sapeva già tutto ciò che regge.".to_owned(),
                1 => "Scritto nel registro ciò che si è saputo di un numero.".to_owned(),
                n => format!("Scritto nel registro ciò che si è saputo di {n} numeri."),
            };
            vista(u, Stato { fatto: Some(fatto), esami, contrasti, ..Stato::default() })
        }
        Err(archivio::Errore::Rifiuto(Rifiuto::NonValido(errori))) => rifiutata(u, campi, errori),
        Err(e) => Err(Problema::from(e).into()),
    }
}

fn rifiutata(u: &Utente, campi: Campi, errori: Vec<ErroreCampo>) -> Esito {
    vista(u, Stato { codice: StatusCode::UNPROCESSABLE_ENTITY, campi, errori, ..Stato::default() })
}

fn vista(u: &Utente, s: Stato) -> Esito {
    let conf = u.ente.configurazione();
    let v = Lacune {
        g: guscio(u, "copie", "Lacune dopo un ripristino")?,
        sommario: sommario(&s.errori),
        m: Modulo { campi: s.campi, errori: s.errori },
        fatto: s.fatto,
        esami: s.esami.iter().map(|g| (segno(g), g.dettaglio())).collect(),
        contrasti: s.contrasti,
        epoche: conf.epoche(Some(&u.aoo)).iter().rev().map(riga).collect(),
        massimo: viste::peso(FILE_MAX as u64),
    };
    con_stato(s.codice, &v)
}

fn segno(g: &Giudizio) -> (&'static str, &'static str, &'static str) {
    match g {
        Giudizio::Provato(_) => ("conclusa", "it-check", "Provato"),
        Giudizio::Affermato(_) => ("da-prendere", "it-clock", "Affermato"),
        Giudizio::Estranea(_) => ("da-prendere", "it-clock", "Non riguarda la lacuna"),
        Giudizio::Falsa(_) => ("rifiutata", "it-error", "Non regge"),
        Giudizio::Allarme(_) => ("rifiutata", "it-error", "Da guardare subito"),
    }
}

fn riga(e: &Epoca) -> RigaEpoca {
    let tratti = e.numero_per_numero();
    let quanti = |f: fn(&StatoNumero<'_>) -> bool| -> i64 {
        tratti.iter().filter(|t| f(&t.stato)).map(|t| t.a - t.da + 1).sum()
    };
    RigaEpoca {
        epoca: e.lacuna.epoca,
        motivo: e.lacuna.motivo.clone(),
        conti: [
            quanti(|s| matches!(s, StatoNumero::Provato(_))),
            quanti(|s| matches!(s, StatoNumero::Dato)),
            quanti(|s| matches!(s, StatoNumero::Affermato(_))),
            quanti(|s| matches!(s, StatoNumero::Ignoto)),
        ],
        oltre: tratti.len().saturating_sub(TRATTI_MAX),
        tratti: tratti
            .iter()
            .take(TRATTI_MAX)
            .map(|t| {
                let (segno, dettaglio) = match t.stato {
                    StatoNumero::Provato(p) => {
                        let quando = p.quando.map(|q| format!(" di {}", viste::quando(q))).unwrap_or_default();
                        (("conclusa", "it-check", "Provato"), format!("operazione «{}»{quando}", p.che))
                    }
                    StatoNumero::Dato => (
                        ("da-prendere", "it-check", "Dato"),
                        "un numero successivo è provato: non si sa a che cosa fu dato".to_owned(),
                    ),
                    StatoNumero::Affermato(f) => (("da-prendere", "it-clock", "Affermato"), f.to_owned()),
                    StatoNumero::Ignoto => {
                        (("rifiutata", "it-error", "Ignoto"), "può non essere mai stato dato".to_owned())
                    }
                };
                RigaTratto {
                    numeri: if t.da == t.a {
                        format!("{}/{}/{}", t.registro, t.anno, t.da)
                    } else {
                        format!("{}/{}, da {} a {}", t.registro, t.anno, t.da, t.a)
                    },
                    segno,
                    dettaglio,
                    campi: match t.stato {
                        StatoNumero::Provato(p) => rivelati(&p.campi),
                        _ => Vec::new(),
                    },
                }
            })
            .collect(),
    }
}

/// What a receipt discloses; of what is reserved only which it is: its contents are for who may see them (R-L08).
fn rivelati(json: &str) -> Vec<(String, String)> {
    let campi: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
    let riservato = campi.get("riservato").is_some_and(|v| *v != Value::Bool(false));
    let mostra = |n: &String| !riservato || CHE_COSA.contains(&n.as_str());
    let parole = |v: Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    campi.into_iter().filter(|(n, _)| mostra(n)).map(|(n, v)| (n, parole(v))).collect()
}
