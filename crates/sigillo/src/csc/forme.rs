//! What goes and comes, in JSON. Only what is used is read; v1 and v2 differ in names.

use serde::{Deserialize, Serialize};

use crate::Segreto;

/// Answer of the token endpoint (RFC 6749 § 5.1).
#[derive(Deserialize)]
pub struct Gettone {
    pub access_token: Segreto,
    #[serde(default)]
    pub expires_in: Option<u64>,
}

/// Answer of `credentials/list`.
#[derive(Deserialize)]
pub struct Elenco {
    #[serde(rename = "credentialIDs")]
    pub credential_ids: Vec<String>,
}

/// Answer of `credentials/info`.
#[derive(Deserialize)]
pub struct Credenziale {
    pub key: Chiave,
    pub cert: Cert,
    #[serde(default)]
    pub multisign: Option<u64>,
    /// v1.
    #[serde(default, rename = "authMode")]
    auth_mode: Option<String>,
    /// v1.
    #[serde(default, rename = "PIN")]
    pin: Option<Presenza>,
    /// v1.
    #[serde(default, rename = "OTP")]
    otp: Option<Presenza>,
    /// v2.
    #[serde(default)]
    auth: Option<Autorizzazione>,
}

#[derive(Deserialize)]
pub struct Chiave {
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub algo: Vec<String>,
}

#[derive(Deserialize)]
pub struct Cert {
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub certificates: Vec<String>,
}

/// v1: `"true"`, `"false"`, `"optional"`, or a boolean from who reads the norm freely.
#[derive(Deserialize)]
struct Presenza {
    presence: serde_json::Value,
}

#[derive(Deserialize)]
struct Autorizzazione {
    #[serde(default)]
    mode: Option<String>,
    #[serde(default)]
    objects: Vec<Oggetto>,
}

#[derive(Deserialize)]
struct Oggetto {
    #[serde(default, rename = "type")]
    tipo: String,
    #[serde(default)]
    id: String,
}

impl Credenziale {
    /// How signatures are authorised.
    pub fn modo(&self) -> Option<&str> {
        self.auth.as_ref().and_then(|a| a.mode.as_deref()).or(self.auth_mode.as_deref())
    }

    /// Does it want this (`PIN`, `OTP`)?
    pub fn chiede(&self, cosa: &str) -> bool {
        if let Some(auth) = &self.auth {
            // A PIN is a «Password» in v2, known by its name.
            return auth.objects.iter().any(|o| o.id.eq_ignore_ascii_case(cosa) || o.tipo.eq_ignore_ascii_case(cosa));
        }
        let presenza = if cosa == "PIN" { &self.pin } else { &self.otp };
        presenza.as_ref().is_some_and(|p| p.presence == "true" || p.presence == true)
    }
}

/// Answer of `credentials/authorize`.
#[derive(Deserialize)]
pub struct Attivazione {
    #[serde(rename = "SAD")]
    pub sad: Segreto,
}

/// Answer of `signatures/signHash` and `signatures/signPolling`.
#[derive(Deserialize)]
pub struct Firme {
    #[serde(default)]
    pub signatures: Option<Vec<String>>,
    /// v2: the answer is to be fetched.
    #[serde(default, rename = "responseID")]
    pub response_id: Option<String>,
}

/// `credentials/authorize`, in both tongues: what is not of the one spoken is left out.
#[derive(Serialize, Default)]
pub struct Autorizza<'a> {
    #[serde(rename = "credentialID")]
    pub credential_id: &'a str,
    #[serde(rename = "numSignatures")]
    pub num_signatures: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<&'a [String]>,
    #[serde(rename = "PIN", skip_serializing_if = "Option::is_none")]
    pub pin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hashes: Option<&'a [String]>,
    #[serde(rename = "hashAlgorithmOID", skip_serializing_if = "Option::is_none")]
    pub hash_algorithm_oid: Option<&'a str>,
    #[serde(rename = "authData", skip_serializing_if = "Option::is_none")]
    pub auth_data: Option<[DatoDiAccesso<'a>; 1]>,
}

/// v2: what authorises, by name.
#[derive(Serialize)]
pub struct DatoDiAccesso<'a> {
    pub id: &'a str,
    pub value: &'a str,
}

/// `signatures/signHash`.
#[derive(Serialize, Default)]
pub struct FirmaImpronte<'a> {
    #[serde(rename = "credentialID")]
    pub credential_id: &'a str,
    #[serde(rename = "SAD")]
    pub sad: &'a str,
    #[serde(rename = "signAlgo")]
    pub sign_algo: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<&'a [String]>,
    #[serde(rename = "hashAlgo", skip_serializing_if = "Option::is_none")]
    pub hash_algo: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hashes: Option<&'a [String]>,
    #[serde(rename = "hashAlgorithmOID", skip_serializing_if = "Option::is_none")]
    pub hash_algorithm_oid: Option<&'a str>,
    #[serde(rename = "operationMode", skip_serializing_if = "Option::is_none")]
    pub operation_mode: Option<&'a str>,
}

/// What a refusal says.
#[derive(Deserialize, Default)]
pub struct Rifiutata {
    #[serde(default)]
    pub error: String,
    #[serde(default)]
    pub error_description: String,
}

/// Words of others in a message of ours: short, and only what prints.
pub fn breve(testo: &str) -> String {
    testo.chars().filter(|c| !c.is_control()).take(200).collect()
}
