//! Commands on what exists, and on what stands around the register, inside the group's transaction.

use std::cell::Cell;
use std::sync::Arc;

use dominio::annullamento::StatoRichiesta;
use dominio::codici::{CodiceAoo, CodiceVoce};
use dominio::comandi::{self, Comando, ComandoConfigurazione};
use dominio::configurazione::{DatiAoo, DatiEnte, Ufficio, Voce};
use dominio::errori::Rifiuto;
use dominio::operazione::Evento;
use dominio::permessi::Operatore;
use dominio::registrazione::{Chiave, Registrazione, Stato};
use dominio::tempo::Istante;

use super::Scrittore;
use crate::ente::custoditi;
use crate::motore::{Db, valori};
use crate::sigilli::Quale;
use crate::store::{Errore, Esito, Fatto, FileCaricato, Idempotenza, NuovaAoo, Segreto};
use crate::{depositi, letture, righe, sigilli, tronco};

impl Scrittore {
    #[expect(clippy::too_many_arguments, reason = "one command with all that belongs to it")]
    pub(super) fn comanda(
        &mut self,
        ora: Istante,
        aoo: &CodiceAoo,
        chi: &Operatore,
        chiave: &Chiave,
        comando: Comando,
        file: &[FileCaricato],
        idem: Option<&Idempotenza>,
    ) -> Esito<Fatto> {
        let log = self.log_di(Some(aoo))?;
        if let Some(f) = self.gia_fatto(log.id, idem)? {
            self.superflui.extend(file.iter().map(|f| f.oggetto.clone()));
            return Ok(f);
        }
        let reg = letture::id_di(self.db(), log.id, chiave)?
            .ok_or_else(|| Rifiuto::NonTrovato(format!("la registrazione {chiave} non esiste")))?;
        let r = letture::registrazione(self.db(), reg, None)?
            .ok_or_else(|| Errore::Incoerente(format!("la registrazione {chiave} non si legge")))?;
        if let Comando::Assegna { assegnazioni, .. } = &comando {
            dominio::nuova::controlla_assegnatari(&self.conf, aoo, ora, assegnazioni)?;
        }
        custoditi(self.db(), file)?;
        let evento = comandi::decidi(self.aoo(aoo)?, chi, &r, ora, comando)?;
        match &evento {
            Evento::Fascicolazione { fascicolo } if !self.esiste_fascicolo(log.id, fascicolo)? => {
                return Err(Rifiuto::campo("fascicolo", format!("il fascicolo {fascicolo} non esiste")).into());
            }
            Evento::Collegamento { riferimento: x, .. } if x.ente == self.ipa && &x.aoo == aoo => {
                let k = Chiave { registro: x.registro.clone(), anno: x.anno, numero: x.numero };
                if letture::id_di(self.db(), log.id, &k)?.is_none() {
                    return Err(Rifiuto::campo("riferimento", format!("la registrazione {k} non esiste")).into());
                }
            }
            _ => {}
        }
        let t = self.istante(&log, ora)?;
        let fatto = self.appendi(&log, t, chi, Some((chiave, reg)), &evento)?;
        let op = righe::id(log.id, fatto.indice);
        self.proietta(log.id, reg, op, &evento, file)?;
        self.ricorda(log.id, idem, op, t)?;
        Ok(fatto)
    }

