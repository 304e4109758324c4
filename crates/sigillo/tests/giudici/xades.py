"""What signxml says of a seal: python3 xades.py FILE CA CERTIFICATE. Also against the official schema of XAdES."""

import pathlib
import sys

import signxml
from lxml import etree
from signxml.xades import XAdESVerifier

documento, ca, certificato = (pathlib.Path(p).read_bytes() for p in sys.argv[1:4])
esito = XAdESVerifier().verify(documento, x509_cert=certificato.decode(), expect_references=2)
print("firmato:", esito[0].signed_xml.tag)
assert etree.QName(esito[0].signed_xml).localname != "Signature"
# What was signed is the document without its seal, and not a part of it.
radice = etree.fromstring(documento)
assert esito[0].signed_xml.tag == radice.tag, esito[0].signed_xml.tag
for nome in ("SigningTime", "SigningCertificateV2", "DataObjectFormat"):
    assert radice.find(f".//{{http://uri.etsi.org/01903/v1.3.2#}}{nome}") is not None, nome

schemi = pathlib.Path(signxml.__file__).parent
entrambi = etree.XMLSchema(etree.fromstring(f"""
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:import namespace="http://www.w3.org/2000/09/xmldsig#" schemaLocation="{schemi}/schemas/xmldsig-core-schema.xsd"/>
  <xs:import namespace="http://uri.etsi.org/01903/v1.3.2#" schemaLocation="{schemi}/xades/schemas/XAdES01903v132-201601.xsd"/>
</xs:schema>"""))
firma = radice.find("{http://www.w3.org/2000/09/xmldsig#}Signature")
entrambi.assertValid(etree.fromstring(etree.tostring(firma)))
assert radice[-1] is firma
