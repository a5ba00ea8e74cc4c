// The process under test: one contender in one framework, as it would run by itself.
import { host } from '../servers/host.ts';
import { contenders } from './contenders.ts';
import { frameworks } from './frameworks.ts';
import { works } from './work.ts';

const [frameworkName = '', contenderName = '', workName = ''] = process.argv.slice(2);
const framework = frameworks[frameworkName];
const contender = contenders.find(({ name }) => name === contenderName);
const work = works[workName];
if (framework === undefined || contender === undefined || work === undefined) {
  throw new Error(`There is no "${contenderName}" in "${frameworkName}" with "${workName}".`);
}
host(await contender.mount(framework, work));
