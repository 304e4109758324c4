//! A registration before the writer and after it: judged, digested, handed in, shown.

use dominio::codici::CodiceAoo;
use dominio::comandi::puo_vedere;
use dominio::errori::{Rifiuto, Rigore};
use dominio::operazione::{CampiNoti, Evento, Operazione};
use dominio::permessi::Operatore;
use dominio::registrazione::{Chiave, DatiRegistrazione, Registrazione};

use super::Ente;
use crate::scrittore::{Lavoro, Pronta, Statici};
use crate::store::{DaRegistrare, EnteStore as _, Errore, Esito, Fatto, documento};
use crate::{letture, righe};

/// A registration on its way to the writer, or the answer that the same request had.
enum Preparata {
    Ora(Box<Pronta>),
    Prima(Fatto),
}

impl Ente {
    pub(super) async fn registrata(&self, aoo: &CodiceAoo, nuova: DaRegistrare) -> Esito<Fatto> {
        match self.preparata(aoo, nuova).await? {
            Preparata::Ora(p) => self.manda(p).await,
            Preparata::Prima(f) => Ok(f),
        }
    }

    pub(super) async fn registrata_e_mostrata(
        &self,
        aoo: &CodiceAoo,
        nuova: DaRegistrare,
    ) -> Esito<(Fatto, Registrazione)> {
        let (operatore, porta) = ((&nuova.chi).into(), nuova.chi.porta);
        let mut dati = None;
        let fatto = match self.preparata(aoo, nuova).await? {
            Preparata::Ora(p) => {
                dati = Some(p.dati.clone());
                self.manda(p).await?
            }
            Preparata::Prima(f) => f,
        };
        let registrazione = match dati {
            // It was made by this operation alone: nothing has to be read.
            Some(dati) if !fatto.ripetuta => Registrazione::da_operazioni(&[Operazione {
                ente: self.ipa.clone(),
                aoo: Some(aoo.clone()),
                indice: fatto.indice,
                istante: fatto.istante,
                operatore,
                porta,
                chiave: fatto.chiave.clone(),
                evento: Evento::Registrazione(Box::new(dati)),
            }]),
            _ => match &fatto.chiave {
                Some(k) => self.registrazione(aoo, k, Some(fatto.indice)).await?,
                None => None,
            },
        };
        let registrazione = registrazione.ok_or_else(|| Errore::Incoerente("registrazione senza numero".to_owned()))?;
        Ok((fatto, registrazione))
    }

    /// Hands a registration to the writer, and counts its files.
    async fn manda(&self, p: Box<Pronta>) -> Esito<Fatto> {
        let (file, byte) = (p.file.len() as u64, p.file.iter().map(|f| f.byte).sum());
        let fatto = self.chiedi(|r| Lavoro::Registra(p, r)).await?;
        if !fatto.ripetuta {
            self.vetrina.misure.file(file, byte);
        }
        Ok(fatto)
    }

    async fn preparata(&self, aoo: &CodiceAoo, nuova: DaRegistrare) -> Esito<Preparata> {
        let idem = nuova.idempotenza.clone();
        match self.prepara(aoo, nuova).await {
            Ok(p) => Ok(Preparata::Ora(Box::new(p))),
            // The same request, refused now for what changed since: it still gets its first answer.
            Err(rifiuto) => {
                let log = self.log(Some(aoo))?;
                let prima = self.leggi(move |c| letture::gia_fatto(c, log.id, idem.as_ref())).await?;
                prima.map(Preparata::Prima).ok_or(rifiuto)
            }
        }
    }

    /// What a new registration tells of others of this AOO, as they are for who registers: what it answers, and the day of its
    /// first registration.
    async fn racconta(
        &self,
        aoo: &CodiceAoo,
        chi: &Operatore,
        rigore: Rigore,
        risponde_a: Option<Chiave>,
        d: &mut DatiRegistrazione,
    ) -> Esito<()> {
        if let Some(k) = risponde_a {
            let r = self.registrazione(aoo, &k, None).await?;
            match dominio::nuova::risponde(chi, d, &k, r.as_ref()) {
                Ok(r) => d.risponde_a = Some(r),
                Err(e) => rigore.rifiuta(e, &mut d.anomalie)?,
            }
        }
        if let Some(x) = d.prima_registrazione.as_mut().filter(|x| x.ente == self.ipa && &x.aoo == aoo) {
            let k = Chiave { registro: x.registro.clone(), anno: x.anno, numero: x.numero };
            match self.registrazione(aoo, &k, None).await? {
                Some(r) if puo_vedere(chi, &r) => x.data = Some(r.istante.giorno()),
                // What is not his to know is not his to say.
                Some(_) => x.data = None,
                None => {
                    let e = Rifiuto::campo("primaRegistrazione", format!("la registrazione {k} non esiste"));
                    rigore.rifiuta(e, &mut d.anomalie)?;
                }
            }
        }
        Ok(())
    }

    /// Judges, digests and derives rows: all that needs neither the writer nor its lock.
    async fn prepara(&self, aoo: &CodiceAoo, n: DaRegistrare) -> Esito<Pronta> {
        let risponde_a = n.dati.risponde_a.clone();
        let (versione, conf) = self.conf();
        let stato =
            conf.aoo.get(aoo).ok_or_else(|| Rifiuto::NonTrovato("l'AOO non esiste in questo ente".to_owned()))?;
        let ora = self.ora();
        dominio::nuova::controlla_assegnatari(&conf, aoo, ora, &n.dati.assegnazioni)?;
        let documenti = (1..).zip(&n.file).map(|(i, f)| documento(i, f)).collect();
        let mut dati = dominio::nuova::registra(stato, &n.chi, &n.registro, ora, n.rigore, n.dati, documenti)?;
        self.racconta(aoo, &n.chi, n.rigore, risponde_a, &mut dati).await?;
        if let Some(c) = n.controllo {
            (c.0)(&conf, aoo, &dati)?;
        }
        let righe = righe::registrazione(&dati, n.chi.id.as_str());
        let evento = Evento::Registrazione(Box::new(dati));
        let campi = CampiNoti::di(&self.ipa, Some(aoo), &n.chi, Some(&n.registro), &evento)
            .map_err(|e| Errore::Incoerente(e.to_string()))?;
        let statici = Some(Statici::di(&campi)?);
        let Evento::Registrazione(dati) = evento else {
            return Err(Errore::Incoerente("evento".to_owned()));
        };
        Ok(Pronta {
            aoo: aoo.clone(),
            registro: n.registro,
            versione,
            dati: *dati,
            statici,
            righe,
            file: n.file.into_iter().map(|f| f.file).collect(),
            idempotenza: n.idempotenza,
        })
    }
}
