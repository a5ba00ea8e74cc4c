import type { X509Certificate } from 'node:crypto';

/** One element of DER: its tag, and the bytes that it contains. */
interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

const SEQUENCE = 0x30;
const OBJECT_ID = 0x06;
/** `[3]` in the first part of a certificate: its extensions (RFC 5280, section 4.1). */
const EXTENSIONS = 0xa3;

/**
 * Whether a certificate has an extension, by the bytes of its object id in DER. Node offers no way to ask for one, and a search in all
 * bytes would also find what the owner of the certificate wrote into its name.
 */
export function hasExtension(certificate: X509Certificate, id: Buffer): boolean {
  const [signed] = elementsOf(contentOf(elementsOf(certificate.raw)[0]));
  const field = elementsOf(contentOf(signed)).find(({ tag }) => tag === EXTENSIONS);
  const [list] = elementsOf(field?.content ?? Buffer.alloc(0));
  return elementsOf(contentOf(list)).some((extension) => {
    const [name] = elementsOf(contentOf(extension));
    return name?.tag === OBJECT_ID && name.content.equals(id);
  });
}

function contentOf(element: Element | undefined): Buffer {
  return element?.tag === SEQUENCE ? element.content : Buffer.alloc(0);
}

/** The elements in a row of bytes; none if they are malformed. */
function elementsOf(bytes: Buffer): readonly Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at];
    const first = bytes[at + 1];
    if (tag === undefined || first === undefined) return [];
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    if (lengthBytes > 4 || first === 0x80 || at + 2 + lengthBytes > bytes.length) return [];
    const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes);
    const start = at + 2 + lengthBytes;
    if (start + length > bytes.length) return [];
    elements.push({ tag, content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return elements;
}
