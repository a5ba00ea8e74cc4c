import type { Delivery } from '../delivery.ts';
import { isInformational, statusOf } from './framing.ts';
import { KeptBody } from './kept-body.ts';
import type { MessageHead } from './message-reader.ts';

/** The largest body that is kept and verified. No sender of the catalogue sends a larger one. */
const MAX_REQUEST_BYTES = 32 * 1024 * 1024;
const MAX_RESPONSE_BYTES = 1024 * 1024;

/** One request and its response, as they pass by. */
export class Exchange {
  readonly delivery: Delivery;
  readonly #request = new KeptBody(MAX_REQUEST_BYTES);
  readonly #response = new KeptBody(MAX_RESPONSE_BYTES);
  readonly #judge: (delivery: Delivery) => Promise<void>;
  readonly #over: (delivery: Delivery) => void;
  #responseHead: MessageHead | undefined;
  #judged: Promise<void> | undefined;
  #isOver = false;

  /**
   * @param judge Verifies the delivery. Called when its whole body has arrived.
   * @param over Called once, when nothing more will happen to it.
   */
  constructor(
    delivery: Delivery,
    judge: (delivery: Delivery) => Promise<void>,
    over: (delivery: Delivery) => void,
  ) {
    this.delivery = delivery;
    this.#judge = judge;
    this.#over = over;
  }

  get method(): string {
    return this.delivery.head.method;
  }
  /** Whether the whole request has arrived. */
  get isReceived(): boolean {
    return this.#judged !== undefined;
  }
  get hasResponse(): boolean {
    return this.#responseHead !== undefined;
  }

  requestData(data: Buffer): void {
    this.#request.add(data);
    // Only a whole body can be verified.
    if (!this.#request.isWhole) this.#request.clear();
  }

  requestEnded(): void {
    const request = this.#request;
    if (request.isWhole) {
      this.delivery.note('forwarded', { body: request.take(), note: `${request.total} bytes of body` });
      this.#judged = this.#judge(this.delivery);
      return;
    }
    const message = `The body has ${request.total} bytes. It was passed on, but only bodies of up to ${MAX_REQUEST_BYTES} bytes are kept and verified.`;
    this.delivery.note('forwarded', { verdict: { state: 'unchecked', message } });
    this.#judged = Promise.resolve();
  }

  responseHead(head: MessageHead): void {
    if (isInformational(head)) return;
    this.#responseHead = head;
  }

  responseData(data: Buffer): void {
    this.#response.add(data);
  }

  responseEnded(): void {
    const head = this.#responseHead;
    if (head === undefined) return;
    const response = this.#response;
    this.delivery.note('responded', {
      note: `with status ${statusOf(head)}`,
      response: {
        status: statusOf(head),
        statusMessage: head.startLine.slice('HTTP/1.1 200 '.length),
        rawHeaders: head.rawHeaders,
        body: response.take(),
        ...(response.isWhole ? {} : { bodyBytes: response.total }),
      },
    });
    this.#end();
  }

  /** It ends before the response has ended. */
  breakOff(why: string, status?: number): void {
    if (this.#isOver) return;
    if (this.#judged === undefined)
      this.delivery.update({
        verdict: { state: 'unchecked', message: 'The request did not arrive completely.' },
      });
    this.delivery.note('broken off', {
      failure: why,
      note: why,
      ...(status === undefined ? {} : { response: { status } }),
    });
    this.#end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#request.clear();
    this.#response.clear();
    void (this.#judged ?? Promise.resolve()).then(() => this.#over(this.delivery));
  }
}
