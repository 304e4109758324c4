//! Elements, attributes and text in the form that exclusive canonicalisation gives, so that what is sealed is what is
//! written: attributes in order, no empty-element tags, no declaration but the one of the root.

use super::{NonScrivibile, Rifiuto};

/// Writes XML of one vocabulary or two, each element with its prefix. A long document is taken out of it [as it grows](Self::cava).
#[derive(Debug)]
pub struct Penna {
    xml: String,
    /// Elements that are open, by their qualified name.
    aperti: Vec<String>,
    /// Numeric references for what is not ASCII: old peers mistake encodings.
    ascii: bool,
    /// What XML cannot hold, and where.
    rifiuti: Vec<Rifiuto>,
}

impl Penna {
    /// A document without anything in it; `ascii`: numeric references for what is not ASCII.
    pub fn nuova(ascii: bool) -> Self {
        Self {
            xml: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(),
            aperti: Vec::new(),
            ascii,
            rifiuti: Vec::new(),
        }
    }

    /// What comes before the root.
    pub fn preambolo(&mut self, riga: &str) {
        self.xml.push_str(riga);
        self.xml.push('\n');
    }

    /// Opens an element; attributes with a value, in the order of the canonical form, which is that of the caller.
    pub fn apri(&mut self, nome: &str, attributi: &[(&str, Option<&str>)]) {
        self.aperti.push(nome.to_owned());
        self.xml.push('<');
        self.xml.push_str(nome);
        for (nome, valore) in attributi {
            let Some(valore) = valore else { continue };
            self.xml.push(' ');
            self.xml.push_str(nome);
            self.xml.push_str("=\"");
            self.scrivi(valore, true, nome);
            self.xml.push('"');
        }
        self.xml.push('>');
    }

    /// Closes the element that was opened last.
    pub fn chiudi(&mut self) {
        if let Some(nome) = self.aperti.pop() {
            self.xml.push_str("</");
            self.xml.push_str(&nome);
            self.xml.push('>');
        }
    }

    /// An element with text.
    pub fn voce(&mut self, nome: &str, valore: &str) {
        self.voce_con(nome, &[], valore);
    }

    /// An element with text, if there is any.
    pub fn forse(&mut self, nome: &str, valore: Option<&str>) {
        if let Some(valore) = valore {
            self.voce(nome, valore);
        }
    }

    /// An element with attributes and text.
    pub fn voce_con(&mut self, nome: &str, attributi: &[(&str, Option<&str>)], valore: &str) {
        self.apri(nome, attributi);
        self.scrivi(valore, false, "");
        self.chiudi();
    }

    /// What was written since it was last taken out.
    ///
    /// # Errors
    /// What XML cannot hold, with its place: what would follow is of no use.
    pub fn cava(&mut self) -> Result<String, NonScrivibile> {
        match self.rifiuti.is_empty() {
            true => Ok(std::mem::take(&mut self.xml)),
            false => Err(NonScrivibile(std::mem::take(&mut self.rifiuti))),
        }
    }

    /// How long the document is by now, in bytes, without what was taken out.
    pub fn lunghezza_byte(&self) -> usize {
        self.xml.len()
    }

    /// The document to its end.
    ///
    /// # Errors
    /// What XML cannot hold, with its place.
    pub fn finisci(mut self) -> Result<String, NonScrivibile> {
        while !self.aperti.is_empty() {
            self.chiudi();
        }
        self.xml.push('\n');
        self.cava()
    }

    fn scrivi(&mut self, valore: &str, attributo: bool, nome: &str) {
        for c in valore.chars() {
            match c {
                '&' => self.xml.push_str("&amp;"),
                '<' => self.xml.push_str("&lt;"),
                '>' if !attributo => self.xml.push_str("&gt;"),
                '"' if attributo => self.xml.push_str("&quot;"),
                '\r' => self.xml.push_str("&#xD;"),
                '\t' if attributo => self.xml.push_str("&#x9;"),
                '\n' if attributo => self.xml.push_str("&#xA;"),
                '\t' | '\n' => self.xml.push(c),
                c if c < ' ' || matches!(c, '\u{FFFE}' | '\u{FFFF}') => {
                    let percorso = match nome {
                        "" => format!("/{}", self.aperti.join("/")),
                        nome => format!("/{}/@{nome}", self.aperti.join("/")),
                    };
                    let messaggio = format!("contiene il carattere U+{:04X}, che l'XML non ammette", u32::from(c));
                    self.rifiuti.push(Rifiuto { percorso, messaggio });
                }
                c if self.ascii && !c.is_ascii() => self.xml.push_str(&format!("&#{};", u32::from(c))),
                c => self.xml.push(c),
            }
        }
    }
}
