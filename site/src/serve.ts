import { existsSync, readFileSync, statSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { SITE } from './project.ts';

const TYPES: Readonly<Record<string, string>> = {
  ...{ '.html': 'text/html; charset=utf-8', '.md': 'text/markdown; charset=utf-8', '.txt': 'text/plain' },
  ...{ '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.png': 'image/png' },
  ...{ '.json': 'application/json', '.xml': 'application/xml', '.woff2': 'font/woff2' },
};

/** The file of a path of the site, as a host with clean URLs finds it. */
export function fileAt(site: string, path: string): string | undefined {
  const base = new URL(SITE).pathname;
  if (!path.startsWith(base)) return undefined;
  const inside = normalize(`/${decodeURIComponent(path.slice(base.length))}`);
  const candidates = [inside, `${inside}.html`, join(inside, 'index.html')].map((each) => join(site, each));
  return candidates.find((file) => existsSync(file) && statSync(file).isFile());
}

/** Serves the built site, for tests and measurements. */
export function siteListener(site: string): RequestListener {
  return (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const file = fileAt(site, pathname);
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
    response.end(readFileSync(file));
  };
}
