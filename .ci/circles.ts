// Refuses files that import each other in a circle, types included: `npm run lint`.
import { circlesIn, filesIn } from './sources.ts';

const circles = circlesIn([
  ...filesIn('packages'),
  ...filesIn('test'),
  ...filesIn('bench'),
  ...filesIn('examples'),
]);
for (const circle of circles)
  console.error(
    `These files import each other in a circle. Move what they share into a file of its own:\n  ${circle.join('\n  ')}`,
  );
if (circles.length > 0) process.exitCode = 1;
