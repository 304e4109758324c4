//! The segnatura 3.0.0, without its seal.

use super::penna::Penna;
use super::{NonScrivibile, Rifiuto, regole, rileggi};
use crate::grammatica::{NS_DS, NS_PROT};
use crate::modello::{
    Classifica, CodiceClassifica, CodiceIpa, Contatti, Destinatario, Documento, Fascicolo, Identificatore,
    PersonaFisica, Riferimento, Segnatura, Soggetto, Sottoscrizione, TipoIndirizzo,
};

/// A segnatura that is valid in everything but the seal that it still lacks: its bytes are those that will be sealed, and
/// never change (R-C01, R-C14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NonSigillata {
    xml: String,
    inizio: usize,
    posto: usize,
}

/// Stands where the seal will be, so that all the rest can be judged.
const SEGNAPOSTO: &str = "<ds:SignedInfo><ds:CanonicalizationMethod Algorithm=\"urn:x\"></ds:CanonicalizationMethod>\
    <ds:SignatureMethod Algorithm=\"urn:x\"></ds:SignatureMethod><ds:Reference>\
    <ds:DigestMethod Algorithm=\"urn:x\"></ds:DigestMethod><ds:DigestValue></ds:DigestValue></ds:Reference>\
    </ds:SignedInfo><ds:SignatureValue></ds:SignatureValue></ds:Signature>";

impl Segnatura {
    /// The 3.0.0 of this segnatura, ready to be sealed; or everything that keeps it from being valid (R-C05, R-C13).
    ///
    /// Postal addresses are left out: no true CAP satisfies the schema (`docs/segnatura.md`).
    pub fn non_sigillata(&self) -> Result<NonSigillata, NonScrivibile> {
        let rifiuti = regole::esamina(self);
        if !rifiuti.is_empty() {
            return Err(NonScrivibile(rifiuti));
        }
        let mut penna = Penna::nuova(false);
        let inizio = penna.lunghezza_byte();
        let attributi = [("xmlns:prot", Some(NS_PROT)), ("prot:lang", Some("it")), ("prot:versione", Some("3.0.0"))];
        penna.apri("prot:SegnaturaInformatica", &attributi);
        intestazione(&mut penna, self);
        for r in &self.riferimenti {
            riferimento(&mut penna, r);
        }
        descrizione(&mut penna, self);
        let posto = penna.lunghezza_byte();
        let xml = penna.finisci()?;
        let non_sigillata = NonSigillata { xml, inizio, posto };
        rileggi(&non_sigillata.unita(&format!("<ds:Signature xmlns:ds=\"{NS_DS}\">{SEGNAPOSTO}")), false)?;
        Ok(non_sigillata)
    }
}

impl NonSigillata {
    /// The document as it stands, with its XML declaration.
    pub fn byte(&self) -> &[u8] {
        self.xml.as_bytes()
    }

    /// The exclusive canonical form of the document: what an enveloped signature over the whole digests.
    pub fn canonica(&self) -> &[u8] {
        self.xml[self.inizio..].trim_end().as_bytes()
    }

    /// Where `ds:Signature` goes, in bytes from the start of [`Self::byte`]: before the end tag of the root.
    pub fn posto_della_firma(&self) -> usize {
        self.posto
    }

    /// The sealed document: `firma` is a whole `ds:Signature` with its own namespaces. It is judged as a received one
    /// would be before it is handed out (R-C05: validated before sealing and after); whether it holds is not seen here.
    pub fn con_firma(&self, firma: &str) -> Result<Vec<u8>, NonScrivibile> {
        let xml = self.unita(firma);
        rileggi(&xml, false)?;
        Ok(xml.into_bytes())
    }

    fn unita(&self, firma: &str) -> String {
        let (prima, dopo) = self.xml.split_at(self.posto);
        [prima, firma, dopo].concat()
    }
}

fn intestazione(p: &mut Penna, s: &Segnatura) {
    let testa = &s.intestazione;
    p.apri("prot:Intestazione", &[]);
    identificatore(p, "prot:Identificatore", &testa.identificatore);
    if let Some(prima) = &testa.prima_registrazione {
        identificatore(p, "prot:PrimaRegistrazione", prima);
    }
    p.voce("prot:Oggetto", &testa.oggetto);
    for c in &testa.classifiche {
        classifica(p, c);
    }
    if let Some(f) = &testa.fascicolo {
        fascicolo(p, f);
    }
    if let Some(r) = &testa.riservato {
        let valore = if r.valore { "true" } else { "false" };
        p.voce_con("prot:Riservato", &[("prot:note", r.note.as_deref())], valore);
    }
    p.chiudi();
}

