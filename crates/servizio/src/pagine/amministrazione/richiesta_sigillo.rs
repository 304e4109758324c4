//! Asking for a seal, page by page (R-C11): a key of ours with its request, the certificate that comes back, the form for a
//! provider.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use dominio::comandi::ComandoConfigurazione as C;
use dominio::configurazione::DatiEnte;
use dominio::errori::{ErroreCampo, Rifiuto};
use dominio::permessi::Diritto;
use dominio::sigillo::Fornitore;
use sigillo::Errore as ErroreSigillo;

use super::{Esecuzione, configura, errore, torna};
use crate::accesso::utente::Campi;
use crate::accesso::{Accesso, Domanda, Invio, Utente};
use crate::pagine::errore::ErrorePagina;
use crate::pagine::guscio::guscio;
use crate::pagine::in_memoria::{self, Scelto};
use crate::pagine::viste::richiesta_sigillo::{InAttesa, ModuloPrestatore, Richiesta};
use crate::pagine::viste::{self, Modulo};
use crate::pagine::{Esito, con_stato, sommario};
use crate::problema::Problema;
use crate::rest::sigillo::csr;
use crate::sigilli::Mancata;
use crate::sigilli::richiesta::{
    CERTIFICATO_MAX, DatiModulo, DatiSoggetto, DoveNasce, Persona, TipoDiChiave, TipoIdentificativo,
};
use crate::sola_lettura::{Guardata, ancora_scrivibile};
use crate::{scarico, stampe};

/// Which page of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quale {
    Chiave,
    Prestatore,
}

/// `GET …/sigillo/richiesta`, with `?fatto=` after a form.
pub async fn mostra(State(a): State<Arc<Accesso>>, u: Utente, Domanda(q): Domanda) -> Esito {
    let fatto = q.testo("fatto") == Some("creata");
    vista(&a, &u, Quale::Chiave, StatusCode::OK, Vec::new(), Campi::default(), fatto)
}

/// `GET …/sigillo/modulo`.
pub async fn mostra_modulo(State(a): State<Arc<Accesso>>, u: Utente) -> Esito {
    vista(&a, &u, Quale::Prestatore, StatusCode::OK, Vec::new(), Campi::default(), false)
}

/// `GET …/sigillo/richiesta.csr`.
pub async fn scarica(u: Utente) -> Esito {
    u.richiede(&[Diritto::GestisceConfigurazione])?;
    let r = u.stato()?.richiesta_sigillo.as_ref().map(|(_, r)| r).ok_or_else(ErrorePagina::non_trovata)?;
    Ok(csr(u.ente.ipa().as_str(), u.aoo.as_str(), r))
}

/// `POST …/sigillo/richiesta`: the subject, `dove` (blank: here; else the library of a device), `token`, `chiaveToken`, `pin`,
/// `tipoChiave`.
pub async fn chiedi(State(a): State<Arc<Accesso>>, guardata: Option<Extension<Guardata>>, i: Invio) -> Esito {
    let (u, c) = (&i.utente, &i.campi);
    u.richiede(&[Diritto::GestisceConfigurazione])?;
    let di_nuovo = |stato, errori| {
        let campi = Campi(c.0.iter().filter(|(n, _)| n != "pin").cloned().collect());
        vista(&a, u, Quale::Chiave, stato, errori, campi, false)
    };
    let (dove, soggetto) = match (dove_nasce(c), soggetto(c).and_then(|s| campi_di(s.soggetto(&ente(u)?)))) {
        (Ok(d), Ok(s)) => (d, s),
        (d, s) => {
            let errori = [d.err(), s.err()].into_iter().flatten().flatten().collect();
            return di_nuovo(StatusCode::UNPROCESSABLE_ENTITY, errori);
        }
    };
    let (richiesta, chiave) = match a.sigilli.chiedi(&*u.ente, dove, soggetto).await {
        Ok(x) => x,
        Err(e) => {
            let (stato, errori) = errori_di(e, c)?;
            return di_nuovo(stato, errori);
        }
    };
    ancora_scrivibile(guardata.as_deref()).await?;
    match configura(u, Ok(C::RichiediSigillo { richiesta }), Some(chiave)).await? {
        Esecuzione::Fatta => Ok(torna(u, "sigillo/richiesta?fatto=creata")),
        Esecuzione::Rifiutata(stato, errori) => di_nuovo(stato, errori),
    }
}

