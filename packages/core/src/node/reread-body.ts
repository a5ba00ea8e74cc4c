import type { IncomingMessage } from 'node:http';

/**
 * Lets parsers behind the verifier, for example multer and koa-body, read the verified bytes: the request itself has been read, so
 * they would wait for it forever. Parsers that look first, for example express.json(), still see that nothing is left to read.
 */
export function allowReread(incoming: IncomingMessage, body: Uint8Array): void {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const { on } = incoming;
  const listen = (event: string | symbol, listener: (...args: never[]) => void) => {
    Reflect.apply(on, incoming, [event, listener]);
    // Not at once: readers listen for the end, and for errors, after the data.
    if (event === 'data') process.nextTick(emitBody);
    return incoming;
  };
  const emitBody = () => {
    if (incoming.listenerCount('data') === 0) return;
    if (bytes.byteLength > 0) incoming.emit('data', bytes);
    incoming.emit('end');
  };
  incoming.on = listen as typeof incoming.on;
  incoming.addListener = listen as typeof incoming.on;
  incoming.pipe = ((destination: NodeJS.WritableStream, options?: { end?: boolean }) => {
    if (bytes.byteLength > 0) destination.write(bytes);
    if (options?.end !== false) destination.end();
    return destination;
  }) as typeof incoming.pipe;
}
