//! Copies of the register, and the button that tries to restore the newest (R-L22, R-N04, R-N08): one ente sees and tries only
//! what is its own.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use dominio::errori::ErroreCampo;
use dominio::nuova::richiede_copie;
use dominio::tempo::Istante;
use serde::Deserialize;

use super::torna;
use crate::accesso::{Accesso, Invio, Utente};
use crate::copie::{Impedimento, Quadro, Scheda, Stato};
use crate::pagine::errore::ErrorePagina;
use crate::pagine::guscio::guscio;
use crate::pagine::viste;
use crate::pagine::viste::amministrazione::{Copie, RigaCopia, RigaProva};
use crate::pagine::{Esito, con_stato, sommario};
use crate::scarico::disposizione;
use crate::stampe::{self, ProvaRipristino};

/// A copy older than this wants to be known: one a day, and some hours for it to be made.
const COPIA_VECCHIA_S: i64 = 30 * 3_600;
/// A drill at least once a year (linee guida, § 3.4).
const PROVA_VECCHIA_S: i64 = 365 * 86_400;

/// `GET …/copie`.
pub async fn mostra(State(a): State<Arc<Accesso>>, u: Utente) -> Esito {
    richiede_copie(&u.chi)?;
    vista(&a, &u, StatusCode::OK, Vec::new()).await
}

/// `POST …/copie/prova`: begins, and goes back to where it is seen.
pub async fn prova(State(a): State<Arc<Accesso>>, i: Invio) -> Esito {
    let u = &i.utente;
    richiede_copie(&u.chi)?;
    match a.copie.avvia(u.ente.ipa(), &u.chi.id, &u.chi.nome).await {
        Ok(()) => Ok(torna(u, "copie#prove")),
        Err(e) => {
            if let Impedimento::Disco(m) = &e {
                tracing::warn!(ente = %u.ente.ipa(), errore = %m, "la prova di ripristino non comincia");
            }
            let errori = vec![ErroreCampo { campo: String::new(), messaggio: e.to_string() }];
            vista(&a, u, StatusCode::CONFLICT, errori).await
        }
    }
}

/// `…/copie/prove/{id}/…`.
#[derive(Debug, Deserialize)]
pub struct PostoProva {
    id: String,
}

/// `GET …/rapporto.pdf`: for the file of the responsible person.
pub async fn rapporto_pdf(
    State(a): State<Arc<Accesso>>,
    u: Utente,
    Path(p): Path<PostoProva>,
) -> Result<Response, ErrorePagina> {
    let r = rapporto(&a, &u, &p.id).await?;
    let byte = stampe::in_disparte(|| stampe::prova_ripristino(&r))?;
    Ok(stampe::risposta(byte, &format!("prova-ripristino-{}", p.id)))
}

/// `GET …/rapporto.json`: the same for programs.
pub async fn rapporto_json(
    State(a): State<Arc<Accesso>>,
    u: Utente,
    Path(p): Path<PostoProva>,
) -> Result<Response, ErrorePagina> {
    let r = rapporto(&a, &u, &p.id).await?;
    let corpo = serde_json::to_vec_pretty(&r).map_err(|e| archivio::Errore::Incoerente(e.to_string()))?;
    let capi = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CONTENT_DISPOSITION, disposizione(&format!("prova-ripristino-{}.json", p.id), false)),
    ];
    Ok((capi, corpo).into_response())
}

async fn rapporto(a: &Accesso, u: &Utente, id: &str) -> Result<ProvaRipristino, ErrorePagina> {
    richiede_copie(&u.chi)?;
    let r = a.copie.rapporto(u.ente.ipa(), id).await.map_err(|e| archivio::Errore::Archivio(e.to_string()))?;
    r.ok_or_else(ErrorePagina::non_trovata)
}

