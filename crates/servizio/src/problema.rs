//! Errors as answers: `application/problem+json` (RFC 9457) in plain Italian, naming the field.

use archivio::Errore;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use dominio::errori::{ErroreCampo, Rifiuto};
use dominio::registrazione::Chiave;
use serde_json::json;

/// Type of the refusal of a full queue.
pub(crate) const SOVRACCARICO: &str = "sovraccarico";

/// Type of the refusal to write while nothing may be written.
pub(crate) const SOLA_LETTURA: &str = "sola-lettura";

/// Type of the refusal to change what is registered.
const IMMUTABILE: &str = "registrazione-immutabile";

/// An answer that says what is wrong and how to mend it.
#[derive(Debug, Clone)]
pub struct Problema {
    /// HTTP status.
    pub stato: StatusCode,
    /// Last part of the `type`.
    pub tipo: &'static str,
    /// Short, the same for every problem of the type.
    pub titolo: &'static str,
    /// This one.
    pub dettaglio: String,
    /// Wrong fields.
    pub errori: Vec<ErroreCampo>,
}

impl Problema {
    fn nuovo(stato: StatusCode, tipo: &'static str, titolo: &'static str, dettaglio: impl Into<String>) -> Self {
        Self { stato, tipo, titolo, dettaglio: dettaglio.into(), errori: Vec::new() }
    }

    /// 422 about one field.
    pub fn campo(campo: impl Into<String>, messaggio: impl Into<String>) -> Self {
        Rifiuto::campo(campo, messaggio).into()
    }

    /// 404.
    pub fn non_trovato(dettaglio: impl Into<String>) -> Self {
        Self::nuovo(StatusCode::NOT_FOUND, "non-trovato", "Non trovato", dettaglio)
    }

    /// 403.
    pub fn vietato(dettaglio: impl Into<String>) -> Self {
        Self::nuovo(StatusCode::FORBIDDEN, "permesso-mancante", "Permesso mancante", dettaglio)
    }

    /// 401.
    pub fn accesso() -> Self {
        Self::nuovo(
            StatusCode::UNAUTHORIZED,
            "accesso-richiesto",
            "Accesso richiesto",
            "serve un token valido: Authorization: Bearer TOKEN",
        )
    }

    /// 405, always, on what is registered (R-A11, R-B01).
    pub fn immutabile() -> Self {
        Self::nuovo(
            StatusCode::METHOD_NOT_ALLOWED,
            IMMUTABILE,
            "Una registrazione non si modifica e non si cancella",
            "si può solo annullare, con motivo e provvedimento (art. 54 DPR 445/2000); assegnazione e classificazione \
             hanno le loro richieste",
        )
    }

    /// 413 naming the part.
    pub fn troppo_grande(campo: &str, massimo: u64) -> Self {
        let mut p = Self::nuovo(
            StatusCode::PAYLOAD_TOO_LARGE,
            "troppo-grande",
            "Contenuto troppo grande",
            format!("{campo}: supera {massimo} byte"),
        );
        p.errori = vec![ErroreCampo { campo: campo.to_owned(), messaggio: format!("supera {massimo} byte") }];
        p
    }

    /// 503: whoever runs the installation lets it be read only.
    pub fn sola_lettura(motivo: &str) -> Self {
        Self::nuovo(
            StatusCode::SERVICE_UNAVAILABLE,
            SOLA_LETTURA,
            "Servizio in sola lettura",
            format!("per ora si può solo consultare: {motivo}; nulla è stato registrato"),
        )
    }

    /// 503: an uscita would have no seal (R-A14).
    pub fn sigillo_non_disponibile(perche: &str) -> Self {
        Self::nuovo(
            StatusCode::SERVICE_UNAVAILABLE,
            "sigillo-non-disponibile",
            "Sigillo non disponibile",
            format!(
                "{perche}. Nulla è stato registrato: il responsabile della gestione documentale può differire i sigilli"
            ),
        )
    }

    /// 409: there is no sealed segnatura, yet or at all.
    pub fn senza_sigillo(in_attesa: bool) -> Self {
        if in_attesa {
            let d = "la segnatura aspetta il sigillo: riprovare tra poco";
            return Self::nuovo(StatusCode::CONFLICT, "sigillo-in-attesa", "Sigillo in attesa", d);
        }
        let d = "la segnatura di questa registrazione non va sigillata: non c'è un file Segnatura.xml";
        Self::nuovo(StatusCode::CONFLICT, "sigillo-non-richiesto", "Sigillo non richiesto", d)
    }

