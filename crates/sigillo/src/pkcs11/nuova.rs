//! A new key born in the device, that never leaves it, and what signs its request: how an ente with an HSM of its own
//! asks for its seal (`docs/sigillo.md`).

use std::sync::Arc;

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectHandle};
use cryptoki::session::Session;
use firme::asn1::{Lettore, tag};

use super::modulo::{Guasto, Modulo, carica};
use super::sessioni::{entra, posto};
use super::{Esito, Impostazioni, firma_grezza, scegli};
use crate::Errore;
use crate::algoritmo::Algoritmo;
use crate::der::{bit, intero, nullo, oid, seq};

/// Of which kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TipoDiChiave {
    /// RSA of 3072 bits.
    Rsa3072,
    /// P-256.
    P256,
}

/// A key just made, still without a certificate.
#[derive(Debug)]
pub struct ChiaveNuova {
    modulo: Arc<Modulo>,
    giro: u64,
    sessione: Session,
    privata: ObjectHandle,
    come: super::Meccanismo,
    algoritmo: Algoritmo,
    spki: Vec<u8>,
    dove: String,
}

impl ChiaveNuova {
    /// Makes a key in the device, which does not let it out, under the label of the settings.
    ///
    /// # Errors
    /// See [`Errore`].
    pub fn genera(come: &Impostazioni, tipo: TipoDiChiave) -> Result<Self, Errore> {
        let dove = format!("dispositivo «{}»", come.token);
        Self::prova(come, tipo, &dove).map_err(|g| g.in_errore(&dove))
    }

    fn prova(come: &Impostazioni, tipo: TipoDiChiave, dove: &str) -> Esito<Self> {
        let Some(etichetta) = &come.chiave else {
            return Err(Guasto::Configurazione("va detta l'etichetta della chiave nuova".into()));
        };
        let modulo = carica(&come.modulo)?;
        let giro = modulo.entra();
        let numero = giro.numero();
        let posto = posto(&modulo.pkcs11, come)?;
        let sessione = modulo.pkcs11.open_rw_session_no_drop(posto)?;
        if let Err(g) = entra(&modulo, posto, &sessione, come) {
            let _ = sessione.close();
            return Err(g);
        }
        let nome = Attribute::Label(etichetta.as_bytes().to_vec());
        if !sessione.find_objects(std::slice::from_ref(&nome))?.is_empty() {
            return Err(Guasto::Configurazione(format!("c'è già qualcosa di nome «{etichetta}» nel dispositivo")));
        }
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|e| Guasto::Perso(e.to_string()))?;
        let comuni = [nome, Attribute::Token(true), Attribute::Id(id.to_vec())];
        let pubblica = [&comuni[..], &[Attribute::Verify(true)]].concat();
        let privata = [
            &comuni[..],
            &[
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Sign(true),
            ],
        ]
        .concat();
        let (pubblica, privata) = match tipo {
            TipoDiChiave::Rsa3072 => {
                let in_piu = [Attribute::ModulusBits(3072.into()), Attribute::PublicExponent(vec![1, 0, 1])];
                sessione.generate_key_pair(
                    &Mechanism::RsaPkcsKeyPairGen,
                    &[&pubblica[..], &in_piu].concat(),
                    &privata,
                )?
            }
            TipoDiChiave::P256 => {
                let in_piu = [Attribute::EcParams(oid("1.2.840.10045.3.1.7"))];
                sessione.generate_key_pair(&Mechanism::EccKeyPairGen, &[&pubblica[..], &in_piu].concat(), &privata)?
            }
        };
        let spki = spki(&sessione, pubblica, tipo)?;
        let algoritmo = Algoritmo::della_chiave(&spki).map_err(Guasto::Sbagliata)?;
        let meccanismi = modulo.pkcs11.get_mechanism_list(posto)?;
        let come = scegli(algoritmo, &meccanismi, dove).map_err(|e| Guasto::Configurazione(e.to_string()))?;
        drop(giro);
        Ok(Self { modulo, giro: numero, sessione, privata, come, algoritmo, spki, dove: dove.to_owned() })
    }

    /// Its public half (SubjectPublicKeyInfo).
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Signs a request with it.
    ///
    /// # Errors
    /// See [`Errore`].
    pub fn firma(&self, byte: &[u8]) -> Result<Vec<u8>, Errore> {
        let giro = self.modulo.entra();
        if giro.numero() != self.giro {
            return Err(Guasto::Perso("la sessione è finita: la chiave nuova va presa con la sua etichetta".into())
                .in_errore(&self.dove));
        }
        firma_grezza(&self.sessione, self.privata, self.come, self.algoritmo, byte).map_err(|g| g.in_errore(&self.dove))
    }
}

fn spki(s: &Session, chiave: ObjectHandle, tipo: TipoDiChiave) -> Esito<Vec<u8>> {
    let attributi =
        s.get_attributes(chiave, &[AttributeType::Modulus, AttributeType::PublicExponent, AttributeType::EcPoint])?;
    let (mut modulo, mut esponente, mut punto) = (None, None, None);
    for a in attributi {
        match a {
            Attribute::Modulus(v) => modulo = Some(v),
            Attribute::PublicExponent(v) => esponente = Some(v),
            Attribute::EcPoint(v) => punto = Some(v),
            _ => {}
        }
    }
    let manca = || Guasto::Sbagliata("il dispositivo non dà la chiave pubblica".into());
    match tipo {
        TipoDiChiave::Rsa3072 => {
            let chiave = seq(&[&intero(&modulo.ok_or_else(manca)?), &intero(&esponente.ok_or_else(manca)?)]);
            Ok(seq(&[&seq(&[&oid("1.2.840.113549.1.1.1"), &nullo()]), &bit(&chiave)]))
        }
        TipoDiChiave::P256 => {
            let punto = punto.ok_or_else(manca)?;
            // An OCTET STRING by the norm, the bare point by some.
            let nudo = Lettore::solo(&punto, tag::OCTET_STRING).map_or(&punto[..], |e| e.contenuto);
            let id = seq(&[&oid("1.2.840.10045.2.1"), &oid("1.2.840.10045.3.1.7")]);
            Ok(seq(&[&id, &bit(nudo)]))
        }
    }
}
