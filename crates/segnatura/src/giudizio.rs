//! A document against a grammar: everything that is wrong, each with its path, not only the first thing.
//!
//! The verdict is that of the schema (a test asks xmllint the same, on documents and on mutations of them); what is said
//! goes further: names in the wrong namespace and attributes without their prefix are recognised for what they are, and
//! what follows a missing element is still judged.

use std::collections::{HashMap, HashSet, VecDeque};

use roxmltree::{Attribute, Node};

use crate::albero::{figli, percorso, testo};
use crate::grammatica::semplici::{Base, Semplice};
use crate::grammatica::{Automa, Contenuto, Dichiarazione, Grammatica, NS_XML, Nome, Termine, Tipo};
use crate::rilievo::{Codice, Rilievi, corto};

const NS_XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// How many names of what was expected are listed.
const ATTESI_MAX: usize = 6;

/// Judges `radice` as an element declared like `dichiarazione`.
pub(crate) fn giudica(
    grammatica: &Grammatica,
    radice: Node<'_, '_>,
    dichiarazione: &Dichiarazione,
    rilievi: &mut Rilievi,
) {
    let mut giudice = Giudice { grammatica, rilievi, id: HashSet::new(), idref: Vec::new(), spazi: HashSet::new() };
    if grammatica.di_dtd && radice.namespaces().len() > 0 {
        giudice.di_attributo(Codice::AttributoNonPrevisto, radice, "xmlns", "la DTD non prevede spazi dei nomi");
    }
    giudice.elemento(radice, dichiarazione);
    for (nome, dove) in std::mem::take(&mut giudice.idref) {
        if !giudice.id.contains(&nome) {
            let messaggio = format!("nessun elemento ha id «{}»", corto(&nome));
            giudice.rilievi.aggiungi(Codice::IdMancante, "rife", dove, messaggio);
        }
    }
}

struct Giudice<'g> {
    grammatica: &'g Grammatica,
    rilievi: &'g mut Rilievi,
    id: HashSet<String>,
    idref: Vec<(String, (String, u32))>,
    /// Wrong namespaces that were said already.
    spazi: HashSet<String>,
}

