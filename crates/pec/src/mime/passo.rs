//! The walk: from bytes to parts, in one pass.

use mail_parser::ContentType;
use memchr::memmem;

use super::campi::{campi, testo};
use super::{Codifica, LIVELLI_MAX, PARTI_MAX, Parte, TESTATA_MAX};
use crate::rilievo::{Codice, Rilievi, corto};

/// Longest boundary; RFC 2046 says 70.
const CONFINE_MAX: usize = 250;

/// The parts of a message. What is over the limits stays unopened, in the body of the part where it is.
pub(super) fn cammina(byte: &[u8], rilievi: &mut Rilievi) -> Vec<Parte> {
    let mut c = Cammino { byte, parti: Vec::new(), aperte: Vec::new(), foglia: None };
    let trova = memmem::Finder::new(b"\n--");
    let mut da = c.apri(0, None, rilievi);
    // Here a line begins, always.
    while let Some(i) = trova.find(&byte[da.saturating_sub(1)..]) {
        da = c.riga(da.saturating_sub(1) + i + 1, rilievi);
    }
    c.chiudi(0, byte.len(), rilievi);
    c.parti
}

struct Cammino<'b> {
    byte: &'b [u8],
    parti: Vec<Parte>,
    /// Multiparts that are open, from the outermost; `true` when its last boundary was met.
    aperte: Vec<(usize, bool)>,
    /// The part whose body is being read.
    foglia: Option<usize>,
}

impl Cammino<'_> {
    /// A part that begins here; where its body begins.
    fn apri(&mut self, inizio: usize, padre: Option<usize>, rilievi: &mut Rilievi) -> usize {
        let fine = self.fine_testata(inizio);
        let livello = self.aperte.len();
        let mut p = Parte { testata: inizio..fine, corpo: fine..fine, padre, livello, ..Parte::default() };
        if fine - inizio > TESTATA_MAX {
            rilievi.aggiungi(Codice::Limite, format!("intestazioni oltre {TESTATA_MAX} byte: lette in parte"));
        }
        let in_digest = padre.is_some_and(|i| self.parti[i].mime == "multipart/digest");
        let confine = descrivi(&self.byte[inizio..fine.min(inizio + TESTATA_MAX)], in_digest, &mut p, rilievi);
        let quale = self.parti.len();
        if p.mime.starts_with("multipart/") {
            match confine {
                Some(_) if livello >= LIVELLI_MAX => rilievi.aggiungi(
                    Codice::Limite,
                    format!("più di {LIVELLI_MAX} parti una dentro l'altra: le più interne non sono aperte"),
                ),
                Some(c) => {
                    p.confine = Some(c);
                    self.aperte.push((quale, false));
                }
                None => rilievi.aggiungi(Codice::Mime, format!("{} senza un confine utilizzabile", p.mime)),
            }
        }
        self.foglia = (!p.aperta()).then_some(quale);
        self.parti.push(p);
        fine
    }

    /// Just after the empty line; headers without one end at a boundary, or at the end.
    fn fine_testata(&self, inizio: usize) -> usize {
        let mut i = inizio;
        while let Some(n) = memchr::memchr(b'\n', &self.byte[i..]) {
            let riga = &self.byte[i..i + n];
            if riga.is_empty() || riga == b"\r" {
                return i + n + 1;
            }
            if riga.starts_with(b"--") && self.confine(riga).is_some() {
                return i;
            }
            i += n + 1;
        }
        if self.byte[i..].starts_with(b"--") && self.confine(&self.byte[i..]).is_some() { i } else { self.byte.len() }
    }

    /// Which open multipart this line is a boundary of, the innermost first, and whether it is its last.
    fn confine(&self, riga: &[u8]) -> Option<(usize, bool)> {
        if riga.len() > CONFINE_MAX + 64 {
            return None;
        }
        let riga = riga.trim_ascii_end();
        let nome = riga.get(2..)?;
        let ultimo = nome.strip_suffix(b"--");
        // An inner multipart that ended parts nothing more.
        self.aperte.iter().enumerate().rev().filter(|(_, (_, finita))| !finita).find_map(|(i, (quale, _))| {
            let confine = self.parti[*quale].confine.as_deref()?;
            if nome == confine { Some((i, false)) } else { (ultimo == Some(confine)).then_some((i, true)) }
        })
    }

    /// A line that begins with two hyphens; where to go on.
    fn riga(&mut self, inizio: usize, rilievi: &mut Rilievi) -> usize {
        let fine = memchr::memchr(b'\n', &self.byte[inizio..]).map_or(self.byte.len(), |n| inizio + n + 1);
        let Some((quale, ultimo)) = self.confine(&self.byte[inizio..fine]) else { return fine };
        self.chiudi(quale + 1, prima(self.byte, inizio), rilievi);
        if ultimo {
            self.aperte[quale].1 = true;
            return fine;
        }
        if self.parti.len() >= PARTI_MAX {
            rilievi.aggiungi(Codice::Limite, format!("più di {PARTI_MAX} parti: le altre non sono lette"));
            return fine;
        }
        self.apri(fine, Some(self.aperte[quale].0), rilievi)
    }

    /// Ends here the leaf that was being read, and the multiparts from that depth on.
    fn chiudi(&mut self, da: usize, fine: usize, rilievi: &mut Rilievi) {
        let foglia = self.foglia.take().map(|f| (f, true));
        for (quale, finita) in self.aperte.split_off(da).into_iter().chain(foglia) {
            let p = &mut self.parti[quale];
            p.corpo.end = fine.max(p.corpo.start);
            if !finita {
                rilievi.aggiungi(Codice::Mime, format!("{} senza il suo ultimo confine", p.mime));
            }
        }
    }
}

