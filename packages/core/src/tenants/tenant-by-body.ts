import type { KeyObject } from 'node:crypto';
import { type DeliveryOutcome, type Observer, Reporter, readObserver, type WebhookEvent } from '../events.ts';
import { type VerifierHealth, verifierHealth } from '../health.ts';
import { PendingBytes } from '../pending-bytes.ts';
import { Refusals } from '../refusals.ts';
import type { Claim } from '../replay/claim.ts';
import { bodyError, checkBytes, HeadReader, type WebhookRequest } from '../request.ts';
import { refusalResponse, type WebhookResponse } from '../response.ts';
import { checkJsonSize, decodeUtf8, parseJsonBody } from '../scheme/content/body-reader.ts';
import type { Scheme } from '../scheme/scheme.ts';
import { systemClock } from '../util/clock.ts';
import { checkFunction, checkKeys, configError } from '../util/options.ts';
import type { HandleOptions, ReceiveOptions, ReceiveResult, Verifier } from '../verifier-types.ts';
import type { ReceivedWebhook, VerifiedWebhook } from '../webhook.ts';
import { isWebhookError, WebhookError } from '../webhook-error.ts';

/** What can be read of a body before and after it is verified. */
type NamingBody = Pick<VerifiedWebhook, 'body' | 'text' | 'json' | 'form'>;

/** The options of {@link tenantByBody}. */
export interface TenantByBodyOptions<K = KeyObject> {
  /** How the sender of all these tenants signs. Its rules decide how large a body may be, and how a refusal is responded to. */
  scheme: Scheme<K>;
  /**
   * Returns the tenant that a body names. It is called twice: with the body that nobody has verified yet, to pick the verifier, and with
   * the verified one. If it throws, for example because the body is not JSON, or returns nothing, the request is refused.
   */
  // A method, so that a function that takes only a part of a body fits too.
  tenantOf(delivery: NamingBody): string | undefined;
  /** The name of this endpoint in events about requests that reach no tenant. Default: the scheme's name. */
  endpoint?: string;
  /** Gets events about requests that reach no tenant. The tenants' verifiers have observers of their own. */
  observe?: Observer<WebhookEvent> | readonly Observer<WebhookEvent>[];
}

/** Returns the verifier of a tenant: what `createTenants()` returns, or a function of yours. */
type FindTenant = (tenant: string) => Verifier | undefined | Promise<Verifier | undefined>;

const MOST_PENDING_BYTES = 64 * 1024 * 1024;
const RETRY_AFTER_SECONDS = 5;

/**
 * Makes one verifier for many tenants whose requests only say in their body whose they are, such as a GitHub App with a secret for each
 * repository. It picks the tenant by the body, verifies with that tenant's secrets, and then compares: the verified body must name the
 * same tenant (`ERR_WEBHOOK_TENANT_MISMATCH`). A body that names no known tenant is refused like a forgery.
 *
 * Prefer a tenant in the path or in a header: then a request without a valid head is refused before its body is read, and no unverified body
 * is parsed.
 *
 * @param tenants What {@link createTenants} returns, or a function that returns the verifier of a tenant. You close them.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if an option is wrong.
 * @example
 * ```ts
 * const verifier = tenantByBody(tenants, {
 *   scheme: github(),
 *   tenantOf: (delivery) => delivery.json<{ repository: { full_name: string } }>().repository.full_name,
 * })
 * app.post('/hooks/github', webhook(verifier), handler)
 * ```
 */
export function tenantByBody<K = KeyObject>(tenants: FindTenant, options: TenantByBodyOptions<K>): Verifier {
  options = checkKeys('tenantByBody()', options, ['scheme', 'tenantOf', 'endpoint', 'observe']);
  if (typeof tenants !== 'function')
    throw configError(
      'tenantByBody() needs what createTenants() returns, or a function that returns a verifier.',
    );
  if (typeof options.scheme?.parseHead !== 'function') throw configError('"scheme" must be a scheme.');
  if (options.tenantOf === undefined) throw configError('"tenantOf" is missing: (delivery) => the tenant.');
  checkFunction('tenantOf', options.tenantOf);
  return new BodyTenantVerifier(tenants, options as TenantByBodyOptions<never>);
}

