import 'reflect-metadata';
import type { WebhookRouteOptions } from './webhook-module-options.ts';

/** Which verifier a route uses, and how. */
export interface WebhookTarget {
  /** `undefined` if the guard is used without the decorator: then it uses the only verifier. */
  readonly name: string | undefined;
  readonly options: WebhookRouteOptions;
}

const TARGET_METADATA = 'countersign:webhook-target';
/** What `@UseGuards()` sets; Nest doesn't export its name. */
const GUARDS_METADATA = '__guards__';
const ONLY_VERIFIER: WebhookTarget = { name: undefined, options: {} };

/** Decorates a method or a class with a target. */
export function setTarget(target: WebhookTarget): MethodDecorator & ClassDecorator {
  return (owner: object, methodName?: string | symbol, descriptor?: PropertyDescriptor) => {
    if (methodName === undefined || descriptor === undefined) {
      Reflect.defineMetadata(TARGET_METADATA, target, owner);
      return;
    }
    Reflect.defineMetadata(TARGET_METADATA, target, descriptor.value);
    // Also by its name, because another decorator may replace the function with one that has no metadata.
    Reflect.defineMetadata(TARGET_METADATA, target, owner, methodName);
  };
}

/** Whether the method of that name was decorated in the class that defines it. */
export function isDecorated(prototype: object, methodName: string): boolean {
  let owner: object | null = prototype;
  while (owner !== null && !Object.hasOwn(owner, methodName)) owner = Object.getPrototypeOf(owner);
  return owner !== null && Reflect.hasOwnMetadata(TARGET_METADATA, owner, methodName);
}

/** What protects a handler: the nearest decorator, or the guard alone. `undefined` if it is not a webhook. */
export function webhookTarget(
  handler: object,
  controller: object,
  isWebhookGuard: (guard: unknown) => boolean,
): WebhookTarget | undefined {
  const owners = [handler, controller];
  for (const owner of owners) {
    const target: WebhookTarget | undefined = Reflect.getMetadata(TARGET_METADATA, owner);
    if (target !== undefined) return target;
  }
  const guards = owners.flatMap((owner): unknown[] => Reflect.getMetadata(GUARDS_METADATA, owner) ?? []);
  return guards.some(isWebhookGuard) ? ONLY_VERIFIER : undefined;
}
