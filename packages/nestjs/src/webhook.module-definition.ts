import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { WebhookModuleOptions } from './webhook-module-options.ts';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<WebhookModuleOptions>({ moduleName: 'Webhook' })
    .setClassMethodName('forRoot')
    .build();

/** Whether the verifiers are the module's own: made by its factory, and closed with the application. */
export const OWNS_VERIFIERS = Symbol('countersign:owns-verifiers');
