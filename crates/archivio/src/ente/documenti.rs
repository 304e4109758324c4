//! The files of an ente: received, read, swept; and the keys under which they are kept.

use std::sync::Arc;

use dominio::codici::Impronta;

use super::affitto::Rinnovato;
use super::{AFFITTO_ALTRUI_S, AFFITTO_S, Ente};
use crate::file::chiavi::{Avvolta, Portachiavi};
use crate::file::in_disparte;
use crate::file::lettura::{Conservato, FileLetto, Lettore};
use crate::motore::{Db, Riga, valori};
use crate::store::{Caricamento, EnteStore as _, Esito, Rotazione};

/// Keys wrapped anew in one transaction.
const RIAVVOLTE: i64 = 1_000;

impl Ente {
    fn lettore(&self) -> Lettore {
        Lettore { magazzino: self.deposito.magazzino(), chiavi: Arc::clone(&self.portachiavi) }
    }

    async fn leggi_chiavi(&self) -> Esito<()> {
        self.portachiavi.ricorda(self.leggi(Portachiavi::leggi).await?);
        Ok(())
    }

    pub(super) async fn carica_file(&self) -> Esito<Box<dyn Caricamento>> {
        if self.portachiavi.da_leggere(self.motore.condiviso()) {
            self.leggi_chiavi().await?;
        }
        if !self.deposito.a_distanza() {
            return Ok(Box::new(self.deposito.carica(Some(&self.portachiavi), None)?));
        }
        let chi = self.affittuario().await?;
        let dentro = Box::new(self.deposito.carica(Some(&self.portachiavi), Some(chi))?);
        Ok(Box::new(Rinnovato { dentro, ente: self.se.clone() }))
    }

    pub(super) async fn leggi_file(&self, impronta: &Impronta) -> Esito<Option<FileLetto>> {
        let impronta = *impronta;
        let Some(f) = self.leggi(move |c| conservato(c, &impronta)).await? else { return Ok(None) };
        // Another process may have turned the keys meanwhile.
        if f.chiave.as_ref().is_some_and(|a| !self.portachiavi.conosce(a.n)) {
            self.leggi_chiavi().await?;
        }
        let lettore = self.lettore();
        in_disparte(move || lettore.scorri(&f)).await.map(Some)
    }

    /// The first key for the files of an ente that is being made.
    pub(crate) async fn prima_chiave_dei_file(&self, chi: &str) -> Esito<()> {
        self.nuova_chiave_dei_file(chi, true).await.map(drop)
    }

    async fn nuova_chiave_dei_file(&self, chi: &str, solo_la_prima: bool) -> Esito<i64> {
        let (chiavi, chi, ora) = (Arc::clone(&self.portachiavi), chi.to_owned(), self.ora());
        let n = self.scrivi(move |c| chiavi.aggiungi(c, solo_la_prima, &chi, ora.0)).await?;
        self.leggi_chiavi().await?;
        Ok(n)
    }

    pub(super) async fn ruota(&self, chi: &str, nuova: bool) -> Esito<Rotazione> {
        if nuova {
            self.nuova_chiave_dei_file(chi, false).await?;
        } else {
            self.leggi_chiavi().await?;
        }
        let contati = |c: &dyn Db| {
            let in_forza = c.numero("SELECT coalesce(max(n), 0) FROM chiave_file", &[])?;
            let in_chiaro = c.numero("SELECT count(*) FROM oggetto_file WHERE codifica = 'nessuna'", &[])?;
            Ok((in_forza, in_chiaro.unsigned_abs()))
        };
        let (n, in_chiaro) = self.leggi(contati).await?;
        let (mut riavvolte, mut guaste, mut dopo) = (0, 0, Vec::new());
        loop {
            let da = std::mem::take(&mut dopo);
            let lotto = self.leggi(move |c| vecchie(c, n, &da)).await?;
            let Some(ultima) = lotto.last() else { break };
            dopo = ultima.impronta.0.to_vec();
            let chiavi = Arc::clone(&self.portachiavi);
            let (fatte, male) = self
                .scrivi(move |c| {
                    let (mut fatte, mut male) = (0, 0);
                    for f in &lotto {
                        let Some(a) = &f.chiave else { continue };
                        // One that was altered does not keep the others under the old key.
                        let Ok(b) = chiavi.riavvolgi(&f.oggetto, a, n) else {
                            male += 1;
                            continue;
                        };
                        let sql =
                            "INSERT INTO chiave_documento(impronta, n, chiave) VALUES (?,?,?) ON CONFLICT DO NOTHING";
                        c.scrivi(sql, valori![&f.impronta.0, b.n, &b.chiave])?;
                        fatte += 1;
                    }
                    Ok((fatte, male))
                })
                .await?;
            riavvolte += fatte;
            guaste += male;
        }
        Ok(Rotazione { chiave: n, riavvolte, guaste, in_chiaro })
    }

    pub(super) async fn spazza_file(&self) -> Esito<u64> {
        if self.deposito.a_distanza() {
            return self.spazza_a_distanza().await;
        }
        let (eta, apertura) = match self.motore.condiviso() {
            false => (AFFITTO_S, self.apertura),
            true => (AFFITTO_ALTRUI_S, std::time::SystemTime::UNIX_EPOCH),
        };
        let deposito = self.deposito.clone();
        let vecchi = in_disparte(move || deposito.vecchi(eta, apertura)).await?;
        let mut tolti = 0;
        for gruppo in vecchi.chunks(256) {
            let (gruppo, deposito) = (gruppo.to_vec(), self.deposito.clone());
            // Under the writer: no registration can be taking the object meanwhile.
            let suoi = self.scrivi(move |c| {
                let mut tolti = 0;
                for oggetto in gruppo {
                    if !c.usato(&oggetto)? && !deposito.in_volo(&oggetto) && deposito.togli(&oggetto) {
                        tolti += 1;
                    }
                }
                Ok(tolti)
            });
            tolti += suoi.await?;
        }
        Ok(tolti)
    }
}

const COLONNE: &str = "SELECT o.impronta, o.oggetto, o.byte, o.codifica, k.n, k.chiave FROM oggetto_file o";

fn da_riga(r: &dyn Riga) -> Esito<Conservato> {
    let chiave = match r.intero_o(4)? {
        Some(n) => Some(Avvolta { n, chiave: r.byte(5)?.to_vec() }),
        None => None,
    };
    Ok(Conservato {
        impronta: Impronta(r.hash(0)?),
        oggetto: r.proprio(1)?,
        byte: r.naturale(2)?,
        codifica: r.proprio(3)?,
        chiave,
    })
}

/// How a file is kept.
fn conservato(c: &dyn Db, impronta: &Impronta) -> Esito<Option<Conservato>> {
    let sql = format!(
        "{COLONNE} LEFT JOIN chiave_documento k ON k.impronta = o.impronta WHERE o.impronta = ? ORDER BY k.n DESC LIMIT 1"
    );
    c.una(&sql, valori![&impronta.0], da_riga)
}

/// Files whose key no key of the ente as new as the `n`-th wraps, by impronta.
fn vecchie(c: &dyn Db, n: i64, dopo: &[u8]) -> Esito<Vec<Conservato>> {
    let sql = format!(
        "{COLONNE} JOIN chiave_documento k ON k.impronta = o.impronta
         WHERE k.impronta > ? AND k.n < ?
           AND NOT EXISTS (SELECT 1 FROM chiave_documento x WHERE x.impronta = k.impronta AND x.n > k.n)
         ORDER BY k.impronta LIMIT ?"
    );
    c.tutte(&sql, valori![dopo, n, RIAVVOLTE], da_riga)
}
