import { types } from 'node:util';
import type {
  Keyring,
  LoadContext,
  LoadSecrets,
  Scheme,
  SecretProvider,
  VerifierOptions,
} from '@countersign/core';
import { KEYRING } from '@countersign/core/extend';

type Secrets = VerifierOptions['secrets'];
type SecretValue = string | Uint8Array;

/**
 * The secrets of one verifier, noted when they are loaded: to sign replays with, and to remove them from everything that is shown.
 *
 * `source` is for the verifier. What it has once loaded stays noted, so that a replaced secret is not shown either.
 */
export class NotedSecrets {
  readonly source: Secrets;
  readonly #scheme: Scheme;
  readonly #given: Secrets;
  readonly #seen = new Map<string, SecretValue>();
  #latest: unknown;

  constructor(given: Secrets, scheme: Scheme) {
    this.#given = given;
    this.#scheme = scheme;
    this.source = this.#noting(given);
  }

  /** Every secret that was ever loaded. Empty for public keys, which everybody may see. */
  all(): readonly SecretValue[] {
    if (this.signsWithPrivateKey) return [];
    for (const key of this.#keyringKeys()) this.#add(key);
    return [...this.#seen.values()];
  }

  /** The secret that the sender signs with now. `undefined` if none is loaded, or if only the sender has the private key. */
  current(): SecretValue | undefined {
    if (this.signsWithPrivateKey) return undefined;
    return listed((this.#latest as { current?: unknown } | undefined)?.current)[0] ?? this.#keyringKeys()[0];
  }

  /** The set as it was last loaded, for a check that must not ask the source again. */
  set(): Secrets {
    return (this.#latest as Secrets | undefined) ?? this.#given;
  }

  /** Whether receivers have a public key only. */
  get signsWithPrivateKey(): boolean {
    const { secret } = (this.#scheme as { definition?: { secret?: object } }).definition ?? {};
    return secret !== undefined && 'publicKey' in secret;
  }

  #noting(given: Secrets): Secrets {
    if (isKeyring(given)) return given;
    if (typeof given === 'function') {
      const load: LoadSecrets = (context) => this.#noteLoaded(given(context));
      return load;
    }
    if (!isProvider(given)) {
      this.#note(given);
      return given;
    }
    const load = (context: LoadContext) => this.#noteLoaded(given.load(context));
    // Everything else of a provider, its methods included, stays as it is.
    return new Proxy(given, {
      get: (target, name) => {
        if (name === 'load') return load;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  #noteLoaded<T>(loaded: T | Promise<T>): T | Promise<T> {
    if (!(loaded instanceof Promise)) return this.#note(loaded);
    return loaded.then((set) => this.#note(set));
  }

  #note<T>(set: T): T {
    if (set === null || set === undefined) return set;
    const { current, previous, next } = isValue(set)
      ? { current: set, previous: undefined, next: undefined }
      : (set as { current?: unknown; previous?: unknown; next?: unknown });
    if (current !== undefined) this.#latest = isValue(set) ? { current: set } : set;
    for (const value of [current, previous, next].flatMap(listed)) this.#add(value);
    return set;
  }

  #add(value: SecretValue): void {
    const name = typeof value === 'string' ? `text ${value}` : `bytes ${Buffer.from(value).toString('hex')}`;
    this.#seen.set(name, value);
  }

  /** A keyring has keys instead of texts. */
  #keyringKeys(): readonly Uint8Array[] {
    const given = this.#given;
    if (!isKeyring(given)) return [];
    return given[KEYRING].keys().keys.flatMap(({ key }) => {
      const { type, export: exportKey } = key as { type?: unknown; export?: () => Uint8Array };
      return type === 'secret' && exportKey !== undefined ? [exportKey.call(key)] : [];
    });
  }
}

function listed(given: unknown): readonly SecretValue[] {
  return [given].flat().flatMap((each) => {
    const value = isValue(each) ? each : (each as { secret?: unknown } | null | undefined)?.secret;
    return isValue(value) ? [value] : [];
  });
}

function isValue(given: unknown): given is SecretValue {
  return typeof given === 'string' || types.isUint8Array(given);
}

function isKeyring(given: Secrets): given is Keyring {
  return typeof given === 'object' && KEYRING in given;
}

function isProvider(given: Secrets): given is SecretProvider {
  return typeof given === 'object' && !types.isUint8Array(given) && 'load' in given;
}
