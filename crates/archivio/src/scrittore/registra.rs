//! A new registration inside the group's transaction.

use dominio::codici::CodiceAoo;
use dominio::configurazione::StatoAoo;
use dominio::errori::Rifiuto;
use dominio::registrazione::{Chiave, DatiRegistrazione};
use dominio::tempo::Istante;

use super::{Pronta, Scrittore};
use crate::ente::custoditi;
use crate::motore::valori;
use crate::store::{Errore, Esito, Fatto, FileCaricato};
use crate::tronco::LogInfo;
use crate::{letture, righe};

impl Scrittore {
    pub(super) fn registra(&mut self, ora: Istante, p: &mut Pronta) -> Esito<Fatto> {
        let log = self.log_di(Some(&p.aoo))?;
        if let Some(f) = self.gia_fatto(log.id, p.idempotenza.as_ref())? {
            self.superflui.extend(p.file.iter().map(|f| f.oggetto.clone()));
            return Ok(f);
        }
        if p.versione != self.versione || self.conf_cambiata {
            ancora_valida(self.aoo(&p.aoo)?, &p.dati, ora)?;
            dominio::nuova::controlla_assegnatari(&self.conf, &p.aoo, ora, &p.dati.assegnazioni)?;
        }
        self.controlla_stato(&log, &p.aoo, &p.dati)?;
        custoditi(self.db(), &p.file)?;
        // From here on rows are written and a number is taken: whatever fails undoes the group (R-A12).
        self.scrivi_registrazione(&log, ora, p).map_err(|e| Errore::Archivio(e.senza_premessa()))
    }

    fn scrivi_registrazione(&mut self, log: &LogInfo, ora: Istante, p: &mut Pronta) -> Esito<Fatto> {
        let t = self.istante(log, ora)?;
        let anno = self.anno.anno(t);
        let numero = self.numero(log.id, p.registro.as_str(), &p.aoo, anno)?;
        let statici = p.statici.take().ok_or_else(|| Errore::Incoerente("registrazione già scritta".to_owned()))?;
        let (id, fatto) = self.scrivi(log, t, "registrazione", None, false, statici, Some((anno, numero)))?;
        let r = &p.righe;
        self.db().scrivi(
            "INSERT INTO registrazione(id, log, registro, anno, numero, istante, tipo, riservato)
             VALUES (?,?,?,?,?,?,?,?)",
            valori![id, log.id, p.registro.as_str(), anno, numero.valore(), t.0, r.tipo, r.riservato],
        )?;
        self.db().scrivi("INSERT INTO attuale(reg, stato, voce) VALUES (?,?,?)", valori![id, 0, &r.voce])?;
        self.assegnazioni(id, &r.assegnazioni)?;
        // Each once, and nobody before: nothing to conflict with.
        for chi in &r.coinvolti {
            self.db().scrivi("INSERT INTO coinvolto(chi, reg) VALUES (?,?)", valori![chi, id])?;
        }
        if let Some(k) = &r.riscontro {
            self.db().scrivi("INSERT INTO riscontro(chiave, reg) VALUES (?,?)", valori![k, id])?;
        }
        self.documenti(&r.documenti, &p.file, id, id)?;
        if r.da_sigillare {
            self.db().scrivi("INSERT INTO da_sigillare(reg) VALUES (?)", valori![id])?;
        }
        if let Some(f) = &r.fascicolo {
            self.metti_in(log.id, f, id)?;
        }
        self.db().indicizza(id, &r.testo, &r.soggetti)?;
        self.ricorda(log.id, p.idempotenza.as_ref(), id, t)?;
        Ok(Fatto { chiave: Some(Chiave { registro: p.registro.clone(), anno, numero }), ..fatto })
    }

    /// What only the writer can check: the registrations and the fascicolo that a new one names.
    fn controlla_stato(&self, log: &LogInfo, aoo: &CodiceAoo, d: &DatiRegistrazione) -> Esito<()> {
        for (i, r) in d.riferimenti.iter().enumerate() {
            if r.ente == self.ipa && &r.aoo == aoo {
                let k = Chiave { registro: r.registro.clone(), anno: r.anno, numero: r.numero };
                if letture::id_di(self.db(), log.id, &k)?.is_none() {
                    return Err(
                        Rifiuto::campo(format!("riferimenti.{i}"), format!("la registrazione {k} non esiste")).into()
                    );
                }
            }
        }
        if let Some(f) = &d.fascicolo
            && !self.esiste_fascicolo(log.id, f)?
        {
            return Err(Rifiuto::campo("fascicolo", format!("il fascicolo {f} non esiste")).into());
        }
        Ok(())
    }

