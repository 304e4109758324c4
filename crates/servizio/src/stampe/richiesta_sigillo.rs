//! The form with which an ente asks a provider for its seal (R-C11): what the register knows and what was asked, ready to be
//! signed by who stands for the ente. As every print, it is a function of its values.

use dominio::codici::Impronta;
use dominio::configurazione::{DatiEnte, StatoAoo};
use dominio::sigillo::{Fornitore, RichiestaSigillo};
use dominio::tempo::{Istante, in_parole};
use sha2::{Digest as _, Sha256};
use stampa::{Blocco, Brano, Cornice, Documento, Errore};

use crate::sigilli::richiesta::{ModuloPieno, Persona, der};

/// The PDF.
///
/// # Errors
/// What `stampa` cannot lay out, or a subject that no certificate can hold.
pub fn richiesta_sigillo(ente: &DatiEnte, aoo: &StatoAoo, m: &ModuloPieno, ora: Istante) -> Result<Vec<u8>, Errore> {
    let mut d = Documento::nuovo(
        "Richiesta di certificato per sigillo elettronico qualificato",
        ente.denominazione.clone(),
        (&ora.a_roma()).into(),
    );
    d.intestazione.riga = aoo.dati.denominazione.clone();
    d.soggetto = format!("Sigillo elettronico dell'area organizzativa omogenea {}", aoo.dati.codice_aoo);
    d.piede = format!("Richiesta di sigillo elettronico · {}", ora.in_parole());
    let fatto = |nome: &str, valore: &str| (nome.to_owned(), vec![Brano::piano(valore)]);
    let fisso = |nome: &str, valore: &str| (nome.to_owned(), vec![Brano::fisso(valore)]);
    let titolo = |t: &str| Blocco::Titolo(2, t.to_owned());
    d.blocchi.push(Blocco::Paragrafo(vec![Brano::piano(
        "Al prestatore di servizi fiduciari qualificato. Si chiede un certificato qualificato di sigillo elettronico per la \
         persona giuridica indicata sotto (regolamento (UE) n. 910/2014, artt. 38 e 39).",
    )]));

    d.blocchi.push(titolo("Ente"));
    let mut fatti = vec![fatto("Denominazione", &ente.denominazione), fatto("Codice IPA", ente.ipa.as_str())];
    fatti.push(fatto("Codice fiscale", &m.codice_fiscale));
    fatti.extend(m.partita_iva.iter().map(|p| fatto("Partita IVA", p)));
    fatti.push(fatto("Sede", &m.sede));
    fatti.push(fatto("PEC", &m.pec));
    let area = format!("{} ({})", aoo.dati.denominazione, aoo.dati.codice_aoo);
    fatti.push(fatto("Area organizzativa omogenea", &area));
    d.blocchi.push(Blocco::Fatti(fatti));

    d.blocchi.push(titolo("Rappresentante legale"));
    d.blocchi.push(Blocco::Fatti(persona(&m.rappresentante)));
    d.blocchi.push(titolo("Referente per il prestatore"));
    d.blocchi.push(Blocco::Fatti(persona(&m.referente)));

    d.blocchi.push(titolo("Soggetto del certificato (ETSI EN 319 412-3)"));
    let nome = m.soggetto.nome.as_ref().unwrap_or(&m.soggetto.organizzazione);
    let identificativo = m.soggetto.identificativo.testo().map_err(|e| Errore::Scrittura(e.to_string()))?;
    d.blocchi.push(Blocco::Fatti(vec![
        fisso("countryName (C)", "IT"),
        fisso("organizationName (O)", &m.soggetto.organizzazione),
        fisso("organizationIdentifier", &identificativo),
        fisso("commonName (CN)", nome),
    ]));

    d.blocchi.push(titolo("Dov'è la chiave"));
    d.blocchi.push(match aoo.richiesta_sigillo.as_ref() {
        None => Blocco::Paragrafo(vec![Brano::piano(
            "La chiave è generata e custodita dal prestatore in un dispositivo qualificato, e si usa da remoto con l'interfaccia \
             Cloud Signature Consortium (CSC), senza intervento di una persona a ogni sigillo: servono indirizzo del servizio, \
             client_id e segreto OAuth 2.0 (client credentials), identificativo della credenziale e suo PIN.",
        )]),
        Some((dal, r)) => Blocco::Fatti(chiave_nostra(r, *dal)),
    });

    d.blocchi.push(titolo("A che cosa serve"));
    d.blocchi.push(Blocco::Paragrafo(vec![Brano::piano(
        "Il sigillo è apposto in modo automatico alla segnatura dei documenti protocollati (Linee guida AgID sul documento \
         informatico, allegato 6, § 2): firme XAdES baseline B, con algoritmo RSA o ECDSA e SHA-256 o SHA-384.",
    )]));
    d.blocchi.push(Blocco::Riquadro(
        Cornice::Evidenza,
        vec![
            Blocco::Paragrafo(vec![Brano::piano(format!(
                "{} {}, {} dell'ente, dichiara che i dati di questo modulo sono esatti.",
                m.rappresentante.nome,
                m.rappresentante.cognome,
                m.rappresentante.carica.as_deref().unwrap_or("rappresentante")
            ))]),
            Blocco::Fatti(vec![
                fatto("Compilato il", &in_parole(ora.giorno())),
                fatto("Firma del rappresentante legale", "da apporre sul PDF (firma elettronica qualificata)"),
            ]),
        ],
    ));
    d.pdf()
}

fn persona(p: &Persona) -> Vec<(String, Vec<Brano>)> {
    let nome = format!("{} {}", p.nome, p.cognome);
    let voci = [
        ("Nome e cognome", Some(&nome)),
        ("Codice fiscale", p.codice_fiscale.as_ref()),
        ("Carica", p.carica.as_ref()),
        ("Posta elettronica", p.email.as_ref()),
        ("Telefono", p.telefono.as_ref()),
    ];
    let scritta =
        |(nome, valore): (&str, Option<&String>)| Some((nome.to_owned(), vec![Brano::piano(valore?.clone())]));
    voci.into_iter().filter_map(scritta).collect()
}

/// The request that goes with the form, so that nobody puts another in its place.
fn chiave_nostra(r: &RichiestaSigillo, dal: Istante) -> Vec<(String, Vec<Brano>)> {
    let impronta = Impronta(Sha256::digest(der(r)).into()).hex();
    let custodia = match r.fornitore {
        Fornitore::Pkcs11 => "La chiave è nata in un dispositivo dell'ente, da cui non esce",
        _ => "La chiave è un file cifrato del servizio di protocollo (il sigillo non potrà dirsi qualificato)",
    };
    let voce = |nome: &str, b: Brano| (nome.to_owned(), vec![b]);
    vec![
        voce("Custodia", Brano::piano(format!("{custodia}. La richiesta PKCS#10 è allegata."))),
        voce("Generata il", Brano::piano(dal.in_parole())),
        voce("SHA-256 della richiesta", Brano::fisso(impronta)),
        voce("SHA-256 della chiave", Brano::fisso(r.chiave.hex())),
    ]
}
