//! How much may have been given out after a copy, and what is therefore declared (R-N05).
//!
//! The rule. A log that somebody saw with `s` operations, of which the copy has `n`, lost at least `s − n`; each makes at
//! most one registration, in one register and year. So every register, in every year from that of the copy's last
//! operation to that of the restoring, jumps `s − n` numbers, and a margin more for what was registered after that
//! somebody looked. What is seen: the anchors given, the other copies of the same folder, and what earlier restorings from
//! it declared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use catena::{Checkpoint, ChiavePubblica, apri_nota};
use dominio::codici::{CodiceAoo, CodiceIpa, CodiceRegistro, Impronta};
use dominio::epoca::{Accessi as SaltoAccessi, Epoca, Noto, NuovaLacuna};
use dominio::tempo::Istante;
use rusqlite::OptionalExtension as _;
use serde::{Deserialize, Serialize};

use super::{COPIE, DiRegistro, Esito, Guasto, Luogo, Manifesto, UltimoNumero, registri};
use crate::accessi::Accessi;
use crate::depositi::origine_accessi;
use crate::sqlite::verifica::Ancora;
use crate::sqlite::{FILE_ENTE, SqliteStore, enti_in, schema};
use crate::store::{Errore, Registro};
use crate::{INSTALLAZIONE, letture, tronco};

/// Numbers jumped beyond what anchors show is missing: what was registered after the last one.
pub const MARGINE: i64 = 1_000;
/// The same, when nothing outside tells how far the register went.
pub const MARGINE_SENZA_ANCORA: i64 = 10_000;
/// Where earlier restorings are written.
const RIPRISTINI: &str = "ripristini";

/// A number that the operator knows was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumeroDato {
    /// Of which AOO; absent where there is only one.
    pub aoo: Option<(CodiceIpa, CodiceAoo)>,
    /// Register.
    pub registro: CodiceRegistro,
    /// Year.
    pub anno: i32,
    /// Number.
    pub numero: i64,
}

/// What is known of what the copy has not.
pub struct Perdita<'a> {
    /// Checkpoints kept elsewhere.
    pub ancore: &'a [Ancora],
    /// Numbers known to be given.
    pub numeri: &'a [NumeroDato],
    /// Numbers jumped beyond; absent for [`MARGINE`] or [`MARGINE_SENZA_ANCORA`].
    pub margine: Option<i64>,
    /// There is no anchor, and whoever restores knows it.
    pub senza_ancora: bool,
    /// The service was stopped before the copy, and nothing is lost.
    pub senza_perdita: bool,
    /// Why it is restored.
    pub motivo: &'a str,
    /// Now.
    pub ora: Istante,
}

/// An epoch to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaAprire {
    /// Of which ente.
    pub ipa: CodiceIpa,
    /// Of which log.
    pub registro: Registro,
    /// What is declared.
    pub nuova: NuovaLacuna,
    /// Operations known to be lost.
    pub mancanti: u64,
}

/// What is known of a log, from another copy or an earlier restoring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Saputo {
    origine: String,
    operazioni: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ultimo: Option<Noto>,
    #[serde(default)]
    numeri: Vec<UltimoNumero>,
}

fn noto(cp: &Checkpoint) -> Noto {
    Noto { origine: cp.origine.clone(), dimensione: cp.dimensione, radice: Impronta(cp.radice) }
}

/// What a signed note of ours says.
fn letto(nota: Option<&String>) -> Option<Noto> {
    let (corpo, _) = catena::nota::dividi(nota?).ok()?;
    Checkpoint::leggi(corpo).ok().as_ref().map(noto)
}

