//! Asking for a seal (R-C11): with a key of ours, a request (PKCS#10) that goes out and a certificate that comes back; with a
//! provider that holds the key, a form on paper.
//!
//! The key is made here or in the device, and never leaves: what opens it is kept wrapped, as for a seal in force. Nothing is
//! set before a certificate of that very key came, and sealed a sample.

use archivio::EnteStore;
use archivio::store::Segreto as DaConservare;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dominio::codici::{self, CodiceAoo};
use dominio::configurazione::DatiEnte;
use dominio::errori::{Rifiuto, Rigore, Validatore};
use dominio::sigillo::{DatiSigillo, Fornitore, RichiestaSigillo};
use dominio::testo;
use serde::{Deserialize, Serialize};
use sigillo::richiesta::{ChiaveNuova, Errore as ErroreRichiesta, Identificativo, Soggetto, in_pem, richiesta};
use sigillo::software::ChiaveSoftware;
use sigillo::{Certificato, Errore, pkcs11, pkcs12};

use super::fornitore::{Segreto, impronta_chiave};
use super::{Mancata, Sigilli};

/// Longest certificate with its chain, as it is sent back.
pub const CERTIFICATO_MAX: usize = 64 * 1024;

/// By what the ente is identified in the certificate (ETSI EN 319 412-1 § 5.1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TipoIdentificativo {
    /// `CF:IT-…`
    #[default]
    CodiceFiscale,
    /// `VATIT-…`
    PartitaIva,
    /// `NTRIT-…`
    RegistroImprese,
    /// `PA:IT-…`
    Ipa,
}

/// Whose the certificate is to be: what the ente's data do not say is asked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DatiSoggetto {
    /// By what it is identified.
    pub identificativo: TipoIdentificativo,
    /// Codice fiscale of the ente, where its data have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codice_fiscale: Option<String>,
    /// Partita IVA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partita_iva: Option<String>,
    /// Name of the ente, where that of its data does not fit in a certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denominazione: Option<String>,
    /// Name of the seal; the ente's, if it has no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nome_sigillo: Option<String>,
}

/// Not blank.
fn detto(t: Option<&String>) -> Option<&str> {
    t.map(|t| t.trim()).filter(|t| !t.is_empty())
}

impl DatiSoggetto {
    /// The codice fiscale: that of the ente's data, or the one that was given.
    fn codice_fiscale(&self, ente: &DatiEnte, v: &mut Validatore) -> String {
        match detto(self.codice_fiscale.as_ref()).or(ente.codice_fiscale.as_deref()) {
            Some(c) => c.to_owned(),
            None => {
                v.errore("codiceFiscale", "va indicato: nei dati dell'ente non c'è");
                String::new()
            }
        }
    }

    /// Subject of the certificate.
    ///
    /// # Errors
    /// Each field that is missing, or that a certificate cannot hold.
    pub fn soggetto(&self, ente: &DatiEnte) -> Result<Soggetto, Rifiuto> {
        let mut v = Validatore::nuovo(Rigore::Operatore);
        let identificativo = match self.identificativo {
            TipoIdentificativo::Ipa => Identificativo::Ipa(ente.ipa.to_string()),
            TipoIdentificativo::CodiceFiscale => Identificativo::CodiceFiscale(self.codice_fiscale(ente, &mut v)),
            TipoIdentificativo::RegistroImprese => Identificativo::RegistroImprese(self.codice_fiscale(ente, &mut v)),
            TipoIdentificativo::PartitaIva => {
                if detto(self.partita_iva.as_ref()).is_none() {
                    v.errore("partitaIva", "va indicata: è con questa che il certificato identificherà l'ente");
                }
                Identificativo::PartitaIva(detto(self.partita_iva.as_ref()).unwrap_or_default().to_owned())
            }
        };
        v.chiudi()?;
        let organizzazione = detto(self.denominazione.as_ref()).unwrap_or(&ente.denominazione).to_owned();
        let nome = detto(self.nome_sigillo.as_ref()).map(str::to_owned);
        let s = Soggetto { organizzazione, identificativo, nome };
        match s.in_der() {
            Ok(_) => Ok(s),
            Err(ErroreRichiesta::Campo { campo, perche }) => {
                let campo = match campo {
                    "partita IVA" => "partitaIva",
                    "nome del sigillo" => "nomeSigillo",
                    "denominazione dell'ente" => "denominazione",
                    "codice IPA" => "identificativo",
                    _ => "codiceFiscale",
                };
                Err(Rifiuto::campo(campo, perche))
            }
            Err(e @ ErroreRichiesta::Chiave(_)) => Err(Rifiuto::campo("identificativo", e.to_string())),
        }
    }
}

