import * as echarts from 'echarts';
import type { Chart } from './report.ts';

const WIDTH = 1000;
const TITLE_PX = 64;
const FOOT_PX = 34;
const GROUP_GAP_PX = 18;
const BAR_PX = 16;
/** The width of texts is guessed if nothing draws them: if a viewer's letters are wider, they need the room. */
const LEGEND_GAP_PX = 44;
/** More than there are contenders in any report: each keeps its own. */
const COLORS = [
  ...['#4e79a7', '#f28e2b', '#59a14f', '#b07aa1', '#e15759', '#76b7b2', '#9c755f', '#edc948'],
  ...['#bab0ac', '#ff9da7', '#1b9e77', '#7570b3', '#a6761d', '#666666', '#17becf', '#bcbd22'],
];

/** All charts of a report, one below the other, as one SVG. `undefined` if there are none. */
export function toSvg(charts: readonly Chart[]): string | undefined {
  if (charts.length === 0) return undefined;
  const places: { chart: Chart; top: number; height: number }[] = [];
  let top = 0;
  for (const chart of charts) {
    const height = chart.categories.length * (chart.series.length * BAR_PX + GROUP_GAP_PX);
    places.push({ chart, top, height });
    top += TITLE_PX + height + FOOT_PX;
  }
  const picture = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: top });
  try {
    picture.setOption({
      animation: false,
      backgroundColor: '#ffffff',
      color: COLORS,
      title: places.map(({ chart, top }) => ({
        text: `${chart.title} (${chart.unit})`,
        top: top + 6,
        left: 12,
        textStyle: { fontSize: 14 },
      })),
      legend: places.map(({ chart, top }) => ({
        data: chart.series.map(({ name }) => name),
        top: top + 32,
        left: 12,
        itemGap: LEGEND_GAP_PX,
      })),
      grid: places.map(({ top, height }) => ({ top: top + TITLE_PX, height, left: 210, right: 70 })),
      xAxis: places.map(({ chart }, gridIndex) => ({
        gridIndex,
        type: chart.logarithmic === true ? ('log' as const) : ('value' as const),
      })),
      yAxis: places.map(({ chart }, gridIndex) => ({
        gridIndex,
        type: 'category' as const,
        data: [...chart.categories],
        inverse: true,
        axisLabel: { width: 190, overflow: 'break' as const },
      })),
      series: places.flatMap(({ chart }, index) =>
        chart.series.map(({ name, values }) => ({
          type: 'bar' as const,
          name,
          xAxisIndex: index,
          yAxisIndex: index,
          barWidth: BAR_PX - 3,
          label: { show: true, position: 'right' as const, fontSize: 10 },
          data: values.map((value) => (value === undefined ? '-' : Number(value.toPrecision(3)))),
        })),
      ),
    });
    return picture.renderToSVGString();
  } finally {
    picture.dispose();
  }
}
