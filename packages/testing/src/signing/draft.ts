import type { SchemeDefinition, SignatureRule } from '@countersign/core';

/** A delivery that is being signed. Parts that the content names and that are missing from the input are filled in. */
export class Draft {
  readonly headers: Record<string, string>;
  readonly method: string;
  readonly timestamp: string;
  readonly id: string;
  body: Buffer;
  #url: string | undefined;
  readonly #definition: SchemeDefinition;

  constructor(
    definition: SchemeDefinition,
    given: {
      headers: Record<string, string>;
      method: string;
      url: string | undefined;
      timestamp: string;
      id: string;
      body: Buffer;
    },
  ) {
    this.#definition = definition;
    this.headers = given.headers;
    this.method = given.method;
    this.timestamp = given.timestamp;
    this.id = given.id;
    this.body = given.body;
    this.#url = given.url;
  }

  get url(): string {
    if (this.#url === undefined)
      throw new TypeError('This scheme signs the URL, or parts of it. Pass "url".');
    return this.#url;
  }
  get givenUrl(): string | undefined {
    return this.#url;
  }
  get query(): URLSearchParams {
    return new URL(this.url).searchParams;
  }
  addQuery(name: string, value: string): void {
    const joint = this.url.includes('?') ? '&' : '?';
    this.#url = `${this.url}${joint}${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
  }

  get json(): unknown {
    try {
      return JSON.parse(this.body.toString('utf8'));
    } catch {
      throw new TypeError('This scheme signs fields of a JSON body. Pass JSON as "body".');
    }
  }
  field(path: string): unknown {
    let value: unknown = this.json;
    for (const name of path.split('.')) value = (value as Record<string, unknown> | null | undefined)?.[name];
    return value;
  }
  setField(path: string, value: string | number): void {
    const json = this.json;
    const names = path.split('.');
    const last = names.pop() ?? path;
    let at = json as Record<string, unknown>;
    for (const name of names) {
      if (at[name] === undefined || at[name] === null) at[name] = {};
      at = at[name] as Record<string, unknown>;
    }
    at[last] = value;
    this.body = Buffer.from(JSON.stringify(json));
  }
  get form(): URLSearchParams {
    return new URLSearchParams(this.body.toString('utf8'));
  }
  setFormField(name: string, value: string): void {
    const form = this.form;
    form.set(name, value);
    this.body = Buffer.from(form.toString());
  }

  /** Sets what the rule requires of a request in addition to its signature. */
  prepare(rule: SignatureRule): void {
    const { when, requiredHeaders, id, timestamp } = rule;
    for (const [name, value] of Object.entries({ ...when?.header, ...requiredHeaders })) {
      if (typeof value === 'string') this.headers[name] ??= value;
    }
    for (const [name, value] of Object.entries(when?.query ?? {})) {
      if (typeof value === 'string' && !this.query.has(name)) this.addQuery(name, value);
    }
    if (id !== undefined) this.headers[id.header] = this.id;
    if (timestamp?.header !== undefined) this.headers[timestamp.header] = this.timestamp;
    if (timestamp?.query !== undefined && !this.query.has(timestamp.query))
      this.addQuery(timestamp.query, this.timestamp);
  }

  /** The text of a signed field. If the body does not contain it, the time or a random text is added. */
  signedField(path: string): string {
    if (this.field(path) === undefined) {
      const { bodyTimestamp } = this.#definition;
      this.setField(path, bodyTimestamp?.field === path ? this.timestamp : crypto.randomUUID());
    }
    return String(this.field(path));
  }
  signedFormField(name: string): string {
    const value = this.form.get(name);
    if (value !== null) return value;
    const { bodyTimestamp } = this.#definition;
    this.setFormField(name, bodyTimestamp?.formField === name ? this.timestamp : crypto.randomUUID());
    return this.form.get(name) ?? '';
  }
}
