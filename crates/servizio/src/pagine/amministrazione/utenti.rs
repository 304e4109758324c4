//! People, their roles, and tokens for programs (R-J03, R-L02). Secrets are shown once and kept only hashed.

use archivio::store::Segreto;
use axum::extract::Path;
use axum::http::StatusCode;
use dominio::codici::NomeUtente;
use dominio::comandi::ComandoConfigurazione as C;
use dominio::configurazione;
use dominio::errori::ErroreCampo;
use dominio::permessi::{Diritto, Incarico, Ruolo};
use serde::Deserialize;

use super::{Esecuzione, configura, errore, forse, leggi, torna};
use crate::accesso::utente::Campi;
use crate::accesso::{Accesso, Invio, Utente, sessione};
use crate::pagine::errore::ErrorePagina;
use crate::pagine::guscio::{self, guscio};
use crate::pagine::registro::nome_ufficio;
use crate::pagine::viste::amministrazione::{IncaricoInParole, Persona, Token, Utenti};
use crate::pagine::viste::{self, Modulo};
use crate::pagine::{Esito, con_stato, ora, sommario};
use crate::token::nuovo_token;
use axum::extract::State;
use dominio::tempo::{Istante, domani};
use std::sync::Arc;

/// Roles of a form at most.
const INCARICHI_MAX: usize = 20;

/// The person an address names.
#[derive(Debug, Deserialize)]
pub struct PostoUtente {
    utente: String,
}

/// The token an address names.
#[derive(Debug, Deserialize)]
pub struct PostoToken {
    id: String,
}

/// `GET …/utenti`.
pub async fn mostra(u: Utente) -> Esito {
    vista(&u, StatusCode::OK, Vec::new(), Campi::default(), None)
}

/// `POST …/utenti`: `utente`, `nome`, `cognome`, groups `incarichi.0.{ruolo,ufficio}`. Shows the first password.
pub async fn crea(State(a): State<Arc<Accesso>>, i: Invio) -> Esito {
    let (u, c) = (&i.utente, &i.campi);
    let comando = nome(c.testo("utente").unwrap_or_default()).and_then(|utente| {
        Ok(C::CreaUtente {
            utente,
            nome: c.testo("nome").unwrap_or_default().to_owned(),
            cognome: c.testo("cognome").unwrap_or_default().to_owned(),
            incarichi: incarichi_di(u, c)?,
        })
    });
    if let Esecuzione::Rifiutata(stato, errori) = configura(u, comando, None).await? {
        return vista(u, stato, errori, i.campi.clone(), None);
    }
    // Two operations: somebody who exists without a password cannot sign in yet, which is safe.
    nuova_password(&a, u, c.testo("utente").unwrap_or_default()).await
}

/// `POST …/utenti/{utente}/password`: a new one, shown once; sessions under the old one end.
pub async fn password(State(a): State<Arc<Accesso>>, Path(p): Path<PostoUtente>, i: Invio) -> Esito {
    nuova_password(&a, &i.utente, &p.utente).await
}

async fn nuova_password(a: &Accesso, u: &Utente, chi: &str) -> Esito {
    u.richiede(&[Diritto::GestisceUtenti])?;
    let utente: NomeUtente = chi.to_ascii_lowercase().parse().map_err(|_| ErrorePagina::non_trovata())?;
    let chiaro: String = sessione::casuale()?.chars().filter(|c| c.is_ascii_alphanumeric()).take(20).collect();
    let phc = a.password.cifra(chiaro.clone()).await.map_err(|e| archivio::Errore::Archivio(e.to_string()))?;
    let comando = Ok(C::ImpostaPassword { utente: utente.clone() });
    match configura(u, comando, Some(Segreto::Password(phc))).await? {
        Esecuzione::Rifiutata(stato, errori) => vista(u, stato, errori, Campi::default(), None),
        Esecuzione::Fatta => {
            if utente != u.chi.id {
                u.ente.chiudi_sessioni(None, Some(&utente)).await?;
            }
            let segreto = Some((format!("Password di {utente}"), chiaro));
            vista(&aggiornato(u), StatusCode::OK, Vec::new(), Campi::default(), segreto)
        }
    }
}

/// `POST …/utenti/{utente}/incarichi`: the whole set of roles, from now on.
pub async fn incarichi(Path(p): Path<PostoUtente>, i: Invio) -> Esito {
    let comando = nome(&p.utente)
        .and_then(|utente| Ok(C::AssegnaIncarichi { utente, incarichi: incarichi_di(&i.utente, &i.campi)? }));
    semplice(&i, comando).await
}

/// `POST …/utenti/{utente}/incarichi/aggiungi`: `ruolo`, `ufficio`; the roles of before stay.
pub async fn aggiungi_incarico(Path(p): Path<PostoUtente>, i: Invio) -> Esito {
    let u = &i.utente;
    let comando = uno(u, &i.campi).and_then(|nuovo| {
        let utente = nome(&p.utente)?;
        let mut incarichi = attuali(u, &utente);
        if incarichi.iter().any(|x| stesso(x, &nuovo)) {
            return Err(errore("ruolo", "questa persona lo ha già"));
        }
        incarichi.push(nuovo);
        Ok(C::AssegnaIncarichi { utente, incarichi })
    });
    semplice(&i, comando).await
}

