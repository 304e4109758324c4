//! Leases: where others too put and sweep files, who is uploading says so, and what he uploads is his.
//!
//! Each process has a name, which begins those of its objects, and a row that it renews while it uploads. A process whose row
//! was not renewed for a while is declared dead by who sweeps, under the lock of the ente's writers; from then on no
//! registration may name what the dead one had uploaded — it may only have been frozen — so that what no registration names
//! can be taken away without anybody's lock.

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;

use super::Ente;
use crate::file::{esadecimale, in_disparte};
use crate::motore::{Db, valori};
use crate::store::{Caricamento, EnteStore as _, Errore, Esito, FileCaricato};

/// A lease lasts so long without being renewed.
const AFFITTO_US: i64 = 900_000_000;
/// It is renewed at most so often.
const RINNOVO_US: i64 = 60_000_000;
/// What a dead one was still sending may arrive until then.
const CODA_US: i64 = 86_400_000_000;

/// Objects looked for together.
const GRUPPO: usize = 256;

/// The name under which a process uploads, and when it last said so.
#[derive(Debug, Clone)]
pub(super) struct Affittuario {
    chi: String,
    rinnovato: i64,
}

impl Ente {
    /// The name under which to upload now: one that is alive.
    pub(super) async fn affittuario(&self) -> Esito<String> {
        let ora = self.ora().0;
        let noto = |a: &Self| a.affitto.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(a) = noto(self)
            && ora - a.rinnovato < RINNOVO_US
        {
            return Ok(a.chi);
        }
        // Two that came together would have a name each, and one of the two would be renewed by nobody.
        let _uno = self.rinnovo.lock().await;
        let noto = self.affitto.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(a) = noto {
            if ora - a.rinnovato < RINNOVO_US {
                return Ok(a.chi);
            }
            let chi = a.chi.clone();
            let vivo = self
                .scrivi(move |c| {
                    let sql = "UPDATE affitto_file SET rinnovato = ? WHERE chi = ? AND morto = 0";
                    Ok(c.scrivi_ora(sql, valori![ora, &chi])? == 1)
                })
                .await?;
            if vivo {
                *self.affitto.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(Affittuario { chi: a.chi.clone(), rinnovato: ora });
                return Ok(a.chi);
            }
        }
        let mut caso = [0u8; 8];
        getrandom::fill(&mut caso).map_err(|e| Errore::Archivio(e.to_string()))?;
        let chi = esadecimale(&caso);
        let (suo, affitto) = (chi.clone(), Arc::clone(&self.affitto));
        self.servizio(move |c| {
            c.scrivi("INSERT INTO affitto_file(chi, rinnovato, morto) VALUES (?,?,0)", valori![&suo, ora])?;
            // Here, where who sweeps reads it too: he never finds the row without knowing whose it is.
            *affitto.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(Affittuario { chi: suo, rinnovato: ora - RINNOVO_US });
            Ok(())
        })
        .await?;
        *self.affitto.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Affittuario { chi: chi.clone(), rinnovato: ora });
        Ok(chi)
    }

    /// Takes away what the dead left, and what was uploaded here and not registered.
    pub(super) async fn spazza_a_distanza(&self) -> Esito<u64> {
        let (ora, condiviso) = (self.ora().0, self.motore.condiviso());
        let affitto = Arc::clone(&self.affitto);
        // Before the writer's turn: a commit whose outcome was not known is over when that comes.
        let lasciati = self.deposito.lasciati();
        // Alone here, whoever else has a row is of a process that ended.
        let limite = if condiviso { ora - AFFITTO_US } else { i64::MAX };
        let morti = self
            .scrivi(move |c| {
                let mio = affitto.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|a| a.chi.clone());
                let mio = mio.as_deref().unwrap_or_default();
                let dove = "UPDATE affitto_file SET morto = 1 WHERE morto = 0 AND rinnovato < ? AND chi <> ?";
                c.scrivi_ora(dove, valori![limite, mio])?;
                let sql = "SELECT chi, rinnovato FROM affitto_file WHERE morto = 1";
                c.tutte(sql, &[], |r| Ok((r.proprio(0)?, r.intero(1)?)))
            })
            .await;
        let morti = match morti {
            Ok(m) => m,
            Err(e) => {
                self.deposito.lascia(lasciati);
                return Err(e);
            }
        };
        let mut tolti = 0;
        for gruppo in lasciati.chunks(GRUPPO) {
            let (quanti, restano) = self.togli_non_usati(gruppo.to_vec()).await;
            tolti += quanti;
            self.deposito.lascia(restano);
        }
        for (chi, rinnovato) in morti {
            let deposito = self.deposito.clone();
            let inizio = format!("{}/{}", &chi[..2], &chi[2..]);
            // A page at a time, however many they are.
            let (manda, mut pagine) = tokio::sync::mpsc::channel(1);
            let elenco = in_disparte(move || {
                deposito.magazzino().elenco(&inizio, &mut |nomi| {
                    manda.blocking_send(nomi).map_err(|_| Errore::Archivio("pulizia interrotta".to_owned()))
                })
            });
            let mut restano = 0;
            let toglie = async {
                while let Some(nomi) = pagine.recv().await {
                    let (quanti, suoi) = self.togli_non_usati(nomi).await;
                    tolti += quanti;
                    restano += suoi.len();
                }
            };
            let (elenco, ()) = tokio::join!(elenco, toglie);
            elenco?;
            if restano == 0 && rinnovato < ora - CODA_US {
                let sql = "DELETE FROM affitto_file WHERE chi = ? AND morto = 1";
                self.servizio(move |c| c.scrivi(sql, valori![&chi])).await?;
            }
        }
        Ok(tolti)
    }

    /// Takes away, of objects that no registration can name any more, those that none does: how many, and which of them
    /// could not be looked for or taken.
    async fn togli_non_usati(&self, oggetti: Vec<String>) -> (u64, Vec<String>) {
        let (deposito, chiesti) = (self.deposito.clone(), oggetti.clone());
        let liberi = self
            .leggi(move |c| {
                let mut liberi = Vec::new();
                for o in chiesti {
                    if !deposito.in_volo(&o) && !c.usato(&o)? {
                        liberi.push(o);
                    }
                }
                Ok(liberi)
            })
            .await;
        let Ok(liberi) = liberi else { return (0, oggetti) };
        let (deposito, presi) = (self.deposito.clone(), liberi.clone());
        let esito = in_disparte(move || {
            let (mut tolti, mut restano) = (0, Vec::new());
            for o in presi {
                match deposito.magazzino().togli(&o) {
                    Ok(c_era) => tolti += u64::from(c_era),
                    Err(_) => restano.push(o),
                }
            }
            Ok((tolti, restano))
        });
        esito.await.unwrap_or((0, liberi))
    }
}

