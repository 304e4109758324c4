//! The seal of the segnatura (R-A13, R-A14, R-C10, R-C11): how it stands, setting it once it has been tried, removing it, and the
//! deferral of the RGD. What is secret comes in and is never shown again.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dominio::comandi::ComandoConfigurazione as C;
use dominio::errori::{ErroreCampo, Rifiuto};
use dominio::permessi::Diritto;
use dominio::sigillo::{DatiSigillo, Fornitore};
use dominio::tempo::Istante;
use sigillo::Errore as ErroreSigillo;

use super::{Esecuzione, configura, errore, torna};
use crate::accesso::utente::Campi;
use crate::accesso::{Accesso, Domanda, Invio, Utente};
use crate::pagine::errore::ErrorePagina;
use crate::pagine::guscio::{LEGGE, guscio};
use crate::pagine::in_memoria::{self, Scelto};
use crate::pagine::viste::sigillo::{InUso, Modo, Sigillo};
use crate::pagine::viste::{self, Modulo};
use crate::pagine::{Esito, con_stato, ora, sommario};
use crate::problema::Problema;
use crate::sigilli::fornitore::{PKCS12_MAX, Segreto};
use crate::sigilli::{Mancata, PREAVVISI_GIORNI, giorni};
use crate::sola_lettura::{Guardata, ancora_scrivibile};

/// Fields that no page shows again.
const SEGRETI: [&str; 4] = ["password", "pin", "pinFornitore", "clientSecret"];
/// Hour proposed for the end of a deferral.
const ORA_PROPOSTA: &str = "12:00";

/// `GET …/sigillo`, with `?fatto=` after a form.
pub async fn mostra(State(a): State<Arc<Accesso>>, u: Utente, Domanda(q): Domanda) -> Esito {
    let fatto = match q.testo("fatto") {
        Some("impostato") => Some("Il sigillo è stato provato ed è impostato."),
        Some("tolto") => Some("Il sigillo è stato tolto."),
        Some("differito") => Some("I sigilli sono differiti: intanto le uscite si registrano."),
        _ => None,
    };
    vista(&a, &u, Stato { fatto, ..Stato::default() }).await
}

/// `POST …/sigillo/file`, multipart: `pkcs12`, `password`, `entrate`. The file stays in memory, and goes nowhere but into the secret.
pub async fn da_file(State(a): State<Arc<Accesso>>, r: Request) -> Esito {
    let letto = match in_memoria::leggi(&a, r, "pkcs12", PKCS12_MAX).await {
        Ok(l) => l,
        Err(risposta) => return Ok(risposta),
    };
    let u = &letto.invio.utente;
    u.richiede(&[Diritto::GestisceConfigurazione])?;
    let c = &letto.invio.campi;
    // A password may begin or end with blanks.
    let password = c.primo("password").unwrap_or_default().to_owned();
    let segreto = match &letto.file {
        Scelto::Nessuno => Err(errore("pkcs12", "va scelto il file del sigillo (.p12 o .pfx)")),
        Scelto::TroppoGrande => {
            let m = format!("supera {}: non può essere il file di un sigillo", viste::peso(PKCS12_MAX as u64));
            Err(errore("pkcs12", &m))
        }
        Scelto::Byte(b) => Ok(Segreto::File { pkcs12: BASE64.encode(b), password }),
    };
    let provato = prova(&a, u, segreto, c.spuntato("entrate")).await?;
    ancora_scrivibile(letto.guardata.as_ref()).await?;
    imposta(&a, u, c, Modo::File, provato).await
}

/// `POST …/sigillo/dispositivo`: `modulo`, `token`, `chiaveToken`, `pin`, `entrate`.
pub async fn da_dispositivo(State(a): State<Arc<Accesso>>, guardata: Option<Extension<Guardata>>, i: Invio) -> Esito {
    let (u, c) = (&i.utente, &i.campi);
    u.richiede(&[Diritto::GestisceConfigurazione])?;
    let mut mancano = Mancano::default();
    let (modulo, token) = (mancano.testo(c, "modulo"), mancano.testo(c, "token"));
    let pin = mancano.segreto(c, "pin");
    let chiave = c.testo("chiaveToken").map(str::to_owned);
    let segreto =
        mancano.oppure(Segreto::Pkcs11 { modulo: modulo.into(), token, chiave, pin, certificati: Vec::new() });
    let provato = prova(&a, u, segreto, c.spuntato("entrate")).await?;
    ancora_scrivibile(guardata.as_deref()).await?;
    imposta(&a, u, c, Modo::Dispositivo, provato).await
}

