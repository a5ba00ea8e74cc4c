import { MISTAKES } from './support/mistakes.ts';
import { explain } from '@countersign/explain';
import { defineScheme } from '@countersign/core';
import { stripe } from '@countersign/schemes';
const {definition:d} = stripe();
const {list, ...sig} = (d.signed as any).signature;
for (const c of ['{body}','{body}{timestamp}'])
try { const {timestamp, ...rest} = d.signed as any; defineScheme({name:d.name, secret:d.secret, delivery:d.delivery, identity:'content', signed:{safeBecause:'x x x x', ...rest, ...(c.includes('time')?{timestamp}:{}), content:c}} as never); console.log('ok') } catch(e) {console.log((e as Error).message)}
for (const m of MISTAKES.filter(m=>m.name.startsWith(process.argv[2]!))) for (const [i,s] of m.senders.entries()) { const e = await explain(await m.make(s,i)); console.log(s.name, e.text()); }
