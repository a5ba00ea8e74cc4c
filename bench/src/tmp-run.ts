import { endpointCases } from '/tmp/w/replace/bench/src/rotation/endpoint-cases.ts';
import { measureEndpointGap } from '/tmp/w/replace/bench/src/rotation/endpoint-gap.ts';
for (const source of ['watched','pulled'] as const) {
  const gaps = await Promise.all(endpointCases.map((one) => measureEndpointGap(one, source).catch((e) => ({ error: String(e) }))));
  endpointCases.forEach(({name,strategy},i)=>console.log(source,'|',name,'|',strategy,'|',JSON.stringify(gaps[i])));
}