/// `POST …/sigillo/fornitore`: `url`, `urlToken`, `versione1`, `clientId`, `clientSecret`, `credenziale`, `pinFornitore`, `entrate`.
pub async fn da_fornitore(State(a): State<Arc<Accesso>>, guardata: Option<Extension<Guardata>>, i: Invio) -> Esito {
    let (u, c) = (&i.utente, &i.campi);
    u.richiede(&[Diritto::GestisceConfigurazione])?;
    let forse = |n: &str| c.testo(n).map(str::to_owned);
    let mut mancano = Mancano::default();
    let (url, client_id) = (mancano.testo(c, "url"), mancano.testo(c, "clientId"));
    let client_secret = mancano.segreto(c, "clientSecret");
    let segreto = mancano.oppure(Segreto::Csc {
        url,
        url_token: forse("urlToken"),
        versione_1: c.spuntato("versione1"),
        client_id,
        client_secret,
        credenziale: forse("credenziale"),
        pin: c.primo("pinFornitore").filter(|p| !p.is_empty()).map(str::to_owned),
    });
    let provato = prova(&a, u, segreto, c.spuntato("entrate")).await?;
    ancora_scrivibile(guardata.as_deref()).await?;
    imposta(&a, u, c, Modo::Fornitore, provato).await
}

/// `POST …/sigillo/rimozione`: `motivoRimozione`.
pub async fn togli(State(a): State<Arc<Accesso>>, i: Invio) -> Esito {
    let (u, c) = (&i.utente, &i.campi);
    let motivo = c.testo("motivoRimozione").unwrap_or_default().to_owned();
    match configura(u, Ok(C::TogliSigillo { motivo }), None).await? {
        Esecuzione::Fatta => {
            // Its key is not kept open.
            a.sigilli.cambiato(u.ente.ipa(), &u.aoo);
            Ok(torna(u, "sigillo?fatto=tolto"))
        }
        Esecuzione::Rifiutata(stato, mut errori) => {
            errori.iter_mut().filter(|e| e.campo == "motivo").for_each(|e| e.campo = "motivoRimozione".to_owned());
            rifiutata(&a, u, c, Modo::Rimozione, stato, errori).await
        }
    }
}

/// `POST …/sigillo/differimento`: `fino.data`, `fino.ora`, `motivo` (R-A14).
pub async fn differisci(State(a): State<Arc<Accesso>>, i: Invio) -> Esito {
    let (u, c) = (&i.utente, &i.campi);
    let comando =
        fino(c).map(|fino| C::DifferisciSigillo { fino, motivo: c.testo("motivo").unwrap_or_default().to_owned() });
    match configura(u, comando, None).await? {
        Esecuzione::Fatta => Ok(torna(u, "sigillo?fatto=differito")),
        Esecuzione::Rifiutata(stato, mut errori) => {
            errori.iter_mut().filter(|e| e.campo == "fino").for_each(|e| e.campo = "fino.data".to_owned());
            rifiutata(&a, u, c, Modo::Differimento, stato, errori).await
        }
    }
}

fn fino(c: &Campi) -> Result<Istante, Vec<ErroreCampo>> {
    let (data, alle) = (c.testo("fino.data").unwrap_or_default(), c.testo("fino.ora").unwrap_or_default());
    ora::giorno(data).map_err(|m| errore("fino.data", m))?;
    ora::istante(data, alle).map_err(|m| errore("fino.ora", m))
}

/// Fields that must be there.
#[derive(Default)]
struct Mancano(Vec<ErroreCampo>);

