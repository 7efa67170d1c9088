/**
 * The listener's TLS: a certificate authority of this home folder, and a server certificate signed by it, both P-256.
 * The authority lives for ten years, so that a kubeconfig stays good; the server's certificate for one, made anew when little of it is left.
 */
import "reflect-metadata";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY = 24 * 60 * 60 * 1000;
const CA_LIFETIME = 3650 * DAY;
const SERVER_LIFETIME = 365 * DAY;
/** Renewed when less than this is left of a certificate. */
const RENEW_BEFORE = 30 * DAY;
/** Clocks differ: what is made now is good since an hour ago. */
const SKEW = 60 * 60 * 1000;

export type Certificates = { readonly ca: string; readonly cert: string; readonly key: string };

type Pair = { readonly certificate: X509Certificate; readonly key: CryptoKey };

/** The certificates of this folder for this host; those that are missing, foreign or near their end are made. */
export async function certificates(folder: string, o: { host: string; now: Date }): Promise<Certificates> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const authority = await kept(join(folder, "ca"), { now: o.now, fits: () => true, make: () => makeAuthority(o.now) });
  const names = [...new Set([o.host, "localhost", "127.0.0.1", "::1"])];
  const server = await kept(join(folder, "server"), {
    now: o.now,
    fits: (pair) => covers(pair.certificate, names) && pair.certificate.issuer === authority.certificate.subject,
    make: () => makeServer(authority, names, o.now),
  });
  const signed = await server.certificate.verify({ publicKey: authority.certificate.publicKey, date: o.now });
  const good = signed ? server : await replaced(join(folder, "server"), await makeServer(authority, names, o.now));
  return {
    ca: authority.certificate.toString("pem"),
    cert: good.certificate.toString("pem"),
    key: await keyPem(good.key),
  };
}

async function kept(
  path: string,
  o: { now: Date; fits: (pair: Pair) => boolean; make: () => Promise<Pair> },
): Promise<Pair> {
  const found = await read(path);
  if (found && found.certificate.notAfter.getTime() - o.now.getTime() > RENEW_BEFORE && o.fits(found)) return found;
  return replaced(path, await o.make());
}

/** The pair in the folder; `undefined` where there is none or it cannot be read. */
async function read(path: string): Promise<Pair | undefined> {
  try {
    const certificate = new X509Certificate(await readFile(`${path}.crt`, "utf8"));
    const [der] = PemConverter.decode(await readFile(`${path}.key`, "utf8"));
    if (!der) return undefined;
    return { certificate, key: await crypto.subtle.importKey("pkcs8", der, ALGORITHM, true, ["sign"]) };
  } catch {
    return undefined;
  }
}

async function replaced(path: string, pair: Pair): Promise<Pair> {
  await put(`${path}.key`, await keyPem(pair.key));
  await put(`${path}.crt`, pair.certificate.toString("pem"));
  return pair;
}

async function put(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, path);
}

async function keyPem(key: CryptoKey): Promise<string> {
  return PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

function covers(certificate: X509Certificate, names: readonly string[]): boolean {
  const extension = certificate.getExtension(SubjectAlternativeNameExtension);
  const held = extension?.names.items.map((name) => name.value) ?? [];
  return names.every((name) => held.includes(name));
}

function isAddress(name: string): boolean {
  return /^[\d.]+$/.test(name) || name.includes(":");
}

function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

async function makeAuthority(now: Date): Promise<Pair> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    // The name tells authorities apart that were made one after the other.
    name: `CN=regards-order local Kubernetes ${now.getTime().toString(36)}`,
    notBefore: new Date(now.getTime() - SKEW),
    notAfter: new Date(now.getTime() + CA_LIFETIME),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  return { certificate, key: keys.privateKey };
}

async function makeServer(authority: Pair, names: readonly string[], now: Date): Promise<Pair> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.create({
    subject: "CN=regards-order local Kubernetes server",
    issuer: authority.certificate.subject,
    notBefore: new Date(now.getTime() - SKEW),
    notAfter: new Date(now.getTime() + SERVER_LIFETIME),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: authority.key,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isAddress(value) ? ("ip" as const) : ("dns" as const), value })),
      ),
    ],
  });
  return { certificate, key: keys.privateKey };
}
