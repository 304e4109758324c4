//! The signatures of a file, for who is at the page: what was found each time, one more examination, what is inside (R-C12, R-H09).

use std::sync::Arc;

use archivio::store::{Azione, EsameScritto, EsamiDi, Trovata};
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use dominio::codici::Impronta;
use dominio::registrazione::{Documento, Registrazione};
use dominio::tempo::Istante;
use serde::Deserialize;

use super::dettaglio::{Dettaglio, Posto, annota, carica};
use super::documenti::{PostoDocumento, documento};
use super::errore::ErrorePagina;
use super::registro::riga;
use super::viste::{self, firme as v};
use super::{Esito, guscio, pagina};
use crate::accesso::{Accesso, Invio, Utente};
use crate::esami::lettura::{Firma, Letto};
use crate::rest::verifica::{letto, suo};
use crate::{entro, scarico};

/// Signatures of a file that a page shows.
const FIRME: usize = 50;
/// Verdicts in the page of a registration, characters in all; beyond, each file's own page has them.
const CARATTERI: usize = 1 << 20;

/// The content an address names.
#[derive(Debug, Deserialize)]
pub struct PostoContenuto {
    impronta: String,
}

/// A document that who is at the page may see, and now does.
async fn visto<'a>(u: &Utente, d: &'a Dettaglio, doc: &PostoDocumento) -> Result<&'a Documento, ErrorePagina> {
    d.solo_se_visibile(u)?;
    annota(u, d, Azione::Documento).await?;
    documento(&d.registrazione, &doc.n).ok_or_else(ErrorePagina::non_trovata)
}

/// `GET …/documenti/{n}/verifica`: every examination.
pub async fn mostra(u: Utente, Path(posto): Path<Posto>, Path(doc): Path<PostoDocumento>) -> Esito {
    let d = carica(&u, &posto.chiave()?).await?;
    let documento = visto(&u, &d, &doc).await?;
    let r = &d.registrazione;
    let e = u.ente.esami(&u.aoo, &r.chiave, Some(documento.n), CARATTERI).await?;
    let qui = indirizzo(&u, r, documento);
    let riga = riga(&u, &Trovata { registrazione: r.clone(), visibile: true, voce: [0; 32] });
    pagina(&v::Verifiche {
        g: guscio::guscio(&u, "registro", format!("Firme: {}", documento.nome))?,
        r: riga,
        nome: documento.nome.clone(),
        impronta: documento.impronta.hex(),
        in_corso: e.esami.is_empty() && e.in_attesa.contains(&documento.n),
        altre: e
            .quanti
            .iter()
            .find(|(n, _)| *n == documento.n)
            .map_or(0, |(_, k)| *k as usize)
            .saturating_sub(e.esami.len()),
        esami: e.esami.iter().map(|x| esame(&u, r, documento, x)).collect(),
        qui,
    })
}

/// `POST …/documenti/{n}/verifica`: one more.
pub async fn adesso(
    State(a): State<Arc<Accesso>>,
    Path(posto): Path<Posto>,
    Path(doc): Path<PostoDocumento>,
    i: Invio,
) -> Result<Response, ErrorePagina> {
    let u = &i.utente;
    let d = carica(u, &posto.chiave()?).await?;
    let documento = visto(u, &d, &doc).await?;
    let chiave = &d.registrazione.chiave;
    let da = u.ente.esaminabile(&u.aoo, chiave, documento.n).await?.ok_or_else(ErrorePagina::non_trovata)?;
    a.esami.adesso(&*u.ente, da, &u.chi.id).await?;
    Ok(Redirect::to(&indirizzo(u, &d.registrazione, documento)).into_response())
}

/// `GET …/documenti/{n}/contenuto/{impronta}`: what an envelope has inside, to be saved.
pub async fn contenuto(
    State(a): State<Arc<Accesso>>,
    u: Utente,
    Path(posto): Path<Posto>,
    Path(doc): Path<PostoDocumento>,
    Path(quale): Path<PostoContenuto>,
) -> Result<Response, ErrorePagina> {
    let d = carica(&u, &posto.chiave()?).await?;
    let documento = visto(&u, &d, &doc).await?;
    let quale: Impronta = quale.impronta.parse().map_err(|_| ErrorePagina::non_trovata())?;
    let chiave = &d.registrazione.chiave;
    let esami = u.ente.esami(&u.aoo, chiave, Some(documento.n), 0).await?;
    let voce = letto(&esami).and_then(|l| suo(&l, documento, quale)).ok_or_else(ErrorePagina::non_trovata)?;
    let da = u.ente.esaminabile(&u.aoo, chiave, documento.n).await?.ok_or_else(ErrorePagina::non_trovata)?;
    let che = entro(a.limiti.attesa_max, a.esami.contenuto(&*u.ente, &da, quale)).await??;
    let che = che.ok_or_else(ErrorePagina::non_trovata)?;
    Ok(scarico::contenuto(che, voce.nome.as_deref().unwrap_or_default(), &voce.mime))
}

/// What is known of the signatures of the files of a registration, by the number of the document.
///
/// # Errors
/// The storage's.
pub async fn della_registrazione(u: &Utente, r: &Registrazione) -> Result<EsamiDi, ErrorePagina> {
    Ok(u.ente.esami(&u.aoo, &r.chiave, None, CARATTERI).await?)
}

