//! Profile `nucleo`: commands without files, in process.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use archivio::postgres::soglia::Soglia as SogliaPg;
use archivio::sqlite::soglia::Soglia;
use archivio::store::{DaRegistrare, NuovaAoo, NuovoEnte};
use archivio::{EnteStore, Store, sistema};
use dominio::codici::{CodiceAoo, CodiceRegistro};
use dominio::comandi::ComandoConfigurazione as C;
use dominio::configurazione::{DatiEnte, DatiRegistro};
use dominio::errori::Rigore;
use dominio::nuova::NuovaRegistrazione;
use dominio::permessi::Operatore;
use serde_json::{Value, json};

use super::misura::{Turno, mediana, memoria_mb, tondo, turno};
use super::sigilli::{Sigillante, Sigillati};
use super::{Motore, Opzioni};
use crate::parole;

/// Requests made beforehand.
pub const MODELLI: u64 = 8_192;

/// An ente with its AOO, ready for load.
pub async fn prepara(store: &dyn Store, aoo: usize) -> Result<(Arc<dyn EnteStore>, Vec<CodiceAoo>)> {
    prepara_ente(store, "c_z998", aoo).await
}

/// The same, under this code.
pub async fn prepara_ente(store: &dyn Store, ipa: &str, aoo: usize) -> Result<(Arc<dyn EnteStore>, Vec<CodiceAoo>)> {
    let ente = store
        .crea_ente(NuovoEnte {
            dati: DatiEnte {
                ipa: ipa.parse()?,
                denominazione: "Ente di carico".to_owned(),
                codice_fiscale: None,
                pec: None,
            },
            chi: sistema(),
        })
        .await?;
    let mut codici = Vec::new();
    for i in 1..=aoo {
        let codice: CodiceAoo = format!("AOO{i}").parse()?;
        ente.crea_aoo(
            &sistema(),
            NuovaAoo {
                codice: codice.clone(),
                denominazione: format!("AOO {i}"),
                origine: format!("carico.example/{ipa}/AOO{i}"),
                ufficio_smistamento: ("PROT".parse()?, Some("Protocollo".to_owned())),
                consente_da_classificare: true,
                voce_da_classificare: "0".parse()?,
                dal: "2020-01-01".parse()?,
                pec: None,
                registri: vec![DatiRegistro {
                    codice: CodiceRegistro::generale(),
                    denominazione: "Protocollo generale".to_owned(),
                    ultimo_precedente: None,
                }],
            },
        )
        .await?;
        let comandi = [
            C::CreaUfficio { codice: "SEGR".parse()?, denominazione: "Segreteria".to_owned(), padre: None },
            C::ApriVoce {
                codice: "1.6".parse()?,
                denominazione: "Archivio".to_owned(),
                dal: Some("2020-01-01".parse()?),
                al: None,
            },
        ];
        for c in comandi {
            ente.configura(&codice, &sistema(), c, None, None).await?;
        }
        codici.push(codice);
    }
    Ok((ente, codici))
}

/// The operator of the load: the system under another name, so that it is seen in the log.
pub fn operatore() -> Result<Operatore> {
    Ok(Operatore { id: "carico".parse()?, nome: "Generatore di carico".to_owned(), ..sistema() })
}

/// The n-th registration: an entrata of a person, with words that vary.
pub fn registrazione(n: u64) -> Result<NuovaRegistrazione> {
    let (nome, cognome) = parole::persona(n);
    Ok(serde_json::from_value(json!({
        "tipo": "entrata", "oggetto": parole::oggetto(n), "mezzo": "cartaceo",
        "mittente": {"tipo": "persona-fisica", "nome": nome, "cognome": cognome},
        "classificazione": "1.6", "assegnazioni": [{"ufficio": "SEGR", "tipo": "competenza"}],
    }))?)
}

/// What a client of the load does again and again: one registration, its words made beforehand, since the making of
/// requests is not what is measured.
pub fn clienti_che_registrano(
    ente: &Arc<dyn EnteStore>,
    aoo: Vec<CodiceAoo>,
) -> Result<impl Fn(usize, u64) -> BoxFuture + Clone + Send + Sync + 'static> {
    let modelli = Arc::new((0..MODELLI).map(registrazione).collect::<Result<Vec<_>>>()?);
    let (ente, aoo, chi) = (Arc::clone(ente), Arc::new(aoo), Arc::new(operatore()?));
    Ok(move |c: usize, i: u64| -> BoxFuture {
        let (ente, aoo, chi) = (Arc::clone(&ente), Arc::clone(&aoo), Arc::clone(&chi));
        let dati = modelli[(c * 7_919 + i as usize) % modelli.len()].clone();
        Box::pin(async move {
            let n = DaRegistrare {
                chi: (*chi).clone(),
                registro: CodiceRegistro::generale(),
                rigore: Rigore::Operatore,
                dati,
                file: Vec::new(),
                idempotenza: None,
                controllo: None,
            };
            ente.registra(&aoo[c % aoo.len()], n).await.map(drop).map_err(anyhow::Error::from)
        })
    })
}

