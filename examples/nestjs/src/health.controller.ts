import type { Verifier, VerifierHealth } from '@countersign/core';
import { Controller, Get, Inject, ServiceUnavailableException } from '@nestjs/common';
import { ANCHOR } from './verifiers.module.ts';

@Controller('health')
export class HealthController {
  readonly #anchor: Verifier;

  constructor(@Inject(ANCHOR) anchor: Verifier) {
    this.#anchor = anchor;
  }

  @Get()
  health(): VerifierHealth {
    const health = this.#anchor.health();
    if (health.state === 'not-ready') throw new ServiceUnavailableException(health);
    return health;
  }
}
