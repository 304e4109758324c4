//! A mail message saved whole (`.eml`), certified or not: the signed notes among its attachments. Nothing else of the
//! message is read or believed: a note stands by its signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The notes in a message, one after the other; `None` when it is not a message, or has none.
pub fn allegati(byte: &[u8]) -> Option<String> {
    let testo = String::from_utf8_lossy(byte);
    let primo = testo.lines().next()?;
    // A note begins with its origin, a message with a header.
    let nome = primo.split_once(':')?.0;
    if nome.is_empty() || !nome.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return None;
    }
    let mut out = String::new();
    let mut righe = testo.lines();
    while let Some(r) = righe.next() {
        let base64 = r
            .split_once(':')
            .is_some_and(|(n, v)| n.eq_ignore_ascii_case("content-transfer-encoding") && v.trim() == "base64");
        if !base64 {
            continue;
        }
        // Past the headers that are left, then until the boundary. A message within a message is no different.
        let corpo: String =
            righe.by_ref().skip_while(|r| !r.trim().is_empty()).skip(1).take_while(|r| !r.starts_with("--")).collect();
        let corpo: String = corpo.split_whitespace().collect();
        let nota = STANDARD.decode(corpo).ok().and_then(|b| String::from_utf8(b).ok());
        if let Some(nota) = nota.filter(|n| n.contains("\n— ")) {
            out.push_str(&nota);
            out.push('\n');
        }
    }
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notes_of_a_message_are_read_wherever_they_are_within() {
        let nota = "x.example/1\n1\nAAAA\n\n— x.example/1 AAAAAAAA\n";
        let parte = |testo: &str| {
            let b = STANDARD.encode(testo);
            let righe: Vec<_> = b.as_bytes().chunks(20).map(String::from_utf8_lossy).collect();
            let capi = "Content-Type: text/plain\r\nContent-transfer-encoding: base64\r\nX: y";
            format!("--B\r\n{capi}\r\n\r\n{}\r\n", righe.join("\r\n"))
        };
        let messaggio = format!("From: a@x.example\r\n\r\n{}{}{}--B--\r\n", parte(nota), parte("altro"), parte(nota));
        assert_eq!(allegati(messaggio.as_bytes()).unwrap(), format!("{nota}\n{nota}\n"));
        let busta = format!("Subject: busta\r\n\r\n--A\r\nContent-Type: message/rfc822\r\n\r\n{messaggio}--A--\r\n");
        assert_eq!(allegati(busta.as_bytes()), allegati(messaggio.as_bytes()));
        for altro in
            [nota, "", "Subject: nulla\r\n\r\nciao\r\n", "From: a\r\n\r\n--B\r\nContent-Transfer-Encoding: base64\r\n"]
        {
            assert_eq!(allegati(altro.as_bytes()), None, "{altro}");
        }
    }
}
