// Texts that people leave in place of a secret, in lower case and without separators. Only whole texts count: no generated secret equals one.
const PLACEHOLDERS = new Set([
  'abc123',
  'changeit',
  'changeme',
  'changethis',
  'default',
  'empty',
  'example',
  'false',
  'fixme',
  'foobar',
  'hidden',
  'letmein',
  'masked',
  'nan',
  'nil',
  'none',
  'null',
  'passw0rd',
  'placeholder',
  'redacted',
  'removed',
  'replaceme',
  'replacethis',
  'sample',
  'tba',
  'tbd',
  'test',
  'todo',
  'true',
  'undefined',
]);

// Phrases such as "your webhook signing secret here".
const PHRASE =
  /^(?:insert|enter|paste|put|add|use|replacewith|changeto)?(?:your|my|our|the|a|some)?(?:own)?(?:super|very|top)?(?:webhooks?|signing|signature|shared|endpoint|client|app|api|hmac)*(?:secret|password|passphrase|token|key)+(?:goes)?(?:here|value|placeholder)?$/;

// Templates that were not filled in, and objects that were printed.
const TEMPLATES = [
  /^\$\{\s*[a-z_][\w.]*(?::?[-?=+][^{}]*)?\s*\}$/i,
  /^\$?\{\{[^{}]*\}\}$/,
  /^\$\([\w ./-]+\)$/,
  /^\$[A-Z_][A-Z0-9_]*$/,
  /^%[A-Z_][A-Z0-9_]*%$/,
  /^<[a-z]+(?:[ _.-][a-z]+)*>$/i,
  /^\[[a-z]+(?:[ _.-][a-z]+)*\]$/i,
];

/**
 * Whether a text is a placeholder and not a secret: `changeme`, `your-secret-here`, `${WEBHOOK_SECRET}`, `undefined`,
 * `[object Object]`, a lone prefix, a mask such as `****`. Looks at the whole text, so that a random secret is never refused.
 */
export function isPlaceholder(text: string): boolean {
  if (text.length > 128) return isMask(text);
  return isPlaceholderWord(text) || isPlaceholderWord(text.replace(/^[a-z0-9]{2,8}_/i, ''));
}

function isPlaceholderWord(text: string): boolean {
  const bare = text.toLowerCase().replace(/[\s_.-]+/g, '');
  return (
    bare === '' ||
    PLACEHOLDERS.has(bare) ||
    PHRASE.test(bare) ||
    isMask(bare) ||
    TEMPLATES.some((template) => template.test(text))
  );
}

// A repeated letter may be a test secret; these are the characters that people mask or fill a field with.
function isMask(text: string): boolean {
  return /^(.)\1{2,}$/s.test(text) && '*x.-_#?0\0'.includes(text.charAt(0).toLowerCase());
}
