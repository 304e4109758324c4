//! DTD, the part that those of the segnatura use.

use super::semplici::{Base, Semplice};
use super::{Attributo, Automa, Contenuto, Dichiarazione, Grammatica, NS_XML, Nome, Particella, Termine, Tipo};

/// The grammar of one DTD.
pub(super) fn leggi(testo: &str) -> Result<Grammatica, String> {
    let testo = espandi(&senza_commenti(testo)?)?;
    let mut grammatica = Grammatica { di_dtd: true, ..Grammatica::default() };
    let (mut contenuti, mut attributi) = (Vec::new(), Vec::new());
    for pezzo in testo.split('<').skip(1) {
        let pezzo = pezzo.trim_end();
        if pezzo.starts_with("?xml") {
            continue;
        }
        let dichiarazione = pezzo.strip_suffix('>').ok_or_else(|| format!("no end: {pezzo}"))?;
        let (che, resto) = dichiarazione.split_once(char::is_whitespace).ok_or("an empty declaration")?;
        let (nome, resto) = resto.trim_start().split_once(char::is_whitespace).ok_or("a declaration without a name")?;
        match che {
            "!ELEMENT" => {
                let tipo = grammatica.tipi.len();
                grammatica.tipi.push(Tipo::default());
                grammatica.globali.insert(Nome::di("", nome), tipo);
                grammatica.dichiarazioni.push(Dichiarazione {
                    nome: Nome::di("", nome),
                    tipo,
                    fisso: None,
                    predefinito: false,
                });
                contenuti.push((tipo, resto.trim().to_owned()));
            }
            "!ATTLIST" => attributi.push((nome.to_owned(), resto.to_owned())),
            altro => return Err(format!("declaration {altro}")),
        }
    }
    for (tipo, modello) in contenuti {
        grammatica.tipi[tipo].contenuto = contenuto(&grammatica, &modello)?;
    }
    for (nome, lista) in attributi {
        let tipo = grammatica.radice("", &nome).ok_or_else(|| format!("attributes of no element: {nome}"))?;
        grammatica.tipi[tipo].attributi.extend(self::attributi(&lista)?);
    }
    grammatica.parole = grammatica.dichiarazioni.iter().map(|d| d.nome.locale.clone()).collect();
    Ok(grammatica)
}

fn senza_commenti(testo: &str) -> Result<String, String> {
    let (mut pulito, mut resto) = (String::new(), testo);
    while let Some((prima, dentro)) = resto.split_once("<!--") {
        pulito.push_str(prima);
        resto = dentro.split_once("-->").ok_or("a comment without end")?.1;
    }
    pulito.push_str(resto);
    Ok(pulito)
}

/// Parameter entities with a value of their own.
fn espandi(testo: &str) -> Result<String, String> {
    let mut testo = testo.to_owned();
    while let Some(da) = testo.find("<!ENTITY %") {
        let fine = da + testo[da..].find('>').ok_or("an entity without end")?;
        let dichiarata = testo[da + 10..fine].trim().to_owned();
        let (nome, valore) = dichiarata.split_once(char::is_whitespace).ok_or("an entity without value")?;
        testo.replace_range(da..=fine, "");
        testo = testo.replace(&format!("%{nome};"), valore.trim().trim_matches('"'));
    }
    Ok(testo)
}

fn contenuto(grammatica: &Grammatica, modello: &str) -> Result<Contenuto, String> {
    let fitto: String = modello.chars().filter(|c| !c.is_whitespace()).collect();
    match fitto.as_str() {
        "EMPTY" => Ok(Contenuto::Vuoto),
        "(#PCDATA)" => Ok(Contenuto::Semplice(Base::Stringa.into())),
        _ => {
            let mut resto = fitto.as_str();
            let particella = particella(grammatica, &mut resto)?;
            if !resto.is_empty() {
                return Err(format!("content model: {resto}"));
            }
            Ok(Contenuto::Figli { misto: false, automa: Automa::di(&particella) })
        }
    }
}

fn particella(grammatica: &Grammatica, resto: &mut &str) -> Result<Particella, String> {
    let dentro = if let Some(r) = resto.strip_prefix('(') {
        *resto = r;
        let mut parti = vec![particella(grammatica, resto)?];
        let mut segno = None;
        loop {
            let c = resto.chars().next().ok_or("a group without end")?;
            *resto = &resto[c.len_utf8()..];
            match c {
                ')' => break,
                ',' | '|' if segno.is_none_or(|s| s == c) => {
                    segno = Some(c);
                    parti.push(particella(grammatica, resto)?);
                }
                altro => return Err(format!("in a group: {altro}")),
            }
        }
        if segno == Some('|') { Particella::Scelta(parti) } else { Particella::Sequenza(parti) }
    } else {
        let fine = resto.find([',', '|', ')', '?', '*', '+']).unwrap_or(resto.len());
        let (nome, r) = resto.split_at(fine);
        *resto = r;
        let d = grammatica.radice("", nome).ok_or_else(|| format!("no element {nome}"))?;
        Particella::Termine(Termine::Elemento(d))
    };
    let (almeno_uno, molti) = match resto.chars().next() {
        Some('?') => (false, false),
        Some('*') => (false, true),
        Some('+') => (true, true),
        _ => return Ok(dentro),
    };
    *resto = &resto[1..];
    Ok(Particella::Volte { dentro: Box::new(dentro), almeno_uno, molti })
}

fn attributi(lista: &str) -> Result<Vec<Attributo>, String> {
    let (mut fatti, mut parole) = (Vec::new(), parole(lista)?.into_iter());
    while let Some(nome) = parole.next() {
        let mut dopo = || parole.next().ok_or_else(|| format!("attribute {nome}: no end"));
        let tipo = dopo()?;
        let tipo: Semplice = match tipo.as_str() {
            "CDATA" => Base::Stringa.into(),
            "NMTOKEN" => Base::Nmtoken.into(),
            "ID" => Base::Id.into(),
            "IDREF" => Base::Idref.into(),
            scelta if scelta.starts_with('(') => Semplice {
                base: Base::Nmtoken,
                modelli: Vec::new(),
                valori: scelta.trim_matches(['(', ')']).split('|').map(|v| v.trim().to_owned()).collect(),
            },
            altro => return Err(format!("attribute type {altro}")),
        };
        let regola = dopo()?;
        let fisso = if regola == "#FIXED" { Some(dopo()?.trim_matches('"').to_owned()) } else { None };
        if regola.starts_with('#') && !matches!(regola.as_str(), "#FIXED" | "#IMPLIED" | "#REQUIRED") {
            return Err(format!("attribute rule {regola}"));
        }
        let nome = match nome.strip_prefix("xml:") {
            Some(locale) => Nome::di(NS_XML, locale),
            None => Nome::di("", &nome),
        };
        fatti.push(Attributo { nome, tipo, obbligatorio: regola == "#REQUIRED", fisso });
    }
    Ok(fatti)
}

/// Words, quoted strings and groups in brackets.
fn parole(lista: &str) -> Result<Vec<String>, String> {
    let (mut parole, mut resto) = (Vec::new(), lista.trim_start());
    while let Some(c) = resto.chars().next() {
        let fine = match c {
            '(' => resto.find(')').map(|f| f + 1),
            '"' => resto[1..].find('"').map(|f| f + 2),
            _ => Some(resto.find(char::is_whitespace).unwrap_or(resto.len())),
        };
        let (parola, r) = resto.split_at(fine.ok_or("a list of attributes without end")?);
        parole.push(parola.to_owned());
        resto = r.trim_start();
    }
    Ok(parole)
}
