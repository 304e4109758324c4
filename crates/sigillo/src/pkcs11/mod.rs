//! The key in a device that speaks PKCS#11: an HSM, a smart card, a token. The mechanism is chosen among those that the
//! device says it has; sessions are few and shared; a device that was taken away is *not available* until it is back, and
//! nobody need restart anything. R-C11.
//!
//! A PIN that was refused is never tried again: three wrong ones lock most devices for good. For the same reason a device
//! that has one try left is not asked at all.
//!
//! What cannot be done here: a call that hangs inside the maker's library holds its session for ever. Sessions are
//! bounded, so that who comes after is told within [`Impostazioni::attesa`].

mod accesso;
mod modulo;
mod nuova;
mod sessioni;

use std::path::PathBuf;
use std::time::Duration;

use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use crate::algoritmo::ecdsa_grezza;
use crate::sealer::FIRME_MAX;
use crate::{Algoritmo, Certificato, Errore, Firma, Identita, Sealer, Segreto};

pub use nuova::{ChiaveNuova, TipoDiChiave};
use sessioni::Sessioni;

/// Most certificates that are read from a device.
const CERTIFICATI_MAX: usize = 64;

/// Where the key is and how to reach it.
#[derive(Debug, Clone)]
pub struct Impostazioni {
    /// The maker's library.
    pub modulo: PathBuf,
    /// Label of the token.
    pub token: String,
    /// Serial number of the token, where labels are not enough.
    pub seriale: Option<String>,
    /// Label of the key, where the token has more than one.
    pub chiave: Option<String>,
    /// What unlocks it.
    pub pin: Segreto,
    /// Sessions open at once.
    pub sessioni_max: usize,
    /// How long to wait for a free session.
    pub attesa: Duration,
    /// How long after having looked for a token that is not there it is looked for again, at least.
    pub pausa: Duration,
    /// Certificates that the token does not hold, the seal's among them or not.
    pub certificati: Vec<Certificato>,
}

impl Impostazioni {
    /// The usual: four sessions, ten seconds.
    pub fn nuove(modulo: impl Into<PathBuf>, token: impl Into<String>, pin: Segreto) -> Self {
        Self {
            modulo: modulo.into(),
            token: token.into(),
            seriale: None,
            chiave: None,
            pin,
            sessioni_max: 4,
            attesa: Duration::from_secs(10),
            pausa: Duration::from_secs(5),
            certificati: Vec::new(),
        }
    }
}

