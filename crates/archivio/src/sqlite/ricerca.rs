//! The register by words and filters, newest first, a page at a time by keyset.
//!
//! Ids grow with time, so "newest first" is the order of ids and needs no sort. Words are looked for in two places:
//! the rows that wait ([`cerca_recente`], always the newest of their AOO) and the full-text index. What an operator
//! may not see never matches on its contents (R-L08).

use dominio::analisi::{self, Condizione};
use dominio::codici::CodiceRegistro;
use dominio::comandi::puo_vedere;
use dominio::errori::Rifiuto;
use dominio::permessi::{Diritto, Operatore};
use dominio::tempo::{Istante, domani};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::letture;
use super::righe::{self, confini};
use super::tronco;
use crate::store::{Esito, Filtro, Pagina, Trovata};

/// Most candidates looked at for one page; past it the page ends early with its cursor.
const ESAMINATI_MAX: usize = 2_000;

/// A page of the register for one operator.
pub fn cerca(
    c: &Connection,
    log: i64,
    chi: &Operatore,
    registro: &CodiceRegistro,
    f: &Filtro,
) -> Esito<Pagina<Trovata>> {
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
pub fn per_soggetto(c: &Connection, log: i64, condizioni: &[Condizione], limite: usize) -> Esito<Vec<i64>> {
    let (da, a) = confini(log);
    let mut p = Piano {
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
    valori: Vec<Value>,
}

impl Piano {
    /// `None` when nothing can match.
    fn di(c: &Connection, log: i64, chi: &Operatore, registro: &CodiceRegistro, f: &Filtro) -> Esito<Option<Self>> {
        let (mut da, mut fino) = confini(log);
        let mut dove = String::from(" AND r.registro = ?");
        let mut valori = vec![Value::from(registro.as_str().to_owned())];
        let mut e = |sql: &str, v: Vec<Value>| {
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
        let suoi: Vec<Value> =
            chi.uffici.iter().map(righe::ufficio).chain([righe::persona(chi.id.as_str())]).map(Value::from).collect();
        let posti = vec!["?"; suoi.len()].join(",");
        if guarda_dentro(f) && !chi.diritti.ha(Diritto::ConsultaRiservati) {
            e(
                &format!(
                    " AND (r.riservato = 0 OR EXISTS (SELECT 1 FROM coinvolto k WHERE k.reg = r.id AND k.chi IN ({posti})))"
                ),
                suoi.clone(),
            );
        }
        if !chi.diritti.ha(Diritto::Consulta) && !chi.diritti.ha(Diritto::ConsultaRiservati) {
            if !chi.diritti.ha(Diritto::ConsultaUfficio) {
                return Err(dominio::nuova::richiede(chi, Diritto::Consulta)
                    .err()
                    .map_or_else(|| Rifiuto::Vietato(String::new()).into(), Into::into));
            }
            e(&format!(" AND EXISTS (SELECT 1 FROM coinvolto k WHERE k.reg = r.id AND k.chi IN ({posti}))"), suoi);
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
    fn candidati(&mut self, c: &Connection, limite: usize) -> Esito<Vec<i64>> {
        let mut out = Vec::with_capacity(limite);
        if self.testo.is_empty() && self.soggetti.is_empty() {
            let sql = format!(
                "SELECT r.id FROM registrazione r WHERE r.id >= ? AND r.id < ?{} ORDER BY r.id DESC LIMIT ?",
                self.dove
            );
            self.esegui(c, &sql, None, limite, &mut out)?;
            return Ok(out);
        }
        // The rows that wait are the newest: they come first.
        let sql = format!(
            "SELECT q.reg, q.testo, q.soggetti FROM cerca_recente q JOIN registrazione r ON r.id = q.reg
             WHERE q.reg >= ? AND q.reg < ?{} ORDER BY q.reg DESC",
            self.dove
        );
        let mut s = c.prepare_cached(&sql)?;
        let mut valori = vec![Value::from(self.da), Value::from(self.fino)];
        valori.extend(self.valori.iter().cloned());
        let mut r = s.query(params_from_iter(valori))?;
        while out.len() < limite
            && let Some(x) = r.next()?
        {
            let (testo, soggetti) = (x.get_ref(1)?.as_str().unwrap_or(""), x.get_ref(2)?.as_str().unwrap_or(""));
            let vale = self.testo.iter().all(|k| k.vale(testo) || k.vale(soggetti))
                && self.soggetti.iter().all(|k| k.vale(soggetti));
            if vale {
                out.push(x.get(0)?);
            }
        }
        drop(r);
        if out.len() < limite {
            let sql = format!(
                "SELECT r.id FROM cerca q JOIN registrazione r ON r.id = q.rowid
                 WHERE q.rowid >= ? AND q.rowid < ? AND cerca MATCH ?{} ORDER BY q.rowid DESC LIMIT ?",
                self.dove
            );
            let resto = limite - out.len();
            self.esegui(c, &sql, Some(self.espressione()), resto, &mut out)?;
        }
        Ok(out)
    }

    fn esegui(
        &self,
        c: &Connection,
        sql: &str,
        espressione: Option<String>,
        limite: usize,
        out: &mut Vec<i64>,
    ) -> Esito<()> {
        let mut valori = vec![Value::from(self.da), Value::from(self.fino)];
        valori.extend(espressione.map(Value::from));
        valori.extend(self.valori.iter().cloned());
        valori.push(i64::try_from(limite).unwrap_or(i64::MAX).into());
        let mut s = c.prepare_cached(sql)?;
        for r in s.query_map(params_from_iter(valori), |r| r.get(0))? {
            out.push(r?);
        }
        Ok(())
    }

    /// The full-text expression. Tokens hold only letters and digits, so quoting them is safe.
    fn espressione(&self) -> String {
        let una = |k: &Condizione| match k {
            Condizione::Frase(t) => format!("\"{}\"", t.join(" ")),
            Condizione::Prefisso(p) => format!("\"{p}\"*"),
        };
        self.testo
            .iter()
            .map(una)
            .chain(self.soggetti.iter().map(|k| format!("soggetti : {}", una(k))))
            .collect::<Vec<_>>()
            .join(" AND ")
    }
}

/// First id of the log at or after an instant: instants never go back, so it is found by halving.
fn primo_da(c: &Connection, log: i64, t: Istante) -> Esito<i64> {
    let (da, a) = confini(log);
    let ultimo: Option<i64> = c
        .prepare_cached("SELECT id FROM operazione WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 1")?
        .query_row([da, a], |r| r.get(0))
        .optional()?;
    let Some(ultimo) = ultimo else { return Ok(a) };
    let (mut basso, mut alto) = (da, ultimo + 1);
    let mut s = c.prepare_cached("SELECT istante FROM operazione WHERE id = ?")?;
    while basso < alto {
        let mezzo = basso + (alto - basso) / 2;
        let istante: i64 = s.query_row([mezzo], |r| r.get(0))?;
        if istante < t.0 {
            basso = mezzo + 1;
        } else {
            alto = mezzo;
        }
    }
    Ok(basso)
}
