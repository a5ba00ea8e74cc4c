import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { parse } from 'yaml';
import { REPOSITORY } from '../../.ci/project.ts';
import { ROOT } from '../consumers/packages.ts';

interface Element {
  readonly type: string;
  readonly id?: string;
  readonly attributes: {
    readonly label?: string;
    readonly value?: string;
    readonly options?: readonly string[];
  };
  readonly validations?: { readonly required?: boolean };
}

const FOLDER = join(ROOT, '.github/ISSUE_TEMPLATE');
const read = (file: string) => parse(readFileSync(join(FOLDER, file), 'utf8'));
const FORMS = readdirSync(FOLDER).filter((file) => file !== 'config.yml');

// GitHub shows no form at all if one of these does not hold.
describe.each(FORMS)('the form %s', (file) => {
  const form: { name: string; description: string; body: Element[] } = read(file);
  const inputs = form.body.filter(({ type }) => type !== 'markdown');

  it('has a name and a description of its own', () => {
    const names = FORMS.map((each) => read(each).name);
    expect(names.filter((name) => name === form.name)).toHaveLength(1);
    expect(form.description.length).toBeGreaterThan(10);
  });

  it('consists of elements that GitHub knows, each with a label and an id of its own', () => {
    for (const { type, attributes } of form.body) {
      expect(['markdown', 'input', 'textarea', 'dropdown', 'checkboxes']).toContain(type);
      expect(type === 'markdown' ? attributes.value : attributes.label, type).toMatch(/\S/);
      expect(type === 'dropdown', type).toBe(attributes.options !== undefined);
    }
    const ids = inputs.map(({ id = '' }) => id);
    expect(ids.every((id) => /^[a-z][\w-]*$/.test(id))).toBe(true);
    expect(new Set(ids).size).toBe(inputs.length);
    expect(new Set(inputs.map(({ attributes }) => attributes.label)).size).toBe(inputs.length);
  });

  it('asks for something', () => {
    expect(inputs.some(({ validations }) => validations?.required === true)).toBe(true);
  });
});

test('nobody reports a vulnerability in public by mistake', () => {
  const { blank_issues_enabled, contact_links } = read('config.yml');
  expect(blank_issues_enabled).toBe(false);
  const urls = contact_links.map(({ url }: { url: string }) => url);
  expect(urls).toContain(`${REPOSITORY}/security/advisories/new`);
  for (const { name, url, about } of contact_links) {
    expect(`${name}${about}`).toMatch(/\S/);
    expect(url.startsWith(`${REPOSITORY}/`)).toBe(true);
  }
});

test('Dependabot watches what users install and what the workflows run, in groups', () => {
  const { version, updates } = parse(readFileSync(join(ROOT, '.github/dependabot.yml'), 'utf8'));
  expect(version).toBe(2);
  const ecosystems = updates.map((each: { 'package-ecosystem': string }) => each['package-ecosystem']);
  expect(ecosystems).toEqual(['npm', 'github-actions']);
  for (const { directory, schedule, groups } of updates) {
    expect(directory).toBe('/');
    expect(schedule.interval).toBe('weekly');
    expect(Object.keys(groups)).not.toEqual([]);
  }
});
