//! The register by words and filters, newest first, a page at a time by keyset.
//!
//! Ids grow with time, so "newest first" is the order of ids. Where words are looked for is the engine's affair
//! ([`Db::per_parole`]). What an operator may not see never matches on its contents (R-L08).

use dominio::analisi::{self, Condizione};
use dominio::codici::CodiceRegistro;
use dominio::comandi::puo_vedere;
use dominio::errori::Rifiuto;
use dominio::permessi::{Diritto, Operatore};
use dominio::tempo::{Istante, domani};

use crate::letture;
use crate::motore::{Db, Parole, Valore, valori};
use crate::righe::{self, confini};
use crate::store::{Errore, Esito, Filtro, Pagina, Trovata};
use crate::tronco;

/// Most candidates looked at for one page; past it the page ends early with its cursor.
const ESAMINATI_MAX: usize = 2_000;

/// A page of the register for one operator.
pub fn cerca(c: &dyn Db, log: i64, chi: &Operatore, registro: &CodiceRegistro, f: &Filtro) -> Esito<Pagina<Trovata>> {
    let Some(mut piano) = Piano::di(c, log, chi, registro, f)? else {
        return Ok(Pagina { elementi: Vec::new(), successivo: None });
    };
    let limite = f.limite.clamp(1, 200);
    // Looking at contents: what is reserved and not visible is left out, not masked.
    let contenuti = guarda_dentro(f);
    let mut elementi: Vec<Trovata> = Vec::with_capacity(limite);
    let mut esaminati = 0;
    loop {
        let ids = piano.candidati(c, limite + 1)?;
        let ultimi = ids.len() <= limite;
        for id in ids {
            if elementi.len() == limite {
                return Ok(Pagina { elementi, successivo: Some(piano.fino.to_string()) });
            }
            piano.fino = id;
            esaminati += 1;
            let Some(r) = letture::registrazione(c, id, None)? else { continue };
            let visibile = puo_vedere(chi, &r);
            if visibile || (r.dati.riservato && !contenuti && chi.diritti.ha(Diritto::Consulta)) {
                elementi.push(Trovata { registrazione: r, visibile, voce: tronco::voce(c, id)? });
            }
        }
        if ultimi {
            return Ok(Pagina { elementi, successivo: None });
        }
        if esaminati >= ESAMINATI_MAX {
            return Ok(Pagina { elementi, successivo: Some(piano.fino.to_string()) });
        }
    }
}

/// Does a filter look at more than number and instant? Then what is reserved must not even be a candidate: how many
/// there are, and where a page ends, would tell what they contain (R-L08).
fn guarda_dentro(f: &Filtro) -> bool {
    f.q.is_some()
        || f.soggetto.is_some()
        || f.classificazione.is_some()
        || f.ufficio.is_some()
        || f.tipo.is_some()
        || f.stato.is_some()
}

/// Registrations whose correspondents match, newest first: for suggestions.
pub fn per_soggetto(c: &dyn Db, log: i64, condizioni: &[Condizione], limite: usize) -> Esito<Vec<i64>> {
    let (da, a) = confini(log);
    let p = Piano {
        da,
        fino: a,
        testo: Vec::new(),
        soggetti: condizioni.to_vec(),
        dove: String::new(),
        valori: Vec::new(),
    };
    p.candidati(c, limite)
}

/// Conditions turned into SQL, and how far the search has come down.
struct Piano {
    da: i64,
    fino: i64,
    testo: Vec<Condizione>,
    soggetti: Vec<Condizione>,
    dove: String,
    valori: Vec<Proprio>,
}

/// A value that a plan keeps.
enum Proprio {
    Intero(i64),
    Testo(String),
}

impl From<i64> for Proprio {
    fn from(n: i64) -> Self {
        Self::Intero(n)
    }
}

impl From<String> for Proprio {
    fn from(t: String) -> Self {
        Self::Testo(t)
    }
}

impl<'a> From<&'a Proprio> for Valore<'a> {
    fn from(p: &'a Proprio) -> Self {
        match p {
            Proprio::Intero(n) => Self::Intero(*n),
            Proprio::Testo(t) => Self::Testo(t),
        }
    }
}

