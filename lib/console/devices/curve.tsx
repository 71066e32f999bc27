import { Component, createRef } from 'preact';
import type UPlot from 'uplot';
import { language } from '../language.ts';
import type { Series } from './readings.ts';

interface CurveProps {
  series: Series;
  label: string;
}

const HEIGHT_PX = 150;
const LINE_PX = 2;
/** The distances between two times under the curve, in seconds: from one second to a day. */
const TIME_STEPS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400];
/** The least distance between two times. */
const TIME_SPACE_PX = 90;
const TIME_HEIGHT_PX = 32;
/** The free space above and below the curve, as a share. */
const SPARE_SHARE = 0.1;

/** A curve of numbers over time. The package that draws it is loaded with the first curve. */
export class Curve extends Component<CurveProps> {
  readonly #frame = createRef<HTMLDivElement>();
  readonly #width = new ResizeObserver(() => this.#fit());
  #plot: UPlot | undefined;
  #isGone = false;

  override componentDidMount(): void {
    void this.#draw().catch(() => undefined); // without a curve the last number still shows
  }

  /** New numbers go to the drawing directly: it is not Preact's. */
  override shouldComponentUpdate({ series, label }: CurveProps): boolean {
    this.#plot?.setData(dataOf(series));
    return label !== this.props.label;
  }

  override componentWillUnmount(): void {
    this.#isGone = true;
    this.#width.disconnect();
    this.#plot?.destroy();
  }

  override render({ label }: CurveProps) {
    return <div class="curve" role="img" aria-label={label} ref={this.#frame} />;
  }

  async #draw(): Promise<void> {
    const { default: Plot } = await import('uplot');
    const { current: frame } = this.#frame;
    // The page may have been left while the package was loaded.
    if (this.#isGone || !frame) return;
    const { series } = this.props;
    this.#plot = new Plot(optionsOf(Plot, series, frame), dataOf(series), frame);
    this.#width.observe(frame);
  }

  /** Gives the drawing the width of its place, which changes with the window. */
  #fit(): void {
    const width = this.#frame.current?.clientWidth ?? 0;
    if (width > 0 && width !== this.#plot?.width) this.#plot?.setSize({ width, height: HEIGHT_PX });
  }
}

/** The time of day of seconds since the epoch, in the language of the page. */
function clockText(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString(language.value, { hour12: false });
}

function dataOf({ times, values }: Series): UPlot.AlignedData {
  return [[...times], [...values]];
}

/** The range of the axis of values. A value that does not change stands in the middle. */
function rangeOf(Plot: typeof UPlot, min: number, max: number): UPlot.Range.MinMax {
  if (min !== max) return Plot.rangeNum(min, max, SPARE_SHARE, true);
  const half = Math.abs(min) * SPARE_SHARE || 1;
  return [min - half, min + half];
}

function optionsOf(Plot: typeof UPlot, { name, unit }: Series, frame: HTMLElement): UPlot.Options {
  // The drawing is a canvas: colours and font of the page do not reach it by themselves.
  const style = getComputedStyle(frame);
  const color = (variable: string): string => style.getPropertyValue(variable).trim();
  const axis = {
    stroke: color('--soft'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { stroke: color('--line'), width: 1 },
    font: `12px ${style.fontFamily}`,
  };
  return {
    width: frame.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { y: false },
    series: [{}, { label: name, stroke: color('--key'), width: LINE_PX }],
    scales: { y: { range: (_plot, min, max) => rangeOf(Plot, min, max) } },
    axes: [
      {
        ...axis,
        incrs: TIME_STEPS,
        space: TIME_SPACE_PX,
        size: TIME_HEIGHT_PX,
        values: (_, times) => times.map(clockText),
      },
      { ...axis, ...(unit !== '' && { label: unit, labelFont: axis.font }) },
    ],
  };
}
