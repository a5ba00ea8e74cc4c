import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { github, stripe } from '@countersign/schemes';
import { generateSigningKeys } from '@countersign/testing';
import { expect, test } from 'vitest';
import { resolveTarget } from '../../packages/cli/src/check/target.ts';
import { portOf } from '../support/listen.ts';
import { github as githubFormula, receive, stepsOf, stripe as stripeFormula } from './receivers/by-hand.ts';
import { onExpress, onNode } from './receivers/hosts.ts';
import { OURS } from './receivers/ours.ts';
import { command, fileIn, withFolder } from './run-check.ts';

const CANARY = 'canary-5d0c5a3f9b7e48c6a1';
const QUICK = ['--only', 'other-secret', '--only', 'duplicate'];

test('exit code 0, and a report in words, for a receiver without a fault', async () => {
  await withFolder(async (folder) => {
    const ran = `${folder}/ran`;
    const receiver = await OURS.express?.(github())({ secret: CANARY, ran });
    const { exitCode, stdout, stderr } = await command(
      [
        'check',
        'github',
        '--to',
        `http://127.0.0.1:${receiver?.port}/hooks`,
        '--secret-env',
        'S',
        '--ran',
        ran,
        ...QUICK,
      ],
      { S: CANARY },
    );
    await receiver?.close();
    expect(exitCode).toBe(0);
    expect(stdout).toContain('3 rows: 3 ok, 0 faults, 0 not judged.');
    expect(stdout).toMatch(/That a handler does not run can only be seen by waiting: \d+ ms/);
    expect(stderr).toContain('Real deliveries with ids that begin with "check_" are sent');
  });
});

test('exit code 1, and what was seen, why and how to fix it, for a fault', async () => {
  const steps = stepsOf(githubFormula, { verify: () => true });
  await withFolder(async (folder) => {
    const ran = `${folder}/ran`;
    const receiver = await onNode((request) => receive(request, steps, { secret: CANARY, ran }));
    const args = [
      'check',
      'github',
      '--to',
      `http://127.0.0.1:${receiver.port}/hooks`,
      '--secret-env',
      'S',
      ...QUICK,
    ];
    const counted = await command([...args, '--ran', ran], { S: CANARY });
    const uncounted = await command(args, { S: CANARY });
    await receiver.close();
    expect(counted.exitCode).toBe(1);
    expect(counted.stdout).toMatch(
      /critical {2}other-secret\n {2}Expected: .*\n {2}Seen: answered 200; the handler ran once\.\n {2}Why it matters: Anybody who knows the URL can make up events\.\n {2}Fix: /,
    );
    expect(uncounted.exitCode).toBe(1);
    expect(uncounted.stdout).toContain('answered 200; runs were not counted');
  });
});

test('without --ran, rows about runs are not judged, and the report says so', async () => {
  const steps = stepsOf(githubFormula, { claim: () => true });
  await withFolder(async (folder) => {
    const receiver = await onNode((request) =>
      receive(request, steps, { secret: CANARY, ran: `${folder}/ran` }),
    );
    const { exitCode, stdout } = await command(
      [
        'check',
        'github',
        '--to',
        `http://127.0.0.1:${receiver.port}/hooks`,
        '--secret-env',
        'S',
        '--json',
        ...QUICK,
      ],
      { S: CANARY },
    );
    await receiver.close();
    expect(exitCode).toBe(0);
    const { rows, runsCounted } = JSON.parse(stdout);
    expect(runsCounted).toBe(false);
    expect(
      rows.map(({ name, verdict, seen, runsJudged }: Record<string, unknown>) => [
        name,
        verdict,
        seen,
        runsJudged,
      ]),
    ).toEqual([
      ['genuine', 'ok', 'answered 200; runs not judged', false],
      ['other-secret', 'ok', 'answered 401; runs not judged', false],
      ['duplicate', 'not judged', 'runs were not counted: pass --ran', false],
    ]);
  });
});

