import { hostsOf, type NodeLike } from './hosts.ts';
import { runSuites } from './suite.ts';

// `run-hosts RUNTIME [HOST…]`, in that runtime: the cases of all its hosts, or of those named.

const [runtime, ...asked] = process.argv.slice(2);
const hosts = hostsOf(runtime as NodeLike);
await runSuites(asked.length === 0 ? hosts : hosts.filter(({ host }) => asked.includes(host)));