impl Mancano {
    fn testo(&mut self, c: &Campi, nome: &str) -> String {
        if c.testo(nome).is_none() {
            self.0.extend(errore(nome, "va indicato"));
        }
        c.testo(nome).unwrap_or_default().to_owned()
    }

    /// As it was typed, blanks too.
    fn segreto(&mut self, c: &Campi, nome: &str) -> String {
        self.testo(c, nome);
        c.primo(nome).unwrap_or_default().to_owned()
    }

    fn oppure<T>(self, intero: T) -> Result<T, Vec<ErroreCampo>> {
        if self.0.is_empty() { Ok(intero) } else { Err(self.0) }
    }
}

/// A seal that sealed a sample, or what is wrong with it.
type Provato = Result<(DatiSigillo, archivio::store::Segreto), (StatusCode, Vec<ErroreCampo>)>;

/// Nothing is set that does not seal (R-C11).
async fn prova(
    a: &Accesso,
    u: &Utente,
    segreto: Result<Segreto, Vec<ErroreCampo>>,
    entrate: bool,
) -> Result<Provato, ErrorePagina> {
    let segreto = match segreto {
        Ok(s) => s,
        Err(errori) => return Ok(Err((StatusCode::UNPROCESSABLE_ENTITY, errori))),
    };
    let fornitore = segreto.fornitore();
    match a.sigilli.tenta(&*u.ente, segreto, entrate).await {
        Ok(x) => Ok(Ok(x)),
        Err(Mancata::NonAmmesso(Rifiuto::NonValido(errori))) => Ok(Err((StatusCode::UNPROCESSABLE_ENTITY, errori))),
        Err(Mancata::NonAmmesso(r)) => Err(r.into()),
        Err(Mancata::Sigillo(e)) => {
            let stato = match e.si_puo_riprovare() {
                true => StatusCode::SERVICE_UNAVAILABLE,
                false => StatusCode::UNPROCESSABLE_ENTITY,
            };
            Ok(Err((stato, colpevole(fornitore, &e))))
        }
        Err(e @ (Mancata::Archivio(_) | Mancata::Interrotta)) => Err(Problema::from(e).into()),
    }
}

/// The field that an outcome speaks of, and its words.
fn colpevole(f: Fornitore, e: &ErroreSigillo) -> Vec<ErroreCampo> {
    use ErroreSigillo as E;
    let campo = match (f, e) {
        (Fornitore::File, E::Rifiutato { .. }) => "password",
        (Fornitore::File, _) => "pkcs12",
        (Fornitore::Pkcs11, E::Rifiutato { .. }) => "pin",
        (Fornitore::Pkcs11, E::Configurazione(_)) => "token",
        (Fornitore::Pkcs11, _) => "modulo",
        (Fornitore::Csc, E::Rifiutato { .. }) => "clientId",
        (Fornitore::Csc, E::Configurazione(_)) => "credenziale",
        (Fornitore::Csc, _) => "url",
    };
    let parole = match e {
        E::NonDisponibile { perche, .. } => format!("non risponde: {perche}; si può riprovare tra poco"),
        E::Rifiutato { perche, .. } => perche.clone(),
        E::RispostaSbagliata { perche, .. } => format!("la prova non è riuscita: {perche}"),
        // What an ASN.1 reader found there helps nobody who chose another file.
        E::Configurazione(perche) if perche.starts_with("file PKCS#12 illeggibile") => {
            "non è un file PKCS#12, oppure è rovinato: serve quello consegnato da chi emette il sigillo".to_owned()
        }
        E::Configurazione(perche) => perche.clone(),
    };
    errore(campo, &parole)
}

async fn imposta(a: &Accesso, u: &Utente, c: &Campi, modo: Modo, provato: Provato) -> Esito {
    let (sigillo, segreto) = match provato {
        Ok(x) => x,
        Err((stato, errori)) => return rifiutata(a, u, c, modo, stato, errori).await,
    };
    match configura(u, Ok(C::ImpostaSigillo { sigillo }), Some(segreto)).await? {
        Esecuzione::Fatta => {
            a.sigilli.cambiato(u.ente.ipa(), &u.aoo);
            Ok(torna(u, "sigillo?fatto=impostato"))
        }
        Esecuzione::Rifiutata(stato, mut errori) => {
            // What is wrong with the certificate is wrong with what it came in.
            let campo = match modo {
                Modo::Dispositivo => "token",
                Modo::Fornitore => "credenziale",
                _ => "pkcs12",
            };
            errori.iter_mut().filter(|e| !e.campo.is_empty()).for_each(|e| e.campo = campo.to_owned());
            rifiutata(a, u, c, modo, stato, errori).await
        }
    }
}

