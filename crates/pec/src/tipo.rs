//! The kinds of message (DM 2-11-2005; R-E01).

use serde::Serialize;

/// What a message is. Names are those of the contract, and of `daticert.xml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tipo {
    /// Transport envelope: certified mail that arrives.
    PostaCertificata,
    /// The sender's provider took it.
    Accettazione,
    /// It did not.
    NonAccettazione,
    /// From provider to provider.
    PresaInCarico,
    /// In the mailbox of a recipient.
    AvvenutaConsegna,
    /// It will not be.
    ErroreConsegna,
    /// Not yet, after twelve hours.
    PreavvisoErroreConsegna,
    /// From provider to provider: a virus.
    RilevazioneVirus,
    /// Envelope around mail that is not certified.
    AnomaliaMessaggio,
    /// Mail like any other.
    PostaOrdinaria,
    /// Delivery status of ordinary mail (RFC 3464).
    Dsn,
}

impl Tipo {
    /// The eight of `daticert.xml`.
    pub const DATICERT: [Self; 8] = [
        Self::PostaCertificata,
        Self::Accettazione,
        Self::NonAccettazione,
        Self::PresaInCarico,
        Self::AvvenutaConsegna,
        Self::ErroreConsegna,
        Self::PreavvisoErroreConsegna,
        Self::RilevazioneVirus,
    ];

    /// Its name.
    pub fn nome(self) -> &'static str {
        match self {
            Self::PostaCertificata => "posta-certificata",
            Self::Accettazione => "accettazione",
            Self::NonAccettazione => "non-accettazione",
            Self::PresaInCarico => "presa-in-carico",
            Self::AvvenutaConsegna => "avvenuta-consegna",
            Self::ErroreConsegna => "errore-consegna",
            Self::PreavvisoErroreConsegna => "preavviso-errore-consegna",
            Self::RilevazioneVirus => "rilevazione-virus",
            Self::AnomaliaMessaggio => "anomalia-messaggio",
            Self::PostaOrdinaria => "posta-ordinaria",
            Self::Dsn => "dsn",
        }
    }

    /// By the name that `daticert.xml` gives it.
    pub fn da_daticert(nome: &str) -> Option<Self> {
        Self::DATICERT.into_iter().find(|t| t.nome().eq_ignore_ascii_case(nome.trim()))
    }

    /// By the value of `X-Ricevuta`.
    pub fn da_ricevuta(nome: &str) -> Option<Self> {
        Self::da_daticert(nome).filter(|t| *t != Self::PostaCertificata)
    }

    /// By the value of `X-Trasporto`.
    pub fn da_trasporto(nome: &str) -> Option<Self> {
        match nome.trim().to_ascii_lowercase().as_str() {
            "posta-certificata" => Some(Self::PostaCertificata),
            "errore" => Some(Self::AnomaliaMessaggio),
            _ => None,
        }
    }

    /// A provider makes it: envelopes and receipts.
    pub fn di_gestore(self) -> bool {
        !matches!(self, Self::PostaOrdinaria | Self::Dsn)
    }
}

/// How much of the message the delivery receipt gives back (R-E13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ricevuta {
    /// All of it.
    Completa,
    /// Its attachments are replaced by their digests.
    Breve,
    /// Nothing.
    Sintetica,
}

impl Ricevuta {
    /// Its name.
    pub fn nome(self) -> &'static str {
        match self {
            Self::Completa => "completa",
            Self::Breve => "breve",
            Self::Sintetica => "sintetica",
        }
    }

    /// By its name.
    pub fn da_nome(nome: &str) -> Option<Self> {
        [Self::Completa, Self::Breve, Self::Sintetica].into_iter().find(|r| r.nome().eq_ignore_ascii_case(nome.trim()))
    }
}

/// What went wrong, as `daticert.xml` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorePec {
    /// Nothing.
    Nessuno,
    /// No such recipient.
    NoDest,
    /// No such domain.
    NoDominio,
    /// A virus.
    Virus,
    /// Something else: `errore-esteso` says what.
    Altro,
}

impl ErrorePec {
    /// Its name.
    pub fn nome(self) -> &'static str {
        match self {
            Self::Nessuno => "nessuno",
            Self::NoDest => "no-dest",
            Self::NoDominio => "no-dominio",
            Self::Virus => "virus",
            Self::Altro => "altro",
        }
    }

    /// By its name.
    pub fn da_nome(nome: &str) -> Option<Self> {
        [Self::Nessuno, Self::NoDest, Self::NoDominio, Self::Virus, Self::Altro]
            .into_iter()
            .find(|e| e.nome().eq_ignore_ascii_case(nome.trim()))
    }
}

/// Whether a recipient has certified mail: an external one never gives a delivery receipt (R-E04).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TipoDestinatario {
    /// Certified mail.
    Certificato,
    /// Ordinary mail.
    Esterno,
}

impl TipoDestinatario {
    /// Its name.
    pub fn nome(self) -> &'static str {
        match self {
            Self::Certificato => "certificato",
            Self::Esterno => "esterno",
        }
    }

    /// By its name.
    pub fn da_nome(nome: &str) -> Option<Self> {
        [Self::Certificato, Self::Esterno].into_iter().find(|t| t.nome().eq_ignore_ascii_case(nome.trim()))
    }
}
