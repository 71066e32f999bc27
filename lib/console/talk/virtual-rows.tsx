import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
  type VirtualizerOptions,
} from '@tanstack/virtual-core';
import { Component, createRef, type ComponentChildren } from 'preact';
import { Icon } from '../icon.tsx';
import { t } from '../language.ts';

/** A row that knows its key. */
interface Keyed {
  readonly key: string;
}

interface RowsProps<Row extends Keyed> {
  rows: readonly Row[];
  label: string;
  render(row: Row, isLast: boolean): ComponentChildren;
}

/** The height of a row that was not seen yet, in px. */
const ROW_ESTIMATE_PX = 150;
/** Nearer to the end than this, the list follows new rows. */
const AT_END_PX = 60;
const OVERSCAN_COUNT = 4;

/** A long list, of which only the rows on the screen are in the page. It stays at its end while the reader is there. */
export class VirtualRows<Row extends Keyed> extends Component<RowsProps<Row>, { isAtEnd: boolean }> {
  readonly #scroller = createRef<HTMLDivElement>();
  readonly #inner = createRef<HTMLDivElement>();
  readonly #virtualizer: Virtualizer<HTMLDivElement, HTMLDivElement>;
  /** Rows grow while an answer comes, and no new row says so. */
  readonly #growth: ResizeObserver;
  #leave: (() => void) | undefined;
  /** Whether new rows are scrolled to. */
  #isFollowing = true;
  /** Where the list was scrolled to, to tell a reader who goes up from rows that grow. */
  #lastTop = 0;

  constructor(props: RowsProps<Row>) {
    super(props);
    this.state = { isAtEnd: true };
    this.#virtualizer = new Virtualizer(this.#options());
    this.#growth = new ResizeObserver(() => this.#follow());
  }

  override componentDidMount(): void {
    this.#leave = this.#virtualizer._didMount();
    this.#virtualizer._willUpdate();
    for (const { current } of [this.#scroller, this.#inner]) if (current) this.#growth.observe(current);
    this.#follow();
  }

  override componentDidUpdate(): void {
    this.#virtualizer._willUpdate();
    this.#follow();
  }

  override componentWillUnmount(): void {
    this.#growth.disconnect();
    this.#leave?.();
  }

  override render({ rows, label, render }: RowsProps<Row>, { isAtEnd }: { isAtEnd: boolean }) {
    this.#virtualizer.setOptions(this.#options());
    const items = this.#virtualizer.getVirtualItems();
    return (
      <div class="rows-frame">
        <div
          class="rows"
          ref={this.#scroller}
          tabIndex={0}
          role="region"
          aria-label={label}
          onScroll={this.#scrolled}
        >
          <div
            class="rows-inner"
            ref={this.#inner}
            role="list"
            style={{ height: `${this.#virtualizer.getTotalSize()}px` }}
          >
            {items.map(({ index, start }) => {
              const row = rows[index]!;
              return (
                <div
                  key={row.key}
                  class="rows-row"
                  role="listitem"
                  aria-setsize={rows.length}
                  aria-posinset={index + 1}
                  data-index={index}
                  ref={this.#virtualizer.measureElement}
                  style={{ top: `${start}px` }}
                >
                  {render(row, index === rows.length - 1)}
                </div>
              );
            })}
          </div>
        </div>
        {!isAtEnd && (
          <button
            type="button"
            class="to-end"
            aria-label={t('toEnd')}
            title={t('toEnd')}
            onClick={this.#toEnd}
          >
            <Icon name="down" />
          </button>
        )}
      </div>
    );
  }

  #options(): VirtualizerOptions<HTMLDivElement, HTMLDivElement> {
    return {
      count: this.props.rows.length,
      getScrollElement: () => this.#scroller.current,
      estimateSize: () => ROW_ESTIMATE_PX,
      getItemKey: (index) => this.props.rows[index]?.key ?? index,
      overscan: OVERSCAN_COUNT,
      observeElementRect,
      observeElementOffset,
      scrollToFn: elementScroll,
      initialRect: { width: 800, height: 800 },
      onChange: () => this.setState({}),
    };
  }

  /** Goes to the end, where the reader is at it. */
  #follow(): void {
    const { current: scroller } = this.#scroller;
    if (!scroller || !this.#isFollowing) return;
    scroller.scrollTop = scroller.scrollHeight;
    this.#lastTop = scroller.scrollTop;
  }

  readonly #scrolled = (): void => {
    const { scrollTop, clientHeight, scrollHeight } = this.#scroller.current!;
    const isAtEnd = scrollTop + clientHeight >= scrollHeight - AT_END_PX;
    // Rows that grow push the end away: only a reader who scrolls up leaves it.
    if (isAtEnd) this.#isFollowing = true;
    else if (scrollTop < this.#lastTop - 1) this.#isFollowing = false;
    this.#lastTop = scrollTop;
    if (this.state.isAtEnd !== (isAtEnd || this.#isFollowing))
      this.setState({ isAtEnd: isAtEnd || this.#isFollowing });
  };

  readonly #toEnd = (): void => {
    this.#isFollowing = true;
    this.#follow();
    this.setState({ isAtEnd: true });
  };
}
