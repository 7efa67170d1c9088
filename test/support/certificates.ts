/** A throw-away certificate authority for tests: of TLS connections, and of whole clusters in which every part has a certificate of its own. */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

export type KeyPair = { readonly cert: string; readonly key: string };
export type TestCertificates = { readonly ca: string; readonly server: KeyPair; readonly client: KeyPair };
export type TestAuthority = {
  readonly ca: string;
  /** A certificate for a subject as `CN=name`; one that is a server's stands for names and addresses. */
  issue(subject: string, standsFor?: readonly string[]): Promise<KeyPair>;
};

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const HOUR = 3_600_000;

export async function testAuthority(lifetimeMs: number = HOUR): Promise<TestAuthority> {
  x509.cryptoProvider.set(crypto);
  const validity = { notBefore: new Date(Date.now() - HOUR), notAfter: new Date(Date.now() + lifetimeMs) };
  const caKeys = await newKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name: "CN=test ca",
    ...validity,
    signingAlgorithm: ALGORITHM,
    keys: caKeys,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  let issued = 1;
  return {
    ca: ca.toString("pem"),
    async issue(subject, standsFor = []) {
      const keys = await newKeys();
      const names = standsFor.map((value) => ({
        type: /^[\d.]+$/.test(value) ? ("ip" as const) : ("dns" as const),
        value,
      }));
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: String(++issued).padStart(2, "0"),
        subject,
        issuer: ca.subject,
        ...validity,
        signingAlgorithm: ALGORITHM,
        publicKey: keys.publicKey,
        signingKey: caKeys.privateKey,
        extensions: names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : [],
      });
      return { cert: certificate.toString("pem"), key: await privatePem(keys) };
    },
  };
}

/** A server's certificate for 127.0.0.1, and a client's that says `CN=client`. */
export async function testCertificates(): Promise<TestCertificates> {
  const { ca, issue } = await testAuthority();
  return { ca, server: await issue("CN=server", ["127.0.0.1"]), client: await issue("CN=client") };
}

/** A key to sign tokens with, and the one to check them. */
export async function testSigningKeys(): Promise<{ readonly privateKey: string; readonly publicKey: string }> {
  const keys = await newKeys();
  const publicKey = await crypto.subtle.exportKey("spki", keys.publicKey);
  return { privateKey: await privatePem(keys), publicKey: x509.PemConverter.encode(publicKey, "PUBLIC KEY") };
}

function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

async function privatePem(keys: CryptoKeyPair): Promise<string> {
  return x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
}
