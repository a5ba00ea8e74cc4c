import type { DeliveryDetail, DeliveryList, ListUpdate } from '../src/wire.ts';

/** Calls the API below the address of the page, which contains the token. */
const base = new URL('api/', location.href);

async function call(path: string, method = 'GET'): Promise<Response> {
  const response = await fetch(new URL(path, base), { method });
  if (response.ok) return response;
  let message = `The inspector responded with ${response.status}.`;
  try {
    message = (await response.json()).error ?? message;
  } catch {
    // Not JSON.
  }
  throw new Error(message);
}

export async function loadList(): Promise<DeliveryList> {
  return (await call('deliveries')).json();
}

export async function loadDetail(id: number): Promise<DeliveryDetail> {
  return (await call(`deliveries/${id}`)).json();
}

export async function loadBody(id: number): Promise<Uint8Array> {
  return new Uint8Array(await (await call(`deliveries/${id}/body`)).arrayBuffer());
}

/** Returns the id of the new delivery. */
export async function replay(id: number): Promise<number> {
  return (await (await call(`deliveries/${id}/replay`, 'POST')).json()).id;
}

export async function clear(): Promise<void> {
  await call('clear', 'POST');
}

/** Calls `onOpen` with each new connection: updates before it may be missing. */
export function watch(onOpen: () => void, onUpdate: (update: ListUpdate) => void, onLost: () => void): void {
  const events = new EventSource(new URL('events', base));
  events.onopen = onOpen;
  events.onmessage = ({ data }) => onUpdate(JSON.parse(data));
  events.onerror = onLost;
}