    /// 400.
    pub fn malformata(dettaglio: impl Into<String>) -> Self {
        Self::nuovo(StatusCode::BAD_REQUEST, "richiesta-malformata", "Richiesta malformata", dettaglio)
    }

    /// 415.
    pub fn formato(dettaglio: impl Into<String>) -> Self {
        Self::nuovo(StatusCode::UNSUPPORTED_MEDIA_TYPE, "formato-non-previsto", "Formato non previsto", dettaglio)
    }

    /// 408: the request did not end in its time. What was already on its way to the writer may be done all the same.
    pub fn attesa(dettaglio: impl Into<String>) -> Self {
        Self::nuovo(StatusCode::REQUEST_TIMEOUT, "attesa-esaurita", "Attesa esaurita", dettaglio)
    }

    /// The command was done, and what it made cannot be shown now: a 503 must not say that nothing was.
    #[must_use]
    pub fn dopo_il_fatto(mut self, chiave: &Chiave) -> Self {
        if self.stato == StatusCode::SERVICE_UNAVAILABLE {
            self.tipo = "fatto-non-mostrato";
            self.titolo = "Fatto, ma ora non si può mostrare";
            self.dettaglio = format!(
                "l'operazione sulla registrazione {chiave} è stata fatta, ma ora non si può mostrare: non ripeterla, o \
                 ripeterla con la stessa Idempotency-Key"
            );
        }
        self
    }

    /// 500 that tells nothing of the inside.
    pub fn interno() -> Self {
        Self::nuovo(
            StatusCode::INTERNAL_SERVER_ERROR,
            "errore-interno",
            "Errore interno",
            "la richiesta si è interrotta per un errore del servizio: avvisare l'amministratore",
        )
    }

