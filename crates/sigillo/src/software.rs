//! The key in a PKCS#12 file: for trials, and for who has an advanced seal only. A qualified seal lives in a device
//! (eIDAS art. 39 and annex II). Private-key operations are `ring`'s, constant in time (`docs/decisions/0014`).

use firme::asn1::{self, Lettore, oid, senza_zeri, tag};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use zeroize::Zeroizing;

use crate::algoritmo::leggi_spki;
use crate::sealer::FIRME_MAX;
use crate::{Algoritmo, Certificato, Errore, Firma, Identita, Sealer, Segreto, pkcs12};

/// A key in memory, with its certificate.
pub struct ChiaveSoftware {
    chiave: Chiave,
    identita: Identita,
    caso: SystemRandom,
}

enum Chiave {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(Box<EcdsaKeyPair>),
}

impl ChiaveSoftware {
    /// From a PKCS#12 file: its only key that has its certificate there.
    ///
    /// # Errors
    /// [`Errore::Rifiutato`] when the password does not open it, [`Errore::Configurazione`] otherwise.
    pub fn da_pkcs12(file: &[u8], password: &Segreto) -> Result<Self, Errore> {
        let contenuto = pkcs12::leggi(file, password).map_err(|e| match e {
            pkcs12::Errore::Password => Errore::Rifiutato { dove: "file PKCS#12".into(), perche: e.to_string() },
            e => Errore::Configurazione(e.to_string()),
        })?;
        let certificati: Vec<Certificato> =
            contenuto.certificati.iter().filter_map(|c| Certificato::da_der(c).ok()).collect();
        let mut trovate = Vec::new();
        let mut ultima = String::from("nel file PKCS#12 non c'è alcuna chiave privata");
        for chiave in &contenuto.chiavi {
            match Self::da_pkcs8(chiave, &certificati) {
                Ok(s) => trovate.push(s),
                Err(e) => ultima = e.to_string(),
            }
        }
        match (trovate.pop(), trovate.len()) {
            (Some(sola), 0) => Ok(sola),
            (Some(_), _) => {
                Err(Errore::Configurazione("nel file PKCS#12 c'è più di una chiave con certificato".into()))
            }
            (None, _) => Err(Errore::Configurazione(ultima)),
        }
    }

    /// From a key (PKCS#8) and certificates in any order, one of which is its own.
    ///
    /// # Errors
    /// [`Errore::Configurazione`] when none is, or when the key is of a kind with which we do not seal.
    pub fn da_pkcs8(pkcs8: &[u8], certificati: &[Certificato]) -> Result<Self, Errore> {
        let mut perche = String::from("nessun certificato corrisponde alla chiave privata");
        for (i, certificato) in certificati.iter().enumerate() {
            let prova = Algoritmo::della_chiave(certificato.spki())
                .and_then(|algoritmo| Ok((algoritmo, apri(pkcs8, algoritmo, certificato)?)));
            match prova {
                Ok((algoritmo, Some(chiave))) => {
                    let altri = certificati.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, c)| c.clone());
                    let identita = Identita::nuova(algoritmo, certificato.clone(), altri.collect());
                    if !certificato.puo_firmare() {
                        return Err(Errore::Configurazione("il certificato non consente di firmare (keyUsage)".into()));
                    }
                    let nuova = Self { chiave, identita, caso: SystemRandom::new() };
                    // A key that does not fit its certificate is found now, not at the first seal.
                    nuova.firma(b"prova della chiave")?;
                    return Ok(nuova);
                }
                Ok((_, None)) => {}
                Err(e) => perche = e,
            }
        }
        Err(Errore::Configurazione(perche))
    }

    fn firma_una(&self, da_firmare: &[u8]) -> Result<Firma, Errore> {
        let rotta = |_| Errore::NonDisponibile { dove: self.dove(), perche: "la firma non è riuscita".into() };
        let firma = match &self.chiave {
            Chiave::Rsa(k) => {
                let mut v = vec![0; k.public().modulus_len()];
                k.sign(&RSA_PKCS1_SHA256, &self.caso, da_firmare, &mut v).map_err(rotta)?;
                v
            }
            Chiave::Ecdsa(k) => k.sign(&self.caso, da_firmare).map_err(rotta)?.as_ref().to_vec(),
        };
        Firma::verificata(self, da_firmare, firma)
    }
}