/// Before the line break that belongs to the boundary.
fn prima(byte: &[u8], riga: usize) -> usize {
    let senza = byte[..riga].strip_suffix(b"\n").unwrap_or(&byte[..riga]);
    senza.strip_suffix(b"\r").unwrap_or(senza).len()
}

/// What the header says of the part; the boundary of its children.
fn descrivi(byte: &[u8], in_digest: bool, p: &mut Parte, rilievi: &mut Rilievi) -> Option<Vec<u8>> {
    let testo = testo(byte, rilievi);
    let (mut tipo, mut disposizione, mut codifica) = (None, None, None);
    for c in campi(&testo) {
        if c.e("content-type") && tipo.is_none() {
            tipo = c.con_parametri(rilievi);
        } else if c.e("content-disposition") && disposizione.is_none() {
            disposizione = c.con_parametri(rilievi);
        } else if c.e("content-transfer-encoding") && codifica.is_none() {
            // What follows the word is a comment, or nothing that anybody defined.
            let valore = c.grezzo();
            codifica = valore.split([';', ' ', '(']).next().map(str::to_owned);
        }
    }
    p.mime = match &tipo {
        Some(t) => match t.subtype() {
            Some(s) => format!("{}/{s}", t.ctype()).to_ascii_lowercase(),
            None => "application/octet-stream".to_owned(),
        },
        None if in_digest => "message/rfc822".to_owned(),
        None => "text/plain".to_owned(),
    };
    p.codifica = codifica.as_deref().map_or(Codifica::Nessuna, |c| Codifica::da(c, rilievi));
    let di = |t: &Option<ContentType<'_>>, nome: &str| t.as_ref().and_then(|t| self::nome(t, nome));
    p.nome = di(&disposizione, "filename").or_else(|| di(&tipo, "name"));
    p.allegata = disposizione.as_ref().is_some_and(|d| d.ctype().eq_ignore_ascii_case("attachment"));
    p.charset = di(&tipo, "charset");
    if let Some(c) = &p.charset
        && encoding_rs::Encoding::for_label(c.as_bytes()).is_none()
    {
        rilievi.aggiungi(Codice::Codifica, format!("insieme di caratteri sconosciuto: «{}»", corto(c)));
    }
    p.rapporto = di(&tipo, "report-type").map(|r| r.to_ascii_lowercase());
    let confine = tipo.as_ref().and_then(|t| t.attribute("boundary"))?.trim_end().as_bytes();
    (!confine.is_empty() && confine.len() <= CONFINE_MAX).then(|| confine.to_vec())
}

/// A parameter, decoded also where it is as RFC 2047 forbids and everybody writes.
pub(super) fn nome(t: &ContentType<'_>, quale: &str) -> Option<String> {
    let v = t.attribute(quale)?;
    let decodificato = if v.contains("=?") {
        let campo = format!("x: {v}\n");
        campi(&campo).next().and_then(|c| c.parole())
    } else {
        None
    };
    let v = decodificato.unwrap_or_else(|| v.to_owned());
    let v = v.trim();
    (!v.is_empty()).then(|| v.to_owned())
}