/// `POST …/sigillo/certificato`, multipart: `certificato`, `entrate`.
pub async fn certificato(State(a): State<Arc<Accesso>>, r: Request) -> Esito {
    let letto = match in_memoria::leggi(&a, r, "certificato", CERTIFICATO_MAX).await {
        Ok(l) => l,
        Err(risposta) => return Ok(risposta),
    };
    let (u, c) = (&letto.invio.utente, &letto.invio.campi);
    u.richiede(&[Diritto::GestisceConfigurazione])?;
    let di_nuovo = |stato, errori| vista(&a, u, Quale::Chiave, stato, errori, c.clone(), false);
    let byte = match &letto.file {
        Scelto::Byte(b) => b,
        Scelto::Nessuno => {
            return di_nuovo(
                StatusCode::UNPROCESSABLE_ENTITY,
                errore("certificato", "va scelto il file del certificato"),
            );
        }
        Scelto::TroppoGrande => {
            let m = format!("supera {}: non può essere un certificato", viste::peso(CERTIFICATO_MAX as u64));
            return di_nuovo(StatusCode::UNPROCESSABLE_ENTITY, errore("certificato", &m));
        }
    };
    let (sigillo, segreto) = match a.sigilli.dal_certificato(&*u.ente, &u.aoo, byte, c.spuntato("entrate")).await {
        Ok(x) => x,
        Err(e) => {
            let (stato, errori) = match e {
                Mancata::Sigillo(e) if !e.si_puo_riprovare() => {
                    (StatusCode::UNPROCESSABLE_ENTITY, errore("certificato", &e.to_string()))
                }
                e => errori_di(e, c)?,
            };
            return di_nuovo(stato, errori);
        }
    };
    ancora_scrivibile(letto.guardata.as_ref()).await?;
    match configura(u, Ok(C::ImpostaSigillo { sigillo }), Some(segreto)).await? {
        Esecuzione::Fatta => {
            a.sigilli.cambiato(u.ente.ipa(), &u.aoo);
            Ok(torna(u, "sigillo?fatto=impostato"))
        }
        Esecuzione::Rifiutata(stato, mut errori) => {
            // What is wrong with the certificate is wrong with the file it came in.
            errori.iter_mut().filter(|e| !e.campo.is_empty()).for_each(|e| e.campo = "certificato".to_owned());
            di_nuovo(stato, errori)
        }
    }
}

/// `POST …/sigillo/modulo`: the form for a provider, as a file. Changes nothing.
pub async fn modulo(State(a): State<Arc<Accesso>>, i: Invio) -> Esito {
    let (u, c) = (&i.utente, &i.campi);
    u.richiede(&[Diritto::GestisceConfigurazione])?;
    let forse = |n: &str| c.testo(n).map(str::to_owned);
    let persona = |dove: &str| Persona {
        nome: forse(&format!("{dove}.nome")).unwrap_or_default(),
        cognome: forse(&format!("{dove}.cognome")).unwrap_or_default(),
        codice_fiscale: forse(&format!("{dove}.codiceFiscale")),
        carica: forse(&format!("{dove}.carica")),
        email: forse(&format!("{dove}.email")),
        telefono: forse(&format!("{dove}.telefono")),
    };
    let pieno = soggetto(c).and_then(|soggetto| {
        let d = DatiModulo {
            soggetto,
            pec: forse("pec"),
            sede: forse("sede").unwrap_or_default(),
            rappresentante: persona("rappresentante"),
            referente: persona("referente"),
        };
        campi_di(d.pieno(&ente(u)?))
    });
    let pieno = match pieno {
        Ok(p) => p,
        Err(errori) => {
            return vista(&a, u, Quale::Prestatore, StatusCode::UNPROCESSABLE_ENTITY, errori, c.clone(), false);
        }
    };
    let dati = u.conf.ente.as_ref().ok_or_else(ErrorePagina::non_trovata)?;
    let aoo = u.stato()?;
    let byte = stampe::in_disparte(|| stampe::richiesta_sigillo(dati, aoo, &pieno, u.ente.ora()))?;
    // Readers that save what they show ask for it again, without the form: it is given as a file.
    let nome = format!("richiesta-sigillo-{}-{}.pdf", dati.ipa, u.aoo);
    let capi = [
        (header::CONTENT_TYPE, "application/pdf".to_owned()),
        (header::CONTENT_DISPOSITION, scarico::disposizione(&nome, false)),
    ];
    Ok((capi, byte).into_response())
}

fn ente(u: &Utente) -> Result<DatiEnte, Vec<ErroreCampo>> {
    u.conf.ente.clone().ok_or_else(|| errore("", "l'ente non esiste"))
}

fn campi_di<T>(r: Result<T, Rifiuto>) -> Result<T, Vec<ErroreCampo>> {
    r.map_err(|e| match e {
        Rifiuto::NonValido(errori) => errori,
        altro => errore("", &altro.to_string()),
    })
}

fn soggetto(c: &Campi) -> Result<DatiSoggetto, Vec<ErroreCampo>> {
    let forse = |n: &str| c.testo(n).map(str::to_owned);
    let identificativo: Option<TipoIdentificativo> = super::forse("identificativo", c.testo("identificativo"))
        .map_err(|_| errore("identificativo", "va scelto tra quelli dell'elenco"))?;
    Ok(DatiSoggetto {
        identificativo: identificativo.unwrap_or_default(),
        codice_fiscale: forse("codiceFiscale"),
        partita_iva: forse("partitaIva"),
        denominazione: forse("denominazione"),
        nome_sigillo: forse("nomeSigillo"),
    })
}

