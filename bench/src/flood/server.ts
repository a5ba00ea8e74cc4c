import { host } from '../servers/host.ts';
import { receivers } from './receivers.ts';

const [framework = '', receiver = ''] = process.argv.slice(2);
const mount = receivers[framework]?.[receiver];
if (mount === undefined) throw new Error(`There is no "${receiver}" in "${framework}".`);
host(await mount());
