//! Messages of a provider, made: transport envelopes, receipts of every kind and size, warnings, anomalies, all signed.
//!
//! For trials, for the demo and for a provider that is not there: a register cannot be tried on certified mail without a
//! provider who gives receipts. What is written here is read back the same by [`crate::leggi`]. Nothing is random: the same
//! data give the same message, but for the signature.

mod originale;
mod scrivi_daticert;
mod testi;

use jiff::Timestamp;
use lettre::message::header::{ContentDisposition, ContentTransferEncoding, ContentType, From, Headers, ReplyTo, To};
use lettre::message::{Body, MultiPart, SinglePart};
use sigillo::dimostrazione;
use sigillo::richiesta::{Identificativo, Soggetto};
use sigillo::software::ChiaveSoftware;
use sigillo::{Sealer, Segreto};

pub(crate) use scrivi_daticert::scrivi as scrivi_daticert;

use crate::Data;
use crate::daticert::{Daticert, Destinatario};
use crate::firma::canonici;
use crate::mime::Messaggio;
pub use crate::scrittura::Errore;
use crate::scrittura::{base64, campo, casella, caselle, confine, data, esatto, id, intero, no, pulito, tipo_ricevuta};
use crate::tipo::{ErrorePec, Ricevuta, Tipo, TipoDestinatario};

/// A provider.
#[derive(Clone, Copy)]
pub struct Gestore<'s> {
    /// Its name, as it certifies.
    pub nome: &'s str,
    /// Its domain: it writes from `posta-certificata@dominio`.
    pub dominio: &'s str,
    /// Its key.
    pub sigillo: &'s dyn Sealer,
}

/// Key and authority of a provider that is nobody: its certificates say so.
#[derive(Debug)]
pub struct Chiavi {
    /// Certificate of the authority, in DER: what to believe in ([`firme::Fiducia::ancora_pec`]).
    pub ca: Vec<u8>,
    /// The key.
    pub sigillo: ChiaveSoftware,
}

impl Chiavi {
    /// Makes them, in force from `da`.
    ///
    /// # Errors
    /// [`Errore::Sigillo`], or a name that no certificate can hold.
    pub fn dimostrative(nome: &str, da: Timestamp) -> Result<Self, Errore> {
        let soggetto = Soggetto {
            organizzazione: nome.to_owned(),
            identificativo: Identificativo::Ipa("gestore-di-prova".into()),
            nome: None,
        };
        // The file is opened here and thrown away: nobody needs its password.
        let password = Segreto::nuovo("dimostrazione");
        let fatto = match dimostrazione::crea(&soggetto, da, &password) {
            Ok(f) => f,
            Err(e) => return no("gestore", e.to_string()),
        };
        let sigillo = ChiaveSoftware::da_pkcs12(&fatto.pkcs12, &password)?;
        Ok(Self { ca: fatto.ca.der().to_vec(), sigillo })
    }
}

/// A message handed in by who sends: what its provider knows of it.
#[derive(Debug, Clone)]
pub struct Invio {
    /// As handed in.
    pub originale: Vec<u8>,
    /// Sender, recipients, subject, Message-ID, kind of receipt.
    pub base: Daticert,
}

impl Invio {
    /// Reads it; `certificato` says which addresses have certified mail.
    pub fn leggi(originale: &[u8], certificato: impl Fn(&str) -> bool) -> Self {
        let m = Messaggio::leggi(originale);
        let t = m.testata();
        let mittente = t.from.as_ref().map(|i| i.indirizzo.clone());
        let destinatari = t.to.iter().chain(&t.cc).map(|i| {
            let tipo =
                if certificato(&i.indirizzo) { TipoDestinatario::Certificato } else { TipoDestinatario::Esterno };
            Destinatario { indirizzo: i.indirizzo.clone(), tipo: Some(tipo) }
        });
        let base = Daticert {
            destinatari: destinatari.collect(),
            risposte: t.reply_to.as_ref().map(|i| i.indirizzo.clone()).or_else(|| mittente.clone()),
            mittente,
            oggetto: t.subject.clone(),
            msgid: t.message_id.clone(),
            ricevuta: Some(t.x_tipo_ricevuta.as_deref().and_then(Ricevuta::da_nome).unwrap_or(Ricevuta::Completa)),
            ..Daticert::default()
        };
        Self { originale: originale.to_vec(), base }
    }