impl Piano {
    /// `None` when nothing can match.
    fn di(c: &dyn Db, log: i64, chi: &Operatore, registro: &CodiceRegistro, f: &Filtro) -> Esito<Option<Self>> {
        let (mut da, mut fino) = confini(log);
        let mut dove = String::from(" AND r.registro = ?");
        let mut valori = vec![Proprio::from(registro.as_str().to_owned())];
        let mut e = |sql: &str, v: Vec<Proprio>| {
            dove.push_str(sql);
            valori.extend(v);
        };
        let parole = |campo: &str, q: &Option<String>| -> Esito<Vec<Condizione>> {
            match q {
                Some(q) => analisi::interroga(q).map_err(|m| Rifiuto::campo(campo, m).into()),
                None => Ok(Vec::new()),
            }
        };
        let testo = parole("q", &f.q)?;
        let soggetti = parole("soggetto", &f.soggetto)?;
        if let Some(t) = f.tipo {
            e(" AND r.tipo = ?", vec![righe::codice_tipo(t).into()]);
        }
        if let Some(a) = f.anno {
            e(" AND r.anno = ?", vec![i64::from(a).into()]);
        }
        if let Some(n) = f.numero {
            e(" AND r.numero = ?", vec![n.into()]);
        }
        if let Some(u) = &f.ufficio {
            e(
                " AND EXISTS (SELECT 1 FROM assegnazione s WHERE s.reg = r.id AND s.ufficio = ?)",
                vec![u.as_str().to_owned().into()],
            );
        }
        if let Some(v) = &f.classificazione {
            let (v, figli, oltre) = (v.as_str().to_owned(), format!("{v}."), format!("{v}/"));
            e(
                " AND EXISTS (SELECT 1 FROM attuale x WHERE x.reg = r.id AND (x.voce = ? OR (x.voce >= ? AND x.voce < ?)))",
                vec![v.into(), figli.into(), oltre.into()],
            );
        }
        if let Some(s) = f.stato {
            e(
                " AND EXISTS (SELECT 1 FROM attuale x WHERE x.reg = r.id AND x.stato = ?)",
                vec![righe::codice_stato(s).into()],
            );
        }
        let suoi = || -> Vec<Proprio> {
            chi.uffici.iter().map(righe::ufficio).chain([righe::persona(chi.id.as_str())]).map(Proprio::from).collect()
        };
        let posti = vec!["?"; chi.uffici.len() + 1].join(",");
        if guarda_dentro(f) && !chi.diritti.ha(Diritto::ConsultaRiservati) {
            e(
                &format!(
                    " AND (r.riservato = 0 OR EXISTS (SELECT 1 FROM coinvolto k WHERE k.reg = r.id AND k.chi IN ({posti})))"
                ),
                suoi(),
            );
        }
        if !chi.diritti.ha(Diritto::Consulta) && !chi.diritti.ha(Diritto::ConsultaRiservati) {
            if !chi.diritti.ha(Diritto::ConsultaUfficio) {
                return Err(dominio::nuova::richiede(chi, Diritto::Consulta)
                    .err()
                    .map_or_else(|| Rifiuto::Vietato(String::new()).into(), Into::into));
            }
            e(&format!(" AND EXISTS (SELECT 1 FROM coinvolto k WHERE k.reg = r.id AND k.chi IN ({posti}))"), suoi());
        }
        if let Some(g) = f.dal {
            da = da.max(primo_da(c, log, Istante::inizio(g))?);
        }
        if let Some(g) = f.al {
            fino = fino.min(primo_da(c, log, Istante::inizio(domani(g)))?);
        }
        if let Some(t) = &f.cursore {
            let k: i64 = t.parse().map_err(|_| letture::cursore_errato())?;
            fino = fino.min(k);
        }
        Ok((da < fino).then_some(Self { da, fino, testo, soggetti, dove, valori }))
    }

    /// The next ids, newest first, below `fino`; `fino` itself is moved by who takes them.
    fn candidati(&self, c: &dyn Db, limite: usize) -> Esito<Vec<i64>> {
        let suoi = || self.valori.iter().map(Valore::from);
        if !self.testo.is_empty() || !self.soggetti.is_empty() {
            let valori: Vec<Valore<'_>> = suoi().collect();
            let parole = Parole {
                da: self.da,
                fino: self.fino,
                testo: &self.testo,
                soggetti: &self.soggetti,
                dove: &self.dove,
                valori: &valori,
            };
            return c.per_parole(&parole, limite);
        }
        let sql = format!(
            "SELECT r.id FROM registrazione r WHERE r.id >= ? AND r.id < ?{} ORDER BY r.id DESC LIMIT ?",
            self.dove
        );
        let limite = Valore::from(i64::try_from(limite).unwrap_or(i64::MAX));
        let valori: Vec<_> =
            [Valore::from(self.da), Valore::from(self.fino)].into_iter().chain(suoi()).chain([limite]).collect();
        c.tutte(&sql, &valori, |r| r.intero(0))
    }
}

/// First id of the log at or after an instant: instants never go back, so it is found by halving.
fn primo_da(c: &dyn Db, log: i64, t: Istante) -> Esito<i64> {
    let (da, a) = confini(log);
    let ultimo =
        c.una("SELECT id FROM operazione WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 1", valori![da, a], |r| {
            r.intero(0)
        })?;
    let Some(ultimo) = ultimo else { return Ok(a) };
    let (mut basso, mut alto) = (da, ultimo + 1);
    while basso < alto {
        let mezzo = basso + (alto - basso) / 2;
        let istante = c
            .una("SELECT istante FROM operazione WHERE id = ?", valori![mezzo], |r| r.intero(0))?
            .ok_or_else(|| Errore::Incoerente(format!("operazione {mezzo}")))?;
        if istante < t.0 {
            basso = mezzo + 1;
        } else {
            alto = mezzo;
        }
    }
    Ok(basso)
}
