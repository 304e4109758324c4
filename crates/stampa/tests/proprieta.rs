//! What holds for any document: it is printed, it is the same every time, a mistake of the caller has a name.

mod comune;

use proptest::prelude::*;
use stampa::{Blocco, Brano, COLONNE_MAX, Colonna, Cornice, Documento, Errore, Qr, Righe, Tabella};

/// Text as people write it and as nobody does.
fn testo() -> impl Strategy<Value = String> {
    let strano = prop::sample::select(vec![
        '\u{0}',
        '\u{ad}',
        '\u{200d}',
        '\u{202e}',
        '\u{fe0f}',
        '\u{feff}',
        '\u{fffe}',
        '\u{e000}',
        '\u{10ffff}',
        '\u{301}',
        '\u{20d0}',
        '\u{1f1ee}',
        '\u{1f468}',
        '漢',
        'ع',
        'ש',
        'ﷺ',
        'Ж',
        'ǆ',
        '�',
        '\u{a0}',
        '\n',
        '\t',
        ' ',
        '٣',
        '\u{25cc}',
        '\u{1100}',
        '\u{1161}',
        '\u{915}',
        '\u{94d}',
        '\u{e01}',
        '\u{17d2}',
        '\u{180e}',
        '𝔄',
        '\u{2028}',
        '-',
        '/',
    ]);
    let carattere = prop_oneof![4 => prop::char::range(' ', '~'), 2 => strano, 2 => any::<char>()];
    prop::collection::vec(carattere, 0..60).prop_map(|c| c.into_iter().collect())
}

fn brani() -> impl Strategy<Value = Vec<Brano>> {
    let brano = (testo(), any::<[bool; 5]>(), prop::option::of(testo())).prop_map(|(testo, si, url)| Brano {
        testo,
        grassetto: si[0],
        corsivo: si[1],
        barrato: si[2],
        sottolineato: si[3],
        fisso: si[4],
        url: url.map(|u| format!("https://{u}")),
    });
    prop::collection::vec(brano, 0..4)
}

fn blocco() -> impl Strategy<Value = Blocco<'static>> {
    prop_oneof![
        (any::<u8>(), testo()).prop_map(|(livello, testo)| Blocco::Titolo(livello, testo)),
        brani().prop_map(Blocco::Paragrafo),
        brani().prop_map(Blocco::Rilievo),
        brani().prop_map(Blocco::Nota),
        prop::collection::vec((testo(), brani()), 0..4).prop_map(Blocco::Fatti),
        (
            prop::collection::vec((testo(), any::<u16>()), 1..5),
            prop::collection::vec(prop::collection::vec(brani(), 4), 0..5)
        )
            .prop_map(|(colonne, righe)| {
                let quante = colonne.len();
                let righe: Vec<_> = righe
                    .into_iter()
                    .map(|mut r| {
                        r.truncate(quante);
                        r.resize(quante, vec![]);
                        r
                    })
                    .collect();
                Blocco::Tabella(Tabella {
                    sommario: colonne[0].0.clone(),
                    colonne: colonne.into_iter().map(|(nome, peso)| Colonna::numero(nome, peso)).collect(),
                    righe: righe.into(),
                })
            }),
        (testo(), any::<u8>(), testo(), brani()).prop_map(|(contenuto, lato_mm, testo_alternativo, didascalia)| {
            Blocco::Qr(Qr { contenuto, lato_mm, testo_alternativo, didascalia })
        }),
        (testo(), testo()).prop_map(|(testo, url)| Blocco::Collegamento { testo, url }),
        any::<u8>().prop_map(Blocco::Spazio),
        brani().prop_map(|b| Blocco::Riquadro(Cornice::Avviso, vec![Blocco::Paragrafo(b.clone()), Blocco::Nota(b)])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_prints_and_prints_the_same(
        titolo in testo(), ente in testo(), soggetto in testo(), piede in testo(), blocchi in prop::collection::vec(blocco(), 0..6)
    ) {
        let mut documento = Documento::nuovo(titolo, ente, comune::QUANDO);
        documento.soggetto = soggetto;
        documento.piede = piede;
        documento.blocchi = blocchi;
        let pdf = documento.pdf().unwrap();
        prop_assert!(pdf.starts_with(b"%PDF-1.7"));
        prop_assert!(pdf.windows(10).any(|w| w == b"/Type/Page" || w == b"/Type /Pag"));
        prop_assert!(pdf == documento.pdf().unwrap());
    }
}

#[test]
fn every_assigned_plane_prints() {
    // Sixteen characters apart is enough to meet every block.
    let tutti: String = (0..0x11_0000u32).step_by(16).filter_map(char::from_u32).flat_map(|c| [c, ' ']).collect();
    let mut documento = Documento::nuovo("Caratteri", "Ente", comune::QUANDO);
    documento.blocchi.push(Blocco::Paragrafo(vec![tutti.into()]));
    assert!(documento.pdf().unwrap().starts_with(b"%PDF"));
}

#[test]
fn the_same_document_is_the_same_bytes() {
    assert!(comune::storia().pdf().unwrap() == comune::storia().pdf().unwrap());
    assert!(comune::registro(50).pdf().unwrap() != comune::registro(51).pdf().unwrap());
}

fn tabella(colonne: usize, righe: Righe<'static>) -> Documento<'static> {
    let mut documento = Documento::nuovo("Tabella", "Ente", comune::QUANDO);
    let colonne = (0..colonne).map(|n| Colonna::testo(n.to_string(), 1)).collect();
    documento.blocchi.push(Blocco::Tabella(Tabella { sommario: String::new(), colonne, righe }));
    documento
}

#[test]
fn mistakes_of_the_caller_have_a_name() {
    let riga = |n: usize| vec![vec![Brano::piano("x")]; n];
    assert!(matches!(tabella(0, vec![].into()).pdf(), Err(Errore::Colonne(0))));
    assert!(matches!(tabella(COLONNE_MAX + 1, vec![].into()).pdf(), Err(Errore::Colonne(_))));
    let errore = tabella(2, vec![riga(2), riga(3)].into()).pdf();
    assert!(matches!(errore, Err(Errore::Riga { indice: 1, celle: 3, colonne: 2 })));

    // Rows that grow between the count and the print.
    let volte = std::cell::Cell::new(0);
    let righe = Righe::da(move || {
        volte.set(volte.get() + 1);
        (0..volte.get() * 100).map(move |_| riga(1))
    });
    assert!(matches!(tabella(1, righe).pdf(), Err(Errore::RigheDiverse { .. })));

    let mut documento = Documento::nuovo("Qr", "Ente", comune::QUANDO);
    documento.blocchi.push(Blocco::Qr(Qr {
        contenuto: "x".repeat(5000),
        lato_mm: 30,
        testo_alternativo: String::new(),
        didascalia: vec![],
    }));
    assert!(matches!(documento.pdf(), Err(Errore::QrTroppoLungo(5000))));

    let dentro = (0..30).fold(Blocco::Spazio(1), |b, _| Blocco::Riquadro(Cornice::Sobria, vec![b]));
    documento.blocchi = vec![dentro];
    assert!(matches!(documento.pdf(), Err(Errore::TroppoAnnidato(_))));
}
