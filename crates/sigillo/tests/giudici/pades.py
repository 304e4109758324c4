"""What pyHanko says of the seals of a PDF: python3 pades.py FILE CA HOW_MANY {b,t}. Refuses with the reasons."""

import pathlib
import sys

from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

percorso, ca, quante, livello = sys.argv[1:5]
radici = [load_cert_from_pemder(ca)]
with pathlib.Path(percorso).open("rb") as aperto:
    lettore = PdfFileReader(aperto)
    firme = lettore.embedded_signatures
    assert len(firme) == int(quante), f"{len(firme)} firme"
    for i, firma in enumerate(firme):
        stato = validate_pdf_signature(
            firma,
            signer_validation_context=ValidationContext(trust_roots=radici, allow_fetching=False),
            ts_validation_context=ValidationContext(trust_roots=radici, allow_fetching=False),
        )
        ultima = i == len(firme) - 1
        print(firma.field_name, stato.summary(), stato.coverage, stato.modification_level)
        assert stato.intact and stato.valid and stato.trusted and stato.bottom_line, stato.pretty_print_details()
        if ultima:
            assert stato.coverage == SignatureCoverageLevel.ENTIRE_FILE, stato.coverage
            assert stato.modification_level == ModificationLevel.NONE, stato.modification_level
        else:
            assert stato.coverage == SignatureCoverageLevel.ENTIRE_REVISION, stato.coverage
            assert stato.modification_level in (ModificationLevel.NONE, ModificationLevel.LTA_UPDATES, ModificationLevel.FORM_FILLING)
        if livello == "t":
            marca = stato.timestamp_validity
            assert marca is not None and marca.intact and marca.valid and marca.trusted, marca
        else:
            assert stato.timestamp_validity is None
