#!/bin/sh
# Keys and certificates of the tests: an authority of nobody, seals of each kind, a timestamping authority. They protect
# nothing. Run in this folder, with OpenSSL 3 and its legacy provider. The password of every file is «prova».
set -eu
cat > estensioni.cnf <<'F'
oid_section = oids
[oids]
qcStatements = 1.3.6.1.5.5.7.1.3
[sigillo]
basicConstraints = CA:FALSE
keyUsage = critical, nonRepudiation, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
qcStatements = ASN1:SEQUENCE:dichiarazioni
[dichiarazioni]
a = SEQUENCE:conforme
b = SEQUENCE:dispositivo
c = SEQUENCE:tipo
[conforme]
o = OID:0.4.0.1862.1.1
[dispositivo]
o = OID:0.4.0.1862.1.4
[tipo]
o = OID:0.4.0.1862.1.6
t = SEQUENCE:tipi
[tipi]
o = OID:0.4.0.1862.1.6.2
[semplice]
basicConstraints = CA:FALSE
keyUsage = critical, nonRepudiation
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
F
chiave_rsa() { openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:"$2" -out "$1.key"; }
chiave_ec() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:"$2" -pkeyopt ec_param_enc:named_curve -out "$1.key"; }
chiave_rsa ca 3072
openssl req -new -x509 -key ca.key -days 10950 -subj "/C=IT/O=Prove automatiche/CN=CA di prova NON QUALIFICATA" \
  -config estensioni.cnf -extensions ca -out ca.pem 2>/dev/null || {
  printf '[req]\ndistinguished_name=dn\n[dn]\n' | cat - estensioni.cnf > ca.cnf
  openssl req -new -x509 -key ca.key -days 10950 -subj "/C=IT/O=Prove automatiche/CN=CA di prova NON QUALIFICATA" \
    -config ca.cnf -extensions ca -out ca.pem; rm -f ca.cnf; }
firma() { # name, profile, CN
  openssl req -new -key "$1.key" -utf8 -subj "/C=IT/O=Comune di Montefiascone sul Lago/organizationIdentifier=VATIT-00123450567/CN=$3" -out "$1.csr"
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -days 10900 -sha256 -extfile estensioni.cnf -extensions "$2" -out "$1.pem" 2>/dev/null
  rm -f "$1.csr"
}
chiave_rsa rsa 3072; firma rsa sigillo "Sigillo di prova RSA"
chiave_ec p256 P-256; firma p256 sigillo "Sigillo di prova P-256 – città"
chiave_ec p384 P-384; firma p384 semplice "Sigillo di prova P-384"
chiave_ec p521 P-521; firma p521 semplice "Sigillo di prova P-521"
chiave_rsa tsa 2048; firma tsa tsa "Marca temporale di prova"
for n in rsa p256 p384 p521; do
  openssl pkcs12 -export -inkey $n.key -in $n.pem -certfile ca.pem -name "$n" -passout pass:prova -out $n.p12
done
# As Windows until 2016 and OpenSSL 1 wrote them: triple DES around the key, RC2-40 around certificates.
openssl pkcs12 -export -legacy -inkey rsa.key -in rsa.pem -certfile ca.pem -passout pass:prova -out antico.p12
openssl pkcs12 -export -legacy -certpbe PBE-SHA1-3DES -inkey p256.key -in p256.pem -passout pass:prova -out antico-3des.p12
openssl pkcs12 -export -legacy -keypbe PBE-SHA1-RC2-128 -certpbe PBE-SHA1-2DES -inkey p256.key -in p256.pem -passout pass:prova -out antico-rc2.p12
openssl pkcs12 -export -keypbe NONE -certpbe NONE -inkey p256.key -in p256.pem -passout pass:prova -out in-chiaro.p12
openssl pkcs12 -export -inkey p256.key -in p256.pem -passout pass: -out senza-password.p12
openssl pkcs12 -export -legacy -inkey p256.key -in p256.pem -passout pass: -out antico-senza-password.p12
openssl pkcs12 -export -inkey p256.key -in p256.pem -passout "pass:pàsswörd€" -out accenti.p12
openssl pkcs12 -export -legacy -inkey p256.key -in p256.pem -passout "pass:pàsswörd€" -out antico-accenti.p12
openssl pkcs12 -export -nokeys -in p256.pem -passout pass:prova -out senza-chiave.p12
openssl pkcs12 -export -inkey p384.key -in p384.pem -passout pass:prova -macalg sha512 -keypbe AES-128-CBC -certpbe AES-192-CBC -iter 5000 -out altro.p12
rm -f estensioni.cnf ca.key p521.key p384.key
