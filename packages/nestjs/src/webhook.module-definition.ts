import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { WebhookModuleOptions } from './webhook-module-options.ts';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<WebhookModuleOptions>({ moduleName: 'Webhook' })
    .setClassMethodName('forRoot')
    .build();
