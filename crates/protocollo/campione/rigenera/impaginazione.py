"""From the words of testi.toml to PDF, PDF/A, DOCX, ODT, TXT and scanned-looking images.

Every function takes one `testo` and returns the bytes of the file. Dates, ids and noise are fixed, so that the same
words give the same letter again (only signatures differ, whose keys are thrown away).
"""

import datetime
import io
import os
import random
import re
import struct
import textwrap
import zipfile
from pathlib import Path

import docx
import pikepdf
import pikepdf.pdfa
from docx.shared import Pt
from odf import opendocument, style, text as odftext
from odf import meta as odfmeta, dc as odfdc
from PIL import Image, ImageCms, ImageDraw, ImageFont
from reportlab import rl_config
from reportlab.lib.enums import TA_JUSTIFY, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer
from xml.sax.saxutils import escape

rl_config.invariant = 1
CARATTERI = Path(os.environ.get("CAMPIONE_FONT", "/usr/share/fonts/truetype/dejavu"))
ISTANTE = datetime.datetime(2026, 10, 1, 9, 0, 0)
COMUNE = "Comune di Valleserena\nPiazza della Fontana 1 - 99010 Valleserena (VZ)\nprotocollo@pec.comune.valleserena.example"


def capoversi(testo):
    """The paragraphs of the body, each on one line."""
    return [" ".join(p.split()) for p in testo["corpo"].strip().split("\n\n")]


def intestazione(testo):
    """Who writes: the town, or the person named in `da`."""
    return COMUNE if testo.get("carta") == "comune" else testo["da"]


def _disegna_pdf(testo, normale, grassetto):
    uscita = io.BytesIO()
    base = ParagraphStyle("base", fontName=normale, fontSize=10.5, leading=15)
    capo = ParagraphStyle("capo", parent=base, fontName=grassetto, fontSize=11)
    destra = ParagraphStyle("destra", parent=base, alignment=TA_RIGHT)
    corpo = ParagraphStyle("corpo", parent=base, alignment=TA_JUSTIFY, spaceAfter=9)

    def righe(s):
        return escape(s).replace("\n", "<br/>")

    pezzi = [Paragraph(righe(intestazione(testo)), capo), Spacer(1, 26)]
    pezzi += [Paragraph(righe(testo["a"]), destra), Spacer(1, 26)]
    pezzi += [Paragraph("Oggetto: " + righe(testo["oggetto"]), capo), Spacer(1, 14)]
    pezzi += [Paragraph(escape(p), corpo) for p in capoversi(testo)]
    pezzi += [Spacer(1, 22), Paragraph(righe(testo["firma"]), destra)]
    SimpleDocTemplate(
        uscita,
        pagesize=A4,
        leftMargin=64,
        rightMargin=64,
        topMargin=60,
        bottomMargin=60,
        title=testo["oggetto"],
        author=intestazione(testo).split("\n")[0],
        lang="it-IT",
        initialFontName=normale,
    ).build(pezzi)
    return uscita.getvalue()


def pdf(testo):
    """A plain PDF, with the fonts every reader has."""
    return _disegna_pdf(testo, "Times-Roman", "Times-Bold")


def pdfa(testo):
    """PDF/A-2b: DejaVu embedded, sRGB output intent, XMP; refused unless the validator of pikepdf passes it."""
    for nome, file in (("Dejavu", "DejaVuSerif.ttf"), ("DejavuB", "DejaVuSerif-Bold.ttf")):
        pdfmetrics.registerFont(TTFont(nome, CARATTERI / file))
    documento = pikepdf.open(io.BytesIO(_disegna_pdf(testo, "Dejavu", "DejavuB")))
    for pagina in documento.pages:
        if "/Trans" in pagina:
            del pagina["/Trans"]
    icc = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    icc[24:36] = struct.pack(">6H", *ISTANTE.timetuple()[:6])  # the profile header holds the time it was made
    profilo = documento.make_stream(bytes(icc))
    profilo.N = 3
    profilo.Alternate = pikepdf.Name.DeviceRGB
    documento.Root.OutputIntents = pikepdf.Array(
        [
            pikepdf.Dictionary(
                Type=pikepdf.Name.OutputIntent,
                S=pikepdf.Name.GTS_PDFA1,
                OutputConditionIdentifier="sRGB",
                Info="sRGB",
                DestOutputProfile=documento.make_indirect(profilo),
            )
        ]
    )
    documento.Root.Lang = "it-IT"
    istante = ISTANTE.strftime("%Y-%m-%dT%H:%M:%S+00:00")
    for chiave in list(documento.docinfo.keys()):
        del documento.docinfo[chiave]
    documento.docinfo["/Title"] = testo["oggetto"]
    documento.docinfo["/CreationDate"] = ISTANTE.strftime("D:%Y%m%d%H%M%S+00'00'")
    documento.docinfo["/ModDate"] = ISTANTE.strftime("D:%Y%m%d%H%M%S+00'00'")
    with documento.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as xmp:
        xmp["dc:title"] = testo["oggetto"]
        xmp["xmp:CreateDate"] = istante
        xmp["xmp:ModifyDate"] = istante
        xmp["pdfaid:part"] = "2"
        xmp["pdfaid:conformance"] = "B"
    uscita = io.BytesIO()
    pikepdf.pdfa.save(documento, uscita, "2b")
    # It stamps the metadata with the time of now: put the fixed one back, and check what is written in the end.
    documento = pikepdf.open(uscita)
    fermo = re.sub(rb"(<xmp:MetadataDate>)[^<]*", rb"\g<1>" + istante.encode(), documento.Root.Metadata.read_bytes())
    documento.Root.Metadata.write(fermo)
    del documento.trailer["/ID"]
    uscita = io.BytesIO()
    documento.save(uscita, **pikepdf.pdfa.resolve_save_kwargs("2b", deterministic_id=True))
    rapporto = pikepdf.pdfa.validate_written(io.BytesIO(uscita.getvalue()), "2b")
    if not rapporto.passed:
        raise ValueError(f"{testo['file']}: {rapporto}")
    return uscita.getvalue()


