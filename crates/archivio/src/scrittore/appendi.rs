//! An operation on its way to disk: its instant, its number, its row and its leaf, and what is remembered of the request.

use catena::foglia;
use dominio::codici::CodiceAoo;
use dominio::epoca::{self, NuovaLacuna};
use dominio::errori::Rifiuto;
use dominio::operazione::{CampiNoti, Evento, Operazione, campi_del_writer};
use dominio::permessi::Operatore;
use dominio::registrazione::{Chiave, Numero};
use dominio::tempo::Istante;

use super::{Scrittore, Statici};
use crate::motore::valori;
use crate::orologio::PASSO_INDIETRO_US;
use crate::store::{Errore, Esito, Fatto, Idempotenza};
use crate::tronco::LogInfo;
use crate::{letture, righe};

impl Scrittore {
    /// The instant of the next operation of a log: never lower than the last (R-A21). When the wall clock is behind,
    /// an operation says so, once.
    pub(super) fn istante(&mut self, log: &LogInfo, ora: Istante) -> Esito<Istante> {
        let t = self.testa(log.id)?;
        let ultimo = Istante(t.istante);
        if ora >= ultimo {
            t.arretrato = false;
            return Ok(ora);
        }
        if ultimo.0 - ora.0 > PASSO_INDIETRO_US && !t.arretrato {
            t.arretrato = true;
            let chi = crate::sistema();
            self.appendi(log, ultimo, &chi, None, &Evento::OrologioArretrato { orologio: ora, ultimo })?;
        }
        Ok(ultimo)
    }

    /// Writes an operation built here (everything but registrations).
    pub(super) fn appendi(
        &mut self,
        log: &LogInfo,
        t: Istante,
        chi: &Operatore,
        su: Option<(&Chiave, i64)>,
        evento: &Evento,
    ) -> Esito<Fatto> {
        let mut campi = CampiNoti::di(&self.ipa, log.aoo.as_ref(), chi, su.map(|s| &s.0.registro), evento)
            .map_err(|e| Errore::Incoerente(e.to_string()))?;
        if let Some((k, _)) = su {
            campi.0.insert("anno".to_owned(), k.anno.into());
            campi.0.insert("numero".to_owned(), k.numero.valore().into());
        }
        let tipo = Operazione::tipo(&campi.0).to_owned();
        let statici = Statici::di(&campi)?;
        let conf = righe::di_configurazione(evento);
        let (_, fatto) = self.scrivi(log, t, &tipo, su.map(|s| s.1), conf, statici, None)?;
        if conf {
            self.conf.applica(&Operazione {
                ente: self.ipa.clone(),
                aoo: log.aoo.clone(),
                indice: fatto.indice,
                istante: t,
                operatore: chi.into(),
                porta: chi.porta,
                chiave: None,
                evento: evento.clone(),
            });
            self.conf_cambiata = true;
            self.conf_scritta = true;
        }
        Ok(Fatto { chiave: su.map(|s| s.0.clone()), ..fatto })
    }

    /// The row of an operation and its leaf. Returns the operation's id.
    #[expect(clippy::too_many_arguments, reason = "one row, each column named")]
    pub(super) fn scrivi(
        &mut self,
        log: &LogInfo,
        t: Istante,
        tipo: &str,
        reg: Option<i64>,
        conf: bool,
        statici: Statici,
        numero: Option<(i32, Numero)>,
    ) -> Esito<(i64, Fatto)> {
        let Statici { mut json, mut impronte } = statici;
        let seme = impronte.seme().0;
        let testa = self.testa(log.id)?;
        let indice = testa.albero.dimensione();
        for (nome, valore) in campi_del_writer(indice, t, numero) {
            impronte.aggiungi(nome, &valore).map_err(|e| Errore::Incoerente(e.to_string()))?;
            json.push_str(if json.len() > 1 { ",\"" } else { "\"" });
            json.push_str(nome);
            json.push_str("\":");
            json.push_str(&valore.to_string());
        }
        json.push('}');
        let voce = impronte.voce().map_err(|e| Errore::Incoerente(e.to_string()))?;
        let mut piene = Vec::new();
        testa.albero.aggiungi(foglia(&voce), |livello, n, hash| piene.push((livello, n, hash.concat())));
        testa.istante = t.0;
        let id = righe::id(log.id, indice);
        self.db().scrivi(
            "INSERT INTO operazione(id, istante, tipo, reg, conf, campi, seme, voce) VALUES (?,?,?,?,?,?,?,?)",
            valori![id, t.0, tipo, reg, conf.then_some(1), &json, &seme, &voce],
        )?;
        for (livello, n, hash) in piene {
            self.db().scrivi(
                "INSERT INTO tessera(log, livello, n, hash) VALUES (?,?,?,?)",
                valori![log.id, i64::from(livello), i64::try_from(n).unwrap_or(i64::MAX), &hash],
            )?;
        }
        if !self.toccate.contains(&log.id) {
            self.toccate.push(log.id);
        }
        self.scritte.push((id, voce));
        Ok((id, Fatto { indice, istante: t, chiave: None, voce, ripetuta: false }))
    }

