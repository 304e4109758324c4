//! `lacuna`: what an epoch declared lost, number by number, and what receipts prove of it (R-N05).

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use catena::ricevuta::RICEVUTA_BYTE_MAX;
use clap::Args;
use dominio::codici::{CodiceAoo, CodiceIpa};
use dominio::epoca::{Epoca, Posto, StatoNumero, Tratto};
use serde_json::{Value, json};
use servizio::lacune::{Esame, Giudizio, RICEVUTE_MAX, dividi};

use crate::configurazione::{Posto as Dove, apri, runtime};
use crate::copie::operatore;

/// Options of `lacuna`.
#[derive(Debug, Args)]
pub struct Opzioni {
    #[command(flatten)]
    posto: Dove,
    /// L'ente.
    #[arg(long)]
    ente: CodiceIpa,
    /// L'AOO.
    #[arg(long)]
    aoo: CodiceAoo,
    /// Ricevute (JSON) dell'intervallo perduto: un file, con una o un elenco, o una cartella. Ripetibile.
    #[arg(long, value_name = "FILE|CARTELLA")]
    ricevute: Vec<PathBuf>,
    /// Un numero che si afferma dato, e da che cosa risulta (un'etichetta, un registro di carta). Ripetibile.
    #[arg(long, value_name = "REGISTRO/ANNO/N=FONTE", value_parser = affermato)]
    affermato: Vec<(Posto, String)>,
    /// Chi scrive nel registro ciò che si è trovato: un utente dell'ente, o nome e cognome.
    #[arg(long)]
    operatore: Option<String>,
    /// Un solo valore JSON sullo standard output.
    #[arg(long)]
    json: bool,
}

fn affermato(t: &str) -> Result<(Posto, String), String> {
    let male = || format!("«{t}» non è REGISTRO/ANNO/N=FONTE");
    let (posto, fonte) = t.split_once('=').filter(|(_, f)| !f.trim().is_empty()).ok_or_else(male)?;
    match posto.split('/').collect::<Vec<_>>()[..] {
        [r, a, n] => Ok((
            (r.parse().map_err(|_| male())?, a.parse().map_err(|_| male())?, n.parse().map_err(|_| male())?),
            fonte.trim().to_owned(),
        )),
        _ => Err(male()),
    }
}

/// Shows, and writes what is new. 1 when something does not hold, or cannot be.
pub fn esegui(o: &Opzioni) -> Result<u8> {
    let dove = o.posto.dove()?;
    let da_leggere = file(&o.ricevute)?;
    if !dove.chiave().exists() {
        bail!("in {} non c'è la chiave dell'installazione", dove.cartella.display());
    }
    let scrive = !(da_leggere.is_empty() && o.affermato.is_empty());
    if scrive && o.operatore.is_none() {
        bail!("ciò che si trova va scritto nel registro: indicare chi lo scrive con --operatore");
    }
    if let Some(motivo) = o.posto.sola_lettura(&dove)?.filter(|_| scrive) {
        eprintln!("Niente è stato scritto: l'installazione è in sola lettura ({motivo}).");
        return Ok(1);
    }
    runtime()?.block_on(async {
        let store = apri(&dove).await?;
        let ente = store.ente(&o.ente).await?.with_context(|| format!("l'ente {} non è in questo archivio", o.ente))?;
        if !ente.configurazione().aoo.contains_key(&o.aoo) {
            bail!("l'AOO {} non esiste", o.aoo);
        }
        let esame = Esame::di(&*ente, &o.aoo).await?;
        let mut giudizi: Vec<(String, Giudizio)> = Vec::new();
        for f in &da_leggere {
            let nome = f.display().to_string();
            match dividi(&leggi(f)?) {
                Err(e) => giudizi.push((nome, Giudizio::Falsa(e))),
                Ok(ricevute) => {
                    for r in ricevute {
                        giudizi.push((nome.clone(), esame.giudica(&r).await?));
                    }
                }
            }
        }
        for (posto, fonte) in &o.affermato {
            let nome = format!("{}/{}/{}", posto.0, posto.1, posto.2);
            giudizi.push((nome, esame.affermato(posto.clone(), fonte)));
        }
        let (comandi, contrasti) = esame.da_scrivere(giudizi.iter().map(|g| g.1.clone()));
        let scritti = match &o.operatore {
            Some(chi) => esame.scrivi(&operatore(&*ente, Some(&o.aoo), chi), comandi).await?,
            None => 0,
        };
        let conf = ente.configurazione();
        let epoche = conf.epoche(Some(&o.aoo));
        if o.json {
            let giudizi: Vec<Value> = giudizi
                .iter()
                .map(|(f, g)| json!({"da": f, "esito": g.parola(), "dettaglio": g.dettaglio()}))
                .collect();
            let epoche: Vec<Value> = epoche.iter().map(in_json).collect();
            println!("{}", json!({"epoche": epoche, "esami": giudizi, "contrasti": contrasti, "scritti": scritti}));
        } else {
            for (f, g) in &giudizi {
                println!("{f}: {}: {}", g.parola(), g.dettaglio());
            }
            epoche.iter().for_each(stampa);
            println!("scritti={scritti}");
        }
        for c in &contrasti {
            eprintln!("Attenzione: {c}");
        }
        let male = giudizi.iter().any(|(_, g)| matches!(g, Giudizio::Falsa(_) | Giudizio::Allarme(_)));
        Ok(u8::from(male || !contrasti.is_empty()))
    })
}