    /// What a command on a registration changes in the tables.
    fn proietta(&mut self, log: i64, reg: i64, op: i64, evento: &Evento, file: &[FileCaricato]) -> Esito<()> {
        use dominio::registrazione::StatoAssegnazione as S;
        let stato = |c: &dyn Db, n: u32, s: S| -> Esito<()> {
            c.scrivi(
                "UPDATE assegnazione SET stato = ? WHERE reg = ? AND n = ?",
                valori![righe::codice_assegnazione(s), reg, n],
            )
        };
        match evento {
            Evento::Assegnazione { primo, assegnazioni, .. } => {
                self.assegnazioni(reg, &righe::assegnazioni(*primo, assegnazioni))?;
                let chi: Vec<String> = assegnazioni.iter().map(|a| righe::ufficio(&a.ufficio)).collect();
                self.coinvolgi(reg, &chi)
            }
            Evento::PresaInCarico { assegnazione } => stato(self.db(), *assegnazione, S::InCarico),
            Evento::RifiutoAssegnazione { assegnazione, .. } => stato(self.db(), *assegnazione, S::Rifiutata),
            Evento::ConclusioneAssegnazione { assegnazione, .. } => stato(self.db(), *assegnazione, S::Conclusa),
            Evento::Classificazione { classificazione, .. } => {
                self.db().scrivi("UPDATE attuale SET voce = ? WHERE reg = ?", valori![classificazione.as_str(), reg])
            }
            Evento::Allegati { documenti, .. } => {
                let docs: Vec<_> = documenti.iter().map(|d| (i64::from(d.n), d.impronta)).collect();
                self.documenti(&docs, file, reg, op)
            }
            Evento::Sigillo(s) => {
                self.documenti(&[(i64::from(s.segnatura.n), s.segnatura.impronta)], file, reg, op)?;
                self.db().scrivi("DELETE FROM da_sigillare WHERE reg = ?", valori![reg])
            }
            Evento::Fascicolazione { fascicolo } => self.metti_in(log, fascicolo, reg),
            Evento::RichiestaAnnullamento { richiesta, .. } => self.db().scrivi(
                "INSERT INTO richiesta_annullamento(reg, n, op, stato) VALUES (?,?,?,?)",
                valori![reg, *richiesta, op, 0],
            ),
            Evento::RifiutoAnnullamento { richiesta, .. } => self.richiesta(reg, *richiesta, StatoRichiesta::Rifiutata),
            Evento::Annullamento { .. } => self.annulla(reg, op, evento),
            _ => Ok(()),
        }
    }

    fn richiesta(&self, reg: i64, n: u32, s: StatoRichiesta) -> Esito<()> {
        self.db().scrivi(
            "UPDATE richiesta_annullamento SET stato = ? WHERE reg = ? AND n = ?",
            valori![righe::codice_richiesta(s), reg, n],
        )
    }

    /// Rows of an annulment (R-B04, R-B08): its own, the state, the requests it closes, and what it brings to search.
    fn annulla(&mut self, reg: i64, op: i64, evento: &Evento) -> Esito<()> {
        let Evento::Annullamento { richiesta, provvedimento, intero, campi, nuovi_valori, .. } = evento else {
            return Ok(());
        };
        self.db().scrivi(
            "INSERT INTO annullamento(op, reg, intero, provvedimento, data) VALUES (?,?,?,?,?)",
            valori![op, reg, *intero, &provvedimento.numero, &provvedimento.data.to_string()],
        )?;
        if let Some(n) = richiesta {
            self.richiesta(reg, *n, StatoRichiesta::Autorizzata)?;
        }
        let stato = if *intero { Stato::Annullata } else { Stato::AnnullataInParte };
        self.db().scrivi("UPDATE attuale SET stato = ? WHERE reg = ?", valori![righe::codice_stato(stato), reg])?;
        if *intero {
            self.db().scrivi(
                "UPDATE richiesta_annullamento SET stato = ? WHERE reg = ? AND stato = 0",
                valori![righe::codice_richiesta(StatoRichiesta::Superata), reg],
            )?;
            return Ok(());
        }
        let ops = letture::operazioni_di(self.db(), reg)?;
        let prima = Registrazione::da_operazioni(ops.iter().filter(|o| righe::da_id(op).1 > o.indice))
            .ok_or_else(|| Errore::Incoerente(format!("registrazione {reg}")))?;
        let (uffici, riscontro) = righe::rinnovati(&prima.dati, nuovi_valori, campi);
        self.coinvolgi(reg, &uffici)?;
        if let Some(k) = riscontro {
            self.db()
                .scrivi("INSERT INTO riscontro(chiave, reg) VALUES (?,?) ON CONFLICT DO NOTHING", valori![&k, reg])?;
        }
        let eventi = || ops.iter().map(|o| &o.evento);
        let (testo, soggetti) = righe::ricerca(eventi());
        let prima = || righe::ricerca(eventi().take(ops.len().saturating_sub(1)));
        self.db().reindicizza(reg, &testo, &soggetti, &prima)
    }