    /// The problem of a bare status, as the framework gives it.
    fn di_stato(stato: StatusCode) -> Self {
        match stato {
            StatusCode::NOT_FOUND => Self::non_trovato("non c'è nulla a questo indirizzo"),
            StatusCode::METHOD_NOT_ALLOWED => Self::nuovo(
                stato,
                "metodo-non-previsto",
                "Metodo non previsto",
                "questo indirizzo non prevede il metodo chiesto: quelli previsti sono nell'intestazione Allow",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => Self::nuovo(
                stato,
                "troppo-grande",
                "Contenuto troppo grande",
                "il corpo della richiesta è troppo grande",
            ),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::formato("il tipo del corpo non è previsto da questo indirizzo"),
            s if s.is_server_error() => Self::interno(),
            _ => Self::malformata("l'indirizzo, i parametri o il corpo non si leggono (serve testo UTF-8)"),
        }
    }

    /// 429.
    pub fn troppi_tentativi(secondi: u64) -> Self {
        Self::nuovo(
            StatusCode::TOO_MANY_REQUESTS,
            "troppi-tentativi",
            "Troppi tentativi",
            format!("riprovare tra {secondi} secondi"),
        )
    }
}

impl From<Rifiuto> for Problema {
    fn from(r: Rifiuto) -> Self {
        let dettaglio = r.to_string();
        match r {
            Rifiuto::NonValido(errori) => {
                let mut p =
                    Self::nuovo(StatusCode::UNPROCESSABLE_ENTITY, "dati-non-validi", "Dati non validi", dettaglio);
                p.errori = errori;
                p
            }
            Rifiuto::NonTrovato(d) => Self::non_trovato(d),
            Rifiuto::Vietato(d) => Self::vietato(d),
            Rifiuto::Conflitto(d) => Self::nuovo(StatusCode::CONFLICT, "conflitto", "Lo stato non lo permette", d),
        }
    }
}

impl From<Errore> for Problema {
    fn from(e: Errore) -> Self {
        let testo = e.to_string();
        let indisponibile = |tipo, titolo| Self::nuovo(StatusCode::SERVICE_UNAVAILABLE, tipo, titolo, testo.clone());
        match e {
            Errore::Rifiuto(r) => r.into(),
            Errore::ChiaveRiusata => {
                Self::nuovo(StatusCode::UNPROCESSABLE_ENTITY, "chiave-riusata", "Idempotency-Key già usata", testo)
            }
            Errore::SigilloNonDisponibile(perche) => Self::sigillo_non_disponibile(&perche),
            Errore::Sovraccarico => indisponibile(SOVRACCARICO, "Servizio sovraccarico"),
            Errore::OrologioInDubbio => indisponibile("orologio-in-dubbio", "Orologio da confermare"),
            Errore::Ignoto => indisponibile("esito-ignoto", "Non si sa se sia avvenuto"),
            Errore::Archivio(d) | Errore::Isolato(d) => {
                tracing::error!(errore = %d, "archivio non disponibile");
                Self::nuovo(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "archivio-non-disponibile",
                    "Archivio non disponibile",
                    "l'archivio non è disponibile: nulla è stato registrato, riprovare tra poco",
                )
            }
            Errore::Incoerente(d) => {
                tracing::error!(errore = %d, "dati incoerenti");
                Self::nuovo(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "dati-incoerenti",
                    "Dati incoerenti",
                    "l'archivio contiene un dato che non torna: avvisare l'amministratore, che può usare «protocollo verifica»",
                )
            }
        }
    }
}

impl IntoResponse for Problema {
    fn into_response(self) -> Response {
        let mut corpo = json!({
            "type": format!("/problemi/{}", self.tipo),
            "title": self.titolo,
            "status": self.stato.as_u16(),
            "detail": self.dettaglio,
        });
        if !self.errori.is_empty() {
            corpo["errori"] = json!(self.errori);
        }
        let mut r = (self.stato, corpo.to_string()).into_response();
        let h = r.headers_mut();
        h.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.stato {
            StatusCode::SERVICE_UNAVAILABLE => {
                h.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            }
            StatusCode::UNAUTHORIZED => {
                h.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::METHOD_NOT_ALLOWED if self.tipo == IMMUTABILE => {
                h.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            }
            _ => {}
        }
        r.extensions_mut().insert(Tipo(self.tipo));
        r
    }
}

/// What kind of problem an answer is, for who counts.
#[derive(Debug, Clone, Copy)]
pub struct Tipo(pub &'static str);

/// Turns what the framework refuses by itself (a path, a query, a body, a method) into a problem too.
pub async fn uniforma(r: Request, next: Next) -> Response {
    let risposta = next.run(r).await;
    let stato = risposta.status();
    let nostra = risposta.extensions().get::<Tipo>().is_some()
        || risposta.headers().get(header::CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"application/json"));
    if nostra || !(stato.is_client_error() || stato.is_server_error()) {
        return risposta;
    }
    let mut p = Problema::di_stato(stato);
    p.stato = stato;
    p.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_of_the_store_has_its_status_and_tells_nothing_of_the_inside() {
        let dentro = || "disk I/O error in /var/lib/segreto.db".to_owned();
        for (errore, stato, tipo) in [
            (Errore::Rifiuto(Rifiuto::campo("oggetto", "manca")), 422, "dati-non-validi"),
            (Errore::Rifiuto(Rifiuto::NonTrovato("x".into())), 404, "non-trovato"),
            (Errore::Rifiuto(Rifiuto::Vietato("x".into())), 403, "permesso-mancante"),
            (Errore::Rifiuto(Rifiuto::Conflitto("x".into())), 409, "conflitto"),
            (Errore::ChiaveRiusata, 422, "chiave-riusata"),
            (Errore::Sovraccarico, 503, SOVRACCARICO),
            (Errore::OrologioInDubbio, 503, "orologio-in-dubbio"),
            (Errore::Archivio(dentro()), 503, "archivio-non-disponibile"),
            (Errore::Isolato(dentro()), 503, "archivio-non-disponibile"),
            (Errore::Incoerente(dentro()), 500, "dati-incoerenti"),
        ] {
            let p = Problema::from(errore);
            assert_eq!((p.stato.as_u16(), p.tipo), (stato, tipo));
            assert!(!p.dettaglio.contains("segreto"), "{}", p.dettaglio);
            let r = p.into_response();
            assert_eq!(r.headers().contains_key(header::RETRY_AFTER), stato == 503, "{tipo}");
            assert_eq!(r.headers()[header::CONTENT_TYPE], "application/problem+json");
        }
    }
}
