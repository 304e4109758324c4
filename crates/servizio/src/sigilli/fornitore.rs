//! Who holds the key of a seal, from what was kept of it: a file, a device, a provider (R-C11).
//!
//! Whoever administers an ente says which; which libraries may be loaded and which addresses asked, only who runs the installation.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dominio::codici::{CodiceIpa, Impronta};
use dominio::errori::Rifiuto;
use dominio::sigillo::{DatiSigillo, Fornitore};
use dominio::tempo::Istante;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sigillo::certificato::Titolare;
use sigillo::software::ChiaveSoftware;
use sigillo::{Certificato, Errore, Sealer, csc, pkcs11};

/// Longest PKCS#12 file.
pub const PKCS12_MAX: usize = 256 * 1024;

/// What an installation lets its enti use beyond files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ammessi {
    /// Devices, each of one ente: once somebody is in, a device lets in all of the process.
    pub moduli: Vec<Dispositivo>,
    /// Addresses of providers.
    pub indirizzi: Vec<String>,
}

/// A device that an ente may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispositivo {
    /// Which ente.
    pub ipa: CodiceIpa,
    /// The maker's library.
    pub modulo: PathBuf,
    /// Label of the token.
    pub token: String,
}

impl std::str::FromStr for Dispositivo {
    type Err = String;

    /// «IPA LIBRERIA TOKEN», between blanks; the label may have some.
    fn from_str(s: &str) -> Result<Self, String> {
        let mut parti = s.trim().splitn(3, char::is_whitespace).map(str::trim);
        let (Some(ipa), Some(modulo), Some(token)) = (parti.next(), parti.next(), parti.next()) else {
            return Err("si scrive «IPA LIBRERIA TOKEN»".to_owned());
        };
        let ipa = ipa.parse().map_err(|_| format!("«{ipa}» non è un codice IPA"))?;
        Ok(Self { ipa, modulo: modulo.into(), token: token.to_owned() })
    }
}

/// What opens the key, as it is kept, wrapped, beside the configuration.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "fornitore", rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Segreto {
    /// A PKCS#12 file with its password.
    File {
        /// Base64.
        pkcs12: String,
        /// Its password.
        password: String,
    },
    /// A key in a device.
    Pkcs11 {
        /// The maker's library.
        modulo: PathBuf,
        /// Label of the token.
        token: String,
        /// Label of the key, where there are several.
        #[serde(default)]
        chiave: Option<String>,
        /// What unlocks it.
        pin: String,
        /// Certificates that the token does not hold, the seal's among them or not: DER in base64.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        certificati: Vec<String>,
    },
    /// A key at a provider.
    Csc {
        /// Base address, with its version.
        url: String,
        /// Where tokens are given.
        #[serde(default)]
        url_token: Option<String>,
        /// Does it speak version 1?
        #[serde(default)]
        versione_1: bool,
        /// OAuth2.
        client_id: String,
        /// OAuth2.
        client_secret: String,
        /// Which credential.
        #[serde(default)]
        credenziale: Option<String>,
        /// Its PIN.
        #[serde(default)]
        pin: Option<String>,
    },
}

impl std::fmt::Debug for Segreto {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Segreto(…)")
    }
}

impl Segreto {
    /// Which kind it is.
    pub fn fornitore(&self) -> Fornitore {
        match self {
            Self::File { .. } => Fornitore::File,
            Self::Pkcs11 { .. } => Fornitore::Pkcs11,
            Self::Csc { .. } => Fornitore::Csc,
        }
    }

    /// May an ente of this installation use it?
    ///
    /// # Errors
    /// The field that says what may not be used.
    pub fn ammesso(&self, ipa: &CodiceIpa, a: &Ammessi) -> Result<(), Rifiuto> {
        match self {
            Self::File { pkcs12, .. } if pkcs12.len() / 4 * 3 > PKCS12_MAX => {
                Err(Rifiuto::campo("pkcs12", format!("supera {PKCS12_MAX} byte")))
            }
            Self::Pkcs11 { modulo, token, .. }
                if !a.moduli.iter().any(|d| d.ipa == *ipa && d.modulo == *modulo && d.token == *token) =>
            {
                let m = "la libreria con questo token non è ammessa per questo ente da chi gestisce l'installazione (sigillo.moduli)";
                Err(Rifiuto::campo("modulo", m))
            }
            Self::Csc { url, url_token, .. } => {
                let ammesso = |u: &String| a.indirizzi.iter().any(|i| i == u);
                if ammesso(url) && url_token.as_ref().is_none_or(ammesso) {
                    return Ok(());
                }
                Err(Rifiuto::campo(
                    "url",
                    "non è tra gli indirizzi ammessi da chi gestisce l'installazione (sigillo.indirizzi)",
                ))
            }
            _ => Ok(()),
        }
    }