fn dove_nasce(c: &Campi) -> Result<DoveNasce, Vec<ErroreCampo>> {
    let Some(modulo) = c.testo("dove") else { return Ok(DoveNasce::File) };
    let mut mancano = Vec::new();
    let mut va = |n: &str| {
        if c.testo(n).is_none() {
            mancano.extend(errore(n, "va indicato, per una chiave in un dispositivo"));
        }
        c.testo(n).unwrap_or_default().to_owned()
    };
    let (token, chiave) = (va("token"), va("chiaveToken"));
    va("pin");
    let tipo: Option<TipoDiChiave> = super::forse("tipoChiave", c.testo("tipoChiave"))
        .map_err(|_| errore("tipoChiave", "va scelto tra quelli dell'elenco"))?;
    if !mancano.is_empty() {
        return Err(mancano);
    }
    // A PIN is as it was typed, blanks too.
    let pin = c.primo("pin").unwrap_or_default().to_owned();
    Ok(DoveNasce::Pkcs11 { modulo: modulo.into(), token, chiave, pin, tipo: tipo.unwrap_or_default() })
}

/// What did not go, beside its field.
fn errori_di(e: Mancata, c: &Campi) -> Result<(StatusCode, Vec<ErroreCampo>), ErrorePagina> {
    let campo = |n: &str| if c.testo("dove").is_some() { n.to_owned() } else { String::new() };
    Ok(match e {
        Mancata::NonAmmesso(Rifiuto::NonValido(mut errori)) => {
            errori.iter_mut().for_each(|e| match e.campo.as_str() {
                "modulo" => e.campo = "dove".to_owned(),
                "chiave" => e.campo = "chiaveToken".to_owned(),
                _ => {}
            });
            (StatusCode::UNPROCESSABLE_ENTITY, errori)
        }
        Mancata::NonAmmesso(Rifiuto::Conflitto(m)) => (StatusCode::CONFLICT, errore("", &m)),
        Mancata::NonAmmesso(r) => return Err(r.into()),
        Mancata::Sigillo(ErroreSigillo::Rifiutato { perche, .. }) => {
            (StatusCode::UNPROCESSABLE_ENTITY, errore(&campo("pin"), &perche))
        }
        Mancata::Sigillo(ErroreSigillo::Configurazione(m)) => {
            (StatusCode::UNPROCESSABLE_ENTITY, errore(&campo("chiaveToken"), &m))
        }
        Mancata::Sigillo(e) => {
            let stato = match e.si_puo_riprovare() {
                true => StatusCode::SERVICE_UNAVAILABLE,
                false => StatusCode::UNPROCESSABLE_ENTITY,
            };
            (stato, errore(&campo("dove"), &e.to_string()))
        }
        e @ (Mancata::Archivio(_) | Mancata::Interrotta) => return Err(Problema::from(e).into()),
    })
}

fn vista(
    a: &Accesso,
    u: &Utente,
    quale: Quale,
    stato: StatusCode,
    errori: Vec<ErroreCampo>,
    campi: Campi,
    fatto: bool,
) -> Esito {
    u.richiede(&[Diritto::GestisceConfigurazione])?;
    // As it is now: a form may just have changed it.
    let conf = u.ente.configurazione();
    let aoo = conf.aoo.get(&u.aoo).ok_or_else(ErrorePagina::non_trovata)?;
    let dati = conf.ente.as_ref().ok_or_else(ErrorePagina::non_trovata)?;
    let in_attesa = aoo.richiesta_sigillo.as_ref().map(|(dal, r)| InAttesa {
        intestatario: r.intestatario.clone(),
        identificativo: r.identificativo.clone(),
        dal: viste::quando(*dal),
        dove: match r.fornitore {
            Fornitore::Pkcs11 => "Nel dispositivo, da cui non esce",
            _ => "In questo servizio, cifrata con la chiave dell'installazione",
        },
        chiave: r.chiave.hex(),
    });
    let (summary, m) = (sommario(&errori), Modulo { campi, errori });
    let (denominazione, codice_fiscale) = (dati.denominazione.clone(), dati.codice_fiscale.clone());
    match quale {
        Quale::Chiave => {
            let suoi = a.sigilli.ammessi().moduli.iter().filter(|d| d.ipa == *u.ente.ipa());
            let moduli = suoi.map(|d| d.modulo.display().to_string()).collect::<BTreeSet<_>>().into_iter().collect();
            let g = guscio(u, "sigillo", "Chiedi il certificato del sigillo")?;
            let massimo = viste::peso(CERTIFICATO_MAX as u64);
            let v =
                Richiesta { g, m, sommario: summary, fatto, denominazione, codice_fiscale, in_attesa, moduli, massimo };
            con_stato(stato, &v)
        }
        Quale::Prestatore => {
            let g = guscio(u, "sigillo", "Modulo per il prestatore")?;
            let pec = dati.pec.clone();
            let v = ModuloPrestatore { g, m, sommario: summary, denominazione, codice_fiscale, pec, in_attesa };
            con_stato(stato, &v)
        }
    }
}