    pub(super) fn configura(
        &mut self,
        ora: Result<Istante, Istante>,
        aoo: &CodiceAoo,
        chi: &Operatore,
        comando: ComandoConfigurazione,
        segreto: Option<Segreto>,
        idem: Option<&Idempotenza>,
    ) -> Esito<Fatto> {
        let conferma = matches!(comando, ComandoConfigurazione::ConfermaOrologio { .. });
        let ora = match ora {
            Ok(t) => t,
            Err(t) if conferma => t,
            Err(_) => return Err(Errore::OrologioInDubbio),
        };
        let log = self.log_di(if comando.dell_ente() { None } else { Some(aoo) })?;
        if let Some(f) = self.gia_fatto(log.id, idem)? {
            return Ok(f);
        }
        let non_letto = Cell::new(None);
        let prossimo = |voce: &CodiceVoce, anno: i32| -> u32 {
            let letto = self.db().numero(
                "SELECT count(*) FROM fascicolo WHERE log = ? AND voce = ? AND anno = ?",
                valori![log.id, voce.as_str(), anno],
            );
            match letto {
                Ok(n) => u32::try_from(n).unwrap_or(u32::MAX).saturating_add(1),
                Err(e) => {
                    non_letto.set(Some(e));
                    1
                }
            }
        };
        let evento = comandi::configura(&self.conf, aoo, chi, ora, prossimo, comando)?;
        if let Some(e) = non_letto.take() {
            return Err(e);
        }
        if matches!(evento, Evento::SigilloTolto { .. }) && sigilli::quante(self.db(), righe::confini(log.id))?.0 > 0 {
            let m = "ci sono registrazioni che aspettano il sigillo: si può impostarne un altro, non toglierlo";
            return Err(Rifiuto::Conflitto(m.to_owned()).into());
        }
        match (&evento, &segreto) {
            (Evento::PasswordImpostata { .. }, Some(Segreto::Password(_)))
            | (Evento::TokenCreato { .. }, Some(Segreto::Token(_)))
            | (Evento::SigilloImpostato { .. }, Some(Segreto::Sigillo(_)))
            | (Evento::SigilloRichiesto { .. }, Some(Segreto::ChiaveSigillo(_))) => {}
            (
                Evento::PasswordImpostata { .. }
                | Evento::TokenCreato { .. }
                | Evento::SigilloImpostato { .. }
                | Evento::SigilloRichiesto { .. },
                _,
            )
            | (_, Some(_)) => {
                return Err(Errore::Incoerente("segreto non adatto al comando".to_owned()));
            }
            _ => {}
        }
        if conferma {
            self.conferma = true;
        }
        let t = self.istante(&log, ora)?;
        let fatto = self.appendi(&log, t, chi, None, &evento)?;
        let op = righe::id(log.id, fatto.indice);
        match (&evento, segreto) {
            (Evento::PasswordImpostata { utente }, Some(Segreto::Password(phc))) => {
                let (utente, db) = (utente.as_str(), self.db());
                if db.scrivi_ora("UPDATE password SET phc = ? WHERE utente = ?", valori![&phc, utente])? == 0 {
                    db.scrivi("INSERT INTO password(utente, phc) VALUES (?,?)", valori![utente, &phc])?;
                }
                db.scrivi("DELETE FROM sessione WHERE utente = ?", valori![utente])?;
            }
            (Evento::UtenteAbilitato { utente, abilitato: false }, _) => {
                self.db().scrivi("DELETE FROM sessione WHERE utente = ?", valori![utente.as_str()])?;
            }
            (Evento::TokenCreato { token }, Some(Segreto::Token(h))) => {
                self.db().scrivi("INSERT INTO token(segreto, token) VALUES (?,?)", valori![&h, &token.id])?;
            }
            (Evento::SigilloImpostato { .. }, Some(Segreto::Sigillo(chiaro))) => {
                sigilli::conserva(Quale::Sigillo, self.db(), &self.chiave, &self.ipa, log.id, &chiaro, t)?
            }
            (Evento::SigilloRichiesto { .. }, Some(Segreto::ChiaveSigillo(chiaro))) => {
                sigilli::conserva(Quale::Richiesta, self.db(), &self.chiave, &self.ipa, log.id, &chiaro, t)?
            }
            (Evento::TokenRevocato { token }, _) => {
                self.db().scrivi("DELETE FROM token WHERE token = ?", valori![token])?;
            }
            (Evento::CorrispondenteAggiunto { soggetto }, _) => {
                letture::scrivi_corrispondente(self.db(), op, log.id, soggetto)?;
            }
            (Evento::FascicoloCreato { fascicolo, classificazione, oggetto, ufficio }, _) => {
                self.db().scrivi(
                    "INSERT INTO fascicolo(op, log, codice, voce, anno, oggetto, ufficio, istante) VALUES (?,?,?,?,?,?,?,?)",
                    valori![
                        op,
                        log.id,
                        fascicolo,
                        classificazione.as_str(),
                        t.anno(),
                        oggetto,
                        ufficio.as_ref().map(|u| u.as_str()),
                        t.0
                    ],
                )?;
            }
            _ => {}
        }
        self.ricorda(log.id, idem, op, t)?;
        Ok(fatto)
    }

