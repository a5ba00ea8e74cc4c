import 'reflect-metadata';
import type { WebhookRouteOptions } from './webhook-module-options.ts';

/** Which verifier a route wants, and how. */
export interface WebhookTarget {
  /** Where there is none, the guard stands without the decorator: it means the only verifier. */
  readonly name: string | undefined;
  readonly options: WebhookRouteOptions;
}

const TARGET_METADATA = 'countersign:webhook-target';
/** What `@UseGuards()` leaves behind; its name is no public export of Nest. */
const GUARDS_METADATA = '__guards__';
const ONLY_VERIFIER: WebhookTarget = { name: undefined, options: {} };

/** Decorates a method or a class with a target. */
export function setTarget(target: WebhookTarget): MethodDecorator & ClassDecorator {
  return (place: object, methodName?: string | symbol, descriptor?: PropertyDescriptor) => {
    if (methodName === undefined || descriptor === undefined) {
      Reflect.defineMetadata(TARGET_METADATA, target, place);
      return;
    }
    Reflect.defineMetadata(TARGET_METADATA, target, descriptor.value);
    // By its name too: another decorator may put a function in its place that has nothing of this one.
    Reflect.defineMetadata(TARGET_METADATA, target, place, methodName);
  };
}

/** Whether the method of that name was decorated, where it is defined. */
export function isDecorated(prototype: object, methodName: string): boolean {
  let owner: object | null = prototype;
  while (owner !== null && !Object.hasOwn(owner, methodName)) owner = Object.getPrototypeOf(owner);
  return owner !== null && Reflect.hasOwnMetadata(TARGET_METADATA, owner, methodName);
}

/** What protects a handler: the nearest decorator, or the bare guard. `undefined`: it is no webhook. */
export function webhookTarget(
  handler: object,
  controller: object,
  isWebhookGuard: (guard: unknown) => boolean,
): WebhookTarget | undefined {
  const places = [handler, controller];
  for (const place of places) {
    const target: WebhookTarget | undefined = Reflect.getMetadata(TARGET_METADATA, place);
    if (target !== undefined) return target;
  }
  const guards = places.flatMap((place): unknown[] => Reflect.getMetadata(GUARDS_METADATA, place) ?? []);
  return guards.some(isWebhookGuard) ? ONLY_VERIFIER : undefined;
}