/// Is what was uploaded still its uploader's? Within the writer's transaction.
pub(crate) fn custoditi(c: &dyn Db, file: &[FileCaricato]) -> Esito<()> {
    let mut visti: Vec<&str> = Vec::new();
    for chi in file.iter().filter_map(|f| f.affittuario.as_deref()) {
        if visti.contains(&chi) {
            continue;
        }
        if !c.esiste("SELECT 1 FROM affitto_file WHERE chi = ? AND morto = 0", valori![chi])? {
            return Err(Errore::Isolato(
                "il file caricato è rimasto troppo a lungo senza essere registrato: va caricato di nuovo".to_owned(),
            ));
        }
        visti.push(chi);
    }
    Ok(())
}

/// An upload that renews the lease while it lasts.
pub(super) struct Rinnovato {
    pub dentro: Box<dyn Caricamento>,
    pub ente: std::sync::Weak<Ente>,
}

#[async_trait]
impl Caricamento for Rinnovato {
    async fn scrivi(&mut self, byte: &[u8]) -> Esito<()> {
        if let Some(e) = self.ente.upgrade() {
            e.affittuario().await?;
        }
        self.dentro.scrivi(byte).await
    }

    async fn chiudi(self: Box<Self>) -> Esito<FileCaricato> {
        self.dentro.chiudi().await
    }
}