/// Kinds of keys that a device is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TipoDiChiave {
    /// P-256.
    #[default]
    P256,
    /// RSA of 3072 bits.
    Rsa3072,
}

/// Where the new key is to be born.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "fornitore", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum DoveNasce {
    /// Here, P-256: kept wrapped by the installation's key. Its seal is never qualified.
    File,
    /// In a device, which does not let it out.
    Pkcs11 {
        /// The maker's library.
        modulo: std::path::PathBuf,
        /// Label of the token.
        token: String,
        /// Label that the new key is to have.
        chiave: String,
        /// What unlocks it.
        pin: String,
        /// Of which kind.
        #[serde(default)]
        tipo: TipoDiChiave,
    },
}

impl std::fmt::Debug for DoveNasce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DoveNasce(…)")
    }
}

/// What opens the key that waits, as it is kept, wrapped.
#[derive(Serialize, Deserialize)]
#[serde(tag = "fornitore", rename_all = "kebab-case", rename_all_fields = "camelCase")]
enum ChiaveAttesa {
    File { pkcs8: String },
    Pkcs11 { modulo: std::path::PathBuf, token: String, chiave: String, pin: String },
}

fn di_richiesta(e: ErroreRichiesta) -> Errore {
    match e {
        ErroreRichiesta::Chiave(e) => e,
        campo @ ErroreRichiesta::Campo { .. } => Errore::Configurazione(campo.to_string()),
    }
}

/// Makes key and request. Blocks.
fn genera(dove: DoveNasce, s: &Soggetto) -> Result<(RichiestaSigillo, ChiaveAttesa), Errore> {
    let (spki, pkcs10, fornitore, attesa) = match dove {
        DoveNasce::File => {
            let nuova = ChiaveNuova::genera().map_err(di_richiesta)?;
            let spki = nuova.spki();
            let pkcs10 = richiesta(s, &spki, |b| nuova.firma(b)).map_err(di_richiesta)?;
            (spki, pkcs10, Fornitore::File, ChiaveAttesa::File { pkcs8: BASE64.encode(nuova.pkcs8()) })
        }
        DoveNasce::Pkcs11 { modulo, token, chiave, pin, tipo } => {
            let mut come = pkcs11::Impostazioni::nuove(&modulo, &token, sigillo::Segreto::nuovo(pin.as_str()));
            come.chiave = Some(chiave.clone());
            let tipo = match tipo {
                TipoDiChiave::P256 => pkcs11::TipoDiChiave::P256,
                TipoDiChiave::Rsa3072 => pkcs11::TipoDiChiave::Rsa3072,
            };
            let nuova = pkcs11::ChiaveNuova::genera(&come, tipo)?;
            let pkcs10 = richiesta(s, nuova.spki(), |b| nuova.firma(b)).map_err(di_richiesta)?;
            let attesa = ChiaveAttesa::Pkcs11 { modulo, token, chiave, pin };
            (nuova.spki().to_vec(), pkcs10, Fornitore::Pkcs11, attesa)
        }
    };
    let intestatario = match &s.nome {
        Some(n) => format!("{} — {n}", s.organizzazione),
        None => s.organizzazione.clone(),
    };
    let identificativo = s.identificativo.testo().map_err(di_richiesta)?;
    let chiave = impronta_chiave(&spki);
    Ok((RichiestaSigillo { fornitore, chiave, intestatario, identificativo, pkcs10: BASE64.encode(pkcs10) }, attesa))
}