/** A request whose body has named a tenant. */
interface Named {
  readonly tenant: string;
  readonly verifier: Verifier;
  readonly request: WebhookRequest;
  /** Call it when the body is verified: it does not count as unverified any more. */
  verified(): void;
}

class BodyTenantVerifier implements Verifier {
  readonly scheme: Scheme<never>;
  readonly endpoint: string;
  readonly #tenants: FindTenant;
  readonly #tenantOf: (delivery: NamingBody) => string | undefined;
  readonly #refusals: Refusals;
  readonly #pendingBytes = new PendingBytes(MOST_PENDING_BYTES, () => systemClock.now());
  /** For `claim()`: whose delivery it is. */
  readonly #owners = new WeakMap<VerifiedWebhook, Verifier>();
  #isClosed = false;

  constructor(tenants: FindTenant, options: TenantByBodyOptions<never>) {
    const { scheme, endpoint = scheme.name } = options;
    const facts = { endpoint, scheme: scheme.name };
    const reporter = new Reporter<DeliveryOutcome>(readObserver(options.observe), facts);
    this.scheme = scheme;
    this.endpoint = endpoint;
    this.#tenants = tenants;
    this.#tenantOf = (delivery) => options.tenantOf(delivery);
    this.#refusals = new Refusals(endpoint, scheme.delivery, systemClock, reporter);
  }