    /// The data of a message about it: to be filled in with recipient and error, where there are.
    pub fn dati(&self, tipo: Tipo, data: Data, identificativo: &str) -> Daticert {
        let con_ricevuta = matches!(tipo, Tipo::PostaCertificata | Tipo::AvvenutaConsegna);
        Daticert {
            tipo: Some(tipo),
            errore: Some(ErrorePec::Nessuno),
            data: Some(data),
            identificativo: Some(identificativo.to_owned()),
            ricevuta: self.base.ricevuta.filter(|_| con_ricevuta),
            ..self.base.clone()
        }
    }
}

impl Gestore<'_> {
    /// The message that these data certify: an envelope, with the original inside; a delivery receipt, with as much of it as
    /// its kind says; another receipt, without.
    ///
    /// # Errors
    /// [`Errore::Campo`] when something that a message of that kind must have is missing or cannot be written;
    /// [`Errore::Sigillo`].
    pub fn messaggio(&self, d: &Daticert, originale: Option<&[u8]>) -> Result<Vec<u8>, Errore> {
        let (Some(tipo), Some(quando)) = (d.tipo, d.data) else { return no("dati", "mancano il tipo o la data") };
        let d = Daticert { gestore: Some(self.nome.to_owned()), ..d.clone() };
        let (Some(mittente), Some(identificativo)) = (&d.mittente, &d.identificativo) else {
            return no("dati", "mancano il mittente o l'identificativo");
        };
        let xml = d.scrivi()?;
        let msgid = match &d.msgid {
            Some(m) => m.clone(),
            None => format!("<{identificativo}>"),
        };
        let dentro = match (tipo, d.ricevuta, originale) {
            (Tipo::PostaCertificata, _, Some(o))
            | (Tipo::AvvenutaConsegna, None | Some(Ricevuta::Completa), Some(o)) => {
                Some(originale::riscritto(o, identificativo, &msgid, d.ricevuta))
            }
            (Tipo::AvvenutaConsegna, Some(Ricevuta::Breve), Some(o)) => {
                Some(originale::breve(&originale::riscritto(o, identificativo, &msgid, d.ricevuta)))
            }
            (Tipo::PostaCertificata, _, None) => {
                return no("messaggio originale", "una busta di trasporto lo contiene");
            }
            _ => None,
        };
        let mut h = Headers::new();
        let virus = d.errore == Some(ErrorePec::Virus);
        self.oggetto(&mut h, tipo, virus, d.oggetto.as_deref())?;
        data(&mut h, quando)?;
        esatto(&mut h, "X-Riferimento-Message-ID", id("Message-ID di riferimento", &msgid)?);
        if tipo == Tipo::PostaCertificata {
            h.set(From::from(self.per_conto(mittente)?));
            if let Some(r) = &d.risposte {
                h.set(ReplyTo::from(caselle("risposte", [(None, r.as_str())])?));
            }
            h.set(To::from(caselle("destinatari", d.destinatari.iter().map(|x| (None, x.indirizzo.as_str())))?));
            esatto(&mut h, "X-Trasporto", "posta-certificata");
            tipo_ricevuta(&mut h, d.ricevuta);
            esatto(&mut h, "Message-ID", id("identificativo", &format!("<{identificativo}>"))?);
        } else {
            h.set(From::from(caselle("gestore", [(None, self.casella().as_str())])?));
            h.set(To::from(caselle("mittente", [(None, self.a_chi(tipo, mittente, identificativo).as_str())])?));
            esatto(&mut h, "X-Ricevuta", tipo.nome());
            if virus {
                esatto(&mut h, "X-VerificaSicurezza", "errore");
            }
            if tipo == Tipo::RilevazioneVirus {
                esatto(&mut h, "X-Mittente", casella("mittente", None, mittente)?.email.as_ref());
            }
            let mio = confine(tipo.nome(), &[xml.as_bytes()]).replace("----=", "");
            esatto(&mut h, "Message-ID", id("dominio", &format!("<{mio}@{}>", self.dominio))?);
        }
        self.firmato(h, &testi::testo(&d, tipo), Some(&xml), dentro.as_deref(), quando.istante)
    }

    /// The envelope around ordinary mail that arrived in a certified mailbox (R-E01): no data, nothing certified.
    ///
    /// # Errors
    /// As [`Gestore::messaggio`].
    pub fn anomalia(&self, invio: &Invio, quando: Data, identificativo: &str, perche: &str) -> Result<Vec<u8>, Errore> {
        let d = Daticert {
            errore_esteso: Some(perche.to_owned()),
            ..invio.dati(Tipo::AnomaliaMessaggio, quando, identificativo)
        };
        let mut h = Headers::new();
        self.oggetto(&mut h, Tipo::AnomaliaMessaggio, false, d.oggetto.as_deref())?;
        data(&mut h, quando)?;
        h.set(From::from(self.per_conto(d.mittente.as_deref().unwrap_or_default())?));
        h.set(To::from(caselle("destinatari", d.destinatari.iter().map(|x| (None, x.indirizzo.as_str())))?));
        esatto(&mut h, "X-Trasporto", "errore");
        esatto(&mut h, "Message-ID", id("identificativo", &format!("<{identificativo}>"))?);
        let dentro = canonici(&invio.originale);
        self.firmato(h, &testi::testo(&d, Tipo::AnomaliaMessaggio), None, Some(&dentro), quando.istante)
    }

    fn casella(&self) -> String {
        format!("posta-certificata@{}", self.dominio)
    }

    fn per_conto(&self, mittente: &str) -> Result<lettre::message::Mailboxes, Errore> {
        caselle("mittente", [(Some(format!("Per conto di: {mittente}").as_str()), self.casella().as_str())])
    }

    /// Receipts go to who sent, or between providers.
    fn a_chi(&self, tipo: Tipo, mittente: &str, identificativo: &str) -> String {
        match (tipo, identificativo.rsplit_once('@')) {
            (Tipo::PresaInCarico | Tipo::RilevazioneVirus, Some((_, dominio))) => {
                format!("posta-certificata@{dominio}")
            }
            _ => mittente.to_owned(),
        }
    }

    fn oggetto(&self, h: &mut Headers, tipo: Tipo, virus: bool, oggetto: Option<&str>) -> Result<(), Errore> {
        let oggetto = pulito("oggetto", oggetto.unwrap_or_default())?;
        campo(h, "Subject", format!("{}: {oggetto}", testi::prefisso(tipo, virus)).trim_end());
        Ok(())
    }

    /// Text, data and original in one part, and the signature of its bytes beside it (RFC 8551 § 3.5.3).
    fn firmato(
        &self,
        testata: Headers,
        testo: &str,
        xml: Option<&str>,
        dentro: Option<&[u8]>,
        quando: Timestamp,
    ) -> Result<Vec<u8>, Errore> {
        let contenuti: Vec<&[u8]> =
            [Some(testo.as_bytes()), xml.map(str::as_bytes), dentro].into_iter().flatten().collect();
        let mut corpo = MultiPart::mixed().boundary(confine("busta", &contenuti)).multipart(
            MultiPart::alternative()
                .boundary(confine("testo", &contenuti))
                .singlepart(SinglePart::plain(testo.to_owned()))
                .singlepart(SinglePart::html(testi::pagina(testo))),
        );
        let tipo = |t: &str| match ContentType::parse(t) {
            Ok(t) => Ok(t),
            Err(_) => no("tipo", t.to_owned()),
        };
        if let Some(x) = xml {
            let parte = SinglePart::builder()
                .header(tipo("application/xml; name=\"daticert.xml\"")?)
                .header(ContentDisposition::inline_with_name("daticert.xml"));
            corpo = corpo.singlepart(parte.body(base64(x.as_bytes().to_vec())));
        }
        if let Some(o) = dentro {
            let come = if o.is_ascii() { ContentTransferEncoding::SevenBit } else { ContentTransferEncoding::EightBit };
            let parte = SinglePart::builder()
                .header(tipo("message/rfc822; name=\"postacert.eml\"")?)
                .header(ContentDisposition::inline_with_name("postacert.eml"));
            corpo = corpo.singlepart(parte.body(Body::dangerous_pre_encoded(o.to_vec(), come)));
        }
        let scritto = corpo.formatted();
        // The last line break is of the boundary that follows.
        let coperto = scritto.strip_suffix(b"\r\n").unwrap_or(&scritto);
        let impronta = self.sigillo.algoritmo().impronta(coperto);
        let p7s = sigillo::cades::staccata(self.sigillo, &impronta, quando, None)?;
        let firma = SinglePart::builder()
            .header(tipo("application/x-pkcs7-signature; name=\"smime.p7s\"")?)
            .header(ContentDisposition::attachment("smime.p7s"))
            .body(base64(p7s));
        let intera = MultiPart::signed("application/x-pkcs7-signature".into(), "sha-256".into())
            .boundary(confine("firma", &contenuti))
            .multipart(corpo)
            .singlepart(firma);
        Ok(intero(testata, &intera))
    }
}
