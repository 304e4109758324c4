//! The statement that binds the keys of an operations log to the ente (`docs/decisions/0008`): which keys, since which
//! operation, declared by whom. As XML, which a seal of the ente (XAdES) makes worth what the seal is worth, and as PDF/A
//! for who reads (PAdES). Both say the same, and are the same bytes whenever the keys are the same: what was sealed once can
//! be compared for ever with what the service says today. `docs/dichiarazione-chiavi.xsd` is the form of the XML.

use std::fmt::Write as _;

use archivio::store::Registro;
use archivio::{EnteStore, Errore, Esito};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catena::ChiavePubblica;
use dominio::codici::{CodiceAoo, Impronta};
use dominio::configurazione::DatiEnte;
use dominio::operazione::{Evento, Operazione};
use dominio::tempo::Istante;
use sha2::{Digest as _, Sha256};
use stampa::{Blocco, Brano, Cornice, Documento};

/// Namespace of the XML.
pub const SPAZIO: &str = "urn:protocollo-informatico:dichiarazione-chiavi:1";

/// A key of the log, with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChiaveDichiarata {
    /// The key.
    pub vkey: ChiavePubblica,
    /// The operation that declares it.
    pub operazione: u64,
    /// Its entry in the log.
    pub entrata: [u8; 32],
    /// Since when it is in force.
    pub dal: Istante,
    /// The operation that names the key after it, and when.
    pub al: Option<(u64, Istante)>,
    /// Until when it signs beside the one after it.
    pub firma_fino: Option<Istante>,
    /// Who declared it: his name then, and his office.
    pub dichiarante: (String, Option<String>),
}

impl ChiaveDichiarata {
    /// SHA-256 of the 32 bytes of the key: what can be read out on the telephone.
    pub fn impronta(&self) -> Impronta {
        Impronta(Sha256::digest(self.vkey.byte()).into())
    }
}

/// What is stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dichiarazione {
    /// The ente.
    pub ente: DatiEnte,
    /// The AOO; absent for the ente's own log.
    pub aoo: Option<(CodiceAoo, String)>,
    /// Origin of the log.
    pub origine: String,
    /// Keys, oldest first: the last is in force.
    pub chiavi: Vec<ChiaveDichiarata>,
}

/// The statement for a log, read from its operations.
///
/// # Errors
/// The store's; keys that the log does not declare.
pub async fn dichiarazione(ente: &dyn EnteStore, registro: &Registro) -> Esito<Dichiarazione> {
    let male = |che: &str| Errore::Incoerente(format!("chiavi del registro: {che}"));
    let conf = ente.configurazione();
    let dati = conf.ente.clone().ok_or_else(|| male("l'ente non è ancora creato"))?;
    let prima = ente.chiavi(registro).await?.pop().ok_or_else(|| male("non ce ne sono"))?;
    let (aoo, ruotate) = match registro {
        Registro::Ente => (None, &conf.chiavi),
        Registro::Aoo(a) => {
            let stato = conf.aoo.get(a).ok_or_else(|| male("l'AOO non c'è"))?;
            (Some((a.clone(), stato.dati.denominazione.clone())), &stato.chiavi)
        }
    };
    let mut chiavi: Vec<ChiaveDichiarata> = Vec::new();
    for (indice, vkey) in std::iter::once(&(0, prima)).chain(ruotate) {
        let scritta = ente.scan_from(registro, *indice, 1).await?.pop().ok_or_else(|| male("manca un'operazione"))?;
        let op = Operazione::leggi(&scritta.campi).map_err(|e| male(&e.to_string()))?;
        if let (Evento::ChiaveRuotata { fino, .. }, Some(ultima)) = (&op.evento, chiavi.last_mut()) {
            ultima.al = Some((*indice, op.istante));
            ultima.firma_fino = Some(*fino);
        }
        chiavi.push(ChiaveDichiarata {
            vkey: vkey.parse().map_err(|e: catena::ErroreNota| male(&e.to_string()))?,
            operazione: *indice,
            entrata: scritta.voce,
            dal: op.istante,
            al: None,
            firma_fino: None,
            dichiarante: (op.operatore.nome, op.operatore.ufficio.map(|u| u.to_string())),
        });
    }
    let origine = chiavi.first().map(|k| k.vkey.nome().to_owned()).unwrap_or_default();
    Ok(Dichiarazione { ente: dati, aoo, origine, chiavi })
}