def _zip_fermo(dati):
    """The same archive with fixed times inside."""
    uscita = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(dati)) as da, zipfile.ZipFile(uscita, "w") as a:
        for voce in da.infolist():
            ferma = zipfile.ZipInfo(voce.filename, ISTANTE.timetuple()[:6])
            ferma.compress_type = voce.compress_type
            ferma.external_attr = 0o644 << 16
            a.writestr(ferma, da.read(voce))
    return uscita.getvalue()


def docx_(testo):
    """A word processor document (OOXML)."""
    documento = docx.Document()
    proprieta = documento.core_properties
    proprieta.author = intestazione(testo).split("\n")[0]
    proprieta.title = testo["oggetto"]
    proprieta.comments = ""
    proprieta.created = proprieta.modified = ISTANTE
    documento.styles["Normal"].font.name = "Times New Roman"
    documento.styles["Normal"].font.size = Pt(11)
    for riga in intestazione(testo).split("\n"):
        documento.add_paragraph().add_run(riga).bold = True
    documento.add_paragraph()
    documento.add_paragraph(testo["a"]).alignment = 2
    documento.add_paragraph().add_run("Oggetto: " + testo["oggetto"]).bold = True
    for p in capoversi(testo):
        documento.add_paragraph(p).alignment = 3
    documento.add_paragraph(testo["firma"]).alignment = 2
    uscita = io.BytesIO()
    documento.save(uscita)
    return _zip_fermo(uscita.getvalue())


def odt(testo):
    """An OpenDocument text."""
    documento = opendocument.OpenDocumentText()
    documento.meta.addElement(odfdc.Title(text=testo["oggetto"]))
    documento.meta.addElement(odfmeta.CreationDate(text=ISTANTE.isoformat()))
    grassetto = style.Style(name="Grassetto", family="paragraph")
    grassetto.addElement(style.TextProperties(fontweight="bold"))
    grassetto.addElement(style.ParagraphProperties(marginbottom="0.2cm"))
    destra = style.Style(name="Destra", family="paragraph")
    destra.addElement(style.ParagraphProperties(textalign="end", margintop="0.5cm", marginbottom="0.5cm"))
    corpo = style.Style(name="Corpo", family="paragraph")
    corpo.addElement(style.ParagraphProperties(textalign="justify", marginbottom="0.3cm"))
    for s in (grassetto, destra, corpo):
        documento.automaticstyles.addElement(s)

    def aggiungi(stile, righe):
        for riga in righe.split("\n"):
            documento.text.addElement(odftext.P(stylename=stile, text=riga))

    aggiungi(grassetto, intestazione(testo))
    aggiungi(destra, testo["a"])
    aggiungi(grassetto, "Oggetto: " + testo["oggetto"])
    for p in capoversi(testo):
        aggiungi(corpo, p)
    aggiungi(destra, testo["firma"])
    uscita = io.BytesIO()
    documento.write(uscita)
    return _zip_fermo(uscita.getvalue())


def txt(testo):
    """Plain UTF-8 text, lines of 78 characters."""
    righe = [testo["da"], "", testo["a"], "", "Oggetto: " + testo["oggetto"], ""]
    for p in capoversi(testo):
        righe += [textwrap.fill(p, 78), ""]
    return "\n".join([*righe, testo["firma"], ""]).encode()


def _scansione(testo):
    """A letter as a cheap scanner sees it: grey, a little crooked, with dust."""
    caso = random.Random(testo["file"])
    foglio = Image.new("L", (1000, 1414), 243)
    penna = ImageDraw.Draw(foglio)
    corsivo = ImageFont.truetype(CARATTERI / "DejaVuSerif-Italic.ttf", 23)
    y = 110

    def scrivi(riga, x):
        nonlocal y
        penna.text((x + caso.randint(-2, 2), y + caso.randint(-1, 1)), riga, font=corsivo, fill=caso.randint(38, 62))
        y += 38

    for riga in testo["da"].split("\n"):
        scrivi(riga, 90)
    y += 30
    for riga in testo["a"].split("\n"):
        scrivi(riga, 520)
    y += 30
    scrivi("Oggetto: " + testo["oggetto"], 90)
    y += 25
    for p in capoversi(testo):
        for riga in textwrap.wrap(p, 62):
            scrivi(riga, 90)
        y += 18
    y += 30
    scrivi(testo["firma"], 600)
    for _ in range(240):
        x, h = caso.randrange(1000), caso.randrange(1414)
        penna.point((x, h), fill=caso.randint(120, 200))
    penna.line((22, 0, 26, 1414), fill=225, width=3)
    return foglio.rotate(caso.choice((-0.7, 0.8)), resample=Image.BICUBIC, fillcolor=228)


def jpg(testo):
    """The scan as a 120 dpi JPEG."""
    uscita = io.BytesIO()
    _scansione(testo).save(uscita, "JPEG", quality=55, dpi=(120, 120), optimize=True)
    return uscita.getvalue()


def png(testo):
    """The scan as a PNG of sixteen greys."""
    uscita = io.BytesIO()
    _scansione(testo).quantize(16).save(uscita, "PNG", dpi=(120, 120), optimize=True)
    return uscita.getvalue()


FORMATI = {"pdf": pdf, "pdfa": pdfa, "docx": docx_, "odt": odt, "txt": txt, "jpg": jpg, "png": png}