/// The files that are meant.
fn file(dove: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    for p in dove {
        if !p.is_dir() {
            out.push(p.clone());
            continue;
        }
        let voci = std::fs::read_dir(p).with_context(|| format!("non si legge {}", p.display()))?;
        let mut suoi = voci.map(|v| Ok(v?.path())).collect::<std::io::Result<Vec<_>>>()?;
        suoi.retain(|f| f.is_file() && f.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")));
        suoi.sort();
        out.append(&mut suoi);
    }
    if out.len() > RICEVUTE_MAX {
        bail!("le ricevute sono più di {RICEVUTE_MAX}: vanno divise");
    }
    Ok(out)
}

fn leggi(f: &Path) -> Result<Vec<u8>> {
    let mut byte = Vec::new();
    let aperto = std::fs::File::open(f).with_context(|| format!("non si legge {}", f.display()))?;
    aperto.take(RICEVUTA_BYTE_MAX as u64 + 1).read_to_end(&mut byte)?;
    Ok(byte)
}

/// What is known of a stretch, in a word.
fn parola(t: &Tratto<'_>) -> &'static str {
    match t.stato {
        StatoNumero::Provato(_) => "provato",
        StatoNumero::Dato => "dato",
        StatoNumero::Affermato(_) => "affermato",
        StatoNumero::Ignoto => "ignoto",
    }
}

fn in_json(e: &Epoca) -> Value {
    let tratti: Vec<Value> = e
        .numero_per_numero()
        .iter()
        .map(|t| {
            let mut v = json!({"registro": t.registro, "anno": t.anno, "da": t.da, "a": t.a, "stato": parola(t)});
            match t.stato {
                StatoNumero::Provato(p) => {
                    let campi = serde_json::from_str(&p.campi).unwrap_or(Value::Null);
                    v["prova"] = json!({"ricevuta": p.ricevuta, "indice": p.indice, "operazione": p.che,
                        "istante": p.quando.map(|q| q.con_offset()), "campi": campi});
                }
                StatoNumero::Affermato(f) => v["fonte"] = json!(f),
                StatoNumero::Dato | StatoNumero::Ignoto => {}
            }
            v
        })
        .collect();
    json!({"epoca": e.lacuna.epoca, "motivo": e.lacuna.motivo, "indice": e.indice, "tratti": tratti})
}

fn stampa(e: &Epoca) {
    println!("epoca={} motivo={}", e.lacuna.epoca, e.lacuna.motivo);
    for t in e.numero_per_numero() {
        let numeri = if t.da == t.a { t.da.to_string() } else { format!("{}-{}", t.da, t.a) };
        let resto = match t.stato {
            StatoNumero::Provato(p) => {
                format!(" {} {}", p.quando.map(|q| q.con_offset()).unwrap_or_default(), p.campi)
            }
            StatoNumero::Affermato(f) => format!(" {f}"),
            StatoNumero::Dato | StatoNumero::Ignoto => String::new(),
        };
        println!("{}/{}/{numeri}: {}{resto}", t.registro, t.anno, parola(&t));
    }
}
