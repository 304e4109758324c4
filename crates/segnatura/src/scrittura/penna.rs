//! Elements, attributes and text in the form that exclusive canonicalisation gives, so that what is sealed is what is
//! written: attributes in order, no empty-element tags, no declaration but the one of the root.

use super::Rifiuto;

/// Writes XML of one vocabulary or two, each element with its prefix.
pub(super) struct Penna {
    xml: String,
    /// Elements that are open, by their qualified name.
    aperti: Vec<String>,
    /// Numeric references for what is not ASCII: old peers mistake encodings.
    ascii: bool,
    /// What XML cannot hold, and where.
    rifiuti: Vec<Rifiuto>,
}

impl Penna {
    pub(super) fn nuova(ascii: bool) -> Self {
        Self {
            xml: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(),
            aperti: Vec::new(),
            ascii,
            rifiuti: Vec::new(),
        }
    }

    /// What comes before the root.
    pub(super) fn preambolo(&mut self, riga: &str) {
        self.xml.push_str(riga);
        self.xml.push('\n');
    }

    /// Opens an element; attributes with a value, in the order of the canonical form, which is that of the caller.
    pub(super) fn apri(&mut self, nome: &str, attributi: &[(&str, Option<&str>)]) {
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

    pub(super) fn chiudi(&mut self) {
        if let Some(nome) = self.aperti.pop() {
            self.xml.push_str("</");
            self.xml.push_str(&nome);
            self.xml.push('>');
        }
    }

    /// An element with text.
    pub(super) fn voce(&mut self, nome: &str, valore: &str) {
        self.voce_con(nome, &[], valore);
    }

    /// An element with text, if there is any.
    pub(super) fn forse(&mut self, nome: &str, valore: Option<&str>) {
        if let Some(valore) = valore {
            self.voce(nome, valore);
        }
    }

    /// An element with attributes and text.
    pub(super) fn voce_con(&mut self, nome: &str, attributi: &[(&str, Option<&str>)], valore: &str) {
        self.apri(nome, attributi);
        self.scrivi(valore, false, "");
        self.chiudi();
    }

    /// How long the document is by now, in bytes.
    pub(super) fn lunghezza_byte(&self) -> usize {
        self.xml.len()
    }

    /// The document, or what it cannot hold.
    pub(super) fn finisci(mut self) -> Result<String, Vec<Rifiuto>> {
        while !self.aperti.is_empty() {
            self.chiudi();
        }
        self.xml.push('\n');
        if self.rifiuti.is_empty() { Ok(self.xml) } else { Err(self.rifiuti) }
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