/// A key in a device.
#[derive(Debug)]
pub struct Token {
    sessioni: Sessioni,
    dove: String,
    identita: Identita,
    /// Does the device hash, or do we?
    meccanismo: Meccanismo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meccanismo {
    /// The device hashes and signs.
    Intero(MechanismType),
    /// The device signs what we hashed.
    Impronta(MechanismType),
}

impl Token {
    /// Opens a device and finds key and certificate in it.
    ///
    /// # Errors
    /// See [`Errore`]: a device that is not there is *not available*, and may be opened later.
    pub fn apri(impostazioni: Impostazioni) -> Result<Self, Errore> {
        let mut certificati = impostazioni.certificati.clone();
        let nome_chiave = impostazioni.chiave.clone();
        let dove = format!("dispositivo «{}»", impostazioni.token);
        let sessioni = Sessioni::nuove(impostazioni, dove.clone());
        let trovato = sessioni.con(|s| {
            let chiave = trova_chiave(s, nome_chiave.as_deref())?;
            Ok((identificativo(s, chiave)?, tipo(s, chiave)?, certificati_nel_token(s)?))
        })?;
        let (id, tipo, nel_token) = trovato;
        // The certificate with the key's identifier first, then those that were given to us.
        certificati.extend(nel_token.iter().map(|(_, c)| c.clone()));
        let mut candidati: Vec<Certificato> =
            nel_token.iter().filter(|(i, _)| !id.is_empty() && *i == id).map(|(_, c)| c.clone()).collect();
        candidati.extend(certificati.iter().cloned());
        candidati.dedup();

        let mut ultimo =
            Errore::Configurazione(format!("{dove}: nessun certificato, né nel dispositivo né in configurazione"));
        for candidato in candidati {
            let meccanismo = Algoritmo::della_chiave(candidato.spki())
                .map_err(|e| Errore::Configurazione(format!("{dove}: {e}")))
                .and_then(|a| {
                    // Asked to sign as a key of another kind, some devices break.
                    if (a == Algoritmo::RsaSha256) != (tipo == KeyType::RSA) {
                        return Err(di_altri(&dove, &candidato));
                    }
                    Ok((a, scegli(a, &sessioni.meccanismi()?, &dove)?))
                });
            let (algoritmo, meccanismo) = match meccanismo {
                Ok(m) => m,
                Err(e) => {
                    ultimo = e;
                    continue;
                }
            };
            // The key is tried: a certificate that is not its own is found now, not at the first seal.
            let prova: &[u8] = b"prova della chiave";
            match sessioni
                .con(|s| firma_grezza(s, trova_chiave(s, nome_chiave.as_deref())?, meccanismo, algoritmo, prova))
            {
                Ok(f) if algoritmo.verifica(candidato.spki(), prova, &f) => {
                    if !candidato.puo_firmare() {
                        return Err(Errore::Configurazione(format!("{dove}: il certificato non consente di firmare")));
                    }
                    let identita = Identita::nuova(algoritmo, candidato, certificati);
                    sessioni.tieni_chiave(nome_chiave);
                    return Ok(Self { sessioni, dove, identita, meccanismo });
                }
                Ok(_) => ultimo = di_altri(&dove, &candidato),
                Err(e @ (Errore::NonDisponibile { .. } | Errore::Rifiutato { .. })) => return Err(e),
                Err(e) => ultimo = e,
            }
        }
        Err(ultimo)
    }

    /// How the device signs, in the words of PKCS#11: for whoever sets it up.
    pub fn meccanismo(&self) -> String {
        match self.meccanismo {
            Meccanismo::Intero(m) => m.to_string(),
            Meccanismo::Impronta(m) => format!("{m} su impronta calcolata dal programma"),
        }
    }
}

impl Sealer for Token {
    fn identita(&self) -> &Identita {
        &self.identita
    }

    fn dove(&self) -> String {
        self.dove.clone()
    }

