//! Words of the trade, put together so that load looks like a real register: few common words, many rare ones.

const ATTI: &[&str] = &[
    "Istanza di accesso agli atti",
    "Richiesta di certificato",
    "Trasmissione della determinazione",
    "Segnalazione di guasto",
    "Comunicazione di inizio lavori",
    "Ricorso avverso il verbale",
    "Domanda di contributo",
    "Fattura elettronica",
    "Convocazione della conferenza di servizi",
    "Ordinanza contingibile e urgente",
    "Richiesta di autorizzazione",
    "Nomina del responsabile",
    "Relazione semestrale",
    "Invito alla seduta",
];
const MATERIE: &[&str] = &[
    "occupazione del suolo pubblico",
    "raccolta dei rifiuti ingombranti",
    "manutenzione della scuola elementare",
    "illuminazione pubblica",
    "permesso di costruire",
    "tassa sui rifiuti",
    "assegno di maternità",
    "sagra del patrono",
    "refezione scolastica",
    "impianto fotovoltaico",
    "passo carrabile",
    "residenza anagrafica",
    "mercato settimanale",
    "biblioteca comunale",
    "contenzioso tributario",
    "piano urbanistico",
    "protezione civile",
    "viabilità provinciale",
];
const VIE: &[&str] = &[
    "Garibaldi",
    "Mazzini",
    "Roma",
    "Verdi",
    "Marconi",
    "Dante",
    "Cavour",
    "Matteotti",
    "Leopardi",
    "Manzoni",
    "Volta",
    "Galilei",
    "Petrarca",
    "Carducci",
    "Pascoli",
    "Bellini",
    "Rossini",
    "Colombo",
    "Vespucci",
    "Gramsci",
];
const NOMI: &[&str] = &[
    "Maria",
    "Giuseppe",
    "Anna",
    "Giovanni",
    "Lucia",
    "Antonio",
    "Francesca",
    "Luigi",
    "Elena",
    "Paolo",
    "Chiara",
    "Marco",
    "Sara",
    "Andrea",
    "Giulia",
    "Stefano",
];
const COGNOMI: &[&str] = &[
    "Rossi", "Russo", "Ferrari", "Esposito", "Bianchi", "Romano", "Colombo", "Ricci", "Marino", "Greco", "Bruno",
    "Gallo", "Conti", "De Luca", "Costa", "Giordano", "Mancini", "Rizzo", "Lombardi", "Moretti", "D'Angelo", "Fontana",
];

/// A well-mixed number from a counter.
fn caso(n: u64, sale: u64) -> u64 {
    let mut x = n.wrapping_add(sale.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn scegli<'a>(da: &[&'a str], n: u64, sale: u64) -> &'a str {
    da[(caso(n, sale) % da.len() as u64) as usize]
}

/// A word that few registrations share.
fn rara(n: u64, sale: u64) -> String {
    const SILLABE: &[&str] = &["ba", "ce", "di", "fo", "gu", "la", "me", "ni", "po", "ra", "se", "ti", "vo", "zu"];
    let mut x = caso(n, sale) % 60_000;
    let mut s = String::new();
    for _ in 0..4 {
        s.push_str(SILLABE[(x % 14) as usize]);
        x /= 14;
    }
    s
}

/// A subject.
pub fn oggetto(n: u64) -> String {
    format!(
        "{} - {}, via {} {}, pratica {} {}",
        scegli(ATTI, n, 1),
        scegli(MATERIE, n, 2),
        scegli(VIE, n, 3),
        caso(n, 4) % 200 + 1,
        rara(n, 5),
        caso(n, 6) % 10_000
    )
}

/// A name and a family name.
pub fn persona(n: u64) -> (&'static str, &'static str) {
    (scegli(NOMI, n, 7), scegli(COGNOMI, n, 8))
}

/// One to three words.
pub fn parole(n: u64) -> String {
    let comune = scegli(MATERIE, n, 2).split(' ').next_back().unwrap_or("atti").to_owned();
    match n % 3 {
        0 => rara(n, 5),
        1 => format!("{comune} {}", scegli(VIE, n, 3)),
        _ => format!("{comune} {} {}", scegli(VIE, n, 3), scegli(COGNOMI, n, 8)),
    }
}

/// The same, the last word cut to four letters.
pub fn prefissi(n: u64) -> String {
    let p = parole(n);
    let (prima, ultima) = p.rsplit_once(' ').map_or(("", p.as_str()), |(a, b)| (a, b));
    format!("{prima} {}*", ultima.chars().take(4).collect::<String>())
}

/// A phrase.
pub fn frase(n: u64) -> String {
    format!("\"{}\"", scegli(MATERIE, n, 2))
}