/// Other copies of the folder, and what earlier restorings from it declared. What does not read says nothing.
fn saputi(radice: &Luogo) -> Esito<Vec<Saputo>> {
    let mut out = Vec::new();
    // None where an engine has copies of its own.
    let copie = if radice.cartella().is_none_or(|p| p.join(COPIE).is_dir()) { radice.copie()? } else { Vec::new() };
    for c in copie {
        let m = match c.manifesto() {
            Ok(m) => m,
            Err(Guasto::NonValida(_)) => continue,
            Err(e) => return Err(e),
        };
        out.extend(m.enti.into_iter().flat_map(|e| e.registri).map(|r| Saputo {
            origine: r.origine,
            operazioni: r.operazioni,
            ultimo: letto(r.checkpoint.as_ref()),
            numeri: r.numeri,
        }));
    }
    let mut nomi: Vec<String> = radice.presenti(RIPRISTINI)?.into_keys().collect();
    nomi.sort();
    for nome in nomi.iter().filter(|n| n.ends_with(".json")) {
        let nome = format!("{RIPRISTINI}/{nome}");
        let suoi: Option<Vec<Saputo>> =
            radice.intero(&nome)?.map(|b| serde_json::from_slice(&b)).transpose().map_err(|_| {
                Guasto::NonValida(format!("{radice}/{nome} dice fin dove arrivò un altro ripristino, e non si legge"))
            })?;
        out.extend(suoi.into_iter().flatten());
    }
    Ok(out)
}

/// How far the logs of an ente go.
#[derive(Debug, Clone)]
pub struct Arrivo {
    /// Which.
    pub ipa: CodiceIpa,
    /// Its logs.
    pub registri: Vec<DiRegistro>,
}

impl Manifesto {
    /// How far the copy goes.
    pub fn arrivi(&self) -> Vec<Arrivo> {
        self.enti.iter().map(|e| Arrivo { ipa: e.ipa.clone(), registri: e.registri.clone() }).collect()
    }
}

/// How far the logs of a folder go; nothing is copied.
///
/// # Errors
/// It cannot be read.
pub fn stato(archivio: &Path) -> Esito<Vec<Arrivo>> {
    let mut out = Vec::new();
    for ipa in enti_in(archivio)? {
        let c = schema::apri_lettura(&SqliteStore::cartella(archivio, &ipa).join(FILE_ENTE))?;
        out.push(Arrivo { ipa, registri: registri(&c)? });
    }
    Ok(out)
}

/// Everything that is declared in a restored folder: `enti` says how far it goes, `radice` remembers other copies and earlier
/// restorings.
///
/// # Errors
/// Something is missing to decide, an anchor is nobody's, or the storage's.
pub fn pianifica(archivio: &Path, enti: &[Arrivo], radice: &Luogo, p: &Perdita<'_>) -> Esito<Vec<DaAprire>> {
    let saputi = saputi(radice)?;
    let aoo: Vec<(CodiceIpa, CodiceAoo)> =
        enti.iter().flat_map(|e| e.registri.iter().filter_map(|r| Some((e.ipa.clone(), r.aoo.clone()?)))).collect();
    for n in p.numeri {
        match &n.aoo {
            None if aoo.len() == 1 => {}
            None => {
                let m = "con più AOO va scritto IPA/AOO/REGISTRO/ANNO=N";
                return Err(Guasto::Uso(format!("--numeri-dati {}/{}: {m}", n.registro, n.anno)));
            }
            Some(a) if aoo.contains(a) => {}
            Some((i, a)) => return Err(Guasto::Uso(format!("--numeri-dati: l'AOO {i}/{a} non è in questa copia"))),
        }
    }
    let mut out = Vec::new();
    for e in enti.iter().filter(|e| e.ipa.as_str() != INSTALLAZIONE) {
        di_ente(archivio, e, &saputi, p, &mut out)?;
    }
    if p.senza_perdita && !out.is_empty() {
        let dove: Vec<String> = out.iter().map(|d| format!("{} ({} operazioni)", d.ipa, d.mancanti)).collect();
        return Err(Guasto::Uso(format!(
            "--senza-perdita non è vero: mancano operazioni che altri hanno visto: {}",
            dove.join(", ")
        )));
    }
    Ok(out)
}