test('runs are counted at a URL, too', async () => {
  let runs = 0;
  const counter = createServer((_request, response) => void response.end(String(runs)));
  await new Promise<void>((resolve) => {
    counter.listen(0, '127.0.0.1', resolve);
  });
  const steps = stepsOf(githubFormula, { claim: () => true, handle: () => void runs++ });
  const receiver = await onNode((request) => receive(request, steps, { secret: CANARY, ran: '' }));
  const args = [
    'check',
    'github',
    '--to',
    `http://127.0.0.1:${receiver.port}/hooks`,
    '--secret-env',
    'S',
    '--json',
    ...QUICK,
  ];
  const { stdout } = await command([...args, '--ran', `http://localhost:${portOf(counter)}/`], { S: CANARY });
  const wrong = await command([...args, '--ran', `http://127.0.0.1:${receiver.port}/`], { S: CANARY });
  await receiver.close();
  await new Promise((resolve) => counter.close(resolve));
  expect(JSON.parse(stdout).rows.at(-1)).toMatchObject({ name: 'duplicate', verdict: 'fault' });
  expect(wrong.exitCode).toBe(2);
  expect(wrong.stderr).toContain('did not return a number');
});

test('a handler that runs a while after its answer is waited for', async () => {
  const steps = stepsOf(githubFormula, {
    handle: (ran, body) => void setTimeout(() => void stepsOf(githubFormula).handle(ran, body), 120),
  });
  await withFolder(async (folder) => {
    const ran = `${folder}/ran`;
    const receiver = await onNode((request) => receive(request, steps, { secret: CANARY, ran }));
    const { exitCode, stdout } = await command(
      [
        'check',
        'github',
        '--to',
        `http://127.0.0.1:${receiver.port}/hooks`,
        '--secret-env',
        'S',
        '--ran',
        ran,
        '--settle',
        '5',
        ...QUICK,
        '--only',
        'late-runs',
      ],
      { S: CANARY },
    );
    await receiver.close();
    expect({ exitCode, stdout }).toMatchObject({ exitCode: 0 });
  });
});

test('exit code 2 and one sentence if the receiver is down', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  const { exitCode, stdout, stderr } = await command(
    ['check', 'github', '--to', `http://127.0.0.1:${port}/hooks`, '--secret-env', 'S'],
    { S: CANARY },
  );
  expect({ exitCode, stdout, stderr }).toEqual({
    exitCode: 2,
    stdout: '',
    stderr: `countersign: Nothing listens at http://127.0.0.1:${port}/hooks. Start the receiver, or correct --to.\n`,
  });
});

test.each([
  [['check', 'github'], 'required option'],
  [['check', 'github', '--to', 'nonsense'], '--to is not a URL'],
  [['check', 'githup', '--to', 'http://127.0.0.1:1/'], 'Did you mean "github"?'],
  [['check', 'github', '--to', 'http://93.184.216.34/hooks'], 'add --allow-host 93.184.216.34'],
  [
    ['check', 'github', '--to', 'http://169.254.169.254/hooks'],
    'neither on this machine nor in a private network',
  ],
  [
    ['check', 'github', '--to', 'http://[2001:db8::1]/hooks'],
    'neither on this machine nor in a private network',
  ],
  [
    ['check', 'github', '--to', 'http://[::ffff:93.184.216.34]/hooks'],
    'neither on this machine nor in a private network',
  ],
  [['check', 'github', '--to', 'ftp://127.0.0.1/'], 'must begin with http'],
])('%s: exit code 2', async (args, message) => {
  const { exitCode, stderr } = await command([...args, '--secret-env', 'S'], { S: CANARY });
  expect(exitCode).toBe(2);
  expect(stderr).toContain(message);
});

test('a name is resolved once, and each of its addresses must be local or the name allowed', async () => {
  const receiver = await onNode(async () => ({ status: 200 }));
  const local = { address: '127.0.0.1', family: 4 };
  const answers = [[local], [{ address: '93.184.216.34', family: 4 }]];
  const resolve = async () => answers.shift() ?? [];
  const target = await resolveTarget('--to', `http://rebound.example:${receiver.port}/hooks`, [], resolve);
  expect(target).toMatchObject({ address: '127.0.0.1', port: receiver.port });
  expect(answers).toHaveLength(1);
  const mixed = async () => [local, { address: '93.184.216.34', family: 4 }];
  await expect(resolveTarget('--to', `http://mixed.example:${receiver.port}/`, [], mixed)).rejects.toThrow(
    'add --allow-host mixed.example',
  );
  await expect(
    resolveTarget('--to', `http://mixed.example:${receiver.port}/`, ['Mixed.Example'], mixed),
  ).resolves.toMatchObject({ address: '127.0.0.1' });
  await receiver.close();
});