    pub(super) fn crea_ente(&mut self, ora: Istante, chi: &Operatore, dati: DatiEnte) -> Esito<Fatto> {
        if self.conf.ente.is_some() {
            return Err(Rifiuto::Conflitto(format!("l'ente {} esiste già", dati.ipa)).into());
        }
        let origine = format!("protocollo.ente/{}", dati.ipa);
        let log = Arc::new(tronco::crea(self.db(), &self.chiave, None, &origine, ora)?);
        self.metti_log(&log);
        self.appendi(&log, ora, chi, None, &Evento::EnteCreato(dati))
    }

    pub(super) fn crea_aoo(&mut self, ora: Istante, chi: &Operatore, n: NuovaAoo) -> Esito<Fatto> {
        dominio::nuova::richiede(chi, dominio::permessi::Diritto::GestisceConfigurazione)?;
        if self.conf.aoo.contains_key(&n.codice) {
            return Err(Rifiuto::Conflitto(format!("l'AOO {} esiste già", n.codice)).into());
        }
        if let Some(l) = self.log.values().find(|l| depositi::si_confondono(&l.origine, &n.origine)) {
            let detto = format!("«{}» si confonde con «{}», di un registro che c'è già", n.origine, l.origine);
            return Err(Rifiuto::campo("origine", detto).into());
        }
        let log = Arc::new(tronco::crea(self.db(), &self.chiave, Some(&n.codice), &n.origine, ora)?);
        self.metti_log(&log);
        let fatto = self.appendi(
            &log,
            ora,
            chi,
            None,
            &Evento::AooCreata(DatiAoo {
                codice_aoo: n.codice,
                denominazione: n.denominazione,
                origine: n.origine,
                chiave_log: log.vkey.clone(),
                ufficio_smistamento: n.ufficio_smistamento.0.clone(),
                consente_da_classificare: n.consente_da_classificare,
                voce_da_classificare: n.voce_da_classificare.clone(),
                pec: n.pec,
            }),
        )?;
        let mut eventi = Vec::new();
        if let (codice, Some(denominazione)) = n.ufficio_smistamento {
            eventi.push(Evento::UfficioCreato(Ufficio { codice, denominazione, padre: None, dal: ora, al: None }));
        }
        eventi.push(Evento::VoceAperta(Voce {
            codice: n.voce_da_classificare,
            denominazione: "Da classificare".to_owned(),
            dal: n.dal,
            al: None,
        }));
        eventi.extend(n.registri.into_iter().map(Evento::RegistroCreato));
        for e in &eventi {
            self.appendi(&log, ora, chi, None, e)?;
        }
        Ok(fatto)
    }
}

impl Scrittore {
    /// A new key for a log, named by an operation of that log (contract § 3).
    pub(super) fn ruota_chiave(
        &mut self,
        ora: Istante,
        aoo: Option<&CodiceAoo>,
        chi: &Operatore,
        motivo: &str,
        idem: Option<&Idempotenza>,
    ) -> Esito<Fatto> {
        let log = self.log_di(aoo)?;
        if let Some(f) = self.gia_fatto(log.id, idem)? {
            return Ok(f);
        }
        let motivo = comandi::ruota_chiave(chi, motivo)?;
        let mut t = self.istante(&log, ora)?;
        if log.id == 0 {
            // Nor before an access whose head the key till now signed alone, whatever the clock did since.
            t = t.max(depositi::ultimo_accesso(self.db())?.unwrap_or(t));
        }
        let vkey = tronco::nuova_chiave(self.db(), &self.chiave, log.id, &log.origine, t)?;
        let evento = Evento::ChiaveRuotata {
            precedente: log.vkey.clone(),
            chiave_log: vkey.clone(),
            fino: tronco::fine_doppia_firma(t),
            motivo,
        };
        let fatto = self.appendi(&log, t, chi, None, &evento)?;
        self.metti_log(&Arc::new(tronco::LogInfo { vkey, ..(*log).clone() }));
        // Signed at once by both: no receipt is left with the old signature and the new key.
        self.checkpoint(ora, aoo)?;
        self.ricorda(log.id, idem, righe::id(log.id, fatto.indice), t)?;
        Ok(fatto)
    }
}
