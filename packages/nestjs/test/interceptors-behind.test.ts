import { expect, it } from 'vitest';
import { decorateClass, decorateMethod } from '../../../test/support/mounts/nest-decorate.ts';
import { serve, signed, watchedVerifier } from './support/app.ts';
import { describeNest } from './support/setups.ts';

// Interceptors run behind the guard, which has read the body. Nest's own ones parse uploads.

const FORM =
  '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' +
  '--x\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\n\r\ncontent\r\n--x--\r\n';
const MULTIPART = 'multipart/form-data; boundary=x';

describeNest(
  (setup) => {
    const { nest } = setup;

    it.each(['AnyFilesInterceptor', 'FileInterceptor', 'FilesInterceptor', 'FileFieldsInterceptor'] as const)(
      '%s parses the verified bytes, and leaves what is no upload',
      async (name) => {
        const { verifier, types } = watchedVerifier();
        const { Body, Controller, Post, Req, UseInterceptors } = nest().common;
        const argument = name === 'FileFieldsInterceptor' ? [{ name: 'file' }] : 'file';
        const interceptor = Reflect.apply(nest().express[name], undefined, [argument]);
        class Hooks {
          take(body: Record<string, unknown>, { file, files }: { file?: Upload; files?: unknown }) {
            const uploads = [file, files].flat().flatMap((each) => each ?? []) as (
              | Upload
              | { file: Upload[] }
            )[];
            const texts = uploads.flatMap((each) => ('buffer' in each ? [each] : each.file));
            return {
              fields: Buffer.isBuffer(body) ? body.toString() : { ...body },
              uploads: texts.map(({ buffer }) => buffer.toString()),
            };
          }
        }
        decorateMethod(
          Hooks,
          'take',
          [Post(), nest().adapter.VerifyWebhook('anchor'), UseInterceptors(interceptor)],
          [Body(), Req()],
        );
        decorateClass(Hooks, [Controller('hooks')]);
        const { post } = await serve(setup, {
          webhooks: { verifiers: { anchor: verifier } },
          controllers: [Hooks],
        });

        const sent = { ...signed(FORM), 'content-type': MULTIPART };
        expect(await post('/hooks', FORM, sent)).toEqual({
          status: 201,
          text: '{"fields":{"a":"1"},"uploads":["content"]}',
        });
        expect(await post('/hooks', '{"id":1}')).toEqual({
          status: 201,
          text: '{"fields":"{\\"id\\":1}","uploads":[]}',
        });
        expect(await post('/hooks', FORM, { 'content-type': MULTIPART })).toMatchObject({ status: 401 });
        expect(types()).toContain('committed');
      },
    );
  },
  ['express'],
);

interface Upload {
  readonly buffer: Buffer;
}