test('no output contains a secret or a signature, however the receiver leaks them', async () => {
  const steps = stepsOf(stripeFormula, {
    refuse: (request, { secret }) => ({
      status: 500,
      body: `${secret} ${JSON.stringify(request.headers)}`,
      headers: { 'x-secret': secret },
    }),
  });
  const given: string[] = [];
  const previous = generateSigningKeys(stripe()).signingSecret;
  await withFolder(async (folder) => {
    const ran = `${folder}/ran`;
    const receiver = await onExpress((request) => {
      given.push(...(request.headers['stripe-signature']?.match(/[0-9a-f]{64}/g) ?? []));
      return receive(request, steps, { secret: CANARY, previous, ran });
    });
    const junit = `${folder}/report.xml`;
    const url = `http://user:${CANARY}@127.0.0.1:${receiver.port}/hooks?token=${CANARY}`;
    const outputs: string[] = [];
    for (const more of [[], ['--json']]) {
      const { exitCode, stdout, stderr } = await command(
        [
          'check',
          'stripe',
          '--to',
          url,
          '--secret-env',
          'S',
          '--ran',
          ran,
          '--settle',
          '5',
          '--junit',
          junit,
          ...more,
        ],
        { S: CANARY, S_PREVIOUS: previous },
      );
      expect(exitCode).toBe(1);
      outputs.push(stdout, stderr);
    }
    outputs.push(await readFile(junit, 'utf8'));
    await receiver.close();
    const [all] = [outputs.join('\n')];
    expect(all).toContain('leak-secret');
    expect(all).not.toContain(CANARY);
    expect(all).not.toContain(previous);
    expect(given.length).toBeGreaterThan(50);
    expect(given.filter((signature) => all.includes(signature))).toEqual([]);
  });
});

test('--junit writes XML that a parser reads, with a failure for each fault', async () => {
  const steps = stepsOf(githubFormula, { verify: () => true, claim: () => true });
  await withFolder(async (folder) => {
    const [ran, junit] = [`${folder}/ran`, `${folder}/report.xml`];
    const receiver = await onNode((request) => receive(request, steps, { secret: CANARY, ran }));
    const { stdout } = await command(
      [
        'check',
        'github',
        '--to',
        `http://127.0.0.1:${receiver.port}/ho"<&>oks`,
        '--secret-env',
        'S',
        '--ran',
        ran,
        '--settle',
        '5',
        '--junit',
        junit,
        '--json',
        ...QUICK,
        '--only',
        'previous-secret',
      ],
      { S: CANARY },
    );
    await receiver.close();
    const { summary } = JSON.parse(stdout);
    const script = await fileIn(
      folder,
      'read.py',
      'import json, sys, xml.etree.ElementTree as t\ns = t.parse(sys.argv[1]).getroot().find("testsuite")\nprint(json.dumps({"a": s.attrib, "n": len(s.findall("testcase")), "f": [f.text for f in s.iter("failure")], "s": len(list(s.iter("skipped")))}))',
    );
    const read = JSON.parse(execFileSync('python3', [script, junit], { encoding: 'utf8' }));
    expect(read.a).toMatchObject({
      tests: String(read.n),
      failures: String(summary.fault),
      skipped: String(summary.notJudged),
      errors: '0',
    });
    expect({ ...summary, n: read.n }).toMatchObject({ fault: read.f.length, notJudged: read.s, n: 4 });
    expect(read.a.name).toContain('/ho%22%3C&%3Eoks');
  });
});

test('a receiver that never responds is given up on in time', async () => {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { exitCode, stdout } = await command(
    [
      'check',
      'github',
      '--to',
      `http://127.0.0.1:${portOf(server)}/hooks`,
      '--secret-env',
      'S',
      '--json',
      '--only',
      'previous-secret',
    ],
    { S: CANARY },
  );
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout).rows[0]).toMatchObject({
    name: 'genuine',
    verdict: 'fault',
    seen: expect.stringMatching(/^no answer within 1\d\./),
  });
});
