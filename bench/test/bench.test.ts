import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { interleave, turns } from '../src/measure/interleave.ts';
import { quantile } from '../src/measure/quantile.ts';
import { differences, isEqual, printRatio, ratios, spreadOf } from '../src/measure/spread.ts';
import { atLeast, atMost, type Report } from '../src/report/report.ts';
import { writeReport } from '../src/report/write.ts';

const NAMES = [
  'verify',
  'kinds',
  'keys',
  'http',
  'flood',
  'refusals',
  'replay',
  'stores',
  'reload',
  'tenants',
  'rotation',
  'recover',
  'timing',
  'observe',
  'start',
];

describe('the command', () => {
  it.each([[['nosuch']], [['verify', 'nosuch']], [['toString']]])(
    'given %j lists the benchmarks that there are, and runs none',
    async (names) => {
      const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
      const child = spawn(process.execPath, ['--import=tsx', main, ...names], { cwd: import.meta.dirname });
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (chunk) => {
        stdout += chunk;
      });
      child.stderr.on('data', (chunk) => {
        stderr += chunk;
      });
      const [code] = await once(child, 'close');
      expect(code).toBe(1);
      expect(stderr).toContain(`There are: ${NAMES.join(', ')}.`);
      expect(stderr).toContain(`called ${names[names.length - 1]}.`);
      expect(stdout).toBe('');
    },
  );
});

describe('the statistics', () => {
  it('take quantiles in proportion, whatever the order', () => {
    expect(quantile([5, 1, 3], 0.5)).toBe(3);
    expect(quantile([4, 1, 2, 3], 0.5)).toBe(2.5);
    expect(spreadOf([50, 10, 40, 20, 30])).toEqual({ low: 20, median: 30, high: 40 });
    expect(quantile([], 0.5)).toBeNaN();
  });

  it('compare round by round, so that a slow round affects all contenders alike', () => {
    const base = [1, 100, 1, 1, 7];
    const own = [2, 200, 2, 2, 14];
    expect(ratios(own, base)).toEqual({ low: 2, median: 2, high: 2 });
    expect(differences([2, 101, 2, 2, 8], base)).toEqual({ low: 1, median: 1, high: 1 });
    // The quotient of the medians would hide that it is slower in most rounds.
    expect(ratios([3, 3, 3, 30, 30], [1, 1, 10, 10, 10]).median).toBe(3);
  });

  it('call equal what differs by less than the spread', () => {
    expect(isEqual(ratios([9, 11, 10, 12, 8], [10, 10, 10, 10, 10]))).toBe(true);
    expect(isEqual(ratios([11, 12, 13, 12, 11], [10, 10, 10, 10, 10]))).toBe(false);
    expect(isEqual(ratios([8, 9, 9, 8, 9], [10, 10, 10, 10, 10]))).toBe(false);
    expect(isEqual(ratios([], []))).toBe(false);
  });

  it('print a ratio with its spread', () => {
    expect(printRatio({ low: 1.1, median: 1.256, high: 1.4 })).toBe('1.26 (1.10-1.40)');
    expect(printRatio({ low: 9.84, median: 12.34, high: 15 })).toBe('12.3 (9.8-15.0)');
  });

  it('judge targets at their limit, and never meet one without a number', () => {
    expect(atMost('a', 1.2, 1.2)).toMatchObject({ met: true, limit: 'at most 1.20' });
    expect(atMost('a', 1.21, 1.2).met).toBe(false);
    expect(atLeast('a', 3, 3).met).toBe(true);
    expect(atLeast('a', 2.99, 3).met).toBe(false);
    expect(atMost('a', Number.NaN, 1).met).toBe(false);
    expect(atLeast('a', Number.NaN, 1).met).toBe(false);
  });
});

describe('interleaving', () => {
  it('lets every contender begin in turn', () => {
    expect([0, 1, 2, 3].map((round) => turns(3, round))).toEqual([
      [0, 1, 2],
      [1, 2, 0],
      [2, 0, 1],
      [0, 1, 2],
    ]);
  });

  it('measures each contender in each round, and awaits promises', async () => {
    let open = 0;
    let most = 0;
    const slow = async () => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setImmediate(resolve));
      open--;
    };
    const rounds = await interleave(
      [
        { name: 'a', run: () => undefined },
        { name: 'b', run: slow },
      ],
      { rounds: 3, sliceMs: 1 },
    );
    expect(rounds.map((own) => own.length)).toEqual([3, 3]);
    expect(rounds.flat().every((microseconds) => microseconds > 0)).toBe(true);
    expect(most).toBe(1);
  });
});

describe('a report', () => {
  const report: Report = {
    title: 'A benchmark',
    head: ['How to read it.'],
    tables: [{ caption: 'Numbers', columns: ['who', 'µs'], rows: [['a | b', '1.00']] }],
    charts: [
      {
        title: 'A chart',
        unit: 'µs',
        categories: ['one', 'two'],
        series: [{ name: 'a contender', values: [1, undefined] }],
      },
    ],
    targets: [atMost('fast', 2, 1)],
    omitted: ['Redis: no server of it was found.'],
    faults: [],
  };

  it('is written as Markdown, with the run in its head, and as a picture', async () => {
    const directory = await scratch();
    const text = await writeReport(directory, 'one', report, ['2 x a processor', 'Node 20', 'Commit abc']);
    expect(await readFile(join(directory, 'one.md'), 'utf8')).toBe(text);
    expect(text).toMatch(/^# A benchmark\n\n- 2 x a processor\n- Node 20\n- Commit abc\n/);
    expect(text).toContain('| a \\| b | 1.00 |');
    expect(text).toContain('| fast | at most 1.00 | 2.00 | missed |');
    expect(text).toContain('- Redis: no server of it was found.');
    expect(text).toContain('![A benchmark](one.svg)');
    const picture = await readFile(join(directory, 'one.svg'), 'utf8');
    expect(picture).toMatch(/^<svg /);
    for (const label of ['A chart (µs)', 'one', 'two', 'a contender'])
      expect(picture).toContain(`>${label}<`);
  });

  it('without charts leaves no old picture behind', async () => {
    const directory = await scratch();
    await writeReport(directory, 'one', report, []);
    const text = await writeReport(directory, 'one', { ...report, charts: [] }, []);
    expect(text).not.toContain('.svg');
    expect(await readdir(directory)).toEqual(['one.md']);
  });
});

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-bench-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}