/// R-C06. Of return messages too.
pub(super) fn identificatore(p: &mut Penna, nome: &str, i: &Identificatore) {
    p.apri(nome, &[]);
    codice(p, "prot:CodiceAmministrazione", &i.codice_amministrazione);
    codice(p, "prot:CodiceAOO", &i.codice_aoo);
    p.forse("prot:CodiceRegistro", i.codice_registro.as_deref());
    p.voce("prot:NumeroRegistrazione", &i.numero_registrazione);
    p.voce("prot:DataRegistrazione", &i.data_registrazione);
    p.forse("prot:OraRegistrazione", i.ora_registrazione.as_deref());
    p.chiudi();
}

fn codice(p: &mut Penna, nome: &str, c: &CodiceIpa) {
    p.voce_con(nome, &[("prot:descrizione", c.descrizione.as_deref())], &c.valore);
}

fn classifica(p: &mut Penna, c: &Classifica) {
    p.apri("prot:Classifica", &[]);
    p.voce("prot:Denominazione", &c.denominazione);
    match &c.codice {
        CodiceClassifica::Unico(codice) => p.voce("prot:CodiceFlat", codice),
        CodiceClassifica::Livelli(livelli) => {
            for (i, livello) in livelli.iter().enumerate() {
                p.apri(if i == 0 { "prot:CodicePath" } else { "prot:SubLivello" }, &[]);
                let descrizione = [("prot:descrizione", livello.descrizione.as_deref())];
                p.voce_con("prot:Livello", &descrizione, &livello.valore);
            }
            livelli.iter().for_each(|_| p.chiudi());
        }
    }
    p.chiudi();
}

fn fascicolo(p: &mut Penna, f: &Fascicolo) {
    p.apri("prot:Fascicolo", &[]);
    p.voce("prot:Denominazione", &f.denominazione);
    p.voce("prot:CodiceFascicolo", &f.codice);
    p.chiudi();
}

/// R-C20. What is absent and may not be is found by the schema.
fn riferimento(p: &mut Penna, r: &Riferimento) {
    p.apri("prot:Riferimenti", &[]);
    if let Some(i) = &r.identificatore {
        identificatore(p, "prot:Identificatore", i);
    }
    if let Some(i) = &r.prima_registrazione {
        identificatore(p, "prot:PrimaRegistrazione", i);
    }
    p.forse("prot:Oggetto", r.oggetto.as_deref());
    if let Some(c) = &r.classifica {
        classifica(p, c);
    }
    if let Some(f) = &r.fascicolo {
        fascicolo(p, f);
    }
    p.chiudi();
}

fn descrizione(p: &mut Penna, s: &Segnatura) {
    p.apri("prot:Descrizione", &[]);
    if let Some(mittente) = &s.descrizione.mittente {
        p.apri("prot:Mittente", &[]);
        soggetto(p, mittente);
        p.chiudi();
    }
    for d in &s.descrizione.destinatari {
        destinatario(p, d);
    }
    if let Some(d) = &s.descrizione.documento_primario {
        documento(p, "prot:DocumentoPrimario", d);
    }
    for d in &s.descrizione.allegati {
        documento(p, "prot:Allegato", d);
    }
    p.chiudi();
}

fn destinatario(p: &mut Penna, d: &Destinatario) {
    let vero = |b: bool| Some(if b { "true" } else { "false" });
    let attributi =
        [("prot:confermaRicezione", vero(d.conferma_ricezione)), ("prot:perConoscenza", vero(d.per_conoscenza))];
    p.apri("prot:Destinatario", &attributi);
    if let Some(s) = &d.soggetto {
        soggetto(p, s);
    }
    p.chiudi();
}