impl Giudice<'_> {
    fn di(&mut self, codice: Codice, nodo: Node<'_, '_>, nome: &str, messaggio: String) {
        if !self.rilievi.pieni() {
            self.rilievi.aggiungi(codice, nome, percorso(nodo), messaggio);
        } else {
            self.rilievi.aggiungi(codice, nome, (String::new(), 0), String::new());
        }
    }

    fn di_attributo(&mut self, codice: Codice, nodo: Node<'_, '_>, nome: &str, messaggio: &str) {
        let (percorso, riga) = if self.rilievi.pieni() { (String::new(), 0) } else { percorso(nodo) };
        self.rilievi.aggiungi(codice, nome, (format!("{percorso}/@{nome}"), riga), messaggio.to_owned());
    }

    fn elemento(&mut self, nodo: Node<'_, '_>, dichiarazione: &Dichiarazione) {
        let grammatica = self.grammatica;
        let tipo = &grammatica.tipi[dichiarazione.tipo];
        self.attributi(nodo, tipo);
        match &tipo.contenuto {
            Contenuto::Vuoto => {
                for f in figli(nodo) {
                    self.non_previsto(f, &[]);
                }
                // No blanks either; and for a DTD not even a comment.
                let qualcosa = if grammatica.di_dtd { nodo.has_children() } else { !testo(nodo).is_empty() };
                if qualcosa && figli(nodo).next().is_none() {
                    self.di(Codice::TestoNonPrevisto, nodo, nome(nodo), "deve essere vuoto".to_owned());
                }
            }
            Contenuto::Semplice(semplice) => {
                for f in figli(nodo) {
                    self.non_previsto(f, &[]);
                }
                self.valore(nodo, dichiarazione, semplice);
            }
            Contenuto::Figli { misto, automa } => {
                let estraneo = nodo.children().find(|n| n.is_text() && !bianco(n.text().unwrap_or_default()));
                if let Some(estraneo) = estraneo.filter(|_| !misto) {
                    let messaggio =
                        format!("testo fuori dagli elementi: «{}»", corto(estraneo.text().unwrap_or_default().trim()));
                    self.di(Codice::TestoNonPrevisto, nodo, nome(nodo), messaggio);
                }
                self.figli(nodo, automa);
            }
        }
    }

    fn valore(&mut self, nodo: Node<'_, '_>, dichiarazione: &Dichiarazione, semplice: &Semplice) {
        let valore = testo(nodo);
        if valore.is_empty() && dichiarazione.predefinito {
            return;
        }
        if let Err(perche) = semplice.giudica(&valore) {
            self.di(Codice::Valore, nodo, nome(nodo), format!("«{}» {perche}", corto(&valore)));
        } else if let Some(fisso) = dichiarazione.fisso.as_ref().filter(|f| !semplice.uguali(f, &valore)) {
            let messaggio = format!("«{}»: può essere solo «{fisso}»", corto(&valore));
            self.di(Codice::ValoreFisso, nodo, nome(nodo), messaggio);
        }
    }

    fn attributi(&mut self, nodo: Node<'_, '_>, tipo: &Tipo) {
        let mut visti = vec![false; tipo.attributi.len()];
        for a in nodo.attributes() {
            let ns = a.namespace().unwrap_or_default();
            if ns == NS_XSI
                && !self.grammatica.di_dtd
                && matches!(a.name(), "schemaLocation" | "noNamespaceSchemaLocation")
            {
                continue;
            }
            let esatto = tipo.attributi.iter().position(|d| d.nome.ns == ns && d.nome.locale == a.name());
            let qualunque = || {
                tipo.attributi
                    .iter()
                    .position(|d| d.nome.locale == a.name() && d.nome.ns != ns && d.nome.ns != NS_XML && ns != NS_XML)
            };
            match (esatto, qualunque()) {
                (Some(p), _) => {
                    visti[p] = true;
                    self.attributo(nodo, a, &tipo.attributi[p].tipo, tipo.attributi[p].fisso.as_deref());
                }
                (None, Some(p)) if !visti[p] => {
                    visti[p] = true;
                    let messaggio = match nodo.lookup_prefix(&tipo.attributi[p].nome.ns) {
                        Some(prefisso) if ns.is_empty() => {
                            format!("l'attributo va scritto con il prefisso: {prefisso}:{}", a.name())
                        }
                        _ => format!("l'attributo deve appartenere a «{}»", tipo.attributi[p].nome.ns),
                    };
                    self.di_attributo(Codice::AttributoSenzaPrefisso, nodo, a.name(), &messaggio);
                    self.attributo(nodo, a, &tipo.attributi[p].tipo, tipo.attributi[p].fisso.as_deref());
                }
                _ => self.di_attributo(Codice::AttributoNonPrevisto, nodo, a.name(), "attributo non previsto"),
            }
        }
        for (d, visto) in tipo.attributi.iter().zip(visti) {
            if d.obbligatorio && !visto {
                self.di_attributo(Codice::AttributoMancante, nodo, &d.nome.locale, "manca l'attributo");
            }
        }
    }

    fn attributo(&mut self, nodo: Node<'_, '_>, a: Attribute<'_, '_>, tipo: &Semplice, fisso: Option<&str>) {
        if let Err(perche) = tipo.giudica(a.value()) {
            self.di_attributo(Codice::Valore, nodo, a.name(), &format!("«{}» {perche}", corto(a.value())));
            return;
        }
        if let Some(fisso) = fisso.filter(|f| !tipo.uguali(f, a.value())) {
            let messaggio = format!("«{}»: può essere solo «{fisso}»", corto(a.value()));
            self.di_attributo(Codice::ValoreFisso, nodo, a.name(), &messaggio);
        }
        let nome = tipo.base.normale(a.value());
        match tipo.base {
            Base::Id if !self.id.insert(nome) => {
                self.di_attributo(Codice::IdDoppio, nodo, a.name(), &format!("«{}» c'è già", corto(a.value())));
            }
            Base::Idref => {
                let (percorso, riga) = percorso(nodo);
                self.idref.push((tipo.base.normale(a.value()), (format!("{percorso}/@{}", a.name()), riga)));
            }
            _ => {}
        }
    }

    fn figli(&mut self, nodo: Node<'_, '_>, automa: &Automa) {
        let mut stato = None;
        for f in figli(nodo) {
            let attesi = automa.dopo(stato);
            let p = attesi
                .iter()
                .find(|p| self.e_proprio(&automa.posti[**p], f))
                .or_else(|| attesi.iter().find(|p| jolly(&automa.posti[**p], f)))
                .or_else(|| attesi.iter().find(|p| self.si_chiama(&automa.posti[**p], f)));
            if let Some(p) = p.copied() {
                stato = Some(p);
                self.entra(&automa.posti[p], f);
            } else if let Some(cammino) = cammino(automa, stato, |p| self.si_chiama(&automa.posti[p], f)) {
                for saltato in &cammino[..cammino.len() - 1] {
                    self.manca(nodo, &automa.posti[*saltato], Some(f));
                }
                stato = cammino.last().copied();
                if let Some(p) = stato {
                    self.entra(&automa.posti[p], f);
                }
            } else if let Some(p) = automa.posti.iter().find(|p| self.si_chiama(p, f)) {
                let attesi = self.attesi(automa, stato);
                self.di(Codice::ElementoFuoriPosto, f, nome(f), format!("«{}» non può stare qui{attesi}", nome(f)));
                self.entra(p, f);
            } else {
                let attesi = self.attesi(automa, stato);
                self.non_previsto(f, &[attesi.as_str()]);
            }
        }
        if !automa.finisce(stato)
            && let Some(cammino) = cammino(automa, stato, |p| automa.ultimi[p])
        {
            for mancante in cammino {
                self.manca(nodo, &automa.posti[mancante], None);
            }
        }
    }

    /// Goes into a child that has a place.
    fn entra(&mut self, termine: &Termine, nodo: Node<'_, '_>) {
        let grammatica = self.grammatica;
        match termine {
            Termine::Elemento(d) => {
                let dichiarazione = &grammatica.dichiarazioni[*d];
                let ns = nodo.tag_name().namespace().unwrap_or_default();
                if ns != dichiarazione.nome.ns && self.spazi.insert(ns.to_owned()) {
                    let messaggio = match (ns, dichiarazione.nome.ns.as_str()) {
                        ("", giusto) => format!("manca lo spazio dei nomi «{giusto}»"),
                        (ns, "") => format!("non dovrebbe avere lo spazio dei nomi «{}»", corto(ns)),
                        (ns, giusto) => format!("spazio dei nomi «{}» invece di «{giusto}»", corto(ns)),
                    };
                    self.di(Codice::SpazioDeiNomi, nodo, nome(nodo), messaggio);
                }
                self.elemento(nodo, dichiarazione);
            }
            Termine::Jolly { stretto, .. } => self.libero(nodo, *stretto),
        }
    }

    /// What a wildcard took: judged if it is declared, and so is all that is inside.
    fn libero(&mut self, nodo: Node<'_, '_>, stretto: bool) {
        let grammatica = self.grammatica;
        if let Some(d) = grammatica.radice(nodo.tag_name().namespace().unwrap_or_default(), nome(nodo)) {
            self.elemento(nodo, &grammatica.dichiarazioni[d]);
        } else if stretto {
            self.non_previsto(nodo, &[]);
        } else {
            for f in figli(nodo) {
                self.libero(f, false);
            }
        }
    }

    fn non_previsto(&mut self, nodo: Node<'_, '_>, attesi: &[&str]) {
        let messaggio = format!("«{}» non è previsto{}", corto(nome(nodo)), attesi.concat());
        self.di(Codice::ElementoNonPrevisto, nodo, nome(nodo), messaggio);
    }

    fn manca(&mut self, nodo: Node<'_, '_>, termine: &Termine, prima_di: Option<Node<'_, '_>>) {
        let mancante = self.come_si_chiama(termine).unwrap_or("un elemento").to_owned();
        let dove = prima_di.map_or(String::new(), |n| format!(" prima di «{}»", nome(n)));
        self.di(Codice::ElementoMancante, nodo, &mancante, format!("manca «{mancante}»{dove}"));
    }

    fn attesi(&self, automa: &Automa, stato: Option<usize>) -> String {
        let nomi: Vec<&str> =
            automa.dopo(stato).iter().filter_map(|p| self.come_si_chiama(&automa.posti[*p])).take(ATTESI_MAX).collect();
        if nomi.is_empty() { String::new() } else { format!("; qui può stare: {}", nomi.join(", ")) }
    }

    fn come_si_chiama(&self, termine: &Termine) -> Option<&str> {
        match termine {
            Termine::Elemento(d) => Some(&self.grammatica.dichiarazioni[*d].nome.locale),
            Termine::Jolly { .. } => None,
        }
    }

    fn si_chiama(&self, termine: &Termine, nodo: Node<'_, '_>) -> bool {
        self.come_si_chiama(termine) == Some(nome(nodo))
    }

    fn e_proprio(&self, termine: &Termine, nodo: Node<'_, '_>) -> bool {
        let Termine::Elemento(d) = termine else { return false };
        self.grammatica.dichiarazioni[*d].nome == Nome::di(nodo.tag_name().namespace().unwrap_or_default(), nome(nodo))
    }
}

