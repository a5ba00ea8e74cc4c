import type { Type } from '@nestjs/common';

/**
 * Decorates a method and its parameters, as the syntax would: by hand, because here the decorators come from a major of Nest that
 * is known only when the tests run.
 */
export function decorateMethod(
  controller: Type,
  name: string,
  decorators: readonly MethodDecorator[],
  parameters: readonly ParameterDecorator[] = [],
): void {
  const descriptor = Object.getOwnPropertyDescriptor(controller.prototype, name);
  if (descriptor === undefined) throw new TypeError(`${controller.name} has no method ${name}`);
  parameters.forEach((decorate, index) => {
    decorate(controller.prototype, name, index);
  });
  // From the last to the first, like decorators above a method.
  for (const decorate of decorators.toReversed()) decorate(controller.prototype, name, descriptor);
}

export function decorateClass(target: Type, decorators: readonly ClassDecorator[]): void {
  for (const decorate of decorators.toReversed()) decorate(target);
}
