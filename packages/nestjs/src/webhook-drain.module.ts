import { Inject, Module, type OnModuleDestroy } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { WebhookEndpoints } from './webhook-endpoints.ts';

/**
 * Waits for commits and releases when the application shuts down. Nest destroys modules one after the other, by their distance from
 * the root module, and clients of replay stores are usually closed in `onModuleDestroy`: so this module must be the first.
 */
@Module({})
export class WebhookDrainModule implements OnModuleDestroy {
  readonly #module: ModuleRef;

  constructor(@Inject(ModulesContainer) modules: ModulesContainer, @Inject(ModuleRef) module: ModuleRef) {
    this.#module = module;
    for (const each of modules.values()) if (each.metatype === WebhookDrainModule) each.distance = -1;
  }

  async onModuleDestroy(): Promise<void> {
    await this.#module.get(WebhookEndpoints, { strict: false }).drain();
  }
}
