import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { WebhookModuleOptions } from './webhook-module-options.ts';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<WebhookModuleOptions>({ moduleName: 'Webhook' })
    .setClassMethodName('forRoot')
    .build();

/** Whether the module's factory made the verifiers, so that the module closes them with the application. */
export const OWNS_VERIFIERS = Symbol('countersign:owns-verifiers');
