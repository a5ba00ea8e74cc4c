import type { VerifierHealth } from '@countersign/core';
import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { anchor } from './verifiers.ts';

@Controller('health')
export class HealthController {
  @Get()
  health(): VerifierHealth {
    const health = anchor.health();
    if (health.state === 'not-ready') throw new ServiceUnavailableException(health);
    return health;
  }
}