fn di_ente(archivio: &Path, e: &Arrivo, saputi: &[Saputo], p: &Perdita<'_>, out: &mut Vec<DaAprire>) -> Esito<()> {
    let cartella = SqliteStore::cartella(archivio, &e.ipa);
    let c = schema::apri_lettura(&cartella.join(FILE_ENTE))?;
    let conf = letture::configurazione(&c)?;
    let log = tronco::elenco(&c)?;
    let prima = out.len();
    // The ente's own log last: it has an epoch where one of its AOO has.
    for r in e.registri.iter().filter(|r| r.aoo.is_some()).chain(e.registri.iter().filter(|r| r.aoo.is_none())) {
        let info = log.get(&r.aoo).ok_or_else(|| Errore::Incoerente(r.origine.clone()))?;
        let chiavi: Vec<ChiavePubblica> = tronco::chiavi(&c, info.id)?.iter().filter_map(|k| k.parse().ok()).collect();
        let ancore = autentiche(p.ancore, &r.origine, &chiavi)?;
        let visto = visto(r, conf.epoche(r.aoo.as_ref()), &ancore, saputi);
        let mut nuova = NuovaLacuna {
            ultimo: visto.ultimo.or_else(|| letto(r.checkpoint.as_ref())),
            fino: Vec::new(),
            accessi: None,
            motivo: p.motivo.to_owned(),
        };
        let Some(aoo) = &r.aoo else {
            let nome = origine_accessi(&r.origine);
            let chiavi: Vec<ChiavePubblica> = chiavi.iter().filter_map(|k| k.con_nome(&nome).ok()).collect();
            let firmati = autentiche(p.ancore, &nome, &chiavi)?.iter().map(|c| c.dimensione).max().unwrap_or(0);
            let ci_sono = Accessi::in_cartella(&cartella).dimensione()?;
            nuova.accessi = (firmati > ci_sono).then_some(SaltoAccessi { da: ci_sono + 1, a: firmati });
            if visto.mancanti > 0 || nuova.accessi.is_some() || out.len() > prima {
                out.push(DaAprire { ipa: e.ipa.clone(), registro: Registro::Ente, nuova, mancanti: visto.mancanti });
            }
            continue;
        };
        let suo = |n: &&NumeroDato| n.aoo.as_ref().is_none_or(|a| a.0 == e.ipa && &a.1 == aoo);
        let dati: Vec<&NumeroDato> = p.numeri.iter().filter(suo).collect();
        let al_buio = ancore.is_empty() && dati.is_empty();
        if al_buio && !p.senza_ancora && !p.senza_perdita {
            return Err(Guasto::Uso(format!(
                "di {} non c'è nessuna ancora che dica fin dove è arrivato: indicarne una con --ancora, oppure --numeri-dati, \
                 --senza-ancora, o --senza-perdita se il servizio era fermo prima della copia",
                r.origine
            )));
        }
        let margine = p.margine.unwrap_or(match () {
            () if ancore.is_empty() && al_buio && !p.senza_perdita => MARGINE_SENZA_ANCORA,
            () if visto.mancanti > 0 => MARGINE,
            () => 0,
        });
        if visto.mancanti == 0 && margine == 0 && dati.is_empty() {
            continue;
        }
        let ultimo: Option<i64> =
            c.query_row("SELECT istante FROM testa WHERE log = ?", [info.id], |r| r.get(0)).optional()?;
        let anni = Istante(ultimo.unwrap_or(p.ora.0)).anno()..=p.ora.anno().max(Istante(ultimo.unwrap_or(0)).anno());
        let registri = conf.aoo.get(aoo).map(|a| &a.registri);
        let noti: BTreeSet<CodiceRegistro> = registri
            .iter()
            .flat_map(|r| r.keys().cloned())
            .chain(r.numeri.iter().map(|n| n.registro.clone()))
            .collect();
        let mut fino: BTreeMap<(CodiceRegistro, i32), i64> = BTreeMap::new();
        for registro in noti {
            let precedente = registri.and_then(|r| r.get(&registro)).and_then(|r| r.ultimo_precedente.as_ref());
            for anno in anni.clone() {
                let prima = precedente.filter(|u| u.anno == anno).map_or(0, |u| u.numero);
                let dati = |n: &&UltimoNumero| n.registro == registro && n.anno == anno;
                let altrove = visto.numeri.iter().filter(dati).map(|n| n.numero).max();
                let base = altrove.unwrap_or(0).max(prima);
                let mancano = i64::try_from(visto.mancanti).unwrap_or(i64::MAX);
                let a = base.saturating_add(mancano).saturating_add(margine);
                fino.insert((registro.clone(), anno), a);
            }
        }
        for n in dati {
            let a = fino.entry((n.registro.clone(), n.anno)).or_default();
            *a = (*a).max(n.numero);
        }
        nuova.fino = fino.into_iter().map(|((r, a), n)| (r, a, n)).collect();
        out.push(DaAprire {
            ipa: e.ipa.clone(),
            registro: Registro::Aoo(aoo.clone()),
            nuova,
            mancanti: visto.mancanti,
        });
    }
    Ok(())
}