/// `POST …/utenti/{utente}/incarichi/togli`: `ruolo`, `ufficio`; the other roles stay.
pub async fn togli_incarico(Path(p): Path<PostoUtente>, i: Invio) -> Esito {
    let u = &i.utente;
    let comando = uno(u, &i.campi).and_then(|tolto| {
        let utente = nome(&p.utente)?;
        let mut incarichi = attuali(u, &utente);
        let prima = incarichi.len();
        incarichi.retain(|x| !stesso(x, &tolto));
        if incarichi.len() == prima {
            return Err(errore("ruolo", "questa persona non lo ha più"));
        }
        // Whoever takes away his own right to give roles could not give it back.
        let resta = incarichi.iter().any(|x| x.ruolo.diritti().ha(Diritto::GestisceUtenti));
        if utente == u.chi.id && !resta {
            return Err(errore(
                "ruolo",
                "è ciò che ti permette di amministrare gli utenti: può togliertelo solo un altro",
            ));
        }
        Ok(C::AssegnaIncarichi { utente, incarichi })
    });
    semplice(&i, comando).await
}

/// The role a form names, in this AOO from now on.
fn uno(u: &Utente, c: &Campi) -> Result<Incarico, Vec<ErroreCampo>> {
    let ruolo = c.testo("ruolo").and_then(Ruolo::da_codice).ok_or_else(|| errore("ruolo", "va scelto dall'elenco"))?;
    let ufficio = forse("ufficio", c.testo("ufficio"))?;
    Ok(Incarico { ruolo, aoo: Some(u.aoo.clone()), ufficio, dal: u.ente.ora(), al: None })
}

fn stesso(a: &Incarico, b: &Incarico) -> bool {
    (a.ruolo, &a.aoo, &a.ufficio) == (b.ruolo, &b.aoo, &b.ufficio)
}

/// Does a role still hold? One in an office that was closed does not, and could not be given again.
fn vale(u: &Utente, i: &Incarico, ora: Istante) -> bool {
    let aperto = match (&i.aoo, &i.ufficio) {
        (Some(a), Some(c)) => u.conf.aoo.get(a).is_some_and(|a| a.ufficio(c, ora).is_some()),
        _ => true,
    };
    aperto && i.al.is_none_or(|al| ora < al)
}

/// The roles a person has now, in every AOO: the command takes the whole set.
fn attuali(u: &Utente, utente: &NomeUtente) -> Vec<Incarico> {
    let adesso = u.ente.ora();
    let persona = u.conf.utenti.get(utente);
    persona.map(|p| p.incarichi.iter().filter(|i| vale(u, i, adesso)).cloned().collect()).unwrap_or_default()
}

/// `POST …/utenti/{utente}/abilita`.
pub async fn abilita(Path(p): Path<PostoUtente>, i: Invio) -> Esito {
    semplice(&i, nome(&p.utente).map(|utente| C::AbilitaUtente { utente, abilitato: true })).await
}

/// `POST …/utenti/{utente}/disabilita`: and every session of that person ends.
pub async fn disabilita(Path(p): Path<PostoUtente>, i: Invio) -> Esito {
    let utente = nome(&p.utente);
    let esito = semplice(&i, utente.clone().map(|utente| C::AbilitaUtente { utente, abilitato: false })).await?;
    if let (Ok(utente), true) = (utente, esito.status().is_redirection()) {
        i.utente.ente.chiudi_sessioni(None, Some(&utente)).await?;
    }
    Ok(esito)
}

/// `POST …/token`: `descrizione`, `utente`, `scadenza`, `diritti` (many). Shows the token once.
pub async fn crea_token(i: Invio) -> Esito {
    let (u, c) = (&i.utente, &i.campi);
    u.richiede(&[Diritto::GestisceUtenti])?;
    let (testo, sha256) = nuovo_token(u.ente.ipa())?;
    let scadenza = match c.testo("scadenza").map(ora::giorno) {
        // Until the end of that day.
        Some(Ok(g)) => Ok(Istante::inizio(domani(g))),
        Some(Err(m)) => Err(errore("scadenza", m)),
        None => Err(errore("scadenza", "va indicata")),
    };
    let id: String = sessione::casuale()?.chars().filter(|c| c.is_ascii_alphanumeric()).take(16).collect();
    let comando = scadenza.and_then(|scadenza| {
        Ok(C::CreaToken(configurazione::Token {
            id,
            descrizione: c.testo("descrizione").unwrap_or_default().to_owned(),
            utente: nome(c.testo("utente").unwrap_or_default())?,
            aoo: u.aoo.clone(),
            diritti: c.tutti("diritti").map(|d| leggi("diritti", d)).collect::<Result<_, _>>()?,
            scadenza,
            revocato: false,
        }))
    });
    match configura(u, comando, Some(Segreto::Token(sha256))).await? {
        Esecuzione::Rifiutata(stato, errori) => vista(u, stato, errori, i.campi.clone(), None),
        Esecuzione::Fatta => {
            let cosa = format!("Token «{}»", c.testo("descrizione").unwrap_or_default());
            vista(&aggiornato(u), StatusCode::OK, Vec::new(), Campi::default(), Some((cosa, testo)))
        }
    }
}