async fn rifiutata(
    a: &Accesso,
    u: &Utente,
    c: &Campi,
    modo: Modo,
    stato: StatusCode,
    errori: Vec<ErroreCampo>,
) -> Esito {
    let campi = Campi(c.0.iter().filter(|(n, _)| !SEGRETI.contains(&n.as_str())).cloned().collect());
    vista(a, u, Stato { stato, errori, campi, aperto: Some(modo), fatto: None }).await
}

/// How the page is shown.
struct Stato {
    stato: StatusCode,
    errori: Vec<ErroreCampo>,
    campi: Campi,
    aperto: Option<Modo>,
    fatto: Option<&'static str>,
}

impl Default for Stato {
    fn default() -> Self {
        Self { stato: StatusCode::OK, errori: Vec::new(), campi: Campi::default(), aperto: None, fatto: None }
    }
}

async fn vista(a: &Accesso, u: &Utente, s: Stato) -> Esito {
    u.richiede(&[Diritto::Differisce, Diritto::GestisceConfigurazione])?;
    let (ipa, adesso) = (u.ente.ipa(), u.ente.ora());
    // As it is now: a form may just have changed it.
    let conf = u.ente.configurazione();
    let aoo = conf.aoo.get(&u.aoo).ok_or_else(ErrorePagina::non_trovata)?;
    let dati = aoo.sigillo.as_ref();
    let (quante, dal) = u.ente.quante_da_sigillare(&u.aoo).await?;
    let legge = LEGGE.iter().any(|d| u.ha(*d));
    let ammessi = a.sigilli.ammessi();
    let v = Sigillo {
        g: guscio(u, "sigillo", "Sigillo")?,
        sommario: sommario(&s.errori),
        m: Modulo { campi: s.campi, errori: s.errori },
        fatto: s.fatto,
        in_uso: dati.map(|d| in_uso(d, adesso)),
        avviso: dati.and_then(|d| avviso(giorni(d.scadenza, adesso))),
        impedimento: dati.and_then(|_| a.sigilli.giu(ipa, &u.aoo)),
        differito: aoo.sigilli_differiti(adesso).map(viste::quando),
        attesa: (quante > 0).then(|| attesa(quante, dal)),
        non_scrivibili: a
            .sigilli
            .non_scrivibili(ipa, &u.aoo)
            .into_iter()
            .map(|(k, perche)| {
                let href = if legge { format!("{}/registrazioni/{k}", u.base()) } else { String::new() };
                (href, format!("{} {}/{}", k.numero.esteso(), k.registro, k.anno), perche)
            })
            .collect(),
        moduli: {
            let suoi = ammessi.moduli.iter().filter(|d| d.ipa == *ipa);
            suoi.map(|d| d.modulo.display().to_string()).collect::<BTreeSet<_>>().into_iter().collect()
        },
        indirizzi: ammessi.indirizzi.clone(),
        richiesta: aoo.richiesta_sigillo.as_ref().map(|(dal, _)| viste::quando(*dal)),
        massimo: viste::peso(PKCS12_MAX as u64),
        proposta: (domani(adesso), ORA_PROPOSTA),
        aperto: s.aperto,
        configura: u.ha(Diritto::GestisceConfigurazione),
        differisce: u.ha(Diritto::Differisce),
    };
    con_stato(s.stato, &v)
}

fn domani(ora: Istante) -> String {
    let oggi = ora.giorno();
    oggi.tomorrow().unwrap_or(oggi).to_string()
}