impl Sealer for ChiaveSoftware {
    fn identita(&self) -> &Identita {
        &self.identita
    }

    fn dove(&self) -> String {
        "chiave in un file PKCS#12".into()
    }

    fn firma_molti(&self, da_firmare: &[&[u8]]) -> Result<Vec<Firma>, Errore> {
        if da_firmare.len() > FIRME_MAX {
            return Err(Errore::Configurazione(format!("{} firme in una volta: troppe", da_firmare.len())));
        }
        da_firmare.iter().map(|d| self.firma_una(d)).collect()
    }
}

impl std::fmt::Debug for ChiaveSoftware {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChiaveSoftware").field("certificato", self.certificato()).finish_non_exhaustive()
    }
}

/// The key, if it is that of the certificate.
fn apri(pkcs8: &[u8], algoritmo: Algoritmo, certificato: &Certificato) -> Result<Option<Chiave>, String> {
    let (_, _, pubblica) = leggi_spki(certificato.spki()).map_err(|e| e.to_string())?;
    let mut l = Lettore::solo(pkcs8, tag::SEQUENCE).map_err(|e| format!("chiave privata illeggibile: {e}"))?.dentro();
    let (oid, dentro) = pezzi(&mut l).map_err(|e| format!("chiave privata illeggibile: {e}"))?;
    match (algoritmo, oid.as_str()) {
        (Algoritmo::RsaSha256, "1.2.840.113549.1.1.1") => {
            let chiave = RsaKeyPair::from_der(&dentro).map_err(|e| format!("chiave RSA non utilizzabile: {e}"))?;
            Ok((chiave.public_key().as_ref() == pubblica).then(|| Chiave::Rsa(Box::new(chiave))))
        }
        (Algoritmo::EcdsaP256Sha256 | Algoritmo::EcdsaP384Sha384, "1.2.840.10045.2.1") => {
            let (come, quanti) = match algoritmo {
                Algoritmo::EcdsaP256Sha256 => (&ECDSA_P256_SHA256_FIXED_SIGNING, 32),
                _ => (&ECDSA_P384_SHA384_FIXED_SIGNING, 48),
            };
            let d = scalare(&dentro, quanti).map_err(|e| format!("chiave privata illeggibile: {e}"))?;
            // The public half is taken from the certificate: many files leave it out of the key.
            let chiave = EcdsaKeyPair::from_private_key_and_public_key(come, &d, pubblica, &SystemRandom::new());
            Ok(chiave.ok().map(|c| Chiave::Ecdsa(Box::new(c))))
        }
        _ => Ok(None),
    }
}

fn pezzi(l: &mut Lettore<'_>) -> Result<(String, Zeroizing<Vec<u8>>), asn1::Errore> {
    l.atteso(tag::INTEGER)?;
    let tipo = oid(&l.atteso(tag::SEQUENCE)?.dentro().leggi()?)?;
    Ok((tipo, Zeroizing::new(l.leggi()?.ottetti()?.unito().into_owned())))
}

/// The scalar of an ECPrivateKey (RFC 5915), as long as the curve wants it.
fn scalare(ec: &[u8], quanti: usize) -> Result<Zeroizing<Vec<u8>>, asn1::Errore> {
    let mut l = Lettore::solo(ec, tag::SEQUENCE)?.dentro();
    l.atteso(tag::INTEGER)?;
    let d = Zeroizing::new(l.leggi()?.ottetti()?.unito().into_owned());
    let utili = senza_zeri(&d);
    let manca = quanti.checked_sub(utili.len()).ok_or(asn1::Errore::Valore("numero grande"))?;
    Ok(Zeroizing::new([&vec![0; manca], utili].concat()))
}