/// `POST …/token/{id}/revoca`.
pub async fn revoca_token(Path(p): Path<PostoToken>, i: Invio) -> Esito {
    semplice(&i, Ok(C::RevocaToken { token: p.id })).await
}

async fn semplice(i: &Invio, comando: Result<C, Vec<ErroreCampo>>) -> Esito {
    match configura(&i.utente, comando, None).await? {
        Esecuzione::Fatta => Ok(torna(&i.utente, "utenti")),
        Esecuzione::Rifiutata(stato, errori) => {
            // The form of a row says whose it is: what was typed goes back there, and its errors have no other place.
            if i.campi.testo("per").is_none() {
                return vista(&i.utente, stato, errori, Campi::default(), None);
            }
            let errori = errori.into_iter().map(|e| ErroreCampo { campo: String::new(), ..e }).collect();
            vista(&i.utente, stato, errori, i.campi.clone(), None)
        }
    }
}

fn nome(testo: &str) -> Result<NomeUtente, Vec<ErroreCampo>> {
    testo.parse().map_err(|e: dominio::codici::CodiceErrato| errore("utente", e.0))
}

fn incarichi_di(u: &Utente, c: &Campi) -> Result<Vec<Incarico>, Vec<ErroreCampo>> {
    let mut out = Vec::new();
    for n in 0..INCARICHI_MAX {
        let campo = |x: &str| format!("incarichi.{n}.{x}");
        let Some(ruolo) = c.testo(&campo("ruolo")) else { continue };
        let ruolo = Ruolo::da_codice(ruolo).ok_or_else(|| errore(&campo("ruolo"), "va scelto dall'elenco"))?;
        let ufficio = forse(&campo("ufficio"), c.testo(&campo("ufficio")))?;
        out.push(Incarico { ruolo, aoo: Some(u.aoo.clone()), ufficio, dal: u.ente.ora(), al: None });
    }
    Ok(out)
}

/// The same person with the configuration of now.
fn aggiornato(u: &Utente) -> Utente {
    Utente { conf: u.ente.configurazione(), ..u.clone() }
}

fn vista(
    u: &Utente,
    stato: StatusCode,
    errori: Vec<ErroreCampo>,
    campi: Campi,
    segreto: Option<(String, String)>,
) -> Esito {
    u.richiede(&[Diritto::GestisceUtenti])?;
    let adesso = u.ente.ora();
    let persone = u.conf.utenti.values().map(|p| persona(u, p, adesso)).collect();
    let token = u
        .conf
        .token
        .values()
        .filter(|t| t.aoo == u.aoo)
        .map(|t| Token {
            id: t.id.clone(),
            descrizione: t.descrizione.clone(),
            utente: t.utente.to_string(),
            diritti: t.diritti.iter().map(|d| d.descrizione()).collect::<Vec<_>>().join(", "),
            scadenza: viste::quando(t.scadenza),
            stato: match (t.revocato, t.scadenza <= adesso) {
                (true, _) => "revocato",
                (false, true) => "scaduto",
                (false, false) => "valido",
            },
        })
        .collect();
    let diritti = Diritto::TUTTI
        .into_iter()
        .map(|d| {
            let codice = serde_json::to_value(d).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
            (codice, d.descrizione())
        })
        .collect();
    let v = Utenti {
        g: guscio(u, "utenti", "Utenti")?,
        sommario: sommario(&errori),
        m: Modulo { campi, errori },
        segreto,
        persone,
        token,
        ruoli: Ruolo::TUTTI.into_iter().map(|r| (r.codice(), r.denominazione())).collect(),
        diritti,
        uffici: guscio::uffici(u)?,
    };
    con_stato(stato, &v)
}

fn persona(u: &Utente, p: &configurazione::Utente, ora: Istante) -> Persona {
    let validi: Vec<&Incarico> = p
        .incarichi
        .iter()
        .filter(|i| i.aoo.as_ref().is_none_or(|a| *a == u.aoo) && i.al.is_none_or(|al| ora < al))
        .collect();
    Persona {
        utente: p.utente.to_string(),
        nome: p.nome_completo(),
        incarichi: validi
            .iter()
            .map(|i| IncaricoInParole {
                parole: match &i.ufficio {
                    Some(c) => format!("{}, {}", i.ruolo.denominazione(), nome_ufficio(u, c)),
                    None => i.ruolo.denominazione().to_owned(),
                },
                ruolo: i.ruolo.codice(),
                ufficio: i.ufficio.as_ref().map(ToString::to_string).unwrap_or_default(),
                toglibile: i.aoo.as_ref() == Some(&u.aoo),
            })
            .collect(),
        disabilitato: p.disabilitato,
        io: p.utente == u.chi.id,
    }
}