fn in_uso(d: &DatiSigillo, adesso: Istante) -> InUso {
    let impronta = d.certificato.hex();
    InUso {
        intestatario: d.intestatario.clone(),
        emittente: d.emittente.clone(),
        scadenza: viste::quando(d.scadenza),
        scadenza_istante: viste::per_macchine(d.scadenza),
        manca: manca(giorni(d.scadenza, adesso)),
        qualificato: d.qualificato,
        fornitore: match d.fornitore {
            Fornitore::File => "File PKCS#12, conservato cifrato da questo servizio",
            Fornitore::Pkcs11 => "Dispositivo collegato al servizio (PKCS#11)",
            Fornitore::Csc => "Fornitore di sigillo remoto (CSC)",
        },
        riguarda: if d.entrate { "Le uscite e le entrate" } else { "Solo le uscite" },
        impronta_breve: format!("{}…", &impronta[..12]),
        impronta,
    }
}

fn manca(giorni: i64) -> String {
    match giorni {
        ..0 => "è scaduto".to_owned(),
        0 => "scade oggi o entro 24 ore".to_owned(),
        1 => "tra 1 giorno".to_owned(),
        g => format!("tra {g} giorni"),
    }
}

/// What is said of a certificate that ends soon: more firmly as the day comes (60, 30, 7 days).
fn avviso(giorni: i64) -> Option<(bool, String)> {
    let [presto, tra_poco, subito] = PREAVVISI_GIORNI;
    let quando = manca(giorni);
    match giorni {
        ..0 => Some((true, "Il certificato del sigillo è scaduto: va sostituito ora.".to_owned())),
        g if g < subito => {
            Some((true, format!("Il certificato del sigillo scade {}: va sostituito subito.", scade(&quando))))
        }
        g if g < tra_poco => Some((
            false,
            format!("Il certificato del sigillo scade {quando}: il nuovo va chiesto ora, per averlo in tempo."),
        )),
        g if g < presto => {
            Some((false, format!("Il certificato del sigillo scade {quando}: è tempo di chiedere il nuovo.")))
        }
        _ => None,
    }
}

fn scade(quando: &str) -> &str {
    quando.strip_prefix("scade ").unwrap_or(quando)
}

fn attesa(quante: u64, dal: Option<Istante>) -> String {
    let da = dal.map(|t| format!(" da {}", viste::quando(t))).unwrap_or_default();
    match quante {
        1 => format!("1 registrazione aspetta il sigillo{da}"),
        n => format!("{n} registrazioni aspettano il sigillo, la prima{da}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_said_more_firmly_as_it_comes() {
        // R-C11
        assert_eq!(avviso(60), None);
        for (g, urgente, parole) in [
            (59, false, "tra 59 giorni: è tempo"),
            (30, false, "tra 30 giorni: è tempo"),
            (29, false, "tra 29 giorni: il nuovo"),
            (7, false, "tra 7 giorni: il nuovo"),
            (6, true, "tra 6 giorni: va sostituito subito"),
            (1, true, "scade tra 1 giorno: va"),
            (0, true, "scade oggi o entro 24 ore: va"),
            (-1, true, "scaduto: va sostituito ora"),
        ] {
            let (u, p) = avviso(g).unwrap();
            assert!(u == urgente && p.contains(parole), "{g}: {u} {p}");
        }
    }

    #[test]
    fn each_outcome_stands_beside_the_field_it_speaks_of() {
        let (dove, perche) = ("x".to_owned(), "perché".to_owned());
        let no = ErroreSigillo::Rifiutato { dove: dove.clone(), perche: perche.clone() };
        let via = ErroreSigillo::NonDisponibile { dove, perche };
        for (f, e, campo) in [
            (Fornitore::File, &no, "password"),
            (Fornitore::Pkcs11, &no, "pin"),
            (Fornitore::Csc, &no, "clientId"),
            (Fornitore::File, &via, "pkcs12"),
            (Fornitore::Pkcs11, &via, "modulo"),
            (Fornitore::Csc, &via, "url"),
        ] {
            let errori = colpevole(f, e);
            assert_eq!((errori.len(), errori[0].campo.as_str()), (1, campo));
            assert!(errori[0].messaggio.contains("perché") && !errori[0].messaggio.contains("(x)"));
        }
    }
}