/// How anybody checks, in both forms.
const CONTROLLO: [&str; 3] = [
    "L'impronta è lo SHA-256 dei 32 byte della chiave pubblica Ed25519; la vkey è la stessa chiave nella forma C2SP \
     signed-note. Le chiavi pubblicate dal servizio agli indirizzi .../log/chiavi devono essere queste.",
    "Ogni checkpoint del registro porta la firma della chiave in vigore a quella posizione: una chiave precedente, da \
     sola, non garantisce nulla di nuovo. L'entrata è quella dell'operazione che dichiara la chiave, nella sua \
     posizione nel registro pubblico.",
    "Ricevute e checkpoint si controllano con queste chiavi senza chiedere nulla all'ente: comando \
     protocollo ricevuta verifica, oppure programmi di altri che leggono note firmate C2SP.",
];

impl Dichiarazione {
    /// The XML, in one form only: UTF-8, two spaces, lines ended by LF.
    pub fn xml(&self) -> String {
        let mut x = Xml(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DichiarazioneChiavi xmlns=\"{SPAZIO}\" Id=\"dichiarazione\">\n"
        ));
        x.dentro(1, "Ente", |x| {
            x.voce(2, "Denominazione", &self.ente.denominazione);
            x.voce(2, "CodiceIPA", self.ente.ipa.as_str());
            x.se(2, "CodiceFiscale", self.ente.codice_fiscale.as_deref());
        });
        if let Some((codice, denominazione)) = &self.aoo {
            x.dentro(1, "AOO", |x| {
                x.voce(2, "Codice", codice.as_str());
                x.voce(2, "Denominazione", denominazione);
            });
        }
        x.voce(1, "Origine", &self.origine);
        for k in &self.chiavi {
            x.dentro(1, "Chiave", |x| {
                x.voce(2, "VKey", &k.vkey.to_string());
                x.voce(2, "ChiavePubblicaEd25519", &STANDARD.encode(k.vkey.byte()));
                x.voce(2, "ImprontaSHA256", &k.impronta().hex());
                x.voce(2, "DallaOperazione", &k.operazione.to_string());
                x.voce(2, "Dal", &k.dal.utc());
                x.se(2, "FinoAllaOperazione", k.al.map(|a| a.0.to_string()).as_deref());
                x.se(2, "Al", k.al.map(|a| a.1.utc()).as_deref());
                x.se(2, "FirmaAncheFino", k.firma_fino.map(Istante::utc).as_deref());
                x.dentro(2, "Dichiarante", |x| {
                    x.voce(3, "Nome", &k.dichiarante.0);
                    x.se(3, "Ufficio", k.dichiarante.1.as_deref());
                });
                x.voce(2, "Entrata", &Impronta(k.entrata).hex());
            });
        }
        for riga in CONTROLLO {
            x.voce(1, "ComeSiControlla", riga);
        }
        x.0.push_str("</DichiarazioneChiavi>\n");
        x.0
    }

    /// The PDF.
    ///
    /// # Errors
    /// What `stampa` cannot lay out.
    pub fn pdf(&self) -> Result<Vec<u8>, stampa::Errore> {
        let ente = &self.ente.denominazione;
        // The last thing that changed what is stated.
        let data = self.chiavi.last().map_or(Istante(0), |k| k.dal);
        let titolo = "Dichiarazione delle chiavi del registro delle operazioni";
        let mut d = Documento::nuovo(titolo, ente.clone(), (&data.a_roma()).into());
        d.intestazione.riga = self.aoo.as_ref().map(|a| a.1.clone()).filter(|n| n != ente).unwrap_or_default();
        d.soggetto = format!("Chiavi pubbliche del registro {}", self.origine);
        d.piede = format!("Chiavi del registro {}", self.origine);
        let di_chi = match &self.aoo {
            Some((codice, nome)) => format!("dell'area organizzativa omogenea {nome} ({codice})"),
            None => "dell'ente".to_owned(),
        };
        d.blocchi.push(Blocco::Paragrafo(vec![Brano::piano(format!(
            "{ente} dichiara che il registro delle operazioni {di_chi}, di origine {}, è firmato con le chiavi che seguono.",
            self.origine
        ))]));
        let mut fatti = vec![
            ("Ente".to_owned(), vec![Brano::piano(ente.clone())]),
            ("Codice IPA".to_owned(), vec![Brano::piano(self.ente.ipa.to_string())]),
        ];
        if let Some(cf) = &self.ente.codice_fiscale {
            fatti.push(("Codice fiscale".to_owned(), vec![Brano::piano(cf.clone())]));
        }
        if let Some((codice, nome)) = &self.aoo {
            fatti.push(("AOO".to_owned(), vec![Brano::piano(format!("{nome} ({codice})"))]));
        }
        fatti.push(("Origine del registro".to_owned(), vec![Brano::fisso(self.origine.clone())]));
        d.blocchi.push(Blocco::Fatti(fatti));
        for (i, k) in self.chiavi.iter().enumerate().rev() {
            let in_vigore = k.al.is_none();
            let titolo =
                if in_vigore { "Chiave in vigore".to_owned() } else { format!("Chiave precedente, la {}ª", i + 1) };
            d.blocchi.push(Blocco::Titolo(2, titolo));
            let fatti = Blocco::Fatti(fatti_della_chiave(k));
            d.blocchi.push(if in_vigore { Blocco::Riquadro(Cornice::Evidenza, vec![fatti]) } else { fatti });
        }
        d.blocchi.push(Blocco::Titolo(2, "Come si controlla".to_owned()));
        d.blocchi.extend(CONTROLLO.iter().map(|t| Blocco::Paragrafo(vec![Brano::piano(*t)])));
        d.pdf()
    }
}