    pub(super) fn esiste_fascicolo(&self, log: i64, codice: &str) -> Esito<bool> {
        self.db().esiste("SELECT 1 FROM fascicolo WHERE log = ? AND codice = ?", valori![log, codice])
    }

    pub(super) fn assegnazioni(&self, reg: i64, righe: &[righe::RigaAssegnazione]) -> Esito<()> {
        for a in righe {
            self.db().scrivi(
                "INSERT INTO assegnazione(reg, n, ufficio, utente, tipo, stato) VALUES (?,?,?,?,?,?)",
                valori![reg, a.n, &a.ufficio, a.utente.as_ref(), a.tipo, 0],
            )?;
        }
        Ok(())
    }

    pub(super) fn coinvolgi(&self, reg: i64, chi: &[String]) -> Esito<()> {
        for c in chi {
            self.db().scrivi("INSERT INTO coinvolto(chi, reg) VALUES (?,?) ON CONFLICT DO NOTHING", valori![c, reg])?;
        }
        Ok(())
    }

    pub(super) fn metti_in(&self, log: i64, fascicolo: &str, reg: i64) -> Esito<()> {
        self.db().scrivi("INSERT INTO contenuto(log, codice, reg) VALUES (?,?,?)", valori![log, fascicolo, reg])
    }

    /// Rows of files, and the mapping of those that are new to the ente.
    pub(super) fn documenti(
        &mut self,
        docs: &[(i64, dominio::codici::Impronta)],
        file: &[FileCaricato],
        reg: i64,
        op: i64,
    ) -> Esito<()> {
        for (n, impronta) in docs {
            self.db().scrivi(
                "INSERT INTO documento(reg, n, impronta, op) VALUES (?,?,?,?)",
                valori![reg, *n, &impronta.0, op],
            )?;
            let Some(f) = file.iter().find(|f| &f.impronta == impronta) else {
                return Err(Errore::Incoerente("un file della registrazione non è stato caricato".to_owned()));
            };
            let nuovo = self.db().mappa_file(f, op)?;
            // Other uploads of the same bytes are not needed; the mapped one is never among them.
            let tenuto = nuovo.then_some(&f.oggetto);
            self.superflui.extend(
                file.iter()
                    .filter(|x| &x.impronta == impronta && Some(&x.oggetto) != tenuto)
                    .map(|x| x.oggetto.clone()),
            );
        }
        let tenuti: Vec<String> = self.superflui.drain(..).collect();
        for o in tenuti {
            let usato = self.db().usato(&o)?;
            if !usato && !self.superflui.contains(&o) {
                self.superflui.push(o);
            }
        }
        Ok(())
    }
}

/// The configuration moved between judgement and writing: what was judged against it must still hold.
fn ancora_valida(aoo: &StatoAoo, d: &DatiRegistrazione, ora: Istante) -> Esito<()> {
    if d.sigillo_richiesto != dominio::sigillo::richiesto(aoo, d.tipo, &d.documenti) {
        let m = "il sigillo dell'AOO è cambiato proprio ora: ripetere la richiesta";
        return Err(Rifiuto::Conflitto(m.to_owned()).into());
    }
    let uffici = d
        .assegnazioni
        .iter()
        .map(|a| &a.ufficio)
        .chain(d.ufficio_mittente.iter())
        .chain(d.soggetti().filter_map(|(_, s)| s.ufficio()));
    for u in uffici {
        if aoo.ufficio(u, ora).is_none() {
            return Err(Rifiuto::campo("assegnazioni", format!("l'ufficio {u} non esiste o è chiuso")).into());
        }
    }
    if aoo.voce(&d.classificazione, ora.giorno()).is_none() {
        let m = format!("la voce {} non è più valida", d.classificazione);
        return Err(Rifiuto::campo("classificazione", m).into());
    }
    Ok(())
}
