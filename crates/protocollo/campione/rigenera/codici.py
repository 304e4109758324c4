"""Italian identification codes: how they are computed and checked.

Used by the scripts beside it; nothing here reads or writes files.
"""

import re
import unicodedata

# Values of the odd (1st, 3rd, ...) characters of a codice fiscale, D.M. 23/12/1976.
_DISPARI = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21]
        + [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23],
    )
)
_MESI = "ABCDEHLMPRST"


def lettere(testo):
    """Upper-case A-Z letters of a name, without accents, spaces and apostrophes."""
    piatto = unicodedata.normalize("NFD", testo.upper())
    return re.sub("[^A-Z]", "", piatto)


def carattere_di_controllo(primi15):
    """Check letter of a person's codice fiscale."""
    somma = 0
    for posizione, c in enumerate(primi15):
        if posizione % 2 == 0:
            somma += _DISPARI[c]
        else:
            somma += int(c) if c.isdigit() else ord(c) - ord("A")
    return chr(ord("A") + somma % 26)


def codice_fiscale(cognome, nome, sesso, anno, mese, giorno, luogo):
    """Codice fiscale of an invented person; `luogo` is the code of the birthplace."""

    def tre(testo, e_nome):
        c = [x for x in lettere(testo) if x not in "AEIOU"]
        v = [x for x in lettere(testo) if x in "AEIOU"]
        if e_nome and len(c) > 3:
            c = [c[0], c[2], c[3]]
        return ("".join(c + v) + "XXX")[:3]

    quindici = (
        tre(cognome, False)
        + tre(nome, True)
        + f"{anno % 100:02d}{_MESI[mese - 1]}{giorno + (40 if sesso == 'F' else 0):02d}{luogo}"
    )
    return quindici + carattere_di_controllo(quindici)


def codice_fiscale_valido(codice):
    """True for the 16 characters of a person or the 11 digits of an organisation."""
    if re.fullmatch(r"\d{11}", codice):
        return partita_iva_valida(codice)
    return bool(
        re.fullmatch(r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", codice)
        and carattere_di_controllo(codice[:15]) == codice[15]
    )


def cifra_di_controllo(prime10):
    """Check digit of a partita IVA, or of an organisation's codice fiscale."""
    somma = 0
    for posizione, c in enumerate(prime10):
        valore = int(c) * (2 if posizione % 2 else 1)
        somma += valore - 9 if valore > 9 else valore
    return str(-somma % 10)


def partita_iva_valida(codice):
    """True when the 11 digits end with the right check digit."""
    return bool(re.fullmatch(r"\d{11}", codice)) and cifra_di_controllo(codice[:10]) == codice[10]