/// What seals with the key that waited and its certificate. Blocks.
fn accoppia(attesa: ChiaveAttesa, suo: &Certificato, altri: &[Certificato]) -> Result<Segreto, Errore> {
    Ok(match attesa {
        ChiaveAttesa::File { pkcs8 } => {
            let rotta = || Errore::Configurazione("la chiave della richiesta non si legge".into());
            let pkcs8 = zeroize::Zeroizing::new(BASE64.decode(pkcs8).map_err(|_| rotta())?);
            ChiaveSoftware::da_pkcs8(&pkcs8, std::slice::from_ref(suo))?;
            let mut caso = [0u8; 24];
            getrandom::fill(&mut caso).map_err(|e| Errore::Configurazione(e.to_string()))?;
            let password = BASE64.encode(caso);
            let parola = sigillo::Segreto::nuovo(password.as_str());
            let file = pkcs12::scrivi(&pkcs8, suo, altri, "Sigillo", &parola)
                .map_err(|e| Errore::Configurazione(e.to_string()))?;
            Segreto::File { pkcs12: BASE64.encode(file), password }
        }
        ChiaveAttesa::Pkcs11 { modulo, token, chiave, pin } => {
            let certificati = std::iter::once(suo).chain(altri).map(|c| BASE64.encode(c.der())).collect();
            Segreto::Pkcs11 { modulo, token, chiave: Some(chiave), pin, certificati }
        }
    })
}

/// The bytes of a request.
pub fn der(r: &RichiestaSigillo) -> Vec<u8> {
    BASE64.decode(&r.pkcs10).unwrap_or_default()
}

/// The request as files and mails want it.
pub fn pem(r: &RichiestaSigillo) -> String {
    in_pem("CERTIFICATE REQUEST", &der(r))
}

impl Sigilli {
    /// Makes a key and its request, to be put into the configuration together.
    ///
    /// # Errors
    /// See [`Mancata`].
    pub async fn chiedi(
        &self,
        ente: &dyn EnteStore,
        dove: DoveNasce,
        soggetto: Soggetto,
    ) -> Result<(RichiestaSigillo, DaConservare), Mancata> {
        if let DoveNasce::Pkcs11 { modulo, token, chiave, pin, .. } = &dove {
            let mut v = Validatore::nuovo(Rigore::Operatore);
            testo::obbligatorio(&mut v, "chiave", chiave, 64);
            v.chiudi()?;
            // What may be used is judged in one place.
            let (modulo, token, pin) = (modulo.clone(), token.clone(), pin.clone());
            let chiave = Some(chiave.clone());
            Segreto::Pkcs11 { modulo, token, chiave, pin, certificati: Vec::new() }
                .ammesso(ente.ipa(), &self.ammessi)?;
        }
        let fatta = tokio::task::spawn_blocking(move || genera(dove, &soggetto));
        let (richiesta, attesa) = fatta.await.map_err(|_| Mancata::Interrotta)??;
        let conservata =
            serde_json::to_vec(&attesa).map_err(|e| Mancata::Sigillo(Errore::Configurazione(e.to_string())))?;
        Ok((richiesta, DaConservare::ChiaveSigillo(conservata)))
    }

    /// A seal with the key that waits and the certificate that came (PEM or DER, with others of its chain or without), tried.
    ///
    /// # Errors
    /// See [`Mancata`]: nothing waits, no certificate is of that key, it does not seal.
    pub async fn dal_certificato(
        &self,
        ente: &dyn EnteStore,
        aoo: &CodiceAoo,
        file: &[u8],
        entrate: bool,
    ) -> Result<(DatiSigillo, DaConservare), Mancata> {
        let conf = ente.configurazione();
        let Some((_, richiesta)) = conf.aoo.get(aoo).and_then(|a| a.richiesta_sigillo.as_ref()) else {
            let m = "non c'è alcuna richiesta che aspetti un certificato";
            return Err(Rifiuto::Conflitto(m.to_owned()).into());
        };
        let campo = |m: &str| Mancata::from(Rifiuto::campo("certificato", m));
        if file.len() > CERTIFICATO_MAX {
            return Err(campo(&format!("supera {} KiB: non può essere un certificato", CERTIFICATO_MAX / 1024)));
        }
        let mut tutti = Certificato::da_file(file)
            .map_err(|_| campo("non si legge: serve il certificato com'è consegnato, PEM o DER (.pem, .crt, .cer)"))?;
        let Some(i) = tutti.iter().position(|c| impronta_chiave(c.spki()) == richiesta.chiave) else {
            return Err(campo("non è della chiave della richiesta: va caricato quello emesso per questa richiesta"));
        };
        let suo = tutti.swap_remove(i);
        let rotta = || Mancata::Sigillo(Errore::Configurazione("la chiave della richiesta non c'è più".into()));
        let chiave = ente.chiave_richiesta(aoo).await.map_err(Mancata::Archivio)?.ok_or_else(rotta)?;
        let chiave: ChiaveAttesa = serde_json::from_slice(&chiave).map_err(|_| rotta())?;
        let accoppiati = tokio::task::spawn_blocking(move || accoppia(chiave, &suo, &tutti));
        let segreto = accoppiati.await.map_err(|_| Mancata::Interrotta)??;
        self.tenta(ente, segreto, entrate).await
    }
}