/// R-C07.
fn soggetto(p: &mut Penna, s: &Soggetto) {
    match s {
        Soggetto::Amministrazione(a) => {
            p.apri("prot:Amministrazione", &[]);
            p.voce("prot:DenominazioneAmministrazione", &a.denominazione);
            p.forse("prot:CFAmministrazione", a.codice_fiscale.as_deref());
            for (nome, codice_ipa, nome_contatti, contatti_suoi) in [
                ("prot:CodiceIPAAmministrazione", &a.codice_ipa, "prot:ContattiAmministrazione", &a.contatti),
                ("prot:CodiceIPAAOO", &a.aoo, "prot:ContattiAOO", &a.contatti_aoo),
                ("prot:CodiceIPAUO", &a.uo, "prot:ContattiUO", &a.contatti_uo),
            ] {
                if let Some(c) = codice_ipa {
                    codice(p, nome, c);
                }
                contatti(p, nome_contatti, contatti_suoi.as_ref());
            }
            persone(p, &a.persone);
            p.chiudi();
        }
        Soggetto::PersonaGiuridica(g) => {
            p.apri("prot:PersonaGiuridica", &[]);
            p.voce("prot:Denominazione", &g.denominazione);
            p.forse("prot:PIVAoCF", g.partita_iva.as_deref());
            contatti(p, "prot:ContattiPersonaGiuridica", g.contatti.as_ref());
            persone(p, &g.persone);
            p.chiudi();
        }
        Soggetto::PersonaFisica(f) => persone(p, std::slice::from_ref(f)),
        Soggetto::AmministrazioneEstera(e) => {
            p.apri("prot:AmministrazioneEstera", &[]);
            p.voce("prot:DenominazioneAmministrazione", &e.denominazione);
            p.forse("prot:DenominazioneUfficio", e.ufficio.as_deref());
            contatti(p, "prot:ContattiAmministrazione", e.contatti.as_ref());
            p.chiudi();
        }
    }
}

fn persone(p: &mut Penna, persone: &[PersonaFisica]) {
    for f in persone {
        p.apri("prot:PersonaFisica", &[]);
        p.voce("prot:Nome", &f.nome);
        p.voce("prot:Cognome", &f.cognome);
        p.forse("prot:Titolo", f.titolo.as_deref());
        p.forse("prot:CodiceFiscale", f.codice_fiscale.as_deref());
        contatti(p, "prot:Contatti", f.contatti.as_ref());
        p.chiudi();
    }
}

fn contatti(p: &mut Penna, nome: &str, contatti: Option<&Contatti>) {
    let Some(contatti) = contatti else { return };
    p.apri(nome, &[]);
    for i in &contatti.telematici {
        let tipo = match &i.tipo {
            TipoIndirizzo::Smtp => "smtp",
            TipoIndirizzo::Url => "url",
            TipoIndirizzo::Altro(_) => "other",
        };
        let attributi = [("prot:note", i.note.as_deref()), ("prot:tipo", Some(tipo))];
        p.voce_con("prot:IndirizzoTelematico", &attributi, &i.valore);
    }
    for t in &contatti.telefoni {
        p.voce("prot:Telefono", t);
    }
    p.chiudi();
}

/// R-C08.
fn documento(p: &mut Penna, nome: &str, d: &Documento) {
    p.apri(nome, &[("prot:mimeType", d.mime_type.as_deref()), ("prot:nomeFile", d.nome_file.as_deref())]);
    p.forse("prot:Descrizione", d.descrizione.as_deref());
    if let Some(i) = &d.impronta {
        p.voce_con("prot:Impronta", &[("prot:algoritmo", i.algoritmo.as_deref())], &i.valore);
    }
    if let Some(c) = &d.collocazione {
        let attributi = [
            ("prot:password", c.password.as_ref().map(|s| s.0.as_str())),
            ("prot:timeToLive", c.durata_ms.as_deref()),
            ("prot:userId", c.utente.as_deref()),
        ];
        p.apri("prot:CollocazioneTelematica", &attributi);
        p.forse("prot:HostValue", c.host.as_deref());
        p.voce("prot:PathValue", &c.percorso);
        p.chiudi();
    }
    for (nome, sottoscrizione) in [
        ("prot:firmatoDigitalmente", &d.firmato),
        ("prot:sigillatoElettronicamente", &d.sigillato),
        ("prot:marcaturaTemporale", &d.marcato),
    ] {
        let Some(sottoscrizione) = sottoscrizione else { continue };
        p.apri(nome, &[]);
        match sottoscrizione {
            Sottoscrizione::Interna => p.voce("prot:UnDetached", "true"),
            Sottoscrizione::Separata(file) => {
                for f in file {
                    let attributi = [
                        ("prot:mimeType", f.mime_type.as_deref()),
                        ("prot:nomeFile", Some(f.nome_file.as_str())),
                        ("prot:order", Some(f.ordine.as_str())),
                    ];
                    p.voce_con("prot:Detached", &attributi, "true");
                }
            }
        }
        p.chiudi();
    }
    p.chiudi();
}

impl From<Rifiuto> for NonScrivibile {
    fn from(rifiuto: Rifiuto) -> Self {
        Self(vec![rifiuto])
    }
}