async fn vista(a: &Accesso, u: &Utente, stato: StatusCode, errori: Vec<ErroreCampo>) -> Esito {
    let (quadro, ignote) = match a.copie.quadro(u.ente.ipa()).await {
        Ok(q) => (q, None),
        Err(e) => (Quadro::default(), Some(e.to_string())),
    };
    let v = Copie {
        g: guscio(u, "copie", "Copie e prove di ripristino")?,
        sommario: sommario(&errori),
        avvisi: if ignote.is_none() { avvisi(&quadro, u.ente.ora()) } else { Vec::new() },
        ignote,
        copie: quadro.copie.iter().map(riga_copia).collect(),
        in_corso: quadro.prove.iter().find_map(|(_, s)| match s {
            Stato::InCorso(passo) => Some(passo.clone().unwrap_or_else(|| "su un altro nodo".to_owned())),
            _ => None,
        }),
        lacune: u.ente.configurazione().epoche(Some(&u.aoo)).len(),
        prove: quadro.prove.iter().map(|(s, stato)| riga_prova(u, s, stato)).collect(),
    };
    con_stato(stato, &v)
}

/// What somebody must look at.
fn avvisi(q: &Quadro, ora: Istante) -> Vec<String> {
    let eta = |t: Istante| (ora.0 - t.0) / 1_000_000;
    let mut out = Vec::new();
    match q.copie.first() {
        None => out.push("Nella cartella delle copie non ce n'è nessuna di questo ente.".to_owned()),
        Some(c) if eta(c.istante) > COPIA_VECCHIA_S => {
            out.push(format!(
                "L'ultima copia è di {}: chi gestisce il servizio controlli perché.",
                viste::quando(c.istante)
            ));
        }
        Some(_) => {}
    }
    let riuscita = q.prove.iter().find(|(s, _)| s.rapporto.as_ref().is_some_and(|r| r.riuscita));
    match riuscita {
        None => out.push("Nessuna prova di ripristino è ancora riuscita.".to_owned()),
        Some((s, _)) if eta(s.avviata) > PROVA_VECCHIA_S => {
            out.push(format!(
                "L'ultima prova riuscita è di {}: va fatta almeno una volta l'anno.",
                viste::quando(s.avviata)
            ));
        }
        Some(_) => {}
    }
    out
}

fn riga_copia(c: &crate::copie::Copia) -> RigaCopia {
    let numeri = c.numeri.iter().map(|(r, n)| format!("{r}: {n}")).collect::<Vec<_>>().join(", ");
    RigaCopia {
        quando: viste::quando(c.istante),
        istante: viste::per_macchine(c.istante),
        peso: viste::peso(c.byte),
        file: c.file,
        guasti: c.guasti,
        cifrata: c.cifrata,
        numeri: if numeri.is_empty() { "nessuno".to_owned() } else { numeri },
    }
}

fn riga_prova(u: &Utente, s: &Scheda, stato: &Stato) -> RigaProva {
    let r = s.rapporto.as_ref();
    let (segno, dettaglio) = match (stato, r) {
        (Stato::InCorso(_), _) => (("da-prendere", "it-clock", "In corso"), String::new()),
        (Stato::Conclusa, Some(r)) if r.riuscita => {
            let d = format!(
                "{} registrazioni, {} file; {}",
                r.verifica.registrazioni,
                r.file,
                stampe::durata(r.rto_secondi)
            );
            (("conclusa", "it-check", "Riuscita"), d)
        }
        (Stato::Conclusa, Some(r)) => {
            let d = r.errore.clone().unwrap_or_else(|| format!("la verifica trova {} differenze", r.differenze));
            (("rifiutata", "it-error", "Non riuscita"), d)
        }
        _ => (("rifiutata", "it-error", "Interrotta"), "il servizio si è fermato prima della fine".to_owned()),
    };
    RigaProva {
        quando: viste::quando(s.avviata),
        istante: viste::per_macchine(s.avviata),
        chi: s.nome.clone(),
        copia: r.and_then(|r| r.istante_copia).map(viste::quando).unwrap_or_default(),
        segno,
        dettaglio,
        rapporto: r.map_or_else(String::new, |_| format!("{}/copie/prove/{}/rapporto", u.base(), s.id)),
    }
}
