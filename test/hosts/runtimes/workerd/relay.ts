import { connect, createServer, type Server, type Socket } from 'node:net';
import { FRAME, frame, readFrames } from './relay-socket.ts';

/** Opens the sockets that the cases in a Worker use. */
export function createRelay(): Server {
  return createServer((worker) => {
    worker.setNoDelay(true);
    worker.on('error', () => undefined);
    let client: Socket | undefined;
    readFrames(worker, (type, content) => {
      if (type === FRAME.connect) client = open(Number(content), worker);
      else if (type === FRAME.data) client?.write(content);
      else if (type === FRAME.end) client?.end();
      else if (type === FRAME.pause) client?.pause();
      else if (type === FRAME.resume) client?.resume();
      else if (type === FRAME.reset) client?.resetAndDestroy();
      else if (type === FRAME.destroy) client?.destroy();
    });
    worker.on('close', () => client?.destroy());
  });
}

function open(port: number, worker: Socket): Socket {
  const tell = (type: number, content?: Uint8Array) => {
    if (worker.writable) worker.write(frame(type, content));
  };
  return connect({ port, host: '127.0.0.1', noDelay: true })
    .on('connect', () => tell(FRAME.connected))
    .on('data', (chunk) => tell(FRAME.data, chunk))
    .on('end', () => tell(FRAME.end))
    .on('close', () => tell(FRAME.closed))
    .on('error', () => undefined);
}