/// Who stands for the ente, and who is to be asked: for the form.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Persona {
    /// Given name.
    pub nome: String,
    /// Family name.
    pub cognome: String,
    /// Codice fiscale; not asked of who is only to be called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codice_fiscale: Option<String>,
    /// Office that he holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carica: Option<String>,
    /// Mailbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Telephone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub telefono: Option<String>,
}

/// What the form for a provider is filled with, beyond the ente's data.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DatiModulo {
    /// Subject of the certificate.
    #[serde(flatten)]
    pub soggetto: DatiSoggetto,
    /// Certified mailbox, where the ente's data have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pec: Option<String>,
    /// Seat of the ente.
    pub sede: String,
    /// Who stands for the ente in law.
    pub rappresentante: Persona,
    /// Whom the provider calls.
    pub referente: Persona,
}

/// A form that can be printed: nothing is missing.
#[derive(Debug, Clone)]
pub struct ModuloPieno {
    /// Subject of the certificate.
    pub soggetto: Soggetto,
    /// Codice fiscale of the ente.
    pub codice_fiscale: String,
    /// Partita IVA, if it has one.
    pub partita_iva: Option<String>,
    /// Certified mailbox.
    pub pec: String,
    /// Seat.
    pub sede: String,
    /// Who stands for the ente in law.
    pub rappresentante: Persona,
    /// Whom the provider calls.
    pub referente: Persona,
}