    fn firma_molti(&self, da_firmare: &[&[u8]]) -> Result<Vec<Firma>, Errore> {
        if da_firmare.len() > FIRME_MAX {
            return Err(Errore::Configurazione(format!("{} firme in una volta: troppe", da_firmare.len())));
        }
        let grezze = self.sessioni.con_chiave(|s, chiave| {
            da_firmare
                .iter()
                .map(|d| firma_grezza(s, chiave, self.meccanismo, self.algoritmo(), d))
                .collect::<Result<Vec<_>, _>>()
        })?;
        da_firmare.iter().zip(grezze).map(|(d, f)| Firma::verificata(self, d, f)).collect()
    }
}

fn di_altri(dove: &str, certificato: &Certificato) -> Errore {
    let nome = certificato.titolare().nome.as_deref().unwrap_or("?");
    Errore::Configurazione(format!("{dove}: il certificato di «{nome}» non è della chiave del dispositivo"))
}

/// What goes wrong while a session is used.
type Esito<T> = Result<T, modulo::Guasto>;

fn scegli(algoritmo: Algoritmo, disponibili: &[MechanismType], dove: &str) -> Result<Meccanismo, Errore> {
    let (intero, impronta) = match algoritmo {
        Algoritmo::RsaSha256 => (MechanismType::SHA256_RSA_PKCS, MechanismType::RSA_PKCS),
        Algoritmo::EcdsaP256Sha256 => (MechanismType::ECDSA_SHA256, MechanismType::ECDSA),
        Algoritmo::EcdsaP384Sha384 => (MechanismType::ECDSA_SHA384, MechanismType::ECDSA),
    };
    if disponibili.contains(&intero) {
        Ok(Meccanismo::Intero(intero))
    } else if disponibili.contains(&impronta) {
        Ok(Meccanismo::Impronta(impronta))
    } else {
        Err(Errore::Configurazione(format!("{dove}: il dispositivo non ha né {intero} né {impronta}")))
    }
}

fn firma_grezza(s: &Session, chiave: ObjectHandle, come: Meccanismo, a: Algoritmo, byte: &[u8]) -> Esito<Vec<u8>> {
    let firma = match (come, a) {
        (Meccanismo::Intero(_), Algoritmo::RsaSha256) => s.sign(&Mechanism::Sha256RsaPkcs, chiave, byte),
        (Meccanismo::Intero(_), Algoritmo::EcdsaP256Sha256) => s.sign(&Mechanism::EcdsaSha256, chiave, byte),
        (Meccanismo::Intero(_), Algoritmo::EcdsaP384Sha384) => s.sign(&Mechanism::EcdsaSha384, chiave, byte),
        (Meccanismo::Impronta(_), Algoritmo::RsaSha256) => {
            s.sign(&Mechanism::RsaPkcs, chiave, &a.digest_info(&a.impronta(byte)))
        }
        (Meccanismo::Impronta(_), _) => s.sign(&Mechanism::Ecdsa, chiave, &a.impronta(byte)),
    }?;
    match a.lunghezza_ecdsa() {
        None => Ok(firma),
        // The norm says raw; some libraries answer in DER.
        Some(n) => ecdsa_grezza(&firma, n).ok_or(modulo::Guasto::Sbagliata("firma ECDSA di forma sconosciuta".into())),
    }
}

/// The only private key of this label.
fn trova_chiave(s: &Session, nome: Option<&str>) -> Esito<ObjectHandle> {
    let mut cerca = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
    cerca.extend(nome.map(|n| Attribute::Label(n.as_bytes().to_vec())));
    let trovate = s.find_objects(&cerca)?;
    let detta = nome.map_or(String::new(), |n| format!(" «{n}»"));
    match *trovate {
        [sola] => Ok(sola),
        [] => Err(modulo::Guasto::Configurazione(format!("nessuna chiave privata{detta}"))),
        _ => Err(modulo::Guasto::Configurazione(format!(
            "{} chiavi private{detta}: va detta l'etichetta di quella del sigillo",
            trovate.len()
        ))),
    }
}

fn identificativo(s: &Session, oggetto: ObjectHandle) -> Esito<Vec<u8>> {
    let attributi = s.get_attributes(oggetto, &[AttributeType::Id])?;
    Ok(attributi.into_iter().find_map(|a| if let Attribute::Id(id) = a { Some(id) } else { None }).unwrap_or_default())
}

fn tipo(s: &Session, chiave: ObjectHandle) -> Esito<KeyType> {
    let attributi = s.get_attributes(chiave, &[AttributeType::KeyType])?;
    attributi
        .into_iter()
        .find_map(|a| if let Attribute::KeyType(t) = a { Some(t) } else { None })
        .ok_or_else(|| modulo::Guasto::Sbagliata("il dispositivo non dice di che tipo è la chiave".into()))
}

/// Certificates in the token, with their identifiers.
fn certificati_nel_token(s: &Session) -> Esito<Vec<(Vec<u8>, Certificato)>> {
    let mut trovati = Vec::new();
    for oggetto in s.find_objects(&[Attribute::Class(ObjectClass::CERTIFICATE)])?.into_iter().take(CERTIFICATI_MAX) {
        let attributi = s.get_attributes(oggetto, &[AttributeType::Value])?;
        let valore = attributi.iter().find_map(|a| if let Attribute::Value(v) = a { Some(v) } else { None });
        if let Some(certificato) = valore.and_then(|v| Certificato::da_der(v).ok()) {
            trovati.push((identificativo(s, oggetto)?, certificato));
        }
    }
    Ok(trovati)
}