/// A registration under way.
pub type BoxFuture = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// Interleaved turns of the register and of the ceiling.
pub async fn misura(cartella: &Path, o: &Opzioni) -> Result<Value> {
    let clienti = o.clienti.unwrap_or(64);
    let durata = Duration::from_secs_f64(o.secondi);
    let store = super::apri(cartella, o).await?;
    let (ente, aoo) = prepara(&*store, o.aoo).await?;
    let sigillante = match o.sigillo {
        true => Some(Sigillante::avvia(&ente, &aoo).await?),
        false => None,
    };
    let registra: Arc<dyn Fn(usize, u64) -> BoxFuture + Send + Sync> = match &sigillante {
        Some(s) => Arc::new(s.clienti()?),
        None => Arc::new(clienti_che_registrano(&ente, aoo)?),
    };
    let registra = move |c: usize, i: u64| registra(c, i);
    let mut sigillati = Sigillati::default();
    // The ceiling inserts operations as long as ours.
    registra(0, 0).await?;
    let log = archivio::store::Registro::Aoo("AOO1".parse()?);
    let campione = ente.scan_from(&log, 0, 100).await?;
    let byte = campione.last().map_or(900, |x| serde_json::to_string(&x.campi).map_or(900, |t| t.len()));
    let nuda: Arc<dyn Fn() -> BoxFuture + Send + Sync> = match &o.database {
        Some(url) if o.motore == Motore::Postgres => {
            let soglia = Arc::new(SogliaPg::avvia(url, byte)?);
            Arc::new(move || {
                let s = Arc::clone(&soglia);
                Box::pin(async move { s.registra().await.map_err(anyhow::Error::from) })
            })
        }
        _ => {
            let soglia = Arc::new(Soglia::avvia(&cartella.join("soglia"), byte, 0)?);
            Arc::new(move || {
                let s = Arc::clone(&soglia);
                Box::pin(async move { s.registra().await.map_err(anyhow::Error::from) })
            })
        }
    };
    let nuda = move |_: usize, _: u64| nuda();
    let (mut nostre, mut nude): (Vec<Turno>, Vec<Turno>) = (Vec::new(), Vec::new());
    for _ in 0..o.giri.max(1) {
        nude.push(turno(clienti, durata, nuda.clone()).await?);
        let nostro = turno(clienti, durata, registra.clone()).await?;
        // The ceiling has the machine for itself.
        if let Some(s) = &sigillante {
            let (attese, quanto) = s.svuota().await?;
            sigillati.turno(&nostro, attese, quanto);
        }
        nostre.push(nostro);
    }
    drop(registra);
    let v = ente.verifica(&|_| {}).await?;
    if !v.differenze.is_empty() {
        return Err(anyhow!("la verifica dopo il carico trova differenze: {:?}", v.differenze.first()));
    }
    let nostra = mediana(nostre.iter().map(Turno::al_secondo).collect());
    let soglia = mediana(nude.iter().map(Turno::al_secondo).collect());
    let m = |f: &dyn Fn(&Turno) -> f64, t: &[Turno]| tondo(mediana(t.iter().map(f).collect()));
    let mut misure = json!({
        "profilo": "nucleo", "motore": match o.motore { Motore::Sqlite => "sqlite", Motore::Postgres => "postgres" }, "clienti": clienti, "aoo": o.aoo,
        "registrazioni_al_secondo": nostra.round(),
        "soglia_al_secondo": soglia.round(),
        "rapporto": tondo(nostra / soglia),
        "p50_ms": m(&|t| t.percentile(0.50), &nostre),
        "p99_ms": m(&|t| t.percentile(0.99), &nostre),
        "soglia_p50_ms": m(&|t| t.percentile(0.50), &nude),
        "soglia_p99_ms": m(&|t| t.percentile(0.99), &nude),
        "cpu_us_per_registrazione": m(&|t| t.cpu_s * 1e6 / t.fatti.max(1) as f64, &nostre),
        "soglia_cpu_us": m(&|t| t.cpu_s * 1e6 / t.fatti.max(1) as f64, &nude),
        "registrazioni": v.registrazioni, "verificate": v.operazioni, "memoria_mb": memoria_mb().round(),
    });
    if o.sigillo {
        sigillati.in_json(&mut misure);
    }
    Ok(misure)
}