impl DatiModulo {
    /// With the ente's data, nothing missing.
    ///
    /// # Errors
    /// Each field that is missing or wrong.
    pub fn pieno(self, ente: &DatiEnte) -> Result<ModuloPieno, Rifiuto> {
        let mut v = Validatore::nuovo(Rigore::Operatore);
        let codice_fiscale = self.soggetto.codice_fiscale(ente, &mut v);
        if !codice_fiscale.is_empty() && codici::partita_iva(&codice_fiscale).is_err() {
            v.errore("codiceFiscale", "quello di un ente ha undici cifre, l'ultima di controllo");
        }
        let partita_iva = detto(self.soggetto.partita_iva.as_ref()).map(str::to_owned);
        if let Some(Err(e)) = partita_iva.as_deref().map(codici::partita_iva) {
            v.errore("partitaIva", e.to_string());
        }
        let pec = detto(self.pec.as_ref()).or(ente.pec.as_deref()).unwrap_or_default().to_owned();
        if pec.is_empty() {
            v.errore("pec", "va indicata: nei dati dell'ente non c'è");
        } else if !pec.contains('@') {
            v.errore("pec", "non è un indirizzo di posta");
        }
        let sede = testo::obbligatorio(&mut v, "sede", &self.sede, 200);
        let mut persona = |dove: &str, p: &Persona| Persona {
            nome: testo::obbligatorio(&mut v, &format!("{dove}.nome"), &p.nome, 100),
            cognome: testo::obbligatorio(&mut v, &format!("{dove}.cognome"), &p.cognome, 100),
            codice_fiscale: testo::facoltativo(
                &mut v,
                &format!("{dove}.codiceFiscale"),
                p.codice_fiscale.as_deref(),
                16,
            ),
            carica: testo::facoltativo(&mut v, &format!("{dove}.carica"), p.carica.as_deref(), 100),
            email: testo::facoltativo(&mut v, &format!("{dove}.email"), p.email.as_deref(), 254),
            telefono: testo::facoltativo(&mut v, &format!("{dove}.telefono"), p.telefono.as_deref(), 30),
        };
        let mut rappresentante = persona("rappresentante", &self.rappresentante);
        let referente = persona("referente", &self.referente);
        match rappresentante.codice_fiscale.as_deref().map(codici::codice_fiscale) {
            None => v.errore("rappresentante.codiceFiscale", "va indicato"),
            Some(Err(e)) => v.errore("rappresentante.codiceFiscale", e.to_string()),
            Some(Ok(c)) => rappresentante.codice_fiscale = Some(c),
        }
        if rappresentante.carica.is_none() {
            v.errore("rappresentante.carica", "va indicata (sindaco, presidente, direttore…)");
        }
        match referente.email.as_deref() {
            None => v.errore("referente.email", "va indicato"),
            Some(e) if !e.contains('@') => v.errore("referente.email", "non è un indirizzo di posta"),
            Some(_) => {}
        }
        let soggetto = match (self.soggetto.soggetto(ente), v.chiudi()) {
            (Ok(s), Ok(_)) => s,
            (Err(Rifiuto::NonValido(mut a)), Err(Rifiuto::NonValido(b))) => {
                a.extend(b);
                a.dedup();
                let mut visti = std::collections::HashSet::new();
                a.retain(|e| visti.insert(e.campo.clone()));
                return Err(Rifiuto::NonValido(a));
            }
            (Err(e), _) | (_, Err(e)) => return Err(e),
        };
        Ok(ModuloPieno { soggetto, codice_fiscale, partita_iva, pec, sede, rappresentante, referente })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ente(codice_fiscale: Option<&str>) -> DatiEnte {
        DatiEnte {
            ipa: "c_z999".parse().unwrap(),
            denominazione: "Comune di Prova".into(),
            codice_fiscale: codice_fiscale.map(str::to_owned),
            pec: None,
        }
    }

    fn campi(e: Rifiuto) -> Vec<String> {
        let Rifiuto::NonValido(v) = e else { panic!("{e}") };
        v.into_iter().map(|e| e.campo).collect()
    }

    #[test]
    fn what_the_ente_does_not_say_is_asked_by_the_name_of_its_field() {
        // R-C11
        let cf = DatiSoggetto::default();
        assert_eq!(campi(cf.soggetto(&ente(None)).unwrap_err()), ["codiceFiscale"]);
        assert_eq!(
            cf.soggetto(&ente(Some("80006510806"))).unwrap().identificativo.testo().unwrap(),
            "CF:IT-80006510806"
        );
        let iva = DatiSoggetto { identificativo: TipoIdentificativo::PartitaIva, ..DatiSoggetto::default() };
        assert_eq!(campi(iva.soggetto(&ente(Some("80006510806"))).unwrap_err()), ["partitaIva"]);
        let storta = DatiSoggetto { partita_iva: Some("00123450562".into()), ..iva.clone() };
        assert_eq!(campi(storta.soggetto(&ente(None)).unwrap_err()), ["partitaIva"]);
        let lungo = DatiEnte { denominazione: "x".repeat(65), ..ente(Some("80006510806")) };
        assert_eq!(campi(cf.soggetto(&lungo).unwrap_err()), ["denominazione"]);
        let breve = DatiSoggetto { denominazione: Some("Comune breve".into()), ..cf.clone() };
        assert_eq!(breve.soggetto(&lungo).unwrap().organizzazione, "Comune breve");
        let ipa = DatiSoggetto { identificativo: TipoIdentificativo::Ipa, ..cf };
        assert_eq!(ipa.soggetto(&ente(None)).unwrap().identificativo.testo().unwrap(), "PA:IT-c_z999");

        let mancano = campi(DatiModulo::default().pieno(&ente(None)).unwrap_err());
        for c in
            ["codiceFiscale", "pec", "sede", "rappresentante.nome", "rappresentante.codiceFiscale", "referente.email"]
        {
            assert_eq!(mancano.iter().filter(|m| *m == c).count(), 1, "{c}: {mancano:?}");
        }
    }
}
