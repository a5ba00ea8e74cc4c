import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.ts';
import { anchor } from './verifiers.ts';

await anchor.ready();

const app = await NestFactory.create(AppModule);
// Deliveries that are being handled come to their end; then the module closes the verifier.
app.enableShutdownHooks();
await app.listen(Number(process.env.PORT ?? 3000));
console.log(`listening on ${await app.getUrl()}`);