    /// Whoever seals with it. Blocks: it may ask a device or the network.
    ///
    /// # Errors
    /// It is not there, refuses, or holds no key for seals.
    pub fn apri(&self) -> Result<Arc<dyn Sealer>, Errore> {
        let nascosto = sigillo::Segreto::nuovo;
        Ok(match self {
            Self::File { pkcs12, password } => {
                let stretto: String = pkcs12.chars().filter(|c| !c.is_whitespace()).collect();
                let byte = BASE64
                    .decode(stretto)
                    .map_err(|_| Errore::Configurazione("il file PKCS#12 non è in base64".into()))?;
                Arc::new(ChiaveSoftware::da_pkcs12(&byte, &nascosto(password))?)
            }
            Self::Pkcs11 { modulo, token, chiave, pin, certificati } => {
                let mut come = pkcs11::Impostazioni::nuove(modulo, token, nascosto(pin));
                come.chiave.clone_from(chiave);
                come.certificati = certificati.iter().map(|c| certificato(c)).collect::<Result<_, _>>()?;
                Arc::new(pkcs11::Token::apri(come)?)
            }
            Self::Csc { url, url_token, versione_1, client_id, client_secret, credenziale, pin } => {
                let mut come = csc::Impostazioni::nuove(url, client_id, nascosto(client_secret));
                if *versione_1 {
                    come.versione = csc::Versione::V1;
                }
                come.url_token.clone_from(url_token);
                come.credenziale.clone_from(credenziale);
                come.pin = pin.as_ref().map(nascosto);
                Arc::new(csc::Remoto::apri(come)?)
            }
        })
    }
}

/// What the register says of who seals.
pub struct Intestazione {
    /// Whose seal it is.
    pub intestatario: String,
    /// Who issued its certificate.
    pub emittente: String,
    /// SHA-256 of the certificate.
    pub certificato: Impronta,
    /// When it ends.
    pub scadenza: Istante,
    /// Does it say that it is qualified, for seals?
    pub qualificato: bool,
    /// SHA-256 of its public key.
    pub chiave: Impronta,
}

impl Intestazione {
    /// As the certificate says.
    pub fn di(s: &dyn Sealer, ora: Timestamp) -> Self {
        let c = s.certificato();
        let stato = c.stato(ora);
        Self {
            intestatario: nome(c.titolare()),
            emittente: nome(&c.emesso_da()),
            certificato: Impronta(Sha256::digest(c.der()).into()),
            scadenza: Istante(stato.al.as_microsecond()),
            qualificato: stato.sigillo_qualificato(),
            chiave: impronta_chiave(c.spki()),
        }
    }

    /// As the configuration of an AOO keeps it.
    pub fn in_configurazione(self, fornitore: Fornitore, entrate: bool) -> DatiSigillo {
        let Self { intestatario, emittente, certificato, scadenza, qualificato, chiave } = self;
        let chiave = Some(chiave);
        DatiSigillo { fornitore, intestatario, emittente, certificato, scadenza, qualificato, entrate, chiave }
    }
}

/// SHA-256 of a public key (SubjectPublicKeyInfo).
pub fn impronta_chiave(spki: &[u8]) -> Impronta {
    Impronta(Sha256::digest(spki).into())
}

fn certificato(testo: &str) -> Result<Certificato, Errore> {
    let male = || Errore::Configurazione("un certificato non si legge: è DER in base64".into());
    let der = BASE64.decode(testo).map_err(|_| male())?;
    Certificato::da_der(&der).map_err(|_| male())
}

/// Whose it is, in one line.
fn nome(t: &Titolare) -> String {
    let parti: Vec<&str> = [&t.organizzazione, &t.nome].into_iter().flatten().map(String::as_str).collect();
    if parti.is_empty() { "senza nome".to_owned() } else { parti.join(" — ") }
}
