//! The register: searching, filtering, going back in time page by page (R-L04, R-L08).

use archivio::store::Trovata;
use axum::http::StatusCode;
use dominio::codici::{CodiceRegistro, CodiceUfficio};
use dominio::configurazione::StatoAoo;
use dominio::registrazione::{Registrazione, Stato, StatoAssegnazione, Tipo};

use super::guscio::{self, LEGGE, REGISTRA};
use super::viste::registro::{Registro, Riga};
use super::viste::{self, Modulo};
use super::{Esito, con_stato, filtro, sommario};
use crate::accesso::{Domanda, Utente};
use crate::problema::Problema;

/// Filters kept out of sight until one is in use.
const ALTRI: [&str; 6] = ["numero", "anno", "soggetto", "classificazione", "ufficio", "stato"];

/// `GET …/registro`.
pub async fn mostra(u: Utente, Domanda(campi): Domanda) -> Esito {
    u.richiede(&LEGGE)?;
    let mut letto = filtro::leggi(&campi);
    let mut trovate = Vec::new();
    let mut successivo = None;
    if letto.errori.is_empty() {
        match u.ente.cerca(&u.aoo, &u.chi, &letto.registro, &letto.filtro).await.map_err(Problema::from) {
            Ok(p) => {
                let viste = p.elementi.iter().filter(|t| t.visibile).map(|t| &t.registrazione);
                crate::accessi::annota_elenco(&*u.ente, &u.aoo, &u.chi, viste).await?;
                trovate = p.elementi;
                successivo = p.successivo;
            }
            Err(p) if p.stato == StatusCode::UNPROCESSABLE_ENTITY => letto.errori = p.errori,
            Err(p) => return Err(p.into()),
        }
    }
    let aoo = u.stato()?;
    let mut g = guscio::guscio(&u, "registro", "Registro")?;
    g.ricerca = campi.testo("q").unwrap_or_default().to_owned();
    let indirizzo = |q: String| format!("{}/registro{q}", u.base());
    let scelti = filtro::CAMPI
        .iter()
        .filter(|n| **n != "registro")
        .filter_map(|n| Some((chip(&u, n, campi.testo(n)?), indirizzo(filtro::query(&campi, Some(n), None)))))
        .collect();
    let registri = registri(u.stato()?, &letto.registro);
    let stato = if letto.errori.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let scelto = campi.testo("ufficio").unwrap_or_default().to_owned();
    let uffici = aoo
        .uffici
        .values()
        .map(|x| (x.codice.to_string(), x.denominazione.clone(), x.codice.as_str() == scelto))
        .collect();
    let vista = Registro {
        righe: trovate.iter().map(|t| riga(&u, t)).collect(),
        successivi: successivo.map(|c| indirizzo(filtro::query(&campi, None, Some(&c)))),
        oltre: campi.testo("cursore").is_some(),
        registra: REGISTRA.iter().any(|d| u.ha(*d)),
        sommario: sommario(&letto.errori),
        altri: ALTRI.iter().any(|n| campi.testo(n).is_some()),
        scelti,
        registri,
        uffici,
        m: Modulo { campi, errori: letto.errori },
        g,
    };
    con_stato(stato, &vista)
}

/// Registers to choose from: code, name, whether it is the one chosen.
pub fn registri(aoo: &StatoAoo, scelto: &CodiceRegistro) -> Vec<(String, String, bool)> {
    aoo.registri.values().map(|r| (r.codice.to_string(), r.denominazione.clone(), r.codice == *scelto)).collect()
}

/// A filter in words, to be read after "Registrazioni".
fn chip(u: &Utente, nome: &str, valore: &str) -> String {
    match nome {
        "q" => format!("con «{valore}»"),
        "tipo" => match valore {
            "interna" => "interne".to_owned(),
            altro => format!("in {altro}"),
        },
        "dal" => {
            super::ora::giorno(valore).map_or_else(|_| format!("dal {valore}"), |g| format!("dal {}", viste::giorno(g)))
        }
        "al" => {
            super::ora::giorno(valore).map_or_else(|_| format!("al {valore}"), |g| format!("al {}", viste::giorno(g)))
        }
        "anno" => format!("del {valore}"),
        "numero" => format!("numero {valore}"),
        "ufficio" => {
            format!("assegnate a {}", valore.parse().map_or_else(|_| valore.to_owned(), |c| nome_ufficio(u, &c)))
        }
        "classificazione" => format!("classificate {valore}"),
        "soggetto" => format!("di o per «{valore}»"),
        _ => valore.replace('-', " "),
    }
}

/// Name of an office; its code when it is not there.
pub fn nome_ufficio(u: &Utente, c: &CodiceUfficio) -> String {
    u.conf.aoo.get(&u.aoo).and_then(|a| a.uffici.get(c)).map_or_else(|| c.to_string(), |x| x.denominazione.clone())
}

/// A registration in one line, for who is at the page; masked when it is reserved and not for him (R-L08).
pub fn riga(u: &Utente, t: &Trovata) -> Riga {
    let r = &t.registrazione;
    let comune = Riga {
        href: format!("{}/registrazioni/{}", u.base(), r.chiave),
        numero: r.chiave.numero.esteso(),
        dove: format!("{}/{}", r.chiave.registro, r.chiave.anno),
        quando: viste::quando(r.istante),
        istante: viste::per_macchine(r.istante),
        ..Riga::default()
    };
    if !t.visibile {
        return Riga { mascherata: true, oggetto: "Riservata".to_owned(), ..comune };
    }
    let d = &r.dati;
    Riga {
        tipo: d.tipo.codice(),
        soggetto: soggetto(r),
        oggetto: d.oggetto.clone(),
        classificazione: r.classificazione.0.to_string(),
        classificazione_nome: r.classificazione.1.clone().unwrap_or_default(),
        uffici: uffici(u, r),
        stato: match r.stato {
            Stato::Valida => "",
            Stato::Annullata => "Annullata",
            Stato::AnnullataInParte => "Annullata in parte",
        },
        riservata: d.riservato,
        documenti: r.documenti.len(),
        ..comune
    }
}

fn soggetto(r: &Registrazione) -> String {
    let d = &r.dati;
    let mut nomi = match d.tipo {
        Tipo::Entrata => d.mittente.iter().chain(&d.altri_mittenti).map(|s| s.nome_completo()).collect::<Vec<_>>(),
        _ => d.destinatari.iter().map(|x| x.soggetto.nome_completo()).collect(),
    };
    let altri = nomi.len().saturating_sub(2);
    nomi.truncate(2);
    let nomi = nomi.join(", ");
    if altri > 0 { format!("{nomi} e altri {altri}") } else { nomi }
}

fn uffici(u: &Utente, r: &Registrazione) -> String {
    let mut nomi: Vec<String> = r
        .assegnazioni
        .iter()
        .filter(|a| !matches!(a.stato, StatoAssegnazione::Rifiutata))
        .map(|a| nome_ufficio(u, &a.dati.ufficio))
        .collect();
    nomi.dedup();
    nomi.join(", ")
}