    /// The number after the last of register and year (R-A04…A08, R-A30).
    pub(super) fn numero(&mut self, log: i64, registro: &str, aoo: &CodiceAoo, anno: i32) -> Esito<Numero> {
        let k = (log, registro.to_owned(), anno);
        let ultimo = self.ultimo_numero(&k, aoo)?;
        let n = Numero::nuovo(ultimo + 1).ok_or_else(|| Errore::Incoerente("contatore negativo".to_owned()))?;
        self.porta_a(k, n.valore());
        Ok(n)
    }

    /// The last number of register and year, given or jumped.
    fn ultimo_numero(&self, k: &(i64, String, i32), aoo: &CodiceAoo) -> Esito<i64> {
        if let Some(u) = self.contatori.get(k) {
            return Ok(*u);
        }
        let sql = "SELECT ultimo FROM contatore WHERE log=? AND registro=? AND anno=?";
        Ok(match self.db().una(sql, valori![k.0, &k.1, k.2], |r| r.intero(0))? {
            Some(u) => u,
            // R-P03: the first number here follows the last one of the former system, in its year.
            None => self
                .aoo(aoo)?
                .registri
                .values()
                .find(|r| r.codice.as_str() == k.1)
                .and_then(|r| r.ultimo_precedente.as_ref())
                .filter(|u| u.anno == k.2)
                .map_or(0, |u| u.numero),
        })
    }

    fn porta_a(&mut self, k: (i64, String, i32), numero: i64) {
        if !self.contati.contains(&k) {
            self.contati.push(k.clone());
        }
        self.contatori.insert(k, numero);
    }

    /// R-N05: numbers that may have been given before a restore are declared jumped, and never issued.
    pub(super) fn dichiara_lacuna(
        &mut self,
        ora: Istante,
        aoo: Option<&CodiceAoo>,
        chi: &Operatore,
        nuova: NuovaLacuna,
    ) -> Esito<Fatto> {
        let log = self.log_di(aoo)?;
        let lacuna = epoca::dichiara(chi, &log.origine, self.conf.epoche(aoo), nuova, |registro, anno| match aoo {
            Some(a) => self.ultimo_numero(&(log.id, registro.to_string(), anno), a),
            None => Err(Rifiuto::campo("salti", "il registro dell'ente non dà numeri").into()),
        })?;
        let salti: Vec<_> = lacuna.salti.iter().map(|s| ((log.id, s.registro.to_string(), s.anno), s.a)).collect();
        let t = self.istante(&log, ora)?;
        let fatto = self.appendi(&log, t, chi, None, &Evento::LacunaDichiarata(lacuna))?;
        for (k, a) in salti {
            self.porta_a(k, a);
        }
        Ok(fatto)
    }

    /// The answer given before to the same request, if any.
    pub(super) fn gia_fatto(&self, log: i64, idem: Option<&Idempotenza>) -> Esito<Option<Fatto>> {
        letture::gia_fatto(self.db(), log, idem)
    }

    /// While the clock is in doubt a repeated request still gets its first answer.
    pub(super) fn ripetuta(&self, aoo: &CodiceAoo, idem: Option<&Idempotenza>) -> Esito<Fatto> {
        let log = self.log_di(Some(aoo))?;
        self.gia_fatto(log.id, idem)?.ok_or(Errore::OrologioInDubbio)
    }

    pub(super) fn ricorda(&self, log: i64, idem: Option<&Idempotenza>, op: i64, t: Istante) -> Esito<()> {
        if let Some(i) = idem {
            self.db().ricorda(&format!("{log}|{}", i.ambito), &i.chiave, &i.richiesta, op, t.0)?;
        }
        Ok(())
    }
}
