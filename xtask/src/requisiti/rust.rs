//! A light reading of Rust source: which lines are tests, and inside which function a line is. No parser: comments
//! and strings are blanked, then braces are counted.

use std::ops::RangeInclusive;

/// What a Rust file holds, by line (from 1).
#[derive(Debug, Default)]
pub struct Lettura {
    prove: Vec<RangeInclusive<usize>>,
    funzioni: Vec<(String, RangeInclusive<usize>)>,
    /// Modules for tests only, kept in a file of their own (`#[cfg(test)] mod prove;`).
    pub moduli_di_prova: Vec<String>,
}

impl Lettura {
    /// Is this line inside something built only for tests?
    pub fn di_prova(&self, linea: usize) -> bool {
        self.prove.iter().any(|r| r.contains(&linea))
    }

    /// The innermost function holding the line, its documentation included.
    pub fn funzione(&self, linea: usize) -> Option<&str> {
        let dentro = self.funzioni.iter().filter(|(_, r)| r.contains(&linea));
        dentro.min_by_key(|(_, r)| r.end() - r.start()).map(|(nome, _)| nome.as_str())
    }
}

/// Reads a whole file.
pub fn leggi(sorgente: &str) -> Lettura {
    let coperto = copri(sorgente);
    let byte = coperto.as_bytes();
    let inizi = inizi_di_linea(byte);
    let linee: Vec<&str> = sorgente.lines().collect();
    let linea_di = |posto: usize| inizi.partition_point(|&i| i <= posto);
    let dalle_note = |posto: usize| sali(&linee, linea_di(posto));
    let mut lettura = Lettura::default();
    let mut attesa_prova: Option<usize> = None;
    let mut i = 0;
    while i < byte.len() {
        if byte[i] == b'#' && byte.get(i + 1) == Some(&b'[') {
            let fine = chiusa(byte, i + 1, b'[', b']');
            if segna_prova(&coperto[i..fine]) {
                attesa_prova.get_or_insert(i);
            }
            i = fine;
        } else if inizia_parola(byte, i) {
            let parola = parola(&coperto, i);
            let dopo = i + parola.len();
            if parola == "fn" {
                let nome = parola_dopo(&coperto, dopo);
                if !nome.is_empty() {
                    let righe = dalle_note(i)..=linea_di(fine_voce(byte, dopo) - 1);
                    lettura.funzioni.push((nome.to_owned(), righe));
                }
            } else if parola == "mod" && attesa_prova.is_some() {
                let nome = parola_dopo(&coperto, dopo);
                if byte.get(fine_voce(byte, dopo) - 1) == Some(&b';') {
                    lettura.moduli_di_prova.push(nome.to_owned());
                }
            }
            i = dopo;
        } else {
            if matches!(byte[i], b'{' | b';')
                && let Some(inizio) = attesa_prova.take()
            {
                let fine = if byte[i] == b';' { i + 1 } else { chiusa(byte, i, b'{', b'}') };
                lettura.prove.push(dalle_note(inizio)..=linea_di(fine - 1));
            }
            i += 1;
        }
    }
    lettura
}

/// `#[test]`, `#[tokio::test(…)]`, `#[cfg(test)]`, `#[cfg(all(test, …))]`; not `#[cfg(not(test))]`.
fn segna_prova(attributo: &str) -> bool {
    let dentro: String = attributo.chars().filter(|c| !c.is_whitespace()).collect();
    let dentro = dentro.trim_start_matches("#[").trim_end_matches(']');
    let nome = dentro.split('(').next().unwrap_or_default();
    if nome == "cfg" {
        return !dentro.contains("not(test)") && dentro.split(['(', ')', ',']).any(|p| p == "test");
    }
    nome == "test" || nome.ends_with("::test")
}

/// From the line of an item up over its attributes and comments.
fn sali(linee: &[&str], mut linea: usize) -> usize {
    while linea > 1 {
        let sopra = linee[linea - 2].trim_start();
        if !(sopra.starts_with("///")
            || sopra.starts_with("//") && !sopra.starts_with("//!")
            || sopra.starts_with("#["))
        {
            break;
        }
        linea -= 1;
    }
    linea
}

/// Just past the end of an item that starts before `da`: its closing brace or its semicolon.
fn fine_voce(byte: &[u8], da: usize) -> usize {
    let mut tonde = 0i32;
    for (i, b) in byte.iter().enumerate().skip(da) {
        match b {
            b'(' | b'[' => tonde += 1,
            b')' | b']' => tonde -= 1,
            b'{' if tonde <= 0 => return chiusa(byte, i, b'{', b'}'),
            b';' if tonde <= 0 => return i + 1,
            _ => {}
        }
    }
    byte.len()
}

/// Just past the bracket that closes the one at `da`.
fn chiusa(byte: &[u8], da: usize, apre: u8, chiude: u8) -> usize {
    let mut aperte = 0usize;
    for (i, b) in byte.iter().enumerate().skip(da) {
        if *b == apre {
            aperte += 1;
        } else if *b == chiude {
            aperte = aperte.saturating_sub(1);
            if aperte == 0 {
                return i + 1;
            }
        }
    }
    byte.len()
}

fn inizi_di_linea(byte: &[u8]) -> Vec<usize> {
    let dopo_a_capo = byte.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1);
    std::iter::once(0).chain(dopo_a_capo).collect()
}

