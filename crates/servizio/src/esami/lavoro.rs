//! The job that examines: a registration that was just made calls it, and so does each round, for what a process that stopped left.
//! Of several nodes one looks at an ente at a time; if two do all the same, the second finds that the point has moved, and keeps nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use archivio::store::{DaEsaminare, Esame, Lotto};
use archivio::{EnteStore, Errore, Esito};
use dominio::codici::{CodiceAoo, CodiceIpa};

use super::{ATTESA_MAX, Esami, Fermo, LETTURE_MAX, PRIMA_ATTESA, Preso, TENTATIVI_MAX, rifiutato};
use crate::{Servizio, chiamate};

/// Documents looked at together.
const DOCUMENTI: usize = 64;
/// Groups of them, before it is looked at whether one may go on.
const GRUPPI: usize = 8;
/// Verdicts written together, in bytes.
const PESO: usize = 1 << 20;
/// For how long an ente is a node's, unless it says so again.
const TURNO_TENUTO: Duration = Duration::from_secs(600);
/// When another node has it.
const DI_ALTRI: Duration = Duration::from_secs(30);

/// What goes on by itself, until it is ended.
pub(crate) async fn lavora(s: Arc<Servizio>) {
    chiamate::lavora(s, |s| &s.esami.chiamate, |s| s.esami.maturi(), di_un_ente).await;
}

async fn di_un_ente(s: Arc<Servizio>, ipa: CodiceIpa) {
    // Also one that was closed meanwhile: who called had something.
    let ente = match s.store.guarda(&ipa).await {
        Ok(Some(e)) => e,
        Ok(None) => return,
        Err(e) => return s.esami.ferma(&ipa, &e),
    };
    let turno = format!("firme/{ipa}");
    match s.store.turno(&turno, TURNO_TENUTO).await {
        Ok(true) => {}
        Ok(false) => {
            let fermo = Fermo { prossimo: Instant::now() + DI_ALTRI, attesa: Duration::ZERO, file: None };
            s.esami.fermi().insert(ipa, fermo);
            return;
        }
        Err(e) => return s.esami.ferma(&ipa, &e),
    }
    match s.esami.dell_ente(&*ente).await {
        Ok(ancora) => {
            s.esami.fermi().remove(&ipa);
            if ancora {
                s.esami.sveglia(&ipa);
            }
        }
        Err(e) => s.esami.ferma(&ipa, &e),
    }
    if let Err(e) = s.store.lascia_turno(&turno).await {
        tracing::warn!(ente = %ipa, errore = %e, "il turno degli esami resta a questo processo finché non scade");
    }
}

impl Esami {
    /// Enti in which it is time to try again.
    fn maturi(&self) -> Vec<CodiceIpa> {
        let adesso = Instant::now();
        self.fermi().iter().filter(|(_, f)| f.prossimo <= adesso).map(|(ipa, _)| ipa.clone()).collect()
    }

    fn ferma(&self, ipa: &CodiceIpa, e: &Errore) {
        tracing::warn!(ente = %ipa, errore = %e, "esame delle firme");
        let mut fermi = self.fermi();
        let prima = fermi.remove(ipa);
        let attesa = prima.as_ref().map_or(PRIMA_ATTESA, |f| (f.attesa * 2).clamp(PRIMA_ATTESA, ATTESA_MAX));
        let file = prima.and_then(|f| f.file);
        fermi.insert(ipa.clone(), Fermo { prossimo: Instant::now() + attesa, attesa, file });
    }

    /// One more time in which a file could not be read: is it the last?
    fn basta(&self, ipa: &CodiceIpa, d: &DaEsaminare) -> bool {
        let mut fermi = self.fermi();
        let f = fermi.entry(ipa.clone()).or_insert_with(|| Fermo {
            prossimo: Instant::now() + PRIMA_ATTESA,
            attesa: Duration::ZERO,
            file: None,
        });
        let volte = f.file.filter(|(i, _)| *i == d.impronta).map_or(1, |(_, v)| v + 1);
        f.file = Some((d.impronta, volte));
        volte >= LETTURE_MAX
    }

    /// Does anything wait in an ente?
    ///
    /// # Errors
    /// The storage's.
    pub(crate) async fn aspetta(&self, ente: &dyn EnteStore) -> Esito<bool> {
        for aoo in ente.configurazione().aoo.keys() {
            if ente.da_esaminare(aoo, 1).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Examines what waits in an ente; says whether there is more.
    ///
    /// # Errors
    /// The storage's: what was found so far is kept.
    pub async fn dell_ente(&self, ente: &dyn EnteStore) -> Esito<bool> {
        let mut ancora = false;
        for aoo in ente.configurazione().aoo.keys() {
            ancora |= self.di_una_aoo(ente, aoo).await?;
        }
        Ok(ancora)
    }

    async fn di_una_aoo(&self, ente: &dyn EnteStore, aoo: &CodiceAoo) -> Esito<bool> {
        for _ in 0..GRUPPI {
            let Some(lotto) = ente.da_esaminare(aoo, DOCUMENTI).await? else { return Ok(false) };
            self.di_un_lotto(ente, aoo, lotto).await?;
        }
        Ok(true)
    }

    /// Goes through a group; leaves it where another node has gone further.
    async fn di_un_lotto(&self, ente: &dyn EnteStore, aoo: &CodiceAoo, lotto: Lotto) -> Esito<()> {
        let (mut da, mut cominciato, mut peso) = (lotto.da, false, 0);
        let mut fatto = da;
        // After an interruption one at a time, to the end of the group, so that the one that brings it about is known.
        let da_solo = da.tentativi > 0;
        let mut trovati: Vec<(DaEsaminare, Esame)> = Vec::new();
        for d in lotto.documenti {
            let preso = match self.prendi(ente, &d).await {
                Ok(p) => p,
                Err(Errore::Incoerente(_)) => Preso::No("il file conservato non è quello registrato".to_owned()),
                Err(_) if self.basta(ente.ipa(), &d) => Preso::No("il file non si è potuto leggere".to_owned()),
                Err(e) => {
                    if fatto != da {
                        ente.concludi_esame(aoo, da, fatto, trovati).await?;
                    }
                    return Err(e);
                }
            };
            let esame = match preso {
                Preso::Altro => None,
                Preso::No(perche) => Some(rifiutato(&perche, ente.ora())),
                Preso::Si(byte, posto) => {
                    // Written before: a file that ends the process would otherwise end it for ever.
                    if !cominciato {
                        let Some(segno) = ente.comincia_esame(aoo, da).await? else { return Ok(()) };
                        (da, cominciato) = (segno, true);
                    }
                    if da.tentativi > TENTATIVI_MAX {
                        Some(rifiutato("l'esame di questo file si è interrotto più volte: non esaminato", ente.ora()))
                    } else {
                        let (e, firmato) = self.esamina(byte, posto, d.riferimento, ente.ora()).await;
                        // Of a file that carries none it is enough that it was looked at.
                        firmato.then_some(e)
                    }
                }
            };
            fatto = d.fatto();
            peso += esame.as_ref().map_or(0, |e| e.esito.len());
            trovati.extend(esame.map(|e| (d, e)));
            if peso > PESO || da_solo {
                if !ente.concludi_esame(aoo, da, fatto, std::mem::take(&mut trovati)).await? {
                    return Ok(());
                }
                (da, cominciato, peso) = (fatto, false, 0);
            }
        }
        if da != lotto.fino {
            ente.concludi_esame(aoo, da, lotto.fino, trovati).await?;
        }
        Ok(())
    }
}