fn jolly(termine: &Termine, nodo: Node<'_, '_>) -> bool {
    let ns = nodo.tag_name().namespace().unwrap_or_default();
    match termine {
        Termine::Jolly { altro_da: None, .. } => true,
        Termine::Jolly { altro_da: Some(bersaglio), .. } => !ns.is_empty() && ns != bersaglio,
        Termine::Elemento(_) => false,
    }
}

fn nome<'a>(nodo: Node<'a, '_>) -> &'a str {
    nodo.tag_name().name()
}

/// Only what XML calls white space.
fn bianco(testo: &str) -> bool {
    testo.bytes().all(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
}

/// The shortest way from `stato` to a place that pleases: what lies on it before the end is what is missing.
fn cammino(automa: &Automa, stato: Option<usize>, piace: impl Fn(usize) -> bool) -> Option<Vec<usize>> {
    let mut da: HashMap<usize, Option<usize>> = HashMap::new();
    let mut coda: VecDeque<usize> = VecDeque::new();
    for p in automa.dopo(stato) {
        if da.insert(*p, None).is_none() {
            coda.push_back(*p);
        }
    }
    while let Some(p) = coda.pop_front() {
        if piace(p) {
            let (mut passi, mut qui) = (vec![p], p);
            while let Some(prima) = da[&qui] {
                passi.push(prima);
                qui = prima;
            }
            passi.reverse();
            return Some(passi);
        }
        for q in &automa.seguito[p] {
            if !da.contains_key(q) {
                da.insert(*q, Some(p));
                coda.push_back(*q);
            }
        }
    }
    None
}
