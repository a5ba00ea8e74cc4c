export {
  type DurableObjectNamespaceLike,
  type DurableObjectReplayStore,
  type DurableObjectReplayStoreOptions,
  durableObjectReplayStore,
} from './durable-object-replay-store.ts';
export { CountersignReplay, type ObjectState } from './replay-object.ts';
