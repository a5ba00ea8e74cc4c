import type { SignatureRule } from '@countersign/core';
import type { GeneralCase, GeneralFixture, GeneralRequest } from './general.ts';

/** What may be wrong in a delivery of any scheme. */
export function generalCases(fixture: GeneralFixture, form: SignatureRule): GeneralCase[] {
  const { scheme } = fixture;
  const cases: GeneralCase[] = [
    { name: 'a genuine delivery', wanted: 'handled', request: () => fixture.request() },
    {
      name: 'signed with the previous key',
      wanted: 'handled',
      request: () => fixture.request({ secret: fixture.previous.signingSecret }),
    },
    {
      name: 'signed with a foreign key',
      wanted: 'refused',
      request: () => fixture.request({ secret: fixture.foreign.signingSecret }),
    },
    { name: 'nothing but a body', wanted: 'refused', request: () => bare(fixture) },
    ...signatureCases(fixture, form),
    ...timeCases(fixture),
  ];
  if (form.content !== undefined && 'hmac' in form.algorithm) {
    cases.push({
      name: 'signed with an empty key',
      wanted: 'refused',
      request: () => fixture.request({ secret: new Uint8Array() }),
    });
  }
  if (signsBytes(form)) {
    cases.push(
      ...bodyCases(fixture, (body) => Buffer.concat([body, Buffer.from(' ')]), 'a byte added to the body'),
      ...bodyCases(fixture, (body) => body.subarray(0, -1), 'a byte taken off the body'),
      ...bodyCases(fixture, flipped, 'a bit of the body changed'),
      ...bodyCases(fixture, () => Buffer.of(), 'the body empty'),
    );
  }
  if (form.id !== undefined) {
    const { header } = form.id;
    cases.push(
      headerCase(fixture, header, (value) => `${value}0`),
      headerCase(fixture, header, () => undefined),
    );
  }
  if (scheme.needsPublicUrl === true) {
    cases.push({
      name: 'sent to an address with another query',
      wanted: /\{(?:url|path)\}/.test(String(form.content)) ? 'refused' : 'either',
      request: () => {
        const request = fixture.request();
        return { ...request, url: `${request.url}${request.url?.includes('?') === true ? '&' : '?'}added=1` };
      },
    });
  }
  return cases;
}

function signatureCases(fixture: GeneralFixture, form: SignatureRule): GeneralCase[] {
  const { header, numberedHeader } = form.signature;
  const name =
    typeof header === 'string'
      ? header
      : (header?.[0] ?? (numberedHeader === undefined ? undefined : `${numberedHeader}1`));
  if (name === undefined) return [];
  return [
    headerCase(fixture, name, () => undefined),
    headerCase(fixture, name, () => ''),
    headerCase(fixture, name, (value) => value.slice(0, -5)),
    headerCase(
      fixture,
      name,
      (value) => `${value.slice(0, -6)}${value.at(-6) === 'A' ? 'B' : 'A'}${value.slice(-5)}`,
    ),
    headerCase(fixture, name, (value) => value.padEnd(5000, '0')),
  ];
}

function headerCase(
  fixture: GeneralFixture,
  name: string,
  change: (value: string) => string | undefined,
): GeneralCase {
  return {
    name: `the header ${name} changed by ${change}`,
    wanted: 'refused',
    request: () => {
      const request = fixture.request();
      const changed = change(request.headers[name] ?? '');
      const { [name]: _, ...headers } = request.headers;
      return { ...request, headers: changed === undefined ? headers : { ...headers, [name]: changed } };
    },
  };
}

function timeCases(fixture: GeneralFixture): GeneralCase[] {
  const { freshness } = fixture.scheme;
  if (freshness.signed !== 'header') return [];
  const at = (seconds: number) => () => fixture.request({ timestamp: fixture.clock.now() / 1000 + seconds });
  return [
    { name: 'a time within the window', wanted: 'handled', request: at(-freshness.past + 1) },
    { name: 'a time before the window', wanted: 'refused', request: at(-freshness.past - 2) },
    { name: 'a time behind the window', wanted: 'refused', request: at(freshness.future + 2) },
  ];
}

function bodyCases(
  fixture: GeneralFixture,
  change: (body: Buffer) => Uint8Array,
  name: string,
): GeneralCase[] {
  const request = (): GeneralRequest => {
    const given = fixture.request();
    return { ...given, body: Buffer.from(change(Buffer.from(given.body))) };
  };
  return [{ name, wanted: 'refused', request }];
}

function flipped(body: Buffer): Buffer {
  const changed = Buffer.from(body);
  const at = Math.floor(changed.length / 2);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

function bare(fixture: GeneralFixture): GeneralRequest {
  const { method, url } = fixture.request();
  return {
    method,
    headers: {},
    body: Buffer.from('{}'),
    text: '{}',
    ...(url === undefined ? {} : { url: fixture.url }),
  };
}

function signsBytes(form: SignatureRule): boolean {
  if (form.content === undefined) return false;
  if (form.bodyDigest !== undefined || String(form.content).includes('{body}')) return true;
  return Object.values(form.parts ?? {}).some((part) => 'digest' in part);
}
