import type { Scheme } from '@countersign/core';
import { refusalStatus, type SchemeSource } from '@countersign/core/extend';
import { kebab, moduleOf } from '../sender.ts';
import { SENDER_OPTIONS } from '../sender-options.ts';
import { aboutSenders, exampleOf } from './about.ts';
import { retriesOf, windowOf } from './delivery-facts.ts';
import { isDefined, type SignatureFacts, signatureFacts } from './signature-facts.ts';

/** What the command line knows about a sender. */
export interface SenderFacts extends SignatureFacts {
  /** As the command line writes it. */
  readonly name: string;
  /** As people write it. */
  readonly sender: string;
  readonly factory: string;
  /** The module that exports the factory. */
  readonly module: string;
  /** Whether `sign` and `send` can sign for it. */
  readonly canSign: boolean;
  readonly needsPublicUrl: boolean;
  readonly window: string;
  readonly retries: string;
  /** What a verifier responds if the signature matches no key. */
  readonly refusalStatus: number;
  readonly options: readonly {
    readonly name: string;
    readonly required: boolean;
    readonly example: string;
  }[];
  readonly secretFrom?: string;
  readonly rotation?: string;
  readonly notes: readonly string[];
  readonly assumptions: readonly string[];
  readonly sources: readonly string[];
}

/** Senders whose schemes are code, without a definition that names them. */
const CODE: Readonly<Record<string, string>> = {
  appStore: 'Apple App Store',
  awsSns: 'Amazon SNS',
  ebay: 'eBay',
  payPal: 'PayPal',
};

/** The facts about the sender of a factory. */
export function senderFacts(factory: string): SenderFacts {
  const scheme = exampleOf(factory);
  const about: Partial<SchemeSource> = aboutSenders()[factory] ?? {};
  const { secretFrom, rotation, notes = [], assumptions = [], sources = [] } = about;
  return {
    name: kebab(factory),
    sender: senderTitle(factory, scheme),
    factory,
    module: moduleOf(factory),
    canSign: isDefined(scheme),
    ...signatureFacts(scheme),
    needsPublicUrl: scheme.needsPublicUrl === true,
    window: windowOf(scheme),
    retries: retriesOf(scheme.delivery, about.retryRules),
    refusalStatus: refusalStatus(scheme.delivery),
    options: Object.entries(SENDER_OPTIONS[factory] ?? {}).map(([name, { required = false, example }]) => ({
      ...{ name, required, example },
    })),
    ...(secretFrom === undefined ? {} : { secretFrom }),
    ...(rotation === undefined ? {} : { rotation }),
    ...{ notes, assumptions, sources },
  };
}

/** The sender's name as people write it. */
export function senderTitle(factory: string, scheme: Scheme): string {
  return aboutSenders()[factory]?.sender ?? CODE[factory] ?? scheme.name;
}
