import { Inject, Module, type OnModuleDestroy } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { ENDPOINTS, type WebhookEndpoints } from './webhook-endpoints.ts';

/**
 * Waits for commits and releases when the application shuts down. Nest destroys modules one after the other, by their distance from
 * the root module, and clients of replay stores are usually closed in `onModuleDestroy`: so a module that does this must be the first.
 */
class DrainModule implements OnModuleDestroy {
  static readonly distance: number;
  readonly #module: ModuleRef;

  constructor(@Inject(ModulesContainer) modules: ModulesContainer, @Inject(ModuleRef) module: ModuleRef) {
    this.#module = module;
    const { distance } = new.target;
    for (const each of modules.values()) if (each.metatype === new.target) each.distance = distance;
  }

  async onModuleDestroy(): Promise<void> {
    await this.#module.get<WebhookEndpoints>(ENDPOINTS, { strict: false }).drain();
  }
}

/** Since Nest 11 the module that is nearest to the root module is the first. */
@Module({})
class NearestModule extends DrainModule {
  static override readonly distance = -1;
}

/** In Nest 10 the farthest one is. */
@Module({})
class FarthestModule extends DrainModule {
  static override readonly distance = Number.MAX_VALUE;
}

/** Whichever is destroyed later finds that nothing is left to wait for. */
export const DRAIN_MODULES = [NearestModule, FarthestModule];