  async receive(request: WebhookRequest, options?: ReceiveOptions): Promise<ReceiveResult> {
    return this.#during(request, async ({ tenant, verifier, request }) => {
      const received = await verifier.receive(request, options);
      if (received.state === 'handshake') return received;
      const { webhook } = received;
      const error = this.#compare(webhook, tenant);
      if (error === undefined) {
        this.#owners.set(webhook, verifier);
        return received;
      }
      if (received.state === 'claimed')
        await received.claim.release({ status: error.status }).catch(() => undefined);
      throw this.#refuse(error, request, webhook);
    });
  }

  async verify(request: WebhookRequest): Promise<VerifiedWebhook> {
    return this.#during(request, async ({ tenant, verifier, request }) => {
      const webhook = await verifier.verify(request);
      const error = this.#compare(webhook, tenant);
      if (error !== undefined) throw this.#refuse(error, request, webhook);
      this.#owners.set(webhook, verifier);
      return webhook;
    });
  }

  async handle(
    request: WebhookRequest,
    handler: (webhook: ReceivedWebhook) => unknown,
    options?: HandleOptions,
  ): Promise<WebhookResponse> {
    try {
      return await this.#during(request, ({ tenant, verifier, request, verified }) => {
        const compareFirst = (webhook: ReceivedWebhook) => {
          verified();
          const error = this.#compare(webhook, tenant);
          if (error !== undefined) return refusalResponse(this.#refuse(error, request, webhook));
          this.#owners.set(webhook, verifier);
          return handler(webhook);
        };
        return verifier.handle(request, compareFirst, options);
      });
    } catch (error) {
      if (isWebhookError(error)) return refusalResponse(error);
      throw error;
    }
  }

  async claim(webhook: VerifiedWebhook): Promise<Claim | { state: 'duplicate' }> {
    return this.#ownerOf(webhook).claim(webhook);
  }
  async forget(delivery: string | VerifiedWebhook): Promise<boolean> {
    return this.#ownerOf(delivery).forget(delivery);
  }
  async ready(): Promise<void> {}
  async reload(): Promise<VerifierHealth> {
    return this.health();
  }
  async revoke(): Promise<never> {
    throw notOfOneTenant();
  }
  async close(): Promise<void> {
    this.#isClosed = true;
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  health(): VerifierHealth {
    const { endpoint, scheme } = this;
    return verifierHealth({
      endpoint,
      scheme: scheme.name,
      secrets: {
        ...{ state: 'ready', provider: 'tenants', version: undefined, loadedAt: undefined },
        ...{ lastReload: undefined, rotatingUntil: undefined, keys: [], revoked: [], warnings: [] },
      },
      refusals: this.#refusals,
      replay: undefined,
      pendingBytes: this.#pendingBytes,
    });
  }

  /** Reads the body, finds its tenant, and counts the body until the work is done. */
  async #during<T>(request: WebhookRequest, work: (named: Named) => Promise<T>): Promise<T> {
    const pending = this.#pendingBytes.open();
    try {
      const { method, url, headers, requestId } = request;
      let named: Named;
      try {
        if (this.#isClosed) throw notReady('The verifier is closed.');
        this.#checkHead(request);
        const given = typeof request.body === 'function' ? await request.body(pending.reserve) : request.body;
        const body = checkBytes(given);
        const tenant = this.#nameIn(new UnverifiedBody(body));
        const verifier = tenant === undefined ? undefined : await this.#find(tenant);
        if (tenant === undefined || verifier === undefined) throw unknownTenant();
        // The host may have read the body by itself.
        if (body.byteLength > pending.bytes) pending.reserve(body.byteLength - pending.bytes);
        const verified = () => this.#pendingBytes.close(pending);
        named = { tenant, verifier, request: { method, url, headers, requestId, body }, verified };
      } catch (error) {
        throw this.#refuse(bodyError(error), request);
      }
      return await work(named);
    } finally {
      this.#pendingBytes.close(pending);
    }
  }

  /** A request that no tenant could accept is refused before its body is read. */
  #checkHead(request: WebhookRequest): void {
    const { handshake, needsPublicUrl } = this.scheme;
    if (handshake === undefined && needsPublicUrl !== true)
      this.scheme.parseHead(new HeadReader(request, undefined));
  }

  async #find(tenant: string): Promise<Verifier | undefined> {
    try {
      return await this.#tenants(tenant);
    } catch (error) {
      if (isWebhookError(error)) throw error;
      throw notReady('The function that returns the verifier of a tenant failed. See "cause".', error);
    }
  }

  #nameIn(delivery: NamingBody): string | undefined {
    try {
      const tenant: unknown = this.#tenantOf(delivery);
      return typeof tenant === 'string' && tenant !== '' ? tenant : undefined;
    } catch {
      // Anyone can send a body that is not what the function expects.
      return undefined;
    }
  }

  /** Returns the error if the verified delivery is not the tenant's. */
  #compare(webhook: VerifiedWebhook, tenant: string): WebhookError | undefined {
    if (this.#nameIn(webhook) === tenant) return undefined;
    return new WebhookError(
      'ERR_WEBHOOK_TENANT_MISMATCH',
      'The verified body does not name the tenant whose key matched. Check that "tenantOf" returns the same for the same body.',
    );
  }

  #refuse(error: WebhookError, { requestId }: WebhookRequest, webhook?: VerifiedWebhook): WebhookError {
    const facts = { request: requestId, ...(webhook && { id: webhook.id }) };
    return this.#refusals.refuse(error, systemClock.monotonic(), facts);
  }

  #ownerOf(delivery: string | VerifiedWebhook): Verifier {
    const owner = typeof delivery === 'string' ? undefined : this.#owners.get(delivery);
    if (owner === undefined) throw notOfOneTenant();
    return owner;
  }
}

class UnverifiedBody implements NamingBody {
  readonly body: Uint8Array;

  constructor(body: Uint8Array) {
    this.body = body;
  }
  text(): string {
    return decodeUtf8(this.body);
  }
  json<T = unknown>(): T {
    // Anyone can send it, so what is expensive to parse is not parsed.
    const parsed = checkJsonSize(this.body) ? parseJsonBody(this.body) : undefined;
    if (parsed === undefined) throw new SyntaxError('The body is not JSON.');
    return parsed.value as T;
  }
  form(): URLSearchParams {
    return new URLSearchParams(this.text());
  }
}

function unknownTenant(): WebhookError {
  return new WebhookError(
    'ERR_WEBHOOK_SIGNATURE_MISMATCH',
    'The body names no known tenant. If the tenant may exist later, throw in the function that returns its verifier.',
  );
}

function notReady(message: string, cause?: unknown): WebhookError {
  return new WebhookError('ERR_WEBHOOK_NOT_READY', message, {
    cause,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}

function notOfOneTenant(): WebhookError {
  return configError("This verifier is for all tenants. Call the method of the tenant's own verifier.");
}
