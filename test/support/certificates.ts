/** A throw-away certificate authority with a server and a client certificate, for tests of TLS connections. */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

export type KeyPair = { readonly cert: string; readonly key: string };
export type TestCertificates = { readonly ca: string; readonly server: KeyPair; readonly client: KeyPair };

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** The server's certificate is for 127.0.0.1; the client's says `CN=client`. */
export async function testCertificates(): Promise<TestCertificates> {
  x509.cryptoProvider.set(crypto);
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const keys = () => crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const caKeys = await keys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name: "CN=test ca",
    ...validity,
    signingAlgorithm: ALGORITHM,
    keys: caKeys,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  async function issue(name: string, serialNumber: string, extensions: x509.Extension[]): Promise<KeyPair> {
    const pair = await keys();
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber,
      subject: `CN=${name}`,
      issuer: ca.subject,
      ...validity,
      signingAlgorithm: ALGORITHM,
      publicKey: pair.publicKey,
      signingKey: caKeys.privateKey,
      extensions,
    });
    const key = await crypto.subtle.exportKey("pkcs8", pair.privateKey);
    return { cert: certificate.toString("pem"), key: x509.PemConverter.encode(key, "PRIVATE KEY") };
  }
  const address = new x509.SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }]);
  return {
    ca: ca.toString("pem"),
    server: await issue("server", "02", [address]),
    client: await issue("client", "03", []),
  };
}