/// The same of one file, to be shown.
pub fn vista(u: &Utente, r: &Registrazione, d: &Documento, e: &EsamiDi) -> v::Firme {
    v::Firme {
        qui: indirizzo(u, r, d),
        in_corso: e.in_attesa.contains(&d.n),
        esame: e.esami.iter().find(|x| x.n == d.n).map(|x| esame(u, r, d, x)),
        quanti: e.quanti.iter().find(|(n, _)| *n == d.n).map_or(0, |(_, k)| *k),
    }
}

fn indirizzo(u: &Utente, r: &Registrazione, d: &Documento) -> String {
    format!("{}/registrazioni/{}/documenti/{}/verifica", u.base(), r.chiave, d.n)
}

fn esame(u: &Utente, r: &Registrazione, d: &Documento, x: &EsameScritto) -> v::Esame {
    let letto = Letto::di(&x.esame.esito).unwrap_or_default();
    let tutte = letto.tutte();
    let chi = x.chi.as_ref().map(|c| u.conf.utenti.get(c).map_or_else(|| c.to_string(), |p| p.nome_completo()));
    v::Esame {
        quando: match chi {
            Some(chi) => format!("{}, su richiesta di {chi}", viste::quando(x.esame.istante)),
            None => viste::quando(x.esame.istante),
        },
        al: viste::quando(x.riferimento),
        con_fiducia: !x.esame.fiducia.is_empty(),
        altre: tutte.len().saturating_sub(FIRME),
        firme: tutte.into_iter().take(FIRME).map(|(livello, contro, f)| firma(livello, contro, f)).collect(),
        detti: letto.detti(),
        contenuti: letto
            .contenuti(&d.nome, &d.impronta.hex())
            .into_iter()
            .map(|c| {
                let base = format!("{}/registrazioni/{}/documenti/{}", u.base(), r.chiave, d.n);
                let href = format!("{base}/contenuto/{}", c.impronta);
                (href, c.nome.unwrap_or_default(), viste::peso(c.byte))
            })
            .collect(),
    }
}

fn in_parole(t: jiff::Timestamp) -> String {
    viste::quando(Istante(t.as_microsecond()))
}

fn firma(livello: usize, contro: bool, f: &Firma) -> v::Firma {
    let mut righe = Vec::new();
    righe.extend(f.cf.as_ref().map(|c| format!("Codice fiscale {c}")));
    righe.extend(f.emittente.as_ref().map(|e| format!("Certificato emesso da {e}")));
    let marca_sola = f.marca.as_ref().is_some_and(|m| m.istante.is_some() && m.istante == f.istante);
    if !marca_sola {
        righe.extend(f.istante.map(|t| format!("Dichiara di aver firmato il {}", in_parole(t))));
    }
    if let Some(m) = &f.marca {
        let quando = m.istante.map_or_else(String::new, |t| format!(" del {}", in_parole(t)));
        let di = m.tsa.as_ref().map_or_else(String::new, |t| format!(", di {t}"));
        let valida = if m.valida { "Marca temporale" } else { "Marca temporale non valida" };
        righe.push(format!("{valida}{quando}{di}"));
    }
    if livello > 0 {
        righe.push("In una busta che sta dentro il file".to_owned());
    }
    let chi = f.firmatario.clone().unwrap_or_else(|| "Firmatario non indicato".to_owned());
    v::Firma {
        chi: if contro { format!("{chi} (controfirma)") } else { chi },
        righe,
        integrita: integrita(f),
        identita: identita(f),
        revoca: revoca(f),
    }
}

fn dice(codice: &'static str, parole: impl Into<String>) -> v::Risposta {
    v::Risposta { codice, parole: parole.into() }
}

fn con_motivi(inizio: &str, motivi: &[String]) -> String {
    if motivi.is_empty() { inizio.to_owned() } else { format!("{inizio}: {}", motivi.join("; ")) }
}

fn integrita(f: &Firma) -> v::Risposta {
    match (f.integra, f.integrita.modificato_dopo) {
        (true, Some(true)) => {
            dice("forse", "Integra per ciò che fu firmato; dopo la firma al file è stato aggiunto altro")
        }
        (true, _) => dice("si", "Integra: ciò che fu firmato è ciò che c'è"),
        (false, _) => dice("no", con_motivi("Non integra", &f.errore.iter().cloned().collect::<Vec<_>>())),
    }
}

fn identita(f: &Firma) -> v::Risposta {
    let d = &f.dettaglio_identita;
    match f.identita.as_str() {
        "riconosciuta" => {
            let come = d.qualificata.perche.as_ref().filter(|_| d.qualificata.esito.is_some());
            let come = come.map_or_else(String::new, |p| format!("; {p}"));
            dice("si", format!("Riconosciuta: il certificato risale a un'autorità di fiducia{come}"))
        }
        "scaduta" => dice("no", con_motivi("Riconosciuta, ma con un certificato non in vigore", &d.motivi)),
        "sconosciuta" => dice("forse", con_motivi("Sconosciuta", &d.motivi)),
        _ => dice("forse", con_motivi("Non verificata", &d.motivi)),
    }
}

fn revoca(f: &Firma) -> v::Risposta {
    match (f.revoca.as_str(), f.dettaglio_revoca.istante_revoca) {
        ("buona", _) => dice("si", "Certificato non revocato"),
        ("revocata", Some(t)) => dice("no", format!("Certificato revocato il {}", in_parole(t))),
        ("revocata", None) => dice("no", "Certificato revocato"),
        _ => dice("forse", "Non verificata: non ci sono liste di revoca che lo dicano"),
    }
}