fn fatti_della_chiave(k: &ChiaveDichiarata) -> Vec<(String, Vec<Brano>)> {
    let voce = |nome: &str, b: Brano| (nome.to_owned(), vec![b]);
    let da = match &k.dichiarante.1 {
        Some(u) => format!("{} (ufficio {u})", k.dichiarante.0),
        None => k.dichiarante.0.clone(),
    };
    let mut f = vec![
        voce("Impronta (SHA-256)", Brano::fisso(k.impronta().hex())),
        voce("Chiave (vkey)", Brano::fisso(k.vkey.to_string())),
        voce("In vigore dal", Brano::piano(format!("{}, dall'operazione {}", k.dal.in_parole(), k.operazione))),
    ];
    if let Some((indice, t)) = k.al {
        f.push(voce("Fino al", Brano::piano(format!("{}, fino all'operazione {indice}", t.in_parole()))));
    }
    if let Some(t) = k.firma_fino {
        f.push(voce("Firma insieme alla successiva", Brano::piano(format!("fino al {}", t.in_parole()))));
    }
    f.push(voce("Dichiarata da", Brano::piano(da)));
    f.push(voce("Entrata nel registro", Brano::fisso(Impronta(k.entrata).hex())));
    f
}

/// Writes elements, indented, with what a text may hold and no more.
struct Xml(String);

impl Xml {
    fn voce(&mut self, livello: usize, nome: &str, testo: &str) {
        let _ = writeln!(self.0, "{:1$}<{nome}>{2}</{nome}>", "", livello * 2, protetto(testo));
    }

    fn se(&mut self, livello: usize, nome: &str, testo: Option<&str>) {
        if let Some(t) = testo {
            self.voce(livello, nome, t);
        }
    }

    fn dentro(&mut self, livello: usize, nome: &str, f: impl FnOnce(&mut Self)) {
        let _ = writeln!(self.0, "{:1$}<{nome}>", "", livello * 2);
        f(self);
        let _ = writeln!(self.0, "{:1$}</{nome}>", "", livello * 2);
    }
}

/// Text of an element: escaped, and without the characters that XML 1.0 cannot carry. A carriage return would be read
/// back as something else.
fn protetto(t: &str) -> String {
    let mut out = String::with_capacity(t.len());
    for c in t.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(c),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything_and_the_xml_stays_one() {
        let vkey = catena::ChiaveFirma::da_segreto("prova.example/x", &[7; 32]).unwrap().pubblica();
        let d = Dichiarazione {
            ente: DatiEnte {
                ipa: "c_z999".parse().unwrap(),
                denominazione: "Comune <di> \"Z\" & figli\r\n\u{1}]]>".into(),
                codice_fiscale: Some("00000000000".into()),
                pec: None,
            },
            aoo: None,
            origine: "prova.example/x".into(),
            chiavi: vec![ChiaveDichiarata {
                vkey,
                operazione: 0,
                entrata: [1; 32],
                dal: Istante(0),
                al: None,
                firma_fino: None,
                dichiarante: ("Ugo <Prova>".into(), None),
            }],
        };
        let x = d.xml();
        assert!(
            x.contains("<Denominazione>Comune &lt;di&gt; \"Z\" &amp; figli&#13;\n\u{fffd}]]&gt;</Denominazione>"),
            "{x}"
        );
        assert!(x.contains("<Nome>Ugo &lt;Prova&gt;</Nome>") && !x.contains("<AOO>") && !x.contains("<Al>"), "{x}");
        assert!(d.pdf().unwrap().starts_with(b"%PDF"));
    }
}