/// How far a log was seen.
struct Visto {
    mancanti: u64,
    /// The largest checkpoint past the copy.
    ultimo: Option<Noto>,
    /// Of this copy and of all that is known.
    numeri: Vec<UltimoNumero>,
}

fn visto(r: &DiRegistro, epoche: &[Epoca], ancore: &[Checkpoint], saputi: &[Saputo]) -> Visto {
    let suoi: Vec<&Saputo> = saputi.iter().filter(|s| s.origine == r.origine).collect();
    // What an epoch of the copy names itself is behind it. Of any other larger one nobody can tell which history it is of.
    let gia = |n: &Noto| epoche.iter().any(|e| e.lacuna.ultimo.as_ref() == Some(n));
    let ultimo = ancore
        .iter()
        .map(noto)
        .chain(suoi.iter().filter_map(|s| s.ultimo.clone()))
        .filter(|n| n.dimensione > r.operazioni && !gia(n))
        .max_by_key(|n| n.dimensione);
    let altrove = suoi.iter().filter(|s| !s.ultimo.as_ref().is_some_and(gia)).map(|s| s.operazioni).max().unwrap_or(0);
    let massimo = altrove.max(ultimo.as_ref().map_or(0, |n| n.dimensione));
    let numeri = r.numeri.iter().chain(suoi.iter().flat_map(|s| &s.numeri)).cloned().collect();
    Visto { mancanti: massimo.saturating_sub(r.operazioni), ultimo, numeri }
}

/// The anchors of a log, each signed by one of its keys: nobody else makes numbers jump.
fn autentiche(ancore: &[Ancora], origine: &str, chiavi: &[ChiavePubblica]) -> Esito<Vec<Checkpoint>> {
    let mut out = Vec::new();
    for a in ancore.iter().filter(|a| a.checkpoint.origine == origine) {
        if let Err(e) = apri_nota(&a.nota, chiavi) {
            return Err(Guasto::NonValida(format!(
                "l'ancora {} non è firmata da una chiave di {origine}: {e}",
                a.nome
            )));
        }
        out.push(a.checkpoint.clone());
    }
    Ok(out)
}

/// Writes beside the copies how far a restoring went: the next one from the same folder goes past it.
///
/// # Errors
/// The folder cannot be written.
pub fn ricorda(radice: &Luogo, enti: &[Arrivo], aperte: &[DaAprire], ora: Istante) -> Esito<()> {
    let origine = |d: &DaAprire| {
        let aoo = match &d.registro {
            Registro::Ente => None,
            Registro::Aoo(a) => Some(a),
        };
        let e = enti.iter().find(|e| e.ipa == d.ipa)?;
        e.registri.iter().find(|r| r.aoo.as_ref() == aoo)
    };
    let fatti: Vec<Saputo> = aperte
        .iter()
        .filter_map(|d| {
            let r = origine(d)?;
            let fino = d.nuova.fino.iter();
            Some(Saputo {
                origine: r.origine.clone(),
                operazioni: r.operazioni.saturating_add(d.mancanti),
                ultimo: d.nuova.ultimo.clone(),
                numeri: fino.map(|(r, a, n)| UltimoNumero { registro: r.clone(), anno: *a, numero: *n }).collect(),
            })
        })
        .collect();
    let byte = serde_json::to_vec_pretty(&fatti).map_err(|e| Guasto::NonValida(e.to_string()))?;
    radice.metti(&format!("{RIPRISTINI}/{}.json", super::nome_di(ora)), &byte)
}
