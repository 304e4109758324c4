//! Any day: an independent reader finds in the XML what was put into it.

mod comune;

use comune::*;
use conservazione::{Copia, RegistroGiornaliero};
use dominio::operazione::{Evento, Operazione};
use dominio::registrazione::{DatiRegistrazione, Tipo};
use dominio::soggetto::Soggetto;
use dominio::tempo::Istante;
use dominio::testo::ammesso_in_xml;
use proptest::prelude::*;
use roxmltree::{Document, Node};

fn testo() -> impl Strategy<Value = String> {
    let qualunque = any::<char>().prop_filter("XML holds it", |c| ammesso_in_xml(*c));
    prop_oneof![
        "[ -~àèéìòù€漢😀\t\n\r<>&\"']{0,24}",
        proptest::collection::vec(qualunque, 0..12).prop_map(String::from_iter),
    ]
}

fn dati_qualunque() -> impl Strategy<Value = DatiRegistrazione> {
    (testo(), testo(), testo(), 0..3u8, any::<bool>(), 0..4u32).prop_map(
        |(oggetto, cognome, nome, tipo, riservato, file)| {
            let mut d = dati(&oggetto);
            d.tipo = [Tipo::Entrata, Tipo::Uscita, Tipo::Interna][usize::from(tipo)];
            d.mittente = Some(persona(&cognome, &nome));
            d.riservato = riservato;
            d.documenti = (1..=file).map(|n| comune::file(n, &nome)).collect();
            d
        },
    )
}

/// Registrations of the day, each a while after the one before, some annulled after a while.
fn giornata() -> impl Strategy<Value = Vec<Operazione>> {
    proptest::collection::vec((dati_qualunque(), 0..3_000_000_000i64, any::<bool>(), testo()), 0..9).prop_map(|righe| {
        let mut ops: Vec<Operazione> = Vec::new();
        let mut t = testata().periodo.inizio();
        let mut indice = 100;
        for (numero, (dati, attesa, cambia, nuovo)) in (42..).zip(righe) {
            t = Istante(t.0 + attesa);
            let k = chiave(2026, numero);
            ops.push(operazione(indice, t, Some(k.clone()), Evento::Registrazione(Box::new(dati))));
            indice += 1;
            if cambia {
                let mut op = rinnova_oggetto(indice, "2026-11-24T00:00:00+01:00", k, &nuovo);
                op.istante = t;
                ops.push(op);
                indice += 1;
            }
        }
        ops
    })
}

fn figlio<'a>(n: Node<'a, 'a>, nome: &str) -> Node<'a, 'a> {
    n.children().find(|c| c.has_tag_name((conservazione::NS, nome))).unwrap_or_else(|| panic!("no {nome}"))
}

fn testo_di(n: Node<'_, '_>) -> String {
    n.text().unwrap_or_default().to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// R-F01, R-F03, R-F04, R-F10.
    #[test]
    fn what_is_read_back_is_what_was_registered(ops in giornata()) {
        let t = testata();
        let fonte = Registro::nuovo(&t, ops.clone());
        let registro = RegistroGiornaliero::nuovo(&t, &fonte).unwrap();
        let nate: Vec<(&Operazione, &DatiRegistrazione)> = ops
            .iter()
            .filter_map(|o| match &o.evento { Evento::Registrazione(d) => Some((o, &**d)), _ => None })
            .collect();
        for copia in [Copia::Completa, Copia::Pubblica] {
            let s = scrivi(&registro, copia).unwrap();
            xmllint(&s.xml);
            let xml = Document::parse(s.testo(1)).unwrap();
            let righe: Vec<Node<'_, '_>> =
                figlio(xml.root_element(), "Registrazioni").children().filter(Node::is_element).collect();
            prop_assert_eq!(righe.len(), nate.len());
            for (riga, (op, d)) in righe.iter().zip(&nate) {
                let numero = op.chiave.as_ref().unwrap().numero;
                prop_assert_eq!(riga.attribute("numero").unwrap(), numero.esteso());
                prop_assert_eq!(Istante::leggi(riga.attribute("istante").unwrap()).unwrap(), op.istante);
                if copia == Copia::Pubblica && d.riservato {
                    prop_assert_eq!(riga.tag_name().name(), "Riservata");
                    prop_assert!(riga.attributes().len() == 3 && !riga.has_children());
                    continue;
                }
                prop_assert_eq!(riga.attribute("tipo").unwrap(), d.tipo.codice());
                prop_assert_eq!(testo_di(figlio(*riga, "Oggetto")), d.oggetto.as_str());
                let mittente = d.mittente.as_ref().map(Soggetto::nome_completo).unwrap();
                prop_assert_eq!(testo_di(figlio(*riga, "Mittente")), mittente);
                let file: Vec<(String, String)> = riga
                    .children()
                    .filter(|c| c.has_tag_name((conservazione::NS, "Documento")))
                    .map(|c| (testo_di(c), c.attribute("impronta").unwrap().to_owned()))
                    .collect();
                let attesi: Vec<(String, String)> =
                    d.documenti.iter().map(|f| (f.nome.clone(), f.impronta.hex())).collect();
                prop_assert_eq!(file, attesi);
                prop_assert_eq!(testo_di(figlio(*riga, "Operatore")), op.operatore.nome.as_str());
            }
            let visibili = |tipo: Tipo| {
                nate.iter().filter(|(_, d)| d.tipo == tipo && !(copia == Copia::Pubblica && d.riservato)).count()
            };
            let riepilogo = figlio(xml.root_element(), "Riepilogo");
            let conto = |nome: &str| riepilogo.attribute(nome).unwrap().parse::<usize>().unwrap();
            prop_assert_eq!(conto("registrazioni"), nate.len());
            prop_assert_eq!(conto("ultimoNumero"), 41 + nate.len());
            prop_assert_eq!(conto("entrate"), visibili(Tipo::Entrata));
            prop_assert_eq!(conto("uscite"), visibili(Tipo::Uscita));
            prop_assert_eq!(conto("interne"), visibili(Tipo::Interna));
            prop_assert_eq!(conto("entrate") + conto("uscite") + conto("interne") + conto("mascherate"), nate.len());
            prop_assert_eq!(conto("annullamenti") + conto("modificheMascherate"), ops.len() - nate.len());
            // Of each renewal, what was and what is.
            let vecchi = |o: &Operazione| nate.iter().find(|(n, _)| n.chiave == o.chiave).unwrap().1;
            let modifiche: Vec<Node<'_, '_>> =
                figlio(xml.root_element(), "Modifiche").children().filter(Node::is_element).collect();
            let rinnovi: Vec<&Operazione> = ops.iter().filter(|o| conservazione::entra(&o.evento)).collect();
            prop_assert_eq!(modifiche.len(), rinnovi.len());
            for (m, op) in modifiche.iter().zip(rinnovi) {
                let Evento::Annullamento { nuovi_valori, .. } = &op.evento else { panic!("{op:?}") };
                if copia == Copia::Pubblica && vecchi(op).riservato {
                    prop_assert_eq!(m.tag_name().name(), "Riservata");
                    continue;
                }
                let (prima, dopo) = (vecchi(op).oggetto.as_str(), nuovi_valori.oggetto.as_deref().unwrap());
                let valore = m.children().find(|c| c.attribute("campo") == Some("oggetto"));
                match valore {
                    None => prop_assert_eq!(prima, dopo),
                    Some(v) => {
                        prop_assert_eq!(testo_di(figlio(v, "Prima")), prima);
                        prop_assert_eq!(testo_di(figlio(v, "Dopo")), dopo);
                    }
                }
            }
        }
    }
}