fn di_parola(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

fn inizia_parola(byte: &[u8], i: usize) -> bool {
    di_parola(byte[i]) && (i == 0 || !di_parola(byte[i - 1]))
}

fn parola(testo: &str, da: usize) -> &str {
    let resto = &testo[da..];
    &resto[..resto.bytes().take_while(|b| di_parola(*b)).count()]
}

fn parola_dopo(testo: &str, da: usize) -> &str {
    let resto = &testo[da..];
    let salto = resto.len() - resto.trim_start().len();
    parola(testo, da + salto)
}

/// The same text, byte for byte as long, with comments, strings and character literals blanked.
fn copri(sorgente: &str) -> String {
    let byte = sorgente.as_bytes();
    let mut coperto = Vec::with_capacity(byte.len());
    let mut i = 0;
    while i < byte.len() {
        let fine = fine_di_testo(byte, i);
        if fine > i {
            coperto.extend(byte[i..fine].iter().map(|b| if *b == b'\n' { b'\n' } else { b' ' }));
            i = fine;
        } else {
            // Identifiers are ASCII in practice; anything else needs no meaning here.
            coperto.push(if byte[i].is_ascii() { byte[i] } else { b' ' });
            i += 1;
        }
    }
    String::from_utf8_lossy(&coperto).into_owned()
}

/// Where the comment or literal that begins at `i` ends; `i` itself when none begins there.
fn fine_di_testo(byte: &[u8], i: usize) -> usize {
    let resto = &byte[i..];
    if resto.starts_with(b"//") {
        return i + resto.iter().position(|b| *b == b'\n').unwrap_or(resto.len());
    }
    if resto.starts_with(b"/*") {
        return fine_commento(byte, i);
    }
    if resto[0] == b'r' && (i == 0 || !di_parola(byte[i - 1]) || matches!(byte[i - 1], b'b' | b'c')) {
        let cancelli = resto[1..].iter().take_while(|b| **b == b'#').count();
        if resto.get(1 + cancelli) == Some(&b'"') {
            let chiude = [vec![b'"'], vec![b'#'; cancelli]].concat();
            let da = 2 + cancelli;
            let lungo = resto[da..].windows(chiude.len()).position(|w| w == chiude);
            return lungo.map_or(byte.len(), |l| i + da + l + chiude.len());
        }
    }
    match resto[0] {
        b'"' => fine_stringa(byte, i),
        b'\'' => fine_carattere(resto).map_or(i, |lungo| i + lungo),
        _ => i,
    }
}

fn fine_commento(byte: &[u8], da: usize) -> usize {
    let (mut i, mut aperti) = (da, 0);
    while i < byte.len() {
        if byte[i..].starts_with(b"/*") {
            (i, aperti) = (i + 2, aperti + 1);
        } else if byte[i..].starts_with(b"*/") {
            (i, aperti) = (i + 2, aperti - 1);
            if aperti == 0 {
                return i;
            }
        } else {
            i += 1;
        }
    }
    i
}

fn fine_stringa(byte: &[u8], da: usize) -> usize {
    let mut i = da + 1;
    while i < byte.len() {
        match byte[i] {
            b'\\' => i += 2,
            b'"' => return i + 1,
            _ => i += 1,
        }
    }
    byte.len()
}

/// Length of a character literal; nothing for a lifetime.
fn fine_carattere(resto: &[u8]) -> Option<usize> {
    if resto.get(1) == Some(&b'\\') {
        let da = 3.min(resto.len());
        return resto[da..].iter().position(|b| *b == b'\'').map(|l| da + l + 1);
    }
    let lungo = match resto.get(1)? {
        b if *b < 0x80 => 1,
        b if *b >= 0xf0 => 4,
        b if *b >= 0xe0 => 3,
        _ => 2,
    };
    (resto.get(1 + lungo) == Some(&b'\'')).then_some(lungo + 2)
}

#[cfg(test)]
mod tests {
    use super::leggi;

    const FILE: &str = r##"//! Module.
/// Doc of the rule.
pub fn register<'a>(x: &'a str) -> [u8; 2] {
    let brace = '{'; let text = "} #[test] fn no() {"; // } fn neither() {
    let raw = r#"" { "#;
}
#[cfg(not(test))]
mod real { fn inside() {} }

// Above the attributes.
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    fn helper() {}

    /// What it proves.
    #[tokio::test(flavor = "multi_thread")]
    async fn proves_it() {
        helper();
    }
}
#[cfg(test)]
mod apart;
fn after() {}
"##;

    #[test]
    fn code_and_tests_are_told_apart_whatever_strings_and_comments_say() {
        let l = leggi(FILE);
        let prove: Vec<usize> = (1..=24).filter(|n| l.di_prova(*n)).collect();
        assert_eq!(prove, (10..=23).collect::<Vec<_>>());
        assert!(!l.di_prova(8) && !l.di_prova(24));
        assert_eq!(l.moduli_di_prova, ["apart"]);
    }

    #[test]
    fn a_line_belongs_to_the_function_it_documents_or_stands_in() {
        let l = leggi(FILE);
        assert_eq!(l.funzione(2), Some("register"));
        assert_eq!(l.funzione(4), Some("register"));
        assert_eq!(l.funzione(16), Some("proves_it"));
        assert_eq!(l.funzione(19), Some("proves_it"));
        assert_eq!(l.funzione(14), Some("helper"));
        assert_eq!(l.funzione(1), None);
        assert_eq!(l.funzione(24), Some("after"));
    }

    #[test]
    fn unfinished_text_ends_at_its_end() {
        for testo in ["\"", "'", "'\\", "/*", "r#\"", "#[", "#[test] fn", "fn x(", "#[cfg(test)] mod a {", "è'è'"] {
            leggi(testo);
        }
    }
}
