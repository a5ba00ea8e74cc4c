// The process under test: one contender in one framework, as it would run by itself.
import { host } from '../servers/host.ts';
import { contenders } from './contenders.ts';
import { frameworks } from './frameworks.ts';

const [frameworkName = '', contenderName = ''] = process.argv.slice(2);
const framework = frameworks[frameworkName];
const contender = contenders.find(({ name }) => name === contenderName);
if (framework === undefined || contender === undefined) {
  throw new Error(`There is no "${contenderName}" in "${frameworkName}".`);
}
host(await contender.mount(framework));
