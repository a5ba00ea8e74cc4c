// The library registers its parts by decorators.
import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  Extension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2048,
};
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

/** A certificate in PEM form, with the private key behind it. */
export interface Certified {
  readonly pem: string;
  readonly key: KeyObject;
}

/** What a certificate says. */
export interface CertificateTerms {
  readonly cn: string | readonly string[];
  /** Milliseconds since the epoch. Default: a day before and after now, by the machine's clock. */
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly ca?: boolean;
  /** Default: RSA with 2048 bits. */
  readonly keys?: 'rsa' | 'rsa-1024' | 'ec';
  /** Names for TLS. */
  readonly hosts?: readonly string[];
  /** Object ids of extensions that only mark it. */
  readonly marks?: readonly string[];
}

/** An authority for tests, with its own certificate. */
export interface Authority extends Certified {
  issue(terms: CertificateTerms): Promise<Certified>;
  /** One below this. */
  authority(terms: CertificateTerms): Promise<Authority>;
}

/** A self-signed certificate. */
export async function selfSigned(terms: CertificateTerms): Promise<Certified> {
  const pair = await generate(terms);
  return certify(terms, pair, { name: nameOf(terms), key: pair.privateKey });
}

/** A self-signed authority. */
export async function rootAuthority(terms: CertificateTerms): Promise<Authority> {
  const pair = await generate(terms);
  const issuer = { name: nameOf(terms), key: pair.privateKey };
  return authorityOf(await certify({ ca: true, ...terms }, pair, issuer), issuer);
}

interface Issuer {
  readonly name: string;
  readonly key: webcrypto.CryptoKey;
}

function authorityOf(own: Certified, issuer: Issuer): Authority {
  return {
    ...own,
    issue: async (terms) => certify(terms, await generate(terms), issuer),
    async authority(terms) {
      const pair = await generate(terms);
      const below = await certify({ ca: true, ...terms }, pair, issuer);
      return authorityOf(below, { name: nameOf(terms), key: pair.privateKey });
    },
  };
}

async function generate({ keys = 'rsa' }: CertificateTerms): Promise<webcrypto.CryptoKeyPair> {
  const algorithm = keys === 'ec' ? EC : { ...RSA, modulusLength: keys === 'rsa' ? 2048 : 1024 };
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

async function certify(
  terms: CertificateTerms,
  pair: webcrypto.CryptoKeyPair,
  issuer: Issuer,
): Promise<Certified> {
  const {
    ca = false,
    hosts,
    marks = [],
    notBefore = Date.now() - DAY_MS,
    notAfter = Date.now() + DAY_MS,
  } = terms;
  const certificate = await X509CertificateGenerator.create({
    serialNumber: Buffer.from(webcrypto.getRandomValues(new Uint8Array(8))).toString('hex'),
    subject: nameOf(terms),
    issuer: issuer.name,
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
    publicKey: pair.publicKey,
    signingKey: issuer.key,
    signingAlgorithm: issuer.key.algorithm.name === 'ECDSA' ? EC : RSA,
    extensions: [
      new BasicConstraintsExtension(ca),
      ...marks.map((id) => new Extension(id, false, new Uint8Array([5, 0]))),
      ...(hosts === undefined
        ? []
        : [new SubjectAlternativeNameExtension(hosts.map((value) => ({ type: 'dns' as const, value })))]),
    ],
  });
  return { pem: certificate.toString('pem'), key: KeyObject.from(pair.privateKey) };
}

function nameOf({ cn }: CertificateTerms): string {
  return [cn]
    .flat()
    .map((name) => `CN=${name}`)
    .join(', ');
}
